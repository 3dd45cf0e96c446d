"""Requests that land later: their client has had its answer, or none, and their effect is still to come.

They are kept in the database, so that they land though the process was killed. A token is never stored.
"""

import json
import sqlite3
from dataclasses import dataclass

from reconciler.emulator.messages import Request

_NEVER_STORED = frozenset({"authorization", "cookie", "proxy-authorization"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Landing:
    """*holds_key*: the platform has the request already, so until *due_at* its Idempotency-Key is in flight."""

    request: Request
    tenant: str
    key: str | None
    request_id: str
    begun_at: float
    due_at: float
    holds_key: bool


def store_landing(connection: sqlite3.Connection, landing: Landing) -> None:
    """Store *landing* inside the caller's transaction."""
    request = landing.request
    headers = {name: value for name, value in request.headers.items() if name not in _NEVER_STORED}
    connection.execute(
        "INSERT INTO landings (due_at, tenant, idempotency_key, holds_key, begun_at, request_id,"
        " method, path, query, headers, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            landing.due_at,
            landing.tenant,
            landing.key,
            landing.holds_key,
            landing.begun_at,
            landing.request_id,
            request.method,
            request.path,
            request.query,
            json.dumps(headers),
            request.body,
        ),
    )


def next_due(connection: sqlite3.Connection) -> float | None:
    """Return when the next request lands."""
    due: float | None = connection.execute("SELECT min(due_at) FROM landings").fetchone()[0]
    return due


def take_due(connection: sqlite3.Connection, *, now: float) -> tuple[Landing, ...]:
    """Remove and return what is due, in the order in which it lands, inside the caller's transaction."""
    rows = connection.execute(
        "SELECT due_at, tenant, idempotency_key, holds_key, begun_at, request_id, method, path, query, headers, body"
        " FROM landings WHERE due_at <= ? ORDER BY due_at, sequence",
        (now,),
    ).fetchall()
    connection.execute("DELETE FROM landings WHERE due_at <= ?", (now,))
    return tuple(_landing(row) for row in rows)


def is_on_its_way(connection: sqlite3.Connection, key: str) -> bool:
    """Say whether a request that the platform has already, and that is still to land, holds *key*."""
    row = connection.execute(
        "SELECT 1 FROM landings WHERE idempotency_key = ? AND holds_key LIMIT 1", (key,)
    ).fetchone()
    return row is not None


def _landing(row: tuple[object, ...]) -> Landing:
    due_at, tenant, key, holds_key, begun_at, request_id, method, path, query, headers, body = row
    request = Request(
        method=str(method),
        path=str(path),
        query=str(query),
        headers=json.loads(str(headers)),
        body=bytes(body),  # type: ignore[call-overload]
    )
    return Landing(
        request=request,
        tenant=str(tenant),
        key=None if key is None else str(key),
        request_id=str(request_id),
        begun_at=float(str(begun_at)),
        due_at=float(str(due_at)),
        holds_key=bool(holds_key),
    )
