import asyncio
import threading
from collections.abc import Callable, Sequence

import httpx
import pytest
from emulator_harness import PATH, Call, Clock, Emulator

from reconciler.emulator.ledger import read_ledger
from reconciler.emulator.limits import RateCounter, Window


class Gate:
    """Stands for the time that the platform takes: whoever would sleep is held, and let go when the test says so.

    So what is in flight together is so on any machine, however slow. Asked from any thread.
    """

    def __init__(self) -> None:
        self.held = 0
        self._is_open = threading.Event()

    async def sleep(self, _: float) -> None:
        self.held += 1
        await eventually(self._is_open.is_set)

    def open(self) -> None:
        self._is_open.set()


_LOOK, _AGES = 0.01, 3_600.0
"""Seconds between two looks at what others do; a latency that no machine uses up before a request is accepted."""


async def eventually(is_so: Callable[[], bool]) -> None:
    while not is_so():  # noqa: ASYNC110  (it becomes so in another thread)
        await asyncio.sleep(_LOOK)


async def post(client: httpx.AsyncClient, call: Call) -> httpx.Response:
    headers = {name: str(value) for name, value in call.headers.items()}
    return await client.post(PATH, headers=headers, json=call.json)


def together(emulator: Emulator, calls: Sequence[Call], gate: Gate, *, refused: int = 0) -> list[httpx.Response]:
    """Send all *calls*; those that are not *refused* are all in flight before the first is answered."""

    async def send() -> list[httpx.Response]:
        async with emulator.client() as client:
            sending = [asyncio.create_task(post(client, call)) for call in calls]
            await eventually(lambda: sum(each.done() for each in sending) >= refused)
            await eventually(lambda: gate.held >= len(calls) - refused)
            gate.open()
            return await asyncio.gather(*sending)

    return asyncio.run(send())


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def slow(start: Callable[..., Emulator], gate: Gate) -> Emulator:
    """An emulator that answers no regeneration before the gate is open."""
    return start(latency=_AGES, sleep=gate.sleep)


def test_more_than_40_requests_in_flight_are_too_many(slow: Emulator, gate: Gate, database: str) -> None:
    calls = [slow.order(headers={"idempotency-key": str(n)}) for n in range(45)]
    answers = together(slow, calls, gate, refused=5)

    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 5
    assert {answer.json()["reasons"][0]["code"][-2:] for answer in refused} == {"70"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert len(read_ledger(database)) == 40


def test_a_request_over_the_limit_is_not_saved_under_its_key(slow: Emulator, gate: Gate) -> None:
    calls = [slow.order(headers={"idempotency-key": str(n)}) for n in range(41)]
    answers = together(slow, calls, gate, refused=1)

    [refused] = [call for call, answer in zip(calls, answers, strict=True) if answer.status_code == 429]
    assert slow.send(refused).status_code == 200


def test_what_is_left_counts_the_requests_in_flight(slow: Emulator, gate: Gate) -> None:
    answers = together(slow, [slow.order() for _ in range(10)], gate)

    remaining = {int(answer.headers["concurrency-limit-remaining"]) for answer in answers}
    assert min(remaining) == 30  # all were in flight when the first was answered
    assert remaining <= {*range(30, 40)}


def test_a_token_is_outside_the_limit(slow: Emulator, gate: Gate) -> None:
    call = slow.order()

    async def ask_while_full() -> int:
        async with slow.client() as client:
            full = [asyncio.create_task(post(client, call)) for _ in range(40)]
            await eventually(lambda: gate.held == 40)
            form = {"client_id": "a", "client_secret": "b", "grant_type": "client_credentials"}
            answer = await client.post("/oauth/token", data=form)
            gate.open()
            await asyncio.gather(*full)
            return answer.status_code

    assert asyncio.run(ask_while_full()) == 200


def test_an_accepted_request_has_its_effect_though_its_client_has_gone(
    slow: Emulator, gate: Gate, database: str
) -> None:
    call = slow.order(headers={"idempotency-key": "lost"})

    async def leave_early() -> None:
        async with slow.client() as client:
            sending = asyncio.create_task(post(client, call))
            await eventually(lambda: gate.held == 1)
            sending.cancel()
            await asyncio.wait([sending])
        assert not read_ledger(database)
        gate.open()
        await eventually(lambda: len(read_ledger(database)) > 0)

    asyncio.run(leave_early())

    assert len(read_ledger(database)) == 1


def test_the_window_nearest_to_its_end_is_announced(clock: Clock) -> None:
    windows = (Window(limit=10, seconds=60), Window(limit=12, seconds=3_600))
    counter = RateCounter(windows)

    for _ in range(8):
        counter.count("1", now=clock())
    clock.seconds += 60
    quota = counter.count("1", now=clock())

    assert (quota.limit, quota.remaining) == (12, 3)
    assert quota.headers()["RateLimit-Limit"] == "12, 10;w=60, 12;w=3600"


@pytest.mark.parametrize(("asked", "is_exceeded"), [(2, False), (3, True)])
def test_a_limit_is_exceeded_by_the_request_after_the_last(clock: Clock, asked: int, *, is_exceeded: bool) -> None:
    counter = RateCounter((Window(limit=2, seconds=60),))

    quotas = [counter.count("1", now=clock()) for _ in range(asked)]

    assert quotas[-1].is_exceeded is is_exceeded


def test_tenants_have_their_own_rates(clock: Clock) -> None:
    counter = RateCounter((Window(limit=2, seconds=60),))

    assert [counter.count(tenant, now=clock()).remaining for tenant in ("1", "2")] == [1, 1]


def test_over_a_rate_limit_there_is_a_message_and_when_to_come_back(
    start: Callable[..., Emulator], database: str, clock: Clock
) -> None:
    emulator = start(windows=(Window(limit=1, seconds=60),))

    answers = [emulator.regenerate() for _ in range(2)]
    clock.seconds += int(answers[1].headers["retry-after"])

    assert [answer.status_code for answer in answers] == [200, 429]
    assert answers[1].json() == {"message": "The rate limit is exceeded."}
    assert answers[1].headers["retry-after"] == answers[1].headers["ratelimit-reset"] == "20"
    assert emulator.regenerate().status_code == 200
    assert len(read_ledger(database)) == 2
