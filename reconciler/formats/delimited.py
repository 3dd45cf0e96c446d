"""CSV and TSV: a header of field names, then a row a declaration. Every value is text, and an empty cell says nothing.

Quoting is RFC 4180's, for tabs too: a cell between double quotes may hold separators, line breaks and doubled quotes.
"""

import csv
from contextlib import suppress
from typing import BinaryIO

from reconciler.core.table import Table
from reconciler.formats.columns import Columns
from reconciler.formats.rows import At, RowReader
from reconciler.formats.sources import Source
from reconciler.formats.text_blocks import TextBlocks
from reconciler.formats.yaml_reader import Reading, TooManyFaults

_SEPARATORS = {
    ",": ("commas", "Name the file with csv: in the source."),
    "\t": ("tabs", "Name the file with tsv: in the source."),
    ";": ("semicolons", "Save it with commas; spreadsheets take the separator from the language settings."),
    "|": ("vertical bars", "Save it with commas."),
}

_OTHERS = {mark: bytes({*range(256)} - {*f"{mark}\n".encode()}) for mark in (",", "\t")}
"""All bytes but a separator and the end of a line."""


class DelimitedReader:
    """Reads one file; faults are added to *reading*."""

    def __init__(self, file: BinaryIO, source: Source, reading: Reading, delimiter: str) -> None:
        self._reading = reading
        self._delimiter = delimiter
        self._blocks = TextBlocks(file, reading)
        self._records = csv.reader(self._blocks, strict=True, delimiter=delimiter)
        self._rows = RowReader(source, reading, self._places, typed=False)

    def read(self) -> Table:
        """Return what the rows declare."""
        with suppress(TooManyFaults):
            self._read_rows(self._header())
            if self._rows.found_nothing:
                at, hint = (self._line, 1), "Add a row, or remove the source."
                self._reading.report("no-rows", "the file has a header and no rows", at, hint=hint)
        return self._rows.table

    def _header(self) -> list[str]:
        """Return the header, or an empty list if something is wrong with the file as a whole."""
        try:
            header = next(self._records, [])
        except csv.Error as error:
            self._refuse_record(str(error))
            return []
        if not header:
            if not self._blocks.broken:
                at = (1, 1) if self._records.line_num else (0, 0)
                what = "the first line is empty" if self._records.line_num else "the file is empty"
                self._reading.report("empty-file", what, at, hint="Begin with a header of field names.")
        elif other := self._other_separator(header):
            name, hint = _SEPARATORS[other]
            due = _SEPARATORS[self._delimiter][0]
            self._reading.report("wrong-separator", f"the header has {name} instead of {due}", (1, 1), hint=hint)
            return []
        return header

    def _other_separator(self, header: list[str]) -> str:
        return next((each for each in _SEPARATORS if len(header) == 1 and each in header[0]), "")

    def _read_rows(self, header: list[str]) -> None:
        columns = self._rows.header(header, self._places(1, self._records.line_num)) if header else None
        if columns is None:
            return
        records, blocks, take, width = self._records, self._blocks, self._rows.take, len(header)
        blocks.take = lambda text, line: self._take_plain(columns, text, line)
        while True:
            blocks.record = self._line + 1
            try:
                for cells in records:
                    last = records.line_num + blocks.taken
                    if len(cells) == width:
                        take(columns, cells, blocks.record, last)
                    elif cells:
                        self._refuse_width(cells, width)
                    blocks.record = last + 1
            except csv.Error as error:
                if self._refuse_record(str(error)):
                    continue
            return

    @property
    def _line(self) -> int:
        """The last line that was read."""
        return self._records.line_num + self._blocks.taken

    def _take_plain(self, columns: Columns, text: str, line: int) -> bool:
        """Take the rows of *text*, whole lines from *line* on, or none.

        They are plain if separators and line ends alone, in their order, tell where each cell ends.
        """
        text = text.replace("\r\n", "\n")
        if '"' in text or "\r" in text:
            return False
        text = text if text.endswith("\n") else f"{text}\n"
        width, delimiter = len(columns.names), self._delimiter
        rows = text.count("\n")
        marks = text.encode().translate(None, _OTHERS[delimiter])
        if marks != f"{delimiter * (width - 1)}\n".encode() * rows:
            return False
        cells = text[:-1].replace("\n", delimiter).split(delimiter)
        return self._rows.take_many(columns, [cells[position::width] for position in range(width)], line)

    def _refuse_width(self, cells: list[str], width: int) -> None:
        cell, hint = "cell" if len(cells) == 1 else "cells", "Leave a cell empty where there is nothing to say."
        if len(cells) > width:
            hint = f"Put a value that holds one of the {_SEPARATORS[self._delimiter][0]} between double quotes."
        what = f"the row has {len(cells)} {cell}, and the header {width}"
        self._rows.refuse("wrong-cell-count", what, (self._blocks.record, 1), hint=hint)

    def _refuse_record(self, error: str) -> bool:
        """Report a record that cannot be taken apart, and return whether what follows it can."""
        at = (self._blocks.record, 1)
        if self._blocks.broken:
            return False
        if "new-line character" in error:
            what, hint = "a carriage return stands alone", "End lines with LF or with CR LF."
            self._rows.refuse("lone-carriage-return", what, at, hint=hint)
            return True
        if "expected after" in error:
            what, hint = "something follows the quote that closes a cell", "Double the quotes inside a quoted cell."
            self._rows.refuse("bad-quote", what, at, hint=hint)
            return True
        if "field limit" in error and self._line <= self._blocks.record:
            what = f"a cell has more than {csv.field_size_limit():,} characters"
            self._rows.refuse("record-too-long", what, at, hint="Check that the file is what it is named.")
            return False
        hint = "Close it with another double quote, or double it if it is part of the value."
        self._rows.refuse("open-quote", "a quote that opens a cell is never closed", at, hint=hint)
        return False

    def _places(self, first: int, last: int) -> list[At]:
        return cell_places(self._blocks.lines_from(first, last), first, self._delimiter)


def cell_places(record: str, line: int, delimiter: str) -> list[At]:
    """Return where each cell of *record*, which begins in *line*, begins."""
    places, column, begins, opened, quoted = [(line, 1)], 0, True, False, False
    for character in record:
        column += 1
        if character == '"' and (begins or opened):
            opened, quoted = True, not quoted
        elif character == "\n":
            line, column = line + 1, 0
        begins = character == delimiter and not quoted
        if begins:
            places.append((line, column + 1))
            opened = False
    return places
