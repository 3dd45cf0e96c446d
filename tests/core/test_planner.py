"""The decision table, row by row, and what holds for every plan."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import (
    BINDING,
    CALLS_AGAIN,
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
    said_undone,
    spec_of,
    state_of,
    subscription,
)

from reconciler.core.address import Address
from reconciler.core.declaration import Flags
from reconciler.core.digest import digest_of
from reconciler.core.entry import Entry
from reconciler.core.plan import Blocked, Regenerate, Reissue, Resume, Undecided
from reconciler.core.planner import make_plan
from reconciler.core.state import Restored
from reconciler.core.timestamp import timestamp

ADDRESS = Address("Subscription/A-S00000001@1")
OLD = timedelta(hours=23)
YOUNG = timedelta(hours=23) - timedelta(seconds=1)

LATE_REFUSAL = "lost, then something else refused, back again"

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
    LATE_REFUSAL: (
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
    assert change.digest == digest_of(declare(flags=flags))


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

    why = "call 0 met a server error (no answer) that its key brings again"
    assert plan.changes == (
        Reissue(
            declaration=declare(),
            digest=digest_of(declare()),
            call=1,
            fields=(),
            not_before=NOW - timedelta(minutes=50),
            reasons=(f"{why}; the project says after_server_error: call_again",),
        ),
    )


TO_B = ("flags.onlyReSend: false -> true", "flags.reMigrate: true -> false")
A_DAY_AGO = "call 0 of 2026-11-21T13:00:00Z was not answered (no answer)"
HOUR_AGO = "call 0 of 2026-11-22T11:00:00Z was not answered (no answer)"
REASONS = {
    "never seen": ("new",),
    "only refused": ("call 0 was refused: 50000040 not found",),
    "applied otherwise": TO_B,
    "lost, key young": ("call 0 of 2026-11-21T13:00:01Z was not answered (no answer); the same key is sent again",),
    "lost, key old": (f"{A_DAY_AGO}; its key is 23 h old; the platform forgets a key after 24 h",),
    "lost, key old, said not to be done": (
        f"{A_DAY_AGO}; the same key is sent again",
        "a person says it was not done: looked it up",
    ),
    "lost, key spent": (f"{HOUR_AGO}; the same key brings the same answer again",),
    "something else lost": (*TO_B, f"{HOUR_AGO} and stays on record as unknown"),
}


@pytest.mark.parametrize("name", REASONS)
def test_a_change_says_why(name: str) -> None:
    flags, known, *_ = TABLE[name]
    (change,) = plan_of(spec_of(declare(flags=flags)), {ADDRESS: known}).changes

    assert change.reasons == REASONS[name]


def test_a_reissue_over_a_doubt_names_what_changed_since() -> None:
    (change,) = plan_of(spec_of(declare(flags=B)), {ADDRESS: entry(lost(record(0)))}).changes

    assert isinstance(change, Reissue)
    assert tuple(map(str, change.fields)) == TO_B


def test_a_send_that_is_still_to_come_shows_a_wrong_clock_and_is_undecided() -> None:
    (change,) = plan_of(spec_of(declare()), {ADDRESS: entry(lost(record(0, age=-timedelta(hours=2))))}).changes

    to_come = "call 0 of 2026-11-22T14:00:00Z was not answered (no answer)"
    assert isinstance(change, Undecided)
    assert change.reasons == (f"{to_come}; that is still to come by this clock, which must be wrong",)


@pytest.mark.parametrize(
    ("known", "next_call"),
    [(entry(lost(record(0))), 1), (entry(applied(record(0, B)), lost(record(1))), 2), (TABLE[LATE_REFUSAL][1], 2)],
)
def test_a_call_after_a_resumed_one_would_have_the_next_free_number(known: Entry, next_call: int) -> None:
    (change,) = plan_of(spec_of(declare()), {ADDRESS: known}).changes

    assert isinstance(change, Resume)
    assert change.next_call == next_call


@pytest.mark.parametrize("known", [entry(lost(record(0, age=OLD))), entry(lost(record(0), spent=True))])
def test_what_is_undecided_knows_its_declaration(known: Entry) -> None:
    (change,) = plan_of(spec_of(declare()), {ADDRESS: known}).changes

    assert isinstance(change, Undecided)
    assert change.declaration == declare()


SINCE = Restored(at=timestamp(NOW), serial=7, reason="backup")
TOLD = "the state was restored at 2026-11-22T12:00:00Z from serial 7: what was sent since is not known"


@pytest.mark.parametrize(
    ("known", "since", "call", "reason"),
    [
        (None, SINCE, 0, f"{TOLD}, and the state does not list it"),
        (entry(applied(record(0))), SINCE, 1, f"{TOLD}, and the state lists it"),
        (
            entry(applied(record(0))),
            None,
            1,
            "the state was restored: what was sent since is not known, and the state lists it",
        ),
    ],
)
def test_what_a_restored_state_may_not_know_of_is_undecided_and_says_why(
    known: Entry | None, since: Restored | None, call: int, reason: str
) -> None:
    entries = {ADDRESS: replace(known, restored=True)} if known else {}
    plan = make_plan(spec_of(declare()), replace(state_of(entries), restored=since), BINDING, now=NOW)

    assert plan.changes == (
        Undecided(
            address=ADDRESS,
            declaration=declare(),
            unsettled=None,
            digest=digest_of(declare()),
            flags=A,
            call=call,
            reasons=(reason,),
        ),
    )


def test_an_undecided_change_tells_what_was_sent_and_not_what_is_declared() -> None:
    known = lost(record(0, age=OLD))
    (change,) = plan_of(spec_of(), {ADDRESS: entry(known)}).changes

    assert isinstance(change, Undecided)
    assert (change.unsettled, change.digest, change.flags, change.call) == (known, known.call.digest, A, 0)


def test_a_doubt_that_is_no_longer_declared_and_was_not_done_needs_nobody() -> None:
    plan = plan_of(spec_of(), {ADDRESS: said_undone(lost(record(0)))})

    assert (plan.changes, plan.undeclared) == ((), 1)


def test_without_a_state_everything_declared_is_new() -> None:
    plan = make_plan(spec_of(declare()), None, BINDING, now=NOW)

    assert [(type(change), change.call, change.reasons) for change in plan.changes] == [(Regenerate, 0, ("new",))]


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
    assert plan.changes[0].reasons == (f"{HOUR_AGO}; it is no longer declared",)


def test_the_plan_tells_when_the_latest_of_the_unchanged_was_applied() -> None:
    ages = [timedelta(hours=3), timedelta(hours=2), timedelta(hours=4), timedelta(hours=1)]
    entries = {
        declare(subscription(number)).address: entry(applied(record(0, target=subscription(number), age=age)))
        for number, age in enumerate(ages, 1)
    }
    declared = [declare(subscription(number)) for number in (1, 2, 3)]
    plan = plan_of(spec_of(*declared, declare(subscription(4), trigger="again")), entries)

    assert (plan.unchanged, plan.last_applied) == (3, "2026-11-22T10:00:00Z")
    assert plan_of(spec_of(declare())).last_applied is None


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


@pytest.mark.parametrize("latest", [1, 2])
def test_a_lost_request_of_the_lane_may_land_for_ten_minutes_before_something_else_is_sent(latest: int) -> None:
    minute_ago, earlier = NOW - timedelta(minutes=1), NOW - timedelta(minutes=50)
    entries = {
        declare(subscription(version)).address: entry(
            lost(record(0, target=subscription(version)), last_sent=minute_ago if version == latest else earlier)
        )
        for version in (1, 2)
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
    blocked = next(change for change in plan.changes if isinstance(change, Blocked))
    assert blocked.by == "Subscription/A-S00000001@2"
    assert blocked.reasons == ("Subscription/A-S00000001@2 comes first and is undecided", "new")


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
