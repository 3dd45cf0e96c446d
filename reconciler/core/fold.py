"""Folding: what a run has learned, written into the state. Per address, idempotent, and never lowering an entry."""

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from reconciler.core.run import Result
from reconciler.core.state import Applied, Entry, Refused, State, Unsettled

_STEADY = 2
"""Seconds of a clock's offset that are no change: the platform tells whole seconds, and answers travel."""


def fold(
    state: State,
    results: Iterable[Result],
    *,
    tenant: str | None,
    entity: str | None,
    clock_offset: int | None = None,
) -> State:
    """Return *state* with every record of *results*; the serial is one higher if anything changed.

    *clock_offset* is by how many seconds the platform's clock is ahead of this machine's, where that is known.
    """
    entries = dict(state.entries)
    for result in results:
        if result.record is not None:
            entries[result.address] = _with(entries.get(result.address, Entry()), result.record)
    learned = replace(state, entries=entries, tenant=state.tenant or tenant, entity=state.entity or entity)
    if learned == state:
        return state
    is_other = clock_offset is not None and abs(clock_offset - state.clock_offset) > _STEADY
    offset = clock_offset if is_other and clock_offset is not None else state.clock_offset
    return replace(learned, serial=state.serial + 1, clock_offset=offset)


def _with(entry: Entry, record: Applied | Refused | Unsettled) -> Entry:
    match record:
        case Applied():
            return entry.with_applied(record)
        case Refused():
            return entry.with_refused(record)
        case Unsettled():
            return entry.with_unsettled(record)
        case _:
            assert_never(record)
