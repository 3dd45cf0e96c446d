"""Applying a plan: from a plan and its state to what became of each change, remembered.

Order: token, tenant checked, plan judged by the platform's time -> what abandoned journals know is in the state ->
journal open -> sends -> state document, serial + 1 -> journals removed. What a crash leaves behind: a state that is
whole, old or new, and a journal that names every request that may have left. The next plan and apply read
it first; nothing else is needed.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.core.address import Address
from reconciler.core.approval import approving
from reconciler.core.call import Authorship
from reconciler.core.command import command
from reconciler.core.diagnostics import InvalidInput, Place
from reconciler.core.entry import Unsettled
from reconciler.core.environment import AfterServerError
from reconciler.core.fold import finished_run, fold
from reconciler.core.history import RunRecord
from reconciler.core.journal import Opened
from reconciler.core.key import KeyScope, is_known
from reconciler.core.limiter import limiter
from reconciler.core.plan import Change, Plan, Undecided
from reconciler.core.run import CallError, Outcome, Result, Run, Stop
from reconciler.core.share import FREE_SHARE
from reconciler.core.state import Approval, State, tenancy_of
from reconciler.core.tenancy import Tenancy, agree, unproven
from reconciler.core.timestamp import Timestamp, timestamp
from reconciler.engine.group_commit import GroupCommit
from reconciler.engine.journals import results_of
from reconciler.engine.plan import StoredState
from reconciler.engine.recovered import DamagedJournal
from reconciler.engine.run_clock import RunClock
from reconciler.engine.sending import Sender, Sends
from reconciler.errors import NeedsDecision, ReconcilerError, StaleError, StalePlan, StorageError
from reconciler.formats.journal import opening_line, read_journal
from reconciler.formats.state import read_state, write_state
from reconciler.ports import Clock, JournalStore, Platform, Progress, StateConflict, StateStore, Version

_CONFLICTS = 50
"""How often a write is tried again when others write too; each time their entries are kept and ours folded in."""

_PROJECT_FILE = Place("reconciler.yaml")


def _at_any_time(_: datetime) -> None:
    """Admit a run at every time, for as long as it takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """What an apply works with. *stop* is asked before every send: why no more may leave, or None.

    *admit* is told once what time it is, by the platform's clock where that is known, before anything is written or
    sent. It raises GuardrailError if the plan may not be carried out then; else it returns when the environment
    freezes, by the same clock, or None.
    """

    store: StateStore
    journals: JournalStore
    platform: Platform
    clock: Clock
    progress: Progress
    stop: Callable[[], Stop | None]
    admit: Callable[[datetime], datetime | None] = _at_any_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be applied: *plan*, made from *stored*; authorship by the path of a spec file.

    *approval* is what of an approved plan *plan* carries out; None if nobody has approved more than this very run.
    *who* runs this at which *commit* of the project, and the *guardrails* that it keeps, are remembered.

    *first* are the calls that must be done before any other begins.

    *machine* names the one this runs on, whose clock is compared with the platform's; *place* is the environment's in
    the project file.

    *concurrency* is how many sends may be under way (None: the platform's limit less the share *leave_free*);
    *deadline* a monotonic time, *max_calls* how many calls are begun at most.
    """

    plan: Plan
    stored: StoredState
    run: str
    lineage: str
    configured: Tenancy
    authorship: Mapping[str, Authorship]
    approval: Approval | None = None
    who: str | None = None
    commit: str | None = None
    guardrails: tuple[str, ...] = ()
    first: frozenset[Address] = frozenset()
    machine: str = ""
    place: Place = _PROJECT_FILE
    concurrency: int | None = None
    leave_free: float = FREE_SHARE
    deadline: float = float("inf")
    max_calls: int | None = None

    @property
    def plan_id(self) -> str:
        return self.approval.plan_id if self.approval else self.plan.id


@dataclass(frozen=True, slots=True, kw_only=True)
class _Base:
    """What a run starts from: the state as it is stored, the tenant its calls are for, and the platform's clock."""

    state: State
    version: Version
    tenancy: Tenancy
    clock: RunClock
    began: Timestamp


async def apply_plan(request: Request, ports: Ports) -> Run:
    """Carry out the plan and return what became of each change.

    The state is written before this returns; where it could not be, the run says so in `error` and its journal stays,
    for the next apply to fold. Raise what `Platform.authenticate` raises, WrongTenant, GuardrailError, StaleError and
    StorageError, all before anything is sent.
    """
    plan = request.plan
    known = request.stored.state
    run = Run(
        id=request.run,
        plan_id=request.plan_id,
        environment=plan.binding.environment,
        tenancy=tenancy_of(known),
        lineage=known.lineage if known else None,
        epoch=known.epoch if known else 0,
        calls_again=plan.binding.after_server_error is AfterServerError.CALL_AGAIN,
        recovered=request.stored.learned,
    )
    if not plan.calls:
        _remember(ports, request.stored, known, ports.clock.now())
        return replace(run, results=tuple(_not_sent(change) for change in plan.changes))
    tenancy = await _authenticate(request, ports)
    run = replace(run, warnings=tuple(unproven(tenancy, request.place)), tenancy=tenancy)
    for warning in run.warnings:
        ports.progress.warned(warning)
    state = known or State(
        environment=run.environment,
        project=plan.binding.project,
        lineage=request.lineage,
        platform=tenancy.platform,
        entries={},
    )
    clock = RunClock(ports.clock, ports.platform, machine=request.machine)
    ports = _until(ports.admit(clock.now()), clock, ports)
    state = _approved(state, request.approval, clock.now())
    version = _remember(ports, request.stored, state, clock.now())
    _refuse_old_damage(request.stored, clock.now(), request.plan.binding.environment)
    run = replace(run, lineage=state.lineage)
    base = _Base(state=state, version=version, tenancy=tenancy, clock=clock, began=timestamp(clock.now()))
    return await _send(run, request, ports, base)


async def _authenticate(request: Request, ports: Ports) -> Tenancy:
    known = tenancy_of(request.stored.state)
    bound = Tenancy(tenant=request.plan.binding.tenant, entity=request.plan.binding.entity)
    scope = await ports.platform.authenticate()
    tenancy = agree(scope, project=request.configured, plan=bound, state=known)
    ports.platform.use(tenancy)
    return tenancy


def _until(freezes: datetime | None, clock: Clock, ports: Ports) -> Ports:
    """Return *ports* that stop a run when the environment freezes, and before for the reasons that they have."""
    if freezes is None:
        return ports
    return replace(ports, stop=lambda: ports.stop() or (Stop.FREEZE if clock.now() >= freezes else None))


def _approved(state: State, approval: Approval | None, now: datetime) -> State:
    """Return *state* with what of an approved plan is left to do, so that a run that breaks off does not spend it."""
    if approval is None or state.approvals.get(approval.plan_id) == approval:
        return state
    return replace(approving(state, approval, now), serial=state.serial + 1)


def _refuse_old_damage(stored: StoredState, now: datetime, environment: str) -> None:
    """Raise NeedsDecision if a damaged journal may hide what was sent under a key that is forgotten by now."""
    old = [each.name for each in stored.damaged if not _is_young(each, now)]
    if old:
        raise NeedsDecision(
            "A damaged journal is too old",
            f"{', '.join(old)}: calls may have left that it no longer tells of, and the platform has forgotten their "
            "keys. Nothing was sent; what can be read of it is in the state now.",
            hint="Compare the plan with the platform. If nothing else was done, move the file away and apply; else "
            f"take the state anew with `{command('state restore', environment, '--reason TEXT')}`, so that everything "
            "is settled by `state resolve`.",
        )


def _is_young(journal: DamagedJournal, now: datetime) -> bool:
    """Whether all that a journal no longer tells is sent again under keys that the platform still knows."""
    return journal.began is not None and is_known(journal.began, now)


def _remember(ports: Ports, stored: StoredState, state: State | None, now: datetime) -> Version:
    """Write *state* if it says more than what is stored, then remove the journals that it contains.

    Raise StaleError if the stored document is no longer the one that the plan was made from, or if a run has ended
    since then and left a journal: what it has sent is not in the plan.
    """
    current = ports.store.read()
    version = current.version if current else None
    if version != stored.version or not stored.abandoned.issuperset(ports.journals.abandoned()):
        raise _stale_plan(ports.store)
    try:
        if state is not None and (stored.is_ahead or state is not stored.state):
            version = ports.store.write(write_state(state), expected=version)
    except StateConflict:
        raise _stale_plan(ports.store) from None
    for name in (*stored.folded, *(each.name for each in stored.damaged if _is_young(each, now))):
        ports.journals.remove(name)
    return version or Version("")


def _stale_plan(store: StateStore) -> StalePlan:
    return StalePlan(
        "Stale plan",
        f"{store.name}, or what unfinished runs tell, has changed since the plan was made. Nothing was sent.",
        hint="Plan and review again.",
    )


async def _send(run: Run, request: Request, ports: Ports, base: _Base) -> Run:
    """Send under a journal, then fold what it knows; a second signal ends the sending and loses nothing."""
    journal = ports.journals.create(request.run, opening_line(_opened(request, base)))
    commit = GroupCommit(journal)
    sends = _sends(request, ports, base, commit)
    is_whole = False
    error: ReconcilerError | None = None
    try:
        await sends.send_all()
        is_whole = True
    except asyncio.CancelledError:
        sends.stop(ports.stop() or Stop.INTERRUPTED)
    except StorageError as failure:
        error = failure
    await commit.close()
    results, unsaved = _close(ports, journal.name, request, base, sends, is_whole=is_whole)
    error = unsaved or error
    return replace(
        run,
        results=results,
        stop=sends.stopped or (_stop_of(error) if error else None),
        error=CallError(type(error).__name__, f"{error.summary}: {error.detail} {error.hint}".strip())
        if error
        else None,
    )


def _stop_of(error: ReconcilerError) -> Stop:
    return Stop.STALE if isinstance(error, StaleError) else Stop.STORAGE


def _close(
    ports: Ports, name: str, request: Request, base: _Base, sends: Sends, *, is_whole: bool
) -> tuple[tuple[Result, ...], ReconcilerError | None]:
    """Fold what *sends* has learned and remove the journal.

    Of a run that was broken off the journal knows more, such as calls under way, and perhaps less: both are folded, but
    for calls that are written down there and, as is known here, have never left.
    Return what became of each change, and what has failed: the journal stays then, and what is known is saved if it can
    be.
    """
    written: Sequence[Result] = ()
    failure: ReconcilerError | None = None
    try:
        if not is_whole:
            told = results_of(read_journal(ports.journals.read(name), name))
            actions = {change.address: change.action for change in request.plan.changes}
            happened = (each for each in told if _may_have_happened(each, sends))
            written = tuple(replace(each, action=actions[each.address]) for each in happened)
    except (StorageError, InvalidInput) as error:
        failure = error
    learned = [*written, *sends.learned]
    known = {**{each.address: each for each in written if each.outcome is Outcome.IN_DOUBT}, **sends.results}
    results = tuple(known.get(change.address) or _not_sent(change) for change in request.plan.changes)
    ended = timestamp(base.clock.now())
    record = finished_run(_opened(request, base), results, learned, ended, before=base.state)
    try:
        _save(ports.store, base, learned, record)
        if failure is None:
            ports.journals.remove(name)
    except (StorageError, StaleError, InvalidInput) as error:
        failure = failure or error
    return results, failure


def _may_have_happened(told: Result, sends: Sends) -> bool:
    return not isinstance(told.record, Unsettled) or sends.has_left(told.record.call.key)


def _opened(request: Request, base: _Base) -> Opened:
    return Opened(
        run=request.run,
        plan_id=request.plan_id,
        environment=base.state.environment,
        lineage=base.state.lineage,
        epoch=base.state.epoch,
        tenant=base.tenancy.tenant,
        entity=base.tenancy.entity,
        platform=base.tenancy.platform,
        at=base.began,
        who=request.who,
        commit=request.commit,
        guardrails=request.guardrails,
    )


def _sends(request: Request, ports: Ports, base: _Base, journal: GroupCommit) -> Sends:
    bound = request.plan.binding
    return Sends(
        request.plan,
        first=request.first,
        run=request.run,
        scope=KeyScope(
            project=bound.project,
            environment=bound.environment,
            tenant=base.tenancy.tenant,
            entity=base.tenancy.entity,
            epoch=bound.epoch,
            refreshed_at=bound.refreshed_at,
        ),
        authorship=request.authorship,
        limiter=limiter(request.concurrency, leave_free=request.leave_free),
        journal=journal,
        sender=Sender(
            platform=ports.platform,
            clock=base.clock,
            progress=ports.progress,
            stop=ports.stop,
            deadline=request.deadline,
            max_calls=request.max_calls,
        ),
    )


def _not_sent(change: Change) -> Result:
    outcome = Outcome.UNDECIDED if isinstance(change, Undecided) else Outcome.NOT_STARTED
    return Result(address=change.address, action=change.action, outcome=outcome)


def _save(store: StateStore, base: _Base, results: Iterable[Result], run: RunRecord) -> None:
    """Write *results* into the state as it is stored now, whoever else has written it since."""
    state, tenancy, clock = base.state, base.tenancy, base.clock.offset()
    version: Version | None = base.version
    for _ in range(_CONFLICTS):
        folded = fold(
            state,
            results,
            tenant=tenancy.tenant,
            entity=tenancy.entity,
            platform=tenancy.platform,
            clock=clock,
            run=run,
        )
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
    state = read_state(stored.content, store.name, environment=before.environment, project=before.project)
    if state.lineage != before.lineage:
        raise StaleError(
            "Another state",
            f"{store.name} was replaced by a state of another lineage while this run was under way.",
            hint="Find out who wrote it before anything else is applied.",
        )
    return replace(state, project=before.project), stored.version
