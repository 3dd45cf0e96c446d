import gzip
import json
import tracemalloc
from collections.abc import Callable, Mapping

import pytest
from emulator_harness import DOCUMENTED_BODY, Clock, Emulator

from reconciler.emulator.client import Client, entity_of
from reconciler.emulator.ledger import read_booking_transactions, read_ledger
from reconciler.emulator.messages import Request, Response
from reconciler.emulator.reasons import STATUSES, Category, RefusedError
from reconciler.emulator.transfer import decoded_body, encoded_response

SUBSCRIPTION = {"type": "Subscription", "subscriptionName": "A-S00000001", "subscriptionVersion": 1}
ITEM = {"type": "OrderLineItem", "orderNumber": "O-00000007", "itemNumber": "1"}
CHARGE = {"type": "DynamicUsageCharge", "chargeNumber": "C-00000042"}
EXAMPLE_ID = {"type": "Subscription", "subscriptionId": "8ad0877b7d0e9a5e017d0f2f4b6a0c11"}


def test_the_documented_request_gets_the_documented_answer(emulator: Emulator) -> None:
    response = emulator.regenerate(DOCUMENTED_BODY)

    assert response.status_code == 200
    assert response.json().keys() == {"idList", "success"}
    assert response.json()["success"] is True
    assert len(response.json()["idList"]) == 2


def test_ids_are_32_hexadecimal_digits_and_stay_the_same(emulator: Emulator) -> None:
    first, second = (emulator.regenerate(SUBSCRIPTION).json()["idList"] for _ in range(2))

    assert first == second
    assert all(len(identity) == 32 and set(identity) <= set("0123456789abcdef") for identity in first)


@pytest.mark.parametrize(
    ("query", "overridden", "flag"),
    [
        ({"onlyReSend": "false", "reMigrate": "false"}, True, "N"),
        ({"onlyReSend": "false", "reMigrate": "true"}, True, "Y"),
        ({"onlyReSend": "true", "reMigrate": "false"}, False, "Y"),
        ({"onlyReSend": "true"}, False, "Y"),
        ({"reMigrate": "true"}, True, "Y"),
        ({}, True, "N"),
    ],
)
def test_flags_mean_what_the_flag_table_says(
    emulator: Emulator, database: str, query: Mapping[str, str], *, overridden: bool, flag: str
) -> None:
    ids = emulator.regenerate(SUBSCRIPTION, params=query).json()["idList"]

    [effect] = read_ledger(database)
    assert (effect.overridden, effect.regenerate_flag, list(effect.id_list)) == (overridden, flag, ids)


def test_each_booking_transaction_keeps_flag_times_and_what_was_done_to_it(
    emulator: Emulator, database: str, clock: Clock
) -> None:
    emulator.regenerate(SUBSCRIPTION, params={"reMigrate": "false"})
    clock.seconds += 60
    emulator.regenerate(SUBSCRIPTION, params={"onlyReSend": "true"})

    first, second = read_booking_transactions(database)
    assert (first.regenerate_flag, first.overrides, first.resends) == ("Y", 1, 1)
    assert first.created_date < first.updated_date == "2026-11-18T11:07:40Z"
    assert (first.charge_segment, second.charge_segment) == (1, 2)


@pytest.mark.parametrize(
    ("body", "target", "segments"),
    [
        (SUBSCRIPTION, "Subscription/A-S00000001@1", 2),
        (SUBSCRIPTION | {"subscriptionName": "A-S09999999", "subscriptionVersion": 5}, "Subscription/A-S09999999@5", 1),
        (EXAMPLE_ID, "Subscription/A-S00000011@1", 3),
        (ITEM, "OrderLineItem/O-00000007#1", 1),
        (CHARGE, "DynamicUsageCharge/C-00000042", 1),
        ({"type": "DynamicUsageCharge", "chargeNumber": "C-NO-SEGMENTS"}, "DynamicUsageCharge/C-NO-SEGMENTS", 0),
        (SUBSCRIPTION | {"subscriptionName": "A-S-NO-SEGMENTS"}, "Subscription/A-S-NO-SEGMENTS@1", 0),
        (SUBSCRIPTION | {"subscriptionName": "A-S-FIVE-SEGMENTS"}, "Subscription/A-S-FIVE-SEGMENTS@1", 5),
        (SUBSCRIPTION | {"subscriptionName": "A-S-CANCELLED"}, "Subscription/A-S-CANCELLED@1", 1),
        (ITEM | {"orderNumber": "O-EXECUTING"}, "OrderLineItem/O-EXECUTING#1", 0),
        (ITEM | {"orderNumber": "O-BOOKED"}, "OrderLineItem/O-BOOKED#1", 1),
        (
            SUBSCRIPTION | {"subscriptionName": "Müller & Söhne / EU @ 100 % #1"},
            "Subscription/Müller%20%26%20Söhne%20%2F%20EU%20%40%20100%20%25%20%231@1",
            2,
        ),
    ],
)
def test_the_ledger_names_an_object_by_its_natural_key(
    emulator: Emulator, database: str, body: Mapping[str, object], target: str, segments: int
) -> None:
    ids = emulator.regenerate(body).json()["idList"]

    [effect] = read_ledger(database)
    assert (effect.target, effect.type, len(set(ids))) == (target, body["type"], segments)


INVALID: tuple[tuple[str, object, int], ...] = (
    ("malformed JSON", b'{"type": ', 90),
    ("a key twice", b'{"type": "Subscription", "type": "Subscription"}', 90),
    ("no UTF-8", b'{"type": "\xff"}', 90),
    ("NaN", b'{"subscriptionVersion": NaN}', 90),
    ("very deep", b"[" * 100_000, 90),
    ("an empty body", b"", 90),
    ("a huge number", b'{"subscriptionVersion": ' + b"9" * 5_000 + b"}", 90),
    ("a list", [], 20),
    ("an unknown field", SUBSCRIPTION | {"subscriptionNumber": "A-S00000001"}, 21),
    ("a version as text", SUBSCRIPTION | {"subscriptionVersion": "1"}, 20),
    ("a version as boolean", SUBSCRIPTION | {"subscriptionVersion": True}, 20),
    ("a fractional version", SUBSCRIPTION | {"subscriptionVersion": 1.0}, 20),
    ("version 0", SUBSCRIPTION | {"subscriptionVersion": 0}, 20),
    ("a version beyond 32 bits", SUBSCRIPTION | {"subscriptionVersion": 2**31}, 20),
    ("an item number as number", ITEM | {"itemNumber": 1}, 20),
    ("null", SUBSCRIPTION | {"subscriptionName": None}, 20),
    ("empty text", SUBSCRIPTION | {"subscriptionName": ""}, 20),
    ("a lone surrogate", b'{"type": "DynamicUsageCharge", "chargeNumber": "\\ud800"}', 20),
    ("an unknown type", SUBSCRIPTION | {"type": "subscription"}, 20),
    ("no type", {"subscriptionName": "A-S00000001", "subscriptionVersion": 1}, 22),
    ("no version", {"type": "Subscription", "subscriptionName": "A-S00000001"}, 22),
    ("no key", {"type": "OrderLineItem"}, 22),
    ("id and natural key", SUBSCRIPTION | EXAMPLE_ID, 30),
    ("a field of another type", CHARGE | {"orderNumber": "O-00000007"}, 30),
    ("a draft", SUBSCRIPTION | {"subscriptionName": "A-S-DRAFT"}, 30),
    ("an unknown subscription", SUBSCRIPTION | {"subscriptionName": "A-S00000000"}, 40),
    ("an unknown version", SUBSCRIPTION | {"subscriptionVersion": 6}, 40),
    ("an unknown id", {"type": "Subscription", "subscriptionId": "f" * 32}, 40),
    ("an id of another type", {"type": "OrderLineItem", "orderLineItemId": EXAMPLE_ID["subscriptionId"]}, 40),
    ("an unknown item", ITEM | {"itemNumber": "4"}, 40),
    ("an unknown charge", CHARGE | {"chargeNumber": "C-1"}, 40),
)


@pytest.mark.parametrize(("body", "category"), [row[1:] for row in INVALID], ids=[row[0] for row in INVALID])
def test_a_bad_body_is_refused_with_its_category(
    emulator: Emulator, database: str, body: object, category: int
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    response = emulator.regenerate(content=content)

    assert _categories(response.json()) == {category}
    assert response.status_code == STATUSES[Category(category)]
    assert read_ledger(database) == ()


@pytest.mark.parametrize(
    ("query", "category"),
    [
        ((("onlyReSend", "true"), ("reMigrate", "true")), 30),
        ((("onlyReSend", "yes"),), 20),
        ((("onlyReSend", "True"),), 20),
        ((("reMigrate", ""),), 20),
        ((("onlyResend", "true"),), 20),
        ((("reMigrate", "true"), ("reMigrate", "true")), 20),
    ],
)
def test_a_bad_query_is_refused_with_its_category(
    emulator: Emulator, database: str, query: tuple[tuple[str, str], ...], category: int
) -> None:
    response = emulator.regenerate(SUBSCRIPTION, params=query)

    assert _categories(response.json()) == {category}
    assert read_ledger(database) == ()


HEADERS: tuple[tuple[str, str | None, int, int], ...] = (
    ("zuora-version", "1.0", 20, 400),
    ("zuora-version", "2024-05-21", 20, 400),
    ("zuora-track-id", "x" * 65, 20, 400),
    ("zuora-track-id", "10:30", 20, 400),
    ("zuora-track-id", 'a"b', 20, 400),
    ("zuora-entity-ids", "not-a-uuid", 20, 400),
    ("zuora-entity-ids", entity_of("999"), 10, 403),
    ("content-type", "text/plain", 45, 415),
    ("content-type", None, 45, 415),
    ("content-encoding", "br", 90, 400),
    ("content-encoding", "gzip", 90, 400),
    ("idempotency-key", "x" * 256, 20, 400),
)


@pytest.mark.parametrize(("name", "value", "category", "status"), HEADERS)
def test_a_bad_header_is_refused_with_its_category(
    emulator: Emulator, database: str, *, name: str, value: str | None, category: int, status: int
) -> None:
    response = emulator.regenerate(content=json.dumps(SUBSCRIPTION).encode(), headers={name: value})

    assert _categories(response.json()) == {category}
    assert response.status_code == status
    assert read_ledger(database) == ()


def test_every_unknown_field_is_named_at_once(emulator: Emulator) -> None:
    reasons = emulator.regenerate(SUBSCRIPTION | {"a": 1, "b": 2}).json()["reasons"]

    assert ["'a'" in reasons[0]["message"], "'b'" in reasons[1]["message"]] == [True, True]


def test_a_refusal_has_the_documented_shape(emulator: Emulator) -> None:
    response = emulator.regenerate({"type": "Subscription"})

    body = response.json()
    assert body.keys() == {"processId", "reasons", "requestId", "success"}
    assert body["success"] is False
    assert len(body["processId"]) == 16
    assert body["requestId"] == response.headers["zuora-request-id"]
    assert all(isinstance(reason["code"], str) and len(reason["code"]) == 8 for reason in body["reasons"])


@pytest.mark.parametrize(
    ("version", "status"),
    [(None, 200), ("186.0", 200), ("341.0", 200), ("2024-05-20", 404), ("2025-08-12", 404)],
)
def test_an_old_version_gets_business_errors_with_status_200(
    emulator: Emulator, version: str | None, status: int
) -> None:
    unknown = SUBSCRIPTION | {"subscriptionName": "unknown"}

    response = emulator.regenerate(unknown, headers={"zuora-version": version})

    assert response.status_code == status
    assert response.json()["success"] is False


def test_the_tenants_own_entity_and_any_orgs_are_accepted(emulator: Emulator) -> None:
    headers = {"zuora-entity-ids": entity_of("12345"), "zuora-org-ids": "a,b"}

    assert emulator.regenerate(SUBSCRIPTION, headers=headers).json()["success"] is True


def test_a_gzip_request_is_understood(emulator: Emulator, database: str) -> None:
    content = gzip.compress(json.dumps(SUBSCRIPTION).encode())

    emulator.regenerate(content=content, headers={"content-encoding": "gzip"})

    assert [effect.target for effect in read_ledger(database)] == ["Subscription/A-S00000001@1"]


@pytest.mark.parametrize(
    ("damage", "category"),
    [
        (lambda packed: packed[:-4], 90),
        (lambda packed: packed + b"more", 90),
        (lambda packed: packed[:12] + b"\xff" + packed[13:], 90),
        (lambda _: gzip.compress(b" " * 50_000_000), 20),
    ],
    ids=["cut", "too long", "flipped", "bomb"],
)
def test_bad_gzip_is_refused(emulator: Emulator, damage: object, category: int) -> None:
    assert callable(damage)
    content = damage(gzip.compress(json.dumps(SUBSCRIPTION).encode()))

    response = emulator.regenerate(content=content, headers={"content-encoding": "gzip"})

    assert _categories(response.json()) == {category}


def test_a_bomb_costs_little_memory() -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    request = Request(method="POST", path="/", query="", headers={"content-encoding": "gzip"}, body=bomb)
    tracemalloc.start()

    with pytest.raises(RefusedError):
        decoded_body(request)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4_000_000


def test_a_body_above_the_bound_is_refused(emulator: Emulator) -> None:
    response = emulator.regenerate(content=b" " * 1_048_577)

    assert _categories(response.json()) == {20}


@pytest.mark.parametrize(
    ("accepted", "encoding"), [("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("gzip;q=0", None), ("identity", None)]
)
def test_a_long_answer_is_compressed_for_those_who_accept_it(
    emulator: Emulator, accepted: str, encoding: str | None
) -> None:
    many = SUBSCRIPTION | {"subscriptionName": "A-S-FIFTY-SEGMENTS"}

    response = emulator.regenerate(many, headers={"accept-encoding": accepted})

    assert response.headers.get("content-encoding") == encoding
    assert len(response.json()["idList"]) == 50


def test_a_short_answer_is_not_compressed(emulator: Emulator) -> None:
    assert "content-encoding" not in emulator.regenerate(SUBSCRIPTION).headers


@pytest.mark.parametrize(("length", "encoding"), [(1_000, None), (1_001, "gzip")])
def test_only_more_than_1000_bytes_are_compressed(length: int, encoding: str | None) -> None:
    request = Request(method="POST", path="/", query="", headers={"accept-encoding": "gzip"}, body=b"")

    answer = encoded_response(request, Response(status=200, headers={}, body=b"x" * length))

    assert answer.headers.get("Content-Encoding") == encoding


def test_booking_transaction_ids_differ_from_tenant_to_tenant(start: Callable[..., Emulator]) -> None:
    emulator = start(clients=[Client(client_id=tenant, secret="s", tenant=tenant) for tenant in ("1", "2")])
    ids: list[set[str]] = []
    for tenant in ("1", "2"):
        emulator.token = emulator.log_in(tenant, "s")
        ids.append({*emulator.regenerate(SUBSCRIPTION).json()["idList"]})

    assert [len(each) for each in ids] == [2, 2]
    assert ids[0].isdisjoint(ids[1])


def _categories(body: Mapping[str, list[dict[str, str]]]) -> set[int]:
    return {int(reason["code"]) % 100 for reason in body["reasons"]}
