"""Bearer tokens: they outlive the process, and the database holds only their digests.

Source: developer.zuora.com, operation createToken, for the answer's fields and the life of an hour.
"""

import hashlib
import sqlite3
from collections.abc import Sequence

from reconciler.emulator.client import Client, entity_of, user_of
from reconciler.emulator.database import transaction

LIFETIME_SECONDS = 3_600
ANNOUNCED_SECONDS = LIFETIME_SECONDS - 1


def issue_token(
    connection: sqlite3.Connection, *, token: str, tenant: str, client_id: str, now: float
) -> dict[str, object]:
    """Make *token* valid for *tenant* from now on, and return the answer that carries it."""
    with transaction(connection):
        connection.execute("DELETE FROM tokens WHERE expires_at <= ?", (now,))
        connection.execute(
            "INSERT INTO tokens (digest, tenant, expires_at, client_id) VALUES (?, ?, ?, ?)",
            (_digest(token), tenant, now + LIFETIME_SECONDS, client_id),
        )
    scope = (
        f"user.{user_of(tenant, client_id)}",
        f"entity.{entity_of(tenant)}",
        "service.echo.read",
        "platform.write",
        f"tenant.{tenant}",
    )
    return {
        "access_token": token,
        "token_type": "bearer",
        "expires_in": ANNOUNCED_SECONDS,
        "scope": " ".join(scope),
        "jti": _digest(token)[:32],
    }


def tenant_of_bearer(
    connection: sqlite3.Connection, authorization: str, *, clients: Sequence[Client], now: float
) -> str | None:
    """Return the tenant of a valid ``Authorization: Bearer`` header, or None. A token that outlived the process it
    was issued by is valid only if its client is one of *clients*, where there are any.
    """
    row = connection.execute(
        "SELECT tenant, client_id FROM tokens WHERE digest = ? AND expires_at > ?", (_bearer_digest(authorization), now)
    ).fetchone()
    if row is None or (clients and row not in {(client.tenant, client.client_id) for client in clients}):
        return None
    return str(row[0])


def revoke_bearer(connection: sqlite3.Connection, authorization: str) -> None:
    with transaction(connection):
        connection.execute("DELETE FROM tokens WHERE digest = ?", (_bearer_digest(authorization),))


def _bearer_digest(authorization: str) -> str | None:
    scheme, _, token = authorization.partition(" ")
    return _digest(token.strip()) if scheme.lower() == "bearer" else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()
