"""What a person may do to the ledger, and what may not come of it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

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
    plan_of,
    record,
    refused,
    spec_of,
    state_of,
    subscription,
    subscription_id,
)
from hypothesis import given
from strategies import histories, specs

from reconciler.core.address import Address
from reconciler.core.adoption import Adoption, adopted, declared_otherwise, forgotten, moved, undeclared
from reconciler.core.declaration import Flags, Spec
from reconciler.core.diagnostics import InvalidInput, Place
from reconciler.core.entry import Entry
from reconciler.core.keymap import KeyMap
from reconciler.core.plan import Regenerate, Reissue
from reconciler.core.plan_check import plan_violations
from reconciler.core.planner import make_plan
from reconciler.core.restore import restored
from reconciler.core.state import State
from reconciler.core.timestamp import Timestamp, timestamp
from reconciler.errors import UsageError

FIRST, OTHER = declare(), declare(charge())
PLACE = Place("done.csv", 2, 1)


def by_hand(
    address: Address = FIRST.address, flags: Flags = A, trigger: str | None = None, at: Timestamp | None = None
) -> Adoption:
    return Adoption(address=address, flags=flags, trigger=trigger, ids=("2c98",), at=at, place=PLACE)


def adopt(state: State, *rows: Adoption, spec: Spec | None = None) -> State:
    return adopted(state, rows, spec or spec_of(FIRST, OTHER), reason="in the UI", now=NOW)


def test_what_was_done_by_hand_is_not_sent_again_and_says_who_says_so() -> None:
    state = adopt(state_of({}), by_hand())
    known = state.entries[FIRST.address].applied

    assert known is not None
    assert (known.id_list, known.resolution) == (("2c98",), "imported: in the UI")
    assert [each.address for each in plan_of(spec_of(FIRST, OTHER), dict(state.entries)).changes] == [OTHER.address]


def test_other_flags_by_hand_are_what_was_applied_and_not_what_is_declared() -> None:
    state = adopt(state_of({}), by_hand(flags=B))

    assert [each.action for each in plan_of(spec_of(FIRST), dict(state.entries)).changes] == ["reissue"]


def test_a_trigger_that_is_not_told_is_the_declared_one() -> None:
    spec = spec_of(declare(trigger="november"))

    assert plan_of(spec, dict(adopt(state_of({}), by_hand(), spec=spec).entries)).changes == ()
    assert plan_of(spec, dict(adopt(state_of({}), by_hand(trigger="x"), spec=spec).entries)).changes != ()


def test_adopting_twice_changes_nothing() -> None:
    once = adopt(state_of({}), by_hand())

    assert adopt(once, by_hand()).entries == once.entries


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (entry(lost(record())), "its call 0 is in doubt"),
        (Entry(restored=True), "it comes from a restored state, and what was sent since is not known"),
    ],
)
def test_what_is_in_doubt_is_resolved_first_and_nothing_is_adopted_then(known: Entry, said: str) -> None:
    with pytest.raises(InvalidInput) as told:
        adopt(state_of({FIRST.address: known}), by_hand(OTHER.address), by_hand())

    assert [each.summary for each in told.value.diagnostics] == [f"{FIRST.address} cannot be adopted: {said}"]


@pytest.mark.parametrize(
    ("at", "said"),
    [
        ("2026-11-22T12:00:01Z", "it was done at 2026-11-22T12:00:01Z, and it is 2026-11-22T12:00:00Z"),
        (
            "2026-11-20T17:59:59Z",
            "it was done at 2026-11-20T17:59:59Z, and the refresh of 2026-11-20T18:00:00Z has wiped it",
        ),
    ],
)
def test_what_is_to_come_or_was_wiped_is_not_adopted(at: str, said: str) -> None:
    row, refresh = by_hand(at=Timestamp(at)), Timestamp("2026-11-20T18:00:00Z")
    with pytest.raises(InvalidInput) as told:
        adopted(state_of({}), [row], spec_of(FIRST), reason="r", now=NOW, refreshed_at=refresh)

    assert [each.summary for each in told.value.diagnostics] == [f"{FIRST.address} cannot be adopted: {said}"]


@pytest.mark.parametrize("at", [None, NOW, datetime(2026, 11, 20, 18, tzinfo=UTC)])
def test_what_was_done_since_the_refresh_is_adopted(at: datetime | None) -> None:
    row, refresh = by_hand(at=timestamp(at) if at else None), Timestamp("2026-11-20T18:00:00Z")
    state = adopted(state_of({}), [row], spec_of(FIRST), reason="r", now=NOW, refreshed_at=refresh)

    assert FIRST.address in state.entries


def test_rows_that_are_declared_otherwise_or_not_at_all_are_told_and_no_others() -> None:
    rows = [by_hand(flags=B), by_hand(OTHER.address), by_hand(Address("Subscription/A-S9@1"))]
    spec = spec_of(FIRST, OTHER)

    assert declared_otherwise(adopt(state_of({}), *rows, spec=spec), rows, spec) == rows[:1]
    assert undeclared(rows, spec) == rows[2:]


def test_one_address_twice_is_refused() -> None:
    with pytest.raises(InvalidInput, match="cannot be adopted: it stands in the file twice"):
        adopt(state_of({}), by_hand(), by_hand(flags=B))


def test_a_declaration_that_is_named_otherwise_now_is_not_sent_again() -> None:
    old = declare(subscription_id("8ad0"))
    state = state_of({old.address: entry(applied(record(3, target=old.target)))})
    after = moved(state, old.address, FIRST.address, spec_of(FIRST), reason="numbers")

    assert plan_of(spec_of(FIRST), dict(after.entries)).changes == ()
    assert after.entries[FIRST.address].next_call == 4
    assert [each.call for each in plan_of(spec_of(old), dict(after.entries)).calls] == [4]


def test_a_move_can_be_taken_back() -> None:
    state = state_of({FIRST.address: entry(applied(record(3)))})
    there = moved(state, FIRST.address, Address("Subscription/A-S2@1"), spec_of(FIRST), reason="r")
    back = moved(there, Address("Subscription/A-S2@1"), FIRST.address, spec_of(FIRST), reason="r")

    assert plan_of(spec_of(FIRST), dict(back.entries)).changes == ()
    assert back.entries[FIRST.address].next_call == 4


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Subscription/none@1", FIRST.address, "Unknown address"),
        (FIRST.address, "nonsense", "Not an address"),
        (FIRST.address, OTHER.address, "Another type"),
        (FIRST.address, "Subscription/A-S2@1", "The new address is known already"),
        ("Subscription/A-S3@1", "Subscription/A-S4@1", "In doubt"),
        ("Subscription/A-S5@1", "Subscription/A-S6@1", "Nothing to move"),
    ],
)
def test_a_move_that_cannot_be_followed_is_refused(old: str, new: str, said: str) -> None:
    two, three = subscription(1, "A-S2"), subscription(1, "A-S3")
    state = state_of(
        {
            FIRST.address: entry(applied(record())),
            Address("Subscription/A-S2@1"): entry(applied(record(target=two))),
            Address("Subscription/A-S3@1"): entry(lost(record(target=three))),
            Address("Subscription/A-S5@1"): entry(refused(record(target=subscription(1, "A-S5")))),
        }
    )
    with pytest.raises(UsageError, match=said):
        moved(state, Address(old), Address(new), spec_of(FIRST), reason="r")


def test_what_is_forgotten_is_sent_again_under_a_number_of_its_own_and_says_so() -> None:
    """It may have been applied, so that it counts as a re-issue, guardrails included."""
    state = state_of({FIRST.address: entry(applied(record(0)), refused(record(1, B)))})
    known = forgotten(state, FIRST.address, reason="r")
    plan = plan_of(spec_of(FIRST), dict(known.entries))
    (change,) = plan.changes

    assert isinstance(change, Reissue)
    assert (change.call, change.reasons) == (2, ("forgotten: r",))
    assert plan_violations(plan, spec_of(FIRST), known, NOW) == ()
    new = Regenerate(declaration=FIRST, digest=change.digest, call=2, reasons=())
    assert plan_violations(replace(plan, changes=(new,)), spec_of(FIRST), known, NOW) == (
        f"{FIRST.address}: something was sent before: this is a re-issue",
    )


def test_what_was_forgotten_before_a_restore_and_a_refresh_is_as_void_as_all_the_rest() -> None:
    known = forgotten(state_of({FIRST.address: entry(applied(record(0)))}), FIRST.address, reason="r")
    old = restored(known, None, reason="the last one is lost", now=NOW - timedelta(days=2))
    binding = replace(BINDING, refreshed_at=timestamp(NOW - timedelta(days=1)))
    plan = make_plan(spec_of(FIRST), old, binding, now=NOW)

    assert [type(each) for each in plan.changes] == [Regenerate]
    assert plan_violations(plan, spec_of(FIRST), old, NOW) == ()


MAPPED = KeyMap("keys.csv", {"subscriptionName": {"A-S00000001": "P-1", "A-S2": "P-2"}, "subscriptionId": {"x": "y"}})


def test_a_name_that_is_another_object_in_this_tenant_is_not_followed() -> None:
    state = state_of({FIRST.address: entry(applied(record(0, sent_as=Address("Subscription/P-1@1"))))})
    with pytest.raises(UsageError) as told:
        moved(state, FIRST.address, Address("Subscription/A-S2@1"), spec_of(keys=MAPPED), reason="r")

    assert told.value.detail == (
        "Subscription/A-S00000001@1 was sent as Subscription/P-1@1, and Subscription/A-S2@1 is Subscription/P-2@1 in "
        "this tenant."
    )
    same = KeyMap("keys.csv", {"subscriptionName": {"A-S2": "P-1"}})
    by_id = Address("Subscription/id:x")
    assert moved(state, FIRST.address, Address("Subscription/A-S2@1"), spec_of(keys=same), reason="r") != state
    assert moved(state, FIRST.address, by_id, spec_of(keys=MAPPED), reason="an id tells nothing") != state


def test_what_the_key_map_lacks_is_neither_followed_nor_adopted() -> None:
    state = state_of({FIRST.address: entry(applied(record(0)))})
    with pytest.raises(UsageError, match=r"keys.csv does not map subscriptionName 'A-S9'"):
        moved(state, FIRST.address, Address("Subscription/A-S9@1"), spec_of(keys=MAPPED), reason="r")
    with pytest.raises(InvalidInput, match=r"cannot be adopted: keys.csv does not map chargeNumber 'C-00000042'"):
        adopt(state_of({}), by_hand(OTHER.address), spec=spec_of(keys=MAPPED))


def test_what_is_in_doubt_is_not_forgotten() -> None:
    with pytest.raises(UsageError, match="In doubt"):
        forgotten(state_of({FIRST.address: entry(lost(record()))}), FIRST.address, reason="r")


@given(specs(), histories())
def test_no_act_lets_a_call_number_be_used_twice(spec: Spec, history: dict[Address, Entry]) -> None:
    state, spec = state_of(history), replace(spec, keys=None)
    for address, known in history.items():
        if known.in_doubt or known.restored:
            continue
        kept = forgotten(state, address, reason="r").entries[address]
        assert kept.next_call >= known.next_call
        told = adopted(state, [by_hand(address, A, "by hand")], spec, reason="r", now=NOW + timedelta(days=1))
        assert told.entries[address].next_call >= known.next_call
        assert replace(told.entries[address], applied=None, refused=None, next_call=0) == replace(
            known, applied=None, refused=None, next_call=0
        )
