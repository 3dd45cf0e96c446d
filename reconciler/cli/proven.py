"""Proofs around a command: what the earlier environment's state says for and against its plan."""

from dataclasses import replace
from pathlib import Path

from reconciler.cli.project import Planned, open_store
from reconciler.cli.wiring import open_journals
from reconciler.core.diagnostics import Diagnostic, InvalidInput
from reconciler.core.environment import Environment, PlatformApi, Project, is_loopback
from reconciler.core.promotion import Promotion
from reconciler.core.proof import Earlier, new_calls, with_proofs
from reconciler.engine.plan import load_state


def proven(planned: Planned, promotion: Promotion) -> Planned:
    """Return *planned* with what lacks a proof. Raise InvalidInput if there is no state that could hold any."""
    if not new_calls(planned.plan):
        return planned
    earlier = earlier_of(planned.opened.folder, planned.opened.project, promotion)
    return replace(planned, plan=with_proofs(planned.plan, earlier, promotion, planned.at))


def earlier_of(folder: Path, project: Project, promotion: Promotion) -> Earlier:
    """Return what is known of the environment that comes before. Raise InvalidInput without a state of it."""
    environment = project.environments[promotion.earlier]
    store = open_store(folder, environment)
    journals = open_journals(folder, environment)
    state = load_state(store, journals, environment, store.mark).state
    name, file = environment.name, environment.state_file
    if state is None:
        what, why = f"{name} has no state: {file} is not there", f"Proofs are what was applied in {name}."
        hint = f"Get it from its history (git, the job that applies in {name}), or apply there first."
        raise InvalidInput(
            [Diagnostic(code="no-earlier-state", summary=what, detail=why, hint=hint, place=promotion.place)]
        )
    if None not in (state.tenant, environment.tenant) and state.tenant != environment.tenant:
        what = f"the state of {name} is of tenant {state.tenant}, and the project file says {environment.tenant}"
        hint = f"Get the right document for {file}."
        raise InvalidInput([Diagnostic(code="other-tenant", summary=what, hint=hint, place=promotion.place)])
    return Earlier(
        environment=name,
        state=state,
        is_emulator=is_emulated(environment),
        refreshed_at=environment.refreshed_at,
    )


def is_emulated(environment: Environment) -> bool:
    """Whether an emulator answers in *environment*: Zuora is on no loopback address."""
    api = environment.api
    return not isinstance(api, PlatformApi) or is_loopback(api.host)
