"""A saved plan: what was planned, reviewed and approved, to be carried out exactly so or not at all.

Rule: it is never executed as it stands. It is planned anew from specs and state, and what is planned now must be what
was approved, or the rest of it; everything that has moved is named.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.core.address import Address
from reconciler.core.approval import approval_of, departures
from reconciler.core.digest import Digest
from reconciler.core.history import runs_of
from reconciler.core.plan import Binding, Calling, Plan
from reconciler.core.state import Approval, ApprovedCall, State
from reconciler.core.timestamp import Timestamp, moment, timestamp
from reconciler.errors import StalePlan, WrongTenant

LIFETIME = timedelta(days=7)
"""How long an approval is good for, if nobody says otherwise."""

_MOST_NAMED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """*plan* as it was *made*, good until *expires*; *id* is its id.

    *calls* are those that it would send, *idle* the addresses of its other changes.
    """

    plan: Plan
    id: str
    made: Timestamp
    expires: Timestamp
    calls: Mapping[Address, ApprovedCall]
    idle: frozenset[Address]

    @property
    def approval(self) -> Approval:
        return Approval(
            plan_id=self.id,
            expires=self.expires,
            calls=self.calls,
            lanes=self.plan.lanes,
            selection=self.plan.selection.options,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """What is left to do of an approved plan: *plan*, planned anew. *approval* is None once all is settled.

    *settled* of its calls were settled by earlier runs; the platform refused *refused* of these.
    """

    plan: Plan
    approval: Approval | None
    settled: int
    refused: int


def rest_of_saved(
    saved: SavedPlan, plan: Plan, state: State | None, declared: Mapping[Address, Digest], now: datetime
) -> Rest:
    """Return what is left of *saved*; *plan* is what is planned now, without any selection.

    Raise WrongTenant if it was made for another tenant or entity, StalePlan if anything has moved that it relies on.
    """
    _check_tenancy(saved.plan.binding, plan.binding)
    kept = state.approvals.get(saved.id) if state else None
    moved = [*_moved_bindings(saved.plan.binding, plan.binding), *_expired(saved.expires, now)]
    if not moved and kept is None and _is_settled(state, saved.id):
        return _nothing_left(saved.id, plan, state)
    approval = kept or saved.approval
    moved += departures(approval, plan, declared)
    if moved:
        raise _stale(saved.id, moved)
    idle = (each.address for each in plan.changes if each.address in saved.idle and not isinstance(each, Calling))
    rest = plan.narrowed(frozenset((*approval.calls, *idle)))
    return _rest(rest, approval, len(saved.calls) - len(approval.calls), state)


def rest_of_expected(
    plan_id: str, plan: Plan, state: State | None, declared: Mapping[Address, Digest], now: datetime
) -> Rest:
    """Return what is to be done under *plan_id*; *plan* is what is planned now.

    That is all of it, if that is its id, else what is left of the approved plan that the state knows under the id.
    Raise StalePlan if neither is so, or if anything has moved that it relies on.
    """
    kept = state.approvals.get(plan_id) if state else None
    if kept is None and plan.id == plan_id:
        return _rest(plan, approval_of(plan, expires=timestamp(now + LIFETIME)), 0, state)
    if kept is None:
        if _is_settled(state, plan_id):
            return _nothing_left(plan_id, plan, state)
        raise _stale(plan_id, [f"what is planned now has the id {plan.id} ({len(plan.calls)} calls)"])
    moved = [*_expired(kept.expires, now), *_refreshed(plan.binding, state, plan_id)]
    moved += departures(kept, plan, declared)
    if moved:
        raise _stale(plan_id, moved)
    return _rest(plan.narrowed(frozenset(kept.calls)), kept, 0, state)


def _rest(plan: Plan, approval: Approval, settled: int, state: State | None) -> Rest:
    return Rest(plan=plan, approval=approval, settled=settled, refused=_refused(state, approval.plan_id))


def _nothing_left(plan_id: str, plan: Plan, state: State | None) -> Rest:
    runs = list(runs_of(state.history, plan_id)) if state else []
    settled = sum(each.done + each.refused for each in runs)
    return Rest(plan=plan.narrowed(frozenset()), approval=None, settled=settled, refused=_refused(state, plan_id))


def _refused(state: State | None, plan_id: str) -> int:
    return sum(each.refused for each in runs_of(state.history, plan_id)) if state else 0


def _is_settled(state: State | None, plan_id: str) -> bool:
    return state is not None and any(each.left == 0 for each in runs_of(state.history, plan_id))


def _check_tenancy(saved: Binding, now: Binding) -> None:
    """A tenant that was not known when the plan was made may be known by now; one that no longer is has moved."""
    for what, planned, found in (("tenant", saved.tenant, now.tenant), ("entity", saved.entity, now.entity)):
        if None not in (planned, found) and planned != found:
            raise WrongTenant(
                f"Wrong {what}",
                f"The plan was made for {what} {planned}, and project file and state say {found}. Nothing was sent.",
                hint="If it is this one that is meant, plan and review again.",
            )


def _moved_bindings(saved: Binding, now: Binding) -> Iterator[str]:
    """Yield in what a plan was bound to something else than what there is *now*.

    A state that was not there yet may be there by now: the lanes tell whether it matters.
    """
    pairs = (
        ("the project", saved.project, now.project),
        ("the environment", saved.environment, now.environment),
        ("refreshed_at", saved.refreshed_at, now.refreshed_at),
        ("after_server_error", saved.after_server_error, now.after_server_error),
    )
    for what, was, found in pairs:
        if was != found:
            yield f"{what}: it was {was}, and is {found} now"
    for what, was, found in (("tenant", saved.tenant, now.tenant), ("entity", saved.entity, now.entity)):
        if was is not None and found is None:
            yield f"the {what}: it was {was}, and neither project file nor state says it now"
    if saved.lineage is not None and saved.lineage != now.lineage:
        yield f"the state: its lineage was {saved.lineage}, and is {now.lineage or 'gone'} now"
    elif saved.epoch != now.epoch:
        yield f"the state: its epoch was {saved.epoch}, and is {now.epoch} now, since it was restored"


def _refreshed(binding: Binding, state: State | None, plan_id: str) -> Iterator[str]:
    """Yield that the environment was refreshed after a run of the plan; a saved plan's binding says so of itself."""
    at = binding.refreshed_at
    if at is not None and any(each.began < at for each in runs_of(state.history if state else (), plan_id)):
        yield f"refreshed_at: {binding.environment} was refreshed at {at}, after the plan was approved"


def _expired(expires: Timestamp, now: datetime) -> Iterator[str]:
    if moment(expires) <= now:
        yield f"the time: it was good until {expires}"


def _stale(plan_id: str, moved: Sequence[str]) -> StalePlan:
    named = "; ".join(moved[:_MOST_NAMED])
    more = f"; and {len(moved) - _MOST_NAMED} more" if len(moved) > _MOST_NAMED else ""
    return StalePlan(
        "Stale plan",
        f"{plan_id} no longer holds. What has moved: {named}{more}. Nothing was sent.",
        hint="Plan and review again.",
    )
