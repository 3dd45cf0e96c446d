"""The history of runs: what counts for a day, and a chain that notices a rewritten past."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, A, B, applied, charge, entry, lost, record, refused, state_of, subscription

from reconciler.core.address import format_address
from reconciler.core.adoption import forgotten
from reconciler.core.entry import Applied, Refused, Unsettled
from reconciler.core.fold import broken_run, finished_run
from reconciler.core.history import Resumed, RunRecord, broken_link, calls_since, remigrate_since, with_run
from reconciler.core.journal import Opened
from reconciler.core.run import Outcome, Result
from reconciler.core.selection import Action
from reconciler.core.timestamp import timestamp
from reconciler.formats.schema import SchemaSet
from reconciler.formats.state import read_state, write_state
from reconciler.workspace.schemas import load_schemas

AT = timestamp(NOW)
OPENED = Opened(run="r1", plan_id="p1-x", environment="local", lineage="l", epoch=0, tenant=None, entity=None, at=AT)
RUN = RunRecord(
    run="r1", plan_id="p1-x", began=AT, ended=None, who=None, commit=None, calls=3, done=3, refused=0, in_doubt=0
)


def results() -> list[Result]:
    """One Done and one doubt with reMigrate, one refusal without, and one that nothing was sent for."""
    found: dict[int, tuple[Outcome, Applied | Refused | Unsettled | None]] = {
        1: (Outcome.DONE, applied(record(flags=A))),
        2: (Outcome.IN_DOUBT, lost(record(flags=A))),
        3: (Outcome.REFUSED, refused(record(flags=B))),
        4: (Outcome.NOT_STARTED, None),
    }
    return [
        Result(address=format_address(subscription(version)), action=Action.REGENERATE, outcome=outcome, record=known)
        for version, (outcome, known) in found.items()
    ]


def test_a_run_counts_its_calls_with_remigrate_whether_it_ended_or_broke_off() -> None:
    ended = finished_run(OPENED, results(), results(), AT, before=state_of({}))
    broken = broken_run(OPENED, results(), before=state_of({}))

    assert (ended.calls, ended.remigrate, ended.not_started, ended.resumed) == (3, 2, 1, ())
    assert (broken.calls, broken.remigrate, broken.ended, broken.resumed) == (3, 2, None, ())


def test_a_run_tells_which_of_its_calls_earlier_runs_had_sent_whether_it_ended_or_broke_off() -> None:
    """Of the first and the third, under the same keys; what is known of the second was another call."""
    first, second, third = (format_address(subscription(version)) for version in (1, 2, 3))
    known = state_of(
        {
            first: entry(lost(replace(record(flags=A), run="r0"))),
            second: entry(lost(replace(record(1, flags=A), run="r0"))),
            third: entry(lost(replace(record(flags=B), run="r00"))),
        }
    )
    ended = finished_run(OPENED, results(), results(), AT, before=known)

    assert ended.resumed == (Resumed("r0", 1, 1), Resumed("r00", 1, 0))
    assert broken_run(OPENED, results(), before=known).resumed == ended.resumed


def hours_ago(age: int, *resumed: Resumed, calls: int = 3, remigrate: int = 2) -> RunRecord:
    at = timestamp(NOW - timedelta(hours=age))
    return replace(RUN, run=f"r{age}", began=at, ended=at, calls=calls, remigrate=remigrate, resumed=resumed)


def test_a_call_that_several_runs_of_a_day_have_sent_counts_once() -> None:
    history = [
        hours_ago(20),
        hours_ago(10, Resumed("r20", 3, 2)),
        hours_ago(1, Resumed("r10", 2, 1), Resumed("r20", 1, 1), calls=4, remigrate=3),
    ]

    assert calls_since(history, NOW, timedelta(days=1)) == 4
    assert remigrate_since(history, NOW, timedelta(days=1)) == 3


def test_a_call_counts_in_each_day_in_which_it_was_sent() -> None:
    """What was lost yesterday and is sent again today may have its effect today."""
    history = [hours_ago(25), hours_ago(3, Resumed("r25", 3, 2))]

    assert calls_since(history, NOW, timedelta(days=1)) == 3
    assert remigrate_since(history, NOW, timedelta(days=1)) == 2


def test_a_day_counts_calls_and_those_with_remigrate() -> None:
    history = [replace(RUN, run=f"r{age}", began=timestamp(NOW - timedelta(hours=age)), remigrate=1) for age in (1, 30)]

    assert calls_since(history, NOW, timedelta(days=1)) == 3
    assert remigrate_since(history, NOW, timedelta(days=1)) == 1


def test_a_run_tells_how_many_declarations_it_regenerated_again_and_knows_it_of_its_journal_too() -> None:
    """Of three that were applied with other flags one is refused; a fourth is new, and a fifth is resumed."""
    targets = {number: charge(f"C-{number}") for number in range(5)}
    address = {number: format_address(each) for number, each in targets.items()}
    before = {address[number]: entry(applied(record(flags=B, target=targets[number]))) for number in range(3)}
    before[address[4]] = entry(lost(record(target=targets[4])))
    calls = {number: record(1 if number < 3 else 0, target=targets[number]) for number in range(5)}
    known: list[Applied | Refused | Unsettled] = [
        applied(calls[0]),
        lost(calls[1]),
        refused(calls[2]),
        applied(calls[3]),
        applied(calls[4]),
    ]
    actions = [*[Action.REISSUE] * 3, Action.REGENERATE, Action.RESUME]
    outcomes = [
        Result(address=address[number], action=action, outcome=Outcome.DONE, record=told)
        for number, (action, told) in enumerate(zip(actions, known, strict=True))
    ]
    journal = [replace(each, action=Action.RESUME) for each in outcomes]

    assert finished_run(OPENED, outcomes, outcomes, AT, before=state_of(before)).reissued == 2
    assert broken_run(OPENED, journal, before=state_of(before)).reissued == 2


def test_a_call_that_takes_the_place_of_one_in_doubt_is_made_again_and_one_after_a_refused_resume_is_not() -> None:
    first = format_address(subscription(1))
    before = state_of({first: entry(lost(record(flags=B)))})
    instead = Result(address=first, action=Action.RESUME, outcome=Outcome.DONE, record=applied(record(1)))
    resumed = replace(instead, record=refused(record(0, flags=B)))

    assert broken_run(OPENED, [instead], before=before).reissued == 1
    assert (
        broken_run(OPENED, [resumed, replace(instead, record=applied(record(1, flags=B)))], before=before).reissued == 0
    )


def test_what_a_person_has_forgotten_is_made_again_as_the_journal_of_a_killed_run_tells_too() -> None:
    first = format_address(subscription(1))
    known = state_of({first: entry(applied(record()))})
    told = Result(address=first, action=Action.RESUME, outcome=Outcome.DONE, record=applied(record(1)))

    assert broken_run(OPENED, [told], before=forgotten(known, first, reason="r")).reissued == 1


def test_a_run_that_broke_off_counts_from_the_last_moment_that_its_journal_tells_of() -> None:
    """It began 25 hours ago, and has sent until an hour ago."""
    long_ago = replace(OPENED, at=timestamp(NOW - timedelta(hours=25)))
    early = replace(results()[2], record=refused(record(flags=B, age=timedelta(hours=20))))
    broken = broken_run(long_ago, [*results()[:2], early], before=state_of({}))

    assert (broken.began, broken.last_known) == (long_ago.at, timestamp(NOW - timedelta(hours=1)))
    assert calls_since([broken], NOW, timedelta(days=1)) == 3
    assert calls_since([broken], NOW + timedelta(hours=23), timedelta(days=1)) == 0
    assert calls_since([replace(broken, last_known=None)], NOW, timedelta(days=1)) == 0


def test_the_last_moment_of_a_run_that_broke_off_may_be_a_send_that_has_no_answer() -> None:
    late = lost(record(flags=A, age=timedelta(hours=9)), last_sent=NOW)
    told = replace(results()[1], record=late)

    assert broken_run(OPENED, [results()[0], told], before=state_of({})).last_known == AT
    assert finished_run(OPENED, results(), results(), AT, before=state_of({})).last_known is None


def test_a_field_that_a_record_does_not_use_leaves_its_link_as_it_is() -> None:
    """So that a later version may add one: the links of the past stay right."""
    (old,) = with_run((), RUN)

    assert old.link == "434b194ef77163c0cea5d356eb6976ac2a38a329e62c568f1d2be9905dbd21a2"
    assert with_run((), replace(RUN, remigrate=0, guardrails=()))[0].link == old.link


@pytest.mark.parametrize(
    "changed",
    [
        {"remigrate": 1},
        {"guardrails": ("max_calls 1",)},
        {"left": 0},
        {"calls": 2},
        {"who": "ann"},
        {"resumed": (Resumed("r0", 1, 0),)},
    ],
)
def test_whatever_a_record_says_is_in_its_link(changed: dict[str, object]) -> None:
    (honest,) = with_run((), RUN)

    assert broken_link([honest]) is None
    assert broken_link([replace(honest, **changed)]) is not None  # type: ignore[arg-type]


def test_a_record_is_written_and_read_back_as_it_was_and_as_the_schema_says() -> None:
    told = replace(
        RUN,
        remigrate=2,
        resumed=(Resumed("r0", 2, 1),),
        last_known=AT,
        reissued=1,
        guardrails=("max_calls 500", "max_calls lifted for *: REV-1"),
        left=0,
    )
    state = replace(state_of({}), history=with_run((), told))
    content = write_state(state)

    assert read_state(content, "s", environment="local").history == state.history
    assert list(SchemaSet(load_schemas()).violations("state.schema.json", json.loads(content))) == []
