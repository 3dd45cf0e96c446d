"""Parquet: columns of text, whole numbers and booleans, batch by batch; null says nothing. Needs the extra `parquet`.

A row has no line: its place is its number in the file, from 1.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO

from reconciler.core.diagnostics import shown
from reconciler.core.table import Table
from reconciler.formats.columns import Columns, kind_of
from reconciler.formats.fields import MAX_TEXT
from reconciler.formats.rows import RowReader
from reconciler.formats.sources import Source
from reconciler.formats.yaml_reader import Reading, TooManyFaults

_BATCH = 8_192
_LONGEST = 4_096
"""Bytes of a text that are unpacked: four times what one that could be right has at most. A small file can say one
megabyte a thousand times, by referring to a dictionary."""

MOST_ROWS = 10_000_000
"""Rows of one file: about a third of what a text of 1 GiB can hold, as much as is read of one. A small file can say one
row a billion times."""

_HINTS = {str: "Store it as text.", int: "Store it as whole numbers.", bool: "Store it as booleans."}


class ParquetReader:
    """Reads one file; faults are added to *reading*."""

    def __init__(self, file: BinaryIO, source: Source, reading: Reading) -> None:
        self._file = file
        self._reading = reading
        self._rows = RowReader(source, reading, lambda _first, _last: [], typed=True)

    def read(self) -> Table:
        """Return what the rows declare."""
        try:
            import pyarrow as pa  # noqa: PLC0415  (an extra, and 25 ms)
            from pyarrow import parquet  # noqa: PLC0415
        except ImportError:
            hint = "Install reconciler[parquet], or export the rows as CSV."
            self._reading.report("no-parquet", "Parquet cannot be read here: pyarrow is missing", (0, 0), hint=hint)
            return self._rows.table
        try:
            with suppress(TooManyFaults):
                self._read(parquet)
        except UnicodeDecodeError as error:
            why, hint = f"Byte 0x{error.object[error.start]:02x} is not part of it.", "Write the file anew."
            self._reading.report(
                "not-utf-8", "a text or a name in the file is not UTF-8", (0, 0), detail=why, hint=hint
            )
        except (pa.ArrowException, OSError) as error:
            why, hint = f"{str(error).partition(chr(10))[0][:200]}.", "Write the file anew."
            self._reading.report("not-parquet", "the file is not whole Parquet", (0, 0), detail=why, hint=hint)
        return self._rows.table

    def _read(self, parquet: Any) -> None:  # noqa: ANN401  (pyarrow has no types)
        with parquet.ParquetFile(self._file) as table:
            schema, count = table.schema_arrow, _count(table.metadata)
        columns = self._rows.header(schema.names, [(0, 0)] * len(schema.names)) if schema.names else None
        types_are_right = [self._check_type(field) for field in schema]
        if columns is None or not all(types_are_right):
            if not schema.names:
                self._reading.report("empty-file", "the file has no columns", (0, 0), hint="Write the file anew.")
            return
        if count > MOST_ROWS:
            what, why = f"the file has {count:,} rows", f"At most {MOST_ROWS:,} of one file are read."
            self._reading.report("too-many-rows", what, (0, 0), detail=why, hint="Split it into several files.")
            return
        if self._can_be_unpacked(parquet, [name for name in schema.names if kind_of(name) is str]):
            with parquet.ParquetFile(self._file) as table:
                self._take_rows(columns, _rows(table))
        if count == 0:
            hint = "Add a row, or remove the source."
            self._reading.report("no-rows", "the file has columns and no rows", (0, 0), hint=hint)

    def _take_rows(self, columns: Columns, rows: Iterator[tuple[Any, ...]]) -> None:
        for number, cells in enumerate(rows, 1):
            said = [name for name, cell in zip(columns.names, cells, strict=True) if cell is not None]
            if len(said) == len(cells):
                self._rows.take(columns, cells, number, number)
            else:
                present = [cell for cell in cells if cell is not None]
                self._rows.take(self._rows.columns(tuple(said)), present, number, number)

    def _can_be_unpacked(self, parquet: Any, texts: list[str]) -> bool:  # noqa: ANN401
        """Report a dictionary with a text that is too long: rows refer to it, and each would be as long in memory."""
        from pyarrow import compute, types  # noqa: PLC0415

        with parquet.ParquetFile(self._file, read_dictionary=texts) as table:
            for group in range(table.num_row_groups):
                first = next(table.iter_batches(batch_size=1, row_groups=[group], columns=texts), None)
                for name, column in zip(texts, first.columns if first else (), strict=first is not None):
                    if not types.is_dictionary(column.type):
                        continue
                    longest = compute.max(compute.binary_length(column.dictionary)).as_py()
                    if longest and longest > _LONGEST:
                        what = f"the column {name} holds a text of {longest:,} bytes"
                        why = f"At most {MAX_TEXT} characters are read."
                        self._reading.report("text-too-long", what, (0, 0), detail=why, hint="Shorten it.")
                        return False
        return True

    def _check_type(self, field: Any) -> bool:  # noqa: ANN401
        from pyarrow import types  # noqa: PLC0415

        type_ = field.type.value_type if types.is_dictionary(field.type) else field.type
        is_right = {
            str: types.is_string(type_) or types.is_large_string(type_),
            int: types.is_integer(type_),
            bool: types.is_boolean(type_),
        }
        due = kind_of(field.name)
        if is_right[due] or types.is_null(type_):
            return True
        what = f"the column {shown(field.name)} holds {shown(str(field.type))}"
        self._reading.report("wrong-column-type", what, (0, 0), hint=_HINTS[due])
        return False


def _count(metadata: Any) -> int:  # noqa: ANN401
    """Return how many rows there are to read: those of the groups, whatever the file says of all of them."""
    return sum(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups))


def _rows(table: Any) -> Iterator[tuple[Any, ...]]:  # noqa: ANN401
    for batch in table.iter_batches(batch_size=_BATCH):
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)
