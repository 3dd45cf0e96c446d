import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from emulator_harness import DOCUMENTED_BODY, Clock, Emulator

from reconciler.emulator.client import Client
from reconciler.emulator.ledger import read_ledger

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
        ({"method": "PUT"}, "HTTP method"),
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
