"""The list `sources` of a spec file: files of rows, each of one type, below the environment's spec folder.

Rule: a path has one spelling, relative and with ``/``, so that one file cannot be named in two ways, and none that
leads elsewhere on any system. Where links lead is found out when the file is opened.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.diagnostics import Place, nearest, shown
from reconciler.core.target import TargetType
from reconciler.formats.common import OWN_FIELDS, Common, common_of
from reconciler.formats.fields import check_keys, mapping_of, sequence_of, text_of
from reconciler.formats.yaml_reader import Mapping, Node, Reading


class SourceFormat(StrEnum):
    CSV = "csv"
    TSV = "tsv"
    JSON_LINES = "jsonl"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Source:
    """*path* is relative to the environment's spec folder; *common* holds for rows that do not say their own."""

    format: SourceFormat
    path: str
    type: TargetType
    common: Common
    place: Place


_FORMATS = tuple(map(str, SourceFormat))
_FIELDS = (*_FORMATS, "type", *OWN_FIELDS)
_PATH_HINT = "Write a path below the spec folder of the environment, such as data/backfill.csv."


def sources_of(top: Mapping, reading: Reading, common: Common) -> list[Source]:
    """Return the sources of a spec file; faults are added to *reading*, and a source with one is left out."""
    if "sources" not in top.values:
        return []
    sequence = sequence_of(top.values["sources"], reading, "sources")
    found = (_source(item, reading, common) for item in (sequence.items if sequence else ()))
    return [source for source in found if source is not None]


def _source(item: Node, reading: Reading, default: Common) -> Source | None:
    mapping = mapping_of(item, reading, "a source")
    if mapping is None:
        return None
    faults = len(reading.diagnostics)
    check_keys(mapping, _FIELDS, reading, "a source")
    format_ = _format(mapping, reading)
    path = _path(mapping, reading, format_) if format_ else None
    type_ = _type(mapping, reading)
    common = common_of(mapping, reading, default)
    if format_ is None or path is None or type_ is None or len(reading.diagnostics) > faults:
        return None
    node = mapping.values[format_]
    return Source(format_, path, type_, common, Place(reading.path, node.line, node.column))


def _format(mapping: Mapping, reading: Reading) -> SourceFormat | None:
    given = [name for name in mapping.keys if name in _FORMATS]
    if len(given) == 1:
        return SourceFormat(given[0])
    hint = f"Name one file, with {', '.join(_FORMATS[:-1])} or {_FORMATS[-1]}."
    if given:
        what = f"{' and '.join(given)} exclude each other"
        reading.report("named-twice", what, mapping.keys[given[-1]], hint=hint)
    else:
        reading.report("missing-field", "the source names no file", (mapping.line, mapping.column), hint=hint)
    return None


def _type(mapping: Mapping, reading: Reading) -> TargetType | None:
    node = mapping.values.get("type")
    if node is None:
        if "type" not in mapping.keys:
            at, known = (mapping.line, mapping.column), ", ".join(TargetType)
            reading.report("missing-field", "the source does not say its type", at, hint=f"Write type: {known}.")
        return None
    text = text_of(node, reading, "type")
    if text is None or text in set(TargetType):
        return TargetType(text) if text else None
    at = (node.line, node.column)
    reading.report("unknown-type", f"there is no type {shown(text)}", at, hint=nearest(text, TargetType))
    return None


def _path(mapping: Mapping, reading: Reading, format_: SourceFormat) -> str | None:
    node = mapping.values.get(format_)
    path = text_of(node, reading, format_) if node else None
    wrong = _wrong_with(path) if path else ""
    if node is None or not wrong:
        return path
    reading.report("bad-path", f"{shown(path or '')} {wrong}", (node.line, node.column), hint=_PATH_HINT)
    return None


def _wrong_with(path: str) -> str:
    steps = path.split("/")
    wrong = {
        "is a URL": "://" in path,
        "is an absolute path": path.startswith("/"),
        "begins with ~, which is somebody's home": path.startswith("~"),
        "begins with a drive": bool(re.match("[A-Za-z]:", path)),
        "has a backslash, which is a separator on some systems only": "\\" in path,
        "has a colon, which not every system allows": ":" in path,
        "leads out of the folder, or may": ".." in steps,
        "has a step that is empty or a dot": bool({"", "."} & set(steps)),
    }
    return next((what for what, holds in wrong.items() if holds), "")
