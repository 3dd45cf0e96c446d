"""A checkup for a terminal: what would be used, then what was proven. Words, not colour, tell the verdicts apart."""

from collections.abc import Iterator

from reconciler.core.checkup import Check, Checkup, Verdict
from reconciler.reports.excerpt import visible
from reconciler.reports.paint import Paint, Tone
from reconciler.reports.plan_report import counted

_TONES = {
    Verdict.OK: Tone.ADD,
    Verdict.WARNING: Tone.CHANGE,
    Verdict.FAILED: Tone.ALERT,
    Verdict.SKIPPED: Tone.QUIET,
}
_VERDICTS = max(map(len, Verdict))


def checkup_text(checkup: Checkup, paint: Paint) -> str:
    return "\n".join(_lines(checkup, paint)) + "\n"


def _lines(checkup: Checkup, paint: Paint) -> Iterator[str]:
    yield paint(Tone.HEADING, f"Environment {checkup.environment}" if checkup.environment else "No environment")
    yield ""
    width = max((len(fact.name) for fact in checkup.facts), default=0)
    for fact in checkup.facts:
        yield f"  {fact.name:<{width}}  {visible(fact.value)}{_bracketed(fact.origin, paint)}"
    yield ""
    width = max((len(check.name) for check in checkup.checks), default=0)
    for check in checkup.checks:
        yield from _check(check, width, paint)
    yield ""
    yield paint(Tone.HEADING, _total(checkup))


def _check(check: Check, width: int, paint: Paint) -> Iterator[str]:
    verdict = paint(_TONES[check.verdict], f"{check.verdict:<{_VERDICTS}}")
    yield f"  {verdict}  {check.name:<{width}}  {visible(check.found)}{_bracketed(check.place, paint)}"
    indent = " " * (_VERDICTS + width + 6)
    if check.detail:
        yield f"{indent}{visible(check.detail)}"
    if check.hint:
        yield f"{indent}hint: {visible(check.hint)}"


def _bracketed(text: str, paint: Paint) -> str:
    return f"  {paint(Tone.QUIET, f'[{visible(text)}]')}" if text else ""


def _total(checkup: Checkup) -> str:
    failed, warned = checkup.count(Verdict.FAILED), checkup.count(Verdict.WARNING)
    told = f"{counted(failed, 'check')} failed" if failed else "Nothing failed"
    return f"{told}, {counted(warned, 'warning')}. Nothing was regenerated."
