"""The journal's rule: which steps may follow, and what the state is to remember of a run, whole or damaged."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, A, applied, declare, record, refused, state_of
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.entry import Applied, CallRecord, Refused, Unsettled
from reconciler.core.fold import fold
from reconciler.core.journal import (
    TRANSITIONS,
    BrokenRule,
    Ended,
    Event,
    Phase,
    Record,
    Returned,
    Sending,
    Step,
    number_of,
    records_of,
    step_of,
)
from reconciler.core.run import Outcome, Result
from reconciler.core.selection import Action
from reconciler.core.state import State
from reconciler.core.timestamp import timestamp

FIRST = declare().address
ADDRESSES = [Address(f"Subscription/A-S00000001@{version}") for version in (1, 2, 3)]
Name = tuple[Address, int]


def call_at(number: int) -> CallRecord:
    return record(number, age=timedelta(hours=1))


def doubt_of(number: int, *, at: int = 0, request_id: str | None = None) -> Unsettled:
    last = timestamp(NOW + timedelta(seconds=at))
    return Unsettled(call=call_at(number), scheme="k1", last_sent=last, message="no answer", request_id=request_id)


def event_of(step: Step, address: Address = FIRST, number: int = 0, *, at: int = 0, settled: str = "done") -> Event:
    match step:
        case Step.SENDING:
            moment = timestamp(NOW + timedelta(seconds=at))
            return Sending(address=address, call=call_at(number), scheme="k1", at=moment)
        case Step.RETURNED:
            return Returned(address=address, number=number)
        case Step.DOUBTED:
            return Ended(address=address, record=doubt_of(number, at=at, request_id=f"r-{at}"))
        case Step.SETTLED:
            call = call_at(number)
            return Ended(address=address, record=applied(call) if settled == "done" else refused(call))


@st.composite
def histories(draw: st.DrawFn, address: Address, number: int) -> list[Event]:
    """One call's events, as `TRANSITIONS` allows them."""
    phase, found = Phase.IDLE, list[Event]()
    for at in range(draw(st.integers(0, 8))):
        allowed = TRANSITIONS[phase]
        if not allowed:
            break
        step = draw(st.sampled_from(sorted(allowed)))
        found.append(event_of(step, address, number, at=at, settled=draw(st.sampled_from(["done", "refused"]))))
        phase = allowed[step]
    return found


@st.composite
def journals(draw: st.DrawFn) -> list[list[Event]]:
    """The events of a few calls, call by call."""
    names = draw(st.lists(st.tuples(st.sampled_from(ADDRESSES), st.integers(0, 2)), unique=True, max_size=5))
    return [draw(histories(*name)) for name in names]


def interleaved(calls: Sequence[Sequence[Event]], choose: st.DataObject) -> list[Event]:
    """All events in one order of many, each call's own order kept."""
    rest, found = [list(call) for call in calls if call], list[Event]()
    while rest:
        call = choose.draw(st.sampled_from(rest))
        found.append(call.pop(0))
        rest = [each for each in rest if each]
    return found


def told_by(events: Sequence[Event]) -> Record | None:
    """What one call's events tell, said without phases: a settling line, else the last send if it has no end, else the
    last doubt."""
    settled = [each.record for each in events if isinstance(each, Ended) and step_of(each) is Step.SETTLED]
    doubts = [each.record for each in events if isinstance(each, Ended) and step_of(each) is Step.DOUBTED]
    if settled:
        return settled[0]
    if not events or not isinstance(events[-1], Sending):
        return doubts[-1] if doubts else None
    last = events[-1]
    seen = doubts[-1].request_id if doubts else None
    return Unsettled(
        call=last.call,
        scheme=last.scheme,
        last_sent=last.at,
        message="the run ended before the answer was recorded",
        request_id=seen,
    )


def by_name(records: Sequence[tuple[Address, Record]]) -> dict[Name, Record]:
    found = {(address, each.call.number): each for address, each in records}
    assert len(found) == len(records)
    return found


def name_of(event: Event) -> Name:
    return event.address, number_of(event)


@given(journals(), st.data())
def test_what_a_journal_tells_is_what_each_of_its_calls_tells_in_any_interleaving(
    calls: list[list[Event]], choose: st.DataObject
) -> None:
    expected = {name_of(call[0]): told_by(call) for call in calls if call}
    found = by_name(records_of(interleaved(calls, choose)))

    assert found == {name: told for name, told in expected.items() if told is not None}


@given(journals(), st.data())
def test_a_journal_that_breaks_off_anywhere_leaves_every_send_without_an_end_in_doubt(
    calls: list[list[Event]], choose: st.DataObject
) -> None:
    events = interleaved(calls, choose)
    events = events[: choose.draw(st.integers(0, len(events)))]
    last = {name_of(event): event for event in events}
    out = {name for name, event in last.items() if isinstance(event, Sending)}

    assert out <= {name for name, each in by_name(records_of(events)).items() if isinstance(each, Unsettled)}


def folded(state: State, records: Sequence[tuple[Address, Record]]) -> State:
    results = [
        Result(address=address, action=Action.RESUME, outcome=Outcome.DONE, record=each) for address, each in records
    ]
    return fold(state, results, tenant="1", entity="e")


@given(journals(), st.data())
def test_folding_twice_is_folding_once(calls: list[list[Event]], choose: st.DataObject) -> None:
    records = records_of(interleaved(calls, choose))
    once = folded(state_of({}), records)

    assert folded(once, records) == once


@given(journals(), st.data())
def test_a_longer_journal_takes_nothing_back(calls: list[list[Event]], choose: st.DataObject) -> None:
    """What is settled stays, as it was, and a call that is known stays known to the state."""
    events = interleaved(calls, choose)
    shorter = records_of(events[: choose.draw(st.integers(0, len(events)))])
    longer = by_name(records_of(events))
    state = folded(folded(state_of({}), shorter), tuple((name[0], each) for name, each in longer.items()))

    for name, each in by_name(shorter).items():
        if isinstance(each, Applied | Refused):
            assert longer[name] == each
        numbers = {lost.call.number for lost in state.entries[name[0]].unsettled}
        assert name[1] in numbers or state.entries[name[0]].next_call > name[1]


@given(journals(), st.data())
def test_lost_lines_turn_no_doubt_into_nothing_and_no_settled_call_into_a_doubt(
    calls: list[list[Event]], choose: st.DataObject
) -> None:
    kept = [event for event in interleaved(calls, choose) if choose.draw(st.booleans())]
    found = by_name(records_of(kept, damaged=True))

    for call in filter(None, calls):
        name, told = name_of(call[0]), told_by(call)
        left = [event for event in kept if name_of(event) == name]
        if any(step_of(event) is Step.SETTLED for event in left):
            assert found[name] == told
        elif any(isinstance(event, Sending | Ended) for event in left):
            assert isinstance(found[name], Unsettled)
        else:
            assert name not in found


@given(st.lists(st.tuples(st.sampled_from(Step), st.sampled_from(ADDRESSES[:2])), max_size=12))
def test_damage_is_read_whatever_is_left(steps: list[tuple[Step, Address]]) -> None:
    events = [event_of(step, address, at=at) for at, (step, address) in enumerate(steps)]
    settled = {event.address for event in events if step_of(event) is Step.SETTLED}
    found = by_name(records_of(events, damaged=True))

    assert {name[0] for name, each in found.items() if isinstance(each, Applied | Refused)} == settled


def test_a_send_that_came_back_is_a_doubt_once_lines_are_known_to_be_gone() -> None:
    """The line that is gone may have been an earlier send of the same call, or its doubt."""
    events = [event_of(Step.SENDING), event_of(Step.RETURNED)]
    ((_, told),) = records_of(events, damaged=True)

    assert records_of(events) == ()
    assert isinstance(told, Unsettled)


@pytest.mark.parametrize("after", [[], [Step.SENDING, Step.RETURNED]])
def test_a_recorded_doubt_is_kept_as_it_is_where_lines_are_gone(after: list[Step]) -> None:
    steps = [Step.SENDING, Step.DOUBTED, *after]
    ((_, told),) = records_of([event_of(step, at=at) for at, step in enumerate(steps)], damaged=True)

    assert told == doubt_of(0, at=1, request_id="r-1")


def test_a_send_after_a_doubt_may_land_later_also_where_lines_are_gone() -> None:
    events = [event_of(step, at=at) for at, step in enumerate(PATHS[Phase.DOUBTFUL_OUT])]
    ((_, told),) = records_of(events, damaged=True)

    assert isinstance(told, Unsettled)
    assert told.last_sent == "2026-11-22T12:00:02Z"


def test_a_send_after_a_doubt_keeps_the_request_id_that_was_seen() -> None:
    """By it the next run knows a saved answer when it comes again."""
    ((_, told),) = records_of([event_of(step, at=at) for at, step in enumerate(PATHS[Phase.DOUBTFUL_OUT])])

    assert isinstance(told, Unsettled)
    assert (told.request_id, told.last_sent) == ("r-1", "2026-11-22T12:00:02Z")


def test_a_send_after_a_doubt_leaves_a_spent_key_spent() -> None:
    spent = Ended(address=FIRST, record=replace(doubt_of(0), spent=True))
    ((_, told),) = records_of([event_of(Step.SENDING), spent, event_of(Step.SENDING, at=1)])

    assert isinstance(told, Unsettled)
    assert told.spent


ERROR_SAVED = Ended(address=FIRST, record=replace(doubt_of(0), spent=True, saved_error=True))


@pytest.mark.parametrize("damaged", [False, True])
@pytest.mark.parametrize("after", [[], [Step.SENDING, Step.RETURNED]])
def test_a_saved_server_error_is_told_by_a_journal_that_breaks_off_behind_it(
    after: list[Step], *, damaged: bool
) -> None:
    """So a project that accepts another call then makes it, though the run died before it wrote the state."""
    later = [event_of(step, at=1) for step in after]
    ((_, told),) = records_of([event_of(Step.SENDING), ERROR_SAVED, *later], damaged=damaged)

    assert told == ERROR_SAVED.record


def test_a_send_after_a_saved_server_error_leaves_more_unknown_in_the_journal_as_in_the_state() -> None:
    """Another call on the strength of that error would be one too many if the later send lands."""
    events = [event_of(Step.SENDING), ERROR_SAVED, event_of(Step.SENDING, at=1)]
    told = records_of(events)
    known = folded(state_of({}), records_of(events[:2]))

    for state in (folded(state_of({}), told), folded(known, told)):
        (doubt,) = state.entries[FIRST].unsettled
        assert (doubt.spent, doubt.saved_error) == (True, False)


def test_calls_of_one_address_are_told_apart_by_their_numbers() -> None:
    events = [event_of(step, number=number) for number in (0, 1) for step in (Step.SENDING, Step.SETTLED)]

    assert set(by_name(records_of(events))) == {(FIRST, 0), (FIRST, 1)}


PATHS: dict[Phase, list[Step]] = {
    Phase.IDLE: [],
    Phase.OUT: [Step.SENDING],
    Phase.DOUBTFUL: [Step.SENDING, Step.DOUBTED],
    Phase.DOUBTFUL_OUT: [Step.SENDING, Step.DOUBTED, Step.SENDING],
    Phase.SETTLED: [Step.SENDING, Step.SETTLED],
}


@pytest.mark.parametrize("step", Step)
@pytest.mark.parametrize("phase", Phase)
def test_a_step_that_may_not_follow_breaks_the_rule_and_any_other_does_not(phase: Phase, step: Step) -> None:
    events = [event_of(each, at=at) for at, each in enumerate([*PATHS[phase], step])]
    if step in TRANSITIONS[phase]:
        assert len(records_of(events)) <= 1
    else:
        with pytest.raises(BrokenRule, match=f"^{FIRST}: {step} cannot follow {phase}$"):
            records_of(events)


def test_nothing_leaves_before_it_is_written_down_and_nothing_follows_the_end() -> None:
    """The table itself, said the other way round."""
    leaving = {phase: steps[Step.SENDING] for phase, steps in TRANSITIONS.items() if Step.SENDING in steps}
    assert leaving == {Phase.IDLE: Phase.OUT, Phase.OUT: Phase.OUT, Phase.DOUBTFUL: Phase.DOUBTFUL_OUT}
    assert TRANSITIONS[Phase.SETTLED] == {}
    for phase in (Phase.IDLE, Phase.DOUBTFUL):
        assert set(TRANSITIONS[phase]) == {Step.SENDING}
    returned = {phase: steps[Step.RETURNED] for phase, steps in TRANSITIONS.items() if Step.RETURNED in steps}
    assert returned == {Phase.OUT: Phase.IDLE, Phase.DOUBTFUL_OUT: Phase.DOUBTFUL}
    for step, phase in ((Step.DOUBTED, Phase.DOUBTFUL), (Step.SETTLED, Phase.SETTLED)):
        ended = {before: steps[step] for before, steps in TRANSITIONS.items() if step in steps}
        assert ended == {Phase.OUT: phase, Phase.DOUBTFUL_OUT: phase}


def test_the_age_of_a_key_is_read_from_the_journal_as_it_was_written() -> None:
    sending = event_of(Step.SENDING)
    assert isinstance(sending, Sending)
    resumed = replace(sending, call=record(0, A, age=timedelta(hours=20)))
    ((_, told),) = records_of([resumed])

    assert told.call.sent == timestamp(NOW - timedelta(hours=20))
