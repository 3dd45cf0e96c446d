"""Times as the platform and people write them, from Unix seconds."""

from datetime import UTC, datetime
from email.utils import format_datetime


def rfc3339(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def http_date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC).replace(microsecond=0), usegmt=True)
