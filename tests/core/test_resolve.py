"""A person's word settles a doubt, and a mistaken one costs nothing while the platform may know the key."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, A, applied, declare, entry, lost, plan_of, record, spec_of

from reconciler.core.address import Address
from reconciler.core.plan import Resume
from reconciler.core.resolve import Resolution, resolve
from reconciler.core.state import Entry
from reconciler.errors import UsageError

ADDRESS = Address("Subscription/A-S00000001@1")
OLD, YOUNG = timedelta(hours=25), timedelta(hours=24, minutes=59)


def resolved(known: Entry, resolution: Resolution) -> Entry:
    return resolve("address", known, resolution, reason="seen in Revenue", ids=("2c98",), now=NOW)


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
