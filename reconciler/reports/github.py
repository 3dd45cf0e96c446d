"""What `validate` has found as workflow commands of GitHub Actions, which become annotations of a pull request.

Source: docs.github.com, "Workflow commands for GitHub Actions"; the escapes are those of actions/toolkit
(packages/core/src/command.ts). A step keeps 10 annotations of a kind and drops the others without a word, so no more
are made, and the rest is counted in a notice.
"""

from collections.abc import Iterator

from reconciler.core.catalogue import CATALOGUE
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.reports.findings import Findings, message_of
from reconciler.reports.plan_report import counted

MOST_ANNOTATIONS = 10
"""Of one kind, in one step."""

_TITLE = "reconciler validate"


def findings_github(findings: Findings) -> str:
    return "".join(f"{line}\n" for line in _lines(findings))


def _lines(findings: Findings) -> Iterator[str]:
    annotated = 0
    for severity in Severity:
        found = [each for each in findings.shown if each.severity is severity][:MOST_ANNOTATIONS]
        annotated += len(found)
        for each in found:
            yield _annotation(each, findings)
    if annotated < len(findings.diagnostics):
        rest = counted(len(findings.diagnostics) - annotated, "more problem")
        yield _command("notice", {"title": _TITLE}, f"{rest} without an annotation; see the log of this step.")
    if findings.other_failure:
        yield _command("error", {"title": _TITLE}, message_of(findings.other_failure))


def _annotation(found: Diagnostic, findings: Findings) -> str:
    place = found.place
    where = {"line": str(place.line), "col": str(place.column)} if place.line else {}
    title = f"{CATALOGUE[found.code].title} [{found.code}]"
    message = "\n".join(part for part in (found.summary, found.detail, found.hint) if part)
    return _command(found.severity, {"file": findings.path(place), **where, "title": title}, message)


def _command(name: str, properties: dict[str, str], message: str) -> str:
    given = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {given}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
