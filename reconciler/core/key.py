"""The Idempotency-Key: computed, never only remembered.

A runner that lost everything but the specs and the state computes the same key, and the platform then answers from what
it saved under it. Rule: a scheme, once released, is never changed (see digest.py).
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.core.address import Address
from reconciler.core.digest import Digest, canonical_json
from reconciler.core.target import Target
from reconciler.core.timestamp import Timestamp, moment

KEY_SCHEME = "k1"

KEY_AGE = timedelta(hours=23)
"""How long a key is trusted: the platform forgets it after 24 h (guide on idempotent requests)."""

FORGOTTEN = timedelta(hours=25)
"""When the platform has surely forgotten a key: 24 h (guide on idempotent requests), and an hour for clocks.

Counted from the last send, because the first ones may never have arrived.
"""

_SKEW = timedelta(hours=1)
"""How far in the future a send may seem to be before one of the clocks must be wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyScope:
    """What a key is bound to besides the call. *refreshed_at* is None where no refresh is known."""

    project: str
    environment: str
    tenant: str | None
    entity: str | None
    epoch: int
    refreshed_at: str | None = None


def idempotency_key(scope: KeyScope, *, address: Address, target: Target, digest: Digest, call: int) -> str:
    """Return ``k1-`` and 64 hex digits, 67 characters of the 255 that the platform allows.

    Source: developer.zuora.com, guide on idempotent requests.
    """
    parts = [
        scope.project,
        scope.environment,
        scope.tenant,
        scope.entity,
        scope.epoch,
        scope.refreshed_at,
        address,
        target.body,
        digest,
        call,
    ]
    return f"{KEY_SCHEME}-{hashlib.sha256(canonical_json(parts).encode()).hexdigest()}"


def is_known(sent: Timestamp, now: datetime) -> bool:
    """Whether the platform surely knows a key that was sent first at *sent*; unsure if that seems to be to come."""
    return -_SKEW < now - moment(sent) < KEY_AGE


def forgotten_at(last_sent: Timestamp) -> datetime:
    """Return when the platform has surely forgotten a key that was sent last at *last_sent*."""
    return moment(last_sent) + FORGOTTEN


def track_id(run: str, key: str) -> str:
    """Return the Zuora-Track-Id of a send: at most 64 ASCII characters, none of ``: ; " '``.

    Source: developer.zuora.com, header parameters of POST_RegenerateBookingTransaction.
    """
    return f"{run[:40]}.{key.removeprefix(KEY_SCHEME + '-')[:16]}"
