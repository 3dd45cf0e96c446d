"""What files of proofs tell together: which call came last, and the same verdict as the state would give."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from random import Random
from typing import TypeAlias

import pytest
from builders import NOW, A, B, applied, declare, entry, lost, record, refused, state_of
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.declaration import Flags
from reconciler.core.diagnostics import InvalidInput, Place
from reconciler.core.digest import digest_of
from reconciler.core.entry import Applied, CallRecord, Refused, Unsettled
from reconciler.core.environment import EmulatorApi, Environment, FromVariable, PlatformApi, Project
from reconciler.core.evidence import Evidence, evidence_in, evidence_of
from reconciler.core.gathered import gather
from reconciler.core.promotion import Promotion
from reconciler.core.proof import Earlier, fault_of
from reconciler.core.run import Outcome, Result, Run
from reconciler.core.selection import Action
from reconciler.core.tenancy import PlatformKind, Tenancy
from reconciler.core.timestamp import timestamp

ADDRESS = Address("Subscription/A-S00000001@1")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ASKED = Promotion(earlier="sandbox", place=Place("reconciler.yaml", 9, 5), proofs="proofs", max_age=14 * DAY)
SECRET = FromVariable("NOT_SET")
PLATFORM = PlatformApi(
    base_url="https://rest.test.zuora.com", client_id=SECRET, client_secret=SECRET, tenant="12345", entity="e-1"
)
Record: TypeAlias = Applied | Refused | Unsettled


def environment(api: EmulatorApi | PlatformApi = PLATFORM) -> Environment:
    return Environment(name="sandbox", api=api, specs="s", state_file="s.json", place=Place("reconciler.yaml", 3, 3))


PROJECT = Project(name="acme", default=None, environments={"sandbox": environment()})

_OUTCOMES: dict[type[Record], Outcome] = {
    Applied: Outcome.DONE,
    Refused: Outcome.REFUSED,
    Unsettled: Outcome.IN_DOUBT,
}


def shown(
    *records: Record, epoch: int = 0, lineage: str | None = "l-1", platform: PlatformKind = PlatformKind.ZUORA
) -> Evidence:
    """What a run has shown that ended with these records, each of the same address."""
    results = [
        Result(address=ADDRESS, action=Action.REGENERATE, outcome=_OUTCOMES[type(each)], record=each)
        for each in records
    ]
    tenancy = Tenancy(tenant="12345", entity="e-1") if lineage else None
    run = Run(
        id="run-1",
        plan_id="p1-1",
        environment="sandbox",
        results=tuple(results),
        tenancy=tenancy,
        lineage=lineage,
        epoch=epoch,
    )
    return evidence_of(run, "acme", platform=platform, commit=None, tool="reconciler 0")


def named(*documents: Evidence) -> dict[str, Evidence]:
    return {f"proofs/{number}.json": each for number, each in enumerate(documents, 1)}


def fault(*documents: Evidence, asked: Promotion = ASKED, refreshed: timedelta | None = None) -> str | None:
    earlier = Earlier(
        environment="sandbox",
        source=gather(named(*documents), PROJECT, asked),
        is_emulator=False,
        refreshed_at=timestamp(NOW - refreshed) if refreshed else None,
    )
    declaration = declare()
    return fault_of(declaration, digest_of(declaration), earlier, asked, NOW)


DONE = applied(record(0, age=3 * HOUR))
PROVEN = {
    "done": [shown(DONE)],
    "the same file twice": [shown(DONE), shown(DONE)],
    "done again later": [shown(DONE), shown(applied(record(1, B))), shown(applied(record(2)))],
    "a doubt that is settled in another file": [shown(lost(record(0))), shown(DONE)],
    "a refusal of an earlier call": [shown(refused(record(0, B))), shown(applied(record(1)))],
    "a doubt about an earlier call": [shown(lost(record(0, B))), shown(applied(record(1)))],
    "a later epoch, in which calls have lower numbers": [
        shown(refused(record(7, B))),
        shown(applied(record(2)), epoch=5),
    ],
    "a file of a run that has sent nothing": [shown(lineage=None), shown(DONE)],
}

UNPROVEN = {
    "nothing": ([shown()], "no proof there is tells of it"),
    "other flags": ([shown(applied(record(0, B)))], "it was applied there with other flags or another trigger"),
    "something else later": (
        [shown(DONE), shown(applied(record(1, B)))],
        "it was applied there with other flags or another trigger",
    ),
    "refused later": (
        [shown(DONE), shown(refused(record(1, B)))],
        "call 1 was refused there: 50000040 not found (proofs/2.json)",
    ),
    "in doubt later": (
        [shown(lost(record(1, B))), shown(DONE)],
        "call 1 is in doubt there since 2026-11-22T11:00:00Z (proofs/1.json)",
    ),
    "a doubt that a refusal has settled": (
        [shown(lost(record(0))), shown(refused(record(0)))],
        "call 0 was refused there: 50000040 not found (proofs/2.json)",
    ),
    "a later epoch": (
        [shown(applied(record(7))), shown(refused(record(2, B)), epoch=5)],
        "call 2 was refused there: 50000040 not found (proofs/2.json)",
    ),
    "two calls of one number": (
        [shown(DONE), shown(applied(record(0, B)))],
        "proofs/1.json and proofs/2.json tell of two calls of number 0 there",
    ),
    "a doubt about another call of one number": (
        [shown(DONE), shown(lost(record(0, B)))],
        "proofs/1.json and proofs/2.json tell of two calls of number 0 there",
    ),
    "no ids": (
        [shown(replace(DONE, id_list=()))],
        "it was applied there without any id, and accept_empty_ids is not set",
    ),
    "a person's word": ([shown(replace(DONE, resolution="looked it up"))], "no proof there is tells of it"),
}


@pytest.mark.parametrize("documents", PROVEN.values(), ids=PROVEN.keys())
def test_what_the_last_call_has_shown_is_proven_in_whatever_order_files_are_read(documents: list[Evidence]) -> None:
    assert [fault(*each) for each in permutations(documents)] == [None for _ in permutations(documents)]


@pytest.mark.parametrize(("documents", "why"), UNPROVEN.values(), ids=UNPROVEN.keys())
def test_whatever_else_they_tell_is_no_proof_and_says_why(documents: list[Evidence], why: str) -> None:
    assert fault(*documents) == why
    assert all(fault(*each) for each in permutations(documents))


@pytest.mark.parametrize(
    ("asked", "refreshed", "why"),
    [
        ({"accept_empty_ids": True}, None, None),
        (
            {"soak": 4 * HOUR},
            None,
            "it was applied there at 2026-11-22T09:00:00Z, and counts from 2026-11-22T13:00:00Z on",
        ),
        (
            {"max_age": 2 * HOUR},
            None,
            "it was applied there at 2026-11-22T09:00:00Z, and counted until 2026-11-22T11:00:00Z",
        ),
        (
            {},
            2 * HOUR,
            "it was applied there at 2026-11-22T09:00:00Z, before the refresh of 2026-11-22T10:00:00Z",
        ),
        ({}, 4 * HOUR, None),
    ],
)
def test_a_proof_by_file_is_judged_by_the_time_in_it(
    asked: dict[str, timedelta | bool], refreshed: timedelta | None, why: str | None
) -> None:
    assert fault(shown(DONE), asked=replace(ASKED, **asked), refreshed=refreshed) == why  # type: ignore[arg-type]


_End: TypeAlias = Callable[[CallRecord], Record]
_ENDS: list[list[_End]] = [[lost, applied], [lost, refused], [lost], [applied], [refused]]
_calls = st.tuples(st.sampled_from([A, B]), st.sampled_from(_ENDS))


@given(st.lists(_calls, max_size=5), st.randoms())
def test_files_of_all_runs_give_the_verdict_that_the_state_gives(
    history: list[tuple[Flags, list[_End]]], chance: Random
) -> None:
    """Each call is another run, and so is each time that it is sent again. A file of the state adds to none of them."""
    calls = [(record(number, flags), ends) for number, (flags, ends) in enumerate(history)]
    records = [end(call) for call, ends in calls for end in ends]
    documents = [shown(each) for each in records]
    state = replace(state_of({ADDRESS: entry(*records)}), environment="sandbox", lineage="l-1", tenant="12345")
    state = replace(state, entity="e-1", platform=PlatformKind.ZUORA)
    of_state = evidence_in(state, "acme", platform=PlatformKind.ZUORA, refreshed_at=None, tool="reconciler 0")
    chance.shuffle(documents)
    earlier = Earlier(environment="sandbox", source=state, is_emulator=False)
    declaration = declare()
    by_state = fault_of(declaration, digest_of(declaration), earlier, ASKED, NOW)

    for each in (documents, [of_state, *documents], [*documents, of_state], [*documents[:2], of_state]):
        assert (fault(*each) is None) == (by_state is None)


OTHER = shown(DONE)
FOREIGN = [
    (replace(OTHER, project="other"), "It says project 'other', and 'acme' is expected."),
    (replace(OTHER, environment="test"), "It says environment 'test', and 'sandbox' is expected."),
    (replace(OTHER, tenant="67890"), "It says tenant '67890', and '12345' is expected."),
    (replace(OTHER, tenant=None), "It says no tenant, and '12345' is expected."),
    (replace(OTHER, entity="e-2"), "It says entity 'e-2', and 'e-1' is expected."),
    (
        replace(OTHER, project="other", tenant="67890"),
        "It says project 'other', and 'acme' is expected; tenant '67890', and '12345' is expected.",
    ),
]


@pytest.mark.parametrize(("document", "said"), FOREIGN)
def test_a_foreign_proof_is_refused_with_what_it_says_and_what_was_expected(document: Evidence, said: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        gather(named(OTHER, document), PROJECT, ASKED)

    (found,) = refusal.value.diagnostics
    assert (found.code, str(found.place), found.detail) == ("foreign-proof", "proofs/2.json", said)


def test_where_the_project_file_says_no_tenant_none_is_foreign() -> None:
    project = replace(PROJECT, environments={"sandbox": environment(EmulatorApi(database="s.db"))})

    assert gather(named(replace(OTHER, tenant="67890", entity=None)), project, ASKED).told


def test_an_emulator_s_proof_is_refused_unless_the_project_file_says_so() -> None:
    document = shown(DONE, platform=PlatformKind.EMULATOR)
    with pytest.raises(InvalidInput) as refusal:
        gather(named(document), PROJECT, ASKED)

    (found,) = refusal.value.diagnostics
    assert (found.code, str(found.place)) == ("emulator-proof", "proofs/1.json")
    assert fault(document, asked=replace(ASKED, accept_emulator=True)) is None


def test_files_of_two_states_are_refused_with_both_names() -> None:
    empty = shown(lineage="l-3")
    with pytest.raises(InvalidInput) as refusal:
        gather(named(empty, OTHER, shown(DONE), shown(DONE, lineage="l-2"), shown(DONE, lineage="l-2")), PROJECT, ASKED)

    (found,) = refusal.value.diagnostics
    assert found.code == "two-lineages"
    assert (
        f"{found.place}: {found.summary}" == "proofs/4.json: this proof and proofs/2.json are of two states of sandbox"
    )


def test_everything_that_is_wrong_with_all_files_is_told_at_once() -> None:
    with pytest.raises(InvalidInput) as refusal:
        gather(
            named(replace(OTHER, project="x"), shown(DONE, platform=PlatformKind.EMULATOR), shown(DONE, lineage="l-2")),
            PROJECT,
            ASKED,
        )

    assert [each.code for each in refusal.value.diagnostics] == ["foreign-proof", "emulator-proof", "two-lineages"]
