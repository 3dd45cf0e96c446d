"""Moments as they stand in documents: RFC 3339, UTC, whole seconds, ending in Z, so that text order is time order."""

from datetime import UTC, datetime
from typing import NewType

Timestamp = NewType("Timestamp", str)

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


def timestamp(moment: datetime) -> Timestamp:
    return Timestamp(moment.astimezone(UTC).strftime(_FORMAT))


def moment(text: Timestamp) -> datetime:
    """Return the moment that *text* names. Raise ValueError unless it is in the one form that we write."""
    return datetime.strptime(text, _FORMAT).replace(tzinfo=UTC)
