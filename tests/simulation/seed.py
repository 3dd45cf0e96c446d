"""One seed is one history; the same seed is the same history, to the letter."""

import asyncio
import gc
from dataclasses import dataclass, replace

from simulation.history import History
from simulation.world import World, world_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """What became of one seed. *digest* is of the whole trace, *applies* is how each of them ended."""

    seed: int
    wrong: tuple[str, ...]
    trace: tuple[str, ...]
    digest: str
    applies: tuple[str, ...]
    sends: int
    effects: int


def simulate(seed: int) -> Ending:
    """Live through the history of *seed*."""
    was_enabled = gc.isenabled()
    gc.disable()  # finalizers run at moments that no seed decides
    try:
        with world_of(seed) as world:
            return _ending(seed, world, _live(world))
    finally:
        if was_enabled:
            gc.enable()


def outcome(seed: int) -> Ending:
    """As `simulate`, without the trace of a history in which nothing is wrong."""
    ending = simulate(seed)
    return ending if ending.wrong else replace(ending, trace=())


def _live(world: World) -> History:
    history, loop = History(world), world.loop
    try:
        loop.run_until_complete(history.live())
    except Exception as error:  # noqa: BLE001  - whatever it is, it is a finding
        world.witness.wrong.append(f"I11 {type(error).__name__}: {error}")
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.wait(left))
    loop.run_until_complete(loop.shutdown_asyncgens())
    return history


def _ending(seed: int, world: World, history: History) -> Ending:
    witness = world.witness
    died = [f"I11 a task has died of {error!r}" for error in world.loop.broken if isinstance(error, Exception)]
    return Ending(
        seed=seed,
        wrong=(*witness.wrong, *died),
        trace=tuple(world.trace),
        digest=world.digest(),
        applies=tuple(history.endings),
        sends=witness.sent,
        effects=sum(key.effects for key in witness.keys.values()),
    )
