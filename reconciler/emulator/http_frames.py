"""Cutting a byte stream into HTTP/1.1 messages, no more understood than that takes. For the proxy."""

import asyncio
import re
from dataclasses import dataclass

LONGEST_HEAD = 1_048_576

_LENGTH = re.compile(rb"^content-length:[ \t]*(\d+)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_CHUNKED = re.compile(rb"^transfer-encoding:.*\bchunked[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)
_BODILESS = re.compile(rb"HTTP/1\.[01] (1\d\d|204|304) ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """One message. *head* ends with its empty line; *is_last*: it ran to the end of the stream."""

    head: bytes
    body: bytes
    is_last: bool = False

    @property
    def raw(self) -> bytes:
        return self.head + self.body

    @property
    def path(self) -> str:
        """The path of a request, without its query."""
        target = self.head.split(b"\r\n", 1)[0].split(b" ")[1:2]
        return (target or [b""])[0].partition(b"?")[0].decode("latin-1")


async def read_request(reader: asyncio.StreamReader) -> Frame | None:
    """Return the next request, or None at the end of the stream. Raise asyncio.IncompleteReadError in the middle."""
    head = await _read_head(reader)
    return None if head is None else Frame(head=head, body=await _read_delimited(reader, head) or b"")


async def read_answer(reader: asyncio.StreamReader) -> Frame | None:
    """Return the next answer, or None if the stream ends first."""
    head = await _read_head(reader)
    if head is None:
        return None
    if _BODILESS.match(head):
        return Frame(head=head, body=b"")
    body = await _read_delimited(reader, head)
    if body is not None:
        return Frame(head=head, body=body)
    return Frame(head=head, body=await reader.read(), is_last=True)


def with_body(frame: Frame, body: bytes, *, gzip: bool) -> Frame:
    """Return *frame* with another body, its length told rightly."""
    gone = (b"content-length:", b"transfer-encoding:", b"content-encoding:")
    lines = [line for line in frame.head.split(b"\r\n")[:-2] if not line.lower().startswith(gone)]
    lines += [b"content-length: %d" % len(body)] + ([b"content-encoding: gzip"] if gzip else [])
    return Frame(head=b"\r\n".join([*lines, b"", b""]), body=body, is_last=frame.is_last)


def plain_body(frame: Frame) -> bytes:
    """Return the body without its chunks."""
    if not _CHUNKED.search(frame.head):
        return frame.body
    parts, rest = [], frame.body
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size.partition(b";")[0], 16)
        if length == 0:
            break
        parts.append(rest[:length])
        rest = rest[length + 2 :]
    return b"".join(parts)


async def _read_head(reader: asyncio.StreamReader) -> bytes | None:
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None


async def _read_delimited(reader: asyncio.StreamReader, head: bytes) -> bytes | None:
    """Return the body whose end *head* announces; None if it announces none."""
    if _CHUNKED.search(head):
        return await _read_chunks(reader)
    length = _LENGTH.search(head)
    return None if length is None else await reader.readexactly(int(length[1]))


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while True:
        size = await reader.readuntil(b"\r\n")
        parts.append(size)
        length = int(size.partition(b";")[0], 16)
        if length == 0:
            break
        parts.append(await reader.readexactly(length + 2))
    while parts[-1] != b"\r\n":  # trailers, and the empty line after them
        parts.append(await reader.readuntil(b"\r\n"))
    return b"".join(parts)
