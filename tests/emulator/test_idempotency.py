import gzip
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import httpx
import pytest
from emulator_harness import DOCUMENTED_BODY, Clock, Emulator

from reconciler.emulator.client import Client
from reconciler.emulator.ledger import read_ledger
from reconciler.emulator.limits import Window

DAY = 24 * 60 * 60
KEY = {"idempotency-key": "k-1"}
CLIENTS = (Client(client_id="one", secret="s", tenant="111"), Client(client_id="two", secret="s", tenant="222"))


def test_a_key_has_one_effect_and_one_answer(emulator: Emulator, database: str) -> None:
    first, second = (emulator.regenerate(headers=KEY) for _ in range(2))

    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert first.headers["zuora-request-id"] == second.headers["zuora-request-id"]
    assert [effect.idempotency_key for effect in read_ledger(database)] == ["k-1"]


def test_without_a_key_every_request_has_an_effect(emulator: Emulator, database: str) -> None:
    for _ in range(2):
        emulator.regenerate()

    assert len(read_ledger(database)) == 2


def test_the_saved_headers_come_back_with_the_date_of_then(emulator: Emulator, clock: Clock) -> None:
    first = emulator.regenerate(headers=KEY | {"zuora-track-id": "first"})
    clock.seconds += 3_000
    second = emulator.regenerate(headers=KEY | {"zuora-track-id": "second"})

    assert dict(first.headers) == dict(second.headers)


@pytest.mark.parametrize(
    "wrong",
    [
        {"body": {"type": "Subscription", "subscriptionName": "unknown", "subscriptionVersion": 1}},
        {"body": {"type": "Subscription"}},
        {"params": {"onlyReSend": "true", "reMigrate": "true"}},
        {"content": b"no JSON"},
        {"headers": {"zuora-track-id": "a:b"}},
        {"headers": {"zuora-version": "nonsense"}},
    ],
)
def test_a_failure_is_saved_like_a_success(emulator: Emulator, wrong: dict[str, Any]) -> None:
    call = {**wrong, "headers": wrong.get("headers", {}) | KEY}
    first, second = (emulator.regenerate(**call) for _ in range(2))

    assert first.json()["success"] is False
    assert first.json()["requestId"] == second.json()["requestId"]


def test_a_saved_failure_outlives_its_cause(emulator: Emulator) -> None:
    emulator.regenerate(headers=KEY | {"zuora-track-id": "a:b"})

    assert emulator.regenerate(headers=KEY).json()["success"] is False


def test_an_unauthorized_answer_is_not_saved(emulator: Emulator) -> None:
    emulator.regenerate(headers=KEY | {"authorization": "Bearer wrong"})

    assert emulator.regenerate(headers=KEY).status_code == 200


@pytest.mark.parametrize(
    ("other", "difference"),
    [
        ({"params": {"reMigrate": "true"}}, "URL"),
        ({"method": "PATCH"}, "HTTP method"),
        ({"body": {**DOCUMENTED_BODY, "subscriptionVersion": 2}}, "payload"),
    ],
)
def test_a_key_does_not_serve_another_request(
    emulator: Emulator, database: str, other: dict[str, Any], difference: str
) -> None:
    emulator.regenerate(headers=KEY)

    response = emulator.regenerate(headers=KEY, **other)

    assert (response.status_code, difference in response.json()["message"]) == (422, True)
    assert len(read_ledger(database)) == 1


def test_a_key_does_not_serve_another_tenant(start: Callable[..., Emulator], database: str) -> None:
    emulator = start(clients=CLIENTS)
    tokens = [emulator.log_in("one", "s"), emulator.log_in("two", "s")]

    answers: list[httpx.Response] = []
    for emulator.token in tokens:
        answers.append(emulator.regenerate(headers=KEY))

    assert [answer.status_code for answer in answers] == [200, 422]
    assert [effect.tenant for effect in read_ledger(database)] == ["111"]


def test_a_mismatch_leaves_the_saved_answer_as_it_was(emulator: Emulator) -> None:
    first = emulator.regenerate(headers=KEY)
    emulator.regenerate(headers=KEY, params={"reMigrate": "true"})

    assert emulator.regenerate(headers=KEY).content == first.content


def test_compression_makes_no_other_payload(emulator: Emulator) -> None:
    plain = json.dumps(dict(DOCUMENTED_BODY)).encode()
    first = emulator.regenerate(content=plain, headers=KEY)
    second = emulator.regenerate(content=gzip.compress(plain), headers=KEY | {"content-encoding": "gzip"})

    assert first.json() == second.json()
    assert first.headers["zuora-request-id"] == second.headers["zuora-request-id"]


@pytest.mark.parametrize(("seconds", "effects"), [(DAY - 1, 1), (DAY, 2)])
def test_a_key_is_new_again_after_24_hours(
    emulator: Emulator, database: str, clock: Clock, seconds: int, effects: int
) -> None:
    emulator.regenerate(headers=KEY)
    clock.seconds += seconds
    emulator.token = None

    emulator.regenerate(headers=KEY)

    assert len(read_ledger(database)) == effects


def test_a_restart_keeps_saved_answers(start: Callable[..., Emulator], database: str) -> None:
    answers = [start().regenerate(headers=KEY) for _ in range(2)]

    assert answers[0].headers["zuora-request-id"] == answers[1].headers["zuora-request-id"]
    assert len(read_ledger(database)) == 1


def test_a_key_in_flight_is_a_conflict_without_a_business_code(start: Callable[..., Emulator], database: str) -> None:
    emulator = start(latency=0.2)
    call = emulator.order(headers=KEY)

    answers = emulator.together([call, call, call])

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    assert [answer.json().keys() for answer in answers if answer.status_code == 409] == [{"message"}] * 2
    assert len(read_ledger(database)) == 1


def test_a_conflict_is_not_saved(start: Callable[..., Emulator]) -> None:
    emulator = start(latency=0.1)
    call = emulator.order(headers=KEY)
    emulator.together([call, call])

    assert emulator.send(call).status_code == 200


@pytest.mark.parametrize("length", [1, 255])
def test_a_key_may_have_up_to_255_characters(emulator: Emulator, length: int) -> None:
    assert emulator.regenerate(headers={"idempotency-key": "k" * length}).status_code == 200


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_key_is_ignored_with_other_methods_than_post_and_patch(emulator: Emulator, method: str) -> None:
    before = emulator.regenerate(headers=KEY, method=method)
    first = emulator.regenerate(headers=KEY)
    after = emulator.regenerate(headers={"idempotency-key": "k" * 256}, method=method)

    assert (before.status_code, first.status_code, after.status_code) == (405, 200, 405)
    assert emulator.regenerate(headers=KEY, method=method).status_code == 405
    assert emulator.regenerate(headers=KEY).content == first.content


@pytest.mark.parametrize(("seconds", "effects"), [(DAY - 1, 1), (DAY, 2)])
def test_the_24_hours_run_from_the_moment_of_acceptance(
    start: Callable[..., Emulator], database: str, clock: Clock, seconds: int, effects: int
) -> None:
    async def sleep(seconds: float) -> None:
        clock.seconds += seconds

    emulator = start(latency=600.0, sleep=sleep)
    call = emulator.order(headers=KEY)
    accepted_at = clock.seconds
    emulator.send(call)
    assert clock.seconds > accepted_at + 500

    clock.seconds = accepted_at + seconds
    emulator.token = None
    emulator.regenerate(headers=KEY)

    assert len(read_ledger(database)) == effects


def test_an_answer_over_the_rate_limit_is_not_saved(start: Callable[..., Emulator], clock: Clock) -> None:
    emulator = start(windows=(Window(limit=1, seconds=60),))
    emulator.regenerate()

    refused = emulator.regenerate(headers=KEY)
    clock.seconds += 60

    assert (refused.status_code, emulator.regenerate(headers=KEY).status_code) == (429, 200)


@pytest.mark.parametrize(
    ("kind", "status"), [("unauthorized", 401), ("in_flight", 409), ("mismatch", 422), ("rate_limit", 429)]
)
def test_what_is_answered_before_the_operation_is_not_saved_under_a_fresh_key(
    start: Callable[..., Emulator], kind: str, status: int
) -> None:
    emulator = start(faults={"version": 1, "rules": [{"name": "once", "times": 1, "fault": {"kind": kind}}]})

    answers = [emulator.regenerate(headers=KEY) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [status, 200]


def test_a_mismatch_is_not_saved(start: Callable[..., Emulator], clock: Clock) -> None:
    """The key is fresh again once its answer has expired; what was refused in between has left nothing behind."""
    emulator = start()
    emulator.regenerate(headers=KEY)
    clock.seconds += DAY - 1
    emulator.token = None
    other = {"headers": KEY, "params": {"reMigrate": "true"}}
    refused = emulator.regenerate(None, **other)
    clock.seconds += 1

    assert (refused.status_code, emulator.regenerate(None, **other).status_code) == (422, 200)


def test_a_defect_is_not_saved_under_a_fresh_key(emulator: Emulator, database: str) -> None:
    call = emulator.order(headers=KEY)
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("ALTER TABLE effects RENAME TO gone")
        broken = emulator.send(call)
        connection.execute("ALTER TABLE gone RENAME TO effects")

    assert (broken.status_code, emulator.send(call).status_code) == (500, 200)
