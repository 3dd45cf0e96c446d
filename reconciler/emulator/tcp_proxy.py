"""A TCP proxy on loopback that misbehaves by rules, for what no HTTP server can do to its clients.

It stands before any HTTP/1.1 server, takes one request at a time from each connection, and passes whole messages on
unless a rule fires. A connection to the server is made for every request that reaches it, so what is done to one
never touches another. TLS it does not understand.
"""

import asyncio
import contextlib
import gzip
import socket
import struct
import threading
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from reconciler.emulator.faults import dice
from reconciler.emulator.http_frames import LONGEST_HEAD, Frame, plain_body, read_answer, read_request, with_body
from reconciler.emulator.proxy_rules import (
    CorruptGzip,
    Delay,
    Drip,
    Garbage,
    HalfClose,
    Hold,
    NetworkFault,
    ProxyRule,
    Refuse,
    Reset,
    Truncate,
    Twice,
    fires,
    matches,
    meets_connection,
)

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class _Client:
    """One connection to the proxy."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    requests: int = 0


class TcpProxy:
    """*fired* counts by rule name, *connections* and *requests* what has come. Of one event loop."""

    def __init__(self, upstream: str, rules: Sequence[ProxyRule] = ()) -> None:
        """*upstream* is the base URL of the server."""
        parts = urlsplit(upstream)
        self._upstream = (parts.hostname or "127.0.0.1", parts.port or 80)
        self.rules = tuple(rules)
        self.connections = 0
        self.requests = 0
        self.fired: Counter[str] = Counter()
        self._matched: Counter[str] = Counter()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._address = ("127.0.0.1", 0)

    @property
    def url(self) -> str:
        return f"http://{self._address[0]}:{self._address[1]}"

    async def start(self, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._address = (host, port)
        await self._listen()

    async def close(self) -> None:
        await self._deafen()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in tuple(self._writers):  # of tasks that were cancelled before they began, too
            writer.transport.abort()
            await _close(writer)

    async def refuse(self, *, seconds: float) -> None:
        """Listen to nobody for *seconds*: who connects is refused."""
        await self._deafen()
        self._spawn(self._listen_after(seconds))

    async def _listen(self) -> None:
        listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(self._address)
        self._address = listener.getsockname()
        self._server = await asyncio.start_server(self._accept, sock=listener, limit=LONGEST_HEAD)

    async def _listen_after(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._listen()

    async def _deafen(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        self._spawn(self._converse(_Client(number=self.connections, reader=reader, writer=writer)))

    async def _converse(self, client: _Client) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                if await self._greet(client):
                    while await self._serve_one(client):
                        pass
        finally:
            await _close(client.writer)
            self._writers.discard(client.writer)

    async def _greet(self, client: _Client) -> bool:
        """Act on a rule that meets the connection before it has said anything; say whether it goes on."""
        fault = self._meet(client, path="", before_requests=True)
        if fault is None:
            return True
        _reset(client.writer)
        if isinstance(fault, Refuse):
            await self.refuse(seconds=fault.seconds)
        return False

    def _meet(self, client: _Client, *, path: str, before_requests: bool = False) -> NetworkFault | None:
        for rule in self.rules:
            if meets_connection(rule.fault) is not before_requests:
                continue
            if not matches(rule, connection=client.number, request=max(1, client.requests), path=path):
                continue
            self._matched[rule.name] += 1
            if fires(rule, matched=self._matched[rule.name], fired=self.fired[rule.name]):
                self.fired[rule.name] += 1
                return rule.fault
        return None

    async def _serve_one(self, client: _Client) -> bool:
        """Pass one request on and its answer back; say whether the connection goes on."""
        request = await read_request(client.reader)
        if request is None:
            return False
        self.requests += 1
        client.requests += 1
        return await self._act(self._meet(client, path=request.path), request, client)

    async def _act(self, fault: NetworkFault | None, request: Frame, client: _Client) -> bool:
        if isinstance(fault, Reset) and fault.of == "request":
            return await self._reset_request(fault, request, client)
        if isinstance(fault, Garbage | Hold) and not fault.reaches:
            return await self._spoil(fault, Frame(head=b"", body=b""), client)
        if isinstance(fault, Delay) and fault.of == "request":
            await asyncio.sleep(fault.seconds)
        if isinstance(fault, Twice) and fault.seconds is None:
            self._spawn(self._once_more(request, seconds=0.0))
        answer = await self._exchange(request)
        if isinstance(fault, Twice) and fault.seconds is not None:
            self._spawn(self._once_more(request, seconds=fault.seconds))
        return answer is not None and await self._spoil(fault, answer, client)

    async def _spoil(self, fault: NetworkFault | None, answer: Frame, client: _Client) -> bool:
        """Send to the client what *fault* leaves of *answer*; say whether the connection goes on."""
        match fault:
            case Reset():
                await _send(client, answer.raw[: fault.after_bytes])
                _reset(client.writer)
            case Truncate():
                await _send(client, answer.raw[: fault.after_bytes])
            case Garbage():
                await _send(client, _noise(fault.length))
            case Hold():
                await asyncio.sleep(fault.seconds)
            case HalfClose():
                await _send(client, answer.raw[: fault.after_bytes])
                client.writer.write_eof()
                await client.reader.read()
            case _:
                return await _send_whole(fault, answer, client)
        return False

    async def _reset_request(self, fault: Reset, request: Frame, client: _Client) -> bool:
        """Let the server have the beginning of the request; if that is all of it, let it answer to nobody."""
        part = request.raw[: fault.after_bytes]
        if part == request.raw:
            await self._exchange(request)
        elif part:
            _, writer = await asyncio.open_connection(*self._upstream)
            writer.write(part)
            await writer.drain()
            _reset(writer)
            await _close(writer)
        _reset(client.writer)
        return False

    async def _once_more(self, request: Frame, *, seconds: float) -> None:
        await asyncio.sleep(seconds)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._exchange(request)

    async def _exchange(self, request: Frame) -> Frame | None:
        reader, writer = await asyncio.open_connection(*self._upstream, limit=LONGEST_HEAD)
        try:
            writer.write(request.raw)
            await writer.drain()
            return await read_answer(reader)
        finally:
            await _close(writer)


async def _send_whole(fault: NetworkFault | None, answer: Frame, client: _Client) -> bool:
    match fault:
        case CorruptGzip():
            await _send(client, _corrupt(answer).raw)
        case Drip():
            for start in range(0, len(answer.raw), fault.bytes):
                await _send(client, answer.raw[start : start + fault.bytes])
                await asyncio.sleep(fault.seconds)
        case _:
            if isinstance(fault, Delay) and fault.of == "answer":
                await asyncio.sleep(fault.seconds)
            await _send(client, answer.raw)
    return not answer.is_last


async def _send(client: _Client, data: bytes) -> None:
    client.writer.write(data)
    await client.writer.drain()


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await asyncio.shield(writer.wait_closed())  # whoever is cancelled here takes no other along


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN; what was written before still goes out if the kernel has it."""
    sock = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    writer.transport.abort()


def _noise(length: int) -> bytes:
    """Return bytes that look like nothing, the same ones each time."""
    return bytes(0x80 | int(dice(length, position) * 128) for position in range(length))


def _corrupt(answer: Frame) -> Frame:
    body = plain_body(answer)
    packed = body if body[:2] == b"\x1f\x8b" else gzip.compress(body, mtime=0)
    middle = len(packed) // 2
    broken = packed[:middle] + bytes(byte ^ 0xFF for byte in packed[middle : middle + 8]) + packed[middle + 8 :]
    return with_body(answer, broken, gzip=True)


@asynccontextmanager
async def tcp_proxy(upstream: str, rules: Sequence[ProxyRule] = ()) -> AsyncIterator[TcpProxy]:
    """Run a proxy before the server at the base URL *upstream*, on a free port of loopback."""
    proxy = TcpProxy(upstream, rules)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.close()


@contextmanager
def proxy_in_thread(upstream: str, rules: Sequence[ProxyRule] = ()) -> Iterator[TcpProxy]:
    """Run a proxy in a thread of its own. Its counts may be read at any time, its *rules* set; nothing else."""
    ready = threading.Event()
    ended: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    proxies: list[TcpProxy] = []

    async def run() -> None:
        async with tcp_proxy(upstream, rules) as proxy:
            end = asyncio.Event()
            ended.append((asyncio.get_running_loop(), end))
            proxies.append(proxy)
            ready.set()
            await end.wait()

    thread = threading.Thread(target=lambda: asyncio.run(run()), daemon=True)
    thread.start()
    ready.wait()
    try:
        yield proxies[0]
    finally:
        loop, end = ended[0]
        loop.call_soon_threadsafe(end.set)
        thread.join()
