"""Settling a doubt by a person's word.

Rule: as long as the platform may still know the key, "not done" keeps it. The same key is then what the next apply
sends, whatever its age: if the person is wrong, the platform answers with what it has saved and nothing happens twice;
if its saved answer tells nothing (a spent key), the same comes back and the word goes on to hold; once the platform has
forgotten the key, the call is carried out, as the person wants. A key that is surely forgotten has no such use: then
the call is settled as refused, and the next one gets the next number.
"""

from datetime import datetime, timedelta
from enum import StrEnum

from reconciler.core.state import Applied, Entry, Refused
from reconciler.core.timestamp import moment, timestamp
from reconciler.errors import UsageError

FORGOTTEN = timedelta(hours=25)
"""When the platform has surely forgotten a key: 24 h (guide on idempotent requests), and an hour for clocks.

Counted from the last send, because the first ones may never have arrived.
"""


class Resolution(StrEnum):
    DONE = "done"
    NOT_DONE = "not-done"


def resolve(
    address: str, entry: Entry, resolution: Resolution, *, reason: str, ids: tuple[str, ...], now: datetime
) -> Entry:
    """Return *entry* with its last call in doubt settled as a person says.

    Raise UsageError if nothing is in doubt.
    """
    if not entry.in_doubt:
        raise UsageError("Nothing to resolve", f"{address} has no call in doubt.")
    lost = entry.in_doubt[-1]
    if resolution is Resolution.DONE:
        at = timestamp(now)
        return entry.with_applied(
            Applied(call=lost.call, at=at, id_list=ids, request_id=lost.request_id, resolution=reason)
        )
    if now < moment(lost.last_sent) + FORGOTTEN:
        return entry.with_word(lost, reason)
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
