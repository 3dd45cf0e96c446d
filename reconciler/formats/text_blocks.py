"""A stream of UTF-8 as lines, in constant memory: block by block, each cut behind its last line feed.

Rule: only a line feed ends a line, as git counts them; what a carriage return means, the format says.
"""

import codecs
import io
import re
from collections.abc import Callable, Iterator
from itertools import chain
from typing import BinaryIO

from reconciler.formats.yaml_reader import Reading

BLOCK = 256 * 1024
MAX_LINE = 1024 * 1024
"""Bytes. A row has about 30, and at most 1,800 that could be right."""

_OTHER_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_CONFLICT = re.compile(r"^(?:<<<<<<<|>>>>>>>) ", re.MULTILINE)


class _Block:
    """The text of whole lines, of which so many stand *before* it in the file."""

    __slots__ = ("_lines", "before", "text")

    def __init__(self, before: int, text: str) -> None:
        self.before = before
        self.text = text
        self._lines: list[str] = []

    @property
    def lines(self) -> list[str]:
        if not self._lines:
            self._lines = self.text.split("\n")
            if not self._lines[-1]:
                self._lines.pop()  # behind a line feed begins a line of the next block
        return self._lines


class TextBlocks:
    """Iterates over the lines of *file*, each with its line feed. Bad text is reported and ends the lines: *broken*.

    Who reads keeps *record* at the line where the present record begins: so much of the text stays at hand. Blocks that
    begin with a record are offered to *take*, with their first line; those it takes are left out, *taken* lines so far.
    """

    def __init__(self, file: BinaryIO, reading: Reading) -> None:
        self._file = file
        self._reading = reading
        self._kept: tuple[_Block, ...] = ()
        self._before = 0
        self.record = 1
        self.take: Callable[[str, int], bool] | None = None
        self.taken = 0
        self.broken = False

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(io.StringIO(block.text, newline="\n") for block in self._blocks())

    def lines_from(self, first: int, last: int) -> str:
        """Return the text of the lines *first* to *last*, of which the first is not before the present record."""
        found = (
            line for block in self._kept for line in block.lines[max(first - block.before, 1) - 1 : last - block.before]
        )
        return "\n".join(found)

    def _blocks(self) -> Iterator[_Block]:
        for content in self._pieces():
            if len(self._kept) == 2 and self.record <= self._kept[1].before:
                at, hint = (self.record, 1), "Check that a quote is not left open."
                self._report("record-too-long", f"the record is longer than {BLOCK // 1024} KiB", at, hint)
                return
            block = _Block(self._before, self._decode(content))
            self._kept = (*self._kept[-1:], block)
            lines = content.count(b"\n")
            if self.take and self.record == self._before + 1 and self.take(block.text, self.record):
                self.record += lines
                self.taken += lines
            else:
                yield block
            if self.broken:
                return
            self._before += lines

    def _pieces(self) -> Iterator[bytes]:
        """Yield whole lines, at first one alone, which may be a header; the last one may lack its line feed."""
        pieces = self._whole_lines()
        first = next(pieces, b"")
        end = first.find(b"\n") + 1
        yield from filter(None, (first[:end], first[end:]))
        yield from pieces

    def _whole_lines(self) -> Iterator[bytes]:
        rest = self._file.read(BLOCK)
        if rest.startswith(_OTHER_MARKS):
            hint = "Save it as UTF-8; spreadsheets call that CSV UTF-8."
            self._report("not-utf-8", "the file is UTF-16, not UTF-8", (1, 1), hint)
            return
        rest = rest.removeprefix(codecs.BOM_UTF8)
        while more := self._file.read(BLOCK):
            rest += more
            end = rest.rfind(b"\n") + 1
            if end:
                yield rest[:end]
                rest = rest[end:]
            if len(rest) > MAX_LINE:
                what = f"the line is longer than {MAX_LINE // 1024 // 1024} MiB"
                self._report("line-too-long", what, (self._before + 1, 1), "Check that the file is what it is named.")
                return
        if rest:
            yield rest

    def _decode(self, content: bytes) -> str:
        """Return the text before whatever cannot be read, in whole lines."""
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            start = content.rfind(b"\n", 0, error.start) + 1
            at = (self._line_of(content, start), len(content[start : error.start].decode("utf-8")) + 1)
            why = f"Byte 0x{content[error.start]:02x} is not part of it."
            self._report("not-utf-8", "not UTF-8 text", at, "Save the file as UTF-8.", detail=why)
            text = content[:start].decode("utf-8")
        conflict = _CONFLICT.search(text) if "<<<<<<< " in text or ">>>>>>> " in text else None
        if conflict is None:
            return text
        at = (self._line_of(text.encode(), len(text[: conflict.start()].encode())), 1)
        hint = "Resolve the conflict: keep the rows that are wanted."
        self._report("merge-markers", "merge conflict markers stand in the file", at, hint)
        return text[: conflict.start()]

    def _line_of(self, content: bytes, start: int) -> int:
        return self._before + content.count(b"\n", 0, start) + 1

    def _report(self, code: str, summary: str, at: tuple[int, int], hint: str, *, detail: str = "") -> None:
        self.broken = True
        self._reading.report(code, summary, at, detail=detail, hint=hint)
