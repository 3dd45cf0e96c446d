"""A plan is a value: complete, sorted, hashable. What is shown is what is done; apply may only do less.

Rule: the action is for the machine, the reasons are for people; nothing decides by a reason.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

from reconciler.core.address import Address
from reconciler.core.declaration import Declaration, Flags
from reconciler.core.diagnostics import Diagnostic, Place
from reconciler.core.diff import FieldChange
from reconciler.core.digest import SCHEME, Digest, canonical_json
from reconciler.core.entry import Unsettled
from reconciler.core.environment import AfterServerError
from reconciler.core.forecast import Forecast
from reconciler.core.selection import EVERYTHING, Action, Selection
from reconciler.core.timestamp import Timestamp

if TYPE_CHECKING:  # few environments have any
    from reconciler.core.guardrail_limits import Refusal

PLAN_SCHEME = "p1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regenerate:
    """Nothing was ever applied under this address: one call, number *call*."""

    declaration: Declaration
    digest: Digest
    call: int
    reasons: tuple[str, ...]
    action = Action.REGENERATE

    @property
    def address(self) -> Address:
        return self.declaration.address


@dataclass(frozen=True, slots=True, kw_only=True)
class Reissue:
    """Something else was applied, or may have been: one call under a new number.

    *fields* say what changed since; *not_before* keeps a lost request from landing after this one (None: at once).
    """

    declaration: Declaration
    digest: Digest
    call: int
    fields: tuple[FieldChange, ...]
    not_before: datetime | None
    reasons: tuple[str, ...]
    action = Action.REISSUE

    @property
    def address(self) -> Address:
        return self.declaration.address


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """The same was sent and its answer is unknown: the same key is sent again, so that it has one effect.

    *next_call* is the number of the call that would follow it, should it be refused.
    """

    declaration: Declaration
    digest: Digest
    unsettled: Unsettled
    next_call: int
    reasons: tuple[str, ...]
    action = Action.RESUME

    @property
    def address(self) -> Address:
        return self.declaration.address

    @property
    def call(self) -> int:
        return self.unsettled.call.number


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """A call was sent, its end is unknown, and no key can tell any more: a person decides.

    *unsettled* is None where not even the call is known, because the state was restored: then *call* is the number that
    a new one would have.
    """

    address: Address
    declaration: Declaration | None
    unsettled: Unsettled | None
    digest: Digest
    flags: Flags
    call: int
    reasons: tuple[str, ...]
    action = Action.UNDECIDED


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """Another change of the same lane, *by*, is undecided and comes first. *call* is the number it will have."""

    declaration: Declaration
    digest: Digest
    call: int
    by: Address
    reasons: tuple[str, ...]
    action = Action.BLOCKED

    @property
    def address(self) -> Address:
        return self.declaration.address


Effect: TypeAlias = tuple[str, Address, Digest, int] | tuple[str, Address, Digest, int, Address]
Change: TypeAlias = Regenerate | Reissue | Resume | Undecided | Blocked
Calling: TypeAlias = Regenerate | Reissue | Resume


def flags_of(change: Change) -> Flags:
    """The flags that are sent, or were sent where nothing is any more."""
    match change:
        case Regenerate() | Reissue() | Blocked():
            return change.declaration.flags
        case Undecided():
            return change.flags
        case Resume():
            return change.unsettled.call.flags


def place_of(change: Change) -> Place | None:
    return change.declaration.place if change.declaration else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What a plan was made for. *lineage* is None without a state; *tenant* and *entity* while none is known.

    *after_server_error* is a decision of the project; it shows in the effects.
    """

    project: str
    environment: str
    tenant: str | None
    entity: str | None
    refreshed_at: Timestamp | None
    lineage: str | None
    serial: int
    epoch: int
    after_server_error: AfterServerError = AfterServerError.UNDECIDED


@dataclass(frozen=True, kw_only=True)
class Plan:
    """*changes* are in the order of addresses; *unchanged*, *undeclared* and *left_out* are counts of addresses.

    *last_applied* is when the latest of the unchanged ones was applied; *forecast* is None where none was made. *lanes*
    are the fingerprints of the entries that it saw, by lane; a lane without entries is absent. *refusals* are what the
    guardrails of its environment say against it.
    """

    binding: Binding
    changes: Sequence[Change]
    unchanged: int
    undeclared: int
    left_out: int = 0
    last_applied: Timestamp | None = None
    selection: Selection = EVERYTHING
    warnings: tuple[Diagnostic, ...] = ()
    forecast: Forecast | None = None
    lanes: Mapping[str, str] = field(default_factory=dict)
    refusals: "tuple[Refusal, ...]" = ()

    @cached_property
    def calls(self) -> tuple[Calling, ...]:
        return tuple(each for each in self.changes if isinstance(each, (Regenerate, Reissue, Resume)))

    @property
    def summary(self) -> dict[str, int]:
        counts = Counter(each.action for each in self.changes)
        return {
            **{str(action): counts[action] for action in Action},
            "unchanged": self.unchanged,
            "undeclared": self.undeclared,
            "calls": len(self.calls),
        }

    @cached_property
    def id(self) -> str:
        return plan_id(self.binding, map(effect, self.changes), self.lanes)

    def narrowed(self, addresses: frozenset[str]) -> "Plan":
        """Return the plan for no more than *addresses*; the others count as left out."""
        kept = tuple(each for each in self.changes if each.address in addresses)
        return replace(
            self,
            changes=kept,
            left_out=self.left_out + len(self.changes) - len(kept),
            selection=replace(self.selection, addresses=addresses),
        )


def plan_id(binding: Binding, effects: Iterable[Effect], lanes: Mapping[str, str]) -> str:
    """Return ``p1-`` and 64 hex digits over binding, effects and lanes; times, places and reasons are outside it.

    An unanswered call counts the same whether its key is still young or not, so that the id does not change by
    waiting. The serial is outside too: what a plan relies on are the entries of its lanes.
    """
    content = {
        "scheme": SCHEME,
        "project": binding.project,
        "environment": binding.environment,
        "tenant": binding.tenant,
        "entity": binding.entity,
        "refreshed_at": binding.refreshed_at,
        "lineage": binding.lineage,
        "epoch": binding.epoch,
        "effects": list(effects),
        "lanes": dict(lanes),
    }
    return f"{PLAN_SCHEME}-{hashlib.sha256(canonical_json(content).encode()).hexdigest()}"


def effect(change: Change) -> Effect:
    """Return what a change does: whether a call is new or unanswered, of which address, its digest and number.

    Where a key map sends it as another address, that one is the last.
    """
    said = change.declaration
    target = said.sent_as if said is not None and said.mapped else None
    kind = "call" if isinstance(change, Regenerate | Reissue | Blocked) else "unsettled"
    told = (kind, change.address, change.digest, change.call)
    return told if target is None else (*told, target)
