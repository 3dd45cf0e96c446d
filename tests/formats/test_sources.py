"""Rows of CSV, TSV and JSON Lines: what they declare, and how every fault is told."""

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from reading_outline import codes_in, faults_of, spec_reading
from source_files import CHARGE, COMMON, ITEM, SOURCE_PATH, SUBSCRIPTION, csv_of, rows_in, source_of

from reconciler.core.declaration import Declaration, Flags
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.target import TargetType
from reconciler.formats import bulk, delimited, json_lines, rows, text_blocks
from reconciler.formats.common import Common
from reconciler.formats.fields import is_plainly_text
from reconciler.formats.sources import Source, SourceFormat
from reconciler.formats.text_blocks import BLOCK, MAX_LINE
from reconciler.formats.yaml_reader import MAX_FAULTS, Reading

HEAD = "subscriptionName,subscriptionVersion\n"
FLAGGED = "subscriptionName,subscriptionVersion,onlyReSend,reMigrate,trigger,reason,owner\n"
NO_COMMON = Common()
JSON = source_of(SourceFormat.JSON_LINES)
JSON_ITEMS = source_of(SourceFormat.JSON_LINES, ITEM)
TSV = source_of(SourceFormat.TSV)
MARK = "\ufeff"


def flags_of(columns: str) -> str:
    """A file of one row that says its own flags and texts."""
    return f"{FLAGGED}A,1,{columns}\n"


CSV_FAULTS: dict[str, tuple[str | bytes, list[str]]] = {
    "an empty file": ("", ["empty-file 0:0"]),
    "a mark and nothing else": (MARK, ["empty-file 0:0"]),
    "an empty first line": (f"\n{HEAD}A,1\n", ["empty-file 1:1"]),
    "a header only": (HEAD, ["no-rows 1:1"]),
    "a header without a line feed": (HEAD.strip(), ["no-rows 1:1"]),
    "a header and empty lines": (f"{HEAD}\n\r\n", ["no-rows 3:1"]),
    "an unknown column": ("subscriptionName,subscriptionVersion,Trigger\nA,1,t\n", ["unknown-key 1:38"]),
    "a misspelt column": ("subscriptionNme,subscriptionVersion\nA,1\n", ["unknown-key 1:1"]),
    "a column with spaces": ("subscriptionName, subscriptionVersion\nA,1\n", ["unknown-key 1:18"]),
    "a column without a name": ("subscriptionName,subscriptionVersion,\nA,1,\n", ["unknown-key 1:38"]),
    "flags as a column": ("subscriptionId,flags\nA,x\n", ["unknown-key 1:16"]),
    "versions as a column": ("subscriptionName,subscriptionVersions\nA,1\n", ["unknown-key 1:18"]),
    "a column twice": ("subscriptionId,reason,reason\na,b,c\n", ["duplicate-key 1:23"]),
    "a column three times": (
        "reason,subscriptionId,reason,reason\na,b,c,d\n",
        ["duplicate-key 1:23", "duplicate-key 1:30"],
    ),
    "columns of another type": (
        "orderNumber,itemNumber\nO,1\n",
        ["field-of-another-type 1:1", "field-of-another-type 1:13"],
    ),
    "half a key": ("subscriptionName\nA\n", ["incomplete-key 1:1"]),
    "the other half": ("reason,subscriptionVersion\nr,1\n", ["incomplete-key 1:8"]),
    "no key": ("trigger\nt\n", ["missing-key 1:1"]),
    "two keys": ("subscriptionId,subscriptionName,subscriptionVersion\na,A,1\n", ["named-twice 1:1"]),
    "one of the flags": ("subscriptionId,reMigrate\na,true\n", ["missing-flag 1:16"]),
    "a header in quotes that is wrong": ('"subscriptionId","a ""b"" c"\na,b\n', ["unknown-key 1:18"]),
    "semicolons": ("subscriptionName;subscriptionVersion\nA;1\n", ["wrong-separator 1:1"]),
    "a hint to a spreadsheet": ("sep=;\nsubscriptionName;subscriptionVersion\nA;1\n", ["wrong-separator 1:1"]),
    "tabs": ("subscriptionName\tsubscriptionVersion\nA\t1\n", ["wrong-separator 1:1"]),
    "UTF-16": (f"{MARK}{HEAD}".encode("utf-16-le"), ["not-utf-8 1:1"]),
    "UTF-16, the other way": (f"{MARK}{HEAD}".encode("utf-16-be"), ["not-utf-8 1:1"]),
    "Latin-1": (f"{HEAD}A,1\né,1,\xe9\n".encode("latin-1"), ["not-utf-8 3:1"]),
    "Latin-1 behind UTF-8": (f"{HEAD}A,0\né".encode() + b"\xe9,1\n", ["not-a-version 2:3", "not-utf-8 3:2"]),
    "half a character": (f"{HEAD}".encode() + b"A\xc3", ["not-utf-8 2:2"]),
    "merge markers": (f"{HEAD}A,1\n<<<<<<< HEAD\nB,1\n=======\n>>>>>>> x\n", ["merge-markers 3:1"]),
    "a merge marker that is left": (f"{HEAD}A,1\n>>>>>>> x\n", ["merge-markers 3:1"]),
    "NUL bytes": (b"\0" * 30, ["unknown-key 1:1"]),
    "a NUL in a cell": (f"{HEAD}A\0B,1\n", ["unsafe-character 2:1"]),
    "one cell": (f"{HEAD}A\nB,1\n", ["wrong-cell-count 2:1"]),
    "three cells": (f"{HEAD}A,1,\nB,1\n", ["wrong-cell-count 2:1"]),
    "as many cells as there should be, in other rows": (
        f"{HEAD}A,1,B\n2\n",
        ["wrong-cell-count 2:1", "wrong-cell-count 3:1"],
    ),
    "a quote that closes early": (f'{HEAD}"A"B,1\n"C" ,1\nD,1\n', ["bad-quote 2:1", "bad-quote 3:1"]),
    "a quote that is left open": (f'{HEAD}A,1\n"B,1\nC,1\n', ["open-quote 3:1"]),
    "a quote that is left open in a long file": (f'{HEAD}A,1\n"B,1\n' + "C,1\n" * BLOCK, ["open-quote 3:1"]),
    "a cell that is far too long": (f"{HEAD}A,1\n{'B' * 140_000},1\nC,x\n", ["record-too-long 3:1"]),
    "a header with a quote that is left open": (f'"{HEAD}', ["open-quote 1:1"]),
    "a record of many long cells": (f"{HEAD}A,1\nB" + ',"\n"' * BLOCK, ["record-too-long 3:1"]),
    "a line without an end": (f"{HEAD}A,1\n{'B' * (MAX_LINE + BLOCK)}", ["line-too-long 3:1"]),
    "old line ends": ("subscriptionName,subscriptionVersion\rA,1\rB,2\r", ["lone-carriage-return 1:1"]),
    "one old line end": (f"{HEAD}A,1\rB,2\nC,3\n", ["lone-carriage-return 2:1"]),
    "an empty row": (f"{HEAD},\n", ["missing-key 2:1"]),
    "an empty name": (f"{HEAD},1\n", ["incomplete-key 2:2"]),
    "an empty name in quotes": (f'{HEAD}"",1\n', ["incomplete-key 2:4"]),
    "an empty version": (f"{HEAD}A,\n", ["incomplete-key 2:1"]),
    "a space before": (f"{HEAD} A,1\n", ["outer-space 2:1"]),
    "a space behind": (f'{HEAD}"A ",1\n', ["outer-space 2:1"]),
    "a space before a version": (f"{HEAD}A, 1\n", ["not-a-version 2:3"]),
    "256 characters": (f"{HEAD}{'A' * 256},1\n", ["text-too-long 2:1"]),
    "right-to-left override": (f"{HEAD}A\u202eB,1\n", ["unsafe-character 2:1"]),
    "a zero-width space": (f"{HEAD}A\u200bB,1\n", ["unsafe-character 2:1"]),
    "a mark that is not at the head": (f"{HEAD}{MARK}A,1\n", ["unsafe-character 2:1"]),
    "a line break in a key": (f'{HEAD}"A\nB",1\nC,0\n', ["unsafe-character 2:1", "not-a-version 4:3"]),
    "a fault behind a line break": (
        'subscriptionId,reason,owner\na,"b\nc"," d"\n',
        ["unsafe-character 2:3", "outer-space 3:4"],
    ),
    "a flag said with yes": (flags_of("yes,false,,,"), ["not-a-boolean 2:5"]),
    "flags said with digits": (flags_of("0,1,,,"), ["not-a-boolean 2:5", "not-a-boolean 2:7"]),
    "both flags": (flags_of("true,true,,,"), ["flags-exclude-each-other 2:1"]),
    "one flag of a row": (flags_of(",true,,,"), ["missing-flag 2:1"]),
    "a trigger of spaces": (flags_of(",, ,,"), ["outer-space 2:7"]),
    "faults in every cell": (
        f'{FLAGGED} A,0,no,1," t",r ,{"o" * 256}\n',
        [
            *("outer-space 2:1", "not-a-version 2:4", "not-a-boolean 2:6", "not-a-boolean 2:9"),
            *("outer-space 2:11", "outer-space 2:16", "text-too-long 2:19"),
        ],
    ),
    **{
        f"{value} for a version": (f"{HEAD}A,{value}\n", ["not-a-version 2:3"])
        for value in (
            *("0", "-1", "+1", "01", "1.0", "1e3", "1_000", "0x1F", "one", "true", "\u0661", "2026-11-22"),
            *("1000000000", str(2**53 + 1), "1" * 5_000),
        )
    },
}

ITEM_LINE = '{"orderNumber": "O-1", "itemNumber": '
JSON_FAULTS: dict[str, tuple[str | bytes, list[str]]] = {
    "an empty file": ("", ["empty-file 0:0"]),
    "empty lines": ("\n  \n\r\n", ["empty-file 0:0"]),
    "UTF-16": (f"{MARK}{{}}".encode("utf-16-le"), ["not-utf-8 1:1"]),
    "Latin-1": (b'{"orderLineItemId": "a"}\n{"orderLineItemId": "\xe9"}\n', ["not-utf-8 2:22"]),
    "a list of objects": ('[{"orderLineItemId": "a"}]\n', ["wrong-shape 1:1"]),
    "text": ('{"orderLineItemId": "a"}\n"b"\n', ["wrong-shape 2:1"]),
    "a number": ("1\n", ["wrong-shape 1:1"]),
    "null": ("null\n", ["wrong-shape 1:1"]),
    "an object over two lines": ('{"orderLineItemId":\n"a"}\n', ["not-json 1:20", "not-json 2:4"]),
    "two objects in a line": ('{"orderLineItemId": "a"} {"orderLineItemId": "b"}\n', ["not-json 1:26"]),
    "a comma behind": ('{"orderLineItemId": "a"},\n', ["not-json 1:25"]),
    "single quotes": ("{'orderLineItemId': 'a'}\n", ["not-json 1:2"]),
    "a tab in text": ('{"orderLineItemId": "a\tb"}\n', ["not-json 1:23"]),
    "NaN": ('{"orderLineItemId": NaN}\n', ["not-json 1:1"]),
    "a number of 5,000 digits": (f"{ITEM_LINE}{'1' * 5_000}}}\n", ["not-json 1:1"]),
    "many brackets": (f"{ITEM_LINE}{'[' * 100_000}\n", ["not-json 1:1"]),
    "merge markers": ('{"orderLineItemId": "a"}\n<<<<<<< HEAD\n', ["merge-markers 2:1"]),
    "a key twice": ('{"orderLineItemId": "a", "orderLineItemId": "b"}\n', ["duplicate-key 1:26"]),
    "a key twice, escaped": ('{"orderLineItemId": "a", "order\\u004cineItemId": "b"}\n', ["duplicate-key 1:26"]),
    "a key twice inside": ('{"orderLineItemId": {"a": 1, "a": 2}}\n', ["duplicate-key 1:1"]),
    "an unknown field": (
        '{"orderLineItemId": "a", "who": {"b": [":,"]}, "why": 1}\n',
        ["unknown-key 1:33", "unknown-key 1:55"],
    ),
    "flags as an object": ('{"orderLineItemId": "a", "flags": {}}\n', ["unknown-key 1:35"]),
    "a field of another type": ('{"chargeNumber": "C"}\n', ["field-of-another-type 1:18"]),
    "no field": ("{}\n", ["missing-key 1:1"]),
    "half a key": ('{"orderNumber": "O"}\n', ["incomplete-key 1:17"]),
    "two keys": (f'{ITEM_LINE}"1", "orderLineItemId": "a"}}\n', ["named-twice 1:62"]),
    "a number for text": (f"{ITEM_LINE}7}}\n", ["unquoted-text 1:38"]),
    "a long number for text": (f"{ITEM_LINE}9007199254740993}}\n", ["unquoted-text 1:38"]),
    "a number with a point for text": (f"{ITEM_LINE}1.0}}\n", ["unquoted-text 1:38"]),
    "a truth value for text": (f"{ITEM_LINE}true}}\n", ["unquoted-text 1:38"]),
    "null for text": (f"{ITEM_LINE}null}}\n", ["missing-value 1:38"]),
    "empty text": (f'{ITEM_LINE}""}}\n', ["empty-text 1:38"]),
    "a list for text": (f'{ITEM_LINE}["1"]}}\n', ["wrong-shape 1:38"]),
    "an object for text": (f"{ITEM_LINE}{{}}}}\n", ["wrong-shape 1:38"]),
    "half a surrogate pair": (f'{ITEM_LINE}"\\ud800"}}\n', ["unsafe-character 1:38"]),
    "a NUL": (f'{ITEM_LINE}"\\u0000"}}\n', ["unsafe-character 1:38"]),
    "a flag in quotes": (f'{ITEM_LINE}"1", "onlyReSend": "true", "reMigrate": false}}\n', ["not-a-boolean 1:57"]),
    "a flag of null": (f'{ITEM_LINE}"1", "onlyReSend": null, "reMigrate": false}}\n', ["not-a-boolean 1:57"]),
    "flags said with digits": (
        f'{ITEM_LINE}"1", "onlyReSend": 0, "reMigrate": 1}}\n',
        ["not-a-boolean 1:57", "not-a-boolean 1:73"],
    ),
    "one flag": (f'{ITEM_LINE}"1", "reMigrate": true}}\n', ["missing-flag 1:1"]),
}

VERSION_LINE = '{"subscriptionName": "A", "subscriptionVersion": '
JSON_VERSIONS = ["0", "-1", "1.0", "1e3", "1E0", "true", '"1"', "null", "1000000000", str(2**53 + 1), "1" * 300]


@pytest.mark.parametrize("case", CSV_FAULTS)
def test_every_fault_of_csv_is_told_with_its_place_and_nothing_else_is(case: str) -> None:
    content, expected = CSV_FAULTS[case]

    assert faults_of(rows_in(content)[0]) == expected


@pytest.mark.parametrize("case", JSON_FAULTS)
def test_every_fault_of_json_lines_is_told_with_its_place_and_nothing_else_is(case: str) -> None:
    content, expected = JSON_FAULTS[case]

    assert faults_of(rows_in(content, JSON_ITEMS)[0]) == expected


@pytest.mark.parametrize("value", JSON_VERSIONS)
def test_a_version_in_json_lines_is_digits_from_1_as_in_yaml(value: str) -> None:
    assert faults_of(rows_in(f"{VERSION_LINE}{value}}}\n", JSON)[0]) == ["not-a-version 1:50"]


@pytest.mark.timeout(20)
def test_a_line_of_a_hundred_thousand_keys_is_answered_like_any_other() -> None:
    """In a time that grows with the square of the keys it would take minutes."""
    keys = ",".join(f'"{number:05}":1' for number in range(100_000))
    line = f'{{{keys},"99999":1}}\n'

    assert len(line) < MAX_LINE
    assert faults_of(rows_in(line, JSON)[0]) == ["duplicate-key 1:1000002"]


def test_what_lacks_at_the_end_of_a_line_is_missed_behind_its_last_character() -> None:
    assert faults_of(rows_in('{"subscriptionId": "a"\r\n', JSON)[0]) == ["not-json 1:23"]


def test_the_tables_cover_every_code_of_the_readers() -> None:
    covered = {
        fault.partition(" ")[0] for table in (CSV_FAULTS, JSON_FAULTS) for _, found in table.values() for fault in found
    }

    modules = [module.__file__ for module in (bulk, delimited, json_lines, rows, text_blocks)]
    broken = {"line-too-long", "record-too-long", "not-utf-8", "merge-markers"}
    assert codes_in(*modules) | broken <= covered | {"too-many-faults"}


@pytest.mark.parametrize(
    ("content", "source"),
    [
        *((text, source_of()) for text, _ in CSV_FAULTS.values()),
        *((text, JSON_ITEMS) for text, _ in JSON_FAULTS.values()),
    ],
    ids=[*(f"csv: {case}" for case in CSV_FAULTS), *(f"jsonl: {case}" for case in JSON_FAULTS)],
)
def test_every_fault_says_what_to_do_in_a_few_printable_words(content: str | bytes, source: Source) -> None:
    for found in rows_in(content, source)[0].diagnostics:
        assert 0 < len(found.hint) < 300, found
        assert len(found.summary) < 200, found
        assert (found.summary + found.detail + found.hint).isprintable(), found


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("subscriptionName;subscriptionVersion\nA;1\n", "Save it with commas; spreadsheets take the separator"),
        ("subscriptionName\tsubscriptionVersion\nA\t1\n", "Name the file with tsv:"),
        ("SubscriptionId\nA\n", "Did you mean 'subscriptionId'?"),
        ("orderLineItemId\nA\n", "Name the file in a source with type: OrderLineItem."),
        ("subscriptionName\nA\n", "Add subscriptionVersion."),
        (f"{HEAD}A ,1\n", "Remove the space around 'A'."),
        (f"{HEAD}{'A' * 140_000},1\n", "Check that the file is what it is named."),
        (f"{HEAD}A,1,B\n", "Put a value that holds one of the commas between double quotes."),
    ],
)
def test_a_hint_names_what_to_write(content: str, hint: str) -> None:
    assert rows_in(content)[0].diagnostics[0].hint.startswith(hint)


@pytest.mark.parametrize(
    ("content", "source", "expected"),
    [
        ("subscriptionId\na\nb\n", source_of(common=NO_COMMON), ["missing-flags 1:1"]),
        (f"{FLAGGED}A,1,,,,,\n", source_of(common=NO_COMMON), ["missing-flags 2:1"]),
        ('{"subscriptionId": "a"}\n', source_of(SourceFormat.JSON_LINES, common=NO_COMMON), ["missing-flags 1:1"]),
    ],
)
def test_flags_that_nobody_has_said_are_missed_once_for_a_header_or_else_in_each_row(
    content: str, source: Source, expected: list[str]
) -> None:
    assert faults_of(rows_in(content, source)[0]) == expected


def test_bad_flags_of_the_spec_file_are_not_told_again_for_its_rows() -> None:
    assert faults_of(rows_in(f"{HEAD}A,1\n", source_of(common=Common(bad_flags=True)))[0]) == []


def test_a_fault_in_one_row_hides_none_in_the_next_and_leaves_out_that_row_only() -> None:
    reading, declared = rows_in(f'{HEAD}A,1\nB,0\nC,1,1\n"D"D,1\nE,-1\n F,1\nG,1\n')

    assert faults_of(reading) == [
        *("not-a-version 3:3", "wrong-cell-count 4:1", "bad-quote 5:1", "not-a-version 6:3", "outer-space 7:1"),
    ]
    assert [each.address for each in declared] == ["Subscription/A@1", "Subscription/G@1"]


@pytest.mark.parametrize("bad", ["A,0\n", "A\n", '"A"A,1\n'])
def test_a_thousand_faults_are_told_and_then_that_there_may_be_more(bad: str) -> None:
    reading, _ = rows_in(HEAD + bad * (MAX_FAULTS + 10))

    assert len(reading.diagnostics) == MAX_FAULTS + 1
    assert (reading.diagnostics[-1].code, reading.diagnostics[-1].place.line) == ("too-many-faults", MAX_FAULTS + 1)


def outline(declarations: list[Declaration]) -> list[tuple[object, ...]]:
    return [
        (each.target.type, each.target.key, each.flags, each.trigger, each.reason, each.owner) for each in declarations
    ]


def test_what_a_row_says_wins_over_what_the_source_says_and_an_empty_cell_says_nothing() -> None:
    text = f"{FLAGGED}A,1,,,,,\nB,2,true,FALSE,u,s,p\nC,3,False,false,u,,\n"
    _, declared = rows_in(text)

    assert outline(declared) == [
        (SUBSCRIPTION, ("A", 1), Flags.REWRITE_AND_RECOLLECT, "t", "r", "o"),
        (SUBSCRIPTION, ("B", 2), Flags.RESEND, "u", "s", "p"),
        (SUBSCRIPTION, ("C", 3), Flags.REWRITE, "u", "r", "o"),
    ]


@pytest.mark.parametrize("source", [source_of(), TSV], ids=["csv", "tsv"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", ["", MARK])
@pytest.mark.parametrize("last", ["", "\n", "\r\n\r\n"])
def test_line_ends_marks_and_quotes_change_nothing(source: Source, line_end: str, mark: str, last: str) -> None:
    delimiter = "\t" if source.format is SourceFormat.TSV else ","
    lines = [["subscriptionName", "subscriptionVersion"], ['"A,', "1"], [], ["é", "2"]]
    text = mark + csv_of(lines, delimiter=delimiter, line_end=line_end).rstrip("\r\n") + last
    reading, declared = rows_in(text, source)

    assert faults_of(reading) == []
    assert [(each.target.key, str(each.place)) for each in declared] == [
        (('"A,', 1), f"{SOURCE_PATH}:2:1"),
        (("é", 2), f"{SOURCE_PATH}:4:1"),
    ]


@pytest.mark.parametrize(
    "value", ["007", "0", "NO", "~", "null", "1_000", "12:30:45", "2026-11-22", "1e3", "9007199254740993"]
)
def test_every_value_of_csv_is_the_text_that_is_written(value: str) -> None:
    (declared,) = rows_in(f"orderNumber,itemNumber\n{value},{value}\n", source_of(type_=ITEM))[1]

    assert declared.target.key == (value, value)


def test_every_type_is_read_by_number_and_by_id() -> None:
    files = {
        "subscriptionVersion,subscriptionName\n1,A\n": SUBSCRIPTION,
        "subscriptionId\na\n": SUBSCRIPTION,
        "itemNumber,orderNumber\n1,O\n": ITEM,
        "orderLineItemId\na\n": ITEM,
        "chargeNumber\nC\n": CHARGE,
        "ratePlanChargeId\na\n": CHARGE,
    }

    assert [rows_in(text, source_of(type_=type_))[1][0].address for text, type_ in files.items()] == [
        "Subscription/A@1",
        "Subscription/id:a",
        "OrderLineItem/O#1",
        "OrderLineItem/id:a",
        "DynamicUsageCharge/C",
        "DynamicUsageCharge/id:a",
    ]


def test_objects_of_json_lines_may_differ_in_fields_and_their_order() -> None:
    text = (
        '{"subscriptionId": "a"}\n'
        '\n{"reMigrate": false, "onlyReSend": true, "subscriptionVersion": 1, "subscriptionName": "\\u00e9"}\n'
        '{"subscriptionName": "A", "subscriptionVersion": 999999999, "trigger": "u"}'
    )
    reading, declared = rows_in(text, JSON)

    assert faults_of(reading) == []
    assert outline(declared) == [
        (SUBSCRIPTION, ("a",), Flags.REWRITE_AND_RECOLLECT, "t", "r", "o"),
        (SUBSCRIPTION, ("é", 1), Flags.RESEND, "t", "r", "o"),
        (SUBSCRIPTION, ("A", 999_999_999), Flags.REWRITE_AND_RECOLLECT, "u", "r", "o"),
    ]
    assert [str(each.place) for each in declared] == [f"{SOURCE_PATH}:{line}:1" for line in (1, 3, 4)]


def test_rows_share_what_they_say_alike() -> None:
    text = FLAGGED + "".join(f"A{number},1,true,false,some trigger,some reason,some owner\n" for number in range(1_000))
    declared = rows_in(text)[1]

    assert len({(id(each.trigger), id(each.reason), id(each.owner)) for each in declared}) == 1


VALUES = [
    "",
    "A",
    "007",
    " A",
    "A ",
    "é",
    "\u3000",
    "a\u00adb",
    "\ue000",
    "a" * 255,
    "a" * 256,
    "0",
    "1",
    "01",
    "1.0",
    "true",
]
VALUES += ["False", "TRUE", "yes", "t,", "t\n", 't"', "999999999", "1000000000", "\u0661"]
cells = st.sampled_from(VALUES) | st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
ALL_FIELDS = [
    "subscriptionName",
    "subscriptionVersion",
    "subscriptionId",
    "onlyReSend",
    "reMigrate",
    "trigger",
    "reason",
    "owner",
]
ALL_FIELDS += ["chargeNumber", "who"]


def spec_of(row: dict[str, object]) -> str:
    """A spec file that declares what *row* declares."""
    flags = {name: row.pop(name) for name in ("onlyReSend", "reMigrate") if name in row}
    declaration = {**row, "flags": flags} if flags else row
    head = {
        "version": 1,
        "flags": {"onlyReSend": False, "reMigrate": True},
        "trigger": "t",
        "reason": "r",
        "owner": "o",
    }
    text = json.dumps({**head, "subscriptions": [declaration]}, ensure_ascii=False)
    return "".join(each if each.isprintable() else f"\\U{ord(each):08x}" for each in text)


def as_in_yaml(name: str, cell: str) -> object:
    """A cell of CSV as the value that the same declaration has in YAML."""
    if name == "subscriptionVersion":
        return int(cell) if cell.isascii() and cell.isdecimal() and str(int(cell)) == cell else cell
    return {"true": True, "false": False}.get(cell.lower(), cell) if name in ("onlyReSend", "reMigrate") else cell


def codes_of(reading: Reading) -> set[str]:
    return {each.code for each in reading.diagnostics}


@given(
    row=st.dictionaries(st.sampled_from(ALL_FIELDS), st.sampled_from([*VALUES, 1, 0, True, False, None, 1.5, [], {}]))
)
def test_an_object_of_json_lines_means_what_the_same_declaration_means_in_a_spec_file(row: dict[str, object]) -> None:
    reading, declared = rows_in(json.dumps(row), JSON)
    expected, in_spec = spec_reading(spec_of(dict(row)))
    event("refused" if in_spec == [] else "accepted")

    assert codes_of(reading) == codes_of(expected)
    assert outline(declared) == outline(in_spec)


keys = st.sampled_from([{"subscriptionName", "subscriptionVersion"}, {"subscriptionId"}])
flag_columns = st.sampled_from([set(), {"onlyReSend", "reMigrate"}])
headers = st.tuples(keys, flag_columns, st.sets(st.sampled_from(["trigger", "reason", "owner"]))).map(
    lambda parts: sorted(set().union(*parts))
)


@given(row=headers.flatmap(lambda names: st.fixed_dictionaries(dict.fromkeys(names, cells))))
def test_a_row_of_csv_means_what_the_same_declaration_means_in_a_spec_file(row: dict[str, str]) -> None:
    """Where the header is right: what is wrong with a header is not told again for each row."""
    text = csv_of([[*row], [*row.values()]], line_end="\r\n")  # with "\n" the writer leaves a "\r" unquoted
    reading, declared = rows_in(text)
    said = {name: as_in_yaml(name, cell) for name, cell in row.items() if cell}
    expected, in_spec = spec_reading(spec_of(said))
    event("refused" if in_spec == [] else "accepted")

    assert outline(declared) == outline(in_spec)
    assert codes_of(reading) == codes_of(expected)


hostile = st.text(st.sampled_from("Aé\",;\t'\\#|~ \ue0000\u3000"), min_size=1, max_size=8).filter(
    lambda text: text == text.strip()
)


@given(
    table=st.lists(st.tuples(hostile, hostile, hostile | st.just("")), min_size=1, max_size=20),
    source=st.sampled_from([source_of(type_=ITEM), source_of(SourceFormat.TSV, ITEM)]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_the_standard_library_writes_is_read_back(
    table: list[tuple[str, str, str]], source: Source, line_end: str
) -> None:
    delimiter = "\t" if source.format is SourceFormat.TSV else ","
    text = csv_of([("orderNumber", "itemNumber", "reason"), *table], delimiter=delimiter, line_end=line_end)
    reading, declared = rows_in(text, source)
    right = [row for row in table if not any("\t" in cell for cell in row)]

    assert [(*each.target.key, each.reason) for each in declared] == [(a, b, c or COMMON.reason) for a, b, c in right]
    assert codes_of(reading) == ({"unsafe-character"} if len(right) < len(table) else set())


def told(content: str, source: Source) -> tuple[list[Diagnostic], list[Declaration]]:
    reading, declared = rows_in(content, source)
    return sorted(reading.diagnostics, key=lambda each: (each.place, each.code)), declared


NAMES = st.sampled_from(["A", "B-1", "é", "a b"]) | st.sampled_from(
    [" A", "A\rB", '"A"', '"A', "A\0", "", "A,B", "x" * 256]
)
PLAIN_ROWS = st.tuples(st.just("A"), st.integers(1, 12).map(str))
OTHER_ROWS = st.tuples(NAMES, st.sampled_from(["1", "0", "01", "", "\u0661", "1,1", "999999999"]))


@given(
    rows=st.lists(st.lists(PLAIN_ROWS, min_size=1, max_size=8) | st.lists(OTHER_ROWS, max_size=2), max_size=12),
    own=st.lists(st.sampled_from(["r", "s", "", " r"]), max_size=3),
    ends=st.sampled_from([("\n", ""), ("\n", "\n"), ("\r\n", "\r\n"), ("\n", "\n\n"), ("\n\n", "")]),
    format_=st.sampled_from([SourceFormat.CSV, SourceFormat.TSV]),
)
def test_rows_that_are_taken_together_are_what_each_is_by_itself(
    rows: list[list[tuple[str, str]]], own: list[str], ends: tuple[str, str], format_: SourceFormat
) -> None:
    """Blocks are small, so that few rows make many: some are plain, and others are not."""
    lines = [f"{name},{version}" for some in rows for name, version in some]
    if own:
        lines = [f"{line},{own[number % len(own)]}" for number, line in enumerate(lines)]
    head = HEAD.strip() + ",reason" * bool(own)
    text = ends[0].join([head, *lines]) + ends[1]
    source = source_of(format_)
    if format_ is SourceFormat.TSV:
        text = text.replace(",", "\t")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_blocks, "BLOCK", 32)
        together = told(text, source)
        patch.setattr(delimited.DelimitedReader, "_take_plain", lambda *_: False)
        each_by_itself = told(text, source)
    event("refused" if together[0] else "accepted")

    assert together == each_by_itself


def test_plain_rows_are_not_looked_at_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def take(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(rows.RowReader, "take", take)
    lines = [f"A-{number},{number % 9 + 1},t" for number in range(BLOCK // 4)]
    for line_end in ("\n", "\r\n"):
        text = line_end.join([f"{HEAD.strip()},trigger", *lines])
        reading, declared = rows_in(text)

        assert faults_of(reading) == []
        assert [(each.target.key[0], each.place.line) for each in declared] == [
            (f"A-{number}", number + 2) for number in range(len(lines))
        ]


@given(text=st.lists(st.sampled_from(['"', '""', ",", ',"', '",', "\n", "a", "é"]), max_size=30).map("".join))
def test_a_cell_is_placed_where_it_begins(text: str) -> None:
    """Who begins to read there finds the same cell first."""
    try:
        record = next(csv.reader(io.StringIO(text, newline="\n"), strict=True), [])
    except csv.Error:
        record = []
    assume(record)
    reader = csv.reader(io.StringIO(text, newline="\n"), strict=True)
    next(reader)
    lines = text.split("\n")[: reader.line_num]
    places = delimited.cell_places("\n".join(lines), 1, ",")

    assert len(places) == len(record)
    for cell, (line, column) in zip(record, places, strict=True):
        rest = "\n".join([lines[line - 1][column - 1 :], *lines[line:]])
        assert (next(csv.reader(io.StringIO(rest, newline="\n")), None) or [""])[0] == cell


@given(text=st.text())
def test_what_is_plainly_text_is_text(text: str) -> None:
    if is_plainly_text(text):
        assert spec_reading(spec_of({"subscriptionId": text}))[1]


@given(
    content=st.binary()
    | st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"A", b"1", b"{", b":", b"\0", b"\xff"])).map(b"".join),
    format_=st.sampled_from([SourceFormat.CSV, SourceFormat.TSV, SourceFormat.JSON_LINES]),
    head=st.sampled_from(
        [b"", HEAD.encode(), HEAD.encode().replace(b",", b"\t"), b"subscriptionId\n", VERSION_LINE.encode()]
    ),
)
def test_no_bytes_raise_anything_and_nothing_is_taken_in_silence(
    content: bytes, format_: SourceFormat, head: bytes
) -> None:
    reading, declared = rows_in(head + content, source_of(format_))

    assert reading.diagnostics or declared


class Endless(io.RawIOBase):
    """A file that is made while it is read."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        self._rest = self._rest or next(self._pieces, b"")
        part, self._rest = self._rest[: len(view)], self._rest[len(view) :]
        view[: len(part)] = part
        return len(part)


def test_a_row_at_any_place_of_the_file_has_its_line_and_columns() -> None:
    """Across the bounds of blocks."""
    lines = 3 * BLOCK // 20
    text = HEAD + "".join(f"A-S{number:08d},{number % 1_000}\n" for number in range(lines))
    reading, declared = rows_in(text)

    assert faults_of(reading) == [f"not-a-version {line}:13" for line in range(2, lines + 2, 1_000)]
    assert all(each.place.line == int(str(each.target.key[0])[3:]) + 2 for each in declared)
    assert len(declared) + len(reading.diagnostics) == lines


@pytest.mark.parametrize("format_", [SourceFormat.CSV, SourceFormat.JSON_LINES])
def test_reading_needs_no_more_memory_for_a_longer_file(format_: SourceFormat, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for what is declared: here every line is empty. Blocks are small, so that a short file has many."""
    monkeypatch.setattr(text_blocks, "BLOCK", 4_096)

    def peak(blocks: int) -> int:
        head = b"subscriptionId,reason\n" if format_ is SourceFormat.CSV else b'{"subscriptionId": "a"}\n'
        body = (head if number == 0 else b"\n" * 4_096 for number in range(blocks))
        reading = Reading(SOURCE_PATH)
        tracemalloc.start()
        bulk.read_source(io.BufferedReader(Endless(body)), source_of(format_), reading)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(2)
    short, long = peak(10), peak(60)
    assert long < short + 4_096
    assert long < 64 * 4_096


def test_a_source_is_not_read_on_after_so_many_faults() -> None:
    taken = 0

    def body() -> Iterator[bytes]:
        nonlocal taken
        yield HEAD.encode()
        while True:
            taken += 1
            yield b"A,0\n" * 1_000

    reading = Reading(SOURCE_PATH)
    bulk.read_source(io.BufferedReader(Endless(body())), source_of(), reading)

    assert len(reading.diagnostics) == MAX_FAULTS + 1
    assert taken < 200


@pytest.mark.parametrize("type_", TargetType)
def test_places_and_addresses_are_those_of_the_rows(type_: TargetType) -> None:
    field = {SUBSCRIPTION: "subscriptionId", ITEM: "orderLineItemId", CHARGE: "ratePlanChargeId"}[type_]
    text = f'reason,{field}\nr,"a"\n"x, ""y""",b\n'

    assert [(each.address, str(each.place)) for each in rows_in(text, source_of(type_=type_))[1]] == [
        (f"{type_}/id:a", f"{SOURCE_PATH}:2:1"),
        (f"{type_}/id:b", f"{SOURCE_PATH}:3:1"),
    ]
