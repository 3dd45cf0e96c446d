"""An approved plan, until all that it says is settled.

Rule: what was approved is a set of calls and the lanes they rely on. It is not spent by a run that carries out a part
of it: what the plan's own runs change is taken along, and what anybody else changes makes it stale.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from reconciler.core.address import Address, lane_of_address
from reconciler.core.digest import Digest
from reconciler.core.entry import Applied, Refused
from reconciler.core.plan import Change, Plan, Regenerate, Reissue
from reconciler.core.run import Result
from reconciler.core.seen import lanes_of, seen
from reconciler.core.state import Approval, ApprovedCall, Canary, State
from reconciler.core.timestamp import Timestamp, moment


def approval_of(plan: Plan, *, expires: Timestamp) -> Approval:
    """Return what is approved with *plan*: its calls, and nothing that it does not send."""
    calls = {each.address: ApprovedCall(each.call, each.digest) for each in plan.calls}
    return Approval(plan_id=plan.id, expires=expires, calls=calls, lanes=_lanes(plan.lanes, calls))


def _lanes(seen_lanes: Mapping[str, str], addresses: Iterable[Address]) -> Mapping[str, str]:
    return {lane: seen_lanes[lane] for lane in lanes_of(addresses) if lane in seen_lanes}


def advanced(approval: Approval, results: Iterable[Result], *, before: State, after: State) -> Approval | None:
    """Return what is left of *approval* after a run of its plan, or None once nothing is.

    *results* turned the state *before* into the one *after*. A lane that somebody else had changed *before* stays as
    the plan saw it, so that what is left in it is stale.
    """
    results = tuple(results)
    sent = {each.address for each in results if each.record is not None}
    calls = {address: call for address, call in approval.calls.items() if address not in sent}
    for address in sent & approval.calls.keys():
        doubt = _in_doubt(after, address, approval.calls[address])
        if doubt is not None:
            calls[address] = doubt
    if not calls:
        return None
    touched, left = lanes_of(sent), lanes_of(calls)
    was, now = seen(before, touched & left), seen(after, touched & left)
    own = {lane: now[lane] for lane in now if was.get(lane) == approval.lanes.get(lane)}
    lanes = {**{lane: told for lane, told in approval.lanes.items() if lane in left}, **own}
    canary = _learned(approval.canary, results) if approval.canary else None
    return replace(approval, calls=calls, lanes=lanes, canary=canary)


def _in_doubt(state: State, address: Address, approved: ApprovedCall) -> ApprovedCall | None:
    """Return what is left of an *approved* call that was sent: itself, or the one that followed it, if in doubt."""
    doubts = [
        each.call.number
        for each in state.known(address).in_doubt
        if each.call.digest == approved.digest and each.call.number >= approved.number
    ]
    return ApprovedCall(doubts[-1], approved.digest) if doubts else None


def _learned(canary: Canary, results: Iterable[Result]) -> Canary:
    """Return what is known of *canary* after *results*; of a call that is in doubt nothing is."""
    left, refused = dict(canary.left), dict(canary.refused)
    for each in results:
        if isinstance(each.record, Applied):
            left.pop(each.address, None)
            refused.pop(each.address, None)
        elif isinstance(each.record, Refused) and each.address in left:
            refused[each.address] = left.pop(each.address)
    return Canary(left=left, refused=refused)


def covers(approval: Approval, plan: Plan) -> bool:
    """Whether *plan* is what is left of *approval*, or a part of that: it has each call under the same number."""
    return all(approval.calls.get(each.address) == (each.call, each.digest) for each in plan.calls)


def approving(state: State, approval: Approval, now: datetime) -> State:
    """Return *state* with *approval* in it, and without those that have expired.

    One whose canary was refused stays, as long as that call was not done: time alone does not lift a verdict.
    """
    kept = {
        each.plan_id: each
        for each in state.approvals.values()
        if moment(each.expires) > now
        or (each.canary and any(not is_done(state, *call) for call in each.canary.refused.items()))
    }
    return replace(state, approvals={**kept, approval.plan_id: approval})


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
        elif change is None:
            yield f"the state: {address} was regenerated by another run, as the plan wanted"
        elif isinstance(change, Regenerate | Reissue) and change.call != approved.number:
            yield f"the state: {address} is at call {change.call} now, and the plan says call {approved.number}"
        elif lane_of_address(address) in moved:
            yield f"the state: {_lane_of(address)} was changed by another run"


def is_done(state: State, address: Address, digest: Digest) -> bool:
    applied = state.known(address).applied
    return applied is not None and applied.call.digest == digest


def _lane_of(address: Address) -> str:
    lane = lane_of_address(address)
    return address if lane == address else f"{address}, or another version of {lane.partition('/')[2]},"
