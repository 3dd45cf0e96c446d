"""The fast way into a large state: lines that are exactly what we write of an address that is applied and nothing else.

Rule: this accepts nothing that `state.py` would not, and means the same by it; whatever is in any way different is left
to it, places of faults included. A state of 100,000 entries is read on every plan, hardly any of them is anything but
such a line, and of hardly any more is asked than its digest: an entry is made when it is looked at.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from sys import intern
from typing import Any

from reconciler.core.address import Address
from reconciler.core.digest import Digest
from reconciler.core.entry import Entry
from reconciler.core.ledger import Answered, EntryLedger, Ledger
from reconciler.core.timestamp import Timestamp
from reconciler.formats.plain_line import answered_of, calls_follow, entry_of, has_target, take_apart, target_of

_BEGIN, _END = b'\n "entries": {\n', b"\n }\n}\n"
_PIECE = 1024 * 1024
"""So many bytes are taken apart at a time: what that leaves behind is small."""


@dataclass(frozen=True, slots=True)
class Lines:
    """What the plain lines say, column by column; *odd* are the numbers, from 0, of the lines that are not plain.

    *has_targets*: some may say that something else was sent than their address.
    """

    addresses: list[Address] = field(default_factory=list)
    digests: list[Digest] = field(default_factory=list)
    at: list[Timestamp] = field(default_factory=list)
    odd: list[int] = field(default_factory=list)
    has_targets: bool = False


@dataclass(frozen=True, slots=True)
class EntryLines:
    """The lines of entries of a document, *content*: from *begin* to *end*, with a comma and a break between them."""

    content: bytes
    begin: int
    end: int

    def every(self) -> list[bytes]:
        return self.content[self.begin : self.end].split(b",\n")

    def pieces(self) -> Iterator[str]:
        """Yield whole lines, many at a time."""
        place, view = self.begin, memoryview(self.content)
        while (end := self.content.find(b",\n", place + _PIECE, self.end)) >= 0:
            yield str(view[place:end], "utf-8")
            place = end + 2
        yield str(view[place : self.end], "utf-8")


def entry_lines(content: bytes) -> EntryLines | None:
    """Return the lines of entries of a document, or None if they do not stand where we write them."""
    begin = content.find(_BEGIN)
    if begin < 0 or not content.endswith(_END):
        return None
    return EntryLines(content, begin + len(_BEGIN), len(content) - len(_END))


def read_lines(text: EntryLines) -> Lines | None:
    """Return what the plain ones of the lines *text* say, or None if they must be read as a whole.

    Raise UnicodeDecodeError for text that is not UTF-8.
    """
    lines, numbers, count = Lines(has_targets=has_target(text.content)), set[str](), 0
    for piece in text.pieces():
        columns, odd = take_apart(piece)
        many = len(columns.addresses) + len(odd)
        if odd and piece.count(",\n") + 1 != many:
            return None
        lines.addresses.extend(columns.addresses)
        lines.digests.extend(columns.digests)
        lines.at.extend(map(_shared, columns.at))
        lines.odd.extend(count + number for number in odd)
        numbers.update(columns.numbers)
        count += many
    return lines if all(map(calls_follow, numbers)) else None


_shared: Callable[[Any], Any] = intern
"""Times are few, and of each one copy will do."""


def without_plain(text: EntryLines, lines: Lines) -> bytes | None:
    """Return the document without its plain lines, to be read as such; None if it would not mean the same of others."""
    head = text.content[: text.begin - len(_BEGIN)]
    if not lines.odd:
        return head + b'\n "entries": {}\n}\n'
    every = text.every()
    odd = [every[number] for number in lines.odd]
    return head + _BEGIN + b",\n".join(odd) + _END if all(map(_stands_alone, odd)) else None


def _stands_alone(line: bytes) -> bool:
    """Whether *line* is one entry and whole: it neither ends what a line before it began nor begins what ends later."""
    try:
        value = json.loads(f"{{{line.decode()}}}")
    except (ValueError, RecursionError):
        return False
    return len(value) == 1


class LineLedger(Ledger):
    """The entries of *text*, the plain of which are *lines*; *others* are made already and win.

    No address stands in the lines twice.
    """

    def __init__(self, text: EntryLines, lines: Lines, others: Mapping[Address, Entry]) -> None:
        self._text = text
        self.lines = lines
        self._others = EntryLedger(others)

    @property
    def columns(self) -> tuple[Sequence[Address], Sequence[Digest]] | None:
        return None if self._others else (self.lines.addresses, self.lines.digests)

    @cached_property
    def _plain(self) -> Mapping[Address, Digest]:
        plain = dict(zip(self.lines.addresses, self.lines.digests, strict=True))
        for address in self._others:
            plain.pop(address, None)
        return plain

    @cached_property
    def _written(self) -> Mapping[Address, bytes]:
        every, odd = self._text.every(), frozenset(self.lines.odd)
        plain = (line for number, line in enumerate(every) if number not in odd) if odd else every
        return dict(zip(self.lines.addresses, plain, strict=True))

    def line(self, address: Address) -> bytes | None:
        """Return the line of *address* as it was read and would be written, without a comma; None if there is none."""
        return self._written[address] if address in self._plain else None

    def __getitem__(self, address: Address) -> Entry:
        line = self.line(address)
        return self._others[address] if line is None else entry_of(line)

    def __contains__(self, address: object) -> bool:
        return address in self._plain or address in self._others

    def __iter__(self) -> Iterator[Address]:
        yield from self._plain
        yield from self._others

    def __len__(self) -> int:
        return len(self._plain if self._others else self.lines.addresses) + len(self._others)

    @cached_property
    def settled(self) -> Mapping[Address, Digest]:
        return {**self._plain, **self._others.settled} if self._others else self._plain

    @cached_property
    def mapped(self) -> Mapping[Address, Address]:
        others = self._others.mapped
        if not self.lines.has_targets:
            return others
        written = ((address, target_of(self._written[address])) for address in self._plain)
        return {**{address: target for address, target in written if target is not None}, **others}

    @property
    def others(self) -> Mapping[Address, Entry]:
        return self._others.others

    def last_applied(self, addresses: Collection[Address]) -> Timestamp | None:
        if len(addresses) == len(self.lines.addresses) and not self._others:
            return max(set(self.lines.at), default=None)
        times = dict(zip(self.lines.addresses, self.lines.at, strict=True))
        plain = max((times[address] for address in addresses if address in self._plain), default=None)
        others = self._others.last_applied([address for address in addresses if address not in self._plain])
        return max(filter(None, (plain, others)), default=None)

    def begun_before(self, time: Timestamp) -> Iterator[Address]:
        if min(set(self.lines.at), default=time) < time:
            ends = zip(self.lines.addresses, self.lines.at, strict=True)
            yield from (address for address, at in ends if at < time and address in self._plain)
        yield from self._others.begun_before(time)

    def answered(self) -> Iterator[Answered]:
        for address, line in self._written.items():
            if address in self._plain:
                yield answered_of(line)
        yield from self._others.answered()

    def with_entries(self, changed: Mapping[Address, Entry]) -> "LineLedger":
        return LineLedger(self._text, self.lines, {**self._others, **changed})
