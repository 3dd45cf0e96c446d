"""The key map of an environment: a CSV of ``field``, ``as_written`` and ``in_tenant``.

A field is one of those that name a target: ``subscriptionName``, ``orderNumber``, ``chargeNumber``, or an id's.
"""

from reconciler.core.address import address_order
from reconciler.core.declaration import Declaration, Spec
from reconciler.core.diagnostics import Diagnostic, nearest, shown
from reconciler.core.keymap import MAPPED_FIELDS, KeyMap
from reconciler.core.table import digests_of
from reconciler.formats.csv_table import Row, read_rows
from reconciler.formats.fields import text_of
from reconciler.formats.yaml_reader import Reading, Scalar, TooManyFaults

FIELD, AS_WRITTEN, IN_TENANT = COLUMNS = ("field", "as_written", "in_tenant")
_WHY = {
    AS_WRITTEN: "One number would be two in this tenant.",
    IN_TENANT: "Two declarations would be sent as one, and regenerate it twice.",
}


def read_keymap(content: bytes, reading: Reading) -> KeyMap:
    """Return the map; it is complete only if nothing was reported to *reading*."""
    taken: dict[tuple[str, str, str], int] = {}
    fields: dict[str, dict[str, str]] = {}
    try:
        for row in read_rows(content, reading, needed=COLUMNS, columns=COLUMNS, may_be_empty=True):
            if _is_good(row, reading) and not _is_taken(row, taken, reading):
                fields.setdefault(row.cells[FIELD], {})[row.cells[AS_WRITTEN]] = row.cells[IN_TENANT]
    except TooManyFaults:
        pass
    return KeyMap(reading.path, fields)


def _is_good(row: Row, reading: Reading) -> bool:
    field = row.cells[FIELD]
    if field not in MAPPED_FIELDS:
        hint = nearest(field, MAPPED_FIELDS)
        reading.report("unknown-value", f"field cannot be {shown(field)}", row.at(FIELD), hint=hint)
        return False
    texts = [_is_text(row, column, reading) for column in (AS_WRITTEN, IN_TENANT)]
    return all(texts)


def _is_text(row: Row, column: str, reading: Reading) -> bool:
    text = row.cells[column]
    if text.isprintable() and text.isascii() and text and text.strip() == text and len(text) < 200:
        return True
    line, at = row.at(column)
    return text_of(Scalar(text, plain=False, line=line, column=at), reading, column) is not None


def _is_taken(row: Row, taken: dict[tuple[str, str, str], int], reading: Reading) -> bool:
    """Report what another row says already of the same number, on either side."""
    twice = False
    for column in (AS_WRITTEN, IN_TENANT):
        text = row.cells[column]
        first = taken.setdefault((row.cells[FIELD], column, text), row.line)
        if first != row.line:
            what, why = f"{column} {shown(text)} stands twice", f"First in line {first}. {_WHY[column]}"
            reading.report("mapped-twice", what, row.at(column), detail=why, hint="Keep the row that is right.")
            twice = True
    return twice


def unmapped(spec: Spec, keys: KeyMap) -> list[Diagnostic]:
    """Return what is wrong where *spec* declares a number that *keys* do not map."""
    has = keys.has
    return [
        _not_mapped(spec.declarations[address], keys)
        for address in sorted((each for each in digests_of(spec) if not has(each)), key=address_order)
    ]


def _not_mapped(declaration: Declaration, keys: KeyMap) -> Diagnostic:
    field = declaration.target.form.fields[0]
    return Diagnostic(
        code="not-mapped",
        summary=f"{keys.path} does not map {keys.lacks(declaration.address)}",
        detail="The environment has a key map, and then every number is in it: none is sent unmapped by mistake.",
        hint=f"Add a row {field},AS_WRITTEN,IN_TENANT, with the same number twice if it is the same here.",
        place=declaration.place,
    )
