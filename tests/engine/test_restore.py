"""A state that is not the last one: noticed before anything is sent, and accepted only with everything undecided."""

import json
from dataclasses import replace

import pytest
from builders import A, B, declare, subscription
from worlds import World

from reconciler.core.resolve import Resolution
from reconciler.core.restore import with_nothing_unlisted
from reconciler.core.run import Outcome, exit_status
from reconciler.core.state import State
from reconciler.errors import StaleError, UsageError
from reconciler.formats.state import write_state

FIRST, SECOND = declare(subscription(1), A), declare(subscription(1, "A-S00000002"), A)
CHANGED = declare(subscription(1), B)


def restored_world() -> tuple[World, State]:
    """FIRST was applied; after a backup CHANGED took its place and SECOND was applied; then the backup was restored."""
    world = World(FIRST)
    world.apply()
    backup = world.document.content
    world.declare(CHANGED, SECOND)
    world.wait(hours=1)
    world.apply()
    lost = world.state
    world.document.content = backup
    world.wait(days=2)
    world.restore(backup)
    return world, lost


def test_an_older_state_is_noticed_before_anything_is_sent() -> None:
    world = World(FIRST)
    world.apply()
    backup = world.document.content
    world.declare(CHANGED)
    world.wait(hours=1)
    world.apply()
    world.document.content = backup

    with pytest.raises(StaleError, match="serial") as caught:
        world.apply()
    assert "state restore" in caught.value.hint
    assert len(world.platform.keys) == 2


def test_a_state_that_is_gone_is_noticed_before_everything_is_sent_again() -> None:
    world = World(FIRST)
    world.apply()
    world.document.content = None

    with pytest.raises(StaleError, match="not there") as caught:
        world.apply()
    assert "FILE|--empty" in caught.value.hint
    assert len(world.platform.keys) == 1


def tampered(world: World, change: str) -> bytes:
    state = world.state
    if change == "another lineage":
        return write_state(replace(state, lineage="another", serial=state.serial + 9))
    return write_state(replace(state, tenant="another"))


@pytest.mark.parametrize("change", ["another lineage", "the same serial"])
def test_a_state_that_somebody_else_has_put_there_is_noticed(change: str) -> None:
    world = World(FIRST)
    world.apply()
    world.document.content = tampered(world, change)

    with pytest.raises(StaleError, match=change):
        world.apply()


def test_what_is_no_older_state_goes_on() -> None:
    """Laid out anew, or written by another machine since; or the mark is lost, or was never written."""
    world = World(FIRST)
    world.apply()
    world.document.content = json.dumps(json.loads(world.document.content or b"")).encode()
    assert world.actions() == []
    world.edit(lambda state: state)
    assert world.actions() == []
    for content in (None, b"", b"[]", b"nonsense", b'{"version": 2}', b'{"version": 1, "lineage": 1}'):
        world.mark.content = content
        assert world.actions() == []
    world.mark.fails = True
    world.declare(CHANGED)
    assert world.outcomes() == [Outcome.DONE]


def test_a_restored_state_sends_nothing_and_calls_everything_undecided() -> None:
    world, _ = restored_world()
    sent = len(world.platform.keys)

    assert world.actions() == ["undecided", "undecided"]
    assert exit_status(world.apply()) == 7
    assert len(world.platform.keys) == sent


def test_what_a_person_finds_out_decides_and_the_rest_goes_on() -> None:
    world, _ = restored_world()
    world.decide(CHANGED, Resolution.DONE, "2c99")
    world.decide(SECOND, Resolution.NOT_DONE)

    assert world.outcomes() == [Outcome.DONE]
    assert world.actions() == []
    done = world.entry(CHANGED).applied
    assert done is not None
    assert (done.id_list, done.resolution) == (("2c99",), "looked it up")
    assert len(world.platform.effects) == 4


def test_keys_after_a_restore_are_none_of_those_that_were_sent_before() -> None:
    world, _ = restored_world()
    before = set(world.platform.keys)
    for declared in (CHANGED, SECOND):
        world.decide(declared, Resolution.NOT_DONE)
    world.apply()

    assert len(world.platform.keys) == len(before) + 2
    assert not before & set(world.platform.keys[-2:])


def test_two_machines_that_restore_one_backup_and_know_nothing_of_each_other_send_different_keys() -> None:
    epochs = set()
    for hours in (1, 2):
        world = World(FIRST)
        world.apply()
        world.mark.content = None
        world.wait(hours=hours)
        epochs.add(world.restore(world.document.content).epoch)

    assert len(epochs) == 2


def test_a_restored_state_is_the_last_one_from_then_on() -> None:
    world, lost = restored_world()
    assert (world.state.serial, world.state.lineage) == (lost.serial + 1, lost.lineage)
    world.document.content = write_state(lost)

    with pytest.raises(StaleError, match="serial"):
        world.apply()


def test_an_address_that_is_not_listed_stays_undecided_when_it_is_declared_later() -> None:
    world, _ = restored_world()
    world.decide(CHANGED, Resolution.DONE)
    world.decide(SECOND, Resolution.DONE)
    world.declare(CHANGED, SECOND, declare(subscription(1, "A-S00000003")))
    assert world.actions() == ["undecided"]
    world.edit(lambda state: with_nothing_unlisted(state, "the journal of the job says so"))

    assert world.actions() == ["regenerate"]
    with pytest.raises(UsageError):
        with_nothing_unlisted(world.state, "again")


def test_what_is_not_declared_needs_no_decision() -> None:
    world, _ = restored_world()
    world.declare()

    assert world.actions() == []


def test_without_any_backup_an_empty_state_sends_nothing_of_what_is_declared() -> None:
    world = World(FIRST, SECOND)
    world.apply()
    lost = world.state
    world.document.content = None
    accepted = world.restore(None)

    assert (accepted.serial, accepted.lineage) == (lost.serial + 1, lost.lineage)
    assert world.actions() == ["undecided", "undecided"]


def test_a_later_state_is_not_replaced_by_an_earlier_one() -> None:
    world = World(FIRST)
    world.apply()
    backup = world.document.content
    world.edit(lambda state: state)
    later = world.document.content

    with pytest.raises(StaleError, match="later"):
        world.restore(backup)
    assert world.document.content == later


def test_a_state_that_cannot_be_read_is_replaced() -> None:
    world = World(FIRST)
    world.apply()
    backup, world.document.content = world.document.content, b"half a docu"
    world.restore(backup)

    assert world.actions() == ["undecided"]


def test_a_journal_of_an_earlier_epoch_is_folded_and_its_doubt_is_part_of_what_is_undecided() -> None:
    world = World(FIRST)
    world.apply_and_die()
    backup = world.document.content
    journals = dict(world.journals.contents)
    world.journals.contents = {}
    world.restore(backup)
    world.decide(FIRST, Resolution.NOT_DONE)
    world.journals.contents = journals

    stored = world.stored()
    assert stored.state is not None
    assert [each.call.number for each in stored.state.entries[FIRST.address].in_doubt] == [0]
    assert world.outcomes() == [Outcome.UNDECIDED]
    assert len(world.platform.effects) == 1


def test_a_journal_that_is_there_when_a_state_is_restored_is_folded_first() -> None:
    world = World(FIRST)
    world.apply_and_die()
    world.restore(world.document.content)

    assert world.journals.contents == {}
    assert len(world.entry(FIRST).in_doubt) == 1
    assert world.actions() == ["undecided"]
    (change,) = world.plan().changes
    assert "call 0 of 2026-11-22T12:00:00Z was not answered" in change.reasons[1]
    world.decide(FIRST, Resolution.NOT_DONE)
    assert world.entry(FIRST).in_doubt == ()
    assert world.outcomes() == [Outcome.DONE]
    assert len(set(world.platform.keys)) == 2


def test_a_doubt_under_a_key_of_an_earlier_epoch_is_settled_as_a_person_says() -> None:
    world = World(FIRST)
    world.apply_and_die()
    world.restore(world.document.content)
    world.decide(FIRST, Resolution.DONE, "2c98")

    assert world.actions() == []
    assert world.entry(FIRST).in_doubt == ()
