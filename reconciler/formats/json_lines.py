"""JSON Lines: an object a line, whose values are typed as strictly as those of a spec file."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, BinaryIO, NoReturn

from reconciler.core.diagnostics import Place, shown
from reconciler.core.table import Table
from reconciler.formats.json_reader import first_repeated
from reconciler.formats.rows import At, RowReader, Written
from reconciler.formats.sources import Source
from reconciler.formats.text_blocks import TextBlocks
from reconciler.formats.yaml_reader import Reading, TooManyFaults

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_HINT = 'Write one object a line, such as {"chargeNumber": "C-00000042"}.'


class _TwiceError(ValueError):
    def __init__(self, key: str) -> None:
        self.key = key
        super().__init__(key)


class JsonLinesReader:
    """Reads one file; faults are added to *reading*."""

    def __init__(self, file: BinaryIO, source: Source, reading: Reading) -> None:
        self._reading = reading
        self._blocks = TextBlocks(file, reading)
        self._rows = RowReader(source, reading, self._places, typed=True)
        self._decoder = json.JSONDecoder(object_pairs_hook=_object, parse_float=Written, parse_constant=_refuse)

    def read(self) -> Table:
        """Return what the lines declare."""
        with suppress(TooManyFaults):
            self._read()
        if self._rows.found_nothing:
            self._reading.report("empty-file", "the file holds no object", (0, 0), hint=_HINT)
        return self._rows.table

    def _read(self) -> None:
        blocks, rows, decode = self._blocks, self._rows, self._decoder.decode
        for number, line in enumerate(blocks, 1):
            blocks.record = number
            if line.isspace():
                continue
            try:
                row = decode(line)
            except (ValueError, RecursionError) as error:
                self._refuse(error, line, number)
                continue
            if type(row) is dict:
                rows.take(rows.columns(tuple(row)), [*row.values()], number, number)
            else:
                what = f"a line must be an object, not {'a list' if type(row) is list else shown(line.strip())}"
                rows.refuse("wrong-shape", what, (number, 1), hint=_HINT)

    def _refuse(self, error: ValueError | RecursionError, line: str, number: int) -> None:
        match error:
            case _TwiceError():
                first, second, *_ = [*(at for key, at, _ in fields_in(line) if key == error.key), 1, 1]
                why = f"First at {Place(self._reading.path, number, first)}."
                what, at = f"{shown(error.key)} stands here twice", (number, second)
                self._rows.refuse("duplicate-key", what, at, detail=why, hint="Keep one of the two.")
            case json.JSONDecodeError():
                at = (number, min(error.pos, len(line.rstrip("\r\n"))) + 1)
                self._rows.refuse("not-json", "the line is not JSON", at, detail=f"{error.msg}.", hint=_HINT)
            case _:
                what = "the line holds NaN, Infinity, a number of thousands of digits, or thousands of brackets"
                self._rows.refuse("not-json", what, (number, 1), hint=_HINT)

    def _places(self, first: int, last: int) -> list[At]:
        return [(first, at) for _, _, at in fields_in(self._blocks.lines_from(first, last))]


def fields_in(line: str) -> Iterator[tuple[str, int, int]]:
    """Yield the fields of the object in *line*: the key, its column and the column of its value."""
    depth, key, key_at, is_value = 0, "", 0, False
    for match in _TOKEN.finditer(line):
        mark, at = match.group(), match.start() + 1
        if is_value:
            yield key, key_at, at
        elif depth == 1 and mark[0] == '"':
            key, key_at = json.loads(mark), at
        is_value = depth == 1 and mark == ":"
        depth += (mark in "{[") - (mark in "}]")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        raise _TwiceError(first_repeated(key for key, _ in pairs))
    return value


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
