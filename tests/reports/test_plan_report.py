"""How a plan is worded, counted and put in order: risks, groups, commands, times."""

import shlex
from dataclasses import replace

import pytest
from builders import BINDING, A, B, declare, plan_of, spec_of, subscription
from hypothesis import given
from hypothesis import strategies as st
from strategies import histories, specs

from reconciler.core.address import Address
from reconciler.core.declaration import Flags, Spec
from reconciler.core.entry import Entry
from reconciler.core.forecast import Basis, Forecast
from reconciler.core.plan import Reissue, flags_of
from reconciler.core.selection import Action, Selection, parse_selector
from reconciler.reports.documents import plan_document
from reconciler.reports.plan_report import lasting, report_plan
from reconciler.reports.plan_risks import _RANKS, rank_of


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0, "0 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (3_599, "59 min 59 s"), (3_600, "1 h")),
        *((3_659, "1 h"), (7_500, "2 h 5 min"), (86_400, "1 d"), (90_000, "1 d 1 h"), (864_059, "10 d")),
    ],
)
def test_a_time_is_said_in_its_greatest_unit_and_the_one_below(seconds: int, words: str) -> None:
    assert lasting(seconds) == words


def duration(forecast: Forecast | None) -> str:
    return report_plan(replace(plan_of(spec_of(declare())), forecast=forecast)).duration


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (978.4, "978 calls/s"),
        (47.6, "48 calls/s"),
        (9.96, "10 calls/s"),
        (0.75, "0.75 calls/s"),
        (0.033, "0.033 calls/s"),
    ],
)
def test_an_earlier_runs_rate_is_said_in_a_few_digits(rate: float, words: str) -> None:
    forecast = Forecast(calls=100, seconds=75, basis=Basis.EARLIER_RUN, calls_per_second=rate)

    assert duration(forecast) == f"Takes about 1 min 15 s at the rate of an earlier run, {words}."


def test_what_only_the_limits_tell_is_said_to_be_the_least() -> None:
    assert duration(Forecast(calls=100, seconds=60, basis=Basis.RATE_LIMITS)).startswith("Takes at least 1 min: ")


@pytest.mark.parametrize("forecast", [None, Forecast(calls=1), Forecast(calls=0, seconds=0, basis=Basis.EARLIER_RUN)])
def test_nothing_is_said_where_nothing_is_known_or_to_be_done(forecast: Forecast | None) -> None:
    assert duration(forecast) == ""


@given(specs(), histories())
def test_risks_are_counted_as_the_changes_say_and_come_in_their_order(spec: Spec, known: dict[Address, Entry]) -> None:
    plan = plan_of(spec, known)
    counts = {each.kind: each.changes for each in report_plan(plan).risks}
    reissues = [each for each in plan.changes if isinstance(each, Reissue)]
    expected = {
        "reMigrate": sum(flags_of(each) is Flags.REWRITE_AND_RECOLLECT for each in plan.calls),
        "reissue": sum(each.not_before is None for each in reissues),
        "reissue_in_doubt": sum(each.not_before is not None for each in reissues),
        "undecided": plan.summary["undecided"],
        "blocked": plan.summary["blocked"],
        "resume": plan.summary["resume"],
    }

    assert list(counts.items()) == [(kind, count) for kind, count in expected.items() if count]


@given(specs(), histories())
def test_every_rendering_is_given_the_same_numbers(spec: Spec, known: dict[Address, Entry]) -> None:
    plan = plan_of(spec, known)
    report, document = report_plan(plan), plan_document(plan)

    assert [each["text"] for each in document["risks"]] == [each.text for each in report.risks]
    assert sum(each.calls for each in report.flags_used) == document["summary"]["calls"]
    assert sum(len(each.lines) for each in report.groups) == len(document["changes"])


@given(specs(), histories())
def test_groups_come_from_the_riskiest_on_and_their_lines_in_the_order_of_the_plan(
    spec: Spec, known: dict[Address, Entry]
) -> None:
    plan = plan_of(spec, known)
    shown = [line.address for group in report_plan(plan).groups for line in group.lines]
    changes = {each.address: each for each in plan.changes}

    assert shown == [each.address for each in sorted(changes.values(), key=rank_of)]


def test_every_action_under_every_pair_of_flags_has_a_rank_of_its_own() -> None:
    """The same table as in `plan_risks`, said in another way: reMigrate that is sent, then re-issues, then doubts."""
    ranked = sorted(_RANKS, key=_RANKS.__getitem__)

    assert len(ranked) == len(set(_RANKS.values())) == len(Action) * len(Flags)
    assert ranked[:3] == [(each, A) for each in (Action.REISSUE, Action.REGENERATE, Action.RESUME)]
    assert [action for action, _ in ranked[3:]] == [
        *(Action.REISSUE,) * 2,
        *(Action.UNDECIDED,) * 3,
        *(Action.BLOCKED,) * 3,
        *(Action.RESUME,) * 2,
        *(Action.REGENERATE,) * 2,
    ]


@given(st.text(st.characters(exclude_characters="\0"), min_size=1, max_size=8), st.text(min_size=1, max_size=8))
def test_a_shell_reads_the_commands_as_they_are_meant(environment: str, pattern: str) -> None:
    selection = Selection(only=(parse_selector(f"file:{pattern}"),))
    plan = replace(plan_of(spec_of(declare())), binding=replace(BINDING, environment=environment), selection=selection)
    report = report_plan(plan, is_production=True)
    chosen = ["-e", environment, "--only", f"file:{pattern}"]

    assert shlex.split(report.show_command) == ["reconciler", "plan", *chosen]
    assert shlex.split(report.apply_command) == [
        *("reconciler", "apply", *chosen, "--expect", plan.id, "--confirm", environment)
    ]


def test_great_numbers_are_said_in_threes() -> None:
    declared = spec_of(*(declare(subscription(number + 1), B) for number in range(1_234)))
    report = report_plan(replace(plan_of(declared), unchanged=5_000))

    assert report.verdict == "Plan: 1,234 calls to the platform (1,234 regenerate)."
    assert report.groups[0].heading == "regenerate (1,234)"
    assert report.at_rest[0].startswith("5,000 unchanged")
