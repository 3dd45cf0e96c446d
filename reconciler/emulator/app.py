"""The emulator as an ASGI 3 application, for a socket and for in-process clients alike.

Rule: this file reads, waits and writes; everything an answer says is decided by the service. What has been accepted
is finished even when the client is gone, as on the platform.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, TypeAlias

from reconciler.emulator.client import Client, check_clients
from reconciler.emulator.database import open_database
from reconciler.emulator.messages import Request, Response
from reconciler.emulator.service import Accepted, Service
from reconciler.emulator.transfer import MAX_BODY, encoded_response

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_logger = logging.getLogger(__name__)


def create_app(
    *,
    database: str,
    now: Callable[[], float],
    new_id: Callable[[], str],
    clients: Sequence[Client] = (),
    latency: float = 0.0,
) -> "App":
    """Open *database* (a path or ":memory:") and return the app over it. Raise ValueError or OSError if it cannot be.

    *now* gives Unix seconds, *new_id* a UUID of 36 characters; *latency* lies between an accepted request and its
    effect.
    """
    check_clients(clients)
    service = Service(open_database(database), now=now, new_id=new_id, clients=clients)
    return App(service, latency=latency)


class App:
    def __init__(self, service: Service, *, latency: float) -> None:
        self._service = service
        self._latency = latency
        self._unfinished: set[asyncio.Task[Response]] = set()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._converse(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case other:
                raise NotImplementedError(f"the emulator speaks HTTP, not {other}")

    def close(self) -> None:
        """Close the database. A server does this by itself at its end."""
        self._service.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                await asyncio.gather(*self._unfinished, return_exceptions=True)
                self.close()
                return

    async def _converse(self, scope: Message, receive: Receive, send: Send) -> None:
        body = await _read_body(receive)
        if body is None:
            return
        request = _request(scope, body)
        try:
            response = await self._answer(request)
        except Exception:  # the documented answer to a defect, and the defect itself where its owner sees it
            _logger.exception("%s %s has broken the emulator", request.method, request.path)
            response = self._service.system_error(request)
        await _write(encoded_response(request, response), send)

    async def _answer(self, request: Request) -> Response:
        begun = self._service.begin(request)
        if isinstance(begun, Response):
            return begun
        task = asyncio.create_task(self._finish(begun))
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return await asyncio.shield(task)

    async def _finish(self, accepted: Accepted) -> Response:
        try:
            if self._latency:
                await asyncio.sleep(self._latency)
            return self._service.finish(accepted)
        finally:
            self._service.release(accepted)


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body, cut just above the longest one allowed; None if the client has gone."""
    body = b""
    while len(body) <= MAX_BODY:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    return body[: MAX_BODY + 1]


def _request(scope: Message, body: bytes) -> Request:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return Request(
        method=scope["method"],
        path=scope["path"],
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=headers,
        body=body,
    )


async def _write(response: Response, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    with contextlib.suppress(OSError):  # the client has gone
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
