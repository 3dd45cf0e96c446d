"""An approved plan, until all that it says is settled.

Rule: what was approved is a set of calls and the lanes they rely on. It is not spent by a run that carries out a part
of it: what the plan's own runs change is taken along, and what anybody else changes makes it stale.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from reconciler.core.address import Address, address_order, lane_of_address
from reconciler.core.digest import Digest
from reconciler.core.entry import Applied, Asked, Entry, Refused
from reconciler.core.environment import AfterServerError
from reconciler.core.outcome import is_passing
from reconciler.core.plan import Calling, Change, Plan, Regenerate, Reissue
from reconciler.core.run import Result
from reconciler.core.seen import lanes_of, seen
from reconciler.core.state import Approval, ApprovedCall, Canary, State
from reconciler.core.timestamp import Timestamp, moment


def approval_of(plan: Plan, *, expires: Timestamp) -> Approval:
    """Return what is approved with *plan*: its calls, and nothing that it does not send."""
    calls = {each.address: _approved(each) for each in plan.calls}
    return Approval(
        plan_id=plan.id,
        expires=expires,
        calls=calls,
        lanes=_lanes(plan.lanes, calls),
        selection=plan.selection.options,
    )


def _approved(call: Calling) -> ApprovedCall:
    return ApprovedCall(call.call, call.digest, call.declaration.sent_as)


def _lanes(seen_lanes: Mapping[str, str], addresses: Iterable[Address]) -> Mapping[str, str]:
    return {lane: seen_lanes[lane] for lane in lanes_of(addresses) if lane in seen_lanes}


def advanced(approval: Approval, results: Iterable[Result], *, before: State, after: State) -> Approval | None:
    """Return what is left of *approval* after a run of its plan, or None once nothing is.

    *results* turned the state *before* into the one *after*. A lane that somebody else had changed *before* stays as
    the plan saw it, so that what is left in it is stale.
    """
    results = tuple(results)
    sent = frozenset(each.address for each in results if each.record is not None)
    canary = _learned(approval.canary, results) if approval.canary else None
    return settled(replace(approval, canary=canary), sent, before=before, after=after)


def settled(approval: Approval, addresses: frozenset[Address], *, before: State, after: State) -> Approval | None:
    """Return what is left of *approval* when something became known of *addresses*, or None once nothing is.

    Behind a call that was refused for good nothing of its lane is left: it comes after what was never done. A canary
    that was refused holds it back all the same, and is kept for as long as there is something to hold.
    """
    calls, canary, refused = dict(approval.calls), approval.canary, list[Address]()
    for address in addresses & calls.keys():
        left = _left(after.known(address), calls.pop(address))
        if isinstance(left, ApprovedCall):
            calls[address] = left
        elif not left:
            refused.append(address)
    behind = {other for address in refused for other in calls if _comes_after(other, address)}
    if canary is not None and canary.refused and behind:
        canary = replace(canary, held={**canary.held, **{each: calls[each].asked for each in behind}})
    calls = {address: call for address, call in calls.items() if address not in behind}
    if not calls and not (canary and canary.held):
        return None
    touched, lanes_left = lanes_of(addresses), lanes_of(calls)
    was, now = seen(before, touched & lanes_left), seen(after, touched & lanes_left)
    own = {lane: now[lane] for lane in now if was.get(lane) == approval.lanes.get(lane)}
    lanes = {**{lane: told for lane, told in approval.lanes.items() if lane in lanes_left}, **own}
    return replace(approval, calls=calls, lanes=lanes, canary=canary)


def _left(entry: Entry, approved: ApprovedCall) -> ApprovedCall | bool:
    """Return what is left of an *approved* call that was sent; True if it was done, False if it was refused for good.

    It is the call itself, or the one that followed it, while that is in doubt; and the one that is to follow where the
    last was refused only for the moment, or a person has said that it was not done.
    """
    doubts = [
        each.call.number
        for each in entry.in_doubt
        if each.call.asked == approved.asked and each.call.number >= approved.number
    ]
    if doubts:
        return approved._replace(number=doubts[-1])
    refused = entry.refused
    if refused is not None and refused.call.asked == approved.asked and refused.call.number >= approved.number:
        return approved._replace(number=entry.next_call) if _may_follow(refused) else False
    return True


def _may_follow(refused: Refused) -> bool:
    """Whether a call is still to be made after this one: it was refused for the moment, or a person says not done."""
    return refused.resolution is not None or is_passing(refused.code)


def _comes_after(address: Address, refused: Address) -> bool:
    is_same_lane = lane_of_address(address) == lane_of_address(refused)
    return is_same_lane and address_order(address) > address_order(refused)


def _learned(canary: Canary, results: Iterable[Result]) -> Canary:
    """Return what is known of *canary* after *results*; of a call that is in doubt nothing is."""
    left, refused = dict(canary.left), dict(canary.refused)
    for each in results:
        if isinstance(each.record, Applied):
            left.pop(each.address, None)
            refused.pop(each.address, None)
        elif isinstance(each.record, Refused) and each.address in left:
            refused[each.address] = left.pop(each.address)
    return replace(canary, left=left, refused=refused)


def covers(approval: Approval, plan: Plan) -> bool:
    """Whether *plan* is what is left of *approval*, or a part of that: it has each call under the same number."""
    return all(approval.calls.get(each.address) == _approved(each) for each in plan.calls)


def approving(state: State, approval: Approval, now: datetime) -> State:
    """Return *state* with *approval* in it, and without those that have expired.

    One whose canary was refused or is in doubt stays, as long as that call was not done: time alone lifts no verdict.
    """
    kept = {
        each.plan_id: each
        for each in state.approvals.values()
        if moment(each.expires) > now or (each.canary and _holds(each.canary, state))
    }
    return replace(state, approvals={**kept, approval.plan_id: approval})


def _holds(canary: Canary, state: State) -> bool:
    """Whether something is known of *canary* besides what was done; of a call that was never sent nothing is."""
    sent = (call for call in canary.left.items() if _was_sent(state, *call))
    return any(not is_answered(state, *call) for call in canary.refused.items()) or any(
        not is_done(state, *call) for call in sent
    )


def _was_sent(state: State, address: Address, asked: Asked) -> bool:
    entry = state.known(address)
    return any(each.call.asked == asked for each in (*entry.in_doubt, entry.refused) if each)


def departures(approval: Approval, plan: Plan, declared: Mapping[Address, Digest]) -> Iterator[str]:
    """Yield what has moved since *approval*, as sentences: *plan* is what would be planned now for its addresses.

    *declared* are the digests of the specs as they are now.
    """
    planned: dict[Address, Change] = {each.address: each for each in plan.changes}
    moved = {lane for lane in lanes_of(approval.calls) if approval.lanes.get(lane) != plan.lanes.get(lane)}
    for address, approved in approval.calls.items():
        change, asked = planned.get(address), declared.get(address)
        if asked is None:
            yield f"the specs: {address} is no longer declared"
        elif asked != approved.digest:
            yield f"the specs: {address} is declared otherwise now (flags or trigger)"
        elif change is not None and change.declaration and change.declaration.sent_as != approved.target:
            sent, was = change.declaration.sent_as or address, approved.target or address
            yield f"the key map: {address} is sent as {sent} now, and the plan says {was}"
        elif change is None:
            yield f"the state: {address} was regenerated by another run, as the plan wanted"
        elif isinstance(change, Regenerate | Reissue) and change.call != approved.number + _again(change, plan, moved):
            yield f"the state: {address} is at call {change.call} now, and the plan says call {approved.number}"
        elif lane_of_address(address) in moved:
            yield f"the state: {_lane_of(address)} was changed by another run"


def _again(change: Change, plan: Plan, moved: set[str]) -> int:
    """Return by how much the number of *change* may be higher: the project calls again after a saved server error."""
    calls_again = plan.binding.after_server_error is AfterServerError.CALL_AGAIN
    is_own = isinstance(change, Reissue) and change.not_before is not None and not change.fields
    return int(calls_again and is_own and lane_of_address(change.address) not in moved)


def is_done(state: State, address: Address, asked: Asked) -> bool:
    applied = state.known(address).applied
    return applied is not None and applied.call.asked == asked


def is_answered(state: State, address: Address, asked: Asked) -> bool:
    """Whether the platform itself says that the call was done, and not only a person."""
    applied = state.known(address).applied
    return is_done(state, address, asked) and applied is not None and applied.resolution is None


def _lane_of(address: Address) -> str:
    lane = lane_of_address(address)
    return address if lane == address else f"{address}, or another version of {lane.partition('/')[2]},"
