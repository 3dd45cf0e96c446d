"""State is a ledger: what has been regenerated in one environment, address by address."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from reconciler.core.address import Address
from reconciler.core.digest import Digest
from reconciler.core.entry import Asked, Entry
from reconciler.core.history import RunRecord
from reconciler.core.ledger import ledger_of
from reconciler.core.tenancy import NOBODY, PlatformKind, Tenancy
from reconciler.core.timestamp import Timestamp


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """By how many *seconds* the platform's clock was ahead of that of *machine*, which applied last and differed."""

    machine: str
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """That an older document was accepted as this state, and why; *serial* is the one it had.

    *resolution* is why a person says that what it does not list was never sent.
    """

    at: Timestamp
    serial: int
    reason: str
    resolution: str | None = None


class ApprovedCall(NamedTuple):
    """One call of an approved plan; *number* is that of the call in doubt, once it is. *target* as in CallRecord."""

    number: int
    digest: Digest
    target: Address | None = None

    @property
    def asked(self) -> Asked:
        return Asked(self.digest, self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canary:
    """The calls of a plan that went first. *left* have not ended, or are in doubt; *refused* were refused.

    *held* are calls behind those, in their lanes, of which nothing is left to be approved, but which wait all the same.
    """

    left: Mapping[Address, Asked]
    refused: Mapping[Address, Asked] = field(default_factory=dict)
    held: Mapping[Address, Asked] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """An approved plan of which something is left to do, good until *expires*.

    *calls* are those that are left; *lanes* are the fingerprints of the lanes they are in, as the plan saw them or its
    own runs left them. *canary* is None if none has gone first. *selection* are the options that the plan was made
    with, `--only` and `--except`.
    """

    plan_id: str
    expires: Timestamp
    calls: Mapping[Address, ApprovedCall]
    lanes: Mapping[str, str]
    canary: Canary | None = None
    selection: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All entries of one environment. *lineage* never changes; *serial* grows by one with each write.

    *project* is the name of the project, None where a document that does not keep it yet was read for itself. *tenant*
    and *entity* are None until the first token tells them, *platform* until the first call: what an emulator has
    answered is not what Zuora has, whatever the tenants are called. *clock* is None as long as no machine's clock was
    found to differ from the platform's. *approvals* are the approved plans that are not settled, by id; *history* are
    all runs, the oldest first.
    """

    environment: str
    project: str | None = None
    lineage: str
    serial: int = 0
    epoch: int = 0
    tenant: str | None = None
    entity: str | None = None
    platform: PlatformKind | None = None
    clock: ClockOffset | None = None
    entries: Mapping[Address, Entry]
    restored: Restored | None = None
    approvals: Mapping[str, Approval] = field(default_factory=dict)
    history: tuple[RunRecord, ...] = ()

    @property
    def doubts_unlisted(self) -> bool:
        """Whether an address that is not listed may have been sent: in the time that a restored state does not know."""
        return self.restored is not None and self.restored.resolution is None

    def known(self, address: Address) -> Entry:
        """Return the entry of *address*, or what is known of one that is not listed."""
        return self.entries.get(address) or Entry(restored=self.doubts_unlisted)

    def with_entries(self, changed: Mapping[Address, Entry]) -> "State":
        """Return the state with these entries in place of those it has of the same addresses."""
        return replace(self, entries=ledger_of(self.entries).with_entries(changed)) if changed else self


def tenancy_of(state: State | None) -> Tenancy:
    """Return what *state* says of whose calls it knows."""
    return Tenancy(tenant=state.tenant, entity=state.entity, platform=state.platform) if state else NOBODY
