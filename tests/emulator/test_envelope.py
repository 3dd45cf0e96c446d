"""What surrounds every answer: ids, echoes, limits, other paths, and defects of the emulator itself."""

import sqlite3

import pytest
from emulator_harness import PATH, Call, Emulator


def test_every_answer_has_a_request_id_of_36_characters(emulator: Emulator) -> None:
    answers = [emulator.regenerate(), emulator.regenerate({}), emulator.get_token(), emulator.send(Call(path="/v1/x"))]

    ids = [answer.headers["zuora-request-id"] for answer in answers]
    assert len(set(ids)) == 4
    assert {len(identity) for identity in ids} == {36}


def test_the_track_id_comes_back(emulator: Emulator) -> None:
    response = emulator.regenerate(headers={"zuora-track-id": "run-7 #1"})

    assert response.headers["zuora-track-id"] == "run-7 #1"


def test_a_track_id_that_was_not_sent_or_is_not_legal_does_not_come_back(emulator: Emulator) -> None:
    answers = [emulator.regenerate(), emulator.regenerate(headers={"zuora-track-id": "a;b"})]

    assert ["zuora-track-id" in answer.headers for answer in answers] == [False, False]


def test_the_date_is_that_of_the_injected_clock(emulator: Emulator) -> None:
    assert emulator.regenerate().headers["date"] == "Wed, 18 Nov 2026 11:06:40 GMT"


def test_rate_limits_are_announced_in_the_documented_style(emulator: Emulator) -> None:
    headers = emulator.regenerate().headers

    assert headers["ratelimit-limit"] == "50000, 50000;w=60, 2250000;w=3600, 27000000;w=86400"
    assert headers["ratelimit-remaining"] == "49999"
    assert headers["ratelimit-reset"] == "20"


def test_refused_requests_count_against_the_rate_limit_too(emulator: Emulator) -> None:
    emulator.regenerate({})

    assert emulator.regenerate().headers["ratelimit-remaining"] == "49998"


def test_the_concurrency_limit_is_announced(emulator: Emulator) -> None:
    headers = emulator.regenerate().headers

    assert headers["concurrency-limit-type"] == "Default"
    assert headers["concurrency-limit-limit"] == "40"
    assert headers["concurrency-limit-remaining"] == "39"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/v1/subscriptions/A-S00000001"),
        ("POST", "/v1/uno-regenerate/billing-transaction"),
        ("POST", f"/v1/async{PATH.removeprefix('/v1')}"),
        ("POST", f"{PATH}/"),
    ],
)
def test_what_is_not_implemented_says_so(emulator: Emulator, method: str, path: str) -> None:
    response = emulator.send(Call(method=method, path=path))

    assert response.status_code == 501
    assert "does not implement" in response.json()["message"]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_another_method_on_the_operation_is_unsupported(emulator: Emulator, method: str) -> None:
    response = emulator.regenerate(method=method)

    assert (response.status_code, response.headers["allow"]) == (405, "POST")
    assert response.json()["reasons"][0]["code"].endswith("45")


def test_a_defect_is_answered_without_its_traceback_and_logged(
    emulator: Emulator, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    call = emulator.order()
    with sqlite3.connect(database) as connection:
        connection.execute("DROP TABLE effects")
    connection.close()

    response = emulator.send(call)

    assert response.status_code == 500
    assert response.json() == {"reasons": [{"code": "SystemError", "message": "internal server error"}]}
    assert "no such table: effects" in caplog.text
