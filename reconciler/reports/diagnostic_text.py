"""Diagnostics and errors for a terminal: where, what, why, and what to do next."""

from collections.abc import Iterator

from reconciler.core.diagnostics import Diagnostic, InvalidInput, Severity
from reconciler.errors import ReconcilerError
from reconciler.reports.excerpt import excerpt_text, visible
from reconciler.reports.paint import Paint, Tone
from reconciler.reports.plan_report import counted


def error_text(error: ReconcilerError, paint: Paint) -> str:
    if isinstance(error, InvalidInput):
        return _invalid_text(error, paint)
    return "\n".join(_lines(f"{paint(Tone.ALERT, 'error')}: {error.summary}", error.detail, error.hint)) + "\n"


def _invalid_text(error: InvalidInput, paint: Paint) -> str:
    shown = error.diagnostics[: error.most]
    found = "".join(diagnostic_text(each, paint, line=error.lines.get(each.place)) for each in shown)
    count = len(error.diagnostics)
    more = f"and {count - len(shown)} more.\n" if len(shown) < count else ""
    total = paint(Tone.ALERT, counted(count, "problem"))
    return f"{found}{more}{total} found; `reconciler explain CODE` tells more.\n"


def diagnostic_text(found: Diagnostic, paint: Paint, *, line: str | None = None) -> str:
    """Return one diagnostic; *line* is what stands at its place, if that may be shown."""
    tone = Tone.ALERT if found.severity is Severity.ERROR else Tone.CHANGE
    head = f"{visible(str(found.place))}: {paint(tone, str(found.severity))}: {visible(found.summary)} [{found.code}]"
    excerpt = "" if line is None else f"\n{excerpt_text(line, found.place.line, found.place.column)}"
    return "\n".join(_lines(f"{head}{excerpt}", visible(found.detail), visible(found.hint))) + "\n"


def _lines(head: str, detail: str, hint: str) -> Iterator[str]:
    yield head
    if detail:
        yield f"  {detail}"
    if hint:
        yield f"  hint: {hint}"
