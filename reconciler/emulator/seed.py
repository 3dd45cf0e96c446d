"""Adding objects of one's own to a world. Everything that is wrong with a document is said at once, and nothing of
it is stored.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.emulator.client import DEFAULT_TENANT, check_tenant
from reconciler.emulator.database import IN_MEMORY, open_database, transaction
from reconciler.emulator.objects import STATES, USUAL_STATE, BusinessObject, owner_of_usual_id, usual_id
from reconciler.emulator.targets import DYNAMIC_USAGE_CHARGE, KINDS, ORDER_LINE_ITEM, SUBSCRIPTION, NaturalKey, ObjectId

MAX_SEGMENTS = 10_000
MAX_VERSION = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list of a seed document."""

    type: str
    state_field: str

    @property
    def fields(self) -> tuple[str, ...]:
        return (*KINDS[self.type].fields, self.state_field, "segments")


LISTINGS: Mapping[str, Listing] = MappingProxyType(
    {
        "subscriptions": Listing(type=SUBSCRIPTION, state_field="status"),
        "orderLineItems": Listing(type=ORDER_LINE_ITEM, state_field="itemState"),
        "dynamicUsageCharges": Listing(type=DYNAMIC_USAGE_CHARGE, state_field="status"),
    }
)
_TOP_FIELDS = ("version", "tenant", *LISTINGS)


def seed_world(database: str, document: Mapping[str, object]) -> int:
    """Store the objects of *document*, replacing those of the same natural key, and return how many they are.

    Raise ValueError with one sentence a line if anything is wrong.
    """
    if database == IN_MEMORY:
        raise ValueError("An emulator in memory cannot be seeded: give it a file with --db.")
    faults = tuple(_document_faults(document))
    if faults:
        raise ValueError("\n".join(faults))
    tenant = str(document.get("tenant", DEFAULT_TENANT))
    objects = tuple(_objects(document))
    with closing(open_database(database)) as connection, transaction(connection):
        for found in objects:
            _store(connection, tenant, found)
    return len(objects)


def _document_faults(document: object) -> Iterator[str]:
    if not isinstance(document, dict):
        yield "A seed document is a JSON object."
        return
    yield from (
        f"{field!r} is not known; known are {', '.join(_TOP_FIELDS)}." for field in document.keys() - {*_TOP_FIELDS}
    )
    yield from _head_faults(document)
    for name, listing in LISTINGS.items():
        items = document.get(name, [])
        if not isinstance(items, list):
            yield f"{name} must be a list."
            continue
        for position, item in enumerate(items):
            yield from (f"{name}[{position}]: {fault}" for fault in _item_faults(item, listing))


def _head_faults(document: Mapping[str, object]) -> Iterator[str]:
    version = document.get("version", 1)
    if isinstance(version, bool) or version != 1:
        yield "version must be 1."
    tenant = document.get("tenant", DEFAULT_TENANT)
    try:
        check_tenant(tenant if isinstance(tenant, str) else "")
    except ValueError as error:
        yield f"tenant: {error}"


def _item_faults(item: object, listing: Listing) -> Iterator[str]:
    if not isinstance(item, dict):
        yield "must be an object."
        return
    kind = KINDS[listing.type]
    for field in sorted(item.keys() - {*listing.fields}):
        yield f"{field!r} is not known; known are {', '.join(listing.fields)}."
    for field in kind.key_fields:
        if field not in item:
            yield f"{field} is missing."
    for field in item.keys() & {*listing.fields}:
        fault = _value_fault(field, item[field], listing)
        if fault is not None:
            yield f"{field} {fault}."


def _value_fault(field: str, value: object, listing: Listing) -> str | None:
    states = STATES[listing.type]
    if field == "subscriptionVersion":
        return _integer_fault(value, least=1, most=MAX_VERSION)
    if field == "segments":
        return _integer_fault(value, least=0, most=MAX_SEGMENTS)
    if field == listing.state_field and value not in states:
        return f"must be one of {', '.join(states)}"
    if not isinstance(value, str) or not value.strip() or not _is_storable(value):
        return "must be text that is not empty, without lone surrogates and 4-byte characters"
    return None


def _integer_fault(value: object, *, least: int, most: int) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        return f"must be an integer from {least} to {most}"
    return None


def _is_storable(text: str) -> bool:
    """Text fields of the platform take no character of 4 bytes in UTF-8 (developer.zuora.com, API reference,
    introduction).
    """
    return all(ord(character) < 0x10000 and not 0xD800 <= ord(character) < 0xE000 for character in text)


def _objects(document: Mapping[str, object]) -> Iterator[BusinessObject]:
    for name, listing in LISTINGS.items():
        items = document.get(name, [])
        assert isinstance(items, list)  # noqa: S101  - checked above
        for item in items:
            yield _object(item, listing)


def _object(item: Mapping[str, object], listing: Listing) -> BusinessObject:
    kind = KINDS[listing.type]
    key = NaturalKey(type=kind.type, number=str(item[kind.number_field]), part=str(item.get(kind.part_field, "")))
    segments = item.get("segments", 1)
    assert isinstance(segments, int)  # noqa: S101  - checked above
    return BusinessObject(
        key=key,
        id=str(item.get(kind.id_field, usual_id(key))),
        state=str(item.get(listing.state_field, USUAL_STATE[kind.type])),
        segments=segments,
    )


def _store(connection: sqlite3.Connection, tenant: str, found: BusinessObject) -> None:
    key = found.key
    if owner_of_usual_id(ObjectId(type=key.type, value=found.id)) not in {None, key}:
        raise _taken(found)
    try:
        connection.execute(
            "INSERT INTO objects VALUES (?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (tenant, type, number, part)"
            " DO UPDATE SET id = excluded.id, state = excluded.state, segments = excluded.segments",
            (tenant, key.type, key.number, key.part, found.id, found.state, found.segments),
        )
    except sqlite3.IntegrityError:
        raise _taken(found) from None


def _taken(found: BusinessObject) -> ValueError:
    return ValueError(f"The id {found.id} of {found.key.address} already belongs to another {found.key.type}.")
