"""A spec file: nodes to declarations and sources, with every fault found in one pass.

Rule: what a file may hold stands here and in `declarations.py` and `sources.py`; `schemas/*.schema.json` say the same
a second time, and `validate` holds every file against both.
"""

from dataclasses import dataclass, field

from reconciler.core.declaration import Declaration
from reconciler.core.table import Table, Terms
from reconciler.formats.common import OWN_FIELDS, Common, common_of
from reconciler.formats.declarations import LISTS, DeclarationReader, in_list
from reconciler.formats.fields import check_keys, mapping_of, sequence_of, text_of
from reconciler.formats.plain_lists import LEAST, take_plain_lists
from reconciler.formats.sources import Source, sources_of
from reconciler.formats.yaml_reader import MAX_NODES, Mapping, Reading, Scalar, TooManyFaults, decode, parse

_NODES_OF_ITEM = 4
"""At most, with some to spare: so many items are counted by the parser, which tells when they are too many."""

_FILE_FIELDS = ("version", "name", *OWN_FIELDS, *LISTS, "sources")


@dataclass(frozen=True, slots=True)
class SpecFile:
    """What one file declares: by itself, and by the files of rows that it names."""

    declarations: list[Declaration] = field(default_factory=list)
    sources: list[Source] = field(default_factory=list)
    common: Common = field(default_factory=Common)


def read_spec(reading: Reading) -> SpecFile:
    """Return what one file declares in the order written; faults are added to *reading*.

    A declaration with a fault is left out, so the lists are complete only if nothing was reported.
    """
    try:
        return _read(reading)
    except TooManyFaults:
        return SpecFile()


def _read(reading: Reading) -> SpecFile:
    root = reading.root
    if root is None:
        _report_empty(reading)
        return SpecFile()
    top = mapping_of(root, reading, "a spec file")
    if top is None:
        return SpecFile()
    check_keys(top, _FILE_FIELDS, reading, "a spec file")
    check_document_version(top, reading)
    if "name" in top.values:
        text_of(top.values["name"], reading, "name")
    common = common_of(top, reading, Common())
    declarations = [found for name in LISTS for found in _declarations(top, name, reading, common)]
    return SpecFile(declarations, sources_of(top, reading, common), common)


def read_table(content: bytes, path: str, *, least: int = LEAST) -> tuple[Table, list[Source]] | None:
    """Return what one file declares, or None if anything in it is to be reported: `read_spec` does that.

    A text of *least* characters is looked through for plain lists first.
    """
    reading = Reading(path)
    text = decode(content, reading)
    if text is None:
        return None
    rest, lists = (take_plain_lists(text) if len(text) >= least else None) or (text, [])
    parse(rest, reading)
    found = read_spec(reading)
    common = found.common
    if reading.diagnostics or sum(len(each.keys[0]) for each in lists) > MAX_NODES // _NODES_OF_ITEM:
        return None
    table = Table.of(path, found.declarations)
    for each in lists:
        if common.flags is None:
            return None
        terms = Terms(common.flags, common.trigger, common.reason, common.owner)
        table.add_rows(each.form, each.keys, terms, each.lines, each.column)
    return table, found.sources


def _declarations(top: Mapping, name: str, reading: Reading, common: Common) -> list[Declaration]:
    if name not in top.values:
        return []
    container = in_list(name)
    reader = DeclarationReader(reading, LISTS[name], common, container)
    sequence = sequence_of(top.values[name], reading, name)
    mappings = (mapping_of(item, reading, container.what) for item in (sequence.items if sequence else ()))
    return [found for mapping in mappings if mapping is not None for found in reader.read(mapping)]


def check_document_version(top: Mapping, reading: Reading) -> None:
    """Report unless the file says ``version: 1``, the only one there is."""
    node = top.values.get("version")
    if node is None:
        if "version" not in top.keys:
            hint = "Write version: 1 as the first line."
            reading.report("missing-field", "the file does not say its version", (top.line, top.column), hint=hint)
    elif not (type(node) is Scalar and node.plain and node.text == "1"):
        hint = "Write version: 1. A file of a newer version needs a newer reconciler."
        reading.report("unknown-version", "the file's version is not 1", (node.line, node.column), hint=hint)


def _report_empty(reading: Reading) -> None:
    if not reading.diagnostics:
        hint = "Begin with version: 1, or delete the file."
        reading.report("empty-file", "the file is empty", (0, 0), hint=hint)
