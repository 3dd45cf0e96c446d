"""The client against real sockets: what it makes of an emulator, of odd servers, of proxies and of TLS."""

import asyncio
import gzip
import json
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing, nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, quote_plus

import pytest
import trustme
from builders import NOW
from canned_server import TOKEN, TOKEN_TEXT, after_token, canned, connect_proxy, http
from emulator_harness import Clock, Ids, SocketServer
from fakes import HandClock

from reconciler.core.outcome import Again, Answer, Done, Doubt, Fault, FaultKind, know
from reconciler.core.retry import ATTEMPTS
from reconciler.core.tenancy import Tenancy
from reconciler.emulator.app import create_app
from reconciler.emulator.ledger import read_ledger
from reconciler.errors import AuthenticationError, PlatformError, ReconcilerError, Unreachable, WrongTenant
from reconciler.ports import Regeneration, Secret
from reconciler.zuora.client import Endpoint, HttpPlatform, network

T = TypeVar("T")
CANARY = "canary-secret-5f3e"
REGENERATION = Regeneration(
    body={"type": "Subscription", "subscriptionName": "A-S00000001", "subscriptionVersion": 1},
    flags={"onlyReSend": False, "reMigrate": True},
    key="k1-test",
    track_id="run.test",
)
DONE = b'{"success": true, "idList": ["2c98"]}'


def talk(
    base_url: str,
    conversation: Callable[[HttpPlatform], Awaitable[T]],
    *,
    clock: HandClock | None = None,
    client_id: str = "id",
    secret: str = CANARY,
) -> T:
    """Run one conversation with a fresh client."""
    endpoint = Endpoint(base_url=base_url, client_id=Secret(client_id), client_secret=Secret(secret))

    async def run() -> T:
        platform = HttpPlatform(endpoint, network(endpoint), clock=clock or HandClock())
        try:
            return await conversation(platform)
        finally:
            await platform.close()

    return asyncio.run(run())


async def send(platform: HttpPlatform) -> Answer | Fault:
    scope = await platform.authenticate()
    platform.use(Tenancy(tenant=scope.tenant, entity=None))
    return await platform.regenerate(REGENERATION)


def test_the_emulator_is_understood_over_a_socket(tmp_path: Path) -> None:
    database = str(tmp_path / "emulator.db")
    server = SocketServer()
    try:
        with server.serving(create_app(database=database, now=Clock(), new_id=Ids())) as emulator:
            answer = talk(emulator.url, send)
    finally:
        server.stop()

    assert isinstance(answer, Answer)
    assert isinstance(know(answer), Done)
    (effect,) = read_ledger(database)
    assert (effect.target, effect.regenerate_flag, effect.idempotency_key) == (
        "Subscription/A-S00000001@1",
        "Y",
        "k1-test",
    )
    assert effect.id_list == answer.id_list


def test_everything_documented_is_on_the_wire() -> None:
    seen: list[str] = []

    def answer(request: bytes) -> bytes:
        seen.append(request.decode())
        return http(200, DONE)

    with canned(after_token(answer)) as url:
        talk(url, send)

    (request,) = seen
    assert request.startswith(
        "POST /v1/uno-regenerate/booking-transaction?onlyReSend=false&reMigrate=true HTTP/1.1\r\n"
    )
    lines = request.lower().split("\r\n")
    for line in ("idempotency-key: k1-test", "zuora-track-id: run.test", f"authorization: bearer {TOKEN_TEXT}"):
        assert line in lines


def test_a_compressed_answer_is_read() -> None:
    with canned(after_token(lambda _: http(200, gzip.compress(DONE), "Content-Encoding: gzip"))) as url:
        answer = talk(url, send)

    assert isinstance(answer, Answer)
    assert answer.id_list == ("2c98",)


ODD = {
    "closed without an answer": lambda _: None,
    "half an answer": lambda _: http(200, DONE, "Connection: close", length=999),
    "not HTTP": lambda _: b"SSH-2.0-OpenSSH\r\n\r\n",
    "not gzip": lambda _: http(200, DONE, "Content-Encoding: gzip"),
    "an encoding nobody asked for": lambda _: http(200, DONE, "Content-Encoding: br"),
}


@pytest.mark.parametrize("name", ODD)
def test_an_answer_that_breaks_off_is_lost(name: str) -> None:
    with canned(after_token(ODD[name])) as url:
        answer = talk(url, send)

    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.LOST
    assert isinstance(know(answer), Doubt)


@pytest.mark.parametrize("delay", [0.0, 0.05])
@pytest.mark.parametrize("more", [http(200, DONE), http(408, b"<html>", "Connection: close"), b"garbage"])
def test_what_comes_behind_an_answer_is_not_the_answer_to_the_next_request(more: bytes, delay: float) -> None:
    """Said twice, or said unasked before an idle connection is closed: it is about no request of ours."""
    is_first = True

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal is_first
        with suppress(asyncio.IncompleteReadError, ConnectionError), closing(writer):
            while head := (await reader.readuntil(b"\r\n\r\n")).lower():
                await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
                if b"/oauth/token" in head:
                    writer.write(http(200, TOKEN))
                    continue
                writer.write(http(200 if is_first else 400, DONE) + (more if is_first and not delay else b""))
                if is_first and delay:
                    await asyncio.sleep(delay / 2)
                    writer.write(more)
                is_first = False

    async def run() -> tuple[Answer | Fault, Answer | Fault]:
        async with await asyncio.start_server(converse, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            endpoint = Endpoint(base_url=url, client_id=Secret("id"), client_secret=Secret(CANARY))
            platform = HttpPlatform(endpoint, network(endpoint), clock=HandClock())
            first = await send(platform)
            await asyncio.sleep(delay)
            second = await platform.regenerate(REGENERATION)
            await platform.close()
        return first, second

    first, second = asyncio.run(run())
    assert isinstance(know(first), Done)
    assert isinstance(second, Answer)
    assert second.status == 400


@pytest.mark.parametrize(("status", "known"), [(200, Doubt), (302, Again), (403, Again), (502, Doubt)])
def test_a_page_in_place_of_an_answer_is_no_success(status: int, known: type) -> None:
    page = b"<html><body>Please sign in</body></html>"
    with canned(after_token(lambda _: http(status, page, "Location: https://login.example.com/"))) as url:
        answer = talk(url, send)

    assert isinstance(know(answer), known)


def test_a_server_that_goes_away_after_the_token_has_received_nothing() -> None:
    with ExitStack() as serving:
        url = serving.enter_context(canned(lambda _: http(200, TOKEN_ONCE, "Connection: close")))

        async def leave(platform: HttpPlatform) -> Answer | Fault:
            await platform.authenticate()
            serving.close()
            return await platform.regenerate(REGENERATION)

        answer = talk(url, leave)

    assert isinstance(answer, Fault)
    assert answer.kind is FaultKind.NOT_SENT


TOKEN_ONCE = b'{"access_token": "token", "expires_in": 3599, "scope": "tenant.1"}'


def test_nobody_listening_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable, match="Nothing was sent"):
        talk(f"http://127.0.0.1:{port}", send)


REFUSALS: dict[str, tuple[bytes, type[ReconcilerError]]] = {
    "wrong secret": (http(401, b'{"message": "Authentication error"}'), AuthenticationError),
    "bad form": (http(400, b'{"error": "invalid_client"}'), AuthenticationError),
    "busy": (http(429, b""), Unreachable),
    "down": (http(503, b"<html>maintenance</html>"), Unreachable),
    "a page": (http(200, b"<html>login</html>"), PlatformError),
    "another API": (http(404, b"<html>not found</html>"), PlatformError),
    "a redirect": (http(302, b"", "Location: https://login.example.com"), PlatformError),
    "a token with a line break": (http(200, b'{"access_token": "a\\nb", "expires_in": 1}'), PlatformError),
    "a list": (http(200, b"[]"), PlatformError),
    "a lifetime beyond measure": (http(200, b'{"access_token": "a", "expires_in": 1%s}' % (b"0" * 400)), PlatformError),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_no_token_is_one_clear_error_without_the_secret(name: str) -> None:
    answer, error = REFUSALS[name]
    with canned(lambda _: answer) as url, pytest.raises(error, match="Nothing was sent") as caught:
        talk(url, send)

    assert caught.value.hint
    assert CANARY not in str(caught.value)


def test_a_token_is_kept_until_shortly_before_its_end() -> None:
    tokens: list[bytes] = []
    clock = HandClock()

    def answer(request: bytes) -> bytes:
        if b"/oauth/token" in request:
            tokens.append(request)
            return http(200, TOKEN_ONCE)
        return http(200, DONE)

    async def three(platform: HttpPlatform) -> None:
        for at in (0, 3530, 3540):
            clock.moment = NOW + timedelta(seconds=at)
            await send(platform)

    with canned(answer) as url:
        talk(url, three, clock=clock)

    assert len(tokens) == 2


def test_a_token_that_is_refused_in_the_middle_is_fetched_anew_once_for_all() -> None:
    tokens: list[bytes] = []

    def answer(request: bytes) -> bytes:
        if b"/oauth/token" in request:
            tokens.append(request)
            return http(200, TOKEN_ONCE.replace(b'"token"', b'"token%d"' % len(tokens)))
        return http(200, DONE) if b"Bearer token2" in request else http(401, b'{"message": "Authentication error"}')

    async def many(platform: HttpPlatform) -> list[Answer | Fault]:
        await platform.authenticate()
        first = await asyncio.gather(*(platform.regenerate(REGENERATION) for _ in range(5)))
        return [*first, *await asyncio.gather(*(platform.regenerate(REGENERATION) for _ in range(5)))]

    with canned(answer) as url:
        answers = talk(url, many)

    assert [each.status for each in answers if isinstance(each, Answer)] == [401] * 5 + [200] * 5
    assert len(tokens) == 2


def test_a_token_that_is_not_to_be_had_is_asked_for_once_by_all_who_wait_and_again_by_who_comes_later() -> None:
    asked: list[bytes] = []

    def answer(request: bytes) -> bytes:
        asked.append(request)
        time.sleep(0.1 if len(asked) > 1 else 0)
        return http(200, TOKEN.replace(b"3599", b"1")) if len(asked) == 1 else http(503, b"down")

    async def all_at_once(platform: HttpPlatform) -> list[Answer | Fault | BaseException]:
        await platform.authenticate()
        sends = (platform.regenerate(REGENERATION) for _ in range(20))
        found = await asyncio.gather(*sends, return_exceptions=True)
        with pytest.raises(Unreachable):
            await platform.regenerate(REGENERATION)
        return found

    with canned(answer) as url:
        found = talk(url, all_at_once)

    assert {type(each) for each in found} == {Unreachable}
    assert len(asked) == 1 + 2 * ATTEMPTS


FAILED_RENEWALS = {
    "busy": http(429, b""),
    "down": http(503, b"<html>maintenance</html>"),
    "closed without an answer": None,
}


@pytest.mark.parametrize("name", FAILED_RENEWALS)
def test_a_renewal_that_fails_for_once_is_tried_again_by_one_for_all_after_a_pause(name: str) -> None:
    clock = HandClock()
    asked: list[bytes] = []

    def answer(request: bytes) -> bytes | None:
        if b"/oauth/token" not in request:
            return http(200, DONE)
        asked.append(request)
        return FAILED_RENEWALS[name] if len(asked) == 2 else http(200, TOKEN)

    async def all_at_once(platform: HttpPlatform) -> list[Answer | Fault]:
        await platform.authenticate()
        clock.advance(timedelta(hours=1))
        return await asyncio.gather(*(platform.regenerate(REGENERATION) for _ in range(20)))

    with canned(answer) as url:
        answers = talk(url, all_at_once, clock=clock)

    assert {type(know(each)) for each in answers} == {Done}
    assert (len(asked), clock.slept) == (3, [0.5])


@pytest.mark.parametrize(("asks", "slept"), [(7, [7.0]), (31, [])])
def test_a_renewal_waits_for_as_long_as_the_platform_asks_if_that_is_not_too_long(
    asks: int, slept: list[float]
) -> None:
    clock = HandClock()
    answers = iter([http(200, TOKEN), http(503, b"", f"Retry-After: {asks}"), http(200, TOKEN)])

    async def renew(platform: HttpPlatform) -> None:
        await platform.authenticate()
        clock.advance(timedelta(hours=1))
        with nullcontext() if slept else pytest.raises(Unreachable):
            await platform.authenticate()

    with canned(lambda _: next(answers)) as url:
        talk(url, renew, clock=clock)

    assert clock.slept == slept


@pytest.mark.parametrize("refusal", ["wrong secret", "a page"])
def test_a_renewal_that_is_refused_is_not_tried_again(refusal: str) -> None:
    clock = HandClock()
    answers = iter([http(200, TOKEN), REFUSALS[refusal][0]])

    async def renew(platform: HttpPlatform) -> None:
        await platform.authenticate()
        clock.advance(timedelta(hours=1))
        with pytest.raises(REFUSALS[refusal][1]):
            await platform.authenticate()

    with canned(lambda _: next(answers)) as url:
        talk(url, renew, clock=clock)

    assert clock.slept == []


def test_a_later_token_of_another_tenant_is_not_used() -> None:
    tenants = iter(["1", "2"])
    clock = HandClock()

    def answer(request: bytes) -> bytes:
        if b"/oauth/token" in request:
            return http(200, TOKEN_ONCE.replace(b"tenant.1", f"tenant.{next(tenants)}".encode()))
        return http(200, DONE)

    async def twice(platform: HttpPlatform) -> None:
        await send(platform)
        clock.advance(timedelta(hours=1))
        await platform.regenerate(REGENERATION)

    with canned(answer) as url, pytest.raises(WrongTenant):
        talk(url, twice, clock=clock)


def test_an_entity_is_named_where_the_credentials_are_good_for_several() -> None:
    seen: list[bytes] = []

    def answer(request: bytes) -> bytes:
        if b"/oauth/token" in request:
            return http(200, TOKEN_ONCE.replace(b"tenant.1", b"tenant.1 entity.a entity.b"))
        seen.append(request.lower())
        return http(200, DONE)

    async def named(platform: HttpPlatform) -> Answer | Fault:
        await platform.authenticate()
        platform.use(Tenancy(tenant="1", entity="a"))
        return await platform.regenerate(REGENERATION)

    with canned(answer) as url:
        talk(url, named)

    assert b"zuora-entity-ids: a\r\n" in seen[0]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, name: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def trust(authority: trustme.CA, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "ca.pem"))


def test_a_certificate_authority_of_ones_own_works(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trust(authority, tmp_path, monkeypatch)
    with canned(after_token(lambda _: http(200, DONE)), tls=server_context(authority, "127.0.0.1")) as url:
        answer = talk(url, send)

    assert isinstance(answer, Answer)
    assert answer.success is True


def test_a_certificate_that_nobody_vouches_for_ends_before_anything_is_sent(authority: trustme.CA) -> None:
    with (
        canned(lambda _: http(200, DONE), tls=server_context(authority, "127.0.0.1")) as url,
        pytest.raises(Unreachable, match="CERTIFICATE_VERIFY_FAILED") as caught,
    ):
        talk(url, send)

    assert "SSL_CERT_FILE" in caught.value.hint


def test_the_platform_is_reached_through_the_proxy_of_the_environment(
    authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    host = "rest.test.zuora.com"
    trust(authority, tmp_path, monkeypatch)
    with (
        canned(after_token(lambda _: http(200, DONE)), tls=server_context(authority, host)) as url,
        connect_proxy(url.removeprefix("https://"), seen) as proxy,
    ):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        answer = talk(f"https://{host}", send)

    assert isinstance(answer, Answer)
    assert answer.success is True
    assert set(seen) == {f"CONNECT {host}:443 HTTP/1.1"}


def test_loopback_never_goes_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    with canned(after_token(lambda _: http(200, DONE))) as url, connect_proxy("127.0.0.1:1", seen) as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy)
        answer = talk(url, send)

    assert isinstance(answer, Answer)
    assert seen == []


@pytest.mark.parametrize("proxy", ["http://user:pa55word@host:abc", "http://user:pa55/word@host:1", "nonsense://host"])
def test_a_proxy_variable_that_is_no_usable_url_is_named_and_not_quoted(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(PlatformError, match="Nothing was sent") as caught:
        talk("https://rest.test.zuora.com", send)

    assert "HTTPS_PROXY" in caught.value.hint
    assert "pa55" not in str(caught.value)


QUOTES: dict[str, Callable[[bytes], bytes]] = {
    "in its body": lambda text: http(400, b'{"message": "I got %s", "processId": "%s"}' % (text, text)),
    "in the header of the request id": lambda text: http(400, b"{}", f"Zuora-Request-Id: {text.decode()}"),
    "in the header of an encoding": lambda text: http(400, b"{}", f"Content-Encoding: {text.decode()}"),
    "instead of HTTP": lambda text: text + b"\r\n\r\n",
}


@pytest.mark.parametrize("secret", [CANARY, TOKEN_TEXT])
@pytest.mark.parametrize("quote", QUOTES)
def test_a_server_that_quotes_what_it_was_sent_is_not_quoted(quote: str, secret: str) -> None:
    with canned(after_token(lambda _: QUOTES[quote](secret.encode()))) as url:
        answer = talk(url, send)

    assert "***" in str(answer)
    assert secret not in str(answer)


@pytest.mark.parametrize("escape", ["\\u{:04x}", "\\u{:04X}"])
@pytest.mark.parametrize("secret", [CANARY, TOKEN_TEXT])
def test_a_server_that_quotes_with_escapes_is_not_quoted(escape: str, secret: str) -> None:
    """Some write every sign that HTML knows so, and it is the decoded text that is shown."""
    quoted = "".join(each if each.isalnum() else escape.format(ord(each)) for each in secret)
    body = f'{{"message": "I got {quoted} in \\/here"}}'.encode()
    with canned(after_token(lambda _: http(400, body))) as url:
        answer = talk(url, send)

    assert isinstance(answer, Answer)
    assert [reason.message for reason in answer.reasons] == ["I got *** in /here"]


def test_a_token_that_was_replaced_stays_hidden() -> None:
    tokens = iter(("first-token-of-two", "second-token-of-two"))

    def answer(request: bytes) -> bytes:
        if b"/oauth/token" in request:
            return http(200, TOKEN.replace(TOKEN_TEXT.encode(), next(tokens).encode()))
        return http(401, b'{"message": "not first-token-of-two"}')

    async def twice(platform: HttpPlatform) -> tuple[Answer | Fault, Answer | Fault]:
        return await send(platform), await send(platform)

    with canned(answer) as url:
        answers = talk(url, twice)

    assert "not ***" in str(answers[1])
    assert "first-token-of-two" not in str(answers)


CLIENT_ID = "canary-client-81c2"


def test_a_client_id_that_a_server_quotes_is_not_quoted() -> None:
    refusal = http(401, b'{"message": "no client %s"}' % CLIENT_ID.encode())
    with canned(lambda _: refusal) as url, pytest.raises(AuthenticationError, match=r"no client \*\*\*\.") as caught:
        talk(url, send, client_id=CLIENT_ID)
    with canned(after_token(lambda _: http(400, b'{"message": "not for %s"}' % CLIENT_ID.encode()))) as url:
        answer = talk(url, send, client_id=CLIENT_ID)

    assert CLIENT_ID not in str(caught.value)
    assert isinstance(answer, Answer)
    assert [reason.message for reason in answer.reasons] == ["not for ***"]


def test_a_token_that_begins_with_the_client_id_is_sent_whole_and_hidden_whole() -> None:
    token = f"{CLIENT_ID}:rest-of-the-token"
    asked: list[bytes] = []

    def answer(request: bytes) -> bytes:
        if b"/oauth/token" in request:
            return http(200, TOKEN.replace(TOKEN_TEXT.encode(), token.encode()))
        asked.append(request)
        return http(400, b'{"message": "not with %s"}' % token.encode())

    with canned(answer) as url:
        told = talk(url, send, client_id=CLIENT_ID)

    assert f"Authorization: Bearer {token}\r\n".encode() in asked[0]
    assert isinstance(told, Answer)
    assert [reason.message for reason in told.reasons] == ["not with ***"]


SPELT = {
    "in a URL": quote(UNUSUAL := 'canary/secret +"é'),
    "in a URL, signs too": quote(UNUSUAL, safe=""),
    "in a form": quote_plus(UNUSUAL),
    "in a form, with small digits": re.sub("%..", lambda escape: escape[0].lower(), quote_plus(UNUSUAL)),
    "in JSON": json.dumps(UNUSUAL),
}


@pytest.mark.parametrize("how", SPELT)
def test_a_secret_of_unusual_signs_is_hidden_however_a_server_spells_it(how: str) -> None:
    body = json.dumps({"message": f"I got <{SPELT[how].strip(chr(34))}>"}).encode()
    with canned(after_token(lambda _: http(400, body))) as url:
        answer = talk(url, send, secret=UNUSUAL)

    assert isinstance(answer, Answer)
    assert [reason.message for reason in answer.reasons] == ["I got <***>"]


def test_a_secret_is_not_shown_by_anything_that_shows_things() -> None:
    secret = Secret(CANARY)

    assert (
        CANARY not in f"{secret} {secret!r} {[secret]} {Endpoint(base_url='x', client_id=secret, client_secret=secret)}"
    )
