"""Proof that a declaration was carried out in the earlier environment before it may be sent in a later one.

Rule: a proof is the platform's own answer to the last call of the address, under the very digest that is declared, and
nothing that came after it speaks against it. A person's word, an import included, is none. Whether answers come from an
emulator is told by the environment and not by each entry: a state belongs to one environment and, from its first call
on, to Zuora or to an emulator.

A call whose answer is unknown is not judged again: it was judged before it was sent, sends nothing new, and must not
become undecidable because a proof has grown old meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias, assert_never

from reconciler.core.account import Account, Done, account_in_state
from reconciler.core.address import Address
from reconciler.core.declaration import Declaration
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.diff import changed_fields
from reconciler.core.digest import Digest
from reconciler.core.gathered import Gathered
from reconciler.core.guardrail_limits import Refusal
from reconciler.core.keymap import KeyMap
from reconciler.core.plan import Change, Plan, Regenerate, Reissue
from reconciler.core.promotion import Demand, Promotion
from reconciler.core.state import State
from reconciler.core.timestamp import Timestamp, moment, timestamp

_NAMED = 10
"""How many addresses a refusal names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What is known of the earlier environment: its state, or what files tell, and if an emulator has answered there.

    *keys* is its key map as it is now, None without one; *warnings* are about the *source* itself.
    """

    environment: str
    source: State | Gathered
    is_emulator: bool
    refreshed_at: Timestamp | None = None
    keys: KeyMap | None = None
    warnings: tuple[Diagnostic, ...] = ()

    def account(self, address: Address) -> Account:
        match self.source:
            case State():
                return account_in_state(self.source, address)
            case Gathered():
                return self.source.account(address)
            case _:
                assert_never(self.source)

    @property
    def state(self) -> State | None:
        """The state, if that is what tells."""
        return self.source if isinstance(self.source, State) else None

    @property
    def way(self) -> str:
        """How a declaration gets its proof."""
        if isinstance(self.source, Gathered):
            return f"Apply them in {self.environment} first, and bring the file of `apply --proof` or `state proof`"
        return f"Apply them in {self.environment} first"


Sending: TypeAlias = Regenerate | Reissue


def with_proofs(plan: Plan, earlier: Earlier, promotion: Promotion, now: datetime) -> Plan:
    """Return *plan* in which each new call without proof says so; it is refused or warned of, as configured."""
    faults = {
        each.address: fault_of(each.declaration, each.digest, earlier, promotion, now) for each in new_calls(plan)
    }
    unproven = [each for each in new_calls(plan) if faults[each.address]]
    plan = replace(plan, warnings=(*plan.warnings, *earlier.warnings))
    if not unproven:
        return plan

    def told(change: Change) -> Change:
        fault = faults.get(change.address)
        said = f"not proven in {earlier.environment}: {fault}"
        return replace(change, reasons=(*change.reasons, said)) if fault else change

    marked = replace(plan, changes=tuple(map(told, plan.changes)))
    count, total = len(unproven), len(faults)
    what = f"{count:,} of {total:,} new {'call' if total == 1 else 'calls'} not proven in {earlier.environment}"
    named = [f"{each.address} [{each.declaration.place}] {faults[each.address]}" for each in unproven[:_NAMED]]
    more = f"; and {count - _NAMED:,} more" if count > _NAMED else ""
    if promotion.demand is Demand.MARKED:
        return replace(marked, warnings=(*plan.warnings, _warning(what, f"{'; '.join(named)}{more}.", promotion)))
    refusal = Refusal(
        rule="promotes_from",
        figure=count,
        limit=0,
        told=f"{what}: {'; '.join(named)}{more}",
        hint=f"{earlier.way}, or leave them out with --except.",
    )
    return replace(marked, refusals=(*plan.refusals, refusal))


def new_calls(plan: Plan) -> Sequence[Sending]:
    """Return the changes of *plan* that need a proof."""
    return [each for each in plan.changes if isinstance(each, Regenerate | Reissue)]


def _warning(what: str, named: str, promotion: Promotion) -> Diagnostic:
    hint = f"They are sent all the same; proof: {Demand.REQUIRED} would refuse them."
    severity = Severity.WARNING
    return Diagnostic(
        code="not-proven", severity=severity, summary=what, detail=named, hint=hint, place=promotion.place
    )


def fault_of(
    declaration: Declaration, digest: Digest, earlier: Earlier, promotion: Promotion, now: datetime
) -> str | None:
    """Return, in words, why *earlier* does not prove *declaration*, whose digest is *digest*; None if it does."""
    account = earlier.account(declaration.address)
    done, against = account.done, _against(account, earlier)
    if against is not None or done is None:
        return against or "it was never applied there"
    if done.digest != digest:
        return f"it was applied there with {_other(done, declaration)}"
    return (
        _another_object(done.target, declaration.address, earlier.keys)
        or _no_answer(done, earlier, promotion)
        or _untimely(done.at, promotion, now)
    )


def _no_answer(done: Done, earlier: Earlier, promotion: Promotion) -> str | None:
    if done.word is not None:
        return f"that it was applied there is a person's word and no answer of the platform: {done.word}"
    if earlier.is_emulator and not promotion.accept_emulator:
        return "an emulator has answered there, and accept_emulator is not set"
    if not done.has_ids and not promotion.accept_empty_ids:
        return "it was applied there without any id, and accept_empty_ids is not set"
    return None


def _against(account: Account, earlier: Earlier) -> str | None:
    done = account.done
    if account.against is None and done is not None and done.at < (earlier.refreshed_at or ""):
        return f"it was applied there at {done.at}, before the refresh of {earlier.refreshed_at}"
    return account.against


def _another_object(sent: Address | None, address: Address, keys: KeyMap | None) -> str | None:
    """Return, in words, why what was *sent* under *address* went to another object than it names there now."""
    now = keys.sent_as(address) if keys is not None else None
    if sent == now:
        return None
    if keys is None or not keys.has(address):
        return f"it was applied there to {sent or address}, and no key map there says so now"
    return f"it was applied there to {sent or address}, and {keys.path} there says {now or address} now"


def _other(done: Done, declaration: Declaration) -> str:
    if done.asked is None:
        return "other flags or another trigger"
    fields = changed_fields(done.asked, (declaration.flags, declaration.trigger))
    return f"something else ({', '.join(map(str, fields))} here)"


def _untimely(at: Timestamp, promotion: Promotion, now: datetime) -> str | None:
    ripe = moment(at) + promotion.soak
    if now < ripe:
        return f"it was applied there at {at}, and counts from {timestamp(ripe)} on"
    if promotion.max_age is not None and now > moment(at) + promotion.max_age:
        return f"it was applied there at {at}, and counted until {timestamp(moment(at) + promotion.max_age)}"
    return None
