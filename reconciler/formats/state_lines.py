"""The fast way into a large state: lines that are exactly what we write of an address that is applied and nothing else.

Rule: this accepts nothing that `state.py` would not, and means the same by it; whatever is in any way different is left
to it, places of faults included. A state of 100,000 entries is read on every plan, hardly any of them is anything but
such a line, and of hardly any more is asked than its digest: an entry is made when it is looked at.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from sys import intern
from typing import Any

from reconciler.core.address import Address
from reconciler.core.declaration import Flags
from reconciler.core.digest import SCHEME, Digest
from reconciler.core.entry import Applied, CallRecord, Entry
from reconciler.core.ledger import Answered, EntryLedger, Ledger
from reconciler.core.timestamp import Timestamp

_BEGIN, _END = b'\n "entries": {\n', b"\n }\n}\n"
_PIECE = 4 * 1024 * 1024
"""So many bytes are taken apart at a time: what that leaves behind is small."""

_RESEND, _REWRITE = Flags.RESEND, {"true": Flags.REWRITE_AND_RECOLLECT, "false": Flags.REWRITE}


@cache
def _plain_line(*, every: bool) -> str:
    """Return the pattern of a plain line, whose groups are *every* field, or those of which `Lines` has columns."""

    def kept(pattern: str, *, always: bool = False) -> str:
        return f"({pattern})" if every or always else f"(?:{pattern})"

    name, number = "[A-Za-z0-9._~+-]+", "(?:0|[1-9][0-9]{0,17})"
    text = f'"{kept(_TEXT)}"'
    address = (
        f"Subscription/{name}@{number}|OrderLineItem/{name}#{name}|DynamicUsageCharge/{name}"
        f"|(?:Subscription|OrderLineItem|DynamicUsageCharge)/id:{name}"
    )
    return (
        f'  "({address})": {{"next_call": ({number}), "applied": {{"call": ({number}), '
        f'"digest": "({SCHEME}:[0-9a-f]{{64}})", '
        f'"flags": {{"onlyReSend": (?:{kept("true")}, "reMigrate": false|false, "reMigrate": {kept("true|false")})}}, '
        f'"trigger": (?:null|{text}), "key": {text}, "sent": "{kept(_TIME)}", "run": {text}'
        f'(?:, "commit": {text})?(?:, "author": {text})?, "at": "({_TIME})", '
        rf'"idList": \[{kept(f"(?:{_QUOTED}(?:, {_QUOTED})*)?")}\], '
        f'"requestId": (?:null|{text})(?:, "processId": {text})?}}}}'
    )


_TEXT = r'[^"\\\x00-\x1f]*'
_QUOTED = f'"{_TEXT}"'
_TIME = (
    "[12][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    "T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
)
"""A moment that there is, whatever the year: a leap day is left to those who can tell."""


@cache
def _any_line() -> re.Pattern[str]:
    """A line of a piece: a comma stands at the end of each but the last, behind which one would tell of a lost line."""
    return re.compile(rf"^(?:{_plain_line(every=False)}(?:,(?=\n)|\Z)|[^\n]*$)", re.MULTILINE)


@cache
def _whole_line() -> re.Pattern[str]:
    return re.compile(_plain_line(every=True))


@cache
def _sent_and_run() -> re.Pattern[bytes]:
    """What a plain line says of times; no text in it holds a quote."""
    return re.compile(rb'"sent": "([^"]*)", "run": "([^"]*)", [^\n]*?"at": "([^"]*)"')


@dataclass(frozen=True, slots=True)
class Lines:
    """What the plain lines say, column by column; *odd* are the numbers, from 0, of the lines that are not plain."""

    addresses: list[Address] = field(default_factory=list)
    digests: list[Digest] = field(default_factory=list)
    at: list[Timestamp] = field(default_factory=list)
    odd: list[int] = field(default_factory=list)


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
        place = self.begin
        while (end := self.content.find(b",\n", place + _PIECE, self.end)) >= 0:
            yield self.content[place:end].decode()
            place = end + 2
        yield self.content[place : self.end].decode()


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
    lines, numbers, count = Lines(), set[tuple[str, str]](), 0
    for piece in text.pieces():
        rows = _any_line().findall(piece)
        odd = [number for number, row in enumerate(rows, count) if not row[0]]
        if odd and len(rows) != piece.count(",\n") + 1:
            return None
        count += len(rows)
        plain = [row for row in rows if row[0]] if odd else rows
        addresses, following, calls, digests, at = zip(*plain, strict=True) if plain else ((),) * 5
        numbers.update(zip(following, calls, strict=True))
        lines.addresses.extend(addresses)
        lines.digests.extend(digests)
        lines.at.extend(map(_shared, at))
        lines.odd.extend(odd)
    return lines if all(int(call) < int(following) for following, call in numbers) else None


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
        self._plain: dict[Address, Digest] = dict(zip(lines.addresses, lines.digests, strict=True))
        for address in others:
            self._plain.pop(address, None)

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
        return self._others[address] if line is None else _entry(line)

    def __contains__(self, address: object) -> bool:
        return address in self._plain or address in self._others

    def __iter__(self) -> Iterator[Address]:
        yield from self._plain
        yield from self._others

    def __len__(self) -> int:
        return len(self._plain) + len(self._others)

    @cached_property
    def settled(self) -> Mapping[Address, Digest]:
        return {**self._plain, **self._others.settled} if self._others else self._plain

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

    def answered(self) -> Iterator[Answered]:
        for address, line in self._written.items():
            found = _sent_and_run().search(line) if address in self._plain else None
            if found:
                sent, run, at = found.groups()
                yield Answered(run.decode(), Timestamp(sent.decode()), Timestamp(at.decode()))
        yield from self._others.answered()

    def with_entries(self, changed: Mapping[Address, Entry]) -> "LineLedger":
        return LineLedger(self._text, self.lines, {**self._others, **changed})


def _entry(line: bytes) -> Entry:
    """Return the entry of a plain line."""
    found = _whole_line().fullmatch(line.decode())
    assert found is not None  # noqa: S101  (the same pattern has matched it)
    (
        _,
        next_call,
        number,
        digest,
        resend,
        migrate,
        trigger,
        key,
        sent,
        run,
        commit,
        author,
        at,
        ids,
        request_id,
        process_id,
    ) = found.groups()
    call = CallRecord(
        number=int(number),
        digest=Digest(digest),
        flags=_RESEND if resend else _REWRITE[migrate],
        trigger=trigger,
        key=key,
        sent=Timestamp(sent),
        run=run,
        commit=commit,
        author=author,
    )
    applied = Applied(
        call=call,
        at=Timestamp(at),
        id_list=tuple(ids[1:-1].split('", "')) if ids else (),
        request_id=request_id,
        process_id=process_id,
    )
    return Entry(next_call=int(next_call), applied=applied)
