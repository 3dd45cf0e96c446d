"""A sandbox that was refreshed: what was applied there before is gone, and so is what was in doubt.

Rule: the state keeps all of it, since that is what happened, and the numbers of calls go on. Planning looks at the
state as if nothing had been known before the refresh. A doubt is void as well: whatever became of its call was wiped
with the rest, and its key, of which the time of the refresh is a part, is never sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.core.address import Address
from reconciler.core.diagnostics import Diagnostic, InvalidInput
from reconciler.core.entry import Entry
from reconciler.core.environment import Environment
from reconciler.core.ledger import ledger_of
from reconciler.core.state import State
from reconciler.core.timestamp import Timestamp, moment, timestamp


@dataclass(frozen=True, slots=True)
class Refreshed:
    """*state* as planning sees it; *void* are the addresses of which something does not count any more."""

    state: State | None
    void: frozenset[Address] = frozenset()


def check_refreshed(environment: Environment, now: datetime) -> None:
    """Raise InvalidInput for a refresh that is still to come: everything applied until then would be sent again."""
    at = environment.refreshed_at
    if at is None or moment(at) <= now:
        return
    what = f"{environment.name} is said to have been refreshed at {at}, and it is {timestamp(now)}"
    why = "Whatever is applied before that time would not count, and be sent again and again."
    hint = "Write when the refresh began; it cannot be announced."
    raise InvalidInput(
        [Diagnostic(code="refreshed-ahead", summary=what, detail=why, hint=hint, place=environment.place)]
    )


def since_refresh(state: State | None, refreshed_at: Timestamp | None) -> Refreshed:
    """Return what counts of *state* in an environment that was refreshed at *refreshed_at* (None: never)."""
    if state is None or refreshed_at is None:
        return Refreshed(state)
    entries = ledger_of(state.entries)
    counts: Mapping[Address, Entry] = {
        address: entry_since(entries[address], refreshed_at) for address in entries.begun_before(refreshed_at)
    }
    was_restored = state.restored is not None and state.restored.at < refreshed_at
    if was_restored:
        odd = {address: counts.get(address, entry) for address, entry in entries.others.items()}
        counts = {**counts, **{each: replace(entry, restored=False) for each, entry in odd.items() if entry.restored}}
        state = replace(state, restored=None)
    return Refreshed(state.with_entries(counts), frozenset(counts))


def entry_since(entry: Entry, refreshed_at: Timestamp) -> Entry:
    """Return *entry* without what ended, or was last sent, before *refreshed_at*; its next call keeps its number."""
    void = [each for each in entry.unsettled if each.last_sent < refreshed_at]
    return replace(
        entry,
        next_call=max([entry.next_call, *(each.call.number + 1 for each in void)]),
        applied=entry.applied if entry.applied and entry.applied.at >= refreshed_at else None,
        refused=entry.refused if entry.refused and entry.refused.at >= refreshed_at else None,
        unsettled=tuple(each for each in entry.unsettled if each not in void),
    )
