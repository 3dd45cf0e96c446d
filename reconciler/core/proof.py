"""Proof that a declaration was carried out in the earlier environment before it may be sent in a later one.

Rule: a proof is the platform's own answer to the last call of the address, under the very digest that is declared, and
nothing that came after it speaks against it. A person's word, an import included, is none. Whether answers come from an
emulator is told by the environment and not by each entry: a state belongs to one environment and, from its first use
on, to one tenant, and an emulator's tenants are no one else's.

A call whose answer is unknown is not judged again: it was judged before it was sent, sends nothing new, and must not
become undecidable because a proof has grown old meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeAlias

from reconciler.core.declaration import Declaration
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.diff import changed_fields
from reconciler.core.digest import Digest
from reconciler.core.entry import Entry
from reconciler.core.guardrail_limits import Refusal
from reconciler.core.plan import Change, Plan, Regenerate, Reissue
from reconciler.core.promotion import Demand, Promotion
from reconciler.core.state import State
from reconciler.core.timestamp import Timestamp, moment, timestamp

_NAMED = 10
"""How many addresses a refusal names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """What is known of the earlier environment: its *state*, and whether an emulator has answered there."""

    environment: str
    state: State
    is_emulator: bool
    refreshed_at: Timestamp | None = None


Sending: TypeAlias = Regenerate | Reissue


def with_proofs(plan: Plan, earlier: Earlier, promotion: Promotion, now: datetime) -> Plan:
    """Return *plan* in which each new call without proof says so; it is refused or warned of, as configured."""
    faults = {
        each.address: fault_of(each.declaration, each.digest, earlier, promotion, now) for each in new_calls(plan)
    }
    unproven = [each for each in new_calls(plan) if faults[each.address]]
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
        hint=f"Apply them in {earlier.environment} first, or leave them out with --except.",
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
    entry = earlier.state.known(declaration.address)
    against = _against(entry, earlier)
    done = entry.applied
    if against is not None or done is None:
        return against or "it was never applied there"
    if done.call.digest != digest:
        asked = declaration.flags, declaration.trigger
        fields = changed_fields((done.call.flags, done.call.trigger), asked)
        return f"it was applied there with something else ({', '.join(map(str, fields))} here)"
    if done.resolution is not None:
        return f"that it was applied there is a person's word and no answer of the platform: {done.resolution}"
    if earlier.is_emulator and not promotion.accept_emulator:
        return "an emulator has answered there, and accept_emulator is not set"
    if not done.id_list and not promotion.accept_empty_ids:
        return "it was applied there without any id, and accept_empty_ids is not set"
    return _untimely(done.at, promotion, now)


def _against(entry: Entry, earlier: Earlier) -> str | None:
    """Return what else is known of the address that speaks against a proof."""
    if entry.restored:
        return "the state there was restored, and nobody has said what was sent since"
    if entry.in_doubt:
        last = entry.in_doubt[-1]
        return f"call {last.call.number} is in doubt there since {last.call.sent}"
    done, refused = entry.applied, entry.refused
    if refused is not None and (done is None or refused.call.number > done.call.number):
        return f"call {refused.call.number} was refused there: {refused.code} {refused.message}"
    if done is not None and earlier.refreshed_at is not None and done.at < earlier.refreshed_at:
        return f"it was applied there at {done.at}, before the refresh of {earlier.refreshed_at}"
    return None


def _untimely(at: Timestamp, promotion: Promotion, now: datetime) -> str | None:
    ripe = moment(at) + promotion.soak
    if now < ripe:
        return f"it was applied there at {at}, and counts from {timestamp(ripe)} on"
    if promotion.max_age is not None and now > moment(at) + promotion.max_age:
        return f"it was applied there at {at}, and counted until {timestamp(moment(at) + promotion.max_age)}"
    return None
