"""Reading what has really happened: the oracle of every test. It changes nothing and works beside a running server."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import TypeVar

from reconciler.emulator.database import open_read_only
from reconciler.emulator.timestamps import rfc3339

_Row = TypeVar("_Row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One regeneration that took place.

    *target* is the object under its natural key, however it was named. *overridden* and *regenerate_flag* are what
    the flags mean for every booking transaction in *id_list*; an object without any has an effect with an empty
    list.
    """

    tenant: str
    type: str
    target: str
    only_re_send: bool
    re_migrate: bool
    regenerate_flag: str
    overridden: bool
    id_list: tuple[str, ...]
    at: str
    request_id: str
    idempotency_key: str | None

    def document(self) -> dict[str, object]:
        """Return the effect as JSON values, in the platform's spelling."""
        return {
            "tenant": self.tenant,
            "type": self.type,
            "target": self.target,
            "onlyReSend": self.only_re_send,
            "reMigrate": self.re_migrate,
            "regenerateFlag": self.regenerate_flag,
            "overridden": self.overridden,
            "idList": list(self.id_list),
            "at": self.at,
            "requestId": self.request_id,
            "idempotencyKey": self.idempotency_key,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingTransaction:
    """A stored booking transaction that has been regenerated at least once; *overrides* and *resends* count how."""

    id: str
    tenant: str
    target: str
    charge_segment: int
    regenerate_flag: str
    created_date: str
    updated_date: str
    overrides: int
    resends: int


def read_ledger(database: str) -> tuple[Effect, ...]:
    """Return every effect, by tenant and target, in the order in which they took place. Raise ValueError."""
    query = "SELECT * FROM effects ORDER BY tenant, target, sequence"
    return _read(database, query, _effect)


def read_booking_transactions(database: str) -> tuple[BookingTransaction, ...]:
    """Return the booking transactions that have been regenerated, by tenant, target and segment. Raise ValueError."""
    query = "SELECT * FROM booking_transactions ORDER BY tenant, target, ChargeSegment"
    return _read(database, query, _booking_transaction)


def _read(database: str, query: str, make: Callable[[sqlite3.Row], _Row]) -> tuple[_Row, ...]:
    with closing(open_read_only(database)) as connection:
        connection.row_factory = sqlite3.Row
        return tuple(make(row) for row in connection.execute(query))


def _effect(row: sqlite3.Row) -> Effect:
    return Effect(
        tenant=row["tenant"],
        type=row["type"],
        target=row["target"],
        only_re_send=bool(row["only_re_send"]),
        re_migrate=bool(row["re_migrate"]),
        regenerate_flag=row["regenerate_flag"],
        overridden=bool(row["overridden"]),
        id_list=tuple(json.loads(row["id_list"])),
        at=rfc3339(row["at"]),
        request_id=row["request_id"],
        idempotency_key=row["idempotency_key"],
    )


def _booking_transaction(row: sqlite3.Row) -> BookingTransaction:
    return BookingTransaction(
        id=row["Id"],
        tenant=row["tenant"],
        target=row["target"],
        charge_segment=row["ChargeSegment"],
        regenerate_flag=row["RegenerateFlag"],
        created_date=row["CreatedDate"],
        updated_date=row["UpdatedDate"],
        overrides=row["overrides"],
        resends=row["resends"],
    )
