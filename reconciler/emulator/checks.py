"""Checking what a person has written: every fault of a document at once, each a sentence with its position.

A check takes a value and returns what it must be, or None if it is that.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import TypeAlias

Check: TypeAlias = Callable[[object], str | None]

_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}", re.ASCII)
_HEADER_VALUE = re.compile(r"[ -~]*", re.ASCII)


def object_faults(value: object, fields: Mapping[str, Check], *, required: Sequence[str], at: str) -> Iterator[str]:
    """Yield what is wrong with an object that has *fields*; *at* is its position."""
    if not isinstance(value, dict):
        yield f"{at} must be an object."
        return
    for name in value:
        if name not in fields:
            yield f"{_inside(at, name)} is not known{_suggestion(name, fields)}"
    for name in required:
        if name not in value:
            yield f"{_inside(at, name)} is missing."
    for name, check in fields.items():
        wrong = check(value[name]) if name in value else None
        if wrong is not None:
            yield f"{_inside(at, name)} must be {wrong}."


def text(*, longest: int = 1_000) -> Check:
    def check(value: object) -> str | None:
        fits = isinstance(value, str) and 0 < len(value) <= longest and _is_encodable(value)
        return None if fits else f"text of 1 to {longest} characters"

    return check


def integer(least: int, most: int) -> Check:
    def check(value: object) -> str | None:
        fits = isinstance(value, int) and not isinstance(value, bool) and least <= value <= most
        return None if fits else f"an integer from {least} to {most}"

    return check


def number(least: float, most: float) -> Check:
    def check(value: object) -> str | None:
        return None if _is_number(value) and least <= value <= most else f"a number from {least:g} to {most:g}"  # type: ignore[operator]

    return check


def one_of(*choices: str | int) -> Check:
    def check(value: object) -> str | None:
        fits = not isinstance(value, bool) and value in choices
        return None if fits else f"one of {', '.join(map(str, choices))}"

    return check


def flag(value: object) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def anything(_value: object) -> str | None:
    return None


def optional(check: Check) -> Check:
    def check_if_given(value: object) -> str | None:
        wrong = None if value is None else check(value)
        return None if wrong is None else f"null or {wrong}"

    return check_if_given


def header_values(value: object) -> str | None:
    fits = isinstance(value, dict) and all(_is_header(name, text) for name, text in value.items())
    return None if fits else "an object of header names, each with printable ASCII text, or null to leave it out"


def retry_after(value: object) -> str | None:
    if value is None or (_is_number(value) and value == int(value)):  # type: ignore[call-overload]
        return None
    if isinstance(value, str) and _HEADER_VALUE.fullmatch(value):
        return None
    if isinstance(value, dict) and value.keys() == {"date_in"} and _is_number(value["date_in"]):
        return None if abs(value["date_in"]) <= 10**9 else "a date in at most 1e9 seconds"
    return 'whole seconds, printable ASCII text, {"date_in": seconds} or null for none'


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_header(name: object, value: object) -> bool:
    if not isinstance(name, str) or _HEADER_NAME.fullmatch(name) is None:
        return False
    return value is None or (isinstance(value, str) and _HEADER_VALUE.fullmatch(value) is not None)


def _is_encodable(value: str) -> bool:
    return not any(0xD800 <= ord(character) < 0xE000 for character in value)


def _inside(at: str, name: object) -> str:
    shown = name if isinstance(name, str) and name.isidentifier() else ascii(name)[:80]
    return f"{at}.{shown}" if at else str(shown)


def _suggestion(name: object, fields: Mapping[str, Check]) -> str:
    near = get_close_matches(str(name), fields, n=1)
    return f"; is {near[0]} meant?" if near else f"; known are {', '.join(fields)}."
