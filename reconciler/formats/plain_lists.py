"""The fast way into a large spec file: lists in which every item is nothing but a key, in one of two layouts.

Rule: this takes nothing that the parser would read in another way, and of a file only what cannot be mistaken: each
line outside these lists must stand for itself, so that no quote, bracket or block before them reaches into them. What
is in any way different is left to the parser, faults included; tests hold both ways against each other. Of a file of
1,000 declarations the parser's events alone take longer than all of a plan.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from reconciler.core.target import KEY_FORMS, KeyForm
from reconciler.formats.columns import VERSION_FIELD
from reconciler.formats.declarations import LISTS
from reconciler.formats.fields import MAX_TEXT, is_plain_text

LEAST = 4_096
"""Characters; a shorter text is parsed at once."""

_WORD = "[A-Za-z0-9][A-Za-z0-9._~+-]*"
_QUOTED = '"[A-Za-z0-9._~+-]+"'
_VERSION = "[1-9][0-9]{0,8}"


@dataclass(frozen=True, slots=True)
class PlainList:
    """Items of a list: *keys* are the columns of their keys, *lines* where they begin, all in *column*."""

    form: KeyForm
    keys: Sequence[Sequence[str | int]]
    lines: Sequence[int]
    column: int


def take_plain_lists(text: str) -> tuple[str, list[PlainList]] | None:
    """Return *text* with empty lists in place of its plain ones, line for line, and these; None if it has others.

    *text* is as `decode` returns it.
    """
    lists: list[PlainList] = []
    rest: list[str] = []
    place = 0
    while head := _list_head().search(text, place):
        end = _list_end(text, head.end())
        found = _plain_list(text[head.end() : end], head, text.count("\n", 0, head.end()) + 1)
        if found is None or len(lists) == len(LISTS):
            return None
        lists.append(found)
        rest += [text[place : head.start()], f"{head[1]}: []\n", "\n" * text.count("\n", head.end(), end)]
        place = end
    rest.append(text[place:])
    remaining = "".join(rest)
    return (remaining, lists) if lists and _lines_alone().fullmatch(remaining) else None


@cache
def _list_head() -> re.Pattern[str]:
    """A list, and how its first item is indented: not without bounds, for that becomes part of a pattern."""
    return re.compile(rf"^({'|'.join(LISTS)}):\n(?=( {{0,16}})- )", re.MULTILINE)


def _list_end(text: str, start: int) -> int:
    """Return where the lines end that are indented, or begin an item."""
    found = _other_line().search(text, start - 1)
    return found.start() + 1 if found else len(text)


@cache
def _other_line() -> re.Pattern[str]:
    return re.compile("\n[^ -]")


@cache
def _lines_alone() -> re.Pattern[str]:
    """Lines that mean the same whatever stands before them: a comment, a field and its one value, a flag, nothing."""
    value = r'(?:[A-Za-z0-9][A-Za-z0-9 .,_/()+-]*+|"[^"\\\n]*+"|\{[A-Za-z0-9 ,:._-]*+\}|\[\])'
    field = rf"[A-Za-z]++:(?: ++{value})?+(?: ++#[^\n]*+)?+\n"
    return re.compile(rf"(?:#[^\n]*+\n|{field}|  [A-Za-z]++: ++(?:true|false)\n|\n)*+")


def _plain_list(region: str, head: re.Match[str], line: int) -> PlainList | None:
    """Return the items of *region*, which begins in *line*, if every one is plain."""
    name, indent = head.groups()
    forms = [form for form in KEY_FORMS if form.type is LISTS[name]]
    form = next((each for each in forms if _item(each, indent).match(region)), None)
    if form is None:
        return None
    width = len(form.fields)
    rows = _item(form, indent).findall(region)
    spans = [1 if row[0] else width for row in rows]
    if sum(spans) != region.count("\n"):
        return None
    values = [[row[number] or row[width + number] for row in rows] for number in range(width)]
    keys = [*map(_column, form.fields, values)]
    if any(each is None for each in keys):
        return None
    lines = [line]
    for span in spans[:-1]:
        lines.append(lines[-1] + span)
    return PlainList(form, [each for each in keys if each is not None], lines, len(indent) + 3)


@cache
def _item(form: KeyForm, indent: str) -> re.Pattern[str]:
    """One item of *form*, in flow style or in block style; its groups are the values of the one, then of the other."""
    fields = [f"{field}: ({_VERSION if field == VERSION_FIELD else f'{_WORD}|{_QUOTED}'})" for field in form.fields]
    flow, block = ", ".join(fields), f"\n{indent}  ".join(fields)
    return re.compile(rf"^{indent}- (?:\{{{flow}\}}|{block})\n", re.MULTILINE)


def _column(field: str, values: list[str]) -> Sequence[str | int] | None:
    """Return the values of one field, or None if one of them is not plainly what the field takes."""
    if field == VERSION_FIELD:
        versions = {value: int(value) for value in set(values)}
        return [versions[value] for value in values]
    doubtful = {value for value in values if len(value) <= _LONGEST_WORD or value[0] <= "9"}
    if not all(value[0] == '"' or is_plain_text(value) for value in doubtful):
        return None
    texts = [value.strip('"') for value in values]
    return texts if max(map(len, texts)) <= MAX_TEXT else None


_LONGEST_WORD = 5
"""``false`` is the longest word that is no text without quotes; whatever else is none begins with no letter."""
