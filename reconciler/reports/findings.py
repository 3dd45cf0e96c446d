"""What `validate` has found, counted once for every format; and its own JSON document, format 1.0.

Rule: renderers lay out what stands here; they never sort, count or choose.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from posixpath import join, normpath
from typing import Any

from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place, Severity
from reconciler.errors import ReconcilerError
from reconciler.reports.excerpt import visible
from reconciler.reports.json_text import json_text
from reconciler.reports.plan_report import counted


@dataclass(frozen=True, slots=True)
class Valid:
    """An environment in which nothing is wrong."""

    environment: str
    declarations: int
    files: int

    def __str__(self) -> str:
        files = counted(self.files, "file")
        return f"{visible(self.environment)}: valid, {counted(self.declarations, 'declaration')} in {files}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """*diagnostics* is everything, sorted; *most* bounds what is shown of it. *failure* kept us from looking further.

    *prefix* leads from the root of the repository to the project folder, "" if they are the same or there is none.
    """

    diagnostics: tuple[Diagnostic, ...]
    valid: tuple[Valid, ...] = ()
    failure: ReconcilerError | None = None
    most: int | None = None
    prefix: str = ""
    lines: Mapping[Place, str] = field(default_factory=dict)

    @property
    def shown(self) -> tuple[Diagnostic, ...]:
        return self.diagnostics[: self.most]

    @property
    def left_out(self) -> int:
        return len(self.diagnostics) - len(self.shown)

    @property
    def other_failure(self) -> ReconcilerError | None:
        """What went wrong that no diagnostic tells."""
        return None if isinstance(self.failure, InvalidInput) else self.failure

    def count(self, severity: Severity) -> int:
        return sum(each.severity is severity for each in self.diagnostics)

    def path(self, place: Place) -> str:
        """Return the path of *place* relative to the root of the repository."""
        return normpath(join(self.prefix, place.path))


def findings_json(findings: Findings) -> str:
    failure = findings.other_failure
    return json_text(
        {
            "format_version": "1.0",
            "valid": not findings.diagnostics and failure is None,
            "environments": [
                {"environment": each.environment, "declarations": each.declarations, "files": each.files}
                for each in findings.valid
            ],
            "summary": {
                "errors": findings.count(Severity.ERROR),
                "warnings": findings.count(Severity.WARNING),
                "left_out": findings.left_out,
            },
            "diagnostics": [_diagnostic(each) for each in findings.shown],
            "error": {"code": type(failure).__name__, "message": message_of(failure)} if failure else None,
        }
    )


def message_of(failure: ReconcilerError) -> str:
    return f"{failure.summary}: {failure.detail}" if failure.detail else failure.summary


def _diagnostic(found: Diagnostic) -> dict[str, Any]:
    return {
        "code": found.code,
        "severity": found.severity,
        "summary": found.summary,
        "detail": found.detail,
        "hint": found.hint,
        "place": str(found.place),
        "path": found.place.path,
        "line": found.place.line or None,
        "column": found.place.column or None,
    }
