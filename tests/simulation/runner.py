"""One `reconciler apply`, as a process of its own that may die, be interrupted, run out of disk or of time."""

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any

import httpx
from simulation.disk import Process
from simulation.network import Wire
from simulation.ports import Screen, SkewedClock, WatchedJournals, WatchedMarks, WatchedPlatform, WatchedStore
from simulation.witness import Errand
from simulation.world import ENVIRONMENT, OWN, PROJECT, World

from reconciler.core.entry import Applied
from reconciler.core.plan import Plan
from reconciler.core.plan_check import plan_violations
from reconciler.core.run import Outcome, Run, Stop
from reconciler.core.selection import EVERYTHING
from reconciler.core.tenancy import Tenancy
from reconciler.engine.apply import Ports, Request, apply_plan
from reconciler.engine.marked import MarkedStore
from reconciler.engine.plan import StoredState, load_state, plan_environment, platform_time
from reconciler.errors import AuthenticationError, Locked, ReconcilerError, StaleError
from reconciler.stores.lock import held
from reconciler.zuora.client import HttpPlatform

MACHINE = "machine"
_UNLIMITED = 10**6
_DEFAULT_CONCURRENCY = 32
_SHARE, _HARD = 0.8, 0.95
"""The shares of a deadline after which no more leaves, and after which nothing is waited for, as the command has it."""

_A_MOMENT = 0.1
"""Seconds for an intent that was on its way to the disk."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How one apply goes. Times are seconds after its start, None for never; *traits* are those of its process.

    *ponders* lies between plan and approval; *signals* are the first and the second signal; *dies* ends the process at
    a time, where its traits end it at a step.
    """

    concurrency: int | None = None
    max_calls: int | None = None
    deadline: float | None = None
    ponders: float = 0.0
    signals: tuple[float, ...] = ()
    dies: float | None = None
    suspends: tuple[float, float] | None = None
    locks: bool = True
    client: str = OWN
    traits: dict[str, Any] = field(default_factory=dict)


CALM = Manner()


@dataclass(slots=True)
class Apply:
    """One apply under way."""

    world: World
    manner: Manner
    process: Process
    clock: SkewedClock
    stop: Stop | None = None
    sending: "asyncio.Task[Run] | None" = None
    plan: Plan | None = None
    ended: str = ""
    ends_at: float = inf

    @property
    def store(self) -> MarkedStore:
        folder = self.world.folder
        return MarkedStore(WatchedStore(folder, self.process, self.world.witness), WatchedMarks(folder, self.process))

    @property
    def journals(self) -> WatchedJournals:
        return WatchedJournals(self.world.folder, self.process, self.world.witness)

    async def live(self) -> str:
        """Plan and apply; return how it ended."""
        before = self.world.witness.sent
        try:
            with ExitStack() as closing:
                if self.manner.locks:
                    closing.enter_context(_lock(self.world))
                await self._work()
        except ReconcilerError as error:
            self.world.witness.shown("an error", f"{error.summary} {error.detail} {error.hint}")
            self.ended = type(error).__name__
            if isinstance(error, StaleError | Locked | AuthenticationError):
                left = self.world.witness.errands.get(self.process.name)
                self.world.witness.finds(f"I8 {self.ended} after something was sent", not (left and left.left))
        except asyncio.CancelledError:
            self.ended = "interrupted before the first send" if self.process.alive else "killed"
        except BaseException as error:
            if self.process.alive or isinstance(error, KeyboardInterrupt):
                raise
            self.ended = "killed"
        self.process.end()
        self.world.tell(f"{self.process.name} ends: {self.ended}; {self.world.witness.sent - before} sends")
        return self.ended

    async def _work(self) -> None:
        stored, plan = make_plan(self)
        self.plan = plan
        self.world.tell(f"{self.process.name} plans {[f'{each.action} {each.address}' for each in plan.changes]}")
        await self.clock.sleep(self.manner.ponders)
        self.world.witness.errands[self.process.name] = Errand(
            plan=plan,
            concurrency=self.manner.concurrency or _DEFAULT_CONCURRENCY,
            max_calls=self.manner.max_calls or _UNLIMITED,
            began=self.world.wall(),
        )
        self.sending = asyncio.ensure_future(apply_plan(self._request(stored, plan), self._ports()))
        self.process.at_death.append(self.end_sending)
        with _timers(self):
            run = await self.sending
        self._judge(run)
        self.ended = f"{run.stop or 'through'} { ({name: n for name, n in run.summary.items() if n}) }"

    def end_sending(self) -> None:
        if self.sending is not None:
            self.sending.cancel()

    def _judge(self, run: Run) -> None:
        """What the run says is on record."""
        witness = self.world.witness
        witness.shown("a run", repr(run))
        entries = (witness.written or {"entries": {}})["entries"]
        for result in run.results:
            if result.outcome is Outcome.DONE and run.error is None and isinstance(result.record, Applied):
                digest = entries.get(result.address, {}).get("applied", {}).get("digest")
                witness.finds(
                    f"I3 told as done, and not on record: {result.address}", digest == result.record.call.digest
                )

    def _request(self, stored: StoredState, plan: Plan) -> Request:
        if self.manner.deadline is not None:
            self.ends_at = self.clock.monotonic() + self.manner.deadline * _SHARE
        return Request(
            plan=plan,
            stored=stored,
            run=f"{self.process.name}-{self.world.new_id()[-6:]}",
            lineage=self.world.new_id(),
            configured=Tenancy(tenant=None, entity=None),
            authorship={},
            machine=MACHINE,
            concurrency=self.manner.concurrency,
            deadline=self.ends_at,
            max_calls=self.manner.max_calls,
        )

    def _ports(self) -> Ports:
        world, endpoint = self.world, self.world.endpoint(self.manner.client)
        wire = Wire(self.process, world.app, world.witness, world.chances.network)
        client = httpx.AsyncClient(base_url=endpoint.base_url, transport=wire, timeout=None, trust_env=False)
        platform = HttpPlatform(endpoint, client, clock=self.clock)
        return Ports(
            store=self.store,
            journals=self.journals,
            platform=WatchedPlatform(
                platform, self.process, world.witness, may_send=lambda: world.monotonic() <= self.ends_at + _A_MOMENT
            ),
            clock=self.clock,
            progress=Screen(self.process, world.witness),
            stop=lambda: self.stop,
        )


def make_plan(apply: Apply) -> tuple[StoredState, Plan]:
    """Plan as the command does, and see that nothing else happens."""
    world = apply.world
    before = world.witness.sent, world.everything()
    mark = apply.store.mark
    stored = load_state(apply.store, apply.journals, ENVIRONMENT, mark)
    now = platform_time(apply.clock.now(), stored.state, MACHINE)
    plan = plan_environment(PROJECT, ENVIRONMENT, world.spec, stored.state, now=now, selection=EVERYTHING)
    world.witness.finds("I12 a plan has changed something", before == (world.witness.sent, world.everything()))
    violations = plan_violations(plan, world.spec, stored.state, now)
    world.witness.finds(f"the plan is not legal: {violations}", not violations)
    return stored, plan


def start(world: World, manner: Manner = CALM) -> Apply:
    process = world.start(**manner.traits)
    clock = SkewedClock(process, world.wall, world.monotonic, world.clock_error(), world.chances.clock)
    return Apply(world, manner, process, clock)


def _lock(world: World) -> AbstractContextManager[None]:
    path = world.folder / "state.json"
    return held(path, name="state.json", holder={}, timeout=0.0, monotonic=world.loop.time, sleep=lambda _: None)


@contextmanager
def _timers(apply: Apply) -> Iterator[None]:
    """What comes from outside while a run is under way."""
    manner, loop = apply.manner, apply.world.loop
    timers = []
    if manner.signals:
        timers.append(loop.call_later(manner.signals[0], _stop, apply, Stop.INTERRUPTED))
        timers += [loop.call_later(at, _cancel, apply, Stop.INTERRUPTED) for at in manner.signals[1:]]
    if manner.deadline is not None:
        timers.append(loop.call_later(manner.deadline * _HARD, _cancel, apply, Stop.DEADLINE))
    if manner.dies is not None:
        timers.append(loop.call_later(manner.dies, apply.process.die))
    if manner.suspends is not None:
        at, seconds = manner.suspends
        timers.append(loop.call_later(at, apply.world.suspend, seconds))
    try:
        yield
    finally:
        for timer in timers:
            timer.cancel()


def _stop(apply: Apply, stop: Stop) -> None:
    apply.world.tell(f"{apply.process.name} is asked to stop")
    apply.stop = apply.stop or stop
    apply.ends_at = min(apply.ends_at, apply.world.monotonic())


def _cancel(apply: Apply, stop: Stop) -> None:
    _stop(apply, stop)
    apply.end_sending()
