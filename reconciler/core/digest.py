"""The digest says what a declaration asks for: type, key as written, flags, trigger; nothing that is for people only.

Rule: a scheme, once released, is never changed. A new one gets a new prefix and the old one stays readable, so that an
upgrade never sends anything again.
"""

import hashlib
import json
from typing import NewType

from reconciler.core.declaration import Declaration, Flags
from reconciler.core.target import Target

Digest = NewType("Digest", str)

SCHEME = "d1"


def digest_of(declaration: Declaration) -> Digest:
    return digest(declaration.target, declaration.flags, declaration.trigger)


def digest(target: Target, flags: Flags, trigger: str | None) -> Digest:
    """Return ``d1:`` and 64 hex digits: SHA-256 over one canonical JSON list."""
    text = canonical_json([target.body, flags.only_re_send, flags.re_migrate, trigger])
    return Digest(f"{SCHEME}:{hashlib.sha256(text.encode()).hexdigest()}")


def canonical_json(value: object) -> str:
    """Return the one JSON text of *value*: sorted keys, no spaces, ASCII only."""
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
