"""What files of proofs tell together of the environment whose runs, or whose state, have written them.

Rule: calls of an address are numbered in one state, so the highest number of its latest epoch is the last call, in
whichever file it stands. Files of two states have no such order, and are refused.

What no file tells of is not known here: a run that was killed, or whose file was left out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.account import Account, Done
from reconciler.core.address import Address
from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place, shown
from reconciler.core.environment import Project
from reconciler.core.evidence import Against, Evidence, Shown
from reconciler.core.promotion import Promotion
from reconciler.core.run import Outcome
from reconciler.core.tenancy import PlatformKind, Tenancy, departures
from reconciler.core.timestamp import Timestamp


@dataclass(frozen=True, slots=True)
class Told:
    """What the file at *path* tells of one call, numbered in *epoch*."""

    path: str
    epoch: int
    row: Shown | Against

    @property
    def number(self) -> tuple[int, int]:
        """By which calls of one address are in order."""
        return self.epoch, self.row.call


@dataclass(frozen=True, slots=True)
class Gathered:
    """What all files tell, by address."""

    told: Mapping[Address, Sequence[Told]]

    def account(self, address: Address) -> Account:
        """Return what is told of the last call of *address*: that it was done settles a doubt about it."""
        told = self.told.get(address)
        if not told:
            return Account(against="no proof there is tells of it")
        last = max(each.number for each in told)
        of_last = [each for each in told if each.number == last]
        first, *others = of_last
        other = next((each for each in others if each.row.digest != first.row.digest), None)
        if other is not None:
            return Account(against=f"{first.path} and {other.path} tell of two calls of number {first.row.call} there")
        decisive = max(of_last, key=_weight)
        row = decisive.row
        if isinstance(row, Shown):
            return Account(done=Done(digest=row.digest, at=row.at, has_ids=bool(row.ids), target=row.target))
        if row.outcome is Outcome.REFUSED:
            return Account(against=f"call {row.call} was refused there: {row.said} ({decisive.path})")
        why = f", and {row.said}" if row.said else ""
        return Account(against=f"call {row.call} is in doubt there since {row.at}{why} ({decisive.path})")


def _weight(told: Told) -> tuple[int, Timestamp, bool]:
    """Which of several rows about one call counts: Done settles everything, a refusal settles a doubt."""
    row = told.row
    if isinstance(row, Shown):
        return 2, row.at, bool(row.ids)
    return int(row.outcome is Outcome.REFUSED), row.at, False


def gather(documents: Mapping[str, Evidence], project: Project, promotion: Promotion) -> Gathered:
    """Return what *documents*, by path, tell together.

    Raise InvalidInput, naming each file, for what is not of the earlier environment of *promotion*, is an emulator's
    and must not be, or is of another state than the rest.
    """
    faults = [fault for path, each in documents.items() for fault in _faults(path, each, project, promotion)]
    faults += _other_states(documents, promotion)
    if faults:
        raise InvalidInput(faults)
    told: dict[Address, list[Told]] = {}
    for path, evidence in documents.items():
        rows: tuple[Shown | Against, ...] = (*evidence.shown, *evidence.against)
        for row in rows:
            told.setdefault(row.address, []).append(Told(path, evidence.epoch, row))
    return Gathered(told)


def _faults(path: str, evidence: Evidence, project: Project, promotion: Promotion) -> Iterator[Diagnostic]:
    name = promotion.earlier
    foreign = [*_foreign(evidence, project, name)]
    if foreign:
        yield Diagnostic(
            code="foreign-proof",
            summary=f"this is no proof of {name}",
            place=Place(path),
            detail=f"It says {'; '.join(foreign)}.",
            hint=f"Take it out, and bring the file that `apply -e {name} --proof` of this project has written.",
        )
    if evidence.platform is PlatformKind.EMULATOR and not promotion.accept_emulator:
        yield Diagnostic(
            code="emulator-proof",
            summary="an emulator has answered in this run",
            place=Place(path),
            detail="What an emulator carries out proves nothing of the platform.",
            hint=f"Take the proof of a run in the tenant of {name}, or set accept_emulator: true in promotes_from.",
        )


def _foreign(evidence: Evidence, project: Project, name: str) -> Iterator[str]:
    """Yield what *evidence* says otherwise than it must. What nothing was sent in has no tenant."""
    for what, found, expected in (
        ("project", evidence.project, project.name),
        ("environment", evidence.environment, name),
    ):
        if found != expected:
            yield f"{what} {shown(found)}, and {shown(expected)} is expected"
    if evidence.lineage is not None:
        tenancy = Tenancy(tenant=evidence.tenant, entity=evidence.entity)
        yield from departures(tenancy, project.environments[name].tenancy)


def _other_states(documents: Mapping[str, Evidence], promotion: Promotion) -> Iterator[Diagnostic]:
    """Yield each file that is the first of another state than the first of all; one that tells nothing has none."""
    first: dict[str | None, str] = {}
    for path, evidence in documents.items():
        if (evidence.shown or evidence.against) and evidence.lineage not in first:
            first[evidence.lineage] = path
    (lineage, path), *others = first.items() or ((None, ""),)
    for other, where in others:
        yield Diagnostic(
            code="two-lineages",
            summary=f"this proof and {path} are of two states of {promotion.earlier}",
            place=Place(where),
            detail=f"Their lineages are {other} and {lineage}. Each state numbers its calls from 0, so nobody can tell "
            "what came last.",
            hint="Take out the files of the state that is no longer used.",
        )
