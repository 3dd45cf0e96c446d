"""Applying a plan: what is sent, what is remembered, and what happens when something goes wrong."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import (
    BINDING,
    NOW,
    B,
    applied,
    charge,
    declare,
    entry,
    lost,
    record,
    refused,
    spec_of,
    state_of,
    subscription,
)
from fakes import DONE, HandClock, Listener, MemoryJournals, MemoryStore, ScriptedPlatform

from reconciler.core.address import Address
from reconciler.core.call import Authorship
from reconciler.core.declaration import Declaration
from reconciler.core.diagnostics import Place
from reconciler.core.digest import digest_of
from reconciler.core.entry import CallRecord, Entry
from reconciler.core.environment import EmulatorApi, Environment
from reconciler.core.key import KeyScope, idempotency_key
from reconciler.core.outcome import Answer, Fault, FaultKind, Reason, Traffic
from reconciler.core.plan import Binding, Resume, Undecided
from reconciler.core.planner import make_plan
from reconciler.core.retry import ATTEMPTS
from reconciler.core.run import Outcome, Run, Stop, exit_status
from reconciler.core.state import State
from reconciler.core.tenancy import NOBODY, Scope, Tenancy
from reconciler.engine.apply import Ports, Request, apply_plan
from reconciler.engine.plan import load_state
from reconciler.errors import AuthenticationError, GuardrailError, StaleError, Unreachable, WrongTenant
from reconciler.formats.state import read_state, write_state
from reconciler.ports import Regeneration

Answers = list[Answer | Fault | Exception]
NOT_FOUND = Answer(
    status=404,
    is_business=True,
    success=False,
    reasons=(Reason("50000040", "no such subscription"),),
    request_id="r-9",
    process_id="738C",
)
LOCK = Answer(status=409, is_business=True, success=False, reasons=(Reason("58730050", "lock competition"),))
LOCK_SAVED = replace(LOCK, request_id="r-7")
LOST = Fault(FaultKind.LOST, "connection reset")
NOT_SENT = Fault(FaultKind.NOT_SENT, "connection refused")
FIRST = Address("Subscription/A-S00000001@1")
ENVIRONMENT = Environment(
    name="local", api=EmulatorApi(database="d"), specs="local", state_file="state.json", place=Place("reconciler.yaml")
)


class World:
    """One environment with its platform, store and clock; `apply` plans and applies as the command does."""

    def __init__(self, *declarations: Declaration, platform: ScriptedPlatform | None = None) -> None:
        self.spec = spec_of(*declarations)
        self.platform = platform or ScriptedPlatform()
        self.store = MemoryStore()
        self.journals = MemoryJournals()
        self.concurrency: int | None = 1
        self.leave_free = 0.2
        self.clock = HandClock()
        self.listener = Listener()
        self.stop: Stop | None = None
        self.configured = NOBODY
        self.binding = BINDING
        self.runs = 0

    @property
    def state(self) -> State | None:
        return read_state(self.store.content, "state.json", environment="local") if self.store.content else None

    def remember(self, **entries: Entry) -> None:
        self.store.content = write_state(state_of({FIRST: entries["first"]}))

    def entry(self, address: str = FIRST) -> Entry:
        assert self.state is not None
        return self.state.entries[Address(address)]

    def request(self) -> Request:
        self.runs += 1
        stored = load_state(self.store, self.journals, ENVIRONMENT)
        return Request(
            plan=make_plan(self.spec, stored.state, self.binding, now=self.clock.now()),
            stored=stored,
            concurrency=self.concurrency,
            leave_free=self.leave_free,
            run=f"run-{self.runs}",
            lineage="lineage-1",
            configured=self.configured,
            place=Place("reconciler.yaml", 5, 3),
            authorship={"local/a.yaml": Authorship(commit="abc", author="Ann <ann@example.com>")},
        )

    def ports(self) -> Ports:
        return Ports(
            store=self.store,
            journals=self.journals,
            platform=self.platform,
            clock=self.clock,
            progress=self.listener,
            stop=lambda: self.stop,
        )

    def apply(self) -> Run:
        return asyncio.run(apply_plan(self.request(), self.ports()))


def outcomes(run: Run) -> list[Outcome]:
    return [result.outcome for result in run.results]


def own_key(declared: Declaration, call: int = 0) -> str:
    """The key that the world's own runs compute."""
    scope = KeyScope(project="test", environment="local", tenant="1", entity="e", epoch=0)
    return idempotency_key(
        scope, address=declared.address, target=declared.target, digest=digest_of(declared), call=call
    )


def lost_call(declared: Declaration, age: timedelta = timedelta(hours=1)) -> Entry:
    call = record(0, declared.flags, target=declared.target, age=age)
    known = CallRecord(
        number=0,
        digest=call.digest,
        flags=call.flags,
        trigger=None,
        key=own_key(declared),
        sent=call.sent,
        run="run-0",
    )
    return entry(lost(known))


def test_what_is_declared_is_sent_once_with_both_flags_and_recorded_with_its_origin() -> None:
    world = World(declare())
    run = world.apply()

    (sent,) = world.platform.sent
    assert sent.body == {"type": "Subscription", "subscriptionName": "A-S00000001", "subscriptionVersion": 1}
    assert sent.flags == {"onlyReSend": False, "reMigrate": True}
    assert outcomes(run) == [Outcome.DONE]
    done = world.entry().applied
    assert done is not None
    assert (done.id_list, done.request_id, done.call.key, done.call.number) == (("2c98",), "r-1", sent.key, 0)
    assert (done.call.run, done.call.commit, done.call.author) == ("run-1", "abc", "Ann <ann@example.com>")
    assert (done.call.sent, done.at) == ("2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z")


def test_a_second_apply_sends_nothing_and_asks_for_no_token() -> None:
    world = World(declare())
    world.apply()
    before = world.store.content
    world.platform.refuses = AuthenticationError("must not be asked")
    run = world.apply()

    assert (run.results, len(world.platform.sent)) == ((), 1)
    assert world.store.content == before


def test_the_key_is_the_one_of_the_recipe_and_bound_to_the_tokens_tenant() -> None:
    world = World(declare())
    world.apply()

    assert world.platform.sent[0].key == own_key(declare())
    assert world.platform.tenancy == Tenancy(tenant="1", entity="e")


def test_losing_the_state_within_a_day_sends_the_same_key() -> None:
    world = World(declare())
    world.apply()
    world.store.content = None
    world.apply()

    assert len({sent.key for sent in world.platform.sent}) == 1


def test_one_change_refused_ends_its_lane_and_no_other() -> None:
    world = World(
        *(declare(subscription(version)) for version in (1, 2, 3)),
        declare(charge()),
        platform=ScriptedPlatform({2: NOT_FOUND}),
    )
    run = world.apply()

    assert {r.address: str(r.outcome) for r in run.results} == {
        "DynamicUsageCharge/C-00000042": "done",
        "Subscription/A-S00000001@1": "done",
        "Subscription/A-S00000001@2": "refused",
        "Subscription/A-S00000001@3": "not_started",
    }
    assert [result.address for result in world.listener.results] == [result.address for result in run.results]


def test_a_refusal_is_recorded_and_the_next_apply_makes_a_new_call() -> None:
    world = World(declare(), platform=ScriptedPlatform({1: NOT_FOUND}))
    run = world.apply()
    told = world.entry().refused
    assert told is not None
    assert (told.code, told.message, told.request_id, told.process_id) == (
        "50000040",
        "no such subscription",
        "r-9",
        "738C",
    )
    world.platform.answers = {}
    world.apply()

    assert run.results[0].error is not None
    assert [sent.key for sent in world.platform.sent] == [own_key(declare(), 0), own_key(declare(), 1)]
    assert world.entry().refused is None


def server_error(request_id: str) -> Answer:
    return Answer(status=500, is_business=True, reasons=(Reason("SystemError", "internal"),), request_id=request_id)


@pytest.mark.parametrize("kind", ["lost", "server error"])
def test_a_doubt_is_recorded_and_resumed_under_the_same_key(kind: str) -> None:
    answers: Answers = [LOST if kind == "lost" else server_error(f"r-{number}") for number in range(ATTEMPTS)]
    world = World(declare(), platform=ScriptedPlatform({1: answers}))
    assert outcomes(world.apply()) == [Outcome.IN_DOUBT]
    assert len(world.entry().in_doubt) == 1
    assert len(world.platform.sent) == ATTEMPTS
    world.platform.answers = {}
    world.clock.moment = NOW + timedelta(hours=22)

    assert outcomes(world.apply()) == [Outcome.DONE]
    assert {sent.key for sent in world.platform.sent} == {own_key(declare())}
    done = world.entry().applied
    assert done is not None
    assert (done.call.sent, done.at) == ("2026-11-22T12:00:00Z", "2026-11-23T10:00:00Z")
    assert world.entry().in_doubt == ()


def test_resuming_in_vain_does_not_make_a_key_younger() -> None:
    world = World(declare(), platform=ScriptedPlatform({1: LOST}))
    found = []
    for hours in (0, 12, 11):
        world.clock.advance(timedelta(hours=hours))
        found += outcomes(world.apply())

    assert found == [Outcome.IN_DOUBT, Outcome.IN_DOUBT, Outcome.UNDECIDED]
    assert len({sent.key for sent in world.platform.sent}) == 1


def test_a_doubt_older_than_its_key_is_not_sent() -> None:
    world = World(declare())
    world.remember(first=lost_call(declare(), age=timedelta(hours=23)))

    assert outcomes(world.apply()) == [Outcome.UNDECIDED]
    assert world.platform.sent == []


def test_a_key_that_becomes_too_old_between_plan_and_send_is_not_sent() -> None:
    world = World(declare())
    world.remember(first=lost_call(declare(), age=timedelta(hours=22, minutes=59)))
    request = world.request()
    world.clock.advance(timedelta(minutes=2))
    run = asyncio.run(apply_plan(request, world.ports()))

    assert (outcomes(run), exit_status(run), world.platform.sent) == ([Outcome.UNDECIDED], 7, [])


def test_a_doubt_whose_key_comes_out_differently_today_is_not_sent() -> None:
    world = World(declare())
    world.remember(first=entry(lost(record(0))))
    run = world.apply()

    assert outcomes(run) == [Outcome.UNDECIDED]
    assert run.results[0].error is not None
    assert run.results[0].error.code == "KeyMismatch"
    assert world.platform.sent == []


LIMIT = Answer(status=429, is_business=False)


@pytest.mark.parametrize("answer", [NOT_SENT, LIMIT], ids=["not sent", "429"])
def test_sends_that_reached_nobody_leave_the_call_as_it_was(answer: Answer | Fault) -> None:
    world = World(declare(), platform=ScriptedPlatform({1: answer}))
    run = world.apply()

    assert outcomes(run) == [Outcome.NOT_STARTED]
    assert {sent.key for sent in world.platform.sent} == {own_key(declare())}
    assert world.state is not None
    assert world.state.entries == {}


def test_a_platform_that_is_gone_stops_the_run() -> None:
    declared = [declare(charge(f"C-{number}")) for number in range(30)]
    world = World(*declared, platform=ScriptedPlatform({f"C-{number}": NOT_SENT for number in range(30)}))
    run = world.apply()

    assert run.stop is Stop.NOT_REACHED
    assert len(world.platform.sent) < 30


HISTORIES: dict[str, tuple[Answers, Outcome, int]] = {
    "429 and a refused connection before success": ([LIMIT, NOT_SENT], Outcome.DONE, 3),
    "lost, then done": ([LOST], Outcome.DONE, 2),
    "lost, then 401, 429, a lock and 409": (
        [LOST, Answer(status=401, is_business=False), LIMIT, LOCK, Answer(status=409, is_business=False)],
        Outcome.IN_DOUBT,
        5,
    ),
    "lost, then 422": ([LOST, Answer(status=422, is_business=True, reasons=(Reason("5", "x"),))], Outcome.IN_DOUBT, 2),
    "a lock that goes away": ([LOCK], Outcome.DONE, 2),
    "a lock that is saved under the key": ([LOCK_SAVED, LOCK_SAVED], Outcome.DONE, 3),
    "a server error that is saved under the key": ([server_error("r-1"), server_error("r-1")], Outcome.IN_DOUBT, 2),
    "refused at once": ([NOT_FOUND], Outcome.REFUSED, 1),
    "lost, then refused": ([LOST, NOT_FOUND], Outcome.REFUSED, 2),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_a_history_under_one_key_comes_out_right(name: str) -> None:
    answers, outcome, sends = HISTORIES[name]
    world = World(declare(), platform=ScriptedPlatform({1: list(answers)}))
    (result,) = world.apply().results

    assert (result.outcome, result.sends, len(world.platform.sent)) == (outcome, sends, sends)


def test_a_lock_that_is_saved_under_the_key_is_followed_by_the_next_number_in_the_same_run() -> None:
    world = World(declare(), platform=ScriptedPlatform({1: [LOCK_SAVED, LOCK_SAVED]}))
    world.apply()

    assert [sent.key for sent in world.platform.sent] == [own_key(declare(), n) for n in (0, 0, 1)]
    assert world.entry().next_call == 2


def test_a_resumed_call_that_is_refused_is_followed_by_a_new_one_in_the_same_run() -> None:
    world = World(declare(), platform=ScriptedPlatform({1: [NOT_FOUND]}))
    world.remember(first=lost_call(declare()))

    assert outcomes(world.apply()) == [Outcome.DONE]
    assert [sent.key for sent in world.platform.sent] == [own_key(declare(), n) for n in (0, 1)]


def test_the_call_after_a_refused_resume_takes_a_number_that_nobody_has_used() -> None:
    """A lost, B refused, back to A: its resumed call is refused, and the call that follows is lost as well."""
    world = World(declare(), platform=ScriptedPlatform({1: [NOT_FOUND, *[LOST] * ATTEMPTS]}))
    world.remember(first=lost_call(declare()).with_refused(refused(replace(record(1, B), key="k1-of-B"))))
    world.apply()

    assert [sent.key for sent in world.platform.sent[:2]] == [own_key(declare(), n) for n in (0, 2)]
    assert [each.call.key for each in world.entry().in_doubt] == [own_key(declare(), 2)]
    assert outcomes(world.apply()) == [Outcome.DONE]
    assert {sent.key for sent in world.platform.sent[1:]} == {own_key(declare(), 2)}


def test_a_pause_ends_when_a_signal_comes() -> None:
    asks = Answer(status=429, is_business=False, retry_after=250.0)
    world = World(declare(), platform=ScriptedPlatform({1: asks}))

    def interrupted() -> None:
        world.stop = Stop.INTERRUPTED

    world.platform.before_answer = interrupted
    run = world.apply()

    assert (run.stop, outcomes(run)) == (Stop.INTERRUPTED, [Outcome.NOT_STARTED])
    assert sum(world.clock.slept) <= 1.0


def test_a_server_error_saved_in_an_earlier_run_is_undecided_as_soon_as_it_comes_again() -> None:
    answers: Answers = [server_error("r-0"), *[LOST] * 4]
    world = World(declare(), platform=ScriptedPlatform({1: answers}))
    world.apply()
    world.platform.answers = {1: server_error("r-0")}
    run = world.apply()

    assert exit_status(run) == 7
    assert [type(change) for change in world.request().plan.changes] == [Undecided]


def test_retry_after_is_obeyed_and_an_absurd_one_ends_the_attempts() -> None:
    asks = Answer(status=429, is_business=False, retry_after=30.0)
    absurd = Answer(status=429, is_business=False, retry_after=86_400.0)
    world = World(declare(), platform=ScriptedPlatform({1: [asks, absurd]}))
    run = world.apply()

    assert outcomes(run) == [Outcome.NOT_STARTED]
    assert sum(world.clock.slept) == 30.0


def test_a_send_that_reached_nobody_settles_no_doubt() -> None:
    world = World(declare(), platform=ScriptedPlatform({1: NOT_SENT}))
    world.remember(first=lost_call(declare()))
    before = world.entry()

    assert outcomes(world.apply()) == [Outcome.IN_DOUBT]
    assert world.entry() == before


def test_something_else_waits_until_a_lost_request_has_landed() -> None:
    world = World(declare(flags=B))
    world.remember(first=lost_call(declare(), age=timedelta(minutes=9)))
    assert outcomes(world.apply()) == [Outcome.NOT_STARTED]
    world.clock.advance(timedelta(minutes=1))

    assert outcomes(world.apply()) == [Outcome.DONE]
    assert [sent.key for sent in world.platform.sent] == [own_key(declare(flags=B), 1)]


def test_refused_credentials_send_nothing_and_write_nothing() -> None:
    world = World(declare(), platform=ScriptedPlatform(refuses=AuthenticationError("Credentials refused")))
    with pytest.raises(AuthenticationError):
        world.apply()

    assert (world.platform.sent, world.store.written) == ([], [])


def test_a_plan_that_is_not_admitted_at_the_platform_s_time_sends_nothing_and_writes_nothing() -> None:
    earlier = NOW - timedelta(days=3)
    world = World(declare(), platform=ScriptedPlatform(tells_time=lambda: earlier))
    told: list[datetime] = []

    def refuse(now: datetime) -> datetime | None:
        told.append(now)
        raise GuardrailError("A guardrail refuses", "It is too early.")

    with pytest.raises(GuardrailError):
        asyncio.run(apply_plan(world.request(), replace(world.ports(), admit=refuse)))

    assert (told, world.platform.asked) == ([earlier], 1)
    assert (world.platform.sent, world.store.written, world.journals.contents) == ([], [], {})


def test_another_tenant_sends_nothing_and_writes_nothing() -> None:
    world = World(declare(), platform=ScriptedPlatform(scope=Scope(tenant="2", entities=())))
    world.configured = Tenancy(tenant="1", entity=None)
    with pytest.raises(WrongTenant):
        world.apply()

    assert (world.platform.sent, world.store.written) == ([], [])


def test_a_state_is_never_applied_to_another_tenant_than_the_one_it_has_learned() -> None:
    world = World(declare())
    world.apply()
    world.spec = spec_of(declare(trigger="again"))
    world.platform.scope = Scope(tenant="2", entities=("e",))
    with pytest.raises(WrongTenant):
        world.apply()

    assert len(world.platform.sent) == 1


@pytest.mark.parametrize("bound", [replace(BINDING, tenant="2"), replace(BINDING, entity="f")])
def test_a_plan_is_never_applied_to_another_tenant_or_entity_than_it_was_made_for(bound: Binding) -> None:
    world = World(declare())
    world.binding = bound
    with pytest.raises(WrongTenant, match="The plan says"):
        world.apply()

    assert (world.platform.sent, world.store.written) == ([], [])


def test_a_state_learns_its_tenant_and_entity_at_first_use_and_is_compared_with_them_from_then_on() -> None:
    world = World(declare())
    world.apply()

    assert world.state is not None
    assert (world.state.tenant, world.state.entity) == ("1", "e")
    world.spec = spec_of(declare(trigger="again"))
    world.platform.scope = Scope(tenant="1", entities=("f",))
    with pytest.raises(WrongTenant, match="The state says entity e"):
        world.apply()


def test_a_token_that_names_no_tenant_is_warned_of_before_the_first_call() -> None:
    world = World(declare(), platform=ScriptedPlatform(scope=Scope(tenant=None, entities=())))
    told: list[int] = []
    world.platform.before_answer = lambda: told.append(len(world.listener.warnings))
    run = world.apply()

    assert told == [1]
    assert [each.code for each in run.warnings] == ["tenant-not-told"]
    assert list(run.warnings) == world.listener.warnings
    assert world.state is not None
    assert world.state.tenant is None


@pytest.mark.parametrize(
    ("error", "stop"),
    [
        (AuthenticationError("x"), Stop.CREDENTIALS),
        (WrongTenant("x"), Stop.OTHER_TENANT),
        (Unreachable("x"), Stop.NOT_REACHED),
    ],
)
def test_a_token_that_is_not_to_be_had_in_the_middle_keeps_what_is_done(error: Exception, stop: Stop) -> None:
    world = World(declare(subscription(1)), declare(subscription(2)), platform=ScriptedPlatform({2: error}))
    run = world.apply()

    assert (run.stop, outcomes(run)) == (stop, [Outcome.DONE, Outcome.NOT_STARTED])
    assert world.entry().applied is not None


def test_a_signal_lets_the_call_under_way_end_and_starts_no_other() -> None:
    world = World(declare(subscription(1)), declare(charge()))

    def interrupted() -> None:
        world.stop = Stop.INTERRUPTED

    world.platform.before_answer = interrupted
    run = world.apply()

    assert (run.stop, outcomes(run)) == (Stop.INTERRUPTED, [Outcome.DONE, Outcome.NOT_STARTED])
    assert world.entry("DynamicUsageCharge/C-00000042").applied is not None


def test_a_signal_during_a_renewal_of_the_token_gives_it_up_and_nothing_is_sent() -> None:
    world = World(declare(subscription(1)), declare(charge()), platform=ScriptedPlatform())

    def interrupted() -> None:
        world.stop = Stop.INTERRUPTED

    world.platform.in_renewal = interrupted
    run = world.apply()

    assert (run.stop, outcomes(run)) == (Stop.INTERRUPTED, [Outcome.NOT_STARTED, Outcome.NOT_STARTED])
    assert world.platform.sent == []
    assert world.state is not None
    assert world.state.entries == {}


def test_a_deadline_during_a_renewal_of_the_token_is_kept() -> None:
    world = World(declare(), platform=ScriptedPlatform(in_renewal=lambda: world.clock.advance(timedelta(seconds=9))))
    run = asyncio.run(apply_plan(replace(world.request(), deadline=8.0), world.ports()))

    assert (run.stop, outcomes(run)) == (Stop.DEADLINE, [Outcome.NOT_STARTED])
    assert world.platform.sent == []


def test_a_second_signal_during_a_renewal_of_the_token_leaves_nothing_in_doubt() -> None:
    world = World(declare(), platform=ScriptedPlatform())

    async def cancelled() -> Run:
        renewing = asyncio.Event()
        world.platform.in_renewal = renewing.set
        task = asyncio.ensure_future(apply_plan(world.request(), world.ports()))
        await renewing.wait()
        task.cancel()
        return await task

    run = asyncio.run(cancelled())

    assert (run.stop, outcomes(run)) == (Stop.INTERRUPTED, [Outcome.NOT_STARTED])
    assert world.state is not None
    assert world.state.entries == {}


def test_a_second_signal_leaves_the_call_in_doubt_and_on_record() -> None:
    world = World(declare(), platform=ScriptedPlatform(hangs=True))

    under_way = asyncio.Event()
    world.platform.before_answer = under_way.set

    async def cancelled() -> Run:
        task = asyncio.ensure_future(apply_plan(world.request(), world.ports()))
        await under_way.wait()
        task.cancel()
        return await task

    run = asyncio.run(cancelled())

    assert (run.stop, outcomes(run)) == (Stop.INTERRUPTED, [Outcome.IN_DOUBT])
    assert world.entry().in_doubt[0].call.key == world.platform.sent[0].key


def test_a_write_by_somebody_else_is_folded_in_and_never_overwritten() -> None:
    world = World(declare())
    world.remember(first=entry(refused(record(0))))
    other = Address("Subscription/OTHER@1")
    rival = write_state(state_of({FIRST: entry(refused(record(0))), other: entry(applied(record(0)))}))
    world.store.rivals = [rival]
    world.apply()

    assert world.state is not None
    assert world.entry().applied is not None
    assert world.state.entries[other] == entry(applied(record(0)))


def test_a_state_that_moved_after_the_plan_is_stale_and_nothing_is_sent() -> None:
    world = World(declare())
    world.apply()
    world.spec = spec_of(declare(trigger="again"))
    request = world.request()
    world.spec = spec_of(declare(trigger="rival"))
    world.apply()
    with pytest.raises(StaleError, match="Nothing was sent"):
        asyncio.run(apply_plan(request, world.ports()))

    assert len(world.platform.sent) == 2


def test_a_run_that_died_after_the_plan_makes_it_stale_and_nothing_is_sent() -> None:
    world = World(declare())
    world.store.content = write_state(state_of({}))
    request = world.request()
    world.journals.contents = {"state.json.run-9.journal": journal_of(world, lines=2)}
    with pytest.raises(StaleError, match="Nothing was sent"):
        asyncio.run(apply_plan(request, world.ports()))

    assert world.platform.sent == []
    assert outcomes(world.apply()) == [Outcome.DONE]


def test_a_first_write_by_somebody_else_is_stale_and_nothing_is_sent() -> None:
    world = World(declare())
    world.store.rivals = [write_state(state_of({}))]
    with pytest.raises(StaleError):
        world.apply()

    assert world.platform.sent == []


def replaced_by_another_lineage() -> list[bytes]:
    state = state_of({})
    return [write_state(State(environment="local", lineage="another", entries=state.entries))]


def never_the_same_twice() -> list[bytes]:
    return [write_state(state_of({Address(f"Subscription/X@{n}"): entry(refused(record(0)))})) for n in range(1, 100)]


@pytest.mark.parametrize("rivals", [replaced_by_another_lineage, never_the_same_twice])
def test_a_state_that_cannot_be_joined_ends_as_stale_and_the_journal_stays(rivals: Callable[[], list[bytes]]) -> None:
    world = World(declare())
    world.remember(first=entry(refused(record(0))))
    world.store.rivals = rivals()
    run = world.apply()

    assert (exit_status(run), outcomes(run)) == (5, [Outcome.DONE])
    assert list(world.journals.contents) == ["state.json.run-1.journal"]


def test_what_a_run_could_not_write_into_the_state_the_next_plan_finds_in_its_journal() -> None:
    world = World(declare())
    world.remember(first=entry(refused(record(0))))
    before = world.store.content
    world.store.fails = True
    run = world.apply()
    assert (exit_status(run), outcomes(run)) == (6, [Outcome.DONE])
    assert world.store.content == before
    world.store.fails = False

    assert outcomes(world.apply()) == []
    assert world.entry().applied is not None
    assert world.journals.contents == {}


def test_what_is_known_is_saved_though_the_journal_fails_and_cannot_be_read_and_stays() -> None:
    world = World(declare())

    def break_down() -> None:
        world.journals.fails = world.journals.is_unreadable = True

    world.platform.before_answer = break_down
    run = world.apply()

    assert (exit_status(run), outcomes(run)) == (6, [Outcome.DONE])
    assert run.error is not None
    assert "Look after the disk." in run.error.message
    assert world.entry().applied is not None
    assert list(world.journals.contents) == ["state.json.run-1.journal"]
    world.journals.fails = world.journals.is_unreadable = False
    assert outcomes(world.apply()) == []
    assert world.journals.contents == {}


def test_nothing_is_sent_that_could_not_be_written_down() -> None:
    world = World(declare(), declare(charge()))
    world.journals.fails = True
    run = world.apply()

    assert (world.platform.sent, exit_status(run)) == ([], 6)
    assert run.error is not None


def test_a_journal_that_breaks_off_after_a_send_leaves_a_doubt_that_is_resumed() -> None:
    world = World(declare())
    world.apply()
    world.store.content = write_state(state_of({}))
    world.journals.contents = {"state.json.run-1.journal": journal_of(world, lines=2)}

    (change,) = world.request().plan.changes
    assert isinstance(change, Resume)
    assert outcomes(world.apply()) == [Outcome.DONE]
    assert len({sent.key for sent in world.platform.sent}) == 1


def journal_of(world: World, *, lines: int) -> bytes:
    """The first *lines* of the journal that an apply of *world* would write."""
    other = World(*world.spec.declarations.values())
    other.store.content = write_state(state_of({}))
    other.store.fails = True
    other.apply()
    (content,) = other.journals.contents.values()
    return b"".join(content.splitlines(keepends=True)[:lines])


def test_lanes_run_side_by_side_up_to_the_limit_and_versions_of_one_subscription_never() -> None:
    names = [f"S{number}" for number in range(6)]
    world = World(*(declare(subscription(version, name)) for name in names for version in (1, 2)))
    world.concurrency = 4
    seen = Watcher(world.platform)
    run = asyncio.run(apply_plan(world.request(), replace(world.ports(), platform=seen)))

    assert set(outcomes(run)) == {Outcome.DONE}
    assert seen.most == 4
    assert seen.twice == set()


@pytest.mark.parametrize(("concurrency", "leave_free", "most"), [(None, 0.2, 32), (None, 0.75, 10), (12, 0.75, 12)])
def test_the_share_left_free_holds_back_an_apply_that_is_told_no_number(
    concurrency: int | None, leave_free: float, most: int
) -> None:
    world = World(*(declare(subscription(1, f"S{number}")) for number in range(60)))
    world.concurrency, world.leave_free = concurrency, leave_free
    seen = Watcher(world.platform)
    asyncio.run(apply_plan(world.request(), replace(world.ports(), platform=seen)))

    assert seen.most == most


class Watcher:
    """A platform that notes how many sends are under way, and whether two are of one subscription."""

    def __init__(self, platform: ScriptedPlatform) -> None:
        self._platform = platform
        self._under_way: list[object] = []
        self.most = 0
        self.twice: set[object] = set()
        self.authenticate = platform.authenticate
        self.has_token = platform.has_token
        self.use = platform.use
        self.server_time = platform.server_time

    async def regenerate(self, regeneration: Regeneration) -> Answer | Fault:
        name = regeneration.body["subscriptionName"]
        if name in self._under_way:
            self.twice.add(name)
        self._under_way.append(name)
        self.most = max(self.most, len(self._under_way))
        await asyncio.sleep(0.01)
        self._under_way.remove(name)
        return await self._platform.regenerate(regeneration)


def test_the_serial_grows_by_one_with_each_run_that_learns_something() -> None:
    world = World(declare())
    world.apply()
    world.spec = spec_of(declare(trigger="again"))
    world.apply()

    assert world.state is not None
    assert world.state.serial == 2


def test_versions_are_sent_in_ascending_order() -> None:
    world = World(*(declare(subscription(version)) for version in (10, 9, 1)))
    world.apply()

    assert [sent.body["subscriptionVersion"] for sent in world.platform.sent] == [1, 9, 10]


def test_a_first_batch_begins_no_more_calls_than_asked_for() -> None:
    world = World(*(declare(charge(f"C-{number}")) for number in range(5)))
    run = asyncio.run(apply_plan(replace(world.request(), max_calls=2), world.ports()))

    assert (len(world.platform.sent), run.stop, exit_status(run)) == (2, Stop.CALLS, 6)
    assert exit_status(world.apply()) == 0
    assert len({sent.key for sent in world.platform.sent}) == len(world.platform.sent) == 5


def test_no_call_is_begun_after_the_deadline() -> None:
    world = World(declare(charge("C-1")), declare(charge("C-2")))
    world.platform.before_answer = lambda: world.clock.advance(timedelta(seconds=30))
    run = asyncio.run(apply_plan(replace(world.request(), deadline=10.0), world.ports()))

    assert (outcomes(run), run.stop, exit_status(run)) == ([Outcome.DONE, Outcome.NOT_STARTED], Stop.DEADLINE, 6)


def test_every_send_carries_a_track_id_of_its_own() -> None:
    world = World(*(declare(subscription(version)) for version in (1, 2, 3)))
    world.apply()

    assert len({sent.track_id for sent in world.platform.sent}) == 3


def test_what_a_run_folds_is_what_its_journal_would_have_told() -> None:
    """Done, refused, in doubt, and a change of two calls: an earlier doubt that is refused now, then a new call."""
    world = World(*(declare(charge(name)) for name in ("C-1", "C-2", "C-3")), declare())
    world.remember(first=lost_call(declare()))
    world.platform.answers = {"C-2": NOT_FOUND, "C-3": LOST, 1: [NOT_FOUND]}
    before = world.store.content
    stored = load_state(world.store, world.journals, ENVIRONMENT)
    world.apply()
    folded = world.state

    again = World(*world.spec.declarations.values())
    again.store.content, again.store.fails = before, True
    again.platform.answers = {"C-2": NOT_FOUND, "C-3": LOST, 1: [NOT_FOUND]}
    again.apply()
    told = load_state(again.store, again.journals, ENVIRONMENT).state

    assert stored.folded == ()
    assert folded is not None
    assert told is not None
    assert folded.entries == told.entries


def test_a_tenant_whose_budget_is_used_up_ends_a_run_in_order_and_the_next_goes_on() -> None:
    world = World(*(declare(charge(f"C-{number}")) for number in range(5)))
    world.platform.answers = {"C-1": replace(DONE, traffic=Traffic(quota=100, left=20, reset=3_000))}
    first = world.apply()

    assert first.stop is Stop.BUDGET
    assert outcomes(first) == [Outcome.DONE, Outcome.DONE, *[Outcome.NOT_STARTED] * 3]
    assert outcomes(world.apply()) == [Outcome.DONE] * 3


def test_what_was_written_down_and_has_never_left_is_no_doubt_where_that_is_known() -> None:
    """A is applied; B is written down, and the disk fails before it may leave; back at A nothing is to be done."""
    world = World(declare())
    world.apply()
    before = world.entry()
    world.spec = spec_of(declare(flags=B))
    world.journals.fails_to_sync = True
    run = world.apply()

    assert (run.stop, outcomes(run), len(world.platform.sent)) == (Stop.STORAGE, [Outcome.NOT_STARTED], 1)
    assert world.entry() == before
    world.spec = spec_of(declare())
    assert world.request().plan.changes == ()


def test_what_has_left_before_the_disk_failed_stays_in_doubt() -> None:
    world = World(declare(), declare(charge()))
    world.concurrency = 2

    def disk_fails() -> None:
        world.journals.fails_to_sync = True

    world.platform.before_answer = disk_fails
    world.platform.answers = {1: LOST}
    run = world.apply()

    known = {result.address: result.outcome for result in run.results}
    assert known[FIRST] is Outcome.IN_DOUBT
    assert [each.call.key for each in world.entry().in_doubt] == [own_key(declare())]
