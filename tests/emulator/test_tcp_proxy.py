"""The TCP proxy before a real emulator: what a client sees, and what has happened all the same."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from types import MappingProxyType
from typing import Any, TypeAlias

import httpx
import pytest
from emulator_harness import PATH, Clock, Emulator, Ids, SocketServers

from reconciler.emulator.app import create_app
from reconciler.emulator.ledger import read_ledger
from reconciler.emulator.proxy_rules import KINDS, read_proxy_rules
from reconciler.emulator.tcp_proxy import TcpProxy, proxy_in_thread, tcp_proxy

TRIED: Mapping[str, dict[str, Any]] = {
    "refuse": {"seconds": 0.05},
    "reset": {},
    "truncate": {},
    "drip": {"bytes": 50, "seconds": 0.01},
    "garbage": {},
    "corrupt_gzip": {},
    "delay": {"seconds": 0.05},
    "half_close": {},
    "twice": {},
    "hold": {"seconds": 0.05},
}
KEY = {"idempotency-key": "k-1"}


@pytest.fixture
def served(database: str, clock: Clock, servers: SocketServers) -> Iterator[Emulator]:
    with servers.serving(create_app(database=database, now=clock, new_id=Ids())) as emulator:
        emulator.token = emulator.log_in()
        yield emulator


class Behind:
    """An emulator, seen through a proxy."""

    def __init__(self, emulator: Emulator, proxy: TcpProxy) -> None:
        self.proxy = proxy
        self._seen = Emulator(proxy.url)
        self._seen.token = emulator.token

    def send(self, headers: Mapping[str, str] = MappingProxyType({})) -> httpx.Response:
        return self._seen.regenerate(headers=dict(headers))

    def regenerate(self, body: Mapping[str, object]) -> httpx.Response:
        return self._seen.regenerate(body)

    def is_left_alone(self) -> bool:
        """Send one request and say that it got no answer."""
        try:
            self.send(KEY)
        except httpx.TransportError:
            return True
        return False


Through: TypeAlias = Callable[[dict[str, Any]], Behind]


def rule(kind: str, fault: dict[str, Any] | None = None, **parts: object) -> dict[str, Any]:
    return {"version": 1, "rules": [{"name": "r", "times": 1, **parts, "fault": {"kind": kind, **(fault or {})}}]}


@pytest.fixture
def behind(served: Emulator) -> Iterator[Through]:
    with ExitStack() as stack:

        def start_one(document: dict[str, Any]) -> Behind:
            proxy = stack.enter_context(proxy_in_thread(served.url, read_proxy_rules(document)))
            return Behind(served, proxy)

        yield start_one


def test_without_a_rule_everything_passes(behind: Through, database: str) -> None:
    through = behind({"version": 1, "rules": []})

    assert [through.send().status_code for _ in range(3)] == [200] * 3
    assert len(read_ledger(database)) == 3
    assert (through.proxy.connections, through.proxy.requests, through.proxy.fired) == (3, 3, {})


@pytest.mark.parametrize(
    ("kind", "fault", "effects"),
    [
        ("reset", {"of": "connection"}, 0),
        ("reset", {"of": "request", "after_bytes": 0}, 0),
        ("reset", {"of": "request", "after_bytes": 60}, 0),
        ("reset", {"of": "request", "after_bytes": None}, 1),
        ("reset", {"of": "answer", "after_bytes": 0}, 1),
        ("reset", {"of": "answer", "after_bytes": 30}, 1),
        ("truncate", {"after_bytes": 0}, 1),
        ("truncate", {"after_bytes": 430}, 1),
        ("garbage", {"reaches": True}, 1),
        ("garbage", {"reaches": False}, 0),
        ("half_close", {"after_bytes": 40}, 1),
        ("hold", {"seconds": 0.1, "reaches": True}, 1),
        ("hold", {"seconds": 0.1, "reaches": False}, 0),
        ("refuse", {"seconds": 0.2}, 0),
    ],
    ids=str,
)
def test_no_answer_comes_and_the_effect_is_what_the_fault_says(
    behind: Through, database: str, kind: str, fault: dict[str, Any], effects: int
) -> None:
    through = behind(rule(kind, fault))

    assert through.is_left_alone()
    assert len(read_ledger(database)) == effects
    assert through.proxy.fired == {"r": 1}


@pytest.mark.parametrize("kind", TRIED)
def test_the_next_connection_works_and_the_key_has_one_effect(behind: Through, database: str, kind: str) -> None:
    through = behind(rule(kind, TRIED[kind]))
    with suppress(httpx.HTTPError):
        through.send(KEY)
    time.sleep(0.3)

    assert through.send(KEY).status_code == 200
    assert len(read_ledger(database)) == 1


def test_refused_is_refused_until_the_time_is_over(behind: Through) -> None:
    through = behind(rule("refuse", {"seconds": 0.5}))
    through.is_left_alone()
    address = ("127.0.0.1", int(through.proxy.url.rsplit(":", 1)[1]))

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(address)
    time.sleep(0.7)
    assert through.send().status_code == 200


def test_corrupt_gzip_is_announced_as_gzip_and_cannot_be_read(behind: Through, database: str) -> None:
    through = behind(rule("corrupt_gzip"))

    with pytest.raises(httpx.DecodingError):
        through.send()
    assert len(read_ledger(database)) == 1


def test_a_drip_is_right_and_slow(behind: Through) -> None:
    through = behind(rule("drip", {"bytes": 100, "seconds": 0.05}))
    begun = time.monotonic()

    assert through.send().json()["success"] is True
    assert time.monotonic() - begun > 0.2


@pytest.mark.parametrize("of", ["request", "answer"])
def test_a_delay_is_right_and_late(behind: Through, of: str) -> None:
    through = behind(rule("delay", {"of": of, "seconds": 0.3}))
    begun = time.monotonic()

    assert through.send().status_code == 200
    assert time.monotonic() - begun >= 0.3


@pytest.mark.parametrize("seconds", [None, 0, 0.1])
def test_a_request_that_comes_twice_has_two_effects_without_a_key(
    behind: Through, database: str, seconds: float | None
) -> None:
    through = behind(rule("twice", {"seconds": seconds}))

    assert through.send().status_code == 200
    time.sleep(0.4)
    assert len(read_ledger(database)) == 2


def test_rules_name_connection_request_and_path(served: Emulator) -> None:
    document = {
        "version": 1,
        "rules": [{"name": "r", "connection": 1, "request": 2, "path": PATH, "fault": {"kind": "truncate"}}],
    }

    async def talk() -> list[int | None]:
        statuses: list[int | None] = []
        async with tcp_proxy(served.url, read_proxy_rules(document)) as proxy:
            call = served.order()
            headers = {name: str(value) for name, value in call.headers.items()}
            async with httpx.AsyncClient(base_url=proxy.url, trust_env=False) as client:
                for _ in range(4):
                    try:
                        statuses.append((await client.post(PATH, headers=headers, json=call.json)).status_code)
                    except httpx.TransportError:
                        statuses.append(None)
        return statuses

    assert asyncio.run(talk()) == [200, None, 200, 200]


def test_the_same_seed_harms_the_same_requests(behind: Through) -> None:
    document = {
        "version": 1,
        "rules": [{"name": "r", "probability": 0.5, "seed": 3, "fault": {"kind": "truncate"}}],
    }

    runs = [[through.is_left_alone() for _ in range(12)] for through in (behind(document), behind(document))]

    assert runs[0] == runs[1]
    assert {*runs[0]} == {True, False}


def test_long_and_chunked_answers_pass_whole(behind: Through) -> None:
    through = behind({"version": 1, "rules": []})
    body = {"type": "Subscription", "subscriptionName": "A-S-FIFTY-SEGMENTS", "subscriptionVersion": 1}

    assert len(through.regenerate(body).json()["idList"]) == 50


def test_a_chunked_answer_is_cut_where_it_ends() -> None:
    whole = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(whole)
        await writer.drain()
        writer.close()

    async def talk() -> list[str]:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server, tcp_proxy(url) as proxy, httpx.AsyncClient(base_url=proxy.url, trust_env=False) as client:
            return [(await client.get("/")).text for _ in range(2)]

    assert asyncio.run(talk()) == ["abc", "abc"]


def test_every_kind_of_network_fault_is_tried_here() -> None:
    assert {*TRIED} == {*KINDS}


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({"fault": {"kind": "rset"}}, f"rules[0].fault must be an object whose kind is one of {', '.join(KINDS)}."),
        ({"connection": 0}, "rules[0].connection must be an integer from 1 to 1000000000."),
        ({"fault": {"kind": "drip", "bytes": 0}}, "rules[0].fault.bytes must be an integer from 1 to 2147483648."),
        ({"fault": {"kind": "hold", "second": 1}}, "rules[0].fault.second is not known; is seconds meant?"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_proxy_rule_is_told_what_is_wrong_with_it(part: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as told:  # noqa: PT011  - the sentence is compared
        read_proxy_rules({"version": 1, "rules": [{"name": "r", "fault": {"kind": "hold"}, **part}]})

    assert str(told.value).splitlines() == [sentence]
