"""A plain line of a state: exactly what we write of an address that is applied and nothing else.

Rule: this takes for plain nothing that `state.py` would not read, and means the same by it.
"""

import re
from collections.abc import Collection, Sequence
from functools import cache
from itertools import accumulate
from typing import Any, NamedTuple

from reconciler.core.address import Address
from reconciler.core.declaration import Flags
from reconciler.core.digest import SCHEME, Digest
from reconciler.core.entry import Applied, CallRecord, Entry
from reconciler.core.ledger import Answered
from reconciler.core.timestamp import Timestamp

_RESEND, _REWRITE = Flags.RESEND, {"true": Flags.REWRITE_AND_RECOLLECT, "false": Flags.REWRITE}


class Columns(NamedTuple):
    """What many plain lines say, a place for each line; *numbers* are the next call and the last, and between them."""

    addresses: Sequence[Any]
    numbers: Sequence[str]
    digests: Sequence[Any]
    sent: Sequence[str]
    at: Sequence[str]


def take_apart(piece: str) -> tuple[Columns, list[int]]:
    """Return what the plain ones of the lines *piece* say, and the numbers, from 0, of the others."""
    if not any(map(piece.__contains__, _UNCLEAN)):
        columns, odd = _take_apart(piece, clean=True)
        if odd is not None and _are_digests(columns.digests) and _are_moments({*columns.sent, *columns.at}):
            return columns, odd
    columns, odd = _take_apart(piece, clean=False)
    assert odd is not None  # noqa: S101  (no break is part of a text there)
    return columns, odd


_UNCLEAN = ("\\", *(chr(code) for code in range(32) if chr(code) != "\n"))
"""What stands in no plain line."""


def _take_apart(piece: str, *, clean: bool) -> tuple[Columns, list[int] | None]:
    parts = _plain_lines(clean=clean).split(piece)
    step = len(Columns._fields) + 1
    columns = Columns(*(parts[column::step] for column in range(1, step)))
    return columns, _odd_lines(parts[::step], piece.count("\n"))


def _are_moments(texts: Collection[str]) -> bool:
    return all(map(re.compile(_TIME).fullmatch, texts))


def _are_digests(texts: Sequence[str]) -> bool:
    """Return whether all *texts* are hexadecimal but for what stands before the colon that each begins with."""
    return "".join(texts).encode().translate(None, b"0123456789abcdef") == b":" * len(texts)


def _odd_lines(between: Sequence[str], breaks: int) -> list[int] | None:
    """Return the numbers of the lines *between* plain ones, in a piece of so many *breaks*.

    It is None where a break stands within what was taken for a plain line.
    """
    if len(between) == breaks + 2:  # as many plain lines as lines
        return []
    before = [*accumulate(each.count("\n") for each in between)]
    if before.pop() != breaks:
        return None
    plain = {*before}
    return [number for number in range(breaks + 1) if number not in plain]


def calls_follow(numbers: str) -> bool:
    """Return whether the next call comes after the last."""
    following, _, call = numbers.partition(_BETWEEN_NUMBERS)
    return int(call) < int(following)


@cache
def _plain_lines(*, clean: bool) -> re.Pattern[str]:
    """The plain ones of the lines of a piece: what `split` leaves between them is a break, or other lines.

    A comma stands behind each line but the last, behind which one would tell of a lost line. In a *clean* piece
    text, time and digit may be anything but a quote: a pattern is much faster that need not look closely.
    """
    line = _plain_line('[^"]*+', '[^"]*+', '[^"]') if clean else _plain_line(_TEXT, _TIME, _DIGIT)
    return re.compile(rf"^{line}(?:,(?=\n)|\Z)", re.MULTILINE)


@cache
def _whole_line() -> re.Pattern[str]:
    return re.compile(_plain_line(_TEXT, _TIME, _DIGIT, every=True))


def _plain_line(text: str, time: str, digit: str, *, every: bool = False) -> str:
    """Return the pattern of a plain line, whose groups are *every* field, or those of `Columns`."""

    def kept(pattern: str) -> str:
        return f"({pattern})" if every else f"(?:{pattern})"

    def numbers(between: str) -> str:
        return f"({_NUMBER}){between}({_NUMBER})" if every else f"({_NUMBER}{between}{_NUMBER})"

    quoted = f'"{text}"'
    said = f'"{kept(text)}"'
    return (
        f'  "({_ADDRESS})": {{"next_call": {numbers(_BETWEEN_NUMBERS)}, "digest": "({SCHEME}:{digit}{{64}})", '
        f'"flags": {{"onlyReSend": (?:{kept("true")}, "reMigrate": false|false, "reMigrate": {kept("true|false")})}}, '
        f'"trigger": (?:null|{said}), "key": {said}, "sent": "({time})", "run": {said}'
        f'(?:, "commit": {said})?+(?:, "author": {said})?+(?:, "target": "{kept(_ADDRESS)}")?+, "at": "({time})", '
        rf'"idList": \[{kept(f"(?:{quoted}(?:, {quoted})*+)?+")}\], '
        f'"requestId": (?:null|{said})(?:, "processId": {said})?+}}}}'
    )


_NAME, _NUMBER = "[A-Za-z0-9._~+-]++", "(?:0|[1-9][0-9]{0,17}+)"
_ADDRESS = (
    f"Subscription/{_NAME}@{_NUMBER}|OrderLineItem/{_NAME}#{_NAME}|DynamicUsageCharge/{_NAME}"
    f"|(?:Subscription|OrderLineItem|DynamicUsageCharge)/id:{_NAME}"
)
_BETWEEN_NUMBERS = ', "applied": {"call": '
_DIGIT = "[0-9a-f]"
_TEXT = r'[^"\\\x00-\x1f]*+'
_TIME = (
    "[12][0-9]{3}-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    "T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"
)
"""A moment that there is, whatever the year: a leap day is left to those who can tell."""


@cache
def _sent_and_run() -> re.Pattern[bytes]:
    """What a plain line says of times; no text in it holds a quote."""
    return re.compile(rb'"sent": "([^"]*)", "run": "([^"]*)", [^\n]*?"at": "([^"]*)"')


def answered_of(line: bytes) -> Answered:
    """Return what a plain line says of its call."""
    found = _sent_and_run().search(line)
    assert found is not None  # noqa: S101  (a plain line has these fields)
    sent, run, at = found.groups()
    return Answered(run.decode(), Timestamp(sent.decode()), Timestamp(at.decode()))


_TARGET = b', "target": "'
"""Stands in no text of a plain line, which holds no quote."""


def has_target(lines: bytes) -> bool:
    """Whether any of plain *lines* says that something else was sent than its address."""
    return _TARGET in lines


def target_of(line: bytes) -> Address | None:
    """Return what a plain line says was sent, None for its own address."""
    _, found, rest = line.partition(_TARGET)
    return Address(rest[: rest.index(b'"')].decode()) if found else None


def entry_of(line: bytes) -> Entry:
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
        target,
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
        target=Address(target) if target is not None else None,
    )
    applied = Applied(
        call=call,
        at=Timestamp(at),
        id_list=tuple(ids[1:-1].split('", "')) if ids else (),
        request_id=request_id,
        process_id=process_id,
    )
    return Entry(next_call=int(next_call), applied=applied)
