"""HTTP/1.1 over asyncio streams and h11, behind httpx's transport interface.

Why not httpx's own: its pool's cost grows with the square of the connections. At 40 connections and answers after
50 ms (800/s is the most there can be) it reached 183 requests/s on two cores, this one 749; `tests/bench/transport.py`
measures both. Only what one client of one host needs is here: keep-alive, TLS under one context, time-outs; no proxies.

What is raised is httpx's, and says what is known: `ConnectError` and `ConnectTimeout` mean that nothing was sent.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import h11
import httpx

_CHUNK = 65_536


class StreamTransport(httpx.AsyncBaseTransport):
    """Keeps every connection that ended an exchange in order, and uses the one that rested shortest.

    *make_context* is called once, for the first https connection.
    """

    def __init__(self, make_context: Callable[[], ssl.SSLContext]) -> None:
        self._make_context = make_context
        self._context: ssl.SSLContext | None = None
        self._resting: dict[tuple[str, str, int | None], list[_Connection]] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        body = await request.aread()
        times = request.extensions.get("timeout", {})
        origin = (request.url.scheme, request.url.host, request.url.port)
        connection = self._rested(origin) or await self._connect(request.url, times.get("connect"))
        try:
            head = await connection.exchange(request, body, times.get("read"))
        except BaseException:
            connection.close()
            raise
        stream = _Body(connection, times.get("read"), self._resting.setdefault(origin, []))
        return httpx.Response(head.status_code, headers=list(head.headers.raw_items()), stream=stream)

    async def aclose(self) -> None:
        for connections in self._resting.values():
            for connection in connections:
                connection.close()
        self._resting.clear()

    def _rested(self, origin: tuple[str, str, int | None]) -> "_Connection | None":
        connections = self._resting.get(origin, [])
        while connections:
            connection = connections.pop()
            if connection.is_open:
                return connection
            connection.close()
        return None

    async def _connect(self, origin: httpx.URL, seconds: float | None) -> "_Connection":
        is_https = origin.scheme == "https"
        port = origin.port or (443 if is_https else 80)
        try:
            async with asyncio.timeout(seconds):
                reader, writer = await asyncio.open_connection(
                    origin.host, port, ssl=self._tls() if is_https else None, limit=_CHUNK
                )
        except TimeoutError as error:
            raise httpx.ConnectTimeout(f"no connection to {origin.host}:{port} within {seconds} s") from error
        except (OSError, ssl.SSLError) as error:
            raise httpx.ConnectError(str(error)) from error
        return _Connection(reader, writer)

    def _tls(self) -> ssl.SSLContext:
        self._context = self._context or self._make_context()
        return self._context


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._protocol = h11.Connection(h11.CLIENT)

    @property
    def is_open(self) -> bool:
        """Whether a request may be sent over it: neither side has left, and the other has said nothing unasked."""
        return not self._reader.at_eof() and not self._writer.is_closing() and not self._has_more

    @property
    def can_rest(self) -> bool:
        """The exchange is over on both sides, neither wants to leave, and nothing came behind the answer."""
        is_over = (self._protocol.our_state, self._protocol.their_state) == (h11.DONE, h11.DONE)
        return is_over and not self._has_more

    @property
    def _has_more(self) -> bool:
        """Whether something came that answers no request: it would be taken for the answer to the next one."""
        unread = self._reader._buffer  # type: ignore[attr-defined]  # noqa: SLF001  (a stream has no public look ahead)
        return bool(unread or self._protocol.trailing_data[0])

    async def exchange(self, request: httpx.Request, body: bytes, seconds: float | None) -> h11.Response:
        """Send a whole request and return the head of the answer."""
        try:
            self._writer.write(self._encoded(request, body))
            await self._writer.drain()
        except h11.LocalProtocolError as error:
            raise httpx.LocalProtocolError(str(error)) from error
        except OSError as error:
            raise httpx.WriteError(str(error)) from error
        while True:
            event = await self.next_event(seconds)
            if isinstance(event, h11.Response):
                return event

    async def next_event(self, seconds: float | None) -> Any:  # noqa: ANN401  (h11's own union)
        """Return h11's next event other than NEED_DATA. Raise httpx's errors where the answer breaks off."""
        while True:
            try:
                event = self._protocol.next_event()
                if event is not h11.NEED_DATA:
                    return event
                async with asyncio.timeout(seconds):
                    received = await self._reader.read(_CHUNK)
                if not received and self._protocol.their_state is h11.SEND_RESPONSE:
                    raise httpx.RemoteProtocolError("the server closed the connection without an answer")
                self._protocol.receive_data(received)
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error)) from error
            except TimeoutError as error:
                raise httpx.ReadTimeout(f"nothing was received for {seconds} s") from error
            except OSError as error:
                raise httpx.ReadError(str(error)) from error

    def rest(self) -> None:
        self._protocol.start_next_cycle()

    def close(self) -> None:
        """Let go at once: whatever was not read by now is of no interest."""
        self._writer.transport.abort()

    def _encoded(self, request: httpx.Request, body: bytes) -> bytes:
        head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
        events = (head, h11.Data(data=body), h11.EndOfMessage())
        return b"".join(self._protocol.send(event) or b"" for event in events)


class _Body(httpx.AsyncByteStream):
    """The rest of an answer; the connection goes to *resting* if it was read to its end, else it is closed."""

    def __init__(self, connection: _Connection, seconds: float | None, resting: list[_Connection]) -> None:
        self._connection = connection
        self._seconds = seconds
        self._resting = resting

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._connection.next_event(self._seconds), h11.Data):
            yield bytes(event.data)

    async def aclose(self) -> None:
        if self._connection.can_rest:
            self._connection.rest()
            self._resting.append(self._connection)
        else:
            self._connection.close()
