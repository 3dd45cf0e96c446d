"""The operation on the wire: everything documented is sent, every shape of answer is read."""

import gzip
import json
import tracemalloc
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.outcome import Reason, Traffic
from reconciler.core.tenancy import Tenancy
from reconciler.ports import Regeneration
from reconciler.zuora.wire import MAX_BODY, BadBody, WireRequest, date_of, decode, decompress, encode

TENANCY = Tenancy(tenant="1", entity="0e3c")


def request(
    name: str = "A-S00000001", *, send_entity: bool = False, orgs: tuple[str, ...] = (), only_re_send: bool = False
) -> WireRequest:
    regeneration = Regeneration(
        body={"type": "Subscription", "subscriptionName": name, "subscriptionVersion": 1},
        flags={"onlyReSend": only_re_send, "reMigrate": not only_re_send},
        key="k1-abc",
        track_id="run.abc",
    )
    return encode(regeneration, tenancy=TENANCY, send_entity=send_entity, orgs=orgs)


def test_both_flags_are_always_sent() -> None:
    assert request().query == {"onlyReSend": "false", "reMigrate": "true"}
    assert request(only_re_send=True).query == {"onlyReSend": "true", "reMigrate": "false"}


def test_the_body_is_the_documented_example() -> None:
    assert json.loads(request().body) == {
        "type": "Subscription",
        "subscriptionName": "A-S00000001",
        "subscriptionVersion": 1,
    }


def test_key_track_id_and_version_are_always_sent_and_gzip_is_accepted() -> None:
    headers = request().headers

    assert headers["Idempotency-Key"] == "k1-abc"
    assert headers["Zuora-Track-Id"] == "run.abc"
    assert headers["Zuora-Version"] == "2025-08-12"
    assert headers["Accept-Encoding"] == "gzip"
    assert headers["Content-Type"] == "application/json"


def test_entity_and_organizations_are_sent_only_where_the_project_names_them() -> None:
    assert not {"Zuora-Entity-Ids", "Zuora-Org-Ids"} & set(request().headers)
    named = request(send_entity=True, orgs=("o1", "o2")).headers
    assert (named["Zuora-Entity-Ids"], named["Zuora-Org-Ids"]) == ("0e3c", "o1,o2")


def test_a_body_is_compressed_when_it_is_long_and_readable_when_it_is_short() -> None:
    long = request("契" * 255)

    assert long.headers["Content-Encoding"] == "gzip"
    assert json.loads(gzip.decompress(long.body))["subscriptionName"] == "契" * 255
    assert "Content-Encoding" not in request().headers


SHAPES = {
    '{"success": false, "reasons": [{"code": 53100040, "message": "m"}]}': Reason("53100040", "m"),
    '{"success": false, "reasons": [{"code": "53100040", "message": "m"}]}': Reason("53100040", "m"),
    '{"Success": false, "Errors": [{"Code": "LOCK_COMPETITION", "Message": "m"}]}': Reason("LOCK_COMPETITION", "m"),
    '{"error": {"code": "x", "message": "m"}}': Reason("x", "m"),
    '{"code": "x", "message": "m"}': Reason("x", "m"),
    '{"reasons": [{"code": "SystemError", "message": "m"}]}': Reason("SystemError", "m"),
}


@pytest.mark.parametrize(("body", "reason"), SHAPES.items())
def test_every_error_shape_in_use_is_a_business_answer(body: str, reason: Reason) -> None:
    answer = decode(400, {}, body.encode())

    assert (answer.is_business, answer.reasons[0]) == (True, reason)


@pytest.mark.parametrize(
    "body", ["", "<html>login</html>", "[]", "null", '{"message": "Authentication error"}', "{}", "\xff", "[" * 100_000]
)
def test_whatever_else_answers_is_no_business_answer(body: str) -> None:
    assert decode(200, {}, body.encode("latin-1")).is_business is False


@pytest.mark.parametrize(
    ("listed", "ids"),
    [('["a", "b"]', ("a", "b")), ("[]", ()), ("null", None), ('"a"', None), ('["a", 1]', None), ("{}", None)],
)
def test_ids_are_a_list_of_texts_or_nothing(listed: str, ids: tuple[str, ...] | None) -> None:
    assert decode(200, {}, f'{{"success": true, "idList": {listed}}}'.encode()).id_list == ids


def test_only_literal_true_is_success() -> None:
    assert [
        decode(200, {}, f'{{"success": {word}}}'.encode()).success for word in ("true", "false", '"true"', "1")
    ] == [
        True,
        False,
        None,
        None,
    ]


def test_request_and_process_id_are_kept() -> None:
    body = b'{"success": false, "processId": "738C", "requestId": "in-body"}'

    assert decode(400, {"Zuora-Request-Id": "in-header"}, body).request_id == "in-header"
    assert decode(400, {}, body).request_id == "in-body"
    assert decode(400, {}, body).process_id == "738C"


@pytest.mark.parametrize(
    ("text", "limit"), [("40", 40), ("", None), ("0", None), ("-3", None), ("9" * 40, None), ("x", None)]
)
def test_the_limit_of_simultaneous_requests_is_read_where_it_is_sensible(text: str, limit: int | None) -> None:
    for body in (b"{}", b"<html>"):
        traffic = decode(200, {"Concurrency-Limit-Limit": text}, body).traffic
        assert traffic is not None
        assert traffic.limit == limit


def test_the_budget_is_read_as_the_guide_on_rate_limits_shows_it() -> None:
    headers = {
        "Concurrency-Limit-Type": "Default",
        "Concurrency-Limit-Limit": "40",
        "Concurrency-Limit-Remaining": "0",
        "RateLimit-Limit": "2250000, 50000;w=60, 2250000;w=3600, 27000000;w=86400",
        "RateLimit-Remaining": "399",
        "RateLimit-Reset": "1200",
        "Date": "Sun, 22 Nov 2026 12:00:00 GMT",
    }
    date = datetime(2026, 11, 22, 12, tzinfo=UTC)

    assert decode(200, headers, b"{}").traffic == Traffic(
        limit=40, free=0, quota=2_250_000, left=399, reset=1200, date=date
    )


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Nov 2026 12:00:00 GMT", "Sun, 22 Nov 2026 12:00:00", "1"])
def test_a_date_that_is_none_tells_no_time(date: str) -> None:
    assert date_of(date) is None


RETRY_AFTER = {"5": 5.0, "-1": -1.0, "Sun, 22 Nov 2026 12:01:00 GMT": 60.0, "soon": None, "": None}


@pytest.mark.parametrize(("text", "seconds"), RETRY_AFTER.items())
def test_retry_after_is_seconds_or_a_date_counted_from_the_answers_own(text: str, seconds: float | None) -> None:
    headers = {"Retry-After": text, "Date": "Sun, 22 Nov 2026 12:00:00 GMT"}

    assert decode(429, headers, b"").retry_after == seconds


@pytest.mark.parametrize(("left", "seconds"), [("0", 1200.0), ("1", None), ("", None)])
def test_a_limit_without_retry_after_asks_to_wait_for_the_next_window(left: str, seconds: float | None) -> None:
    assert decode(429, {"RateLimit-Remaining": left, "RateLimit-Reset": "1200"}, b"").retry_after == seconds


def test_foreign_text_cannot_move_the_cursor_or_flood_a_terminal() -> None:
    hostile = "\x1b[2J\u202e" + "x" * 5_000 + "\n\nend"
    body = json.dumps({"success": False, "reasons": [{"code": "5\x07", "message": hostile}]})
    (reason,) = decode(400, {}, body.encode()).reasons

    assert (reason.code + reason.message).isprintable()
    assert len(reason.message) <= 200


@given(st.binary())
def test_no_body_makes_the_decoder_fail(body: bytes) -> None:
    assert decode(500, {}, body).status == 500


def test_gzip_is_undone() -> None:
    assert decompress(gzip.compress(b"{}"), "gzip") == b"{}"
    assert decompress(b"{}", "") == b"{}"


@pytest.mark.parametrize(
    ("body", "encoding"),
    [(b"{}", "gzip"), (gzip.compress(b"x" * 99)[:-9], "gzip"), (b"", "gzip"), (b"{}", "br")],
)
def test_a_body_that_cannot_be_undone_is_named(body: bytes, encoding: str) -> None:
    with pytest.raises(BadBody, match="the answer"):
        decompress(body, encoding)


def test_a_gzip_bomb_costs_a_bounded_amount_of_memory() -> None:
    bomb = gzip.compress(b"\0" * (4 * MAX_BODY), compresslevel=9)
    tracemalloc.start()
    with pytest.raises(BadBody, match="larger than"):
        decompress(bomb, "gzip")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 3 * MAX_BODY
