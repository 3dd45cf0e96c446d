"""Folding: what a run has learned, written into the state. Per address, idempotent, and never lowering an entry."""

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from reconciler.core.run import Result
from reconciler.core.state import Applied, Entry, Refused, State, Unsettled


def fold(state: State, results: Iterable[Result], *, tenant: str | None, entity: str | None) -> State:
    """Return *state* with every record of *results*; the serial is one higher if anything changed."""
    entries = dict(state.entries)
    for result in results:
        if result.record is not None:
            entries[result.address] = _with(entries.get(result.address, Entry()), result.record)
    learned = replace(state, entries=entries, tenant=state.tenant or tenant, entity=state.entity or entity)
    return state if learned == state else replace(learned, serial=state.serial + 1)


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
