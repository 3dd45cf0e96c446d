"""The business objects of a tenant: stored by `seed`, special (the table below), or existing by pattern.

Sources: docs.zuora.com, "Overview of Booking Transactions", for the states that have booking transactions;
everything else in the world is invented.
"""

import hashlib
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.emulator import patterns
from reconciler.emulator.targets import DYNAMIC_USAGE_CHARGE, ORDER_LINE_ITEM, SUBSCRIPTION, NaturalKey, ObjectId

DRAFT = "Draft"

SUBSCRIPTION_STATES = (DRAFT, "Pending Activation", "Pending Acceptance", "Active", "Suspended", "Cancelled", "Expired")
ITEM_STATES = ("Executing", "Booked", "SentToBilling", "Complete", "Cancelled")
BOOKED_ITEM_STATES = ("Booked", "SentToBilling", "Complete")
CHARGE_STATES = ("Active",)

STATES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {SUBSCRIPTION: SUBSCRIPTION_STATES, ORDER_LINE_ITEM: ITEM_STATES, DYNAMIC_USAGE_CHARGE: CHARGE_STATES}
)
USUAL_STATE: Mapping[str, str] = MappingProxyType(
    {SUBSCRIPTION: "Active", ORDER_LINE_ITEM: "Complete", DYNAMIC_USAGE_CHARGE: "Active"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessObject:
    key: NaturalKey
    id: str
    state: str
    segments: int

    @property
    def booked_segments(self) -> range:
        """The numbers of the charge segments that have a booking transaction; an executing order line item has
        none.
        """
        is_booked = self.key.type != ORDER_LINE_ITEM or self.state in BOOKED_ITEM_STATES
        return range(1, self.segments + 1 if is_booked else 1)


def usual_id(key: NaturalKey) -> str:
    """Return the id that an object has when nobody has given it another."""
    if patterns.is_pattern_key(key):
        return patterns.id_of(key)
    return "8ad0" + hashlib.sha256(f"id {key.address}".encode()).hexdigest()[:28]


def _special(kind: str, number: str, part: str, *, state: str = "", segments: int = 1) -> BusinessObject:
    key = NaturalKey(type=kind, number=number, part=part)
    return BusinessObject(key=key, id=usual_id(key), state=state or USUAL_STATE[kind], segments=segments)


SPECIAL_OBJECTS = (
    _special(SUBSCRIPTION, "A-S-DRAFT", "1", state=DRAFT),
    _special(SUBSCRIPTION, "A-S-NO-SEGMENTS", "1", segments=0),
    _special(SUBSCRIPTION, "A-S-FIVE-SEGMENTS", "1", segments=5),
    _special(SUBSCRIPTION, "A-S-FIFTY-SEGMENTS", "1", segments=50),
    _special(SUBSCRIPTION, "A-S-CANCELLED", "1", state="Cancelled"),
    _special(SUBSCRIPTION, "Müller & Söhne / EU @ 100 % #1", "1", segments=2),
    _special(ORDER_LINE_ITEM, "O-EXECUTING", "1", state="Executing"),
    _special(ORDER_LINE_ITEM, "O-BOOKED", "1", state="Booked"),
    _special(ORDER_LINE_ITEM, "Auftrag 7 / Größe @ 2", "1 b"),
    _special(DYNAMIC_USAGE_CHARGE, "C-NO-SEGMENTS", "", segments=0),
)

_SPECIAL_BY_KEY = MappingProxyType({special.key: special for special in SPECIAL_OBJECTS})
_SPECIAL_KEY_BY_ID = MappingProxyType(
    {ObjectId(type=special.key.type, value=special.id): special.key for special in SPECIAL_OBJECTS}
)


def find_object(connection: sqlite3.Connection, tenant: str, named: NaturalKey | ObjectId) -> BusinessObject | None:
    """Return the object of *tenant* that is *named*, or None. Every tenant has the special and the pattern objects."""
    key = named if isinstance(named, NaturalKey) else _key_of(connection, tenant, named)
    if key is None:
        return None
    found = _stored(connection, tenant, key) or _SPECIAL_BY_KEY.get(key) or _by_pattern(key)
    has_other_id = found is not None and isinstance(named, ObjectId) and found.id != named.value
    return None if has_other_id else found


def owner_of_usual_id(object_id: ObjectId) -> NaturalKey | None:
    """Return the key of the special or the pattern object that has this id unless it was given another."""
    return _SPECIAL_KEY_BY_ID.get(object_id) or patterns.key_of(object_id)


def _key_of(connection: sqlite3.Connection, tenant: str, object_id: ObjectId) -> NaturalKey | None:
    row = connection.execute(
        "SELECT number, part FROM objects WHERE tenant = ? AND type = ? AND id = ?",
        (tenant, object_id.type, object_id.value),
    ).fetchone()
    if row is not None:
        return NaturalKey(type=object_id.type, number=row[0], part=row[1])
    return owner_of_usual_id(object_id)


def _stored(connection: sqlite3.Connection, tenant: str, key: NaturalKey) -> BusinessObject | None:
    row = connection.execute(
        "SELECT id, state, segments FROM objects WHERE tenant = ? AND type = ? AND number = ? AND part = ?",
        (tenant, key.type, key.number, key.part),
    ).fetchone()
    return None if row is None else BusinessObject(key=key, id=row[0], state=row[1], segments=row[2])


def _by_pattern(key: NaturalKey) -> BusinessObject | None:
    if not patterns.is_pattern_key(key):
        return None
    return BusinessObject(
        key=key, id=patterns.id_of(key), state=USUAL_STATE[key.type], segments=patterns.segments_of(key)
    )
