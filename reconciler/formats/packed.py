"""What the cache keeps: columns, in a form that is read faster than what they came from, and never trusted as it is.

Rule: whatever is not exactly what was written under that name, checksum included, is as good as not there. Nothing in
it is code.
"""

import hashlib
import json
import sys
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

from reconciler import __version__
from reconciler.core.declaration import Flags
from reconciler.core.table import Table, Terms
from reconciler.formats.state_lines import Lines

READER = f"{__version__}-4-{sys.byteorder}-{array('I').itemsize}"
"""What a file means to this version may not be what it means to the next: the number grows when a reader changes."""

_SEPARATOR = "\n"
"""Stands in no address, digest or time."""


_CHECKSUM = 64
"""Hex digits of SHA-256, before everything else."""


class Columns(NamedTuple):
    """*head* is JSON; *texts* and *numbers* are columns."""

    head: Any
    texts: Sequence[list[Any]]
    numbers: Sequence["array[int]"]


def _pack(columns: Columns, name: str) -> bytes:
    parts = [
        *(_SEPARATOR.join(column).encode() for column in columns.texts),
        *(column.tobytes() for column in columns.numbers),
    ]
    shape = {
        "reader": READER,
        "name": name,
        "texts": len(columns.texts),
        "sizes": [len(part) for part in parts],
        "head": columns.head,
    }
    body = b"".join([json.dumps(shape).encode(), b"\n", *parts])
    return hashlib.sha256(body).hexdigest().encode() + body


def _unpack(content: bytes, name: str) -> Columns | None:
    """Return what was packed under *name*, or None for anything else: a file may have been moved."""
    checksum, body = content[:_CHECKSUM], memoryview(content)[_CHECKSUM:]
    if hashlib.sha256(body).hexdigest().encode() != checksum:
        return None
    place = content.index(b"\n", _CHECKSUM) + 1
    shape = json.loads(content[_CHECKSUM:place])
    if (shape["reader"], shape["name"]) != (READER, name):
        return None
    parts = []
    for size in shape["sizes"]:
        parts.append(content[place : place + size])
        place += size
    texts = [part.decode().split(_SEPARATOR) if part else [] for part in parts[: shape["texts"]]]
    numbers = [array("I", part) for part in parts[shape["texts"] :]]
    return Columns(shape["head"], texts, numbers)


def pack_table(table: Table, name: str) -> bytes:
    terms = [[each.flags.value, each.trigger, each.reason, each.owner] for each in table.terms]
    numbers = (table.lines, table.columns, table.term_numbers)
    return _pack(Columns(terms, (table.addresses, table.digests), numbers), name)


def unpack_table(content: bytes, name: str, path: str) -> Table | None:
    """Return the table that was packed under *name*, as one of the file *path*; None for anything else."""
    found = _unpack(content, name)
    if found is None:
        return None
    terms = [Terms(Flags(tuple(flags)), *texts) for flags, *texts in found.head]
    table = Table(path)
    for each in terms:
        table.number_of(each)
    table.addresses, table.digests = found.texts
    table.lines, table.columns, table.term_numbers = found.numbers
    return table


def pack_lines(lines: Lines, name: str) -> bytes:
    times = sorted(set(lines.at))
    number = {time: place for place, time in enumerate(times)}
    at = array("I", map(number.__getitem__, lines.at))
    return _pack(
        Columns([lines.has_targets, *times], (lines.addresses, lines.digests), (at, array("I", lines.odd))), name
    )


def unpack_lines(content: bytes, name: str) -> Lines | None:
    """Return the lines that were packed under *name*; None for anything else."""
    found = _unpack(content, name)
    if found is None:
        return None
    (addresses, digests), (at, odd), (has_targets, *times) = found.texts, found.numbers, found.head
    return Lines(addresses, digests, list(map(times.__getitem__, at)), list(odd), has_targets)
