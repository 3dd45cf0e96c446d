"""Parquet as a source, where pyarrow is installed, and what is said where it is not."""

# ruff: noqa: ANN401  (pyarrow has no types)
import io
import subprocess
import sys
from typing import Any

import pytest
from reading_outline import codes_in, faults_of
from source_files import CHARGE, ITEM, SOURCE_PATH, rows_in, source_of

from reconciler.core.declaration import Flags
from reconciler.formats import parquet
from reconciler.formats.sources import SourceFormat
from reconciler.formats.yaml_reader import MAX_FAULTS

SUBSCRIPTIONS = source_of(SourceFormat.PARQUET)
ITEMS = source_of(SourceFormat.PARQUET, ITEM)


@pytest.fixture(scope="module")
def arrow() -> Any:
    return pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'reconciler[parquet]'")


def parquet_of(arrow: Any, columns: Any, **options: Any) -> bytes:
    """*columns*: values by name, or pairs of name and array where a name stands twice."""
    from pyarrow.parquet import write_table  # noqa: PLC0415

    pairs = [*(columns.items() if isinstance(columns, dict) else columns)]
    table = arrow.table(
        [arrow.array(values) if isinstance(values, list) else values for _, values in pairs],
        names=[name for name, _ in pairs],
    )
    written = io.BytesIO()
    write_table(table, written, **options)
    return written.getvalue()


def test_rows_are_read_with_their_own_flags_and_null_says_nothing(arrow: Any) -> None:
    columns = {
        "subscriptionName": ["A", "é", "C"],
        "subscriptionVersion": [1, 2, 999_999_999],
        "onlyReSend": [None, True, False],
        "reMigrate": [None, False, False],
        "trigger": ["u", None, "v"],
    }
    reading, declared = rows_in(parquet_of(arrow, columns), SUBSCRIPTIONS)

    assert faults_of(reading) == []
    assert [(each.target.key, each.flags, each.trigger, each.reason, str(each.place)) for each in declared] == [
        (("A", 1), Flags.REWRITE_AND_RECOLLECT, "u", "r", f"{SOURCE_PATH}:1:1"),
        (("é", 2), Flags.RESEND, "t", "r", f"{SOURCE_PATH}:2:1"),
        (("C", 999_999_999), Flags.REWRITE, "v", "r", f"{SOURCE_PATH}:3:1"),
    ]


def test_text_may_be_stored_as_a_dictionary_as_large_strings_and_in_many_groups(arrow: Any) -> None:
    names = [f"{number:05d}" for number in range(20_000)]
    columns = {
        "orderNumber": arrow.array(names, arrow.large_string()),
        "itemNumber": arrow.array(["007"] * len(names)).dictionary_encode(),
        "owner": arrow.nulls(len(names)),
    }
    reading, declared = rows_in(parquet_of(arrow, columns, row_group_size=3_000, compression="gzip"), ITEMS)

    assert faults_of(reading) == []
    assert [each.target.key for each in declared] == [(name, "007") for name in names]
    assert [each.place.line for each in declared] == [*range(1, len(names) + 1)]


FAULTS: dict[str, tuple[Any, list[str]]] = {
    "numbers for text": ({"orderNumber": ["O"], "itemNumber": [7]}, ["wrong-column-type 0:0"]),
    "numbers with points for text": ({"orderNumber": [1.5], "itemNumber": [1.0]}, ["wrong-column-type 0:0"] * 2),
    "bytes for text": ({"orderNumber": [b"O"], "itemNumber": ["1"]}, ["wrong-column-type 0:0"]),
    "lists for text": ({"orderLineItemId": [["a"]]}, ["wrong-column-type 0:0"]),
    "text for flags": (
        {"orderLineItemId": ["a"], "onlyReSend": ["true"], "reMigrate": [False]},
        ["wrong-column-type 0:0"],
    ),
    "an unknown column": ({"orderLineItemId": ["a"], "who": ["b"]}, ["unknown-key 0:0"]),
    "a column twice": ([("orderLineItemId", ["a"]), ("orderLineItemId", ["b"])], ["duplicate-key 0:0"]),
    "half a key": ({"orderNumber": ["O"]}, ["incomplete-key 0:0"]),
    "one of the flags": ({"orderLineItemId": ["a"], "reMigrate": [True]}, ["missing-flag 0:0"]),
    "no columns": ({}, ["empty-file 0:0"]),
    "null for a key": ({"orderNumber": ["O", None], "itemNumber": ["1", "2"]}, ["incomplete-key 2:1"]),
    "a row of nulls": ({"orderNumber": ["O", None], "itemNumber": ["1", None]}, ["missing-key 2:1"]),
    "null for one flag": (
        {"orderLineItemId": ["a", "b"], "onlyReSend": [True, None], "reMigrate": [False, True]},
        ["missing-flag 2:1"],
    ),
    "empty text": ({"orderLineItemId": ["a", ""]}, ["empty-text 2:1"]),
    "a space behind": ({"orderLineItemId": ["a "]}, ["outer-space 1:1"]),
}


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_is_told_with_the_number_of_its_row(arrow: Any, case: str) -> None:
    columns, expected = FAULTS[case]
    reading, _ = rows_in(parquet_of(arrow, columns), ITEMS)

    assert faults_of(reading) == expected
    assert all(each.hint for each in reading.diagnostics)


def test_versions_are_whole_numbers_and_nothing_else(arrow: Any) -> None:
    right = {"subscriptionName": ["A"] * 3, "subscriptionVersion": [0, 2**53 + 1, -1]}
    wrong = {"subscriptionName": ["A", "B"], "subscriptionVersion": [1.0, None]}

    assert faults_of(rows_in(parquet_of(arrow, right), SUBSCRIPTIONS)[0]) == [
        f"not-a-version {row}:1" for row in (1, 2, 3)
    ]
    (found,) = rows_in(parquet_of(arrow, wrong), SUBSCRIPTIONS)[0].diagnostics
    assert (found.code, found.hint) == ("wrong-column-type", "Store it as whole numbers.")


def test_numbers_for_text_are_answered_with_how_to_store_them(arrow: Any) -> None:
    content = parquet_of(arrow, {"chargeNumber": [42]})
    (found,) = rows_in(content, source_of(SourceFormat.PARQUET, CHARGE))[0].diagnostics

    assert (found.summary, found.hint) == (
        "the column 'chargeNumber' holds 'int64'",
        "Store it as text.",
    )


def test_no_rows_are_told(arrow: Any) -> None:
    content = parquet_of(arrow, {"chargeNumber": arrow.array([], arrow.string())})

    assert faults_of(rows_in(content, source_of(SourceFormat.PARQUET, CHARGE))[0]) == ["no-rows 0:0"]


def test_a_thousand_faults_are_told_and_then_that_there_may_be_more(arrow: Any) -> None:
    reading, _ = rows_in(parquet_of(arrow, {"orderLineItemId": [" a"] * (MAX_FAULTS + 10)}), ITEMS)

    assert len(reading.diagnostics) == MAX_FAULTS + 1
    assert reading.diagnostics[-1].code == "too-many-faults"


@pytest.mark.parametrize("cut", ["nothing", "text", "no end", "damaged"])
def test_a_file_that_is_no_whole_parquet_is_refused(arrow: Any, cut: str) -> None:
    whole = parquet_of(arrow, {"orderLineItemId": [f"a{number}" for number in range(10_000)]})
    damaged = {
        "nothing": b"",
        "text": b"orderLineItemId\na\n",
        "no end": whole[:-20],
        "damaged": whole[:100] + b"\0" * 1_000 + whole[1_100:],
    }
    reading, _ = rows_in(damaged[cut], ITEMS)

    assert faults_of(reading) == ["not-parquet 0:0"]


def test_bytes_that_are_no_text_are_told_where_text_is_due(arrow: Any) -> None:
    """Neither the writer nor the reader of Parquet looks whether a text is UTF-8."""
    offsets, content = (arrow.py_buffer(each) for each in (b"\0\0\0\0\3\0\0\0", b"a\xffb"))
    text = arrow.Array.from_buffers(arrow.string(), 1, [None, offsets, content])
    in_value = parquet_of(arrow, {"orderLineItemId": text}, use_dictionary=False, write_statistics=False)
    in_name = parquet_of(arrow, {"orderLineItemId": ["a"], "trigge": ["t"]}).replace(b"trigge", b"trig\xff\xff")

    assert faults_of(rows_in(in_value, ITEMS)[0]) == ["not-utf-8 0:0"]
    assert faults_of(rows_in(in_name, ITEMS)[0]) == ["not-utf-8 0:0"]


def test_a_long_text_that_all_rows_refer_to_is_not_unpacked_for_each(arrow: Any) -> None:
    """Some kilobytes of file would be gigabytes of rows."""
    content = parquet_of(arrow, {"orderLineItemId": ["a"] * 10, "reason": ["r" * 1_000_000] * 10})
    reading, declared = rows_in(content, ITEMS)
    (found,) = reading.diagnostics

    assert len(content) < 200_000
    assert (found.code, found.summary) == ("text-too-long", "the column reason holds a text of 1,000,000 bytes")
    assert declared == []


def thrift_number(value: int) -> bytes:
    """As the footer of Parquet has it: the sign last, seven bits a byte, the least first."""
    sevens = [value << 1 >> shift for shift in range(0, 64, 7) if value << 1 >> shift]
    return bytes([*(each & 127 | 128 for each in sevens[:-1]), sevens[-1]])


@pytest.mark.parametrize("claimed", [10_000_001, 2_000_000])
def test_more_rows_than_anybody_means_are_told_before_one_is_read(arrow: Any, claimed: int) -> None:
    """A small file would be gigabytes of declarations. What counts are its groups, whatever it claims of them all."""
    same = arrow.DictionaryArray.from_arrays(arrow.array(bytes(parquet.MOST_ROWS + 1), arrow.int8()), ["a"])
    whole = parquet_of(arrow, {"orderLineItemId": same}, compression="zstd", row_group_size=2**22)
    content = whole.replace(thrift_number(parquet.MOST_ROWS + 1), thrift_number(claimed))
    reading, declared = rows_in(content, ITEMS)
    (found,) = reading.diagnostics

    assert len(content) < 100_000
    assert (content == whole) == (claimed == parquet.MOST_ROWS + 1)
    assert (found.code, found.summary) == ("too-many-rows", "the file has 10,000,001 rows")
    assert declared == []


def test_what_a_file_calls_its_columns_and_types_is_shown_made_visible_and_cut(arrow: Any) -> None:
    fields = {f"field-{number}": number for number in range(1_000)}
    reading, _ = rows_in(parquet_of(arrow, {"orderLineItemId": [fields], "a\n::error::b\x1b[8m": [1]}), ITEMS)
    found = [each.summary + each.detail + each.hint for each in reading.diagnostics]

    assert len(found) == 3
    assert all(each.isprintable() and len(each) < 300 for each in found)


def test_the_tests_cover_every_code_of_the_reader() -> None:
    covered = {fault.partition(" ")[0] for _, faults in FAULTS.values() for fault in faults}

    others = {"no-rows", "not-parquet", "no-parquet", "not-utf-8", "text-too-long", "too-many-rows"}

    assert codes_in(parquet.__file__) <= covered | others


def test_without_pyarrow_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (found,) = rows_in(b"PAR1", ITEMS)[0].diagnostics

    assert found.code == "no-parquet"
    assert "reconciler[parquet]" in found.hint


def test_pyarrow_is_loaded_for_parquet_only() -> None:
    program = "import sys, reconciler.workspace.folder; print('pyarrow' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout == "False\n"
