"""A refreshed sandbox: what was applied there before is void, and what comes after goes on where it stood."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import (
    BINDING,
    NOW,
    A,
    B,
    applied,
    declare,
    entry,
    lost,
    plan_of,
    record,
    refused,
    spec_of,
    state_of,
)
from hypothesis import given
from hypothesis import strategies as st
from strategies import histories, specs

from reconciler.core.address import Address
from reconciler.core.call import Authorship, Call, call_of
from reconciler.core.declaration import Spec
from reconciler.core.diagnostics import InvalidInput, Place
from reconciler.core.entry import Entry
from reconciler.core.environment import EmulatorApi, Environment
from reconciler.core.fold import fold
from reconciler.core.key import KeyScope
from reconciler.core.plan import Plan, Regenerate, Reissue, Resume
from reconciler.core.planner import make_plan
from reconciler.core.refresh import check_refreshed, entry_since, since_refresh
from reconciler.core.run import Outcome, Result
from reconciler.core.state import Restored
from reconciler.core.timestamp import timestamp

ADDRESS = Address("Subscription/A-S00000001@1")
REFRESHED = NOW - timedelta(hours=2)
BEFORE, AFTER = timedelta(hours=3), timedelta(hours=1)
BOUND = replace(BINDING, environment="sandbox", refreshed_at=timestamp(REFRESHED))
WHY_VOID = "sandbox was refreshed at 2026-11-22T10:00:00Z: what was before is void"


def planned(*known: Entry) -> Plan:
    return plan_of(spec_of(declare()), dict.fromkeys([ADDRESS], known[0]) if known else {}, binding=BOUND)


TABLE = {
    "applied before": (entry(applied(record(0, age=BEFORE))), Regenerate, 1, WHY_VOID),
    "applied otherwise before": (entry(applied(record(0, B, age=BEFORE))), Regenerate, 1, WHY_VOID),
    "refused before": (entry(refused(record(0, age=BEFORE))), Regenerate, 1, WHY_VOID),
    "in doubt before": (entry(lost(record(0, age=BEFORE))), Regenerate, 1, WHY_VOID),
    "two in doubt before": (
        entry(lost(record(0, age=BEFORE)), lost(record(1, B, age=BEFORE))),
        Regenerate,
        2,
        WHY_VOID,
    ),
    "applied before, refused since": (
        entry(applied(record(0, age=BEFORE)), refused(record(1, age=AFTER))),
        Regenerate,
        2,
        "call 1 was refused: 50000040 not found",
    ),
    "applied before, applied otherwise since": (
        entry(applied(record(0, age=BEFORE)), applied(record(1, B, age=AFTER))),
        Reissue,
        2,
        "flags.onlyReSend: true -> false",
    ),
    "never seen": (Entry(), Regenerate, 0, "new"),
}


@pytest.mark.parametrize(("known", "action", "call", "why"), TABLE.values(), ids=TABLE.keys())
def test_what_was_before_a_refresh_does_not_count_and_its_numbers_go_on(
    known: Entry, action: type, call: int, why: str
) -> None:
    (change,) = planned(known).changes

    assert (type(change), change.call, change.reasons[0]) == (action, call, why)


@pytest.mark.parametrize("age", [AFTER, NOW - REFRESHED])
def test_what_was_applied_since_the_refresh_is_unchanged(age: timedelta) -> None:
    assert planned(entry(applied(record(0, age=age)))).changes == ()


def test_what_was_applied_at_the_very_moment_counts_also_where_something_older_is_void() -> None:
    old, new = lost(record(0, B, age=BEFORE)), applied(record(1, age=NOW - REFRESHED))

    assert planned(entry(old, new)).changes == ()


def test_a_doubt_since_the_refresh_is_resumed() -> None:
    (change,) = planned(entry(applied(record(0, B, age=BEFORE)), lost(record(1, A, age=AFTER)))).changes

    assert isinstance(change, Resume)


def test_a_call_after_a_refresh_has_another_key_even_under_the_same_number() -> None:
    def key(refreshed_at: str | None) -> str:
        (change,) = plan_of(spec_of(declare())).calls
        at = timestamp(REFRESHED) if refreshed_at else None
        scope = KeyScope(project="p", environment="e", tenant="1", entity=None, epoch=0, refreshed_at=at)
        call = call_of(change, scope, Authorship())
        assert isinstance(call, Call)
        return call.key

    assert key(None) != key("refreshed")


def test_a_plan_before_a_refresh_has_another_id() -> None:
    assert planned().id != plan_of(spec_of(declare()), binding=replace(BOUND, refreshed_at=None)).id


@pytest.mark.parametrize("age", [BEFORE, AFTER])
def test_what_a_restored_state_does_not_know_is_void_with_a_later_refresh(age: timedelta) -> None:
    at = timestamp(NOW - age)
    state = replace(state_of({}), restored=Restored(at=at, serial=1, reason="r"))
    listed = replace(
        state_of({ADDRESS: replace(entry(applied(record(0, age=BEFORE))), restored=True)}), restored=state.restored
    )

    for known in (state, listed):
        plan = make_plan(spec_of(declare()), known, BOUND, now=NOW)
        assert bool(plan.calls) is (age is BEFORE)


@given(specs(), histories(), st.sampled_from([timedelta(0), AFTER, BEFORE, timedelta(days=3)]))
def test_a_plan_after_a_refresh_is_that_of_a_state_that_never_knew_more(
    spec: Spec, history: dict[Address, Entry], age: timedelta
) -> None:
    """But for the numbers of its calls, which go on, and what is said about it."""
    at = timestamp(NOW - age)
    bound = replace(BINDING, refreshed_at=at)
    kept = {address: replace(entry_since(known, at), next_call=0) for address, known in history.items()}
    forgetful, plan = plan_of(spec, kept, binding=bound), plan_of(spec, history, binding=bound)

    assert [(type(each), each.address, each.digest) for each in plan.changes] == [
        (type(each), each.address, each.digest) for each in forgetful.changes
    ]
    assert (plan.unchanged, plan.undeclared) == (forgetful.unchanged, forgetful.undeclared)


def test_a_state_keeps_what_was_before_and_what_is_applied_since_counts() -> None:
    state = state_of({ADDRESS: entry(lost(record(0, age=BEFORE)))})
    (change,) = make_plan(spec_of(declare()), state, BOUND, now=NOW).calls
    done = applied(record(change.call, age=timedelta(0)))
    result = Result(address=ADDRESS, action=change.action, outcome=Outcome.DONE, record=done)
    after = fold(state, [result], tenant=None, entity=None)

    assert [each.call.number for each in after.entries[ADDRESS].unsettled] == [0]
    assert make_plan(spec_of(declare()), after, BOUND, now=NOW).changes == ()


def test_without_a_refresh_a_state_is_what_it_is() -> None:
    state = state_of({ADDRESS: entry(applied(record(0)))})

    assert since_refresh(state, None).state is state
    assert since_refresh(None, timestamp(NOW)).state is None


def test_a_refresh_that_is_still_to_come_is_refused() -> None:
    ahead = timestamp(NOW + timedelta(seconds=1))
    sandbox = Environment(
        name="sandbox",
        api=EmulatorApi(database="a.db"),
        specs="sandbox",
        state_file="a.json",
        place=Place("reconciler.yaml", 5, 5),
        refreshed_at=ahead,
    )
    with pytest.raises(InvalidInput) as refusal:
        check_refreshed(sandbox, NOW)

    (found,) = refusal.value.diagnostics
    assert found.summary == (
        "sandbox is said to have been refreshed at 2026-11-22T12:00:01Z, and it is 2026-11-22T12:00:00Z"
    )
    check_refreshed(replace(sandbox, refreshed_at=timestamp(NOW)), NOW)
