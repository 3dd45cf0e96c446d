"""What a run has shown: which digests the platform has carried out, for whoever promotes them to a later environment.

Rule: only an answer of the platform is evidence, in this very run, or in one that broke off and whose journal this run
has read: nobody else can tell of that. A person's word, an import, and what was applied before are none; what was
refused or left in doubt is named, because it speaks against what earlier runs have shown.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.core.address import Address, address_order
from reconciler.core.digest import Digest
from reconciler.core.entry import Applied, Refused, Unsettled
from reconciler.core.run import Outcome, Result, Run
from reconciler.core.tenancy import PlatformKind
from reconciler.core.timestamp import Timestamp


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
class Against:
    """That call number *call* of *address* was refused *at* that time, or is in doubt since then (*outcome*).

    *said* is how the platform has refused it; None of a call in doubt.
    """

    address: Address
    digest: Digest
    call: int
    outcome: Outcome
    at: Timestamp
    said: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one run has *shown*, and which calls were refused or left in doubt in it (*against*).

    *platform* is who has answered; *tool* names program and version. *lineage* and *epoch* are of the state in which
    the calls are numbered; *lineage* is None where nothing could be sent.
    """

    project: str
    environment: str
    tenant: str | None
    entity: str | None
    platform: PlatformKind
    lineage: str | None
    epoch: int
    run: str
    plan_id: str
    commit: str | None
    tool: str
    shown: tuple[Shown, ...]
    against: tuple[Against, ...]


def evidence_of(run: Run, project: str, *, platform: PlatformKind, commit: str | None, tool: str) -> Evidence:
    """Return what *run*, an apply in *project*, has shown, with what it has learned of runs that broke off."""
    tenancy, learned = run.tenancy, _learned(run)
    return Evidence(
        project=project,
        environment=run.environment,
        tenant=tenancy.tenant if tenancy else None,
        entity=tenancy.entity if tenancy else None,
        platform=platform,
        lineage=run.lineage,
        epoch=run.epoch,
        run=run.id,
        plan_id=run.plan_id,
        commit=commit,
        tool=tool,
        shown=tuple(_shown(learned)),
        against=tuple(_against(learned)),
    )


def _learned(run: Run) -> list[Result]:
    """Return what is known of each call, the last that became known; addresses in order."""
    last = {
        (each.address, each.record.call.key): each for each in (*run.recovered, *run.results) if each.record is not None
    }
    return sorted(last.values(), key=lambda each: address_order(each.address))


def _shown(learned: Iterable[Result]) -> Iterable[Shown]:
    for each in learned:
        done = each.record
        if isinstance(done, Applied) and done.resolution is None:
            call = done.call
            yield Shown(
                address=each.address,
                digest=call.digest,
                call=call.number,
                ids=done.id_list,
                at=done.at,
                request_id=done.request_id,
            )


def _against(learned: Iterable[Result]) -> Iterable[Against]:
    for each in learned:
        match each.record:
            case Refused() as known:
                yield _row(each, known, Outcome.REFUSED, known.at, f"{known.code} {known.message}")
            case Unsettled() as known:
                yield _row(each, known, Outcome.IN_DOUBT, known.call.sent, None)
            case Applied() | None:
                pass  # shown, or nothing was learned


def _row(result: Result, known: Refused | Unsettled, outcome: Outcome, at: Timestamp, said: str | None) -> Against:
    call = known.call
    return Against(address=result.address, digest=call.digest, call=call.number, outcome=outcome, at=at, said=said)
