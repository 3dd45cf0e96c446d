"""The digest says what a declaration asks for: type, key as written, flags, trigger; nothing that is for people only.

Rule: a scheme, once released, is never changed. A new one gets a new prefix and the old one stays readable, so that an
upgrade never sends anything again.
"""

import hashlib
import json
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import NewType

from reconciler.core.declaration import Declaration, Flags
from reconciler.core.target import KEY_FORMS, KeyForm, Target

Digest = NewType("Digest", str)

SCHEME = "d1"


def digest_of(declaration: Declaration) -> Digest:
    return digest(declaration.target, declaration.flags, declaration.trigger)


def digest(target: Target, flags: Flags, trigger: str | None) -> Digest:
    """Return ``d1:`` and 64 hex digits: SHA-256 over one canonical JSON list."""
    template, order = _TEMPLATES[target.form.fields]
    key = target.key
    text = template % tuple([_json(key[number]) for number in order]) + _terms(flags, trigger)
    return Digest(f"{SCHEME}:{hashlib.sha256(text.encode()).hexdigest()}")


def _json(part: str | int) -> str:
    return encode_basestring_ascii(part) if isinstance(part, str) else str(part)


@lru_cache(maxsize=1000)
def _terms(flags: Flags, trigger: str | None) -> str:
    return canonical_json([flags.only_re_send, flags.re_migrate, trigger])[1:]


def canonical_json(value: object) -> str:
    """Return the one JSON text of *value*: sorted keys, no spaces, ASCII only."""
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def _template(form: KeyForm) -> tuple[str, tuple[int, ...]]:
    """Return the canonical text of a target of *form* up to its end, and which part of the key goes where."""
    order = tuple(sorted(range(len(form.fields)), key=lambda number: form.fields[number]))
    fields = {**dict.fromkeys(form.fields, _GAP), "type": str(form.type)}
    return f"[{canonical_json(fields)},".replace("%", "%%").replace(f'"{_GAP}"', "%s"), order


_GAP = "gap"

_TEMPLATES = {form.fields: _template(form) for form in KEY_FORMS}
