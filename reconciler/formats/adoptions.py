"""A CSV of regenerations that were done by hand, to be adopted: one row each, a header of column names.

Columns: ``address``, ``onlyReSend``, ``reMigrate``; and, where they are known, ``trigger``, ``ids`` (blanks between
them) and ``at`` (RFC 3339, UTC). Rule: every fault is found in one pass.
"""

from collections.abc import Mapping

from reconciler.core.address import Address, parse_address
from reconciler.core.adoption import Adoption
from reconciler.core.declaration import Flags
from reconciler.core.diagnostics import Place, shown
from reconciler.core.timestamp import Timestamp, moment
from reconciler.formats.csv_table import read_rows
from reconciler.formats.yaml_reader import Reading, TooManyFaults

_NEEDED = ("address", "onlyReSend", "reMigrate")
_COLUMNS = (*_NEEDED, "trigger", "ids", "at")
_BOOLEANS = {"true": True, "false": False}


def read_adoptions(content: bytes, reading: Reading) -> list[Adoption]:
    """Return what the rows say, in their order; it is complete only if nothing was reported to *reading*."""
    rows = read_rows(content, reading, needed=_NEEDED, columns=_COLUMNS)
    try:
        found = [_adoption(row.cells, (row.line, 1), reading) for row in rows]
    except TooManyFaults:
        return []
    return [each for each in found if each is not None]


def _adoption(row: Mapping[str, str], at: tuple[int, int], reading: Reading) -> Adoption | None:
    before = len(reading.diagnostics)
    address, flags, when = _address(row, at, reading), _flags(row, at, reading), _time(row, at, reading)
    if address is None or flags is None or len(reading.diagnostics) > before:
        return None
    return Adoption(
        address=address,
        flags=flags,
        trigger=row.get("trigger") or None,
        ids=tuple(row.get("ids", "").split()),
        at=when,
        place=Place(reading.path, *at),
    )


def _address(row: Mapping[str, str], at: tuple[int, int], reading: Reading) -> Address | None:
    try:
        parse_address(row["address"])
    except ValueError:
        what = f"{shown(row['address'])} is the address of no target"
        reading.report("not-an-address", what, at, hint="Copy it from `plan`: Subscription/A-S00000001@1.")
        return None
    return Address(row["address"])


def _flags(row: Mapping[str, str], at: tuple[int, int], reading: Reading) -> Flags | None:
    said = [_BOOLEANS.get(row[name].lower()) for name in ("onlyReSend", "reMigrate")]
    for name, value in zip(("onlyReSend", "reMigrate"), said, strict=True):
        if value is None:
            what = f"{name} must be true or false, not {shown(row[name])}"
            reading.report("not-a-boolean", what, at, hint="Write the flags under which it was done.")
    if None in said:
        return None
    if all(said):
        reading.report("flags-exclude-each-other", "onlyReSend and reMigrate cannot both be true", at)
        return None
    return Flags(tuple(said))


def _time(row: Mapping[str, str], at: tuple[int, int], reading: Reading) -> Timestamp | None:
    """Return when it was done, None if that is not said, or said wrongly."""
    text = Timestamp(row.get("at", ""))
    if not text:
        return None
    try:
        moment(text)
    except ValueError:
        what = f"at must be a time such as 2026-11-22T10:00:00Z, not {shown(text)}"
        reading.report("unknown-value", what, at, hint="Write it in UTC, or leave the cell empty.")
    return text
