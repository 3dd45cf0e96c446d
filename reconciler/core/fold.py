"""Folding: what a run has learned, written into the state. Per address, idempotent, and never lowering an entry."""

from collections.abc import Iterable
from dataclasses import replace
from typing import assert_never

from reconciler.core.address import Address
from reconciler.core.entry import Applied, Entry, Refused, Unsettled
from reconciler.core.run import Result
from reconciler.core.state import ClockOffset, State

_STEADY = 2
"""Seconds of a clock's offset that are no change: the platform tells whole seconds, and answers travel."""


def fold(
    state: State,
    results: Iterable[Result],
    *,
    tenant: str | None,
    entity: str | None,
    clock: ClockOffset | None = None,
) -> State:
    """Return *state* with every record of *results*; the serial is one higher if anything changed.

    *clock* is how this machine's clock was found to be, if the platform has told its own.
    """
    told: dict[Address, Entry] = {}
    for result in results:
        if result.record is not None:
            told[result.address] = _with(told.get(result.address) or state.known(result.address), result.record)
    changed = {address: entry for address, entry in told.items() if entry != state.entries.get(address)}
    learned = replace(state.with_entries(changed), tenant=state.tenant or tenant, entity=state.entity or entity)
    if not changed and learned == state:
        return state
    return replace(learned, serial=state.serial + 1, clock=_clock(state.clock, clock))


def _clock(known: ClockOffset | None, found: ClockOffset | None) -> ClockOffset | None:
    """Return what is kept of a clock; what has hardly changed is no change, and a right clock is not worth a word."""
    before = known.seconds if known and found and known.machine == found.machine else 0
    return known if found is None or abs(found.seconds - before) <= _STEADY else found


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
