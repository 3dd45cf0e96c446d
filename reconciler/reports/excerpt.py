"""One line of a file with a caret below a column, safe to show and narrow enough for a terminal.

Rule: what cannot be seen is written as an escape, so that the caret stands where a terminal draws the character, and
nothing in a file can move a cursor, turn a line around or hide.
"""

import unicodedata

_WIDEST = 100
_BEFORE = 60
"""Columns of a terminal: at most so many are shown, and of a longer line so many before the caret."""

_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp"))
"""General categories of Unicode: controls, tabs among them, formats (bidi, zero width), surrogates, unassigned..."""

_COMBINING = frozenset(("Mn", "Me"))
_CUT = "..."


def excerpt_text(line: str, number: int, column: int) -> str:
    """Return two lines: *line* behind its *number*, and a caret below its *column*, counted from 1 in code points."""
    at = min(max(column, 1), len(line) + 1) - 1
    before, behind = [_cell(each) for each in line[max(0, at - _WIDEST) : at]], _cells(line[at : at + _WIDEST])
    kept, width = _last(before, _BEFORE)
    head = _CUT if len(kept) < at else ""
    width += len(head)
    shown, is_whole = _first(behind, _WIDEST - width)
    tail = "" if is_whole and at + _WIDEST >= len(line) else _CUT
    margin = " " * len(str(number))
    text = f"{head}{''.join(part for part, _ in kept)}{shown}{tail}"
    return f"{f'  {number} | {text}'.rstrip()}\n  {margin} | {' ' * width}^"


def visible(text: str) -> str:
    """Return *text* with everything that cannot be seen as an escape."""
    return text if text.isascii() and text.isprintable() else "".join(_cell(each)[0] for each in text)


def _cells(text: str) -> list[tuple[str, int]]:
    return [_cell(each) for each in text]


def _cell(character: str) -> tuple[str, int]:
    """Return how *character* is shown, and in how many columns."""
    category = unicodedata.category(character)
    if category in _INVISIBLE:
        escape = character.encode("unicode_escape").decode()
        return escape, len(escape)
    if category in _COMBINING:
        return character, 0
    return character, 2 if unicodedata.east_asian_width(character) in "WF" else 1


def _last(cells: list[tuple[str, int]], room: int) -> tuple[list[tuple[str, int]], int]:
    """Return the last of *cells* that fit into *room* columns, and how many columns they take."""
    taken, start = 0, len(cells)
    while start and taken + cells[start - 1][1] <= room:
        start -= 1
        taken += cells[start][1]
    return cells[start:], taken


def _first(cells: list[tuple[str, int]], room: int) -> tuple[str, bool]:
    """Return the first of *cells* that fit into *room* columns, and whether that is all of them."""
    taken, end = 0, 0
    while end < len(cells) and taken + cells[end][1] <= room:
        taken += cells[end][1]
        end += 1
    return "".join(part for part, _ in cells[:end]), end == len(cells)
