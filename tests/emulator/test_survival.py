"""Real processes: killed in the middle of traffic, and two on one database."""

import asyncio
import collections
import pathlib
import signal
import subprocess
import sys
from collections.abc import Callable

import httpx
import pytest
from emulator_harness import PATH, REPOSITORY, Call, Emulator, process

from reconciler.emulator.ledger import read_booking_transactions, read_ledger


def _calls(emulator: Emulator, numbers: range) -> list[Call]:
    return [
        emulator.order(
            {"type": "DynamicUsageCharge", "chargeNumber": f"C-{number:08d}"},
            headers={"idempotency-key": f"key-{number}"},
        )
        for number in numbers
    ]


def _headers(call: Call) -> dict[str, str]:
    return {name: str(value) for name, value in call.headers.items()}


async def _send_until_it_dies(
    emulator: Emulator, numbers: range, kill_after: int, kill: Callable[[], None]
) -> dict[str, tuple[str, str]]:
    """Send everything, 20 at a time, kill the server after *kill_after* answers, and return the answers seen by key."""
    seen: dict[str, tuple[str, str]] = {}
    room = asyncio.Semaphore(20)

    async def send(client: httpx.AsyncClient, call: Call) -> None:
        async with room:
            try:
                answer = await client.post(PATH, headers=_headers(call), json=call.json)
            except httpx.TransportError:
                return
            seen[_headers(call)["idempotency-key"]] = (answer.headers["zuora-request-id"], answer.text)
            if len(seen) == kill_after:
                kill()

    async with emulator.client() as client:
        await asyncio.gather(*(send(client, call) for call in _calls(emulator, numbers)))
    return seen


@pytest.mark.parametrize("kill_after", [1, 60, 150])
def test_kill_9_loses_no_answer_that_was_seen_and_repeats_no_effect(database: str, kill_after: int) -> None:
    numbers = range(1, 201)
    with process(pathlib.Path(database), latency=0.005) as (started, emulator):
        emulator.token = emulator.log_in()
        seen = asyncio.run(_send_until_it_dies(emulator, numbers, kill_after, started.kill))
        token = emulator.token
    with process(pathlib.Path(database)) as (_, emulator):
        emulator.token = token
        answers = emulator.together(_calls(emulator, range(1, 21)))
        answers += [
            answer
            for first in range(21, 201, 20)
            for answer in emulator.together(_calls(emulator, range(first, first + 20)))
        ]

    again = {
        f"key-{number}": (a.headers["zuora-request-id"], a.text) for number, a in zip(numbers, answers, strict=True)
    }
    assert kill_after <= len(seen) < 200
    assert {key: again[key] for key in seen} == seen
    ledger = read_ledger(database)
    assert sorted(str(effect.idempotency_key) for effect in ledger) == sorted(again)
    assert {str(effect.idempotency_key): effect.request_id for effect in ledger} == {k: v[0] for k, v in again.items()}
    assert {row.overrides for row in read_booking_transactions(database)} == {1}


def test_two_processes_on_one_database_share_keys_and_tokens(database: str) -> None:
    path = pathlib.Path(database)
    with process(path) as (_, one), process(path) as (_, other):
        one.token = other.token = one.log_in()
        calls = _calls(one, range(1, 31))

        async def both() -> tuple[list[httpx.Response], list[httpx.Response]]:
            return await asyncio.gather(one._together(calls), other._together(calls))

        first, second = asyncio.run(both())

    assert {answer.status_code for answer in (*first, *second)} == {200}
    assert [a.headers["zuora-request-id"] for a in first] == [b.headers["zuora-request-id"] for b in second]
    counts = collections.Counter(effect.idempotency_key for effect in read_ledger(database))
    assert set(counts.values()) == {1}
    assert len(counts) == 30


def test_many_processes_may_make_one_database_at_once(database: str) -> None:
    code = f"from reconciler.emulator.database import open_database; open_database({database!r}).close()"
    makers = [subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stderr=subprocess.PIPE) for _ in range(8)]

    assert [maker.communicate()[1] for maker in makers] == [b""] * 8
    assert read_ledger(database) == ()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_server_in_order(database: str, number: signal.Signals) -> None:
    with process(pathlib.Path(database), latency=0.5) as (started, emulator):
        call = emulator.order()

        async def send_and_stop() -> int:
            async with emulator.client() as client:
                headers = _headers(call)
                sending = asyncio.create_task(client.post(PATH, headers=headers, json=call.json))
                await asyncio.sleep(0.2)
                started.send_signal(number)
                return (await sending).status_code

        assert asyncio.run(send_and_stop()) == 200
        assert started.wait(20) == 0
    assert len(read_ledger(database)) == 1
