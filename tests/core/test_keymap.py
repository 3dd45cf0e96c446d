"""A key map says where a call goes; what is declared, compared and remembered stays as written."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import (
    BINDING,
    NOW,
    A,
    applied,
    charge,
    declare,
    entry,
    lost,
    plan_of,
    record,
    spec_of,
    state_of,
    subscription,
    subscription_id,
)
from hypothesis import given
from strategies import histories, specs, targets

from reconciler.core.address import Address, format_address, parse_address
from reconciler.core.adoption import Adoption, adopted, moved
from reconciler.core.approval import approval_of, covers, departures
from reconciler.core.call import Authorship, Call, call_of, record_of
from reconciler.core.declaration import Spec
from reconciler.core.diagnostics import Place
from reconciler.core.entry import Applied, Entry
from reconciler.core.key import KeyScope, idempotency_key
from reconciler.core.keymap import MAPPED_FIELDS, KeyMap
from reconciler.core.plan import Plan, Regenerate, Reissue, Resume
from reconciler.core.plan_check import plan_violations
from reconciler.core.planner import SETTLING_TIME, make_plan
from reconciler.core.resolve import Decision, Resolution, resolve
from reconciler.core.restore import restored
from reconciler.core.table import digests_of
from reconciler.core.target import ORDER_LINE_ITEM_NUMBER, Target
from reconciler.core.timestamp import moment, timestamp

NAME = "A-S00000001"
HERE = Address("Subscription/A-S00000001@1")
THERE = Address("Subscription/P-7@1")
SCOPE = KeyScope(project="test", environment="local", tenant=None, entity=None, epoch=0)


def keys(in_tenant: str = "P-7") -> KeyMap:
    return KeyMap("keys.csv", {"subscriptionName": {NAME: in_tenant}})


def spec(in_tenant: str | None = "P-7") -> Spec:
    return spec_of(declare(), keys=keys(in_tenant) if in_tenant else None)


def call_in(plan: Plan) -> Call:
    (change,) = plan.calls
    call = call_of(change, SCOPE, Authorship())
    assert isinstance(call, Call)
    return call


def test_a_call_is_sent_to_what_the_map_says_under_a_key_of_its_own() -> None:
    call = call_in(plan_of(spec()))

    assert call.declaration.as_sent == subscription(1, "P-7")
    assert call.declaration.target == subscription()
    assert call.address == HERE
    assert call.key == idempotency_key(SCOPE, address=HERE, target=subscription(1, "P-7"), digest=call.digest, call=0)
    assert call.key != call_in(plan_of(spec(None))).key
    assert record_of(call, run="r", left=timestamp(NOW)).target == THERE


def test_what_is_the_same_in_both_tenants_is_as_without_a_map() -> None:
    with_map, without = plan_of(spec(NAME)), plan_of(spec(None))

    assert with_map == without
    assert with_map.id == without.id
    assert record_of(call_in(with_map), run="r", left=timestamp(NOW)).target is None


@given(targets())
def test_only_the_first_part_of_a_key_is_mapped(target: Target) -> None:
    field, written, address = target.form.fields[0], str(target.key[0]), format_address(target)
    sent = KeyMap("keys.csv", {field: {written: "the/re"}}).sent_as(address)

    assert sent == format_address(Target(target.form, ("the/re", *target.key[1:])))
    others = [each for each in MAPPED_FIELDS if each != field]
    assert KeyMap("keys.csv", {each: {written: "there"} for each in others}).sent_as(address) is None


def test_the_order_of_an_item_is_mapped_and_its_number_is_not() -> None:
    item = Target(ORDER_LINE_ITEM_NUMBER, ("O-1", "1"))

    sent = KeyMap("keys.csv", {"orderNumber": {"O-1": "O-9"}}).sent_as(format_address(item))
    assert sent is not None
    assert parse_address(sent).body == {
        "type": "OrderLineItem",
        "orderNumber": "O-9",
        "itemNumber": "1",
    }


def test_what_a_map_lacks_is_named_by_its_field() -> None:
    assert keys().lacks(HERE) is None
    assert keys().lacks(format_address(charge("C-1"))) == "chargeNumber 'C-1'"
    assert keys().lacks(format_address(subscription_id("8ad0"))) == "subscriptionId '8ad0'"


def test_what_was_sent_to_another_object_is_sent_again_and_says_why() -> None:
    known = {HERE: entry(applied(record(0)))}
    (change,) = plan_of(spec(), known).changes

    assert isinstance(change, Reissue)
    assert change.call == 1
    assert change.reasons == (f"key map: {HERE} -> {THERE}",)


def test_a_map_that_is_taken_away_is_a_change_too() -> None:
    known = {HERE: entry(applied(record(0, sent_as=THERE)))}

    assert plan_of(spec(), known).changes == ()
    (change,) = plan_of(spec(None), known).changes
    assert isinstance(change, Reissue)
    assert change.reasons == (f"key map: {THERE} -> {HERE}",)


def test_a_doubt_is_resumed_only_where_the_map_still_says_the_same() -> None:
    doubt = lost(record(0, sent_as=THERE, age=timedelta(minutes=5)))
    (same,) = plan_of(spec(), {HERE: entry(doubt)}).changes
    (other,) = plan_of(spec("P-8"), {HERE: entry(doubt)}).changes

    assert isinstance(same, Resume)
    assert isinstance(other, Reissue)
    assert other.not_before == moment(doubt.last_sent) + SETTLING_TIME
    assert other.reasons[0] == f"key map: {THERE} -> Subscription/P-8@1"


ITEM = "A-S00000002"


@pytest.mark.parametrize("known", [None, applied(record(0, target=subscription(1, ITEM), sent_as=None))])
def test_a_call_waits_until_what_another_was_sent_to_its_object_as_can_land_no_more(known: Applied | None) -> None:
    """The rows of the map were swapped while a request was on its way."""
    doubt = lost(record(0, sent_as=THERE, age=timedelta(minutes=5)))
    swapped = KeyMap("keys.csv", {"subscriptionName": {NAME: "P-8", ITEM: "P-7"}})
    two = spec_of(declare(), declare(subscription(1, ITEM)), keys=swapped)
    other = Address(f"Subscription/{ITEM}@1")
    history = {HERE: entry(doubt), **({other: entry(known)} if known else {})}
    plan = plan_of(two, history)
    change = next(each for each in plan.changes if each.address == other)

    assert isinstance(change, Reissue)
    assert change.not_before == moment(doubt.last_sent) + SETTLING_TIME
    assert plan_violations(plan, two, state_of(history), NOW) == ()
    hasty = replace(
        plan, changes=tuple(replace(each, not_before=None) if each is change else each for each in plan.changes)
    )
    assert plan_violations(hasty, two, state_of(history), NOW) == (
        f"{other}: a lost request to its object could land after it",
    )


def test_versions_of_one_subscription_do_not_wait_for_each_other() -> None:
    doubt = lost(record(0, sent_as=THERE, age=timedelta(minutes=5)))
    both = spec_of(declare(), declare(subscription(2)), keys=keys())
    first, second = plan_of(both, {HERE: entry(doubt)}).changes

    assert (type(first), type(second)) == (Resume, Regenerate)


def test_the_plan_id_tells_one_map_from_another() -> None:
    assert len({plan_of(spec(each)).id for each in (None, "P-7", "P-8")}) == 3


def test_an_approval_is_for_the_object_that_was_reviewed() -> None:
    plan = plan_of(spec())
    approval = approval_of(plan, expires=timestamp(NOW + timedelta(days=1)))

    assert covers(approval, plan)
    assert list(departures(approval, plan, digests_of(spec()))) == []
    for other, sent in (("P-8", "Subscription/P-8@1"), (None, HERE)):
        now = plan_of(spec(other))
        assert not covers(approval, now)
        assert list(departures(approval, now, digests_of(spec(other)))) == [
            f"the key map: {HERE} is sent as {sent} now, and the plan says {THERE}"
        ]


def test_a_plan_notices_that_the_object_of_a_lower_version_was_another() -> None:
    two = spec_of(declare(subscription(2)), keys=keys())
    before, after = ({HERE: entry(applied(record(0, sent_as=each)))} for each in (THERE, None))

    assert plan_of(two, before).id != plan_of(two, after).id


def test_what_was_done_by_hand_was_done_to_the_object_of_this_tenant() -> None:
    row = Adoption(address=HERE, flags=A, trigger=None, ids=(), at=None, place=Place("done.csv"))
    state = adopted(state_of({}), [row], spec(), reason="r", now=NOW)

    assert plan_of(spec(), dict(state.entries)).changes == ()
    assert adopted(state, [row], spec(), reason="r", now=NOW) == state
    assert adopted(state, [row], spec("P-8"), reason="r", now=NOW) != state


def test_what_a_person_says_was_done_after_a_restore_was_done_to_the_object_of_this_tenant() -> None:
    state = restored(state_of({}), None, reason="r", now=NOW)
    done = resolve(state, Decision(address=HERE, resolution=Resolution.DONE, reason="r"), spec(), NOW)

    assert plan_of(spec(), {HERE: done}).changes == ()


def test_a_declaration_that_is_renamed_is_not_sent_again_to_the_same_object() -> None:
    state = state_of({HERE: entry(applied(record(0)))})
    new = Address("Subscription/Q-1@1")
    mapped = spec_of(declare(subscription(1, "Q-1")), keys=KeyMap("keys.csv", {"subscriptionName": {"Q-1": NAME}}))
    after = moved(state, HERE, new, mapped, reason="r")

    assert plan_of(mapped, dict(after.entries)).changes == ()


@given(specs(), histories())
def test_the_map_changes_nothing_but_what_is_sent(spec: Spec, history: dict[Address, Entry]) -> None:
    """Numbers of calls, digests and addresses are those of a plan without it, wherever both have a call to make."""
    plain = {each.address: each for each in plan_of(replace(spec, keys=None), history).calls}
    for change in plan_of(spec, history).calls:
        written = change.declaration.target
        number = spec.keys.fields.get(written.form.fields[0], {}).get(str(written.key[0])) if spec.keys else None
        assert change.declaration.as_sent == Target(written.form, (number or written.key[0], *written.key[1:]))
        other = plain.get(change.address)
        if isinstance(change, Regenerate | Reissue) and isinstance(other, Regenerate | Reissue):
            assert (change.call, change.digest) == (other.call, other.digest)


@pytest.mark.parametrize("target", [subscription(3), charge()])
def test_what_is_not_mapped_is_sent_as_it_is_written(target: Target) -> None:
    declared = spec_of(declare(target), keys=KeyMap("keys.csv", {}))

    assert declared.sent_as(format_address(target)) is None
    assert make_plan(declared, None, BINDING, now=NOW).changes[0].declaration == declare(target)
