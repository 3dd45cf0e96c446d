"""Planning: read the state, compare it with the specs. Nothing that could send is reachable from here."""

from dataclasses import dataclass
from datetime import datetime

from reconciler.core.declaration import Spec
from reconciler.core.environment import Environment, Project
from reconciler.core.plan import Binding, Plan
from reconciler.core.planner import make_plan
from reconciler.core.selection import Selection
from reconciler.core.state import State
from reconciler.formats.state import read_state
from reconciler.ports import StateStore, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredState:
    """The state as it was read; both are None while there is none."""

    state: State | None
    version: Version | None


def load_state(store: StateStore, environment: Environment) -> StoredState:
    """Raise InvalidInput if the document is not the state of *environment*, StorageError if it cannot be read."""
    stored = store.read()
    if stored is None:
        return StoredState(state=None, version=None)
    state = read_state(stored.content, store.name, environment=environment.name)
    return StoredState(state=state, version=stored.version)


def plan_environment(
    project: Project,
    environment: Environment,
    spec: Spec,
    state: State | None,
    *,
    now: datetime,
    selection: Selection,
) -> Plan:
    binding = Binding(
        project=project.name,
        environment=environment.name,
        tenant=environment.tenant or (state.tenant if state else None),
        entity=environment.entity or (state.entity if state else None),
        refreshed_at=environment.refreshed_at,
        lineage=state.lineage if state else None,
        serial=state.serial if state else 0,
        epoch=state.epoch if state else 0,
    )
    return make_plan(spec, state, binding, now=now, selection=selection)
