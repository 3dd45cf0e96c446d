"""The decision table, row by row, and what holds for every plan."""

from datetime import timedelta

import pytest
from builders import (
    CALLS_AGAIN,
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
    said_undone,
    spec_of,
    subscription,
    subscription_id,
)

from reconciler.core.address import Address
from reconciler.core.declaration import Flags
from reconciler.core.plan import Blocked, Regenerate, Reissue, Resume, Undecided
from reconciler.core.selection import Selection, parse_selector
from reconciler.core.state import Entry

ADDRESS = Address("Subscription/A-S00000001@1")
OLD = timedelta(hours=23)
YOUNG = timedelta(hours=23) - timedelta(seconds=1)

# declared, entry, expected action, expected call number
TABLE = {
    "never seen": (A, Entry(), Regenerate, 0),
    "only refused": (A, entry(refused(record(0))), Regenerate, 1),
    "only refused, for something else": (A, entry(refused(record(0, B))), Regenerate, 1),
    "applied otherwise": (B, entry(applied(record(0))), Reissue, 1),
    "applied otherwise, then refused": (B, entry(applied(record(0)), refused(record(1, B))), Reissue, 2),
    "lost, key young": (A, entry(lost(record(0, age=YOUNG))), Resume, 0),
    "lost, key old": (A, entry(lost(record(0, age=OLD))), Undecided, 0),
    "lost, key spent": (A, entry(lost(record(0), spent=True)), Undecided, 0),
    "lost, key old, said not to be done": (A, said_undone(lost(record(0, age=OLD))), Resume, 0),
    "lost, key spent, said not to be done": (A, said_undone(lost(record(0), spent=True)), Resume, 0),
    "something else lost, said not to be done": (B, said_undone(lost(record(0))), Reissue, 1),
    "something else lost": (B, entry(lost(record(0))), Reissue, 1),
    "something else lost long ago": (B, entry(lost(record(0, age=OLD))), Reissue, 1),
    "applied, then something else lost, back again": (
        A,
        entry(applied(record(0)), lost(record(1, B))),
        Reissue,
        2,
    ),
    "two lost, the first declared again": (A, entry(lost(record(0)), lost(record(1, B))), Reissue, 2),
    "lost, then something else refused, back again": (
        A,
        entry(lost(record(0)), refused(record(1, B))),
        Resume,
        0,
    ),
}


@pytest.mark.parametrize(("flags", "known", "action", "call"), TABLE.values(), ids=TABLE.keys())
def test_a_declaration_and_its_entry_decide_the_action_and_the_call_number(
    flags: Flags, known: Entry, action: type, call: int
) -> None:
    plan = plan_of(spec_of(declare(flags=flags)), {ADDRESS: known})

    (change,) = plan.changes
    assert (type(change), change.call) == (action, call)


AFTER_A_SERVER_ERROR = {
    "saved under its key": (A, entry(lost(record(0), saved_error=True)), Reissue, 1),
    "saved long ago": (A, entry(lost(record(0, age=timedelta(days=9)), saved_error=True)), Reissue, 1),
    "saved for the second call too": (
        A,
        entry(lost(record(0), saved_error=True), lost(record(1), saved_error=True)),
        Reissue,
        2,
    ),
    "not saved yet": (A, entry(lost(record(0))), Resume, 0),
    "a key that was used for something else": (A, entry(lost(record(0), spent=True)), Undecided, 0),
    "a person says that it was not done": (A, said_undone(lost(record(0), saved_error=True)), Resume, 0),
}


@pytest.mark.parametrize(
    ("flags", "known", "action", "call"), AFTER_A_SERVER_ERROR.values(), ids=AFTER_A_SERVER_ERROR.keys()
)
def test_a_project_that_says_call_again_gets_the_next_number_after_a_saved_server_error_only(
    flags: Flags, known: Entry, action: type, call: int
) -> None:
    (change,) = plan_of(spec_of(declare(flags=flags)), {ADDRESS: known}, binding=CALLS_AGAIN).changes

    assert (type(change), change.call) == (action, call)


def test_a_saved_server_error_is_undecided_unless_the_project_says_otherwise() -> None:
    (change,) = plan_of(spec_of(declare()), {ADDRESS: entry(lost(record(0), saved_error=True))}).changes

    assert isinstance(change, Undecided)


def test_a_call_after_a_saved_server_error_says_why_and_waits_ten_minutes() -> None:
    plan = plan_of(spec_of(declare()), {ADDRESS: entry(lost(record(0), saved_error=True))}, binding=CALLS_AGAIN)

    (change,) = plan.changes
    assert isinstance(change, Reissue)
    assert change.not_before == NOW - timedelta(minutes=50)
    assert "after_server_error: call_again" in change.reasons[0]


UNCHANGED = {
    "applied": entry(applied(record(0))),
    "applied after a doubt, which it has overwritten": entry(lost(record(0, B)), applied(record(1))),
    "something else was refused since": entry(applied(record(0)), refused(record(1, B))),
}


@pytest.mark.parametrize("known", UNCHANGED.values(), ids=UNCHANGED.keys())
def test_what_is_applied_as_declared_is_only_counted(known: Entry) -> None:
    plan = plan_of(spec_of(declare(flags=A)), {ADDRESS: known})

    assert (plan.changes, plan.unchanged) == ((), 1)


@pytest.mark.parametrize("known", [entry(applied(record(0))), entry(refused(record(0)))])
def test_removing_a_declaration_sends_nothing_and_is_counted(known: Entry) -> None:
    plan = plan_of(spec_of(), {ADDRESS: known})

    assert (plan.changes, plan.undeclared) == ((), 1)


def test_a_doubt_that_is_no_longer_declared_is_undecided() -> None:
    plan = plan_of(spec_of(), {ADDRESS: entry(lost(record(0)))})

    assert [type(change) for change in plan.changes] == [Undecided]


def test_a_new_trigger_asks_for_the_same_regeneration_again() -> None:
    plan = plan_of(spec_of(declare(trigger="again")), {ADDRESS: entry(applied(record(0)))})

    (change,) = plan.changes
    assert isinstance(change, Reissue)
    assert change.reasons == ("trigger: none -> again",)


def test_a_reissue_names_the_field_that_changed_and_no_other() -> None:
    plan = plan_of(spec_of(declare(flags=Flags.REWRITE)), {ADDRESS: entry(applied(record(0, A)))})

    (change,) = plan.changes
    assert isinstance(change, Reissue)
    assert [str(field) for field in change.fields] == ["flags.reMigrate: true -> false"]


def test_a_lost_request_of_the_lane_may_land_for_ten_minutes_before_something_else_is_sent() -> None:
    minute_ago = NOW - timedelta(minutes=1)
    entries = {
        ADDRESS: entry(lost(record(0))),
        Address("Subscription/A-S00000001@2"): entry(lost(record(0, target=subscription(2)), last_sent=minute_ago)),
    }
    plan = plan_of(spec_of(declare(flags=B), declare(subscription(2))), entries)

    first = plan.changes[0]
    assert isinstance(first, Reissue)
    assert first.not_before == minute_ago + timedelta(minutes=10)


def test_higher_versions_wait_behind_an_undecided_one_and_other_subscriptions_do_not() -> None:
    spec = spec_of(*(declare(subscription(v)) for v in (1, 2, 10)), declare(subscription(1, "A-S00000002")))
    plan = plan_of(
        spec, {Address("Subscription/A-S00000001@2"): entry(lost(record(0, target=subscription(2), age=OLD)))}
    )

    found = {change.address: type(change) for change in plan.changes}
    assert found == {
        "Subscription/A-S00000001@1": Regenerate,
        "Subscription/A-S00000001@2": Undecided,
        "Subscription/A-S00000001@10": Blocked,
        "Subscription/A-S00000002@1": Regenerate,
    }


def test_changes_stand_in_the_order_of_addresses_with_numbers_as_numbers() -> None:
    plan = plan_of(spec_of(*(declare(subscription(version)) for version in (10, 2, 1))))

    assert [change.address for change in plan.changes] == [
        "Subscription/A-S00000001@1",
        "Subscription/A-S00000001@2",
        "Subscription/A-S00000001@10",
    ]


def test_the_plan_id_does_not_change_by_waiting() -> None:
    entries = {ADDRESS: entry(lost(record(0)))}
    spec = spec_of(declare(), declare(subscription(2)))

    before, after = plan_of(spec, entries), plan_of(spec, entries, now=NOW + timedelta(days=2))

    assert [type(change) for change in before.changes] == [Resume, Regenerate]
    assert [type(change) for change in after.changes] == [Undecided, Blocked]
    assert before.id == after.id


def test_the_plan_id_covers_what_is_sent_and_not_why_or_where() -> None:
    ids = {
        plan_of(spec_of(declare())).id,
        plan_of(spec_of(declare(line=99))).id,
    }
    others = {
        plan_of(spec_of(declare(flags=B))).id,
        plan_of(spec_of(declare(trigger="x"))).id,
        plan_of(spec_of(declare(subscription(2)))).id,
        plan_of(spec_of(declare()), {ADDRESS: entry(refused(record(0)))}).id,
    }
    assert len(ids) == 1
    assert len(others) == 4
    assert not ids & others


def test_ids_and_numbers_of_one_type_are_warned_of_once() -> None:
    plan = plan_of(spec_of(declare(), declare(subscription_id("a")), declare(subscription_id("b")), declare(charge())))

    assert [(each.code, each.summary) for each in plan.warnings] == [
        ("mixed-keys", "named by ids and by numbers: Subscription")
    ]


def test_a_selection_takes_what_matches_and_counts_the_rest() -> None:
    spec = spec_of(declare(), declare(charge()))
    plan = plan_of(spec, selection=Selection(only=(parse_selector("Dynamic*"),)))

    assert [change.address for change in plan.changes] == ["DynamicUsageCharge/C-00000042"]
    assert plan.left_out == 1


@pytest.mark.parametrize("text", ["nosuch*", "file:elsewhere/*", "type:OrderLineItem"])
def test_a_selector_that_no_declaration_matches_is_warned_of(text: str) -> None:
    plan = plan_of(spec_of(declare()), selection=Selection(only=(parse_selector(text),)))

    assert [each.code for each in plan.warnings] == ["nothing-selected"]


def test_leaving_out_a_lower_version_is_warned_of() -> None:
    spec = spec_of(declare(subscription(1)), declare(subscription(2)))
    plan = plan_of(spec, selection=Selection(excepted=(parse_selector("*@1"),)))

    assert [each.code for each in plan.warnings] == ["version-left-out"]


def test_a_version_stays_blocked_when_the_undecided_one_is_not_selected() -> None:
    spec = spec_of(declare(subscription(1)), declare(subscription(2)))
    entries = {ADDRESS: entry(lost(record(0, age=OLD)))}
    plan = plan_of(spec, entries, selection=Selection(only=(parse_selector("*@2"),)))

    assert [type(change) for change in plan.changes] == [Blocked]
