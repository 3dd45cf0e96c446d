"""What a state tells to whoever promotes by files: the platform's answers to the last calls, whichever run had them."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, A, B, applied, declare, entry, lost, record, refused, state_of, subscription
from hypothesis import given
from hypothesis import strategies as st
from strategies import histories, specs

from reconciler.core.account import telling
from reconciler.core.address import Address
from reconciler.core.declaration import Spec
from reconciler.core.diagnostics import Place
from reconciler.core.digest import digest_of
from reconciler.core.entry import Applied, CallRecord, Entry
from reconciler.core.environment import EmulatorApi, Environment, Project
from reconciler.core.evidence import Evidence, Shown, evidence_in, evidence_of
from reconciler.core.gathered import gather
from reconciler.core.key import KeyScope, idempotency_key
from reconciler.core.promotion import Promotion
from reconciler.core.proof import Earlier, fault_of
from reconciler.core.run import Outcome, Result, Run
from reconciler.core.selection import Action
from reconciler.core.state import Restored, State
from reconciler.core.tenancy import PlatformKind, Tenancy
from reconciler.core.timestamp import Timestamp, timestamp

ADDRESS = Address("Subscription/A-S00000001@1")
DAY = timedelta(days=1)
ASKED = Promotion(earlier="local", place=Place("reconciler.yaml", 9, 5), proofs="proofs", max_age=14 * DAY)
LOCAL = Environment(
    name="local", api=EmulatorApi(database="l.db"), specs="l", state_file="l.json", place=Place("reconciler.yaml", 3, 3)
)
PROJECT = Project(name="acme", default=None, environments={"local": LOCAL})
WORD = "only a person has said how it ended"


def state(entries: dict[Address, Entry]) -> State:
    return replace(state_of(entries), platform=PlatformKind.ZUORA)


def told(known: State, *, refreshed_at: Timestamp | None = None) -> Evidence:
    return evidence_in(known, "acme", platform=PlatformKind.ZUORA, refreshed_at=refreshed_at, tool="reconciler 0")


def rows(*known: object) -> list[tuple[int, str, str | None]]:
    """What is told of an entry after *known*: number, how it ended, and what is said of that."""
    found = told(state({ADDRESS: entry(*known)}))  # type: ignore[arg-type]
    done = [(each.call, "shown", None) for each in found.shown]
    return [*done, *((each.call, str(each.outcome), each.said) for each in found.against)]


DONE = applied(record(1, age=DAY))


def test_the_last_call_is_shown_with_what_came_after_it() -> None:
    assert rows(refused(record(0, B)), DONE) == [(1, "shown", None)]
    assert rows(DONE, refused(record(2, B))) == [(1, "shown", None), (2, Outcome.REFUSED, "50000040 not found")]
    assert rows(lost(record(0, B)), DONE, lost(record(2, B))) == [(1, "shown", None), (2, Outcome.IN_DOUBT, None)]


def test_what_only_a_person_says_is_in_doubt() -> None:
    """Else what was done before it would seem to be the last."""
    undone = replace(refused(record(2, B)), resolution="looked it up")

    assert rows(replace(DONE, resolution="imported: by hand")) == [(1, Outcome.IN_DOUBT, WORD)]
    assert rows(DONE, undone) == [(1, "shown", None), (2, Outcome.IN_DOUBT, WORD)]
    source = gather({"s.json": told(state({ADDRESS: entry(replace(DONE, resolution="so"))}))}, PROJECT, ASKED)
    assert source.account(ADDRESS).against == f"call 1 is in doubt there since {DONE.at}, and {WORD} (s.json)"


def test_it_says_whose_state_it_is_and_names_no_run() -> None:
    found = told(replace(state({}), tenant="12345", entity="e-1", epoch=7))

    assert (found.project, found.environment, found.tenant, found.entity) == ("acme", "local", "12345", "e-1")
    assert (found.platform, found.lineage, found.epoch) == (PlatformKind.ZUORA, "lineage-1", 7)
    assert (found.run, found.plan_id, found.commit) == (None, None, None)


def test_a_state_that_does_not_say_yet_who_has_answered_shows_what_the_environment_is() -> None:
    assert told(state_of({ADDRESS: entry(DONE)})).platform is PlatformKind.ZUORA
    emulated = replace(state_of({ADDRESS: entry(DONE)}), platform=PlatformKind.EMULATOR)
    assert told(emulated).platform is PlatformKind.EMULATOR


@pytest.mark.parametrize("known", [PlatformKind.EMULATOR, None])
def test_who_has_answered_is_taken_from_the_state_and_not_from_what_is_configured_by_now(
    known: PlatformKind | None,
) -> None:
    tenancy = Tenancy(tenant="12345", entity=None, platform=known)
    learned = Result(address=ADDRESS, action=Action.RESUME, outcome=Outcome.DONE, record=DONE)
    run = Run(id="run-1", plan_id="p1-1", environment="local", tenancy=tenancy, lineage="l-1", recovered=(learned,))
    found = evidence_of(run, "acme", platform=PlatformKind.ZUORA, commit=None, tool="reconciler 0")

    assert (len(found.shown), found.platform) == (1, known or PlatformKind.ZUORA)


def keyed(call: CallRecord, epoch: int, refreshed_at: Timestamp | None = None) -> Applied:
    scope = KeyScope(
        project="acme", environment="local", tenant=None, entity=None, epoch=epoch, refreshed_at=refreshed_at
    )
    key = idempotency_key(scope, address=ADDRESS, target=subscription(), digest=call.digest, call=call.number)
    return applied(replace(call, key=key))


def test_where_a_state_was_restored_only_calls_since_then_are_shown() -> None:
    """What was applied before need not have been the last."""
    restored = Restored(at=timestamp(NOW), serial=3, reason="the disk")
    at = timestamp(NOW - 3 * DAY)

    def shown(done: Applied, epoch: int) -> tuple[Shown, ...]:
        known = replace(state({ADDRESS: entry(done)}), epoch=epoch, restored=restored if epoch else None)
        return told(known, refreshed_at=at).shown

    assert shown(keyed(record(1), 0), 0)
    assert shown(keyed(record(1), 0, at), 7) == ()
    assert [each.call for each in shown(keyed(record(1), 7, at), 7)] == [1]
    assert shown(keyed(record(1), 6, at), 7) == ()


@given(specs(), histories(), st.sampled_from([None, DAY]))
def test_a_file_of_the_state_gives_the_verdict_that_the_state_gives(
    spec: Spec, known: dict[Address, Entry], age: timedelta | None
) -> None:
    """After a refresh it proves no more than that, as calls of any time may stand in any order here."""
    there = state({address: replace(each, restored=False) for address, each in known.items()})
    at = timestamp(NOW - age) if age else None
    by_state = Earlier(
        environment="local", source=telling(there, at), is_emulator=False, refreshed_at=at, keys=spec.keys
    )
    source = gather({"s.json": told(there, refreshed_at=at)}, PROJECT, ASKED)
    by_file = replace(by_state, source=source)

    for each in [*spec.declarations.values(), declare(flags=A)]:
        with_state, with_file = (
            fault_of(each, digest_of(each), earlier, ASKED, NOW) for earlier in (by_state, by_file)
        )
        assert with_file is not None or with_state is None
        assert age is not None or (with_file is None) == (with_state is None)
