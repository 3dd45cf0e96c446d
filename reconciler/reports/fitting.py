"""Sections of a text that has a budget of bytes: the first ones get the most, and none of them nothing.

Rule: what is said around the lines of a section, and how many are left out, always fits; lines fill what is left.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

LEAST = 2_000
"""Bytes of lines that a section may have, whatever comes before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """*laid_out* makes its text of the first of its *lines* and of how many are left out; the more lines, the longer.

    A line ends in a line break. *lines* is called for each reading: there are *total* of them, too many to be kept.
    """

    total: int
    lines: Callable[[], Iterator[str]]
    laid_out: Callable[[Sequence[str], int], str]

    @property
    def frame(self) -> int:
        """How many bytes stand around the lines, at most."""
        return size(self.laid_out([""] * self.total, self.total))


def size(text: str) -> int:
    """Return how many bytes *text* takes in UTF-8."""
    return len(text.encode())


def fitted(sections: Sequence[Section], room: int) -> list[str]:
    """Return the texts of *sections*, which take at most *room* bytes, or their frames if these take more."""
    room -= sum(each.frame for each in sections)
    reserves = [sum(map(size, _first(each.lines(), LEAST))) for each in sections]
    texts = []
    for number, section in enumerate(sections):
        lines = _first(section.lines(), room - sum(reserves[number + 1 :]))
        room -= sum(map(size, lines))
        texts.append(section.laid_out(lines, section.total - len(lines)))
    return texts


def _first(lines: Iterable[str], room: int) -> list[str]:
    """Return the first of *lines*, as many as take at most *room* bytes."""

    def fits(line: str) -> bool:
        nonlocal room
        room -= size(line)
        return room >= 0

    return list(takewhile(fits, lines))
