"""The journal as lines: what is written is read back, and what is torn, flipped or gone is told apart."""

import json
import zlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from builders import NOW, applied, lost, record, refused
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import flags, targets, triggers

from reconciler.core.address import format_address
from reconciler.core.diagnostics import InvalidInput
from reconciler.core.entry import CallRecord
from reconciler.core.journal import Ended, Event, Opened, Returned, Sending
from reconciler.core.tenancy import PlatformKind
from reconciler.core.timestamp import timestamp
from reconciler.formats.journal import ReadJournal, event_line, opening_line, read_journal

OPENED = Opened(
    run="run-1",
    plan_id="p1-1",
    environment="local",
    lineage="lineage-1",
    epoch=0,
    tenant=None,
    entity=None,
    at=timestamp(NOW),
)
texts = st.text(max_size=20)
moments = st.datetimes(min_value=NOW.replace(year=1971, tzinfo=None)).map(
    lambda moment: timestamp(moment.replace(tzinfo=NOW.tzinfo))
)
optional = st.none() | texts


@st.composite
def heads(draw: st.DrawFn) -> Opened:
    return Opened(
        run=draw(texts),
        plan_id=draw(texts),
        environment=draw(texts),
        lineage=draw(texts),
        epoch=draw(st.integers(0, 2**40)),
        tenant=draw(optional),
        entity=draw(optional),
        platform=draw(st.none() | st.sampled_from(PlatformKind)),
        at=draw(moments),
    )


@st.composite
def calls(draw: st.DrawFn) -> CallRecord:
    call = record(draw(st.integers(0, 10**6)), draw(flags), target=draw(targets()), trigger=draw(triggers))
    return replace(call, key=draw(texts), run=draw(texts), sent=draw(moments), commit=draw(optional))


@st.composite
def events(draw: st.DrawFn) -> Event:
    address, call = format_address(draw(targets())), draw(calls())
    kind = draw(st.sampled_from(["sending", "returned", "applied", "refused", "unsettled"]))
    match kind:
        case "sending":
            return Sending(address=address, call=call, scheme=draw(texts), at=draw(moments))
        case "returned":
            return Returned(address=address, number=call.number)
        case "applied":
            ids = tuple(draw(st.lists(texts, max_size=3)))
            done = replace(applied(call), id_list=ids, request_id=draw(optional), process_id=draw(optional))
            return Ended(address=address, record=done)
        case "refused":
            told = replace(refused(call), code=draw(texts), message=draw(texts), request_id=draw(optional))
            return Ended(address=address, record=told)
        case _:
            doubt = replace(lost(call, spent=draw(st.booleans())), message=draw(texts), request_id=draw(optional))
            return Ended(address=address, record=doubt)


def journal(*found: Event, opened: Opened = OPENED) -> bytes:
    return opening_line(opened) + b"".join(event_line(event, number) for number, event in enumerate(found, 1))


def read(content: bytes) -> ReadJournal:
    return read_journal(content, "state.json.run-1.journal")


@given(heads(), st.lists(events(), max_size=5))
def test_what_is_written_is_read_back(opened: Opened, found: list[Event]) -> None:
    assert read(journal(*found, opened=opened)) == ReadJournal(opened=opened, events=tuple(found), damaged=0)


def sending(version: int) -> Sending:
    target_of = record(0, age=timedelta(hours=1))
    return Sending(address=address(version), call=target_of, scheme="k1", at=timestamp(NOW))


def address(version: int) -> Any:  # noqa: ANN401  (an Address by its text)
    return f"Subscription/A-S00000001@{version}"


EVENTS = (
    sending(1),
    sending(2),
    Returned(address=address(1), number=0),
    Ended(address=address(2), record=applied(record(0))),
)
WHOLE = journal(*EVENTS)
LINES = WHOLE.splitlines(keepends=True)


@pytest.mark.parametrize("length", range(len(LINES[-1])))
def test_a_tail_torn_at_any_byte_is_no_damage_and_costs_its_own_line_only(length: int) -> None:
    torn = b"".join(LINES[:-1]) + LINES[-1][:length]

    assert read(torn) == ReadJournal(opened=OPENED, events=EVENTS[:-1], damaged=0)


@pytest.mark.parametrize("length", range(len(LINES[0])))
def test_a_head_torn_at_any_byte_is_an_empty_journal(length: int) -> None:
    assert read(LINES[0][:length]) == ReadJournal(opened=None, events=(), damaged=0)


def flipped(line: bytes, at: int, bit: int) -> bytes:
    return line[:at] + bytes([line[at] ^ 1 << bit]) + line[at + 1 :]


@pytest.mark.parametrize("at", range(len(LINES[2])))
def test_a_bit_flipped_anywhere_in_a_middle_line_is_damage_and_loses_no_line_but_those_it_touches(at: int) -> None:
    """The line break joins two lines; any other byte is of one."""
    touched = 2 if at == len(LINES[2]) - 1 else 1
    for bit in range(8):
        found = read(b"".join([*LINES[:2], flipped(LINES[2], at, bit), *LINES[3:]]))

        assert found.opened == OPENED
        assert found.events == (EVENTS[0], *EVENTS[1 + touched :])
        assert found.damaged >= 1


@pytest.mark.parametrize("at", range(len(LINES[0])))
def test_a_head_with_a_flipped_bit_is_damage_and_loses_no_event_behind_the_next_line(at: int) -> None:
    for bit in range(8):
        found = read(flipped(LINES[0], at, bit) + b"".join(LINES[1:]))

        assert found.opened is None
        assert found.events[-3:] == EVENTS[-3:]
        assert found.damaged >= 1


@pytest.mark.parametrize("number", range(len(LINES) - 1))
def test_a_line_that_is_gone_altogether_is_seen_and_takes_no_other_with_it(number: int) -> None:
    found = read(b"".join(LINES[:number] + LINES[number + 1 :]))

    assert found.damaged == 1
    assert found.opened == (OPENED if number else None)
    assert found.events == tuple(event for place, event in enumerate(EVENTS, 1) if place != number)


@pytest.mark.parametrize("garbage", [b"\n\n", b"xx\nyy\n", b"\x00" * 9 + b"\n" + b"\x00" * 9])
def test_a_journal_of_which_no_line_is_good_is_not_taken_for_an_empty_one(garbage: bytes) -> None:
    assert read(garbage) == ReadJournal(opened=None, events=(), damaged=2)


@pytest.mark.parametrize(
    ("tail", "damaged"),
    [
        (b"\x00" * 512, 1),
        (b"\x00\n\x00\n\x00", 3),
        (b"xx\n", 1),
        (b"xx", 1),
        (b"\xff" * 512, 1),
        (LINES[-1][:40] + b"\xff", 1),
        (LINES[-1][:40] + b"\x00" * 9, 1),
    ],
)
def test_whatever_stands_at_the_end_and_is_no_beginning_of_a_line_is_damage(tail: bytes, damaged: int) -> None:
    assert read(WHOLE + tail) == replace(read(WHOLE), damaged=damaged)


@pytest.mark.parametrize("bit", range(8))
def test_a_last_line_of_which_the_break_has_flipped_is_damage(bit: int) -> None:
    assert read(flipped(WHOLE, len(WHOLE) - 1, bit)).damaged == 1


def line_of(value: object) -> bytes:
    text = json.dumps(value).encode()
    return b"%08x %s\n" % (zlib.crc32(text), text)


@pytest.mark.parametrize("events", [0, 2])
def test_a_newer_version_is_refused_by_name(events: int) -> None:
    head = {**json.loads(LINES[0][9:]), "version": 2}
    with pytest.raises(InvalidInput, match="a journal has version 2, and this reconciler reads version 1"):
        read(line_of(head) + b"".join(LINES[1 : 1 + events]))


SENDING = json.loads(LINES[1][9:])


@pytest.mark.parametrize(
    "value",
    [
        {**SENDING, "event": "paused"},
        {**SENDING, "address": "nonsense"},
        {**SENDING, "address": 1},
        {**SENDING, "at": "yesterday"},
        {**SENDING, "at": None},
        {**SENDING, "call": {}},
        {**SENDING, "call": {**SENDING["call"], "digest": "d1:0"}},
        {"seq": 1, "event": "ended", "address": SENDING["address"]},
        {"seq": 1, "event": "returned", "address": SENDING["address"], "number": -1},
        {"seq": 1},
    ],
)
def test_a_whole_line_that_is_not_one_of_ours_is_damage_wherever_it_stands(value: dict[str, Any]) -> None:
    found = read(LINES[0] + line_of(value) + b"".join(LINES[2:]))

    assert (found.events, found.damaged) == (EVENTS[1:], 1)
    assert read(LINES[0] + line_of(value)).damaged == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(["seq", "event", "address", "number", "call", "applied", "unsettled", "version", "at", "run"])
events_of_any_kind = st.dictionaries(
    names, json_values | st.sampled_from(["sending", "returned", "ended", address(1)]), max_size=8
)
lines = (
    st.binary(max_size=60).map(lambda text: text + b"\n")
    | json_values.map(line_of)
    | events_of_any_kind.map(line_of)
    | st.sampled_from(LINES)
)


@given(st.lists(lines, max_size=6), st.binary(max_size=20))
@example([line_of(None) * 2], b"")
@example([b"%08x %s\n" % (zlib.crc32(deep := b"[" * 100_000), deep), LINES[1]], b"")
@example([b"%08x %s\n" % (zlib.crc32(huge := b"1" * 5_000), huge), LINES[1]], b"")
def test_any_bytes_are_read_or_refused_as_invalid_input(content: list[bytes], tail: bytes) -> None:
    try:
        found = read(b"".join(content) + tail)
    except InvalidInput:
        return
    assert len(found.events) <= len(content)
