"""What a run has shown: which digests the platform has carried out, for whoever promotes them to a later environment.

Rule: only an answer of the platform in this very run is evidence. A person's word, an import, and what was applied
before are none; what was refused or left in doubt is named, because it speaks against what earlier runs have shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.core.address import Address
from reconciler.core.digest import Digest
from reconciler.core.entry import Applied, Refused, Unsettled
from reconciler.core.run import Outcome, Run
from reconciler.core.timestamp import Timestamp

ZUORA, EMULATOR = "zuora", "emulator"
"""Whose answers a run has seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """That the platform has carried out call number *call* of *address*, *at* that time by its own clock if known."""

    address: Address
    digest: Digest
    call: int
    ids: tuple[str, ...]
    at: Timestamp
    request_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one run has *shown*, and which addresses were refused or left in doubt in it (*against*).

    *platform* is ZUORA or EMULATOR; *tool* names program and version.
    """

    project: str
    environment: str
    tenant: str | None
    entity: str | None
    platform: str
    lineage: str | None
    run: str
    plan_id: str
    commit: str | None
    tool: str
    shown: tuple[Shown, ...]
    against: tuple[Address, ...]


def evidence_of(run: Run, project: str, *, platform: str, commit: str | None, tool: str) -> Evidence:
    """Return what *run*, an apply in *project*, has shown; nothing if it has sent nothing."""
    tenancy = run.tenancy
    return Evidence(
        project=project,
        environment=run.environment,
        tenant=tenancy.tenant if tenancy else None,
        entity=tenancy.entity if tenancy else None,
        platform=platform,
        lineage=run.lineage,
        run=run.id,
        plan_id=run.plan_id,
        commit=commit,
        tool=tool,
        shown=tuple(_shown(run)),
        against=tuple(each.address for each in run.results if isinstance(each.record, Refused | Unsettled)),
    )


def _shown(run: Run) -> Iterable[Shown]:
    for each in run.results:
        done = each.record
        if each.outcome is Outcome.DONE and isinstance(done, Applied) and done.resolution is None:
            call = done.call
            yield Shown(
                address=each.address,
                digest=call.digest,
                call=call.number,
                ids=done.id_list,
                at=done.at,
                request_id=done.request_id,
            )
