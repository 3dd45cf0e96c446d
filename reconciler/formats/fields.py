"""Typed reading of nodes: what a scalar means depends on who asks, and a conversion nobody asked for is an error.

Rule: every function here takes a node, returns the value or None, and reports why it is None exactly once.

Plain scalars mean what YAML 1.2's core schema says. Text that older readers take for something else (``NO``,
``12:30:45``, a date) must be quoted where text is due: the file is read by other tools too.
"""

import re
from collections.abc import Collection
from typing import Any

from reconciler.core.diagnostics import nearest, shown
from reconciler.formats.yaml_reader import Mapping, Node, Reading, Scalar, Sequence, Unreadable

MAX_TEXT = 255

_NULL = re.compile(r"(?:~|null|Null|NULL|)")
_TRUE = re.compile(r"true|True|TRUE")
_FALSE = re.compile(r"false|False|FALSE")
_INTEGER = r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"
_FLOAT = r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)"
_OLDER = (
    r"(?i:y|yes|n|no|on|off)|[-+]?0b[01_]+|[-+]?0x[0-9a-fA-F_]+"
    r"|[-+]?(?:[0-9][0-9_]*(?::[0-5]?[0-9])*(?:\.[0-9_]*)?|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?"
    r"|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s].*)?|=|<<|-"
)
"""What YAML 1.1 resolves to something other than text; and a dash alone, which only some parsers take within braces."""

_NOT_TEXT = re.compile(
    "|".join(f"(?:{each})" for each in (_NULL.pattern, _TRUE.pattern, _FALSE.pattern, _INTEGER, _FLOAT, _OLDER)),
)
_VERSION = re.compile(r"[1-9][0-9]{0,8}")

_TEXT, _NUMBER, _TRUTH = "text", "a whole number", "true or false"
_FIELDS, _LIST = "a mapping of fields", "a list"
_SHAPES = {
    _TEXT: "Write one value, in quotes if it has brackets, braces or colons.",
    _NUMBER: "Write digits only, such as 1.",
    _TRUTH: "Write true or false, without quotes.",
    _FIELDS: "Write fields and values, such as {field: value}.",
    _LIST: "Begin each item with a dash, or put all of them between [ and ].",
}
"""What can be due, and how it is written."""

UNSAFE = (
    "\\x00-\\x1f\\x7f-\\x9f\\u00ad\\u061c\\u180e"
    "\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u2069\\ud800-\\udfff\\ufeff\\ufff9-\\ufffb"
)
"""Control, bidirectional and zero-width characters and lone surrogates, as the inside of a character class."""


def text_of(node: Node, reading: Reading, name: str) -> str | None:
    """Return a text of 1 to 255 characters without unsafe ones and without outer spaces."""
    if type(node) is not Scalar:
        _report_shape(node, reading, name, _TEXT)
        return None
    text = node.text
    if node.plain and not is_plain_text(text):
        _report_unquoted(node, reading, name)
        return None
    return text if is_plainly_text(text) or _check_text(node, reading, name) else None


def is_plain_text(text: str) -> bool:
    """Whether *text*, written without quotes, is text to every reader."""
    return _NOT_TEXT.fullmatch(text) is None


def is_plainly_text(text: str) -> bool:
    """Say yes to most texts that `text_of` takes, and to no other: printable is stricter than safe, and cheap."""
    return 0 < len(text) <= MAX_TEXT and text.isprintable() and text[0] != " " != text[-1]


def _check_text(node: Scalar, reading: Reading, name: str) -> bool:
    at, text = (node.line, node.column), node.text
    unsafe = re.search(f"[{UNSAFE}]", text)
    if not text:
        reading.report("empty-text", f"{name} is empty", at, hint="Write a value or remove the field.")
    elif len(text) > MAX_TEXT:
        most = f"At most {MAX_TEXT} are read."
        reading.report("text-too-long", f"{name} has {len(text)} characters", at, detail=most, hint="Shorten it.")
    elif unsafe:
        what = f"{name} contains U+{ord(unsafe.group()):04X}"
        why = "Control, bidirectional and zero-width characters make text look like something it is not."
        reading.report("unsafe-character", what, at, detail=why, hint="Type the value anew instead of pasting it.")
    elif text != text.strip():
        within = text.strip()
        hint = f"Remove the space around {shown(within)}." if within else "Write a value or remove the field."
        reading.report("outer-space", f"{name} begins or ends with a space", at, hint=hint)
    else:
        return True
    return False


def _report_unquoted(node: Scalar, reading: Reading, name: str) -> None:
    at = (node.line, node.column)
    if _NULL.fullmatch(node.text):
        hint = "Write a value or remove the field."
        reading.report("missing-value", f"{name} has no value", at, detail="Nothing is read as null.", hint=hint)
        return
    reading.report(
        "unquoted-text",
        f"{name} is text, and {shown(node.text)} is not",
        at,
        detail="Without quotes it reads as a number, a date, a truth value or the like, and readers differ.",
        hint=f'Quote it: "{node.text}".' if _can_be_quoted(node.text) else "Write it between quotes.",
    )


def _can_be_quoted(text: str) -> bool:
    """Whether *text* may be shown as it is, and stand between double quotes as it is."""
    return len(text) <= MAX_TEXT and text.isprintable() and not set('"\\') & set(text)


def version_of(node: Node, reading: Reading, name: str) -> int | None:
    """Return a whole number from 1 to 999,999,999, written in digits."""
    if type(node) is not Scalar:
        _report_shape(node, reading, name, _NUMBER)
        return None
    version = version_in(node.text) if node.plain else None
    if version is not None:
        return version
    quoted = not node.plain and _VERSION.fullmatch(node.text)
    reading.report(
        "not-a-version",
        f"{name} must be a whole number from 1, not {shown(node.text)}{'' if node.plain else ' in quotes'}",
        (node.line, node.column),
        detail="Versions of a subscription are counted from 1.",
        hint=f"Write {node.text} without quotes." if quoted else "Write digits only, such as 1.",
    )
    return None


def version_in(text: str) -> int | None:
    """Return the whole number from 1 to 999,999,999 that *text* writes in digits, if it does."""
    return int(text) if _VERSION.fullmatch(text) else None


def boolean_of(node: Node, reading: Reading, name: str) -> bool | None:
    """Return what is written as true or false."""
    if type(node) is not Scalar:
        _report_shape(node, reading, name, _TRUTH)
        return None
    if node.plain and (_TRUE.fullmatch(node.text) or _FALSE.fullmatch(node.text)):
        return _TRUE.fullmatch(node.text) is not None
    written = shown(node.text) + ("" if node.plain else " in quotes")
    hint = "Write true or false, without quotes."
    reading.report("not-a-boolean", f"{name} must be true or false, not {written}", (node.line, node.column), hint=hint)
    return None


def mapping_of(node: Node | None, reading: Reading, name: str) -> Mapping | None:
    if type(node) is Mapping:
        return node
    if node is not None:
        _report_shape(node, reading, name, _FIELDS)
    return None


def sequence_of(node: Node, reading: Reading, name: str) -> Sequence | None:
    if type(node) is Sequence:
        return node
    _report_shape(node, reading, name, _LIST)
    return None


def check_keys(mapping: Mapping, known: Collection[str], reading: Reading, name: str) -> None:
    """Report every key of *mapping* that is not one of *known*."""
    for key, at in mapping.keys.items():
        if key not in known:
            reading.report("unknown-key", f"{name} has no field {shown(key)}", at, hint=nearest(key, known))


def _report_shape(node: Node, reading: Reading, name: str, due: str) -> None:
    at = (node.line, node.column)
    if isinstance(node, Unreadable):
        return
    found = _found(node)
    is_empty_list = due == _LIST and found == "nothing"
    hint = "Write [] for an empty list, or remove the field." if is_empty_list else _SHAPES[due]
    reading.report("wrong-shape", f"{name} must be {due}, not {found}", at, hint=hint)


def _found(node: Mapping | Sequence | Scalar) -> str:
    match node:
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
        case Scalar():
            return "nothing" if node.plain and _NULL.fullmatch(node.text) else shown(node.text)


def plain_value(node: Node) -> Any:  # noqa: ANN401  (JSON, for the schema validator)
    """Return *node* as YAML 1.2's core schema reads it."""
    match node:
        case Mapping():
            return {key: plain_value(value) for key, value in node.values.items()}
        case Sequence():
            return [plain_value(item) for item in node.items]
        case Scalar():
            return _core(node.text) if node.plain else node.text
        case Unreadable():
            return None


def _core(text: str) -> str | bool | int | float | None:
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return _TRUE.fullmatch(text) is not None
    if re.fullmatch(_INTEGER, text):
        return _integer(text)
    return float(text.lower().replace(".inf", "inf").replace(".nan", "nan")) if re.fullmatch(_FLOAT, text) else text


def _integer(text: str) -> int | str:
    base = {"0o": 8, "0x": 16}.get(text[:2], 10)
    return int(text.removeprefix("0o").removeprefix("0x"), base) if len(text) <= MAX_TEXT else text
