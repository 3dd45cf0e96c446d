"""Recording outcomes: idempotent, and never lowering an entry."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, A, B, applied, entry, lost, record, refused, state_of, subscription
from hypothesis import given
from hypothesis import strategies as st
from strategies import outcomes

from reconciler.core.address import Address
from reconciler.core.entry import Applied, Entry, Refused, Unsettled
from reconciler.core.fold import fold
from reconciler.core.run import Outcome, Result
from reconciler.core.selection import Action
from reconciler.core.state import ClockOffset
from reconciler.core.timestamp import timestamp

ADDRESS = Address("Subscription/A-S00000001@1")
Known = Applied | Refused | Unsettled


def results(*known: Known) -> list[Result]:
    return [Result(address=ADDRESS, action=Action.REGENERATE, outcome=Outcome.DONE, record=each) for each in known]


@st.composite
def runs(draw: st.DrawFn) -> list[Known]:
    numbers = draw(st.lists(st.integers(0, 3), max_size=6))
    return [draw(outcomes(subscription(), number)) for number in numbers]


@given(runs())
def test_folding_the_same_records_again_changes_nothing(known: list[Known]) -> None:
    once = fold(state_of({}), results(*known), tenant=None, entity=None)

    assert fold(once, results(*known), tenant=None, entity=None).entries == once.entries


@given(runs(), runs())
def test_folding_never_lowers_an_entry(before: list[Known], after: list[Known]) -> None:
    low, high = entry(*before), entry(*before, *after)

    assert high.next_call >= low.next_call
    if low.applied:
        assert high.applied is not None
        assert high.applied.call.number >= low.applied.call.number


@given(runs())
def test_next_call_is_above_every_settled_call(known: list[Known]) -> None:
    found = entry(*known)

    settled = [each.call.number for each in (found.applied, found.refused) if each]
    assert all(found.next_call > number for number in settled)


def test_the_serial_grows_with_a_change_and_stays_without_one() -> None:
    state = state_of({})
    changed = fold(state, results(applied(record())), tenant="1", entity=None)

    assert changed.serial == state.serial + 1
    assert fold(changed, results(applied(record())), tenant="1", entity=None) is changed


def test_a_state_learns_tenant_and_entity_once() -> None:
    learned = fold(state_of({}), [], tenant="1", entity="e")
    again = fold(learned, [], tenant="2", entity="f")

    assert (learned.tenant, learned.entity) == ("1", "e")
    assert again is learned


def test_two_calls_done_under_one_number_by_runs_that_knew_nothing_of_each_other_are_both_kept() -> None:
    ours = replace(record(0, B), key="k1-ours")
    found = entry(applied(record(0, A)), applied(ours))

    assert found.applied is not None
    assert (found.applied.call.key, found.applied.call.number, found.next_call) == ("k1-ours", 1, 2)
    assert found.with_applied(applied(ours)) == found


HERE, FAST = ClockOffset("here", 3_600), ClockOffset("here", -90)
CLOCKS = {
    "nothing is told of a clock": (HERE, None, HERE),
    "a first clock is wrong": (None, HERE, HERE),
    "a first clock is right": (None, ClockOffset("here", 2), None),
    "a first clock is 3 s behind": (None, ClockOffset("here", 3), ClockOffset("here", 3)),
    "a first clock is 3 s ahead": (None, ClockOffset("here", -3), ClockOffset("here", -3)),
    "the same clock, hardly changed": (HERE, ClockOffset("here", 3_602), HERE),
    "the same clock, changed by 3 s": (HERE, ClockOffset("here", 3_603), ClockOffset("here", 3_603)),
    "the same clock, set": (HERE, FAST, FAST),
    "the same clock, put right": (HERE, ClockOffset("here", 0), ClockOffset("here", 0)),
    "another machine's clock is wrong": (HERE, ClockOffset("there", 3_600), ClockOffset("there", 3_600)),
    "another machine's clock is right": (HERE, ClockOffset("there", -2), HERE),
}


@pytest.mark.parametrize(("known", "found", "kept"), CLOCKS.values(), ids=CLOCKS.keys())
def test_the_clock_of_the_last_machine_that_differed_is_kept_until_it_changes(
    known: ClockOffset | None, found: ClockOffset | None, kept: ClockOffset | None
) -> None:
    state = replace(state_of({}), clock=known)

    assert fold(state, results(applied(record())), tenant=None, entity=None, clock=found).clock == kept


def test_a_clock_alone_is_no_reason_to_write_a_state() -> None:
    state = state_of({})

    assert fold(state, [], tenant=None, entity=None, clock=HERE) is state


OTHER = replace(record(0, B), key="k1-other")
PAIRS = [
    (applied(record(0, A)), lost(OTHER)),
    (refused(record(0, A)), lost(OTHER)),
    (lost(record(0, A)), lost(OTHER)),
    (lost(record(0, A)), refused(OTHER)),
]


@pytest.mark.parametrize(("first", "second"), PAIRS)
def test_a_doubt_of_another_key_under_the_same_number_does_not_vanish(first: Known, second: Known) -> None:
    doubts = {each.call.key for each in (first, second) if isinstance(each, Unsettled)}
    found = entry(first, second)

    assert {each.call.key for each in found.in_doubt} == doubts
    known = [each.call.number for each in (found.applied, found.refused, *found.unsettled) if each]
    assert sorted(known) == [0, 1]
    assert entry(first, second, first, second) == found


def test_a_doubt_of_another_run_does_not_vanish_behind_calls_that_were_refused() -> None:
    """The journal of a machine that died is folded after others, who knew nothing of it, were refused twice."""
    ours = lost(record(1, A))
    known = entry(
        applied(record(0, A)), refused(replace(record(1, B), key="b")), refused(replace(record(2, B), key="c"))
    )

    assert known.with_unsettled(ours).in_doubt == (ours,)
    assert known.with_unsettled(ours).next_call == 3


def test_a_late_done_settles_a_doubt() -> None:
    found = entry(lost(record(0)), applied(record(0)))

    assert (found.in_doubt, found.unsettled, found.next_call) == ((), (), 1)


def test_a_doubt_told_late_does_not_unsettle_a_call() -> None:
    settled = entry(applied(record(0)))

    assert settled.with_unsettled(lost(record(0))) == settled


def test_a_refused_reissue_leaves_the_applied_call_as_it_was() -> None:
    found = entry(applied(record(0, A)), refused(record(1, B)))

    assert found.applied == applied(record(0, A))
    assert found.refused == refused(record(1, B))


def test_a_late_done_of_an_earlier_call_leaves_a_later_refusal_as_it_was() -> None:
    found = entry(lost(record(0, A)), refused(record(1, B)), applied(record(0, A)))

    assert (found.applied, found.refused) == (applied(record(0, A)), refused(record(1, B)))


def test_a_late_refusal_of_an_earlier_call_does_not_replace_a_later_one() -> None:
    assert entry(lost(record(0, A)), refused(record(1, B)), refused(record(0, A))).refused == refused(record(1, B))


def test_a_call_in_doubt_passes_the_numbers_of_those_before_it() -> None:
    assert entry(lost(record(0, A)), lost(record(1, B))).next_call == 1


def test_a_refusal_is_forgotten_when_a_later_call_is_applied() -> None:
    assert entry(refused(record(0)), applied(record(1))).refused is None


def test_the_age_of_a_doubt_runs_from_the_first_send_and_a_landing_from_the_last() -> None:
    first = lost(record(0, age=timedelta(hours=5)))
    last = lost(record(0, age=timedelta(hours=1)), last_sent=NOW)
    for known in ((last, first), (first, last)):
        (doubt,) = entry(*known).in_doubt
        assert (doubt.call.sent, doubt.last_sent) == (first.call.sent, last.last_sent)


@pytest.mark.parametrize("spent_first", [True, False])
def test_a_key_once_spent_stays_spent_and_a_request_id_once_seen_stays_known(spent_first: bool) -> None:  # noqa: FBT001
    spent, unseen = replace(lost(record(0), spent=True), request_id="r-1"), lost(record(0))
    (doubt,) = entry(*((spent, unseen) if spent_first else (unseen, spent))).in_doubt

    assert (doubt.spent, doubt.request_id) == (True, "r-1")


LATER = timestamp(NOW)
ERROR_SAVED, NOTHING_TOLD = lost(record(0), spent=True, saved_error=True), replace(lost(record(0)), last_sent=LATER)
MISMATCH = replace(lost(record(0), spent=True), last_sent=LATER)


@pytest.mark.parametrize("later", [NOTHING_TOLD, MISMATCH])
def test_a_saved_server_error_is_all_that_is_unknown_until_something_is_sent_again(later: Unsettled) -> None:
    for known in ((ERROR_SAVED, later), (later, ERROR_SAVED)):
        (doubt,) = entry(*known).in_doubt
        assert (doubt.spent, doubt.saved_error) == (True, False)


def test_a_saved_server_error_is_known_whoever_of_two_tells_it_of_one_send() -> None:
    bare = lost(record(0))
    for known in ((ERROR_SAVED, bare), (bare, ERROR_SAVED)):
        (doubt,) = entry(*known).in_doubt
        assert doubt.saved_error


def test_a_doubt_that_a_later_applied_call_has_overwritten_is_not_recorded_late() -> None:
    known = entry(applied(record(1, B)))

    assert known.with_unsettled(lost(record(0, A))) == known


def test_a_persons_word_on_one_doubt_says_nothing_of_another() -> None:
    known = entry(lost(record(0, A)), lost(record(1, B)))
    first, second = known.unsettled

    assert known.with_word(second, "why").unsettled == (first, replace(second, resolution="why"))


def test_an_entry_about_which_nothing_is_known_starts_at_call_0() -> None:
    assert (Entry().next_call, Entry().in_doubt) == (0, ())
