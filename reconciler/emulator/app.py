"""The emulator as an ASGI 3 application, for a socket and for in-process clients alike.

Rule: this file reads, waits and writes; everything an answer says is decided by the service. What has been accepted
is finished even when the client is gone, as on the platform. Requests that are ready in the same turn of the loop
are finished together, with one commit; no answer leaves before it.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from typing import Any, TypeAlias

from reconciler.emulator.admission import Accepted
from reconciler.emulator.client import Client, check_clients
from reconciler.emulator.database import open_database
from reconciler.emulator.limits import PRODUCTION_WINDOWS, Window
from reconciler.emulator.messages import NoAnswer, Reply, Request, Response
from reconciler.emulator.service import Service
from reconciler.emulator.transfer import MAX_BODY, encoded_response

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Application: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

_logger = logging.getLogger(__name__)


CONNECTION_EXTENSION = "reconciler.connection"
"""The ASGI extension of the emulator's own server: "close" closes the connection at once, "arrived" is the loop's time
at which the request was read, before others that came with it were understood."""

_SOONEST = 0.01


class ConnectionLost(ConnectionResetError):
    """The connection was closed without an answer. Whether there was an effect, the rule knows, not the client."""


class NoConnection(ConnectionRefusedError):
    """No connection could be made: nothing was sent."""


def create_app(
    *,
    database: str,
    now: Callable[[], float],
    new_id: Callable[[], str],
    clients: Sequence[Client] = (),
    latency: float = 0.0,
    faults: object = None,
    windows: Sequence[Window] = PRODUCTION_WINDOWS,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> "App":
    """Open *database* (a path or ":memory:") and return the app over it. Raise ValueError or OSError if it cannot be.

    *now* gives Unix seconds, *new_id* a UUID of 36 characters; *latency* lies between an accepted request and its
    effect. *faults* is a document of rules that takes the place of those in the database; None leaves them alone.
    *windows* are the rate limits. *sleep* waits: in real time, unless it is another.
    """
    check_clients(clients)
    service = Service(open_database(database), now=now, new_id=new_id, clients=clients, windows=windows)
    if faults is not None:
        try:
            service.load_faults(faults)
        except ValueError:
            service.close()
            raise
    return App(service, latency=latency, sleep=sleep)


class App:
    def __init__(
        self, service: Service, *, latency: float, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._service = service
        self._latency = latency
        self._sleep = sleep
        self._unfinished: set[asyncio.Task[Reply]] = set()
        self._busy_until = -math.inf
        self._commit = _Commit(service)
        self._alarm: asyncio.TimerHandle | None = None

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._converse(scope, receive, send)
            case "lifespan":
                await self._live(receive, send)
            case other:
                raise NotImplementedError(f"the emulator speaks HTTP, not {other}")

    def seconds_left(self) -> float:
        """Return how long the answers to what has begun may take; asked within the loop that serves them."""
        return max(0.0, self._busy_until - asyncio.get_running_loop().time())

    def close(self) -> None:
        """Close the database. A server does this by itself at its end."""
        if self._alarm is not None:
            self._alarm.cancel()
        self._service.close()

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            self._set_alarm()
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
            reply = await self._reply(request, arrived=_arrival(scope))
        except Exception:  # the documented answer to a defect, and the defect itself where its owner sees it
            _logger.exception("%s %s has broken the emulator", request.method, request.path)
            reply = Reply(answer=self._service.system_error(request))
        if isinstance(reply.answer, NoAnswer):
            await _drop(scope, receive, reply.answer)
        else:
            await _write(encoded_response(request, reply.answer), send)

    async def _reply(self, request: Request, *, arrived: float | None) -> Reply:
        begun = self._service.begin(request)
        self._set_alarm()
        wait = begun.wait if isinstance(begun, Reply) else self._latency + begun.longest_wait
        self._busy_until = max(self._busy_until, asyncio.get_running_loop().time() + wait)
        if isinstance(begun, Reply):
            await self._wait(begun.wait)
            return begun
        task = asyncio.create_task(self._finish(begun, arrived=arrived))
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return await asyncio.shield(task)

    async def _finish(self, accepted: Accepted, *, arrived: float | None) -> Reply:
        try:
            passed = 0.0 if arrived is None else asyncio.get_running_loop().time() - arrived
            await self._wait(self._latency + accepted.wait - passed)
            reply = await self._commit.finish(accepted)
            self._set_alarm()
            await self._wait(reply.wait)
            return reply
        finally:
            self._service.release(accepted)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            await self._sleep(seconds)

    def _set_alarm(self) -> None:
        """See that what lands later does so though no request comes."""
        due = self._service.next_landing
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None
        if due is not None:
            delay = max(_SOONEST, due - self._service.now())
            self._alarm = asyncio.get_running_loop().call_later(delay, self._land)

    def _land(self) -> None:
        self._service.land_due()
        self._set_alarm()


class _Commit:
    """Finishes together what is ready in one turn of the loop."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._ready: list[tuple[Accepted, asyncio.Future[Reply]]] = []

    async def finish(self, accepted: Accepted) -> Reply:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Reply] = loop.create_future()
        if not self._ready:
            loop.call_soon(self._finish_ready)
        self._ready.append((accepted, future))
        return await future

    def _finish_ready(self) -> None:
        ready, self._ready = self._ready, []
        try:
            replies = self._service.finish_all([accepted for accepted, _ in ready])
        except Exception as error:  # noqa: BLE001  - a failed commit is the failure of each of them
            replies = [error] * len(ready)
        for (_, future), reply in zip(ready, replies, strict=True):
            if future.done():
                continue
            if isinstance(reply, Exception):
                future.set_exception(reply)
            else:
                future.set_result(reply)


def _connection(scope: Message) -> Mapping[str, Any] | None:
    return (scope.get("extensions") or {}).get(CONNECTION_EXTENSION)


def _arrival(scope: Message) -> float | None:
    connection = _connection(scope)
    return None if connection is None else connection["arrived"]


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


async def _drop(scope: Message, receive: Receive, answer: NoAnswer) -> None:
    """Close the connection where there is one; in the same process, raise what stands for that."""
    extension = _connection(scope)
    if extension is None:
        raise (NoConnection if answer is NoAnswer.REFUSED else ConnectionLost)(answer.value)
    extension["close"]()
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(response: Response, send: Send) -> None:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    with contextlib.suppress(OSError):  # the client has gone
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        await send({"type": "http.response.body", "body": response.body})
