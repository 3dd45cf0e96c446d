"""What proves a declaration to a later environment, and what does not, with the words a person reads."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, A, B, applied, declare, entry, lost, plan_of, record, refused, spec_of, state_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import histories, specs

from reconciler.core.account import Account, account_in_state, telling
from reconciler.core.address import Address
from reconciler.core.declaration import Spec
from reconciler.core.diagnostics import Place
from reconciler.core.digest import digest_of
from reconciler.core.entry import Entry
from reconciler.core.keymap import KeyMap
from reconciler.core.plan import Plan, Resume, effect
from reconciler.core.promotion import Demand, Promotion
from reconciler.core.proof import Earlier, new_calls, with_proofs
from reconciler.core.state import Restored
from reconciler.core.timestamp import timestamp

ADDRESS = Address("Subscription/A-S00000001@1")
ASKED = Promotion(earlier="sandbox", place=Place("reconciler.yaml", 9, 5))
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DONE = applied(record(0, age=HOUR))
PROVEN = entry(DONE)


def earlier(known: Entry | None, **more: object) -> Earlier:
    entries = {ADDRESS: known} if known else {}
    return replace(Earlier(environment="sandbox", source=state_of(entries), is_emulator=False), **more)  # type: ignore[arg-type]


def judged(known: Entry | None, asked: Promotion = ASKED, **more: object) -> Plan:
    return with_proofs(plan_of(spec_of(declare())), earlier(known, **more), asked, NOW)


def test_what_the_platform_has_answered_there_is_proven() -> None:
    assert judged(PROVEN) == plan_of(spec_of(declare()))


UNPROVEN: dict[str, tuple[Entry | None, str]] = {
    "never applied": (None, "it was never applied there"),
    "another digest": (
        entry(applied(record(0, B))),
        (
            "it was applied there with something else "
            "(flags.onlyReSend: true -> false, flags.reMigrate: false -> true here)"
        ),
    ),
    "another trigger": (
        entry(applied(record(0, A, trigger="x"))),
        "it was applied there with something else (trigger: x -> none here)",
    ),
    "a person's word": (
        entry(replace(DONE, resolution="looked it up")),
        "that it was applied there is a person's word and no answer of the platform: looked it up",
    ),
    "an import": (
        entry(replace(DONE, resolution="imported: by hand")),
        "that it was applied there is a person's word and no answer of the platform: imported: by hand",
    ),
    "no ids": (
        entry(replace(DONE, id_list=())),
        "it was applied there without any id, and accept_empty_ids is not set",
    ),
    "refused": (entry(refused(record(0))), "call 0 was refused there: 50000040 not found"),
    "refused later": (entry(DONE, refused(record(1, B))), "call 1 was refused there: 50000040 not found"),
    "in doubt": (entry(lost(record(0))), "call 0 is in doubt there since 2026-11-22T11:00:00Z"),
    "in doubt later": (entry(DONE, lost(record(1, B))), "call 1 is in doubt there since 2026-11-22T11:00:00Z"),
    "restored": (
        replace(PROVEN, restored=True),
        "the state there was restored, and nobody has said what was sent since",
    ),
}


@pytest.mark.parametrize(("known", "why"), UNPROVEN.values(), ids=UNPROVEN.keys())
def test_whatever_else_is_known_there_refuses_the_plan_and_says_why(known: Entry | None, why: str) -> None:
    plan = judged(known)

    (refusal,) = plan.refusals
    assert (refusal.rule, refusal.figure, refusal.limit) == ("promotes_from", 1, 0)
    assert refusal.told == f"1 of 1 new call not proven in sandbox: {ADDRESS} [local/a.yaml:1:5] {why}"
    assert plan.changes[0].reasons[-1] == f"not proven in sandbox: {why}"


def test_what_came_before_the_proof_does_not_speak_against_it() -> None:
    assert not judged(entry(refused(record(0, B)), lost(record(1, B)), applied(record(2, age=HOUR)))).refusals


OBJECT = Address("Subscription/P-7@1")
SENT = entry(applied(record(0, age=HOUR, sent_as=OBJECT)))
APPLIED = "it was applied there to"


def keys(in_tenant: str, written: str = "A-S00000001") -> KeyMap:
    return KeyMap("keys/sandbox.csv", {"subscriptionName": {written: in_tenant}})


@pytest.mark.parametrize(
    ("known", "mapped", "why"),
    [
        (SENT, keys("P-7"), None),
        (SENT, keys("P-8"), f"{APPLIED} {OBJECT}, and keys/sandbox.csv there says Subscription/P-8@1 now"),
        (SENT, keys("A-S00000001"), f"{APPLIED} {OBJECT}, and keys/sandbox.csv there says {ADDRESS} now"),
        (SENT, keys("P-7", "other"), f"{APPLIED} {OBJECT}, and no key map there says so now"),
        (SENT, None, f"{APPLIED} {OBJECT}, and no key map there says so now"),
        (PROVEN, keys("P-7"), f"{APPLIED} {ADDRESS}, and keys/sandbox.csv there says {OBJECT} now"),
        (PROVEN, keys("A-S00000001"), None),
        (PROVEN, keys("P-7", "other"), None),
    ],
)
def test_what_was_applied_to_another_object_than_the_key_map_there_names_now_is_no_proof(
    known: Entry, mapped: KeyMap | None, why: str | None
) -> None:
    said = [each.told for each in judged(known, keys=mapped).refusals]

    assert said == ([f"1 of 1 new call not proven in sandbox: {ADDRESS} [local/a.yaml:1:5] {why}"] if why else [])


def test_an_emulator_proves_nothing_unless_the_project_file_says_so() -> None:
    assert (
        judged(PROVEN, is_emulator=True)
        .refusals[0]
        .told.endswith("an emulator has answered there, and accept_emulator is not set")
    )
    assert not judged(PROVEN, replace(ASKED, accept_emulator=True), is_emulator=True).refusals


def test_empty_ids_are_enough_where_the_project_file_says_so() -> None:
    assert not judged(entry(replace(DONE, id_list=())), replace(ASKED, accept_empty_ids=True)).refusals


def test_a_restore_before_the_refresh_speaks_against_nothing_that_was_applied_since() -> None:
    """What might have been sent in the time that the restored state did not know of was wiped."""
    at, later = timestamp(NOW - 2 * HOUR), timestamp(NOW - 3 * HOUR)
    state = replace(state_of({}), restored=Restored(at=later, serial=3, reason="r"))
    since = replace(state_of({ADDRESS: replace(PROVEN, restored=False)}), restored=state.restored)
    before = replace(since, entries={ADDRESS: replace(PROVEN, restored=True)})

    for known in (since, before):
        counts = telling(known, at)
        account = account_in_state(counts, ADDRESS)
        assert (account.done is not None, account.against) == (True, None)
    assert account_in_state(telling(before, None), ADDRESS).against is not None
    assert account_in_state(telling(state, at), ADDRESS) == Account()


def test_a_doubt_before_the_refresh_is_wiped_and_what_was_applied_before_it_is_told() -> None:
    doubt = entry(applied(record(0, age=3 * HOUR)), lost(record(1, B, age=2 * HOUR)))
    account = account_in_state(telling(state_of({ADDRESS: doubt}), timestamp(NOW - HOUR)), ADDRESS)

    assert account.against is None
    assert account.done is not None
    assert account.done.at == timestamp(NOW - 3 * HOUR)


def test_what_was_before_a_refresh_proves_nothing() -> None:
    at = timestamp(NOW - HOUR + timedelta(seconds=1))

    assert (
        judged(PROVEN, refreshed_at=at)
        .refusals[0]
        .told.endswith("it was applied there at 2026-11-22T11:00:00Z, before the refresh of 2026-11-22T11:00:01Z")
    )
    assert not judged(PROVEN, refreshed_at=timestamp(NOW - HOUR)).refusals


@pytest.mark.parametrize(
    ("soak", "max_age", "why"),
    [
        (HOUR, HOUR, None),
        (2 * HOUR, None, "it was applied there at 2026-11-22T11:00:00Z, and counts from 2026-11-22T13:00:00Z on"),
        (
            timedelta(0),
            HOUR / 2,
            "it was applied there at 2026-11-22T11:00:00Z, and counted until 2026-11-22T11:30:00Z",
        ),
    ],
)
def test_a_proof_counts_from_its_soak_time_to_its_greatest_age(
    soak: timedelta, max_age: timedelta | None, why: str | None
) -> None:
    plan = judged(PROVEN, replace(ASKED, soak=soak, max_age=max_age))

    assert [each.told.endswith(f"[local/a.yaml:1:5] {why}") for each in plan.refusals] == [True] * (why is not None)


def test_what_is_only_to_be_marked_refuses_nothing_and_is_warned_of() -> None:
    plan = judged(None, replace(ASKED, demand=Demand.MARKED))

    (warning,) = plan.warnings
    assert plan.refusals == ()
    assert (warning.code, str(warning.place)) == ("not-proven", "reconciler.yaml:9:5")
    assert plan.changes[0].reasons == ("new", "not proven in sandbox: it was never applied there")


def test_a_call_without_an_answer_is_not_judged_again() -> None:
    plan = plan_of(spec_of(declare()), {ADDRESS: entry(lost(record(0)))})

    assert isinstance(plan.changes[0], Resume)
    assert with_proofs(plan, earlier(None), ASKED, NOW) == plan


@given(specs(), histories(), histories(), st.sampled_from([None, DAY, 3 * DAY]))
def test_whatever_is_let_pass_was_answered_by_the_platform_under_its_digest(
    spec: Spec, history: dict[Address, Entry], there: dict[Address, Entry], age: timedelta | None
) -> None:
    """And what a plan does stays the same, whatever is said of it."""
    known = Earlier(
        environment="sandbox",
        source=state_of(there),
        is_emulator=False,
        refreshed_at=timestamp(NOW - age) if age else None,
        keys=spec.keys,
    )
    plan = plan_of(spec, history)
    found = with_proofs(plan, known, ASKED, NOW)

    assert [*map(effect, found.changes)] == [*map(effect, plan.changes)]
    assert found.id == plan.id
    assert bool(found.refusals) is any("not proven" in each.reasons[-1] for each in found.changes)
    for change in new_calls(found):
        if "not proven" not in change.reasons[-1]:
            done = there[change.address].settled
            assert done is not None
            assert (done.call.digest, done.resolution) == (digest_of(change.declaration), None)
            assert done.call.target == spec.sent_as(change.address)
            assert age is None or done.at >= timestamp(NOW - age)
