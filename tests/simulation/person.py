"""An operator who settles doubts, and looks at the ledger before saying anything."""

from simulation.misbehaviour import LONGEST_FLIGHT
from simulation.runner import Apply, make_plan, start
from simulation.witness import CLOCK_ERROR
from simulation.world import ENVIRONMENT, World

from reconciler.core.address import Address
from reconciler.core.plan import Undecided
from reconciler.core.resolve import FORGOTTEN, Resolution, resolve
from reconciler.core.state import Unsettled
from reconciler.core.timestamp import moment
from reconciler.engine.plan import change_entry, load_state
from reconciler.errors import UsageError


def settle(world: World) -> None:
    """Settle what is undecided, as far as that can be known now."""
    world.look()
    apply = start(world)
    _, plan = make_plan(apply)
    for change in plan.changes:
        if isinstance(change, Undecided) and _can_tell(world, change.unsettled):
            _say(apply, change.address)
    apply.process.end()


def _can_tell(world: World, lost: Unsettled) -> bool:
    """Whether whatever was sent has landed."""
    quiet = moment(lost.last_sent).timestamp() + LONGEST_FLIGHT + 2 * CLOCK_ERROR
    return world.wall() > quiet


def _say(apply: Apply, address: Address) -> None:
    """Say what the ledger shows: an effect of what was asked for, since it was."""
    witness = apply.world.witness
    stored = load_state(apply.store, apply.journals, ENVIRONMENT)
    assert stored.state is not None
    entry = stored.state.entries[address]
    lost = entry.in_doubt[-1]
    since = moment(lost.call.sent).timestamp() - 2 * CLOCK_ERROR
    seen = [
        ids
        for key, at, ids in witness.effects.get(address, ())
        if key.digest == lost.call.digest and (at >= since or key is witness.keys.get(lost.call.key))
    ]
    now = apply.clock.now()
    word = Resolution.DONE if seen else Resolution.NOT_DONE
    try:
        settled = resolve(address, entry, word, reason="the ledger", ids=tuple(seen[-1]) if seen else (), now=now)
    except UsageError:
        witness.finds("a person may not say so yet", now < moment(lost.call.sent) + FORGOTTEN)
        return
    change_entry(apply.store, stored, address, settled)
    witness.hears(lost.call.key, done=bool(seen))
    apply.world.tell(f"a person says {word} of {lost.call.key[:10]} of {address}")
