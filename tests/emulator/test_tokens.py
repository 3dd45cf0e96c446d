import logging
import pathlib
import re
from collections.abc import Callable

import pytest
from emulator_harness import Call, Clock, Emulator

from reconciler.emulator.client import Client, entity_of, parse_client

CLIENTS = (
    Client(client_id="one", secret="s3cret-of-one", tenant="111"),
    Client(client_id="two", secret="s3cret-of-two", tenant="222"),
)


def test_any_credentials_open_the_default_tenant_when_no_client_is_given(emulator: Emulator) -> None:
    answer = emulator.get_token("whoever", "whatever").json()

    assert "tenant.12345" in answer["scope"].split()


def test_a_token_answer_has_the_documented_fields(emulator: Emulator) -> None:
    response = emulator.get_token()

    assert response.status_code == 200
    assert response.json().keys() == {"access_token", "token_type", "expires_in", "scope", "jti"}
    assert (response.json()["token_type"], response.json()["expires_in"]) == ("bearer", 3599)


def test_the_scope_names_user_entity_and_tenant(emulator: Emulator) -> None:
    scope = emulator.get_token().json()["scope"]

    assert re.fullmatch(r"user\.[0-9a-f]{32} entity\.[0-9a-f-]{36} .*tenant\.12345", scope)


def test_each_given_client_opens_its_own_tenant(start: Callable[..., Emulator]) -> None:
    emulator = start(clients=CLIENTS)

    scopes = [emulator.get_token(client.client_id, client.secret).json()["scope"] for client in CLIENTS]

    assert [scope.split()[-1] for scope in scopes] == ["tenant.111", "tenant.222"]


@pytest.mark.parametrize(
    ("client_id", "secret"),
    [("one", "s3cret-of-two"), ("three", "s3cret-of-one"), ("", ""), ("one", ""), ("ünknown", "ß")],
)
def test_other_credentials_are_unauthorized_when_clients_are_given(
    start: Callable[..., Emulator], client_id: str, secret: str
) -> None:
    response = start(clients=CLIENTS).get_token(client_id, secret)

    assert response.status_code == 401
    assert response.json() == {"message": "Authentication error"}


def test_empty_credentials_are_unauthorized_even_without_clients(emulator: Emulator) -> None:
    assert emulator.get_token("", "").status_code == 401


@pytest.mark.parametrize(
    ("call", "status"),
    [
        (Call(method="GET", path="/oauth/token"), 405),
        (Call(path="/oauth/token", json={"client_id": "a"}), 415),
        (
            Call(
                path="/oauth/token",
                content=b"grant_type=password&client_id=a&client_secret=b",
                headers={"content-type": "application/x-www-form-urlencoded"},
            ),
            400,
        ),
        (
            Call(
                path="/oauth/token",
                content=b"grant_type=client_credentials&client_id=%ff\xff",
                headers={"content-type": "application/x-www-form-urlencoded"},
            ),
            400,
        ),
    ],
)
def test_a_request_that_is_no_token_request_is_told_why(emulator: Emulator, call: Call, status: int) -> None:
    response = emulator.send(call)

    assert response.status_code == status
    assert response.json()["message"]


def test_a_token_lives_for_an_hour_of_the_clock(emulator: Emulator, clock: Clock) -> None:
    call = emulator.order()

    clock.seconds += 3_599
    before = emulator.send(call).status_code
    clock.seconds += 1
    after = emulator.send(call).status_code

    assert (before, after) == (200, 401)


def test_a_restart_keeps_tokens_valid(start: Callable[..., Emulator]) -> None:
    call = start().order()

    assert start().send(call).status_code == 200


@pytest.mark.parametrize("authorization", [None, "", "Bearer", "Bearer nonsense", "Basic YTpi"])
def test_no_effect_without_a_valid_token(emulator: Emulator, authorization: str | None) -> None:
    response = emulator.regenerate(headers={"authorization": authorization})

    assert response.status_code == 401
    assert response.json() == {"message": "Authentication error"}
    assert response.headers["www-authenticate"].startswith("Basic realm=Zuora API")


def test_a_secret_is_nowhere_in_the_database_nor_in_the_log(
    start: Callable[..., Emulator], database: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="reconciler")
    emulator = start(clients=CLIENTS)
    emulator.token = emulator.log_in("one", "s3cret-of-one")
    emulator.regenerate(headers={"idempotency-key": "k"})
    emulator.get_token("one", "s3cret-wrong")

    stored = b"".join(path.read_bytes() for path in pathlib.Path(database).parent.iterdir())

    assert b"s3cret" not in stored
    assert emulator.token.encode() not in stored
    assert "s3cret" not in caplog.text


def test_a_client_does_not_show_its_secret() -> None:
    assert "s3cret" not in repr(CLIENTS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a:b@1", ("a", "b", "1")),
        ("a:b:c@d@99", ("a", "b:c@d", "99")),
        ("user@host:p@ss wörd@7", ("user@host", "p@ss wörd", "7")),
    ],
)
def test_a_client_is_divided_at_the_first_colon_and_the_last_at_sign(text: str, expected: tuple[str, str, str]) -> None:
    client = parse_client(text)

    assert (client.client_id, client.secret, client.tenant) == expected


@pytest.mark.parametrize("text", ["", "a", "a:b", "a@1", ":b@1", "a:@1", "a:b@", "a:b@tenant", "a:b@-1", "a:b@१"])
def test_what_is_no_client_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(ValueError, match=r"A client is written|A tenant id is") as caught:
        parse_client(text)

    assert not text or text not in str(caught.value)


def test_one_client_id_cannot_open_two_tenants(start: Callable[..., Emulator]) -> None:
    twice = (*CLIENTS, Client(client_id="one", secret="x", tenant="333"))

    with pytest.raises(ValueError, match="given more than once: one"):
        start(clients=twice)


def test_the_entity_of_a_tenant_is_the_same_everywhere() -> None:
    assert entity_of("111") == entity_of("111") != entity_of("222")


@pytest.mark.parametrize(
    ("clients", "status"),
    [
        (CLIENTS, 200),
        (CLIENTS[:1], 200),
        (CLIENTS[1:], 401),
        ([Client(client_id="one", secret="s", tenant="333")], 401),
        ([Client(client_id="three", secret="s", tenant="111")], 401),
        ((), 200),
    ],
)
def test_a_stored_token_opens_nothing_if_its_client_is_not_given(
    start: Callable[..., Emulator], clients: tuple[Client, ...], status: int
) -> None:
    before = start(clients=CLIENTS)
    before.token = before.log_in("one", "s3cret-of-one")

    assert start(clients=clients).send(before.order()).status_code == status
