"""Fault rules, both ways in: what they put on the wire and what they do to the effect. The oracle is the ledger."""

import pathlib
import sqlite3
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from typing import Any

import httpx
import pytest
from emulator_harness import DOCUMENTED_BODY, Call, Clock, Emulator, Ids, process

from reconciler.emulator import operation
from reconciler.emulator.app import ConnectionLost, NoConnection, create_app
from reconciler.emulator.bookings import Occasion
from reconciler.emulator.fault_document import KINDS
from reconciler.emulator.fault_rules import clear_faults, list_faults, load_faults
from reconciler.emulator.ledger import read_ledger
from reconciler.emulator.messages import Request

Start = Callable[..., Emulator]
KEY = {"idempotency-key": "k-1"}
OTHER = {**DOCUMENTED_BODY, "subscriptionVersion": 2}


def rules(*parts: dict[str, Any]) -> dict[str, Any]:
    """Return a document of rules, named by their place unless they say otherwise."""
    return {"version": 1, "rules": [{"name": f"rule-{number}", **part} for number, part in enumerate(parts)]}


def once(kind: str, **fault: object) -> dict[str, Any]:
    return {"times": 1, "fault": {"kind": kind, **fault}}


def outcome(emulator: Emulator, call: Call) -> httpx.Response | None:
    """Return the answer, or None where the client has none."""
    try:
        return emulator.send(call)
    except (httpx.TransportError, ConnectionLost, NoConnection):
        return None


def effects(database: str) -> list[str]:
    return [effect.target for effect in read_ledger(database)]


ANSWERING: Mapping[str, dict[str, Any]] = {
    "lost": {},
    "gateway": {"status": 503},
    "timeout": {"seconds": 0},
    "answer": {"status": 403, "json": {"message": "no"}},
    "bomb": {"megabytes": 1},
    "unauthorized": {},
    "rate_limit": {},
    "in_flight": {},
    "mismatch": {},
    "business": {"category": 61},
    "system_error": {},
    "result": {"success": False},
}


@pytest.mark.parametrize("kind", ANSWERING)
def test_a_fault_before_the_effect_has_none(start: Start, database: str, kind: str) -> None:
    emulator = start(faults=rules({"when": "before", "fault": {"kind": kind, **ANSWERING[kind]}}))

    answer = outcome(emulator, emulator.order(headers=KEY))

    assert (answer is not None) is (kind != "lost")
    assert effects(database) == []


@pytest.mark.parametrize("kind", ANSWERING)
def test_a_fault_after_the_effect_leaves_exactly_one(start: Start, database: str, kind: str) -> None:
    emulator = start(faults=rules({"when": "after", **once(kind, **ANSWERING[kind])}))
    call = emulator.order(headers=KEY)

    outcome(emulator, call)
    again = outcome(emulator, call)

    assert again is not None
    assert effects(database) == ["Subscription/A-S00000001@1"]


@pytest.mark.parametrize("kind", [kind for kind in ANSWERING if kind not in {"business", "system_error", "result"}])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_stands_before_the_operation_saves_nothing_under_the_key(start: Start, kind: str, when: str) -> None:
    emulator = start(faults=rules({"when": when, **once(kind, **ANSWERING[kind])}))
    call = emulator.order(headers=KEY)

    outcome(emulator, call)

    assert emulator.send(call).json()["success"] is True


@pytest.mark.parametrize("kind", ["business", "system_error", "result"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_the_operation_answers_is_saved_under_the_key(start: Start, kind: str, when: str) -> None:
    emulator = start(faults=rules({"when": when, **once(kind, **ANSWERING[kind])}))
    call = emulator.order(headers=KEY)

    first, second = emulator.send(call), emulator.send(call)

    assert first.text == second.text
    assert first.headers["zuora-request-id"] == second.headers["zuora-request-id"]
    assert first.json().get("success") is not True


@pytest.mark.parametrize(("when", "expected"), [("before", 1), ("after", 2)])
def test_an_answer_of_the_operation_that_is_not_saved_lets_the_key_have_another_effect(
    start: Start, database: str, when: str, expected: int
) -> None:
    emulator = start(faults=rules({"when": when, **once("business", category=50, saved=False)}))
    call = emulator.order(headers=KEY)

    assert emulator.send(call).status_code == 409
    assert emulator.send(call).status_code == 200
    assert len(effects(database)) == expected


def test_in_process_a_lost_answer_is_an_exception_that_says_so(start: Start) -> None:
    emulator = start(faults=rules(once("lost"), once("refused")))
    if emulator._app is None:
        pytest.skip("behind a socket the connection is really closed")

    with pytest.raises(ConnectionLost):
        emulator.regenerate()
    with pytest.raises(NoConnection):
        emulator.regenerate()


@pytest.mark.parametrize("kind", ["lost", "refused"])
def test_behind_a_socket_the_connection_is_closed_and_the_next_one_works(start: Start, kind: str) -> None:
    emulator = start(faults=rules(once(kind)))
    call = emulator.order()

    assert outcome(emulator, call) is None
    assert emulator.send(call).status_code == 200


def test_rules_each_once_are_a_script(start: Start) -> None:
    script = [once("business", category=50, saved=False), once("lost"), once("unauthorized"), once("gateway")]
    emulator = start(faults=rules(*script))
    call = emulator.order(headers=KEY)

    answers = [outcome(emulator, call) for _ in range(5)]

    assert [answer and answer.status_code for answer in answers] == [409, None, 401, 502, 200]


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ({"kind": "unauthorized"}, 401),
        ({"kind": "rate_limit"}, 429),
        ({"kind": "in_flight", "lock_code": True}, 409),
        ({"kind": "mismatch"}, 422),
    ],
)
def test_a_lost_answer_may_be_followed_by_any_of_the_guards(
    start: Start, database: str, fault: dict[str, Any], status: int
) -> None:
    emulator = start(faults=rules({**once("lost"), "when": "after"}, {"times": 1, "fault": fault}))
    call = emulator.order(headers=KEY)

    answers = [outcome(emulator, call) for _ in range(3)]

    assert [answer and answer.status_code for answer in answers] == [None, status, 200]
    assert len(effects(database)) == 1


def test_after_and_times_count_requests_that_match(start: Start, database: str) -> None:
    emulator = start(faults=rules({"after": 1, "times": 2, "fault": {"kind": "gateway"}}))

    statuses = [emulator.regenerate().status_code for _ in range(5)]

    assert statuses == [200, 502, 502, 200, 200]
    assert [(report.matched, report.fired) for report in list_faults(database)] == [(5, 2)]


def test_a_rule_may_count_for_each_target_or_key(start: Start) -> None:
    emulator = start(faults=rules({"per": "target", **once("gateway")}, {"per": "key", **once("unauthorized")}))

    statuses = [
        [emulator.regenerate(body, headers={"idempotency-key": key}).status_code for _ in range(3)]
        for body, key in ((DOCUMENTED_BODY, "a"), (OTHER, "b"))
    ]

    assert statuses == [[502, 401, 200]] * 2


def test_a_rule_that_lasts_ends_by_the_service_clock(start: Start, clock: Clock) -> None:
    lock = {"per": "target", "lasts": 5, "fault": {"kind": "business", "category": 50, "saved": False}}
    emulator = start(faults=rules(lock))

    seen = []
    for seconds in (0, 4, 1, 10):
        clock.seconds += seconds
        seen.append(emulator.regenerate().status_code)

    assert seen == [409, 409, 200, 200]


@pytest.mark.parametrize(
    ("match", "statuses"),
    [
        ({"target": "Subscription/A-S0000*"}, [502, 502, 200]),
        ({"target": "Subscription/*@2"}, [200, 502, 200]),
        ({"target": "OrderLineItem/*"}, [200, 200, 502]),
        ({"tenant": "12345"}, [502, 502, 502]),
        ({"tenant": "999"}, [200, 200, 200]),
        ({"key": "k-*"}, [502, 200, 200]),
        ({"operation": "token"}, [200, 200, 200]),
    ],
)
def test_a_rule_meets_what_it_matches(start: Start, database: str, match: dict[str, str], statuses: list[int]) -> None:
    emulator = start()
    emulator.token = emulator.log_in()
    load_faults(database, rules({"match": match, "fault": {"kind": "gateway"}}))
    item = {"type": "OrderLineItem", "orderNumber": "O-00000001", "itemNumber": "1"}

    assert [
        emulator.regenerate(headers=KEY).status_code,
        emulator.regenerate(OTHER).status_code,
        emulator.regenerate(item).status_code,
    ] == statuses


def test_an_object_named_by_its_id_is_matched_by_its_address(start: Start) -> None:
    emulator = start(faults=rules({"match": {"target": "Subscription/A-S00000011@1"}, **once("gateway")}))
    named = {"type": "Subscription", "subscriptionId": "8ad0877b7d0e9a5e017d0f2f4b6a0c11"}

    assert emulator.regenerate(named).status_code == 502


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_token_request_may_fail(start: Start, when: str) -> None:
    rule = {"match": {"operation": "token"}, "when": when, **once("rate_limit", retry_after=7)}
    emulator = start(faults=rules(rule))

    refused, given = emulator.get_token(), emulator.get_token()

    assert (refused.status_code, refused.headers["retry-after"]) == (429, "7")
    assert given.json()["token_type"] == "bearer"


def test_a_revoked_token_stays_unauthorized_until_there_is_another(start: Start) -> None:
    emulator = start(faults=rules({"after": 1, **once("unauthorized", revoke=True)}))

    before = [emulator.regenerate().status_code for _ in range(3)]
    emulator.token = None

    assert [*before, emulator.regenerate().status_code] == [200, 401, 401, 200]


@pytest.mark.parametrize(
    ("value", "header"),
    [
        (3, "3"),
        (-5, "-5"),
        (999_999_999_999, "999999999999"),
        ("soon", "soon"),
        ("", ""),
        ({"date_in": 30}, "Wed, 18 Nov 2026 11:07:10 GMT"),
        (None, None),
    ],
)
def test_retry_after_may_be_anything(start: Start, value: object, header: str | None) -> None:
    emulator = start(faults=rules(once("rate_limit", retry_after=value)))

    assert emulator.regenerate().headers.get("retry-after") == header


def test_a_used_up_quota_is_told_in_the_headers(start: Start) -> None:
    emulator = start(faults=rules(once("rate_limit", reset=17), once("rate_limit", limit="concurrency")))

    rate, concurrency = emulator.regenerate(), emulator.regenerate()

    assert (rate.headers["ratelimit-remaining"], rate.headers["ratelimit-reset"]) == ("0", "17")
    assert concurrency.headers["concurrency-limit-remaining"] == "0"
    assert concurrency.json()["reasons"][0]["code"][-2:] == "70"


@pytest.mark.parametrize("code", [58730050, "58730050", "LOCK_COMPETITION"], ids=repr)
def test_a_code_may_be_a_number_or_text(start: Start, code: object) -> None:
    emulator = start(faults=rules(once("business", category=50, code=code)))

    answer = emulator.regenerate()

    assert (answer.status_code, answer.json()["reasons"][0]["code"]) == (409, code)


def test_an_old_version_gets_business_faults_with_status_200(start: Start) -> None:
    emulator = start(faults=rules(once("business", category=61)))

    answer = emulator.regenerate(headers={"zuora-version": None})

    assert (answer.status_code, answer.json()["success"]) == (200, False)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"success": False}, {"success": False, "idList": 2}),
        ({"success": "true"}, {"success": "true", "idList": 2}),
        ({"success": "missing"}, {"idList": 2}),
        ({"id_list": "missing"}, {"success": True}),
        ({"id_list": "null"}, {"success": True, "idList": None}),
        ({"id_list": "empty"}, {"success": True, "idList": 0}),
        ({"id_list": "numbers"}, {"success": True, "idList": 2}),
        ({"id_list": "repeated"}, {"success": True, "idList": 4}),
        ({"id_list": "huge", "count": 50_000}, {"success": True, "idList": 50_000}),
    ],
)
def test_a_result_may_be_odd(start: Start, database: str, fault: dict[str, Any], expected: dict[str, Any]) -> None:
    emulator = start(faults=rules(once("result", **fault)))

    document = emulator.regenerate().json()

    shown = {name: len(value) if isinstance(value, list) else value for name, value in document.items()}
    assert shown == expected
    assert len(effects(database)) == 1


def test_success_false_may_come_with_the_ids_of_the_effect(start: Start, database: str) -> None:
    emulator = start(faults=rules(once("result", success=False, category=60)))

    document = emulator.regenerate().json()

    assert tuple(document["idList"]) == read_ledger(database)[0].id_list
    assert document["reasons"][0]["code"][-2:] == "60"


def test_the_result_of_a_refusal_stays_as_it_is(start: Start) -> None:
    emulator = start(faults=rules(once("result", id_list="missing")))

    assert emulator.regenerate({"type": "Subscription"}).status_code == 400


def test_any_answer_can_be_written_down(start: Start) -> None:
    login = {"text": "<html>", "content_type": "text/html"}
    redirect = {"status": 302, "headers": {"Location": "http://elsewhere.test/"}}
    emulator = start(faults=rules(once("answer", **redirect), once("answer", **login)))

    moved, page = emulator.regenerate(), emulator.regenerate()

    assert (moved.status_code, moved.headers["location"]) == (302, "http://elsewhere.test/")
    assert (page.status_code, page.headers["content-type"], page.text) == (200, "text/html", "<html>")
    assert "zuora-request-id" not in page.headers


def test_headers_of_the_right_answer_may_be_changed_or_left_out(start: Start) -> None:
    changes = {"Date": "yesterday", "Zuora-Request-Id": None, "X-Extra": "1"}
    emulator = start(faults=rules(once("headers", headers=changes)))

    answer = emulator.regenerate()

    assert (answer.headers["date"], answer.headers["x-extra"], answer.json()["success"]) == ("yesterday", "1", True)
    assert "zuora-request-id" not in answer.headers


def test_a_bomb_is_small_on_the_wire_and_large_in_memory(start: Start) -> None:
    emulator = start(faults=rules(once("bomb", megabytes=2)))

    answer = emulator.regenerate()

    assert int(answer.headers["content-length"]) < 10_000
    assert len(answer.content) > 2 * 2**20


def test_a_duplicate_has_a_second_effect_only_without_a_key(start: Start, database: str) -> None:
    emulator = start(faults=rules({"fault": {"kind": "duplicate"}}))
    emulator.regenerate(headers=KEY)
    emulator.regenerate(OTHER)
    emulator.log_in()

    assert effects(database) == ["Subscription/A-S00000001@1"] + ["Subscription/A-S00000001@2"] * 2


def test_a_duplicate_after_the_key_has_gone_has_a_second_effect(start: Start, database: str, clock: Clock) -> None:
    emulator = start(faults=rules(once("duplicate", seconds=25 * 3_600)))
    emulator.regenerate(headers=KEY)
    clock.seconds += 25 * 3_600
    emulator.log_in()

    assert len(effects(database)) == 2


LATE = {"when": "late", "late_seconds": 30}


def test_a_lost_request_lands_when_it_is_due(start: Start, database: str, clock: Clock) -> None:
    emulator = start(faults=rules({**LATE, **once("lost")}))
    begun = clock()
    assert outcome(emulator, emulator.order(headers=KEY)) is None

    clock.seconds += 29
    emulator.log_in()
    assert effects(database) == []

    clock.seconds += 60
    emulator.log_in()
    [effect] = read_ledger(database)
    assert (effect.at, effect.idempotency_key) == ("2026-11-18T11:07:10Z", "k-1")
    assert begun + 30 == 1_795_000_030


def test_a_retry_overtakes_a_lost_request_and_there_is_one_effect(start: Start, database: str, clock: Clock) -> None:
    emulator = start(faults=rules({**LATE, **once("lost")}))
    call = emulator.order(headers=KEY)
    outcome(emulator, call)

    assert emulator.send(call).status_code == 200
    clock.seconds += 31
    emulator.log_in()
    assert len(effects(database)) == 1


def test_a_request_that_still_runs_holds_its_key_until_it_lands(start: Start, database: str, clock: Clock) -> None:
    running = {**LATE, "holds_key": True, **once("timeout", seconds=0)}
    emulator = start(faults=rules(running))
    call = emulator.order(headers=KEY)

    statuses = [emulator.send(call).status_code for _ in range(2)]
    clock.seconds += 30
    landed = emulator.send(call)

    assert (statuses, landed.status_code) == ([504, 409], 200)
    assert landed.headers["zuora-request-id"] == read_ledger(database)[0].request_id


def test_what_is_on_its_way_survives_a_restart_and_clearing(start: Start, database: str, clock: Clock) -> None:
    emulator = start(faults=rules({**LATE, **once("lost")}))
    outcome(emulator, emulator.order(headers=KEY))
    clear_faults(database)
    clock.seconds += 30

    start().log_in()

    assert len(effects(database)) == 1


def test_no_token_is_stored_with_what_is_on_its_way(start: Start, database: str) -> None:
    emulator = start(faults=rules({**LATE, **once("lost")}))
    outcome(emulator, emulator.order())

    stored = b"".join(path.read_bytes() for path in pathlib.Path(database).parent.iterdir())
    assert str(emulator.token).encode() not in stored


def test_counters_survive_a_restart(start: Start) -> None:
    emulator = start(faults=rules({"after": 1, "times": 1, "fault": {"kind": "gateway"}}))
    first = emulator.regenerate().status_code

    again = start()

    assert [first, again.regenerate().status_code, again.regenerate().status_code] == [200, 502, 200]


def test_loading_replaces_the_rules_there_were_and_counts_anew(start: Start, database: str) -> None:
    document = rules(once("gateway"))
    emulator = start(faults=document)
    statuses = [emulator.regenerate().status_code for _ in range(2)]

    assert load_faults(database, document) == 1
    assert [*statuses, emulator.regenerate().status_code] == [502, 200, 502]


@pytest.mark.parametrize("kind", ["business", "latency"])
def test_the_operation_is_not_reached_by_what_is_answered_before_it(start: Start, database: str, kind: str) -> None:
    emulator = start()
    emulator.regenerate(headers=KEY)
    fault = {"kind": kind, **({"category": 40} if kind == "business" else {"seconds": 5})}
    load_faults(database, rules({"fault": fault}))

    replayed = emulator.regenerate(headers=KEY)
    unauthorized = emulator.regenerate(headers={"authorization": "Bearer wrong"})

    assert (replayed.status_code, unauthorized.status_code) == (200, 401)
    assert list_faults(database)[0].matched == 0


def test_a_token_request_that_fails_before_its_effect_makes_no_token(start: Start, database: str) -> None:
    before, after = ({"match": {"operation": "token"}, "when": when, **once("lost")} for when in ("before", "after"))
    emulator = start(faults=rules(before, after))
    counts = []
    for _ in range(2):
        with suppress(httpx.TransportError, ConnectionLost):
            emulator.get_token()
        with closing(sqlite3.connect(database)) as connection:
            counts += connection.execute("SELECT count(*) FROM tokens").fetchone()

    assert counts == [0, 1]


def test_rules_change_beside_a_running_server(start: Start, database: str) -> None:
    emulator = start()
    statuses = [emulator.regenerate().status_code]
    load_faults(database, rules({"fault": {"kind": "gateway"}}))
    statuses.append(emulator.regenerate().status_code)
    clear_faults(database)

    assert [*statuses, emulator.regenerate().status_code] == [200, 502, 200]
    assert list_faults(database) == ()


def test_a_slow_answer_is_right(start: Start) -> None:
    emulator = start(
        faults=rules(once("latency", seconds=0.2, most=0.3), {**once("latency", seconds=0.2), "when": "after"})
    )

    for _ in range(2):
        begun = time.monotonic()
        assert emulator.regenerate().status_code == 200
        assert time.monotonic() - begun >= 0.2


def test_a_slow_request_holds_its_key(start: Start) -> None:
    emulator = start(faults=rules(once("latency", seconds=0.3)))
    call = emulator.order(headers=KEY)

    assert sorted(answer.status_code for answer in emulator.together([call, call])) == [200, 409]


def test_waiting_is_done_by_the_sleep_that_was_given(database: str, clock: Clock) -> None:
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    faults = rules({**once("timeout"), "when": "after"}, once("latency", seconds=7))
    app = create_app(database=database, now=clock, new_id=Ids(), faults=faults, sleep=sleep)
    emulator = Emulator("http://emulator.test", app)

    assert [emulator.regenerate().status_code for _ in range(2)] == [504, 200]
    assert waited == [120.0, 7.0]
    app.close()


def test_a_real_server_lands_what_is_due_though_no_request_comes(database: str) -> None:
    load_faults(database, rules({"when": "late", "late_seconds": 0.3, **once("lost")}))
    with process(pathlib.Path(database)) as (_, emulator):
        assert outcome(emulator, emulator.order(headers=KEY)) is None
        assert effects(database) == []
        deadline = time.monotonic() + 10
        while not effects(database) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert len(effects(database)) == 1


def test_a_killed_server_lands_it_after_its_restart(database: str) -> None:
    load_faults(database, rules({"when": "late", "late_seconds": 0.5, **once("lost")}))
    with process(pathlib.Path(database)) as (started, emulator):
        outcome(emulator, emulator.order(headers=KEY))
        started.kill()
    assert effects(database) == []
    with process(pathlib.Path(database)):
        deadline = time.monotonic() + 10
        while not effects(database) and time.monotonic() < deadline:
            time.sleep(0.05)
    assert len(effects(database)) == 1


def test_requests_that_finish_together_break_apart(
    start: Start, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One defect among requests that share a commit is answered with 500, and undoes nothing of the others."""
    emulator = start(latency=0.1)
    right = operation.perform

    def broken(connection: sqlite3.Connection, request: Request, occasion: Occasion) -> dict[str, object]:
        document = right(connection, request, occasion)
        if occasion.idempotency_key == "bad":
            raise RuntimeError("a defect")
        return document

    monkeypatch.setattr(operation, "perform", broken)
    calls = [emulator.order(headers={"idempotency-key": key}) for key in ("a", "bad", "b")]

    assert [answer.status_code for answer in emulator.together(calls)] == [200, 500, 200]
    assert sorted(str(effect.idempotency_key) for effect in read_ledger(database)) == ["a", "b"]


def test_every_kind_is_tried_here() -> None:
    assert {*ANSWERING} | {"refused", "latency", "headers", "duplicate"} == {*KINDS}
