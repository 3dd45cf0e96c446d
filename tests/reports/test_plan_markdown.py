"""A plan in a review comment: its size, its order, and that whatever others wrote is shown and does nothing."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest
from builders import (
    BINDING,
    NOW,
    A,
    B,
    applied,
    declare,
    entry,
    lost,
    plan_of,
    record,
    refused,
    spec_of,
    subscription,
)
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from reconciler.core.address import Address
from reconciler.core.declaration import Declaration, Flags
from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place, Severity
from reconciler.core.entry import Entry
from reconciler.core.plan import Plan, Regenerate
from reconciler.core.selection import Selection, parse_selector
from reconciler.core.target import SUBSCRIPTION_NAME, Target
from reconciler.errors import ReconcilerError, UsageError
from reconciler.reports.excerpt import visible
from reconciler.reports.plan_markdown import BUDGET, MARK, failure_markdown, plan_markdown
from reconciler.reports.plan_report import PlanReport, report_plan

MARKDOWN = MarkdownIt("commonmark").enable("table")
OUR_TAGS = re.compile(r"<!-- reconciler plan -->|<details><summary>[\d,]+ (change|warning)s</summary>|</details>")


def everything(text: str = "x", number: str = "A-S1") -> Plan:
    """A plan with every action, in which every text of others is *text*."""

    def declared(version: int, flags: Flags = A, name: str = number, trigger: str | None = None) -> Declaration:
        target = Target(SUBSCRIPTION_NAME, (name, version))
        place = Place(f"local/{text}.yaml", version, 5)
        return replace(declare(target, flags, trigger), reason=text, owner=text, place=place)

    again, resumed, doubtful, failed = declared(1, trigger=text), declared(2), declared(3), declared(4, Flags.REWRITE)
    undecided, blocked, new = declared(5), declared(6), declared(1, B, f"{number}0")
    spec = spec_of(again, resumed, doubtful, failed, undecided, blocked, new)
    entries: dict[Address, Entry] = {
        again.address: entry(applied(record(0, B, target=again.target, trigger=f"not {text}"))),
        resumed.address: entry(replace(lost(record(0, A, target=resumed.target)), message=text)),
        doubtful.address: entry(replace(lost(record(0, B, target=doubtful.target)), message=text)),
        failed.address: entry(replace(refused(record(0, Flags.REWRITE, target=failed.target)), message=text)),
        undecided.address: entry(replace(lost(record(0, A, target=undecided.target), spent=True), message=text)),
    }
    warning = Diagnostic(
        code="mixed-keys", severity=Severity.WARNING, summary=text, detail=text, hint=text, place=Place(text, 1, 2)
    )
    name = text[:255]
    binding = replace(BINDING, project=name, environment=name, tenant=name)
    selection = Selection(excepted=(parse_selector(f"file:{name}"),))
    return replace(plan_of(spec, entries, binding=binding), warnings=(warning,), selection=selection)


@cache
def many(count: int, text: str = "REV-1234 list prices corrected") -> PlanReport:
    """*count* changes: a third of them under each pair of flags, made anew."""
    flags = list(Flags)
    changes = tuple(
        Regenerate(
            declaration=replace(declare(subscription(1, f"A-S{number:08}"), flags[number % 3]), reason=text),
            digest=DIGEST,
            call=0,
            reasons=("new",),
        )
        for number in range(count)
    )
    return report_plan(Plan(binding=BINDING, changes=changes, unchanged=3, undeclared=0))


DIGEST = plan_of(spec_of(declare())).changes[0].digest


@pytest.mark.parametrize("count", [0, 1, 100, 100_000])
def test_a_report_takes_no_more_than_its_budget_and_counts_what_it_leaves_out(count: int) -> None:
    text = plan_markdown(many(count))
    shown = len(re.findall(r"^\+ ", text, flags=re.MULTILINE))
    left_out = sum(int(each.replace(",", "")) for each in re.findall(r"^and ([\d,]+) more; ", text, flags=re.MULTILINE))

    assert len(text.encode()) <= BUDGET
    assert shown + left_out == count
    assert bool(left_out) == (count > 100)
    assert f"{count:,} call" in text or count == 0


def test_a_great_plan_fills_its_budget_the_riskier_pair_of_flags_first() -> None:
    text = plan_markdown(many(100_000))
    shown = [part.count("\n+ ") for part in text.split("### ")[1:]]

    assert BUDGET - 500 < len(text.encode()) <= BUDGET
    assert len(shown) == 3
    assert shown[0] > 400
    assert min(shown[1:]) >= 15


WORST = "\U000f0000" * 255
"""As long as a text of a spec can be, of characters that take most bytes when they are made visible."""


@pytest.mark.parametrize("text", [WORST, "`" * 255, "é" * 255, "\n" * 60_000])
def test_the_budget_holds_however_long_texts_are(text: str) -> None:
    report = report_plan(everything(text, WORST), is_production=True)
    fill = replace(many(1_000).groups[0].lines[0], why=text, owner=text, place=text * 100, reasons=(text,) * 30)
    groups = tuple(replace(each, lines=each.lines + (fill,) * 200) for each in report.groups)
    warnings = report.warnings * 300
    for each in (report, replace(report, groups=groups, warnings=warnings)):
        assert len(plan_markdown(each).encode()) <= BUDGET


def test_a_command_with_endless_selectors_is_abridged_and_not_cut() -> None:
    selection = Selection(only=tuple(parse_selector(f"Subscription/A-S{number}@*") for number in range(5_000)))
    report = report_plan(replace(plan_of(spec_of(declare())), selection=selection))

    assert report.apply_command.startswith("reconciler apply -e local --only ... --except ... --expect p1-")
    assert len(plan_markdown(report).encode()) <= BUDGET


def test_totals_come_first_then_risks_flags_the_command_and_the_groups_from_the_riskiest_on() -> None:
    text = plan_markdown(report_plan(everything(), is_production=True))
    order = [
        "## Plan for `x`",
        "Project `x`, tenant `x`",
        "**Plan: 5 calls to the platform (2 regenerate, 2 reissue, 1 resume, 1 blocked, 1 undecided).**",
        "- 3 with reMigrate true",
        "- 1 regenerated again, because something else was applied before",
        "- 1 regenerated again although an earlier call may have been done",
        "- 1 undecided",
        "- 1 blocked",
        "- 1 resumed",
        "| 3 | onlyReSend false, reMigrate true | overrides the stored booking transactions;",
        "| 1 | onlyReSend false, reMigrate false | overrides the stored booking transactions;",
        "| 1 | onlyReSend true, reMigrate false | keeps the stored booking transactions,",
        "reconciler plan -e x --except file:x\n",
        "reconciler apply -e x --except file:x --expect p1-",
        " --confirm x",
        "### 1 warning",
        "! x:1:2: x [mixed-keys]",
        "### regenerate again (2)",
        "-- x  owner x\n~ Subscription/A-S1@1  [local/x.yaml:1:5]  flags.onlyReSend: true -> false\n    flags",
        "### resume: ",
        "### undecided: ",
        "### blocked by ",
        "### regenerate (1)\n\nonlyReSend false, reMigrate false: overrides",
        "### regenerate (1)\n\nonlyReSend true, reMigrate false: keeps",
    ]
    at = [text.find(each) for each in order]

    assert -1 not in at, order[at.index(-1)]
    assert at == sorted(at)
    assert text.startswith(f"{MARK}\n")


def test_only_production_is_to_be_named_again() -> None:
    assert "--confirm" not in plan_markdown(report_plan(everything()))


def test_what_has_no_call_has_no_command() -> None:
    only_undecided = everything()
    changes = tuple(each for each in only_undecided.changes if each.action in ("undecided", "blocked"))
    text = plan_markdown(report_plan(replace(only_undecided, changes=changes)))

    assert "**Plan: 0 calls to the platform (1 blocked, 1 undecided).**" in text
    assert "--expect" not in text


def test_a_plan_with_nothing_to_do_is_a_few_lines_that_say_so() -> None:
    declared = declare()
    text = plan_markdown(report_plan(plan_of(spec_of(declared), {declared.address: entry(applied(record()))})))

    assert text == (
        f"{MARK}\n## Plan for `local`\n\nProject `test`, tenant not known before the first apply\n\n"
        "**Nothing to do: everything declared is regenerated.**\n\n"
        "- 1 unchanged: applied as declared, last at 2026-11-22T11:00:00Z; a new trigger sends it again.\n"
    )


@pytest.mark.parametrize(("count", "folded"), [(24, False), (25, True)])
def test_more_than_two_dozen_lines_are_folded(count: int, *, folded: bool) -> None:
    text = plan_markdown(report_plan(plan_of(spec_of(*(declare(subscription(each + 1)) for each in range(count))))))

    assert ("<details><summary>25 changes</summary>\n\n```text\n+ " in text) is folded
    assert ("\n```\n\n</details>\n" in text) is folded


NASTY = [
    *(
        "`",
        "``",
        "```",
        "~~~",
        "|",
        "\\|",
        "<img src=x onerror=alert(1)>",
        "</details>",
        "<!--",
        "-->",
        "]]>",
        "<a@b.c>",
    ),
    *("@acme/all", "#12", "acme/repo#1", "!7", "&#64;all", "https://evil.example", "[x](javascript:y)", "![i](z)"),
    *("\n", "\r\n", "\n\n", "\u2028", "\u0085", "\t", "\x1b[2J", "\u202e", "\u200b", "\x00", "\ud800"),
    *("\n```\n", "\n- [x] forged", "\n# forged", "\n/approve", "\n| 0 | a | b |", "***", "$$", "&lt;", "\\", " ", "é"),
]
texts = st.lists(st.sampled_from(NASTY) | st.text(max_size=5), min_size=1, max_size=8).map("".join)
said = texts.filter(lambda text: text and text == text.strip())
"""What a spec, a state or the platform may say, outer spaces apart."""


def tokens(text: str) -> Iterator[Token]:
    for each in MARKDOWN.parse(text):
        yield each
        yield from each.children or ()


def shape(text: str) -> list[tuple[str, str, int]]:
    """What a reader sees besides words: every block, every row, every span, and how many lines of code."""
    return [(each.type, each.tag, each.content.count("\n") if each.type == "fence" else 0) for each in tokens(text)]


def harmless(text: str) -> str:
    """Assert that nothing but our own words is Markdown; return what stands in code."""
    found = list(tokens(text))
    assert not [each for each in found if each.type in ("link_open", "image", "html_inline", "code_block")]
    for each in found:
        if each.type == "html_block":
            assert all(OUR_TAGS.fullmatch(line) for line in each.content.splitlines() if line), each.content
    return "\0".join(each.content for each in found if each.type in ("fence", "code_inline"))


PLAIN = plan_markdown(report_plan(everything()))


@given(said)
def test_no_text_of_others_changes_the_shape_of_the_report(text: str) -> None:
    """Not one tag, link, row, line or heading more or less than with a text of one letter."""
    found = plan_markdown(report_plan(everything(text)))
    code = harmless(found)

    assert shape(found) == shape(PLAIN)
    assert code.count(f"-- {visible(text)}  owner {visible(text)}\n") == 6
    assert f"! {visible(text)}:1:2: {visible(text)} [mixed-keys]\n" in code
    assert [visible(text)] * 3 == [each.content for each in tokens(found) if each.type == "code_inline"][:3]


@given(said)
def test_our_words_are_the_same_whatever_others_say(text: str) -> None:
    """What stands outside of code, where mentions notify people and numbers become links."""
    outside = [each.content for each in tokens(plan_markdown(report_plan(everything(text)))) if each.type == "text"]

    assert outside == [each.content for each in tokens(PLAIN) if each.type == "text"]


@given(said, said)
def test_an_error_of_others_words_is_shown_and_does_nothing(text: str, environment: str) -> None:
    found = failure_markdown(UsageError("Wrong usage", text, hint=text), environment)
    plain = failure_markdown(UsageError("Wrong usage", "x", hint="x"), "x")
    blocks = [(kind, tag) for kind, tag, _ in shape(found)]

    harmless(found)
    assert blocks == [(kind, tag) for kind, tag, _ in shape(plain)]
    assert visible(environment) in [each.content for each in tokens(found) if each.type == "code_inline"]


def invalid(count: int) -> ReconcilerError:
    return InvalidInput(
        [
            Diagnostic(code="unquoted-text", summary="é" * 900, detail="d" * 900, place=Place("local/a.yaml", line, 1))
            for line in range(1, count + 1)
        ]
    )


@pytest.mark.parametrize("count", [1, 1_000])
def test_an_error_takes_no_more_than_the_budget_either(count: int) -> None:
    text = failure_markdown(invalid(count), None)

    assert text.startswith(f"{MARK}\n## No plan\n\n**Nothing could be planned.**\n")
    assert "    local/a.yaml:1:1: error: " in text
    assert len(text.encode()) <= BUDGET
    assert ("more lines\n" in text) is (count > 1)


def test_an_undecided_change_of_long_ago_is_told_in_a_line_of_its_own() -> None:
    """The planner's reasons come in the planner's order, further ones below the first."""
    declared = declare()
    known = entry(lost(record(0, B, age=NOW - NOW.replace(year=2025))))
    text = plan_markdown(report_plan(plan_of(spec_of(declared), {declared.address: known})))

    assert re.search(r"\n~ Subscription/A-S00000001@1  \[local/a.yaml:1:5\]  flags.onlyReSend: true -> false\n", text)
    assert re.search(r"\n    flags.reMigrate: false -> true\n    call 0 of .* was not answered", text)


def test_what_a_spec_says_stands_above_the_changes_of_which_it_says_so() -> None:
    said = [("", ""), ("a", ""), ("a", ""), ("a", "o"), ("", "o"), ("", "")]
    declared = [
        replace(declare(subscription(number)), reason=why or None, owner=owner or None)
        for number, (why, owner) in enumerate(said, start=1)
    ]
    block = plan_markdown(report_plan(plan_of(spec_of(*declared)))).split("```text\n")[1]

    assert [line.split("  [")[0] for line in block.splitlines()[:-1]] == [
        "+ Subscription/A-S00000001@1",
        *("-- a", "+ Subscription/A-S00000001@2", "+ Subscription/A-S00000001@3"),
        *("-- a  owner o", "+ Subscription/A-S00000001@4"),
        *("-- owner o", "+ Subscription/A-S00000001@5"),
        *("-- no reason and no owner", "+ Subscription/A-S00000001@6"),
    ]
