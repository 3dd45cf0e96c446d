"""Planning: read the state, compare it with the specs. Nothing that could send is reachable from here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from reconciler.core.declaration import Spec
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.environment import Environment, Project
from reconciler.core.forecast import daily_limit, forecast_of
from reconciler.core.history import RunRecord, with_run
from reconciler.core.mark import Mark, check_history, check_not_behind, missing
from reconciler.core.plan import Binding, Plan
from reconciler.core.planner import make_plan
from reconciler.core.refresh import check_refreshed
from reconciler.core.selection import Selection
from reconciler.core.state import Approval, State
from reconciler.core.tenancy import check_platform
from reconciler.engine.recover import recover
from reconciler.engine.recovered import DamagedJournal
from reconciler.errors import StaleError
from reconciler.formats.mark import is_marked, mark_of
from reconciler.formats.packed import pack_lines, unpack_lines
from reconciler.formats.state import read_state, write_state
from reconciler.formats.state_lines import LineLedger, entry_lines
from reconciler.ports import Cache, JournalStore, StateConflict, StateStore, Stored, Version

if TYPE_CHECKING:  # see Recovered
    from reconciler.core.run import Result

_WORTH_KEEPING = 64 * 1024
"""Bytes; a smaller document is read as fast as a cache is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """The state with what abandoned journals know besides; *document* is as it is stored.

    *folded* are the journals it contains, *damaged* those it contains as far as they can be read; *is_ahead* tells
    whether it says more than the stored document; *abandoned* are the names of all journals that were read, *learned*
    is what they know besides it.
    """

    state: State | None
    document: Stored | None
    folded: tuple[str, ...] = ()
    damaged: tuple[DamagedJournal, ...] = ()
    is_ahead: bool = True
    warnings: tuple[Diagnostic, ...] = ()
    abandoned: frozenset[str] = frozenset()
    learned: "tuple[Result, ...]" = ()

    @property
    def version(self) -> Version | None:
        return self.document.version if self.document else None


def load_state(
    store: StateStore,
    journals: JournalStore,
    environment: Environment,
    mark: Mark | None = None,
    *,
    cache: Cache | None = None,
) -> StoredState:
    """Read the state and what abandoned journals know. Nothing is written.

    *mark* is the last state that was written here, read before: a state that is behind it raises StaleError. *cache*
    may know the state already.
    Raise InvalidInput if a document is not of *environment* or of a newer version, WrongTenant if it is of another
    platform, StorageError if it cannot be read.
    """
    stored = store.read()
    state = _read(stored, store.name, environment, cache) if stored else None
    if mark is not None:
        check_mark(mark, stored, state, store.name, environment.name)
    if state is not None and state.project is None:
        state = replace(state, project=environment.project)  # it learns it at the next write
    recovered = recover(state, journals)
    check_platform(recovered.state.platform if recovered.state else None, environment.platform, store.name)
    return StoredState(
        state=recovered.state,
        document=stored,
        folded=recovered.folded,
        damaged=recovered.damaged,
        is_ahead=stored is None or recovered.state != state,
        warnings=recovered.warnings,
        abandoned=recovered.abandoned,
        learned=recovered.learned,
    )


def _read(stored: Stored, name: str, environment: Environment, cache: Cache | None) -> State:
    text = entry_lines(stored.content) if cache and len(stored.content) >= _WORTH_KEEPING else None
    if cache is None or text is None:
        return read_state(stored.content, name, environment=environment.name, project=environment.project)
    key = f"state-{stored.sha256}"
    kept = cache.get(key)
    lines = unpack_lines(kept, key) if kept is not None else None
    state = read_state(stored.content, name, environment=environment.name, project=environment.project, lines=lines)
    if lines is None and isinstance(state.entries, LineLedger):
        cache.put(key, pack_lines(state.entries.lines, key))
    return state


def check_mark(mark: Mark, stored: Stored | None, state: State | None, name: str, environment: str) -> None:
    """Raise StaleError if the state, as it is stored, is behind *mark*."""
    if stored is None or state is None:
        raise missing(mark, name, environment)
    found = mark_of(stored.sha256, state)
    if (found.lineage, found.epoch) == (mark.lineage, mark.epoch) and found.serial >= mark.serial:
        check_history(mark, state.history, name, environment)
    if found.serial != mark.serial or not is_marked(stored.sha256, state, mark):
        check_not_behind(mark, found, name, environment)


def change_state(
    store: StateStore, journals: JournalStore, stored: StoredState, changed: State, act: RunRecord
) -> None:
    """Write the state *changed* by a person's *act*, and remove the journals that it contains.

    What that settles of approved plans is settled. Raise StaleError if somebody else has written it meanwhile.
    """
    told = replace(
        changed,
        serial=changed.serial + 1,
        history=with_run(changed.history, act),
        approvals=_approvals(stored.state, changed) if stored.state else {},
    )
    try:
        store.write(write_state(told), expected=stored.version)
    except StateConflict:
        raise StaleError("The state has moved", f"{store.name} was changed meanwhile.", hint="Look again.") from None
    for name in stored.folded:
        journals.remove(name)


def _approvals(before: State, after: State) -> Mapping[str, Approval]:
    """Return what is left of the approved plans when a person has said what *after* knows."""
    if not before.approvals:
        return {}
    from reconciler.core.approval import settled  # noqa: PLC0415  (few states have approved plans)

    named = {address for each in before.approvals.values() for address in each.calls}
    said = frozenset(each for each in named if before.entries.get(each) != after.entries.get(each))
    left = [settled(each, said, before=before, after=after) for each in before.approvals.values()]
    return {each.plan_id: each for each in left if each is not None}


def platform_time(now: datetime, state: State | None, machine: str) -> datetime:
    """Return what the platform's clock says when that of *machine* says *now*, as far as an apply there found out."""
    clock = state.clock if state else None
    return now + timedelta(seconds=clock.seconds) if clock and clock.machine == machine else now


def plan_environment(
    project: Project,
    environment: Environment,
    spec: Spec,
    state: State | None,
    *,
    now: datetime,
    selection: Selection,
) -> Plan:
    """Raise InvalidInput where the environment is said to have been refreshed at a time that is still to come."""
    check_refreshed(environment, now)
    binding = Binding(
        project=project.name,
        environment=environment.name,
        tenant=environment.tenant or (state.tenant if state else None),
        entity=environment.entity or (state.entity if state else None),
        refreshed_at=environment.refreshed_at,
        lineage=state.lineage if state else None,
        serial=state.serial if state else 0,
        epoch=state.epoch if state else 0,
        after_server_error=environment.after_server_error,
    )
    plan = make_plan(spec, state, binding, now=now, selection=selection)
    calls = len(plan.calls)
    return replace(
        plan,
        forecast=forecast_of(calls, state, environment.api),
        warnings=(*plan.warnings, *daily_limit(calls, state, environment, now=now)),
    )
