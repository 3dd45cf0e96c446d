"""YAML text to nodes, straight from the parser's events: places, duplicate keys and speed come from one mechanism.

Rule: nothing is converted here. A scalar stays the text that was written, with whether it was quoted; who asks for a
type decides (`fields.py`). YAML that means something else to the next reader is refused by name: aliases, anchors,
tags, merge keys, several documents, duplicate keys, deep nesting. All of it is found in one pass; what cannot be read
becomes an `Unreadable` node, so that nothing is reported twice.

Events come from libyaml where PyYAML was built with it, else from PyYAML's own parser: slower and less tolerant of
tabs, and where both can parse, the nodes and places are the same.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import NoReturn, TypeAlias

import yaml

from reconciler.core.diagnostics import Diagnostic, Place, shown
from reconciler.formats.yaml_hints import syntax_hint

MAX_DEPTH = 32
"""Far above what a spec needs (4) and far below what exhausts a stack."""

MAX_FAULTS = 1_000
"""As many are collected in one file; then reading it ends."""

MAX_NODES = 3_000_000
"""In one file: half a million declarations, and about half a gigabyte. Rows of a source have no such limit."""

_BREAKS = "[\x85\u2028\u2029]|\r(?!\n)"
_TURNS = "[\u202a-\u202e\u2066-\u2069]"
_CONTROLS = "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufeff\ufffe\uffff]"
_UNPRINTABLE = re.compile(f"{_CONTROLS}|{_BREAKS}|{_TURNS}")
"""What is not in YAML 1.1's production c-printable; the byte order mark, which is nothing but the head of a file; what
ends a line to the parsers and not to git, a reviewer or YAML 1.2: behind it a comment could hide a declaration; and
what turns the direction of text, in a comment too: a reviewer would see another order than what is read.

Said the other way round, [^...], it takes 4 ms to compile.
"""

_PRINTABLE_ASCII = bytes([0x09, 0x0A, 0x0D, *range(0x20, 0x7F)])

_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|.)", re.DOTALL)
_SURROGATE = re.compile("[\ud800-\udfff]")

Loader: TypeAlias = type[yaml.SafeLoader] | type[yaml.CSafeLoader]

FASTEST: Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Scalar:
    """*text* as written, without quotes; *plain* if it stood without any. *line* and *column* count from 1."""

    __slots__ = ("column", "line", "plain", "text")

    def __init__(self, text: str, *, plain: bool, line: int, column: int) -> None:
        self.text = text
        self.plain = plain
        self.line = line
        self.column = column


class Sequence:
    __slots__ = ("column", "items", "line")

    def __init__(self, line: int, column: int) -> None:
        self.items: list[Node] = []
        self.line = line
        self.column = column


class Mapping:
    """*values* by key in the order written; *keys* holds each key's own place."""

    __slots__ = ("column", "keys", "line", "values")

    def __init__(self, line: int, column: int) -> None:
        self.values: dict[str, Node] = {}
        self.keys: dict[str, tuple[int, int]] = {}
        self.line = line
        self.column = column


class Unreadable:
    """Something already reported: whoever meets it stays silent."""

    __slots__ = ("column", "line")

    def __init__(self, line: int, column: int) -> None:
        self.line = line
        self.column = column


_MARK = "\ufeff"

Node: TypeAlias = Scalar | Sequence | Mapping | Unreadable


class TooManyFaults(Exception):
    """The rest of the file is not read."""


@dataclass(slots=True)
class Reading:
    """What was read of one file: *root* is None for an empty document or one that is not YAML at all."""

    path: str
    root: Node | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)

    def report(self, code: str, summary: str, at: tuple[int, int], *, detail: str = "", hint: str = "") -> None:
        """Raise TooManyFaults if that would be one more than are collected."""
        if len(self.diagnostics) >= MAX_FAULTS:
            self.end(at)
        place = Place(self.path, *at)
        self.diagnostics.append(Diagnostic(code=code, summary=summary, place=place, detail=detail, hint=hint))

    def end(self, at: tuple[int, int]) -> NoReturn:
        """Say that faults behind *at* are not told any more, and raise TooManyFaults."""
        if len(self.diagnostics) == MAX_FAULTS:
            what = f"{MAX_FAULTS:,} faults were found here, and there may be more"
            hint = "Correct what has been found, and validate again."
            place = Place(self.path, *at)
            self.diagnostics.append(Diagnostic(code="too-many-faults", summary=what, place=place, hint=hint))
        raise TooManyFaults


def read_yaml(content: bytes, path: str, *, loader: Loader = FASTEST) -> Reading:
    """Read one file; *path* is what diagnostics call it. Never raises for bad input."""
    reading = Reading(path)
    text = decode(content, reading)
    if text is not None:
        parse(text, reading, loader=loader)
    return reading


def parse(text: str, reading: Reading, *, loader: Loader = FASTEST) -> None:
    """Read *text*, as `decode` returns it, into *reading*."""
    known = len(reading.diagnostics)
    try:
        reading.root = _Builder(reading, text).build(yaml.parse(text, Loader=loader))
    except yaml.YAMLError as error:
        if "nesting depth" in str(getattr(error, "problem", "")) and loader is not yaml.SafeLoader:
            # libyaml 0.2.6 gives up at 1,000 levels, which it reads ahead of the event that tells where
            del reading.diagnostics[known:]
            parse(text, reading, loader=yaml.SafeLoader)
        else:
            _report_syntax(error, text, reading)
    except ValueError as error:  # PyYAML's own parser: \U00110000 in quotes, a %YAML directive of 5,000 digits
        reading.report(
            "yaml-syntax", "not valid YAML", (0, 0), detail=f"{error}.", hint=syntax_hint(text, 0, 0, str(error))
        )
    except (TooManyFaults, _TooManyNodes):
        reading.root = None
    except _TooDeep as stop:
        reading.report("too-deep", f"nested deeper than {MAX_DEPTH} levels", stop.at, hint="A spec needs four levels.")


def decode(content: bytes, reading: Reading) -> str | None:
    """Return the text, ending with a line break: at the end of a broken last line the parsers count differently."""
    try:
        text = content.decode("utf-8").removeprefix(_MARK)
    except UnicodeDecodeError as error:
        at = _place_after(content[: error.start].decode("utf-8").removeprefix(_MARK))
        why = f"Byte 0x{content[error.start]:02x} is not part of it."
        reading.report("not-utf-8", "not UTF-8 text", at, detail=why, hint="Save the file as UTF-8.")
        return None
    is_plain = not content.translate(None, _PRINTABLE_ASCII)
    unprintable = None if is_plain and b"\r" not in content else _UNPRINTABLE.search(text)
    if unprintable:
        what = f"U+{ord(unprintable.group()):04X} cannot stand in a file"
        at = _place_after(text[: unprintable.start()])
        reading.report("control-character", what, at, hint="Remove the character.")
        return None
    return text if text.endswith("\n") else f"{text}\n"


def _place_after(before: str) -> tuple[int, int]:
    lines = before.split("\n")
    return len(lines), len(lines[-1]) + 1


def _report_syntax(error: yaml.YAMLError, text: str, reading: Reading) -> None:
    mark = getattr(error, "problem_mark", None)
    at = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be parsed"
    context, begun = getattr(error, "context", None), getattr(error, "context_mark", None)
    if context and begun and (begun.line + 1, begun.column + 1) != at:
        context += f" that begins at line {begun.line + 1}, column {begun.column + 1}"
    reading.report(
        "yaml-syntax",
        "not valid YAML",
        at,
        detail=f"{problem}{f' ({context})' if context else ''}.",
        hint=syntax_hint(text, at[0], at[1], problem),
    )


_ONE_DOCUMENT = "Put it into a file of its own; all files of the folder are read."


def _at(event: yaml.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark else (0, 0)


class _TooDeep(Exception):
    def __init__(self, at: tuple[int, int]) -> None:
        super().__init__(at)
        self.at = at


class _TooManyNodes(Exception):
    pass


class _Expected(Enum):
    """What comes next in a mapping when it is not the value of a key that can be used."""

    KEY = auto()
    KEY_ITSELF = auto()
    """A collection that stands as a key: reported, then built to find what else is wrong in it."""
    DROPPED = auto()
    """The value of a key that was reported."""


class _Builder:
    """Builds nodes from events with a stack of its own, so that depth costs no recursion.

    `_container` is what is being filled, and `_next` in a mapping the key whose value comes next.
    """

    def __init__(self, reading: Reading, text: str) -> None:
        self._reading = reading
        self._text = text
        self._stack: list[tuple[Sequence | Mapping | None, str | _Expected]] = []
        self._container: Sequence | Mapping | None = None
        self._next: str | _Expected = _Expected.KEY
        self._root: Node | None = None
        self._nodes = 0

    def build(self, events: Iterator[yaml.Event]) -> Node | None:
        documents = 0
        scalar = self._escaped_scalar if "\\u" in self._text or "\\U" in self._text else self._scalar
        for event in events:
            if isinstance(event, yaml.ScalarEvent):
                scalar(event)
            elif isinstance(event, yaml.CollectionStartEvent):
                self._open(event)
            elif isinstance(event, yaml.CollectionEndEvent):
                self._close()
            elif isinstance(event, yaml.AliasEvent):
                self._alias(event)
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._report("several-documents", "a second document begins here", event, _ONE_DOCUMENT)
                    break
        return self._root

    def _escaped_scalar(self, event: yaml.ScalarEvent) -> None:
        """Refuse the escape of a lone surrogate as libyaml does, which PyYAML's own parser lets pass."""
        begun = event.start_mark
        if _SURROGATE.search(event.value) and begun:
            escapes = _ESCAPE.finditer(self._text, begun.index)
            at = next(each.start() + 2 for each in escapes if 0xD800 <= int(each[1] or each[2] or "0", 16) <= 0xDFFF)
            line, column = _place_after(self._text[:at])
            raise yaml.MarkedYAMLError(
                "while parsing a quoted scalar",
                yaml.Mark(begun.name, begun.index, begun.line, begun.column, None, 0),
                "found invalid Unicode character escape code",
                yaml.Mark(begun.name, at, line - 1, column - 1, None, 0),
            )
        self._scalar(event)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        line, column = _at(event)
        if event.anchor is not None or event.tag is not None:
            self._refuse_properties(event)
        if self._next is _Expected.KEY and type(self._container) is Mapping:
            self._take_key(event, self._container, (line, column))
        else:
            self._add(Scalar(event.value, plain=not event.style, line=line, column=column))

    def _take_key(self, event: yaml.ScalarEvent, mapping: Mapping, at: tuple[int, int]) -> None:
        key: str = event.value
        self._next = _Expected.DROPPED
        if key in mapping.keys:
            first = Place(self._reading.path, *mapping.keys[key])
            hint = "Keep one of the two; YAML readers differ in which one they take."
            self._reading.report(
                "duplicate-key", f"{shown(key)} stands here twice", at, detail=f"First at {first}.", hint=hint
            )
        elif key == "<<" and not event.style:
            self._report("merge-key", "merge keys (<<) are not read", event, "Write the fields out.")
        elif not key:
            self._report("empty-key", "a key is missing before the colon", event, "Name the field.")
        else:
            mapping.keys[key] = at
            self._next = key

    def _open(self, event: yaml.CollectionStartEvent) -> None:
        at = _at(event)
        if len(self._stack) >= MAX_DEPTH:
            raise _TooDeep(at)
        if event.anchor is not None or event.tag is not None:
            self._refuse_properties(event)
        if self._next is _Expected.KEY and type(self._container) is Mapping:
            self._report("key-not-text", "a key must be a plain name", event, "Write the key as text.")
            self._next = _Expected.KEY_ITSELF
        node = Mapping(*at) if isinstance(event, yaml.MappingStartEvent) else Sequence(*at)
        if self._next is not _Expected.KEY_ITSELF:
            self._put(node)
        self._stack.append((self._container, self._next))
        self._container, self._next = node, _Expected.KEY

    def _close(self) -> None:
        self._container, ended = self._stack.pop()
        self._next = _Expected.DROPPED if ended is _Expected.KEY_ITSELF else _Expected.KEY

    def _alias(self, event: yaml.AliasEvent) -> None:
        self._report("alias", f"the alias {shown(str(event.anchor))} is not read", event, "Write the value out.")
        if self._next is _Expected.KEY and type(self._container) is Mapping:
            self._next = _Expected.DROPPED
        else:
            self._add(Unreadable(*_at(event)))

    def _add(self, node: Node) -> None:
        self._put(node)
        self._next = _Expected.KEY

    def _put(self, node: Node) -> None:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            self._reading.report(
                "too-many-values",
                f"the file holds more than {MAX_NODES:,} values",
                (node.line, node.column),
                hint="Split it into several files, or put the rows into a CSV file and name that in sources.",
            )
            raise _TooManyNodes
        container = self._container
        if type(container) is Mapping:
            if isinstance(self._next, str):
                container.values[self._next] = node
        elif type(container) is Sequence:
            container.items.append(node)
        else:
            self._root = node

    def _refuse_properties(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.anchor is not None:
            self._report(
                "anchor",
                f"the anchor {shown(event.anchor)} is not read",
                event,
                "Write values out where they are used.",
            )
        if event.tag is not None:
            self._report(
                "tag", f"the tag {shown(event.tag)} is not read", event, "Remove it; every field has one type already."
            )

    def _report(self, code: str, summary: str, event: yaml.Event, hint: str) -> None:
        self._reading.report(code, summary, _at(event), hint=hint)
