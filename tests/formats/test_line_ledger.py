"""A ledger that is read line by line answers what one of entries does, and is written as it was read."""

from datetime import timedelta
from random import Random

import pytest
from builders import (
    BINDING,
    NOW,
    applied,
    charge,
    declare,
    entry,
    lost,
    record,
    refused,
    spec_of,
    state_of,
    subscription,
)
from hypothesis import given
from hypothesis import strategies as st
from strategies import histories as any_histories

from reconciler.core.address import Address, address_order
from reconciler.core.declaration import Spec
from reconciler.core.entry import Entry
from reconciler.core.ledger import EntryLedger, Ledger
from reconciler.core.planner import make_plan
from reconciler.core.state import State
from reconciler.core.table import Declared, Table
from reconciler.core.timestamp import timestamp
from reconciler.formats.packed import pack_lines, pack_table, unpack_lines, unpack_table
from reconciler.formats.state import read_state, write_state
from reconciler.formats.state_lines import LineLedger

AGES = (timedelta(0), timedelta(hours=1), timedelta(hours=23), timedelta(days=3))

histories = any_histories().filter(bool)


def read(content: bytes) -> LineLedger:
    entries = read_state(content, "state.json", environment="local").entries
    assert isinstance(entries, LineLedger)
    return entries


@given(
    st.sets(st.integers(1, 12), min_size=1),
    st.integers(0, 12),
    st.randoms(use_true_random=False),
    st.sampled_from([None, "again"]),
)
def test_a_plan_is_the_same_in_whatever_order_things_are_declared(
    versions: set[int], cut: int, chance: Random, trigger: str | None
) -> None:
    found = [declare(subscription(version)) for version in sorted(versions)]
    entries = {each.address: entry(applied(record(0, target=each.target))) for each in found}
    known = read_state(write_state(state_of(entries)), "state.json", environment="local")
    found[0] = declare(found[0].target, trigger=trigger)
    path = found[0].place.path
    in_order = Declared([Table.of(path, found[:cut]), Table.of(path, found[cut:])])
    chance.shuffle(found)
    in_another = Declared([Table.of(path, found)])
    specs = (Spec(in_order), Spec(in_another), spec_of(*sorted(found, key=lambda each: address_order(each.address))))
    plans = [make_plan(spec, known, BINDING, now=NOW) for spec in specs]

    assert plans[0] == plans[1] == plans[2]
    assert plans[0].unchanged == len(found) - bool(trigger)


def answers(ledger: Ledger) -> tuple[object, ...]:
    settled = ledger.settled
    half = sorted(settled)[::2]
    return (
        dict(ledger),
        dict(settled),
        dict(zip(*ledger.columns, strict=True)) if ledger.columns else dict(settled),
        dict(ledger.others),
        dict(ledger.mapped),
        sorted(ledger.answered()),
        [sorted(ledger.begun_before(timestamp(NOW - age))) for age in AGES],
        ledger.last_applied(settled),
        ledger.last_applied(half),
        len(ledger),
    )


@given(histories, histories)
def test_both_kinds_of_ledger_answer_the_same(history: dict[Address, Entry], later: dict[Address, Entry]) -> None:
    quick, slow = read(write_state(state_of(history))), EntryLedger(history)

    assert answers(quick) == answers(slow)
    assert answers(quick.with_entries(later)) == answers(slow.with_entries(later))
    assert answers(quick.with_entries(later).with_entries(history)) == answers(slow.with_entries({**later, **history}))


@given(histories, histories)
def test_entries_put_into_what_was_read_are_written_as_if_all_had_been_made(
    history: dict[Address, Entry], later: dict[Address, Entry]
) -> None:
    known = read_state(write_state(state_of(history)), "state.json", environment="local")

    assert write_state(known.with_entries(later)) == write_state(state_of({**history, **later}))


SETTLED = state_of(
    {
        each.address: entry(applied(record(number, target=each.target)))
        for number, each in enumerate((declare(), declare(subscription(2)), declare(charge())))
    }
)
ODD = declare(subscription(3))
NAME = "state-of-something"


def with_odd(known: Entry) -> State:
    return SETTLED.with_entries({ODD.address: known})


@pytest.mark.parametrize("known", [entry(refused(record(0))), entry(lost(record(0)))])
def test_one_line_that_is_not_plain_leaves_the_others_so(known: Entry) -> None:
    ledger = read(write_state(with_odd(known)))

    assert (len(ledger.lines.addresses), len(ledger.lines.odd)) == (3, 1)
    assert dict(ledger) == dict(with_odd(known).entries)


@pytest.mark.parametrize("age", [timedelta(minutes=1), timedelta(hours=9)])
def test_what_another_run_has_applied_again_counts_for_when_anything_was_applied_last(age: timedelta) -> None:
    """Of as many entries as there are lines."""
    again = {declare().address: entry(applied(record(1, age=age)))}
    quick, slow = read(write_state(SETTLED)).with_entries(again), EntryLedger({**SETTLED.entries, **again})

    assert answers(quick) == answers(slow)


@given(histories)
def test_lines_come_out_of_the_cache_as_they_went_in(history: dict[Address, Entry]) -> None:
    lines = read(write_state(state_of(history))).lines

    assert unpack_lines(pack_lines(lines, NAME), NAME) == lines


@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_damaged_byte_in_the_cache_makes_it_worthless(at: int, byte: int) -> None:
    packed = bytearray(pack_lines(read(write_state(SETTLED)).lines, NAME))
    place = at % len(packed)
    if packed[place] == byte:
        return
    packed[place] = byte

    assert unpack_lines(bytes(packed), NAME) is None


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 66, 100])
def test_what_was_cut_off_in_the_cache_is_worthless(length: int) -> None:
    assert unpack_lines(pack_lines(read(write_state(SETTLED)).lines, NAME)[:length], NAME) is None


def test_what_was_kept_under_another_name_is_worthless() -> None:
    """A file may be moved or copied; what it says is of another document, and of another kind perhaps."""
    lines = pack_lines(read(write_state(SETTLED)).lines, NAME)
    table = pack_table(Table.of("local/a.yaml", [declare(), declare(charge())]), NAME.replace("state", "spec"))

    assert unpack_lines(lines, "state-of-another") is None
    assert unpack_lines(table, NAME) is None
    assert unpack_table(lines, NAME.replace("state", "spec"), "local/a.yaml") is None
