"""A person's word settles a doubt, and a mistaken one costs nothing while the platform may know the key."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import NOW, A, applied, declare, entry, lost, plan_of, record, spec_of, state_of

from reconciler.core.address import Address
from reconciler.core.diagnostics import InvalidInput, Place
from reconciler.core.entry import Entry
from reconciler.core.plan import Resume
from reconciler.core.resolve import Decision, Resolution, resolve, resolve_all
from reconciler.errors import UsageError

ADDRESS = Address("Subscription/A-S00000001@1")
OLD, YOUNG = timedelta(hours=25), timedelta(hours=24, minutes=59)


def decide(resolution: Resolution, address: Address = ADDRESS, **more: Any) -> Decision:  # noqa: ANN401
    ids = ("2c98",) if resolution is Resolution.DONE else ()
    return replace(Decision(address=address, resolution=resolution, reason="seen in Revenue", ids=ids), **more)


def resolved(known: Entry, resolution: Resolution, **more: Any) -> Entry:  # noqa: ANN401
    return resolve(state_of({ADDRESS: known}), decide(resolution, **more), spec_of(), NOW)


def test_done_is_recorded_with_ids_and_reason() -> None:
    found = resolved(entry(lost(record(0, A))), Resolution.DONE)

    assert found.in_doubt == ()
    assert found.applied is not None
    assert (found.applied.id_list, found.applied.resolution, found.next_call) == (("2c98",), "seen in Revenue", 1)


def test_not_done_lets_the_next_apply_make_a_new_call_once_the_key_is_forgotten() -> None:
    found = resolved(entry(lost(record(0, A, age=OLD))), Resolution.NOT_DONE)

    assert (found.in_doubt, found.applied, found.next_call) == ((), None, 1)
    assert found.refused is not None
    assert found.refused.resolution == "seen in Revenue"


@pytest.mark.parametrize("spent", [False, True])
def test_not_done_keeps_a_key_that_the_platform_may_know_for_the_next_send(spent: bool) -> None:  # noqa: FBT001
    before = entry(lost(record(0, A, age=YOUNG), spent=spent))
    found = resolved(before, Resolution.NOT_DONE)
    (change,) = plan_of(spec_of(declare()), {ADDRESS: found}, now=NOW + timedelta(days=9)).changes

    assert isinstance(change, Resume)
    assert (change.call, change.unsettled.call.key) == (0, "k1-0")
    assert "seen in Revenue" in " ".join(change.reasons)
    assert (found.next_call, found.refused) == (0, None)


def test_a_key_is_known_as_long_as_its_last_send_may_have_been_the_first_to_arrive() -> None:
    found = resolved(entry(lost(record(0, A, age=OLD), last_sent=NOW - YOUNG)), Resolution.NOT_DONE)

    assert [each.resolution for each in found.in_doubt] == ["seen in Revenue"]


def test_a_later_send_ends_the_word_and_the_journal_of_an_earlier_one_does_not() -> None:
    said = resolved(entry(lost(record(0, A))), Resolution.NOT_DONE)
    earlier = lost(record(0, A), last_sent=NOW - timedelta(hours=2))
    later = lost(record(0, A), last_sent=NOW)

    for again in (said.unsettled[0], replace(said.unsettled[0], resolution=None), earlier):
        assert said.with_unsettled(again).in_doubt[0].resolution == "seen in Revenue"
    assert said.with_unsettled(later).in_doubt[0].resolution is None
    assert said.with_unsettled(later).with_unsettled(said.unsettled[0]).in_doubt[0].resolution is None


def test_what_a_person_says_was_not_done_needs_no_decision_when_it_is_no_longer_declared() -> None:
    found = resolved(entry(lost(record(0, A))), Resolution.NOT_DONE)

    assert plan_of(spec_of(), {ADDRESS: found}).changes == ()


@pytest.mark.parametrize("known", [Entry(), entry(applied(record(0)))])
def test_what_is_not_in_doubt_cannot_be_resolved(known: Entry) -> None:
    with pytest.raises(UsageError, match="no call in doubt"):
        resolved(known, Resolution.DONE)


def test_a_decision_made_about_another_call_is_refused() -> None:
    known = entry(lost(record(3)))

    assert resolved(known, Resolution.DONE, call=3).in_doubt == ()
    with pytest.raises(UsageError, match=r"call 2 of .* call 3 is in doubt"):
        resolved(known, Resolution.DONE, call=2)


def test_ids_are_for_what_was_done() -> None:
    with pytest.raises(UsageError, match="ids are for"):
        resolved(entry(lost(record(0))), Resolution.NOT_DONE, ids=("2c98",))


SECOND, THIRD = Address("Subscription/A-S00000001@2"), Address("Subscription/A-S00000001@3")


def test_many_are_settled_together_and_others_stay_as_they_are() -> None:
    known = {ADDRESS: entry(lost(record(0))), SECOND: entry(lost(record(1))), THIRD: entry(lost(record(2)))}
    settled = resolve_all(
        state_of(known), [decide(Resolution.DONE), decide(Resolution.NOT_DONE, SECOND)], spec_of(), NOW
    )

    assert [bool(each.in_doubt) for each in settled.entries.values()] == [False, True, True]
    assert settled.entries[THIRD] == known[THIRD]


def test_everything_that_cannot_be_settled_is_told_with_its_place() -> None:
    known = {ADDRESS: entry(lost(record(0))), SECOND: entry(applied(record(0)))}
    wanted = [
        decide(Resolution.DONE, call=7, place=Place("d.yaml", 3)),
        decide(Resolution.DONE, SECOND, place=Place("d.yaml", 4)),
        decide(Resolution.DONE, THIRD, place=Place("d.yaml", 5)),
    ]
    with pytest.raises(InvalidInput) as caught:
        resolve_all(state_of(known), wanted, spec_of(), NOW)

    assert [each.place.line for each in caught.value.diagnostics] == [3, 4, 5]
    assert all(each.hint for each in caught.value.diagnostics)
