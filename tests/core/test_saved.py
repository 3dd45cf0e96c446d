"""An approved plan does exactly what was approved, whoever runs it and however often, or names what has moved."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import (
    BINDING,
    NOW,
    A,
    B,
    applied,
    charge,
    declare,
    entry,
    lost,
    record,
    refused,
    said_undone,
    spec_of,
    state_of,
    subscription,
)
from hypothesis import given
from hypothesis import strategies as st
from strategies import histories, specs

from reconciler.core.address import Address, lane_of, lane_of_address, parse_address
from reconciler.core.approval import approving, settled
from reconciler.core.declaration import Declaration, Spec
from reconciler.core.entry import Applied, Entry, Refused, Unsettled
from reconciler.core.environment import AfterServerError
from reconciler.core.fold import fold
from reconciler.core.history import RunRecord, broken_link, with_run
from reconciler.core.plan import Plan
from reconciler.core.plan_check import plan_violations
from reconciler.core.planner import make_plan
from reconciler.core.resolve import Decision, Resolution, resolve
from reconciler.core.run import Outcome, Result
from reconciler.core.saved import LIFETIME, Rest, SavedPlan, rest_of_expected, rest_of_saved
from reconciler.core.state import State
from reconciler.core.table import digests_of
from reconciler.core.timestamp import timestamp
from reconciler.errors import StalePlan, WrongTenant
from reconciler.formats.plan_document import write_plan
from reconciler.formats.plan_reader import read_plan

FIRST, SECOND, THIRD = (declare(subscription(version)) for version in (1, 2, 3))
OTHER = declare(charge())
SPEC = spec_of(FIRST, SECOND, THIRD, OTHER)
EMPTY = state_of({})


def planned(spec: Spec = SPEC, state: State = EMPTY) -> Plan:
    return make_plan(spec, state, replace(BINDING, epoch=state.epoch, lineage=state.lineage), now=NOW)


def saved(spec: Spec = SPEC, state: State = EMPTY) -> SavedPlan:
    return written(planned(spec, state))


def written(plan: Plan) -> SavedPlan:
    """What is read of the document of *plan*."""
    return read_plan(write_plan(plan, made=NOW), "plan.json")


def rest(plan: SavedPlan, state: State, spec: Spec = SPEC, *, after: timedelta = timedelta(0)) -> Rest:
    return rest_of_saved(plan, planned(spec, state), state, digests_of(spec), NOW + after)


def moved(plan: SavedPlan, state: State, spec: Spec = SPEC) -> str:
    with pytest.raises(StalePlan) as stale:
        rest(plan, state, spec)
    return stale.value.detail


def result(declared: Declaration, known: Applied | Refused | Unsettled | None) -> Result:
    outcomes = {Applied: Outcome.DONE, Refused: Outcome.REFUSED, Unsettled: Outcome.IN_DOUBT}
    outcome = outcomes[type(known)] if known else Outcome.NOT_STARTED
    action = next(each.action for each in planned().changes)
    return Result(address=declared.address, action=action, outcome=outcome, sends=1, record=known)


def run_record(plan_id: str, run: str = "run-1", **counts: int) -> RunRecord:
    return RunRecord(
        run=run,
        plan_id=plan_id,
        began=timestamp(NOW),
        ended=None,
        who="me",
        commit=None,
        calls=counts.get("calls", 1),
        done=counts.get("done", 0),
        refused=counts.get("refused", 0),
        in_doubt=0,
    )


def after_run(plan: SavedPlan, state: State, results: Iterable[Result], **counts: int) -> State:
    """The state after a run of *plan* of which *results* became known."""
    begun = state if plan.id in state.approvals else approving(state, plan.approval, NOW)
    run = run_record(plan.id, f"run-{len(state.history)}", **counts)
    return fold(begun, results, tenant=None, entity=None, run=run)


def done(declared: Declaration, number: int = 0) -> Applied:
    return applied(record(number, declared.flags, target=declared.target, trigger=declared.trigger))


def calls(found: Rest) -> list[Address]:
    return [each.address for each in found.plan.calls]


def test_an_approved_plan_is_all_that_it_says() -> None:
    found = rest(saved(), EMPTY)

    assert calls(found) == [each.address for each in planned().calls]
    assert found.settled == found.refused == 0


def test_what_its_own_run_has_done_does_not_spend_it() -> None:
    plan = saved()
    half = after_run(plan, EMPTY, [result(FIRST, done(FIRST)), result(OTHER, done(OTHER))])
    found = rest(plan, half)

    assert calls(found) == [SECOND.address, THIRD.address]
    assert found.settled == 2
    assert calls(rest_of_expected(plan.id, planned(SPEC, half), half, digests_of(SPEC), NOW)) == calls(found)


def test_a_call_in_doubt_is_resumed_under_the_same_approval() -> None:
    plan = saved()
    doubtful = after_run(plan, EMPTY, [result(FIRST, lost(record()))])

    assert [each.action for each in rest(plan, doubtful).plan.calls][1:2] == ["resume"]


def test_a_second_call_number_that_its_own_run_took_is_taken_along() -> None:
    """The platform had saved a retryable refusal, and the next call of the same change is in doubt."""
    plan = saved()
    told = [result(FIRST, refused(record(0))), result(FIRST, lost(record(1)))]
    found = rest(plan, after_run(plan, EMPTY, told))

    assert [each.call for each in found.plan.calls if each.address == FIRST.address] == [1]


def test_a_second_call_in_doubt_is_kept_in_whatever_order_a_run_that_broke_off_tells_of_it() -> None:
    """What its journal says, and then what it had learned itself before it broke off."""
    plan = saved()
    first, second = result(FIRST, refused(record(0))), result(FIRST, lost(record(1)))
    found = rest(plan, after_run(plan, EMPTY, [first, second, first]))

    assert [each.call for each in found.plan.calls if each.address == FIRST.address] == [1]


def test_behind_a_refused_version_nothing_of_its_lane_is_left() -> None:
    """However often the plan is applied again, a later version is not sent before the one that was never done."""
    plan = saved()
    found = rest(plan, after_run(plan, EMPTY, [result(FIRST, refused(record(0)))], refused=1))

    assert calls(found) == [OTHER.address]
    assert found.refused == 1


def test_a_refusal_for_the_moment_leaves_the_next_number_to_be_tried() -> None:
    """The run was stopped between the two."""
    plan = saved()
    busy = replace(refused(record(0)), code="50000050")
    found = rest(plan, after_run(plan, EMPTY, [result(FIRST, busy)], refused=1))

    assert [(each.address, each.call) for each in found.plan.calls][1:] == [
        (FIRST.address, 1),
        (SECOND.address, 0),
        (THIRD.address, 0),
    ]


@pytest.mark.parametrize("age", [timedelta(hours=1), timedelta(days=2)])
@pytest.mark.parametrize("word", list(Resolution))
def test_what_a_person_settles_is_settled_and_the_rest_goes_on(word: Resolution, age: timedelta) -> None:
    plan = saved()
    doubtful = after_run(plan, EMPTY, [result(OTHER, lost(record(target=charge(), age=age)))])
    decision = Decision(address=OTHER.address, resolution=word, reason="looked")
    after = doubtful.with_entries({OTHER.address: resolve(doubtful, decision, SPEC, NOW)})
    left = settled(doubtful.approvals[plan.id], frozenset({OTHER.address}), before=doubtful, after=after)
    assert left is not None
    found = rest(plan, replace(after, approvals={plan.id: left}))

    assert (OTHER.address in calls(found)) == (word is Resolution.NOT_DONE)
    assert {FIRST.address, SECOND.address, THIRD.address} <= set(calls(found))


def test_a_project_that_calls_again_after_a_server_error_does_so_under_the_approval() -> None:
    again = replace(BINDING, after_server_error=AfterServerError.CALL_AGAIN)
    plan = written(replace(planned(), binding=again))
    state = after_run(plan, EMPTY, [result(OTHER, lost(record(target=charge()), saved_error=True))])
    now = make_plan(SPEC, state, again, now=NOW)
    found = rest_of_saved(plan, now, state, digests_of(SPEC), NOW)

    assert [(each.action, each.call) for each in found.plan.calls if each.address == OTHER.address] == [("reissue", 1)]


def test_an_epoch_that_was_raised_where_no_state_was_makes_it_stale() -> None:
    plan = written(make_plan(SPEC, None, replace(BINDING, lineage=None), now=NOW))

    assert "its epoch was 0, and is 5 now" in moved(plan, replace(EMPTY, epoch=5))


def test_a_refused_call_is_settled_and_is_not_sent_again_under_the_approval() -> None:
    plan = saved()
    found = rest(plan, after_run(plan, EMPTY, [result(OTHER, refused(record(target=charge())))], refused=1))

    assert OTHER.address not in calls(found)
    assert found.refused == 1


def test_once_all_is_settled_nothing_is_left_of_it() -> None:
    plan = saved(spec_of(FIRST))
    state = after_run(plan, EMPTY, [result(FIRST, done(FIRST))], done=1)

    assert state.approvals == {}
    assert rest(plan, state, spec_of(FIRST)).approval is None
    expected = rest_of_expected(plan.id, planned(spec_of(FIRST), state), state, digests_of(spec_of(FIRST)), NOW)
    assert (expected.approval, expected.settled, expected.plan.calls) == (None, 1, ())


def test_two_plans_over_one_state_are_both_good_where_their_lanes_differ() -> None:
    one, two = saved(spec_of(FIRST)), saved(spec_of(OTHER))
    state = after_run(one, EMPTY, [result(FIRST, done(FIRST))])

    assert calls(rest(two, state, spec_of(FIRST, OTHER))) == [OTHER.address]


def test_another_version_of_the_subscription_that_was_sent_meanwhile_makes_it_stale() -> None:
    plan = saved(spec_of(SECOND))
    state = state_of({FIRST.address: entry(done(FIRST))})

    assert f"the state: {SECOND.address}, or another version of A-S00000001, was changed by another run" in moved(
        plan, state, spec_of(FIRST, SECOND)
    )


def test_what_another_run_has_regenerated_makes_it_stale() -> None:
    state = state_of({OTHER.address: entry(done(OTHER))})

    assert f"{OTHER.address} was regenerated by another run, as the plan wanted" in moved(saved(), state)


def test_another_call_number_makes_it_stale() -> None:
    first = state_of({OTHER.address: entry(refused(record(0, target=charge())))})
    second = state_of({OTHER.address: entry(refused(record(1, target=charge())))})

    assert f"{OTHER.address} is at call 2 now, and the plan says call 1" in moved(saved(state=first), second)


def test_the_word_of_a_person_after_the_plan_makes_it_stale() -> None:
    """A call that the plan did not send would be sent."""
    old = lost(record(target=charge(), age=timedelta(days=2)))
    plan = saved(spec_of(FIRST, OTHER), state_of({OTHER.address: entry(old)}))
    found = rest(plan, state_of({OTHER.address: said_undone(old)}), spec_of(FIRST, OTHER))

    assert calls(found) == [FIRST.address]


def test_a_doubt_of_its_lane_that_is_resolved_meanwhile_is_noticed() -> None:
    doubt = lost(record(age=timedelta(hours=1)))
    plan = saved(spec_of(FIRST), state_of({FIRST.address: entry(doubt)}))

    assert "was changed by another run" in moved(plan, state_of({FIRST.address: said_undone(doubt)}), spec_of(FIRST))


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (spec_of(FIRST, SECOND, THIRD), f"{OTHER.address} is no longer declared"),
        (spec_of(FIRST, SECOND, THIRD, declare(charge(), B)), f"{OTHER.address} is declared otherwise now"),
        (spec_of(FIRST, SECOND, THIRD, declare(charge(), A, "again")), f"{OTHER.address} is declared otherwise now"),
    ],
)
def test_other_specs_make_it_stale(spec: Spec, said: str) -> None:
    assert f"the specs: {said}" in moved(saved(), EMPTY, spec)


def test_what_else_is_declared_meanwhile_is_left_alone() -> None:
    found = rest(saved(spec_of(OTHER)), EMPTY, SPEC)

    assert calls(found) == [OTHER.address]
    assert found.plan.left_out == 3
    assert plan_violations(found.plan, SPEC, EMPTY, NOW) == ()


def test_a_state_of_another_lineage_or_epoch_makes_it_stale() -> None:
    state = state_of({})

    assert "its lineage was lineage-1, and is other now" in moved(saved(), replace(state, lineage="other"))
    assert "its epoch was 0, and is 5 now" in moved(saved(), replace(state, epoch=5))


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("project", "other", "the project: it was test, and is other now"),
        ("environment", "production", "the environment: it was local, and is production now"),
        ("refreshed_at", "2026-11-22T00:00:00Z", "refreshed_at: it was None, and is 2026-11-22T00:00:00Z now"),
        ("lineage", None, "the state: its lineage was lineage-1, and is gone now"),
    ],
)
def test_another_binding_makes_it_stale(field: str, value: str | None, said: str) -> None:
    now = replace(planned(), binding=replace(BINDING, **{field: value}))  # type: ignore[arg-type]
    with pytest.raises(StalePlan, match="no longer holds") as stale:
        rest_of_saved(saved(), now, EMPTY, digests_of(SPEC), NOW)

    assert said in stale.value.detail


@pytest.mark.parametrize("field", ["tenant", "entity"])
def test_a_plan_for_another_tenant_or_entity_is_refused_as_such(field: str) -> None:
    made = written(replace(planned(), binding=replace(BINDING, **{field: "111"})))  # type: ignore[arg-type]
    now = replace(planned(), binding=replace(BINDING, **{field: "222"}))  # type: ignore[arg-type]
    with pytest.raises(WrongTenant, match=f"made for {field} 111, and project file and state say 222"):
        rest_of_saved(made, now, EMPTY, digests_of(SPEC), NOW)


def test_a_tenant_that_was_learned_after_the_plan_was_made_is_no_other() -> None:
    now = replace(planned(), binding=replace(BINDING, tenant="111", entity="e"))

    assert rest_of_saved(saved(), now, EMPTY, digests_of(SPEC), NOW).plan.calls


def test_it_is_good_until_it_expires_and_not_a_second_longer() -> None:
    assert rest(saved(), EMPTY, after=LIFETIME - timedelta(seconds=1)).plan.calls
    with pytest.raises(StalePlan, match="it was good until 2026-11-29T12:00:00Z"):
        rest(saved(), EMPTY, after=LIFETIME)


def test_an_id_that_is_expected_and_is_not_that_of_the_plan_is_stale() -> None:
    with pytest.raises(StalePlan, match=rf"what is planned now has the id {planned().id} \(4 calls\)"):
        rest_of_expected(f"p1-{'0' * 64}", planned(), EMPTY, digests_of(SPEC), NOW)


def test_what_others_change_in_the_rest_makes_the_expected_id_stale() -> None:
    plan = saved()
    half = after_run(plan, EMPTY, [result(FIRST, done(FIRST))])
    other = fold(half, [result(SECOND, done(SECOND))], tenant=None, entity=None, run=run_record("p1-other", "run-9"))
    with pytest.raises(StalePlan, match=f"{SECOND.address} was regenerated by another run"):
        rest_of_expected(plan.id, planned(SPEC, other), other, digests_of(SPEC), NOW)


def test_what_others_change_before_its_run_is_recovered_is_not_taken_along() -> None:
    """The run's own record of a lane is folded after another plan has moved the same lane."""
    plan = saved()
    begun = approving(EMPTY, plan.approval, NOW)
    other = fold(begun, [result(SECOND, done(SECOND))], tenant=None, entity=None, run=run_record("p1-other", "run-9"))
    late = fold(other, [result(FIRST, done(FIRST))], tenant=None, entity=None, run=run_record(plan.id))

    assert "was changed by another run" in moved(plan, late)


Known = Mapping[Address, Entry]


@given(specs(), histories(), st.data())
def test_any_part_that_was_done_leaves_exactly_the_rest(spec: Spec, history: Known, data: st.DataObject) -> None:
    state = state_of(dict(history))
    plan = saved(spec, state)
    first = rest(plan, state, spec)
    assert first.plan.calls == planned(spec, state).calls
    part = [each for each in first.plan.calls if data.draw(st.booleans())]
    told = [
        Result(
            address=each.address,
            action=each.action,
            outcome=Outcome.DONE,
            sends=1,
            record=applied(
                record(
                    each.call, each.declaration.flags, target=each.declaration.target, trigger=each.declaration.trigger
                )
            ),
        )
        for each in part
    ]
    after = after_run(plan, state, told, done=len(part), calls=len(part))
    found = rest(plan, after, spec)

    assert set(calls(found)) == set(calls(first)) - {each.address for each in part}
    assert plan_violations(found.plan, spec, after, NOW) == ()
    assert fold(after, told, tenant=None, entity=None, run=run_record(plan.id, "run-0", calls=len(part))) == after


@given(specs(), histories())
def test_a_lane_is_told_from_the_address_alone(spec: Spec, history: Known) -> None:
    for address in (*spec.declarations, *history):
        assert lane_of_address(address) == lane_of(parse_address(address))


def history_of(*plans: str) -> tuple[RunRecord, ...]:
    runs: tuple[RunRecord, ...] = ()
    for number, plan in enumerate(plans):
        runs = with_run(runs, run_record(plan, f"run-{number}"))
    return runs


def test_a_run_is_remembered_once() -> None:
    runs = history_of("p1-a", "p1-b")

    assert with_run(runs, run_record("p1-a", "run-0", done=5)) == runs
    assert broken_link(runs) is None


@pytest.mark.parametrize(
    "rewritten",
    [
        lambda runs: (replace(runs[0], calls=0), *runs[1:]),
        lambda runs: runs[1:],
        lambda runs: (runs[0], runs[2]),
        lambda runs: (runs[1], runs[0], runs[2]),
        lambda runs: (*runs[:2], replace(runs[2], who="another")),
    ],
    ids=["a count", "the first gone", "one gone", "another order", "the last one's author"],
)
def test_a_past_that_was_rewritten_is_noticed(rewritten: object) -> None:
    assert broken_link(rewritten(history_of("p1-a", "p1-b", "p1-c"))) is not None  # type: ignore[operator]


def test_an_expected_plan_that_was_begun_before_a_refresh_is_stale() -> None:
    plan = saved()
    state = after_run(plan, EMPTY, [])
    refreshed_at = timestamp(NOW + timedelta(seconds=1))
    now = planned(SPEC, state)
    now = replace(now, binding=replace(now.binding, refreshed_at=refreshed_at))

    with pytest.raises(StalePlan) as stale:
        rest_of_expected(plan.id, now, state, digests_of(SPEC), NOW)

    assert "was refreshed at 2026-11-22T12:00:01Z, after the plan was approved" in stale.value.detail
