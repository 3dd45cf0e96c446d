"""What holds for every plan, over random specs and histories."""

import os
import random
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from builders import (
    BINDING,
    CALLS_AGAIN,
    NOW,
    A,
    applied,
    declare,
    entry,
    lost,
    plan_of,
    record,
    spec_of,
    state_of,
    subscription,
)
from hypothesis import given
from hypothesis import strategies as st
from strategies import histories, specs

from reconciler.core.address import Address
from reconciler.core.declaration import Spec
from reconciler.core.entry import CallRecord, Entry
from reconciler.core.fold import fold
from reconciler.core.plan import Binding, Calling, Plan, Regenerate, Reissue, Resume, Undecided
from reconciler.core.plan_check import plan_violations
from reconciler.core.planner import make_plan
from reconciler.core.resolve import Decision, Resolution, resolve_all
from reconciler.core.restore import restored
from reconciler.core.run import Outcome, Result
from reconciler.core.state import Restored
from reconciler.core.timestamp import timestamp

History = dict[Address, Entry]


def all_done(plan: Plan) -> list[Result]:
    """What a run leaves in which the platform carries out every call of *plan*."""
    return [
        Result(
            address=change.address,
            action=change.action,
            outcome=Outcome.DONE,
            record=applied(
                record(
                    change.call,
                    change.declaration.flags,
                    target=change.declaration.target,
                    trigger=change.declaration.trigger,
                    sent_as=change.declaration.sent_as,
                )
            ),
        )
        for change in plan.calls
    ]


restorations = st.sampled_from(
    [None, *(Restored(at=timestamp(NOW), serial=1, reason="r", resolution=word) for word in (None, "looked"))]
)
REFRESHED = tuple(
    replace(BINDING, refreshed_at=timestamp(NOW - age)) for age in (timedelta(0), timedelta(hours=1), timedelta(days=3))
)
bindings = st.sampled_from([BINDING, CALLS_AGAIN, *REFRESHED])
until_now = st.sampled_from([BINDING, CALLS_AGAIN, *REFRESHED[1:]])
"""Bindings under which what `all_done` does counts."""


def asks_for(change: Calling, call: CallRecord) -> bool:
    """Whether *change* would do once more what *call* has done, or may have."""
    return (call.digest, call.target) == (change.digest, change.declaration.sent_as)


@given(specs(), histories(), bindings, restorations)
def test_planner_and_check_agree(spec: Spec, history: History, binding: Binding, restored: Restored | None) -> None:
    state = replace(state_of(history), restored=restored)

    assert plan_violations(make_plan(spec, state, binding, now=NOW), spec, state, NOW) == ()


@given(specs(), histories(), until_now)
def test_after_everything_is_done_only_doubts_and_what_waits_for_them_are_left(
    spec: Spec, history: History, binding: Binding
) -> None:
    state = state_of(history)
    plan = make_plan(spec, state, binding, now=NOW)
    after = make_plan(spec, fold(state, all_done(plan), tenant=None, entity=None), binding, now=NOW)

    assert after.calls == ()
    assert [c.address for c in after.changes] == [c.address for c in plan.changes if c not in plan.calls]


@given(specs(), histories(), st.randoms(use_true_random=False))
def test_the_order_in_which_files_and_entries_are_listed_changes_nothing(
    spec: Spec, history: History, chance: random.Random
) -> None:
    declared, known = list(spec.declarations.values()), list(history.items())
    chance.shuffle(declared)
    chance.shuffle(known)

    assert plan_of(spec_of(*declared, keys=spec.keys), dict(known)) == plan_of(spec, history)


@given(specs(), histories(), bindings)
def test_a_call_never_takes_a_number_that_was_used_for_something_else(
    spec: Spec, history: History, binding: Binding
) -> None:
    for change in plan_of(spec, history, binding=binding).calls:
        known = history.get(change.address, Entry())
        used = {each.call.number for each in (known.applied, known.refused, *known.unsettled) if each}
        if isinstance(change, Resume):
            assert change.call in used
        else:
            assert change.call >= max(used, default=-1) + 1


@given(specs(), histories())
def test_a_digest_that_may_have_been_carried_out_is_never_sent_under_a_new_key(spec: Spec, history: History) -> None:
    for change in plan_of(spec, history).calls:
        known = history.get(change.address, Entry())
        last = known.in_doubt[-1] if known.in_doubt else known.applied
        if last is not None and asks_for(change, last.call):
            assert isinstance(change, Resume)


@given(specs(), histories())
def test_a_second_call_of_the_same_follows_nothing_but_a_saved_server_error(spec: Spec, history: History) -> None:
    for change in plan_of(spec, history, binding=CALLS_AGAIN).calls:
        known = history.get(change.address, Entry())
        last = known.in_doubt[-1] if known.in_doubt else None
        if last is not None and asks_for(change, last.call) and not isinstance(change, Resume):
            assert last.saved_error
            assert last.resolution is None


@given(specs(), histories(), bindings)
def test_nothing_is_sent_that_a_restored_state_may_not_know_of(spec: Spec, history: History, binding: Binding) -> None:
    state = restored(state_of(history), None, reason="r", now=NOW)
    plan = make_plan(spec, state, binding, now=NOW)

    assert plan.calls == ()
    assert plan_violations(plan, spec, state, NOW) == ()
    assert {change.address for change in plan.changes} >= set(spec.declarations)


@given(specs(), histories(), st.sampled_from([BINDING, CALLS_AGAIN]))
def test_a_person_who_says_that_nothing_was_sent_gets_the_plan_of_before_without_its_doubts(
    spec: Spec, history: History, binding: Binding
) -> None:
    state = restored(state_of(history), None, reason="r", now=NOW)
    plan = make_plan(spec, state, binding, now=NOW)
    word = [
        Decision(address=change.address, resolution=Resolution.NOT_DONE, reason="r", call=change.call)
        for change in plan.changes
        if change.declaration
    ]
    settled = resolve_all(state, word, spec, NOW)
    for change in make_plan(spec, settled, binding, now=NOW).calls:
        known = history.get(change.address, Entry())
        assert not (known.applied and asks_for(change, known.applied.call))
        assert change.call >= known.next_call


def _tampered() -> dict[str, Plan]:
    """Plans that break one rule each, over `SPEC` and `HISTORY`."""
    plan = plan_of(SPEC, HISTORY)
    first, second, third = plan.changes
    assert isinstance(first, Regenerate)
    assert isinstance(second, Reissue)
    assert isinstance(third, Undecided)
    assert third.unsettled is not None
    reissued_doubt = Reissue(
        declaration=declare(subscription(3)), digest=third.digest, call=9, fields=(), not_before=None, reasons=()
    )
    resumed_doubt = Resume(
        declaration=declare(subscription(3)), digest=third.digest, unsettled=third.unsettled, next_call=1, reasons=()
    )
    return {
        "an address twice": replace(plan, changes=(first, first, second, third)),
        "out of order": replace(plan, changes=(second, first, third)),
        "a change missing": replace(plan, changes=(first, third)),
        "a change hidden among the unchanged": replace(plan, changes=(first, third), unchanged=1),
        "another declaration": replace(plan, changes=(replace(first, declaration=declare(trigger="x")), second, third)),
        "another target": replace(
            plan, changes=(replace(first, declaration=replace(declare(), mapped=subscription(9))), second, third)
        ),
        "another digest": replace(plan, changes=(replace(first, digest=second.digest), second, third)),
        "a call number used before": replace(plan, changes=(first, replace(second, call=0), third)),
        "a call number left out": replace(plan, changes=(replace(first, call=1), second, third)),
        "a doubt under a new number": replace(plan, changes=(first, second, reissued_doubt)),
        "a doubt whose key is too old": replace(plan, changes=(first, second, resumed_doubt)),
    }


TWO_DAYS = timedelta(days=2)
SPEC = spec_of(declare(), declare(subscription(2)), declare(subscription(3)))
HISTORY = {
    Address("Subscription/A-S00000001@2"): entry(applied(record(0, target=subscription(2), trigger="before"))),
    Address("Subscription/A-S00000001@3"): entry(lost(record(0, A, target=subscription(3), age=TWO_DAYS))),
}


def test_the_check_knows_of_numbers_of_which_nothing_else_is_known() -> None:
    plan, known = plan_of(spec_of(declare())), {declare().address: Entry(next_call=3, resolution="forgotten")}

    assert plan_violations(plan, spec_of(declare()), state_of(known), NOW)
    assert plan_violations(plan_of(spec_of(declare()), known), spec_of(declare()), state_of(known), NOW) == ()


@pytest.mark.parametrize("name", _tampered())
def test_the_check_finds_what_a_planner_may_never_do(name: str) -> None:
    assert plan_violations(_tampered()[name], SPEC, state_of(HISTORY), NOW)


def test_a_call_of_which_a_restored_state_may_not_know_is_found() -> None:
    spec, state = spec_of(declare()), state_of({})
    plan = make_plan(spec, state, BINDING, now=NOW)
    restored_state = restored(state, None, reason="r", now=NOW)

    assert plan_violations(plan, spec, state, NOW) == ()
    assert any("restored" in text for text in plan_violations(plan, spec, restored_state, NOW))


def test_a_call_above_an_undecided_version_is_found() -> None:
    spec = spec_of(declare(), declare(subscription(2)))
    history = {Address("Subscription/A-S00000001@1"): entry(lost(record(0, age=TWO_DAYS)))}
    undecided, blocked = plan_of(spec, history).changes
    sent = Regenerate(declaration=declare(subscription(2)), digest=blocked.digest, call=0, reasons=())
    plan = replace(plan_of(spec, history), changes=(undecided, sent))

    assert any("comes first" in text for text in plan_violations(plan, spec, state_of(history), NOW))


PROGRAM = """
from builders import declare, plan_of, spec_of, subscription, entry, applied, record, B
spec = spec_of(*(declare(subscription(v), flags=B, trigger="t") for v in range(1, 30)))
plan = plan_of(spec, {each: entry(applied(record(0))) for each in spec.declarations})
print(plan.id, [change.reasons for change in plan.changes])
"""


def test_the_hash_seed_changes_neither_the_plan_id_nor_the_order_of_reasons() -> None:
    def output(seed: str) -> str:
        variables = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parent.parent)}
        return subprocess.run(
            [sys.executable, "-c", PROGRAM], env=variables, check=True, capture_output=True, text=True
        ).stdout

    outputs = {output(seed) for seed in ("0", "1", "2")}

    assert len(outputs) == 1
    assert outputs.pop().startswith("p1-")
