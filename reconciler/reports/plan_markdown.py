"""A plan as Markdown for a review comment on GitHub or GitLab, of a bounded size, however great the plan is.

Rule: whatever comes from a spec, the state or the platform stands in a code span or in a fenced block, where nothing is
a tag, a link, a mention or a reference, with everything that cannot be seen as an escape. In a fenced block each line
begins with a sign of ours or four spaces: so none is the fence that ends the block, nor a quick action of GitLab.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial

from reconciler.core.diagnostics import Diagnostic
from reconciler.core.guardrail_limits import Refusal
from reconciler.errors import ReconcilerError
from reconciler.reports.diagnostic_text import error_text
from reconciler.reports.excerpt import visible
from reconciler.reports.fitting import Section, fitted, size
from reconciler.reports.paint import colourless
from reconciler.reports.plan_report import Group, Line, PlanReport, counted
from reconciler.reports.plan_text import SYMBOLS

BUDGET = 65_000
"""Bytes. GitHub takes 65,536 characters in a comment, GitLab more (1,000,000); the rest is left to who posts it."""

MARK = "<!-- reconciler plan -->"
"""The first line of every report, which nobody sees: by it scripts find their comment, and we a file of ours."""

_MANY = 24
"""Lines that are shown without being unfolded."""

_LONGEST = 1_000
"""Characters of one text. What a spec may say is shorter (255), a path or an error need not be."""

_MOST_PADDING = 48
_NOTHING_SAID = "-- no reason and no owner\n"


def plan_markdown(report: PlanReport, *, budget: int = BUDGET) -> str:
    """Return at most *budget* bytes; what does not fit is counted."""
    title, *rest = (f"{part}\n\n" for part in _head(report))
    refusals = [_refusal_section(report.refusals)] if report.refusals else []
    groups = [_group_section(each) for each in report.groups]
    warnings = [_warning_section(report.warnings)] if report.warnings else []
    texts = fitted([*refusals, *groups, *warnings], budget - size("".join((title, *rest))))
    first, last = len(refusals), len(refusals) + len(groups)
    return "".join((title, *texts[:first], *rest, *texts[last:], *texts[first:last])).rstrip("\n") + "\n"


def failure_markdown(error: ReconcilerError, environment: str | None, *, budget: int = BUDGET) -> str:
    """Return what is to be read where there is no plan: why not, as the terminal says it."""
    lines = [f"    {_start(line)}\n" for line in error_text(error, colourless).splitlines()]
    name = f" for {_code(environment)}" if environment else ""
    head = f"{MARK}\n## No plan{name}\n\n**Nothing could be planned.**\n\n"

    def laid_out(shown: Sequence[str], left_out: int) -> str:
        more = f"\nand {counted(left_out, 'more line')}\n" if left_out else ""
        return f"```text\n{''.join(shown)}```\n{more}"

    section = Section(total=len(lines), lines=partial(iter, lines), laid_out=laid_out)
    return head + fitted([section], budget - size(head))[0]


def _head(report: PlanReport) -> Iterator[str]:
    yield f"{MARK}\n## Plan for {_code(report.environment)}"
    tenant = report.tenant_text if report.tenant is None else _code(report.tenant)
    yield f"Project {_code(report.project)}, tenant {tenant}"
    yield f"**{report.verdict}**" + (f"\n{report.duration}" if report.duration else "")
    if report.risks:
        yield "\n".join(f"- {risk.text}" for risk in report.risks)
    if report.flags_used:
        rows = (f"| {each.calls:,} | {each.flags} | {each.meaning} |" for each in report.flags_used)
        yield "\n".join(("| calls | flags | what they do |", "|--:|---|---|", *rows))
    if report.at_rest:
        yield "\n".join(f"- {rest}" for rest in report.at_rest)
    if report.has_calls and report.refusals:
        yield f"Plan id {_code(report.plan_id)}. To see all of it:\n\n```sh\n{visible(report.show_command)}\n```"
    elif report.has_calls:
        yield f"Plan id {_code(report.plan_id)}. To see all of it, and to do exactly this:"
        yield f"```sh\n{visible(report.show_command)}\n{visible(report.apply_command)}\n```"
    elif report.groups:
        yield f"To see all of it:\n\n```sh\n{visible(report.show_command)}\n```"


def _refusal_section(refusals: Sequence[Refusal]) -> Section:
    def lines() -> Iterator[str]:
        for each in refusals:
            yield f"! {each.rule}: {_start(each.told)}\n    {_start(each.hint)}\n"

    head = "### Refused by the guardrails of this environment: nothing of it can be applied"
    return Section(total=len(refusals), lines=lines, laid_out=partial(_laid_out, head, "refusal"))


def _group_section(group: Group) -> Section:
    width = min(_MOST_PADDING, max(len(line.address) for line in group.lines))
    symbol, _ = SYMBOLS[group.action]

    def lines() -> Iterator[str]:
        said = _NOTHING_SAID
        for each in group.lines:
            before, said = said, _said(each)
            yield ("" if said == before else said) + _line(each, symbol, width)

    then = f"\n\nThen {_code(group.next_command)}" if group.next_command else ""
    head = f"### {group.heading}\n\n{group.flags}: {group.meaning}{then}"
    return Section(total=len(group.lines), lines=lines, laid_out=partial(_laid_out, head, "change"))


def _warning_section(warnings: Sequence[Diagnostic]) -> Section:
    head = f"### {counted(len(warnings), 'warning')}"

    def lines() -> Iterator[str]:
        return (_warning(each) for each in warnings)

    return Section(total=len(warnings), lines=lines, laid_out=partial(_laid_out, head, "warning"))


def _laid_out(head: str, noun: str, lines: Sequence[str], left_out: int) -> str:
    block = f"```text\n{''.join(lines)}```\n\n" if lines else ""
    if len(lines) > _MANY:
        block = f"<details><summary>{counted(len(lines), noun)}</summary>\n\n{block}</details>\n\n"
    more = f"and {left_out:,} more; `reconciler plan`, as above, shows all\n\n" if left_out else ""
    return f"{head}\n\n{block}{more}"


def _line(line: Line, symbol: str, width: int) -> str:
    first, *more = line.reasons or ("",)
    address = visible(line.address).ljust(width)
    head = f"{symbol} {address}  [{_end(line.place)}]  {_start(first)}".rstrip()
    return f"{head}\n" + "".join(f"    {_start(each)}\n" for each in more)


def _said(line: Line) -> str:
    """Return what the spec says of a change, as a line above it and above those behind it of which it says the same."""
    owner = f"owner {_start(line.owner)}" if line.owner else ""
    told = "  ".join(each for each in (_start(line.why), owner) if each)
    return f"-- {told}\n" if told else _NOTHING_SAID


def _warning(found: Diagnostic) -> str:
    told = (found.detail, f"hint: {found.hint}" if found.hint else "")
    head = f"! {_end(str(found.place))}: {_start(found.summary)} [{found.code}]\n"
    return head + "".join(f"    {_start(each)}\n" for each in told if each)


def _start(text: str) -> str:
    """Return what *text* begins with, made visible."""
    return visible(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def _end(text: str) -> str:
    """Return what *text* ends with, made visible."""
    return visible(text if len(text) <= _LONGEST else f"…{text[-_LONGEST:]}")


def _code(text: str) -> str:
    """Return *text* as a code span, which begins and ends with more backticks than stand in it in a row."""
    shown = _start(text)
    fence = "`" * (_longest_run(shown) + 1)
    space = " " if shown.startswith(("`", " ")) or shown.endswith(("`", " ")) else ""
    return f"{fence}{space}{shown}{space}{fence}"


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
