"""Reading a key map: every fault at its cell, in one pass."""

import pytest

from reconciler.core.keymap import KeyMap
from reconciler.formats.keymap import read_keymap
from reconciler.formats.yaml_reader import Reading

HEAD = "field,as_written,in_tenant\n"
GOOD = f"{HEAD}subscriptionName,A-S1,P-1\norderNumber,O-1,O-1\nsubscriptionName,A-S2,A-S1\n"


def read(content: bytes) -> tuple[KeyMap, list[str]]:
    reading = Reading("keys/production.csv")
    found = read_keymap(content, reading)
    return found, [f"{each.code} {each.place.line}:{each.place.column}" for each in reading.diagnostics]


@pytest.mark.parametrize("content", [GOOD.encode(), GOOD.replace("\n", "\r\n").encode(), f"\ufeff{GOOD}".encode()])
def test_a_map_is_read_by_field(content: bytes) -> None:
    found, faults = read(content)

    assert faults == []
    assert found.fields == {"subscriptionName": {"A-S1": "P-1", "A-S2": "A-S1"}, "orderNumber": {"O-1": "O-1"}}


def test_columns_may_stand_in_any_order_and_quotes_hold_commas() -> None:
    found, faults = read(b'in_tenant,field,as_written\n"P,1",chargeNumber,"C ""1"""\n')

    assert faults == []
    assert found.fields == {"chargeNumber": {'C "1"': "P,1"}}


FAULTS = {
    "nothing": (b"", ["no-rows 0:0"]),
    "no header": (b"subscriptionName,A-S1,P-1\n", ["missing-field 1:1"] * 3 + ["unknown-key 1:1"] * 3),
    "a column twice": (b"field,as_written,in_tenant,field\n", ["duplicate-key 1:1"]),
    "a column too many": (b"field,as_written,in_tenant,note\n", ["unknown-key 1:1"]),
    "a row too short": (f"{HEAD}subscriptionName,A-S1\n".encode(), ["wrong-cell-count 2:1"]),
    "a field that cannot be mapped": (f"{HEAD}subscriptionVersion,1,2\n".encode(), ["unknown-value 2:1"]),
    "nothing as written": (f"{HEAD}chargeNumber,,C-1\n".encode(), ["empty-text 2:14"]),
    "nothing in the tenant": (f"{HEAD}chargeNumber,C-1,\n".encode(), ["empty-text 2:18"]),
    "a space around": (f"{HEAD}chargeNumber, C-1,C-2 \n".encode(), ["outer-space 2:14", "outer-space 2:19"]),
    "a hidden character": (f"{HEAD}chargeNumber,C-1,C-\u200b2\n".encode(), ["unsafe-character 2:18"]),
    "too long": (f"{HEAD}chargeNumber,C-1,{'9' * 256}\n".encode(), ["text-too-long 2:18"]),
    "one number for two": (f"{HEAD}chargeNumber,C-1,P\nchargeNumber,C-2,P\n".encode(), ["mapped-twice 3:18"]),
    "two numbers for one": (f"{HEAD}chargeNumber,C-1,P\nchargeNumber,C-1,Q\n".encode(), ["mapped-twice 3:14"]),
    "the same row again": (
        f"{HEAD}chargeNumber,C-1,P\nchargeNumber,C-1,P\n".encode(),
        ["mapped-twice 3:14", "mapped-twice 3:18"],
    ),
    "an open quote": (f'{HEAD}chargeNumber,"C-1,P\n'.encode(), ["bad-quote 2:1"]),
    "a cell without end": (f"{HEAD}chargeNumber,{'9' * 140_000},P\n".encode(), ["record-too-long 2:1"]),
    "no UTF-8": (b"field,as_written,in_tenant\n\xff\n", ["not-utf-8 2:1"]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_is_told_at_its_cell(name: str) -> None:
    content, expected = FAULTS[name]

    assert read(content)[1] == expected


def test_a_header_alone_maps_nothing_and_is_no_fault() -> None:
    found, faults = read(HEAD.encode())

    assert (found.fields, faults) == ({}, [])


def test_one_number_of_two_fields_is_two_numbers() -> None:
    assert read(f"{HEAD}chargeNumber,X,P\norderNumber,X,P\n".encode())[1] == []


def test_a_row_behind_a_cell_of_two_lines_is_told_by_its_own_line() -> None:
    rows = f'{HEAD}chargeNumber,"C\n1",P\nchargeNumber,C-2,\n'

    assert read(rows.encode())[1] == ["unsafe-character 2:14", "empty-text 4:18"]
