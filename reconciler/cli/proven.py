"""Proofs around a command: what the earlier environment, by its state or by files, says for and against its plan."""

from dataclasses import replace
from pathlib import Path

from reconciler.cli.project import Planned, open_store
from reconciler.cli.wiring import open_journals
from reconciler.core.account import telling
from reconciler.core.diagnostics import Diagnostic, InvalidInput, Severity
from reconciler.core.environment import Environment, Project
from reconciler.core.gathered import gather
from reconciler.core.promotion import Promotion
from reconciler.core.proof import Earlier, new_calls, with_proofs
from reconciler.core.state import State, tenancy_of
from reconciler.core.tenancy import PlatformKind, departures
from reconciler.engine.plan import load_state
from reconciler.workspace.folder import load_keys


def proven(planned: Planned, promotion: Promotion) -> Planned:
    """Return *planned* with what lacks a proof.

    Raise InvalidInput if there is no state that could hold any, or no file of proofs that can be relied on.
    """
    if not new_calls(planned.plan):
        return planned
    earlier = earlier_of(planned.opened.folder, planned.opened.project, promotion)
    return replace(planned, plan=with_proofs(planned.plan, earlier, promotion, planned.at))


def earlier_of(folder: Path, project: Project, promotion: Promotion) -> Earlier:
    """Return what is known of the environment that comes before: from its state, or from files where there are some.

    Raise InvalidInput without a state of it, for files that are not what they must be, or a key map of it that cannot
    be read.
    """
    environment = project.environments[promotion.earlier]
    if promotion.proofs is not None:
        return _by_files(folder, promotion.proofs, project, promotion)
    return Earlier(
        environment=environment.name,
        source=telling(_state_of(folder, environment, promotion), environment.refreshed_at),
        is_emulator=environment.platform is PlatformKind.EMULATOR,
        refreshed_at=environment.refreshed_at,
        keys=load_keys(folder, environment),
    )


def _by_files(folder: Path, proofs: str, project: Project, promotion: Promotion) -> Earlier:
    """Whether an emulator has answered stands in each file, and is judged there."""
    from reconciler.workspace.proofs import read_proofs  # noqa: PLC0415  (few environments promote by files)

    environment = project.environments[promotion.earlier]
    return Earlier(
        environment=environment.name,
        source=gather(read_proofs(folder, proofs, promotion), project, promotion),
        is_emulator=False,
        refreshed_at=environment.refreshed_at,
        keys=load_keys(folder, environment),
        warnings=() if promotion.allowed_signers is not None else (_unsigned(proofs, promotion),),
    )


def _unsigned(proofs: str, promotion: Promotion) -> Diagnostic:
    name = promotion.earlier
    return Diagnostic(
        code="unsigned-proofs",
        severity=Severity.WARNING,
        summary=f"the proofs of {name} are taken without a look at who has signed them",
        place=promotion.place,
        detail=f"Whoever can write {proofs} can say that anything was applied in {name}.",
        hint=f"Configure signing_key in {name}, and name its public key in a file of allowed_signers here.",
    )


def _state_of(folder: Path, environment: Environment, promotion: Promotion) -> State:
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
    known = tenancy_of(state)
    others = [*departures(known, environment.tenancy)] if (known.tenant, known.entity) != (None, None) else []
    if others:
        what, why = f"the state of {name} is of another tenant or entity", f"{file} says {'; '.join(others)}."
        hint = f"Get the right document for {file}."
        raise InvalidInput(
            [Diagnostic(code="other-tenant", summary=what, detail=why, hint=hint, place=promotion.place)]
        )
    return state
