"""What goes first, where a canary stands, and what is kept of it: also of a run that was killed."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import (
    NOW,
    B,
    applied,
    charge,
    declare,
    entry,
    lost,
    plan_of,
    record,
    refused,
    said_undone,
    spec_of,
    state_of,
)
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.approval import advanced, approval_of, approving
from reconciler.core.canary import Stage, staged, standings
from reconciler.core.declaration import Declaration
from reconciler.core.digest import digest_of
from reconciler.core.entry import Asked, CallRecord, Entry
from reconciler.core.fold import broken_run, fold
from reconciler.core.journal import Opened
from reconciler.core.plan import Plan
from reconciler.core.run import Outcome, Result
from reconciler.core.selection import Action
from reconciler.core.state import Approval, Canary, State
from reconciler.core.timestamp import timestamp
from reconciler.formats.schema import SchemaSet
from reconciler.formats.state import read_state, write_state
from reconciler.workspace.schemas import load_schemas

DECLARED = [declare(charge(f"C-{number}")) for number in range(6)]
FIRST = [each.address for each in DECLARED]
LATER = timestamp(NOW + timedelta(days=7))
SPEC = spec_of(*DECLARED)


def plan(*declarations: Declaration, state: State | None = None) -> Plan:
    return plan_of(spec_of(*declarations), dict(state.entries) if state else None)


def approved(canary: Canary | None) -> Approval:
    return replace(approval_of(plan(*DECLARED), expires=LATER), canary=canary)


def canary(*left: int, refused: tuple[int, ...] = ()) -> Canary:
    digests = {
        number: (DECLARED[number].address, Asked(digest_of(DECLARED[number]))) for number in range(len(DECLARED))
    }
    return Canary(left=dict(digests[each] for each in left), refused=dict(digests[each] for each in refused))


def state(canary: Canary | None = None, entries: dict[Address, Entry] | None = None) -> State:
    approval = approved(canary)
    return replace(state_of(entries or {}), approvals={approval.plan_id: approval})


def stage(plan: Plan, known: State | None = None, limit: int | None = 2, approval: Approval | None = None) -> Stage:
    return staged(plan, known, SPEC, limit=limit, approval=approval, now=NOW)


def result(number: int, *, is_refused: bool = False) -> Result:
    call = record(target=DECLARED[number].target)
    return Result(
        address=DECLARED[number].address,
        action=Action.REGENERATE,
        outcome=Outcome.REFUSED if is_refused else Outcome.DONE,
        record=refused(call) if is_refused else applied(call),
        sends=1,
    )


def test_the_first_calls_of_a_plan_go_first_and_are_kept_with_its_approval() -> None:
    found = stage(plan(*DECLARED))

    assert found.first == set(FIRST[:2])
    assert found.approval == approved(canary(0, 1))


def test_an_approval_that_a_person_gave_is_the_one_it_is_kept_with() -> None:
    given = replace(approved(None), expires=timestamp(NOW + timedelta(hours=1)))

    assert stage(plan(*DECLARED), approval=given).approval == replace(given, canary=canary(0, 1))


def test_without_a_canary_in_the_project_file_nothing_goes_first() -> None:
    assert stage(plan(*DECLARED), limit=None) == Stage(approval=None)
    assert stage(plan(), limit=2) == Stage(approval=None)
    assert stage(plan(*DECLARED[:2])) == Stage(approval=None)


@pytest.mark.parametrize("limit", [None, 2, 6])
def test_a_plan_that_is_allowed_more_by_its_id_keeps_the_id_for_its_rest(limit: int | None) -> None:
    whole = plan(*DECLARED)
    allowed = frozenset({whole.id})

    first = staged(whole, None, SPEC, limit=limit, approval=None, now=NOW, allowed=allowed).approval
    assert first is not None
    assert (first.plan_id, set(first.calls)) == (whole.id, set(FIRST))
    begun = replace(state_of({}), approvals={whole.id: first})
    rest = staged(plan(*DECLARED[3:]), begun, SPEC, limit=None, approval=None, now=NOW, allowed=allowed)
    assert rest.approval == first
    assert staged(plan(*DECLARED[3:]), begun, SPEC, limit=None, approval=None, now=NOW).approval is None


@given(limit=st.integers(1, 8), size=st.integers(0, 6))
def test_no_more_go_first_than_were_asked_for_and_always_the_same(limit: int, size: int) -> None:
    found = stage(plan(*DECLARED[:size]), limit=limit)

    assert found.first == (set(FIRST[:limit]) if size > limit else set())


def test_what_of_a_canary_is_open_goes_first_alone() -> None:
    """The first is done; of the second nothing is known, as after a deadline."""
    done = {FIRST[0]: entry(applied(record(target=DECLARED[0].target)))}

    found = stage(plan(*DECLARED[1:]), state(canary(0, 1), done))

    assert found.first == {FIRST[1]}
    assert found.approval is not None
    assert found.approval.plan_id == approved(None).plan_id


def test_nothing_goes_first_where_the_canary_has_passed() -> None:
    done = {each.address: entry(applied(record(target=each.target))) for each in DECLARED[:2]}

    assert stage(plan(*DECLARED[2:]), state(canary(), done)).first == frozenset()


def test_what_was_never_part_of_a_plan_has_a_canary_of_its_own() -> None:
    new = [declare(charge(f"D-{number}")) for number in range(4)]

    found = staged(plan(*DECLARED, *new), state(canary()), spec_of(*DECLARED, *new), limit=2, approval=None, now=NOW)

    assert found.first == {each.address for each in new[:2]}


def test_a_canary_that_was_refused_and_lifted_tells_nothing() -> None:
    """What was refused is declared otherwise now: the others have to show anew that it works."""
    mended = declare(DECLARED[0].target, B)
    spec = spec_of(mended, *DECLARED[1:])
    known = state(canary(refused=(0,)))

    (standing,) = standings(plan(*DECLARED[1:]), known, spec)
    found = staged(plan(*DECLARED[1:]), known, spec, limit=2, approval=None, now=NOW)

    assert (standing.failed, standing.open, standing.is_clean) == ({}, {}, False)
    assert found.first == set(FIRST[1:3])


def test_a_refused_call_that_was_done_after_all_stops_nothing() -> None:
    done = {FIRST[0]: entry(applied(record(target=DECLARED[0].target)))}

    (standing,) = standings(plan(*DECLARED[1:]), state(canary(refused=(0,)), done), SPEC)

    assert (standing.failed, standing.is_clean) == ({}, True)


def test_a_person_s_word_that_a_refused_call_was_done_lifts_no_verdict() -> None:
    word = replace(applied(record(target=DECLARED[0].target)), resolution="done by hand")
    known = state(canary(refused=(0,)), {FIRST[0]: entry(word)})
    other = replace(approved(None), plan_id="p1-other")

    (standing,) = standings(plan(*DECLARED[1:]), known, SPEC)

    assert (list(standing.failed), standing.is_clean) == ([FIRST[0]], False)
    assert len(approving(known, other, NOW + timedelta(days=8)).approvals) == 2


def test_results_settle_a_canary_and_a_doubt_leaves_it_open() -> None:
    before = state(canary(0, 1, 2))
    approval = approved(canary(0, 1, 2))

    rest = advanced(approval, [result(0), result(1, is_refused=True)], before=before, after=before)

    assert rest is not None
    assert rest.canary == canary(2, refused=(1,))


def test_a_call_that_was_refused_and_then_done_in_the_same_run_is_done() -> None:
    before = state()

    rest = advanced(approved(canary(0, 1)), [result(0, is_refused=True), result(0)], before=before, after=before)

    assert rest is not None
    assert rest.canary == canary(1)


def test_the_journal_of_a_killed_run_settles_the_canary_too() -> None:
    approval = approved(canary(0, 1))
    opened = Opened(
        run="r1",
        plan_id=approval.plan_id,
        environment="local",
        lineage="lineage-1",
        epoch=0,
        tenant=None,
        entity=None,
        at=timestamp(NOW),
        guardrails=("canary 2",),
    )
    told = [result(0, is_refused=True)]

    begun = state(canary(0, 1))
    folded = fold(begun, told, tenant=None, entity=None, run=broken_run(opened, told, before=begun))

    assert folded.approvals[approval.plan_id].canary == canary(1, refused=(0,))
    assert folded.history[0].guardrails == ("canary 2",)


def test_time_alone_does_not_lift_a_verdict() -> None:
    late, other = NOW + timedelta(days=8), replace(approved(None), plan_id="p1-other")

    assert set(approving(state(canary(refused=(0,))), other, late).approvals) == {approved(None).plan_id, "p1-other"}
    assert set(approving(state(canary(0)), other, late).approvals) == {"p1-other"}
    done = {FIRST[0]: entry(applied(record(target=DECLARED[0].target)))}
    assert set(approving(state(canary(refused=(0,)), done), other, late).approvals) == {"p1-other"}


DOUBTS: dict[str, Callable[[CallRecord], Entry]] = {
    "in doubt": lambda call: entry(lost(call)),
    "said not to be done": lambda call: said_undone(lost(call)),
    "refused, as a person said": lambda call: entry(replace(refused(call), resolution="looked it up")),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_time_alone_does_not_end_a_doubt_either(doubt: str) -> None:
    late, other = NOW + timedelta(days=8), replace(approved(None), plan_id="p1-other")
    call = record(target=DECLARED[0].target)
    doubtful = state(canary(0, 1), {FIRST[0]: DOUBTS[doubt](call)})
    done = replace(doubtful, entries={FIRST[0]: entry(applied(call))})

    kept = approving(doubtful, other, late)

    assert set(kept.approvals) == {approved(None).plan_id, "p1-other"}
    assert set(approving(done, other, late).approvals) == {"p1-other"}
    (standing,) = standings(plan(*DECLARED[2:]), kept, SPEC)
    assert FIRST[0] in standing.open


def test_a_canary_that_nothing_was_sent_of_holds_nothing_when_its_approval_has_ended() -> None:
    late, other = NOW + timedelta(days=8), replace(approved(None), plan_id="p1-other")
    elsewhere = {FIRST[0]: entry(lost(record(flags=B, target=DECLARED[0].target)))}

    assert set(approving(state(canary(0, 1)), other, late).approvals) == {"p1-other"}
    assert set(approving(state(canary(0, 1), elsewhere), other, late).approvals) == {"p1-other"}


@given(
    st.dictionaries(
        st.sampled_from(FIRST), st.builds(Asked, st.just(digest_of(DECLARED[0])), st.none() | st.sampled_from(FIRST))
    )
)
def test_what_was_sent_as_something_else_is_written_and_read_back(calls: dict[Address, Asked]) -> None:
    known = state(Canary(left=calls, refused=calls, held=calls))
    content = write_state(known)

    assert read_state(content, "state.json", environment="local") == known
    assert list(SchemaSet(load_schemas()).violations("state.schema.json", json.loads(content))) == []


def test_a_verdict_is_written_and_read_back_as_it_was_and_as_the_schema_says() -> None:
    for kept in (None, canary(), canary(0, 1), replace(canary(2, refused=(3,)), held=canary(4).left)):
        approval = replace(approved(kept), selection=("--only *", "--except type:OrderLineItem") if kept else ())
        known = replace(state(kept), approvals={approval.plan_id: approval})
        content = write_state(known)

        assert read_state(content, "s", environment="local").approvals == known.approvals
        assert list(SchemaSet(load_schemas()).violations("state.schema.json", json.loads(content))) == []
