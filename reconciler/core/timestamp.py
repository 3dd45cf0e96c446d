"""Moments as they stand in documents: RFC 3339, UTC, whole seconds, ending in Z, so that text order is time order."""

import re
from datetime import UTC, datetime
from typing import NewType

Timestamp = NewType("Timestamp", str)

_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")


def timestamp(moment: datetime) -> Timestamp:
    return Timestamp(moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z")


def moment(text: Timestamp) -> datetime:
    """Return the moment that *text* names. Raise ValueError unless it is in the one form that we write."""
    if _FORM.fullmatch(text) is None:
        raise ValueError(f"not a time such as 2026-11-22T10:00:00Z: {text!r}")
    return datetime.fromisoformat(text)
