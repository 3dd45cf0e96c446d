"""The emulator on a socket."""

import asyncio
import math
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from reconciler.emulator.app import CONNECTION_EXTENSION, App, Application, Message, Receive, Send

GRACE_SECONDS = 10
KEEP_ALIVE_SECONDS = 75
_BACKLOG = 2_048


def serve(app: App, *, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Serve *app* until SIGINT or SIGTERM, answer what it has accepted, and return.

    *ready* gets the base URL as soon as a client can connect. Port 0 takes any free port. Raise
    OSError if the address cannot be had.
    """
    listener = listen(host, port)
    server = make_server(app, seconds_left=app.seconds_left)
    with listener, _signals_to(server):
        ready(base_url(listener))
        server.run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket. It names its protocol: asyncio switches Nagle's algorithm off only where it sees that
    a socket is TCP, and with it on, an answer written in two pieces waits 40 ms for the client's delayed ACK.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


def base_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Turn:
    """Tells when the present turn of the loop has begun to read: what is read in one turn has arrived together."""

    def __init__(self) -> None:
        self._began: float | None = None

    def began(self) -> float:
        if self._began is None:
            loop = asyncio.get_running_loop()
            self._began = loop.time()
            loop.call_soon(self._end)
        return self._began

    def _end(self) -> None:
        self._began = None


_turn = _Turn()


class _Protocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # one of two classes, by what is installed
    """HTTP that tells the app when a request arrived, and lets it close the connection instead of answering."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._arrived = 0.0
        app = self.app

        async def converse(scope: Message, receive: Receive, send: Send) -> None:
            extension = {"close": transport.close, "arrived": self._arrived}
            try:
                await app({**scope, "extensions": {CONNECTION_EXTENSION: extension}}, receive, send)
            except asyncio.CancelledError:  # the grace is over, and the request is not even read to its end
                transport.close()
                while (await receive())["type"] != "http.disconnect":
                    pass

        self.app: Any = converse

    def data_received(self, data: bytes) -> None:
        self._arrived = _turn.began()
        super().data_received(data)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, *, seconds_left: Callable[[], float]) -> None:
        super().__init__(config)
        self._seconds_left = seconds_left

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self.config.timeout_graceful_shutdown = GRACE_SECONDS + math.ceil(self._seconds_left())
        await super().shutdown(sockets)


def make_server(app: Application, *, seconds_left: Callable[[], float]) -> uvicorn.Server:
    """Return a server of *app*. At its end it waits for as long as *seconds_left* says that answers take, and a
    grace.
    """
    config = uvicorn.Config(
        app,
        access_log=False,
        date_header=False,
        http=_Protocol,
        interface="asgi3",
        lifespan="on",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        ws="none",
    )
    return _Server(config, seconds_left=seconds_left)


@contextmanager
def _signals_to(server: uvicorn.Server) -> Iterator[None]:
    """Turn both signals into an orderly end. uvicorn raises them again afterwards: then they say nothing new."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: object) -> None:
        server.should_exit = True

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, stop) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
