"""The canary: the first calls of a plan, which must all be done before any other leaves.

Rule: its verdict belongs to the plan and is kept with the plan's approval in the state, so that whoever tries the same
plan again, by file, by id or by planning what is left of it, takes no other calls for a canary. What is in doubt is
sent again under its key, and what was not sent is sent. What was refused stops every plan that would go on with calls
of that one, until a reviewed change says otherwise: another declaration in place of the refused one (a new trigger is
enough), another object in the key map, or an allowance. That a person says it was done, by an import for example, is no
such change. After one a fresh canary goes first: what others have shown says nothing of what was changed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.core.address import Address
from reconciler.core.approval import approval_of, covers, is_answered, is_done
from reconciler.core.declaration import Declaration, Spec
from reconciler.core.digest import digest_of
from reconciler.core.entry import Asked
from reconciler.core.plan import Calling, Plan
from reconciler.core.saved import LIFETIME
from reconciler.core.state import Approval, Canary, State
from reconciler.core.timestamp import timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where the canary of an earlier plan stands. *failed* were refused, *open* have no end; both are declared as then.

    *is_clean* tells that nothing of it was refused, nor changed since: what is not open is done. *waiting* are the
    calls that are left of its plan, each with what it asks for.
    """

    plan_id: str
    failed: Mapping[Address, Declaration]
    open: Mapping[Address, Declaration]
    is_clean: bool
    waiting: frozenset[tuple[Address, Asked]]

    def concerns(self, plan: Plan) -> bool:
        """Whether *plan* would go on with what waits for this canary, or with the canary itself."""
        return any(
            _name(each) in self.waiting or each.address in self.failed or each.address in self.open
            for each in plan.calls
        )


def standings(plan: Plan, state: State | None, spec: Spec) -> tuple[Standing, ...]:
    """Return where the canaries of earlier plans stand that concern *plan*."""
    found = (_standing(each, state, spec) for each in (state.approvals.values() if state else ()) if state)
    return tuple(each for each in found if each is not None and each.concerns(plan))


def _standing(approval: Approval, state: State, spec: Spec) -> Standing | None:
    canary = approval.canary
    if canary is None:
        return None
    unsettled = {address: told for address, told in canary.left.items() if not is_done(state, address, told)}
    refused = {address: told for address, told in canary.refused.items() if not is_answered(state, address, told)}
    failed, open_ = _as_then(refused, spec), _as_then(unsettled, spec)
    return Standing(
        plan_id=approval.plan_id,
        failed=failed,
        open=open_,
        is_clean=not refused and len(open_) == len(unsettled),
        waiting=frozenset([*((a, call.asked) for a, call in approval.calls.items()), *canary.held.items()]),
    )


def _as_then(calls: Mapping[Address, Asked], spec: Spec) -> dict[Address, Declaration]:
    """Return the declarations of *calls* that ask for the same as they did then, of the same objects."""
    declared = {address: spec.declared(address) for address in calls if address in spec.declarations}
    return {address: each for address, each in declared.items() if _asked(each) == calls[address]}


def _asked(declaration: Declaration) -> Asked:
    return Asked(digest_of(declaration), declaration.sent_as)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What goes *first*, none if nothing has to; *approval* is what the run carries out a part of, if anything."""

    approval: Approval | None
    first: frozenset[Address] = frozenset()


def staged(
    plan: Plan,
    state: State | None,
    spec: Spec,
    *,
    limit: int | None,
    approval: Approval | None,
    now: datetime,
    allowed: frozenset[str] = frozenset(),
) -> Stage:
    """Return what of *plan* goes first, and the approval under which its verdict is kept.

    *limit* is how many calls make a canary, None if none is wanted. *approval* is what a person has approved: what is
    left of an earlier plan with a canary, or of one whose id is *allowed* more than others, goes on under that plan's
    id all the same.
    """
    if not plan.calls:
        return Stage(approval=approval)
    kept = approval or _continued(plan, state, allowed, has_canary=limit is not None)
    first = _first(plan, standings(plan, state, spec), limit) if limit is not None else {}
    waits = 0 < len(first) < len(plan.calls)
    if kept is None and (waits or plan.id in allowed):
        kept = approval_of(plan, expires=timestamp(now + LIFETIME))
    if kept is None or not waits:
        return Stage(approval=kept)
    return Stage(approval=replace(kept, canary=Canary(left=first)), first=frozenset(first))


def _first(plan: Plan, known: Sequence[Standing], limit: int) -> dict[Address, Asked]:
    """Return the calls that go first: what is open of earlier canaries, and *limit* of those that none has gone for."""
    resumed = {address for each in known for address in each.open}
    covered = {call for each in known if each.is_clean for call in each.waiting}
    fresh = [each.address for each in plan.calls if _name(each) not in covered and each.address not in resumed]
    chosen = {*resumed, *fresh[:limit]}
    return {each.address: _name(each)[1] for each in plan.calls if each.address in chosen}


def _continued(plan: Plan, state: State | None, allowed: frozenset[str], *, has_canary: bool) -> Approval | None:
    """Return the approval that *plan* is the rest of and that something depends on, a canary or an allowance.

    If somebody else has changed a lane of it, it is none.
    """
    for each in state.approvals.values() if state else ():
        if (
            (each.plan_id in allowed or (has_canary and each.canary))
            and covers(each, plan)
            and all(each.lanes.get(lane) == told for lane, told in plan.lanes.items())
        ):
            return each
    return None


def _name(call: Calling) -> tuple[Address, Asked]:
    return (call.address, Asked(call.digest, call.declaration.sent_as))
