"""Fields of the project file that several of its parts have: texts, choices, counts and shares, there or not.

Rule, as in `formats/fields.py`: what cannot be read is None and reported exactly once.
"""

import re
from collections.abc import Collection, Iterator

from reconciler.core.diagnostics import nearest, shown
from reconciler.formats.fields import sequence_of, text_of
from reconciler.formats.yaml_reader import Mapping, Reading, Scalar, Unreadable

MOST = 999_999_999
"""The greatest count."""

_SHARE = r"0(?:\.[0-9]{1,9})?"
_COUNT = r"0|[1-9][0-9]{0,8}"


def optional_text(mapping: Mapping, name: str, reading: Reading) -> str | None:
    node = mapping.values.get(name)
    return text_of(node, reading, name) if node is not None else None


def required_text(mapping: Mapping, name: str, reading: Reading, *, hint: str) -> str | None:
    report_missing(mapping, name, reading, hint=hint)
    return optional_text(mapping, name, reading)


def report_missing(mapping: Mapping, name: str, reading: Reading, *, hint: str) -> None:
    """Report that *mapping* has no field *name*, if so; *hint* is how it is written."""
    if name not in mapping.keys:
        reading.report("missing-field", f"{name} is missing", (mapping.line, mapping.column), hint=hint)


def choice(mapping: Mapping, name: str, known: Collection[str], reading: Reading) -> str | None:
    value = optional_text(mapping, name, reading)
    if value is None or value in set(known):
        return value
    node = mapping.values[name]
    at = (node.line, node.column)
    reading.report("unknown-value", f"{name} cannot be {shown(value)}", at, hint=nearest(value, known))
    return None


def share(mapping: Mapping, name: str, reading: Reading, *, why: str) -> float | None:
    """Return a share from 0 to below 1, written as a decimal; *why* says in a sentence what it is a share of."""
    node = mapping.values.get(name)
    if node is None or type(node) is Unreadable:
        return None
    if type(node) is Scalar and node.plain and re.fullmatch(_SHARE, node.text):
        return float(node.text)
    what, hint = f"{name} must be a number from 0 to below 1", "Write a decimal such as 0.2, without quotes."
    reading.report("not-a-share", what, (node.line, node.column), detail=why, hint=hint)
    return None


def count(mapping: Mapping, name: str, reading: Reading, *, least: int = 0, most: int = MOST) -> int | None:
    """Return a whole number from *least* to *most*, written in digits."""
    node = mapping.values.get(name)
    if node is None or type(node) is Unreadable:
        return None
    if type(node) is Scalar and node.plain and re.fullmatch(_COUNT, node.text) and least <= int(node.text) <= most:
        return int(node.text)
    what = f"{name} must be a whole number from {least} to {most:,}"
    hint = f"Write digits only, such as {max(least, 1)}, without quotes."
    reading.report("not-a-count", what, (node.line, node.column), hint=hint)
    return None


def texts(mapping: Mapping, name: str, reading: Reading) -> Iterator[str]:
    node = mapping.values.get(name)
    sequence = sequence_of(node, reading, name) if node is not None else None
    for item in sequence.items if sequence else ():
        text = text_of(item, reading, name)
        if text is not None:
            yield text
