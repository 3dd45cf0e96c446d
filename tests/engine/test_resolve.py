"""A person's word between two applies: what is sent then, and that a mistaken word has no second effect."""

from dataclasses import replace

import pytest
from builders import declare
from worlds import World

from reconciler.core.entry import Entry
from reconciler.core.environment import AfterServerError
from reconciler.core.resolve import Resolution
from reconciler.core.run import Outcome, exit_status
from reconciler.core.state import State
from reconciler.core.timestamp import timestamp

DECLARED = declare()
ATTEMPTS = 5


def lost_world() -> World:
    """A world in which one call was carried out and its answer never came."""
    world = World(DECLARED)
    world.platform.loses = ATTEMPTS
    assert world.outcomes() == [Outcome.IN_DOUBT]
    return world


def say_not_done(world: World) -> None:
    world.decide(DECLARED, Resolution.NOT_DONE)


@pytest.mark.parametrize("hours", [0.5, 23.5])
def test_not_done_by_mistake_gets_the_saved_answer_and_has_one_effect(hours: float) -> None:
    world = lost_world()
    world.wait(hours=hours)
    say_not_done(world)

    assert world.outcomes() == [Outcome.DONE]
    assert len(world.platform.effects) == 1
    assert world.entry(DECLARED).in_doubt == ()


def test_not_done_by_mistake_about_a_call_that_arrived_with_its_last_send_has_one_effect() -> None:
    """Its key is 24.9 h old by its first send, and the platform knows it since 22 h later."""
    world = lost_world()
    world.edit(lambda state: replace(state, entries={DECLARED.address: aged(state, world, hours=22)}))
    world.wait(hours=2.9)
    say_not_done(world)
    world.wait(hours=3)

    assert world.outcomes() == [Outcome.DONE]
    assert len(world.platform.effects) == 1


def aged(state: State, world: World, *, hours: float) -> Entry:
    """The entry, as if the call had been sent first so many hours before."""
    entry = state.entries[DECLARED.address]
    (lost,) = entry.unsettled
    world.wait(hours=-hours)
    first = timestamp(world.clock.now())
    world.wait(hours=hours)
    return replace(entry, unsettled=(replace(lost, call=replace(lost.call, sent=first)),))


def test_a_word_that_is_used_late_has_its_effect_under_the_same_key_and_covers_one_send_only() -> None:
    world = lost_world()
    world.wait(hours=24.5)
    say_not_done(world)
    world.wait(days=3)
    world.platform.loses = ATTEMPTS

    assert world.outcomes() == [Outcome.IN_DOUBT]
    world.wait(days=3)
    assert world.outcomes() == [Outcome.UNDECIDED]
    assert len(set(world.platform.keys)) == 1
    assert len(world.platform.effects) == 2


def test_not_done_about_a_key_that_is_surely_forgotten_gets_the_next_number() -> None:
    world = lost_world()
    world.wait(hours=25)
    say_not_done(world)

    assert world.outcomes() == [Outcome.DONE]
    assert len(set(world.platform.keys)) == 2


def test_a_spent_key_stays_with_the_word_until_the_platform_has_forgotten_it() -> None:
    world = World(DECLARED)
    world.platform.fails = 1
    assert exit_status(world.apply()) == 7
    say_not_done(world)
    world.wait(hours=1)
    assert exit_status(world.apply()) == 6
    assert world.platform.effects == []
    world.wait(hours=23)

    assert world.outcomes() == [Outcome.DONE]
    assert (len(set(world.platform.keys)), len(world.platform.effects)) == (1, 1)


def test_another_server_error_after_the_word_is_a_new_doubt() -> None:
    world = World(DECLARED)
    world.platform.fails = 2
    world.apply()
    say_not_done(world)
    world.wait(hours=24)

    assert exit_status(world.apply()) == 7
    assert [each.resolution for each in world.entry(DECLARED).in_doubt] == [None]


def test_a_project_that_says_call_again_gets_one_more_call_after_a_server_error() -> None:
    world = World(DECLARED)
    world.environment = replace(world.environment, after_server_error=AfterServerError.CALL_AGAIN)
    world.platform.fails = 1
    world.apply()
    assert world.outcomes() == [Outcome.NOT_STARTED]
    world.wait(minutes=11)

    assert world.outcomes() == [Outcome.DONE]
    assert (len(set(world.platform.keys)), len(world.platform.effects)) == (2, 1)
    assert world.actions() == []


def test_a_lost_answer_after_the_word_is_no_server_error_that_may_be_followed_by_another_call() -> None:
    world = World(DECLARED)
    world.environment = replace(world.environment, after_server_error=AfterServerError.CALL_AGAIN)
    world.platform.fails = 1
    world.apply()
    say_not_done(world)
    world.wait(hours=25)
    world.platform.loses = 10
    assert world.outcomes() == [Outcome.IN_DOUBT]
    world.platform.loses = 0
    world.wait(minutes=11)

    assert world.outcomes() == [Outcome.UNDECIDED]
    assert len(world.platform.effects) == 1


def test_a_run_that_is_killed_after_the_word_leaves_a_doubt_again() -> None:
    world = lost_world()
    world.wait(hours=24)
    say_not_done(world)
    world.apply_and_die()

    assert world.outcomes() == [Outcome.UNDECIDED]
