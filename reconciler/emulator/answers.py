"""Answers saved under an Idempotency-Key: for 24 hours the first answer is the only one.

Source: developer.zuora.com, guide "Idempotent requests": status, headers and body are saved whether the request
succeeded or failed; the key goes 24 hours after it was set; 422 is a mismatch of tenant ids, URLs or HTTP methods.
That another payload is a mismatch too, and that the query string belongs to the URL, is inferred.
"""

import hashlib
import json
import sqlite3
from dataclasses import dataclass

from reconciler.emulator.messages import Response

KEPT_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """What a second request under one key must have in common with the first."""

    tenant: str
    method: str
    url: str
    payload: str

    def mismatch(self, other: "Fingerprint") -> str | None:
        """Return what differs, in words, or None."""
        for difference, (mine, theirs) in {
            "tenant id": (self.tenant, other.tenant),
            "HTTP method": (self.method, other.method),
            "URL": (self.url, other.url),
            "payload": (self.payload, other.payload),
        }.items():
            if mine != theirs:
                return difference
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedAnswer:
    fingerprint: Fingerprint
    response: Response


def payload_digest(payload: bytes) -> str:
    return hashlib.sha256(payload).hexdigest()


def find_answer(connection: sqlite3.Connection, key: str, *, now: float) -> SavedAnswer | None:
    row = connection.execute(
        "SELECT tenant, method, url, payload, status, headers, body FROM answers"
        " WHERE idempotency_key = ? AND set_at > ?",
        (key, now - KEPT_SECONDS),
    ).fetchone()
    if row is None:
        return None
    tenant, method, url, payload, status, headers, body = row
    return SavedAnswer(
        fingerprint=Fingerprint(tenant=tenant, method=method, url=url, payload=payload),
        response=Response(status=status, headers=json.loads(headers), body=body),
    )


def save_answer(
    connection: sqlite3.Connection, key: str, *, fingerprint: Fingerprint, response: Response, set_at: float
) -> None:
    """Save *response* inside the caller's transaction; an expired answer gives way."""
    connection.execute("DELETE FROM answers WHERE set_at <= ?", (set_at - KEPT_SECONDS,))
    connection.execute(
        "INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            key,
            fingerprint.tenant,
            fingerprint.method,
            fingerprint.url,
            fingerprint.payload,
            response.status,
            json.dumps(dict(response.headers)),
            response.body,
            set_at,
        ),
    )
