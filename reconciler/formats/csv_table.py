"""A small CSV with columns of its own: a header of column names, then rows of texts.

Rule: every fault is found in one pass, at its cell where it is about one.
"""

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.diagnostics import nearest, shown
from reconciler.formats.yaml_reader import Reading, TooManyFaults, decode


@dataclass(frozen=True, slots=True)
class Row:
    """The *cells* of one row by column; *record* is how it is written, from *line* on."""

    cells: Mapping[str, str]
    record: str
    line: int

    def at(self, column: str) -> tuple[int, int]:
        """Return where the cell of *column* begins."""
        from reconciler.formats.delimited import cell_places  # noqa: PLC0415  (only what is wrong is looked for)

        return cell_places(self.record, self.line, ",")[list(self.cells).index(column)]


def read_rows(
    content: bytes, reading: Reading, *, needed: Sequence[str], columns: Collection[str], may_be_empty: bool = False
) -> Iterator[Row]:
    """Yield the rows of a CSV that has the *needed* ones of *columns*, and report all that is none to *reading*.

    *may_be_empty*: a header without rows says something too.
    """
    text = decode(content, reading)
    if text is None:
        return
    try:
        yield from _rows(text, reading, needed, columns, may_be_empty=may_be_empty)
    except TooManyFaults:
        return


def _rows(
    text: str, reading: Reading, needed: Sequence[str], columns: Collection[str], *, may_be_empty: bool
) -> Iterator[Row]:
    lines, before = text.split("\n"), 0
    records = csv.reader((f"{line}\n" for line in lines), strict=True)
    header: list[str] | None = None
    count = 0
    try:
        for cells in records:
            first, before = before + 1, records.line_num
            if not cells:
                continue
            if header is None:
                if not _is_header(cells, (first, 1), reading, needed, columns):
                    return
                header = cells
                continue
            count += 1
            if len(cells) != len(header):
                what = f"the row has {len(cells)} cells, and the header {len(header)}"
                hint = "Leave a cell empty where nothing is known, and quote one that holds a comma."
                reading.report("wrong-cell-count", what, (first, 1), hint=hint)
                continue
            yield Row(dict(zip(header, cells, strict=True)), "\n".join(lines[first - 1 : before]), first)
    except csv.Error as error:
        _report_record(str(error), (before + 1, 1), reading)
        return
    if not count and not reading.diagnostics and not (may_be_empty and header):
        hint = f"Begin with a header, {','.join(columns)}, and write a row below it."
        reading.report("no-rows", "the file has no rows", (0, 0), hint=hint)


def _report_record(error: str, at: tuple[int, int], reading: Reading) -> None:
    if "field limit" in error:
        what = f"a cell has more than {csv.field_size_limit():,} characters"
        hint = "Check that the file is what it is named, and that a quote which opens a cell is closed."
        reading.report("record-too-long", what, at, hint=hint)
        return
    hint = "Close a quote that opens a cell, and double those inside it."
    reading.report("bad-quote", f"the row cannot be taken apart: {error}", at, hint=hint)


def _is_header(
    cells: Sequence[str], at: tuple[int, int], reading: Reading, needed: Sequence[str], columns: Collection[str]
) -> bool:
    """Report a header that is none, or return True."""
    before = len(reading.diagnostics)
    for name in needed:
        if name not in cells:
            hint = f"Begin with a header: {','.join(columns)}."
            reading.report("missing-field", f"the column {name} is missing", at, hint=hint)
    for name in cells:
        if name not in columns:
            reading.report("unknown-key", f"there is no column {shown(name)}", at, hint=nearest(name, columns))
    if len(set(cells)) < len(cells):
        reading.report("duplicate-key", "a column stands twice in the header", at, hint="Leave one of them out.")
    return len(reading.diagnostics) == before
