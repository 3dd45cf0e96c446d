"""Applying a plan: send what it says, lane by lane, and remember what came of it.

Order: state readable -> token, tenant checked -> state there -> send, one after another -> state document, serial + 1.
What a crash leaves behind: before the last step the state is as it was, and because keys are computed, the next apply
within the platform's 24 h sends the same keys and is answered from what the platform saved.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from reconciler.core.address import lane_of, parse_address
from reconciler.core.call import Authorship, Call, KeyMismatch, Sent, call_of, settle
from reconciler.core.fold import fold
from reconciler.core.key import KeyScope, track_id
from reconciler.core.outcome import Fault, FaultKind, Nothing, know
from reconciler.core.plan import Blocked, Change, Plan, Reissue, Undecided
from reconciler.core.run import CallError, Outcome, Result, Run, Stop
from reconciler.core.state import State
from reconciler.core.tenancy import Tenancy, agree
from reconciler.core.timestamp import timestamp
from reconciler.engine.plan import StoredState
from reconciler.errors import AuthenticationError, ReconcilerError, StaleError
from reconciler.formats.state import read_state, write_state
from reconciler.ports import Clock, Platform, Progress, Regeneration, StateConflict, StateStore, Version

_CONFLICTS = 10
"""How often a write is tried again when others write too; each time their entries are kept and ours folded in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What an apply works with. *stop* is asked before every send: why no more may leave, or None."""

    store: StateStore
    platform: Platform
    clock: Clock
    progress: Progress
    stop: Callable[[], Stop | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be applied: *plan*, made from *stored*; authorship by the path of a spec file."""

    plan: Plan
    stored: StoredState
    run: str
    lineage: str
    configured: Tenancy
    authorship: Mapping[str, Authorship]


async def apply_plan(request: Request, ports: Ports) -> Run:
    """Carry out the plan and return what became of each change; the state is written before this returns.

    Raise what `Platform.authenticate` raises and WrongTenant, both before anything is sent; StorageError and StaleError
    if the state cannot be written.
    """
    plan, state = request.plan, request.stored.state
    run = Run(id=request.run, plan_id=plan.id, environment=plan.binding.environment)
    if not plan.calls:
        return replace(run, results=tuple(_not_sent(change) for change in plan.changes))
    scope = await ports.platform.authenticate()
    known = Tenancy(tenant=state.tenant, entity=state.entity) if state else Tenancy(tenant=None, entity=None)
    tenancy = agree(scope, project=request.configured, state=known)
    ports.platform.use(tenancy)
    version = request.stored.version
    if state is None:
        state = State(environment=run.environment, lineage=request.lineage, entries={})
        version = ports.store.write(write_state(state), expected=None)
    sending = _Sending(request, ports, tenancy)
    try:
        await sending.send_all()
    finally:
        _save(ports.store, state, version, sending.results, tenancy)
    return replace(run, results=tuple(sending.results), stop=sending.stopped)


class _Sending:
    """The sends of one run, in the plan's order; a lane ends at its first change that is not done."""

    def __init__(self, request: Request, ports: Ports, tenancy: Tenancy) -> None:
        bound = request.plan.binding
        self.results: list[Result] = []
        self.stopped: Stop | None = None
        self._request = request
        self._ports = ports
        self._ended_lanes: set[str] = set()
        self._scope = KeyScope(
            project=bound.project,
            environment=bound.environment,
            tenant=tenancy.tenant,
            entity=tenancy.entity,
            epoch=bound.epoch,
            refreshed_at=bound.refreshed_at,
        )

    async def send_all(self) -> None:
        changes = self._request.plan.changes
        for change in changes:
            lane = lane_of(parse_address(change.address))
            result = await self._result(change, lane)
            self.results.append(result)
            if result.outcome is not Outcome.DONE:
                self._ended_lanes.add(lane)
            self._ports.progress.settled(result, done=len(self.results), total=len(changes))

    async def _result(self, change: Change, lane: str) -> Result:
        self.stopped = self.stopped or self._ports.stop()
        if isinstance(change, Undecided | Blocked) or self.stopped or lane in self._ended_lanes:
            return _not_sent(change)
        now = self._ports.clock.now()
        if isinstance(change, Reissue) and change.not_before is not None and now < change.not_before:
            return _too_early(change)
        path = change.declaration.place.path
        call = call_of(change, self._scope, self._request.authorship.get(path, Authorship()))
        if isinstance(call, KeyMismatch):
            return _mismatched(call)
        return await self._send(call)

    async def _send(self, call: Call) -> Result:
        regeneration = Regeneration(
            body=call.declaration.target.body,
            flags=call.declaration.flags.as_sent,
            key=call.key,
            track_id=track_id(self._request.run, call.key),
        )
        left = timestamp(self._ports.clock.now())
        try:
            answer = await self._ports.platform.regenerate(regeneration)
        except ReconcilerError as error:
            return self._stopped_by(call, error)
        except asyncio.CancelledError:
            answer = Fault(FaultKind.LOST, "interrupted before the answer came")
            self.stopped = self._ports.stop() or Stop.INTERRUPTED
        sent = Sent(run=self._request.run, left=left, ended=timestamp(self._ports.clock.now()))
        knowledge = know(answer, unanswered=call.earlier is not None)
        if isinstance(knowledge, Nothing):
            self.stopped = self.stopped or _stop_for(knowledge)
        return settle(call, sent, answer, knowledge)

    def _stopped_by(self, call: Call, error: ReconcilerError) -> Result:
        """No token was to be had for *call*: nothing was sent."""
        self.stopped = Stop.CREDENTIALS if isinstance(error, AuthenticationError) else Stop.NOT_REACHED
        outcome = Outcome.IN_DOUBT if call.earlier else Outcome.NOT_STARTED
        told = CallError(type(error).__name__, error.detail)
        return Result(address=call.address, action=call.action, outcome=outcome, error=told)


def _stop_for(knowledge: Nothing) -> Stop:
    """What let this send through to nobody will let no other through either."""
    return Stop.CREDENTIALS if knowledge.authentication else Stop.NOT_REACHED


def _not_sent(change: Change) -> Result:
    outcome = Outcome.UNDECIDED if isinstance(change, Undecided) else Outcome.NOT_STARTED
    return Result(address=change.address, action=change.action, outcome=outcome)


def _too_early(change: Reissue) -> Result:
    message = f"a lost request may still land; not before {change.not_before:%Y-%m-%dT%H:%M:%SZ}"
    error = CallError("TooEarly", message)
    return replace(_not_sent(change), error=error)


def _mismatched(call: KeyMismatch) -> Result:
    message = "computed today, the key is not the one that was sent; project, tenant or entity changed since"
    error = CallError("KeyMismatch", message)
    return Result(address=call.address, action=call.action, outcome=Outcome.UNDECIDED, error=error)


def _save(store: StateStore, state: State, version: Version | None, results: list[Result], tenancy: Tenancy) -> None:
    """Write *results* into the state as it is stored now, whoever else has written it since."""
    for _ in range(_CONFLICTS):
        folded = fold(state, results, tenant=tenancy.tenant, entity=tenancy.entity)
        if folded is state:
            return
        try:
            store.write(write_state(folded), expected=version)
        except StateConflict:
            state, version = _read_again(store, state)
        else:
            return
    raise StaleError(
        "The state keeps changing",
        f"{store.name} was changed by others {_CONFLICTS} times while this run wanted to write.",
        hint="Apply again when they are done: the same keys are sent, so nothing is regenerated twice within 24 h.",
    )


def _read_again(store: StateStore, before: State) -> tuple[State, Version | None]:
    stored = store.read()
    if stored is None:
        return before, None
    state = read_state(stored.content, store.name, environment=before.environment)
    if state.lineage != before.lineage:
        raise StaleError(
            "Another state",
            f"{store.name} was replaced by a state of another lineage while this run was under way.",
            hint="Find out who wrote it before anything else is applied.",
        )
    return state, stored.version
