"""A plan for a terminal. Symbols, not colour, tell the actions apart."""

from collections.abc import Iterator

from reconciler.core.selection import Action
from reconciler.reports.excerpt import visible
from reconciler.reports.paint import Paint, Tone
from reconciler.reports.plan_report import Group, PlanReport

SYMBOLS = {
    Action.REGENERATE: ("+", Tone.ADD),
    Action.REISSUE: ("~", Tone.CHANGE),
    Action.RESUME: (">", Tone.CHANGE),
    Action.UNDECIDED: ("?", Tone.ALERT),
    Action.BLOCKED: ("#", Tone.ALERT),
}
_MOST_PADDING = 48


def plan_text(report: PlanReport, paint: Paint) -> str:
    return "\n".join(_lines(report, paint)) + "\n"


def _lines(report: PlanReport, paint: Paint) -> Iterator[str]:
    yield f"{paint(Tone.HEADING, f'Environment {report.environment}')}, tenant {report.tenant_text}"
    for refusal in report.refusals:
        yield f"  {paint(Tone.ALERT, f'! {refusal.rule} refuses this plan')}: {refusal.told}."
        yield f"    {refusal.hint}"
    for group in report.groups:
        yield ""
        yield from _group(group, paint)
    for rest in report.at_rest:
        yield ""
        yield f"  {paint(Tone.QUIET, rest)}"
    yield ""
    yield paint(Tone.HEADING, report.verdict)
    if report.duration:
        yield report.duration
    for risk in report.risks:
        yield f"  {paint(Tone.ALERT, '!')} {risk.text}"
    if report.has_calls:
        yield f"Plan id: {report.plan_id}"


def _group(group: Group, paint: Paint) -> Iterator[str]:
    symbol, tone = SYMBOLS[group.action]
    yield f"  {paint(tone, symbol)} {paint(Tone.HEADING, group.heading)}"
    yield f"    {group.flags}: {group.meaning}"
    if group.next_command:
        yield f"    then: {group.next_command}"
    yield ""
    width = min(_MOST_PADDING, max(len(line.address) for line in group.lines))
    for line in group.lines:
        first, *more = line.reasons or ("",)
        padding = " " * max(0, width - len(line.address))
        why = f"  ({line.why})" if line.why else ""
        place = paint(Tone.QUIET, f"[{visible(line.place)}]")
        yield f"      {paint(tone, symbol)} {line.address}{padding}  {first}{why}  {place}"
        for reason in more:
            yield f"        {' ' * width}  {reason}"
