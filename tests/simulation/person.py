"""An operator who settles doubts, and looks at the ledger before saying anything."""

from simulation.misbehaviour import LONGEST_FLIGHT
from simulation.runner import MACHINE, Apply, make_plan, start
from simulation.witness import CLOCK_ERROR
from simulation.world import ENVIRONMENT, World

from reconciler.core.address import Address
from reconciler.core.entry import Unsettled
from reconciler.core.history import RunRecord, act_record
from reconciler.core.key import is_known
from reconciler.core.plan import Undecided
from reconciler.core.resolve import Decision, Resolution, resolve
from reconciler.core.timestamp import moment, timestamp
from reconciler.engine.plan import change_state, load_state, platform_time


def settle(world: World) -> None:
    """Settle what is undecided, as far as that can be known now."""
    world.look()
    apply = start(world)
    _, plan = make_plan(apply)
    _move_old_damage_away(apply)
    for change in plan.changes:
        lost = change.unsettled if isinstance(change, Undecided) else None
        if lost and _can_tell(world, lost):
            _say(apply, change.address)
    apply.process.end()


def _move_old_damage_away(apply: Apply) -> None:
    """Nothing may leave while a damaged journal is there that is older than a key: what it hid has been compared.

    What can still be read of it is kept in the state.
    """
    store = apply.store
    stored = load_state(store, apply.journals, ENVIRONMENT, store.mark)
    now = platform_time(apply.clock.now(), stored.state, MACHINE)
    old = [each.name for each in stored.damaged if each.began is None or not is_known(each.began, now)]
    if old and stored.state is not None:
        change_state(store, apply.journals, stored, stored.state, _act(apply, "resolve"))
    for name in old:
        apply.journals.remove(name)
        apply.world.tell(f"a person moves {name} away")


def _act(apply: Apply, act: str) -> RunRecord:
    at = timestamp(apply.clock.now())
    return act_record(f"{act} {at}", act, reason="ledger", who=None, at=at, entries=1)


def _can_tell(world: World, lost: Unsettled) -> bool:
    """Whether whatever was sent has landed."""
    quiet = moment(lost.last_sent).timestamp() + LONGEST_FLIGHT + 2 * CLOCK_ERROR
    return world.wall() > quiet


def _say(apply: Apply, address: Address) -> None:
    """Say what the ledger shows: an effect of what was asked for, since it was."""
    world, witness = apply.world, apply.world.witness
    store = apply.store
    stored = load_state(store, apply.journals, ENVIRONMENT, store.mark)
    assert stored.state is not None
    lost = stored.state.entries[address].in_doubt[-1]
    since = moment(lost.call.sent).timestamp() - 2 * CLOCK_ERROR
    seen = [
        ids
        for key, at, ids in witness.effects.get(address, ())
        if key.digest == lost.call.digest and (at >= since or key is witness.keys.get(lost.call.key))
    ]
    word = Resolution.DONE if seen else Resolution.NOT_DONE
    decision = Decision(address=address, resolution=word, reason="ledger", ids=tuple(seen[-1]) if seen else ())
    entry = resolve(stored.state, decision, world.spec, platform_time(apply.clock.now(), stored.state, MACHINE))
    change_state(store, apply.journals, stored, stored.state.with_entries({address: entry}), _act(apply, "resolve"))
    if all(each.call.key != lost.call.key for each in entry.unsettled):
        witness.hears(lost.call.key, done=bool(seen))
    world.tell(f"a person says {word} of {lost.call.key[:10]} of {address}")
