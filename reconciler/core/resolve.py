"""Settling a doubt by a person's word, when no key can tell any more.

Rule: as long as the platform may still know the key, the key is asked and not a person: a mistake then costs nothing.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.core.state import Applied, Entry, Refused
from reconciler.core.timestamp import moment, timestamp
from reconciler.errors import UsageError

FORGOTTEN = timedelta(hours=25)
"""When the platform has surely forgotten a key: 24 h (guide on idempotent requests), and an hour for clocks."""


class Resolution(StrEnum):
    DONE = "done"
    NOT_DONE = "not-done"


def resolve(
    address: str, entry: Entry, resolution: Resolution, *, reason: str, ids: tuple[str, ...], now: datetime
) -> Entry:
    """Return *entry* with its last call in doubt settled as a person says.

    Raise UsageError if nothing is in doubt, or if NOT_DONE comes while the key may still be known to the platform.
    """
    if not entry.in_doubt:
        raise UsageError("Nothing to resolve", f"{address} has no call in doubt.")
    lost = entry.in_doubt[-1]
    if resolution is Resolution.DONE:
        at = timestamp(now)
        return entry.with_applied(
            Applied(call=lost.call, at=at, id_list=ids, request_id=lost.request_id, resolution=reason)
        )
    known_until = moment(lost.call.sent) + FORGOTTEN
    if now < known_until:
        raise UsageError(
            "The key is still known",
            f"The platform may know the key of {address} until {timestamp(known_until)}: it tells better than anybody.",
            hint="Apply again, which sends the same key; or resolve it after that time.",
        )
    return entry.with_refused(
        Refused(
            call=lost.call,
            at=timestamp(now),
            code="NotDone",
            message="a person has found that it was not carried out",
            request_id=lost.request_id,
            resolution=reason,
        )
    )
