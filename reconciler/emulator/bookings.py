"""What a regeneration does to the stored booking transactions of one object, and how it is remembered.

Source: developer.zuora.com, operation POST_RegenerateBookingTransaction, for the table RULES. That there is one
booking transaction for each charge segment, and that its id stays the same, is inferred; that objects have theirs
from the start is invented, because real tenants do.
"""

import hashlib
import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.emulator.objects import BusinessObject
from reconciler.emulator.timestamps import rfc3339

CREATED_DATE = "2026-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Overridden transactions are written again, others are kept and re-sent; Revenue is told the
    *regenerate_flag*.
    """

    overridden: bool
    regenerate_flag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flags:
    only_re_send: bool
    re_migrate: bool


RULES: Mapping[Flags, Rule] = MappingProxyType(
    {
        Flags(only_re_send=False, re_migrate=False): Rule(overridden=True, regenerate_flag="N"),
        Flags(only_re_send=False, re_migrate=True): Rule(overridden=True, regenerate_flag="Y"),
        Flags(only_re_send=True, re_migrate=False): Rule(overridden=False, regenerate_flag="Y"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Occasion:
    """The call that has an effect: whose, when, under which request id and Idempotency-Key."""

    tenant: str
    at: float
    request_id: str
    idempotency_key: str | None


def regenerate(
    connection: sqlite3.Connection, found: BusinessObject, *, flags: Flags, occasion: Occasion
) -> tuple[str, ...]:
    """Regenerate the booking transactions of *found* inside the caller's transaction, and return their ids."""
    rule = RULES[flags]
    ids = tuple(booking_id(occasion.tenant, found, segment) for segment in found.booked_segments)
    for segment, identity in zip(found.booked_segments, ids, strict=True):
        _materialise(connection, found, tenant=occasion.tenant, segment=segment, identity=identity)
        _rewrite(connection, identity, rule=rule, at=rfc3339(occasion.at))
    _record(connection, found, flags=flags, occasion=occasion, ids=ids)
    return ids


def booking_id(tenant: str, found: BusinessObject, segment: int) -> str:
    name = f"booking transaction {tenant} {found.key.address} {segment}"
    return "2c98" + hashlib.sha256(name.encode()).hexdigest()[:28]


def _materialise(
    connection: sqlite3.Connection, found: BusinessObject, *, tenant: str, segment: int, identity: str
) -> None:
    connection.execute(
        "INSERT OR IGNORE INTO booking_transactions VALUES (?, ?, ?, ?, ?, NULL, ?, ?, 0, 0)",
        (identity, tenant, found.key.type, found.key.address, segment, CREATED_DATE, CREATED_DATE),
    )


def _rewrite(connection: sqlite3.Connection, identity: str, *, rule: Rule, at: str) -> None:
    connection.execute(
        "UPDATE booking_transactions SET RegenerateFlag = ?, UpdatedDate = ?,"
        " overrides = overrides + ?, resends = resends + ? WHERE Id = ?",
        (rule.regenerate_flag, at, int(rule.overridden), int(not rule.overridden), identity),
    )


def _record(
    connection: sqlite3.Connection, found: BusinessObject, *, flags: Flags, occasion: Occasion, ids: tuple[str, ...]
) -> None:
    rule = RULES[flags]
    connection.execute(
        "INSERT INTO effects (tenant, type, target, only_re_send, re_migrate, regenerate_flag, overridden,"
        " id_list, at, request_id, idempotency_key) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            occasion.tenant,
            found.key.type,
            found.key.address,
            flags.only_re_send,
            flags.re_migrate,
            rule.regenerate_flag,
            rule.overridden,
            json.dumps(ids),
            occasion.at,
            occasion.request_id,
            occasion.idempotency_key,
        ),
    )
