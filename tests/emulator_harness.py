"""Starts emulators for tests, in this process or behind a socket, and talks to them as any HTTP client would.

Run as a program (DATABASE LATENCY) it serves one until it is stopped or killed, and prints its URL.
"""

import asyncio
import os
import pathlib
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from reconciler.emulator.app import App, Message, Receive, Send, create_app
from reconciler.emulator.server import base_url, listen, make_server, serve

PATH = "/v1/uno-regenerate/booking-transaction"
VERSION = "2025-08-12"
DOCUMENTED_BODY: Mapping[str, object] = {
    "type": "Subscription",
    "subscriptionName": "A-S00000001",
    "subscriptionVersion": 1,
}
REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
IN_PROCESS, SOCKET = "in-process", "socket"
WAYS = (IN_PROCESS, SOCKET)


class Clock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.seconds = 1_795_000_000.0

    def __call__(self) -> float:
        return self.seconds


class Ids:
    def __init__(self) -> None:
        self._last = 0

    def __call__(self) -> str:
        self._last += 1
        return str(uuid.UUID(int=0xABCDEF << 96 | self._last))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One HTTP request; headers with the value None are not sent."""

    method: str = "POST"
    path: str = PATH
    headers: Mapping[str, str | None] = field(default_factory=dict)
    json: object = None
    content: bytes | None = None
    params: Mapping[str, str] | tuple[tuple[str, str], ...] = ()


class Emulator:
    """A running emulator and a token for it."""

    def __init__(self, url: str, app: App | None = None) -> None:
        self.url = url
        self._app = app
        self.token: str | None = None

    def together(self, calls: Sequence[Call]) -> list[httpx.Response]:
        """Send all *calls* at once and return their answers in the same order."""
        return asyncio.run(self._together(calls))

    def send(self, call: Call) -> httpx.Response:
        return self.together([call])[0]

    def get_token(self, client_id: str = "any", secret: str = "secret", **more: str) -> httpx.Response:
        form = {"client_id": client_id, "client_secret": secret, "grant_type": "client_credentials"} | more
        content = str(httpx.QueryParams(form)).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        return self.send(Call(path="/oauth/token", content=content, headers=headers))

    def log_in(self, client_id: str = "any", secret: str = "secret") -> str:
        token: str = self.get_token(client_id, secret).json()["access_token"]
        return token

    def order(self, body: Mapping[str, object] | None = None, **parts: Any) -> Call:  # noqa: ANN401  - parts of a Call
        """Return a call to the operation that is right unless *parts* say otherwise."""
        self.token = self.token or self.log_in()
        headers = {"zuora-version": VERSION, "authorization": f"Bearer {self.token}"} | parts.pop("headers", {})
        if "content" not in parts:
            parts["json"] = dict(DOCUMENTED_BODY if body is None else body)
        elif "content-type" not in headers:
            headers["content-type"] = "application/json"
        return Call(headers=headers, **parts)

    def regenerate(self, body: Mapping[str, object] | None = None, **parts: Any) -> httpx.Response:  # noqa: ANN401
        return self.send(self.order(body, **parts))

    async def _together(self, calls: Sequence[Call]) -> list[httpx.Response]:
        async with self.client() as client:
            return await asyncio.gather(*(_send(client, call) for call in calls))

    def client(self) -> httpx.AsyncClient:
        limits = httpx.Limits(max_connections=200)
        transport: httpx.AsyncBaseTransport = (
            httpx.AsyncHTTPTransport(verify=False, limits=limits)
            if self._app is None
            else httpx.ASGITransport(app=self._app, raise_app_exceptions=True)
        )
        return httpx.AsyncClient(transport=transport, base_url=self.url, timeout=30, trust_env=False)


async def _send(client: httpx.AsyncClient, call: Call) -> httpx.Response:
    headers = {name: value for name, value in call.headers.items() if value is not None}
    params = httpx.QueryParams(call.params) if call.params else None
    return await client.request(
        call.method, call.path, headers=headers, json=call.json, content=call.content, params=params
    )


@contextmanager
def in_process(app: App) -> Iterator[Emulator]:
    yield Emulator("http://emulator.test", app)
    app.close()


class SocketServer:
    """A real server in a thread, kept between tests because its end takes a while; it serves one app after another."""

    def __init__(self) -> None:
        self._app: App | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener = listen("127.0.0.1", 0)
        self._server = make_server(self._converse, seconds_left=lambda: 0.0)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})
        self._thread.start()

    @contextmanager
    def serving(self, app: App) -> Iterator[Emulator]:
        self._app = app
        yield Emulator(base_url(self._listener))
        self._app = None
        asyncio.run_coroutine_threadsafe(self._close(app), self._running()).result(timeout=30)

    async def _close(self, app: App) -> None:
        """In the thread that may still be at work for a client that has gone: SQLite survives no other."""
        app.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        for _ in range(1_000):
            if self._loop is not None:
                return self._loop
            time.sleep(0.01)
        raise TimeoutError("the server has not begun")

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()

    async def _converse(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            self._loop = asyncio.get_running_loop()
            for event in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{event}.complete"})
            return
        assert self._app is not None
        await self._app(scope, receive, send)


class SocketServers:
    """The servers of a test session: as many as ever were needed at one time."""

    def __init__(self) -> None:
        self._free: list[SocketServer] = []
        self._all: list[SocketServer] = []

    @contextmanager
    def serving(self, app: App) -> Iterator[Emulator]:
        server = self._free.pop() if self._free else self._started()
        with server.serving(app) as emulator:
            yield emulator
        self._free.append(server)

    def stop(self) -> None:
        for server in self._all:
            server.stop()

    def _started(self) -> SocketServer:
        self._all.append(SocketServer())
        return self._all[-1]


@contextmanager
def process(database: pathlib.Path, *, latency: float = 0.0) -> Iterator[tuple[subprocess.Popen[str], Emulator]]:
    """Serve *database* from a process of its own, which is killed at the end unless it has ended before."""
    command = [sys.executable, __file__, str(database), str(latency)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as started:
        try:
            assert started.stdout is not None
            yield started, Emulator(started.stdout.readline().strip())
        finally:
            started.kill()


def main() -> None:
    database, latency = sys.argv[1:]
    app = create_app(database=database, now=time.time, new_id=lambda: str(uuid.uuid4()), latency=float(latency))
    serve(app, host="127.0.0.1", port=0, ready=lambda url: print(url, flush=True))  # noqa: T201  - its only output


if __name__ == "__main__":
    main()
