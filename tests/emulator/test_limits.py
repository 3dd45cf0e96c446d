import asyncio
from collections.abc import Callable

import pytest
from emulator_harness import PATH, Clock, Emulator

from reconciler.emulator.ledger import read_ledger
from reconciler.emulator.limits import RateCounter, Window


def test_more_than_40_requests_in_flight_are_too_many(start: Callable[..., Emulator], database: str) -> None:
    emulator = start(latency=0.5)

    answers = emulator.together([emulator.order(headers={"idempotency-key": str(n)}) for n in range(45)])

    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) == 5
    assert {answer.json()["reasons"][0]["code"][-2:] for answer in refused} == {"70"}
    assert {answer.headers["retry-after"] for answer in refused} == {"1"}
    assert len(read_ledger(database)) == 40


def test_a_request_over_the_limit_is_not_saved_under_its_key(start: Callable[..., Emulator]) -> None:
    emulator = start(latency=0.3)
    calls = [emulator.order(headers={"idempotency-key": str(n)}) for n in range(41)]
    answers = emulator.together(calls)

    [refused] = [call for call, answer in zip(calls, answers, strict=True) if answer.status_code == 429]
    assert emulator.send(refused).status_code == 200


def test_what_is_left_counts_the_requests_in_flight(start: Callable[..., Emulator]) -> None:
    emulator = start(latency=0.2)

    answers = emulator.together([emulator.order() for _ in range(10)])

    remaining = {int(answer.headers["concurrency-limit-remaining"]) for answer in answers}
    assert min(remaining) == 30  # those that finish together were all in flight
    assert remaining <= {*range(30, 40)}


def test_a_token_is_outside_the_limit(start: Callable[..., Emulator]) -> None:
    emulator = start(latency=0.5)

    async def ask_while_full() -> int:
        async with emulator.client() as client:
            order = emulator.order
            call = order()
            headers = {name: str(value) for name, value in call.headers.items()}
            full = [asyncio.create_task(client.post(PATH, headers=headers, json=call.json)) for _ in range(40)]
            await asyncio.sleep(0.2)
            form = {"client_id": "a", "client_secret": "b", "grant_type": "client_credentials"}
            answer = await client.post("/oauth/token", data=form)
            await asyncio.gather(*full)
            return answer.status_code

    emulator.token = emulator.log_in()
    assert asyncio.run(ask_while_full()) == 200


def test_an_accepted_request_has_its_effect_though_its_client_has_gone(
    start: Callable[..., Emulator], database: str
) -> None:
    emulator = start(latency=0.3)
    call = emulator.order(headers={"idempotency-key": "lost"})

    async def leave_early() -> None:
        async with emulator.client() as client:
            headers = {name: str(value) for name, value in call.headers.items()}
            sending = asyncio.create_task(client.post(PATH, headers=headers, json=call.json))
            await asyncio.sleep(0.15)
            sending.cancel()
            await asyncio.sleep(0.4)

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
