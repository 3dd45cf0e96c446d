"""A journal as lines: eight hex digits of CRC-32, a space, one JSON object with a sequence number, a line break.

What a reader finds at the end is told apart from damage: a line that breaks off is a torn tail, written when the run
ended and never relied upon. Everything else that is no good line is damage: what was relied upon may have stood there.
So are zeros at the end, though a crash may leave some: a disk may, too.
"""

import json
import re
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from reconciler.core.address import Address, parse_address
from reconciler.core.diagnostics import InvalidInput
from reconciler.core.entry import Applied, Refused, Unsettled
from reconciler.core.journal import Ended, Event, Opened, Record, Returned, Sending
from reconciler.formats.json_reader import JsonDocument
from reconciler.formats.state import (
    applied_object,
    call_object,
    read_applied,
    read_call,
    read_platform,
    read_refused,
    read_unsettled,
    refused_object,
    unsettled_object,
)

VERSION = 1
_BEGINNING = rb"[0-9a-f]{0,8}|[0-9a-f]{8} (?:\{[ -~]*)?"
"""Of a line as `_line` writes it, in ASCII."""

_Line: TypeAlias = dict[str, Any] | None
RESTORE = (
    "Keep the file for whoever looks into it, and apply again: calls that it leaves open are sent under the same key."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadJournal:
    """*opened* is None if not even the head can be read. *damaged* counts bad lines that are not the torn tail."""

    opened: Opened | None
    events: tuple[Event, ...]
    damaged: int


def opening_line(opened: Opened) -> bytes:
    head = {name: getattr(opened, name) for name in Opened.__slots__}
    return _line({"seq": 0, "version": VERSION, "event": "opened", **head})


def event_line(event: Event, sequence: int) -> bytes:
    return _line({"seq": sequence, **_event_object(event)})


def read_journal(content: bytes, path: str) -> ReadJournal:
    """Read what can be read. Raise InvalidInput for a journal of a newer version, or with a head that is not ours."""
    document = JsonDocument(path, restore=RESTORE)
    *lines, tail = content.split(b"\n")
    values = [_value(line) for line in (lines if _is_torn(tail) else [*lines, tail])]
    if not any(values):
        return ReadJournal(opened=None, events=(), damaged=len(values))
    opened = _opened(document, values[0]) if values[0] is not None else None
    events = [_event(document, value) for value in values[1 if opened else 0 :] if value is not None]
    good = [event for event in events if event is not None]
    damaged = sum(value is None for value in values) + (len(events) - len(good))
    return ReadJournal(opened=opened, events=tuple(good), damaged=damaged + _missing(values))


def _is_torn(tail: bytes) -> bool:
    """Whether *tail* is the beginning of a line, and not a line of which the break was lost, or nothing at all."""
    return re.fullmatch(_BEGINNING, tail) is not None and _value(tail[:-1]) is None


def _line(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, separators=(",", ":")).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _value(line: bytes) -> _Line:
    """Return the object of a good line, else None."""
    text = line[9:]
    if line[:9] != b"%08x " % zlib.crc32(text):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _missing(values: Iterable[_Line]) -> int:
    """Count lines that are gone altogether: the sequence has a gap that no bad line explains."""
    expected, missing = 0, 0
    for value in values:
        found = value.get("seq") if value else expected
        missing += isinstance(found, int) and found > expected
        expected = (found if isinstance(found, int) else expected) + 1
    return missing


def _opened(document: JsonDocument, value: dict[str, Any]) -> Opened | None:
    """Return the head, or None if the first line is another: then the head is gone."""
    if "version" not in value:
        return None
    document.check_version(value, "a journal")
    rules = document.take_or_none(value, "guardrails", list, "the head") or []
    texts = {name: document.take(value, name, str, "the head") for name in ("run", "plan_id", "environment", "lineage")}
    return Opened(
        **texts,
        epoch=document.take_count(value, "epoch", "the head"),
        tenant=document.take_or_none(value, "tenant", str, "the head"),
        entity=document.take_or_none(value, "entity", str, "the head"),
        at=document.take_time(value, "at", "the head"),
        who=document.take_or_none(value, "who", str, "the head"),
        commit=document.take_or_none(value, "commit", str, "the head"),
        guardrails=tuple(each for each in rules if isinstance(each, str)),
        platform=read_platform(document, value, "the head"),
    )


def _event_object(event: Event) -> dict[str, Any]:
    match event:
        case Sending(address=address, call=call, scheme=scheme, at=at):
            return {"event": "sending", "address": address, "scheme": scheme, "at": at, "call": call_object(call)}
        case Returned(address=address, number=number):
            return {"event": "returned", "address": address, "number": number}
        case Ended(address=address, record=record):
            return {"event": "ended", "address": address, **_record_object(record)}


def _record_object(record: Record) -> dict[str, Any]:
    match record:
        case Applied():
            return {"applied": applied_object(record)}
        case Refused():
            return {"refused": refused_object(record)}
        case Unsettled():
            return {"unsettled": unsettled_object(record)}


def _event(document: JsonDocument, value: dict[str, Any]) -> Event | None:
    """Return the event of a line whose checksum holds; None if it is not one that we write."""
    try:
        address = Address(document.take(value, "address", str, "the event"))
        parse_address(address)
        match value.get("event"):
            case "sending":
                call = read_call(document, document.take(value, "call", dict, address), address)
                scheme = document.take(value, "scheme", str, address)
                return Sending(address=address, call=call, scheme=scheme, at=document.take_time(value, "at", address))
            case "returned":
                return Returned(address=address, number=document.take_count(value, "number", address))
            case "ended":
                return Ended(address=address, record=_record(document, value, address))
            case _:
                return None
    except (InvalidInput, ValueError):
        return None


def _record(document: JsonDocument, value: dict[str, Any], address: str) -> Record:
    if "applied" in value:
        return read_applied(document, document.take(value, "applied", dict, address), address)
    if "refused" in value:
        return read_refused(document, document.take(value, "refused", dict, address), address)
    return read_unsettled(document, value.get("unsettled"), address)
