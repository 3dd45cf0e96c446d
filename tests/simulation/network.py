"""The way from a process to the platform: requests and answers take their time, and outlive who has sent them.

Stands in the place of httpx's transport. What has left may arrive though its sender is dead, or get lost with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from random import Random
from typing import Any, Protocol, TypeAlias

import httpx
from simulation.disk import Process

from reconciler.emulator.app import App

_SLOWEST = 0.08
_LOST_WITH_SENDER = 0.5


_Answer: TypeAlias = tuple[int, list[tuple[bytes, bytes]], bytes]


class Tap(Protocol):
    """Whoever reads along. *status* and *body* are an answer that has reached a living process; None: there is none."""

    def leaves(self, process: Process, request: httpx.Request) -> object: ...

    def returns(self, process: Process, sent: object, status: int | None, body: bytes) -> None: ...


@dataclass
class Wire(httpx.AsyncBaseTransport):
    """What one process sends through to *app*."""

    process: Process
    app: App
    tap: Tap
    chance: Random
    exchanges: set[asyncio.Task[None]] = field(default_factory=set)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.process.point()
        sent = self.tap.leaves(self.process, request)
        answer: asyncio.Future[_Answer] = asyncio.get_running_loop().create_future()
        self.exchanges.add(exchange := asyncio.create_task(self._exchange(request, answer)))
        exchange.add_done_callback(self.exchanges.discard)
        try:
            status, headers, body = await answer
        except BaseException as error:
            self.tap.returns(self.process, sent, 0 if isinstance(error, ConnectionRefusedError) else None, b"")
            raise
        self.process.point()
        self.tap.returns(self.process, sent, status, body)
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    async def _exchange(self, request: httpx.Request, answer: asyncio.Future[_Answer]) -> None:
        await asyncio.sleep(self.chance.uniform(0.001, _SLOWEST))
        if not self.process.alive and self.chance.random() < _LOST_WITH_SENDER:
            return
        try:
            told = await _ask(self.app, request)
            await asyncio.sleep(self.chance.uniform(0.001, _SLOWEST))
        except ConnectionError as error:
            if not answer.done():
                answer.set_exception(error)
        else:
            if not answer.done():
                answer.set_result(told)


async def _ask(app: Callable[..., Awaitable[None]], request: httpx.Request) -> _Answer:
    """Put *request* to an ASGI application and return what it answers. Raise what it raises."""
    scope: MutableMapping[str, Any] = {
        "type": "http",
        "method": request.method,
        "path": request.url.path,
        "query_string": request.url.query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
    }
    told: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": request.content, "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        told.append(message)

    await app(scope, receive, send)
    start, body = told
    return start["status"], start["headers"], body["body"]
