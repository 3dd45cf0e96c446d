"""Rows of a source become a table, with every fault of every row, in memory that only what is declared fills.

Rule: a row is a small mapping and means what the same declaration means in a spec file, so `DeclarationReader` decides
about every row that `columns.py` does not find plainly right. Tests hold the two against each other.
"""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

from reconciler.core.diagnostics import Place, shown
from reconciler.core.table import Table, Terms
from reconciler.core.target import KEY_FORMS, KeyForm
from reconciler.formats.columns import Columns, kind_of
from reconciler.formats.common import FLAG_FIELDS, report_missing_flag
from reconciler.formats.declarations import IN_ROWS, DeclarationReader
from reconciler.formats.sources import Source
from reconciler.formats.yaml_reader import MAX_FAULTS, Mapping, Node, Reading, Scalar
from reconciler.formats.yaml_reader import Sequence as SequenceNode

_MOST_SHAPES = 1_000
_MOST_PENDING = 10_000

At: TypeAlias = tuple[int, int]
Locate: TypeAlias = Callable[[int, int], Sequence[At]]
"""From the first and last line of a row to the places of its cells; asked for the rare row that may be wrong."""


class Written(str):
    """A number that is no whole one, as it was written."""

    __slots__ = ()


class RowReader:
    """Collects the declarations of one file, and its faults in `reading`. *typed*: cells have types of their own.

    Rows that are plainly right and say the same besides their keys wait, and are added together.
    """

    def __init__(self, source: Source, reading: Reading, locate: Locate, *, typed: bool) -> None:
        self._table = Table(reading.path)
        self._pending: list[tuple[str | int, ...]] = []
        self._pending_lines: list[int] = []
        self._pending_kind: tuple[KeyForm, Terms] | None = None
        self._reading = reading
        self._locate = locate
        self._typed = typed
        self._saw_odd_rows = False
        self._common = source.common
        self._reader = DeclarationReader(reading, source.type, source.common, IN_ROWS)
        self._forms = [form for form in KEY_FORMS if form.type is source.type]
        self._columns: dict[tuple[str, ...], Columns] = {}

    @property
    def found_nothing(self) -> bool:
        """Neither a row nor anything to report."""
        return not (self.table or self._saw_odd_rows or self._reading.diagnostics)

    @property
    def table(self) -> Table:
        """What was declared so far."""
        self._add_pending()
        return self._table

    def columns(self, names: tuple[str, ...]) -> Columns:
        """Return what rows with these fields in this order have in common."""
        found = self._columns.get(names)
        if found is None:
            found = Columns(names, self._forms, typed=self._typed)
            if len(self._columns) < _MOST_SHAPES:
                self._columns[names] = found
        return found

    def header(self, names: Sequence[str], places: Sequence[At]) -> Columns | None:
        """Return the columns that all rows have, or report what is wrong with them: once, not in every row."""
        faults = len(self._reading.diagnostics)
        header = Mapping(*places[0])
        for name, at in zip(names, places, strict=True):
            if name in header.keys:
                first = Place(self._reading.path, *header.keys[name])
                what, hint = f"the column {shown(name)} stands here twice", "Keep one of the two."
                self._reading.report("duplicate-key", what, at, detail=f"First at {first}.", hint=hint)
            header.keys.setdefault(name, at)
        self._reader.form_of(header)
        said = [name for name in FLAG_FIELDS if name in header.keys]
        if len(said) == 1:
            missing = next(name for name in FLAG_FIELDS if name not in said)
            report_missing_flag(self._reading, missing, header.keys[said[0]])
        elif not said and self._common.flags is None and not self._common.bad_flags:
            self._reader.report_missing_flags(places[0])
        return self.columns(tuple(names)) if len(self._reading.diagnostics) == faults else None

    def take(self, columns: Columns, cells: Sequence[Any], line: int, last: int) -> None:
        """Add what the row in the lines *line* to *last* declares, or its faults. Raise TooManyFaults."""
        form, key = columns.form, columns.key_of(cells)
        terms = None if key is None else columns.terms_of(cells, self._common)
        if form is None or key is None or terms is None:
            self._take_slowly(columns.names, cells, line, last)
            return
        kind = self._pending_kind
        if kind is None or kind[0] is not form or kind[1] is not terms or len(self._pending) >= _MOST_PENDING:
            self._add_pending()
            self._pending_kind = form, terms
        self._pending.append(key)
        self._pending_lines.append(line)

    def take_many(self, columns: Columns, cells: Sequence[Sequence[str]], line: int) -> bool:
        """Add what many rows declare, one a line from *line* on, or nothing; *cells* are their columns."""
        form, keys = columns.form, columns.keys_of(cells)
        terms = None if keys is None else columns.common_terms(cells, self._common)
        if form is None or keys is None or terms is None:
            return False
        self._add_pending()
        self._table.add_rows(form, keys, terms, range(line, line + len(keys[0])), 1)
        return True

    def _add_pending(self) -> None:
        if self._pending_kind and self._pending:
            form, terms = self._pending_kind
            self._table.add_rows(form, [*zip(*self._pending, strict=True)], terms, self._pending_lines, 1)
            self._pending, self._pending_lines = [], []

    def refuse(self, code: str, summary: str, at: At, *, detail: str = "", hint: str) -> None:
        """Report what makes a row none at all. Raise TooManyFaults."""
        self._reading.report(code, summary, at, detail=detail, hint=hint)
        self._stop_if_full(at)

    def _take_slowly(self, names: Sequence[str], cells: Sequence[Any], line: int, last: int) -> None:
        self._saw_odd_rows = True
        self._add_pending()
        mapping = Mapping(line, 1)
        places = self._locate(line, last) or [(line, 1)] * len(cells)
        for name, cell, at in zip(names, cells, places, strict=True):
            if self._typed or cell:
                mapping.keys[name] = at
                mapping.values[name] = _typed_node(cell, at) if self._typed else _text_node(name, cell, at)
        for declaration in self._reader.read(mapping):
            self._table.add(declaration)
        self._stop_if_full((line, 1))

    def _stop_if_full(self, at: At) -> None:
        if len(self._reading.diagnostics) >= MAX_FAULTS:
            self._reading.end(at)


def _text_node(name: str, cell: str, at: At) -> Scalar:
    """Where every value is text, a version or a flag is what it would be without quotes."""
    return Scalar(cell, plain=kind_of(name) is not str, line=at[0], column=at[1])


def _typed_node(cell: object, at: At) -> Node:
    line, column = at
    match cell:
        case dict():
            return Mapping(line, column)
        case list():
            return SequenceNode(line, column)
        case str():
            return Scalar(str(cell), plain=isinstance(cell, Written), line=line, column=column)
        case None | bool():
            text = {None: "null", True: "true", False: "false"}[cell]
            return Scalar(text, plain=True, line=line, column=column)
        case _:
            return Scalar(str(cell), plain=True, line=line, column=column)
