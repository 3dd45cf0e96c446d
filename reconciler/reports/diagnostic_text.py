"""Diagnostics and errors for a terminal: where, what, why, and what to do next."""

from collections.abc import Iterator

from reconciler.core.diagnostics import Diagnostic, InvalidInput, Severity
from reconciler.errors import ReconcilerError
from reconciler.reports.paint import Paint, Tone
from reconciler.reports.plan_report import counted


def error_text(error: ReconcilerError, paint: Paint) -> str:
    if isinstance(error, InvalidInput):
        found = "".join(diagnostic_text(each, paint) for each in error.diagnostics)
        return f"{found}{paint(Tone.ALERT, counted(len(error.diagnostics), 'problem'))} found.\n"
    return "\n".join(_lines(f"{paint(Tone.ALERT, 'error')}: {error.summary}", error.detail, error.hint)) + "\n"


def diagnostic_text(found: Diagnostic, paint: Paint) -> str:
    tone = Tone.ALERT if found.severity is Severity.ERROR else Tone.CHANGE
    head = f"{found.place}: {paint(tone, str(found.severity))}: {found.summary} [{found.code}]"
    return "\n".join(_lines(head, found.detail, found.hint)) + "\n"


def _lines(head: str, detail: str, hint: str) -> Iterator[str]:
    yield head
    if detail:
        yield f"  {detail}"
    if hint:
        yield f"  hint: {hint}"
