"""A look over one environment: what would be used, from where, and what of it was proven.

Rule: a fact names where it comes from and never holds a secret; a check says what was found, where, and what next.
"""

from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.diagnostics import Diagnostic, InvalidInput, Severity
from reconciler.errors import ReconcilerError

_STRONGEST_FIRST = (8, 9, 5, 4, 3, 7, 6, 1)
"""Which exit status wins where several apply."""

_MOST_TOLD = 3
"""How many problems of a file are told here; `validate` tells all."""


class Verdict(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not tried, because something before it has failed."""


class Keeping(StrEnum):
    """What git says of the state document."""

    COMMITTED = "committed"
    CHANGED = "changed"
    IGNORED = "ignored"
    UNTRACKED = "untracked"
    NO_GIT = "no git"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """Something that a command would use. *origin* is a place, a variable or an option; empty where it is built in."""

    name: str
    value: str
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """*found* is one line, *detail* whole sentences, *hint* what to do next; *status* is that of a failure, else 0."""

    name: str
    verdict: Verdict
    found: str
    place: str = ""
    detail: str = ""
    hint: str = ""
    status: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkup:
    """*environment* is None where not even that is known."""

    environment: str | None
    facts: tuple[Fact, ...]
    checks: tuple[Check, ...]

    @property
    def exit_status(self) -> int:
        """Return the strongest status of what has failed, 0 if nothing has: a warning is no failure."""
        found = {check.status for check in self.checks if check.verdict is Verdict.FAILED}
        return next((status for status in _STRONGEST_FIRST if status in found), max(found, default=0))

    def count(self, verdict: Verdict) -> int:
        return sum(check.verdict is verdict for check in self.checks)


def ok(name: str, found: str, *, place: str = "", detail: str = "") -> Check:
    return Check(name=name, verdict=Verdict.OK, found=found, place=place, detail=detail)


def warning(name: str, found: str, *, place: str = "", detail: str = "", hint: str = "") -> Check:
    return Check(name=name, verdict=Verdict.WARNING, found=found, place=place, detail=detail, hint=hint)


def skipped(name: str, why: str) -> Check:
    return Check(name=name, verdict=Verdict.SKIPPED, found=why)


def failed(name: str, error: ReconcilerError, *, place: str = "") -> Check:
    """Return what a command would have ended with; of many problems, the first."""
    found, detail, hint = error.summary, error.detail, error.hint
    if isinstance(error, InvalidInput):
        told = error.diagnostics[:_MOST_TOLD]
        place = place if len(told) != 1 else str(told[0].place)
        found = f"{len(error.diagnostics)} problems" if len(error.diagnostics) != 1 else told[0].summary
        detail = " ".join(f"{each.place}: {each.summary}." for each in told)
        is_spec = name in ("project", "specs")
        hint = "`reconciler validate` shows all of them, and the lines." if is_spec else told[0].hint
    return Check(
        name=name,
        verdict=Verdict.FAILED,
        found=found,
        place=place,
        detail=detail,
        hint=hint,
        status=error.exit_status,
    )


def told(name: str, diagnostic: Diagnostic) -> Check:
    """Return what a command would have warned of."""
    return Check(
        name=name,
        verdict=Verdict.WARNING if diagnostic.severity is Severity.WARNING else Verdict.FAILED,
        found=diagnostic.summary,
        place=str(diagnostic.place),
        detail=diagnostic.detail,
        hint=diagnostic.hint,
        status=0 if diagnostic.severity is Severity.WARNING else InvalidInput.exit_status,
    )
