"""Folding: what a run has learned, written into the state. Per address, idempotent, and never lowering an entry."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias, assert_never

from reconciler.core.address import Address
from reconciler.core.approval import advanced
from reconciler.core.entry import Applied, Entry, Refused, Unsettled
from reconciler.core.history import Resumed, RunRecord, with_run
from reconciler.core.journal import Opened, Record
from reconciler.core.run import Outcome, Result
from reconciler.core.selection import Action
from reconciler.core.state import ClockOffset, State
from reconciler.core.tenancy import PlatformKind
from reconciler.core.timestamp import Timestamp

_STEADY = 2
"""Seconds of a clock's offset that are no change: the platform tells whole seconds, and answers travel."""


def fold(
    state: State,
    results: Iterable[Result],
    *,
    tenant: str | None,
    entity: str | None,
    platform: PlatformKind | None = None,
    clock: ClockOffset | None = None,
    run: RunRecord | None = None,
) -> State:
    """Return *state* with every record of *results*; the serial is one higher if anything changed.

    *clock* is how this machine's clock was found to be, if the platform has told its own; *run* is what is to be
    remembered of the run that had these results, if it has sent anything.
    """
    results = tuple(results)
    told: dict[Address, Entry] = {}
    for result in results:
        if result.record is not None:
            told[result.address] = _with(told.get(result.address) or state.known(result.address), result.record)
    changed = {address: entry for address, entry in told.items() if entry != state.entries.get(address)}
    learned = replace(
        state.with_entries(changed),
        tenant=state.tenant or tenant,
        entity=state.entity or entity,
        platform=state.platform or platform,
    )
    if run is not None and run.calls:
        learned = _with_run(learned, run, results, before=state)
    if not changed and learned == state:
        return state
    return replace(learned, serial=state.serial + 1, clock=_clock(state.clock, clock))


def _with_run(state: State, run: RunRecord, results: Sequence[Result], *, before: State) -> State:
    """Return *state* with *run* in its history, and its plan's approval less what is settled now."""
    approval = before.approvals.get(run.plan_id)
    if approval is None:
        return replace(state, history=with_run(state.history, run))
    rest = advanced(approval, results, before=before, after=state)
    others = {each.plan_id: each for each in before.approvals.values() if each is not approval}
    return replace(
        state,
        approvals={**others, rest.plan_id: rest} if rest else others,
        history=with_run(state.history, replace(run, left=len(rest.calls) if rest else 0)),
    )


_Records: TypeAlias = Mapping[tuple[Address, str], Record]
"""What is known of each call, by address and key."""


def finished_run(
    opened: Opened, results: Iterable[Result], learned: Iterable[Result], ended: Timestamp, *, before: State
) -> RunRecord:
    """Return what is remembered of a run that came to its end, with one result for each change of its plan.

    *learned* is what became known of each of its calls; a change may have had two. *before* is the state that it began
    with.
    """
    counts, learned = Counter(each.outcome for each in results), tuple(learned)
    again = (each for each in learned if each.action is Action.REISSUE)
    return replace(
        _run(opened, counts, _records(learned), before),
        ended=ended,
        reissued=_touched(_records(again)),
        undecided=counts[Outcome.UNDECIDED],
        not_started=counts[Outcome.NOT_STARTED],
    )


_OUTCOMES = {Applied: Outcome.DONE, Refused: Outcome.REFUSED, Unsettled: Outcome.IN_DOUBT}


def broken_run(opened: Opened, results: Iterable[Result], *, before: State) -> RunRecord:
    """Return what is remembered of a run that broke off: of each address what its journal says last.

    *before* is the state that does not know it yet.
    """
    told = tuple(results)
    last = {each.address: each.record for each in told if each.record is not None}
    records = _records(told)
    run = _run(opened, Counter(_OUTCOMES[type(record)] for record in last.values()), records, before)
    return replace(
        run,
        last_known=max(map(_told_at, records.values()), default=None),
        reissued=_touched({name: each for name, each in records.items() if _is_again(*name, before, records)}),
    )


def _told_at(record: Record) -> Timestamp:
    return record.last_sent if isinstance(record, Unsettled) else record.at


def _records(results: Iterable[Result]) -> _Records:
    """Return what is known of each call, whatever is told of it twice."""
    return {(each.address, each.record.call.key): each.record for each in results if each.record is not None}


def _run(opened: Opened, counts: Counter[Outcome], records: _Records, before: State) -> RunRecord:
    return RunRecord(
        run=opened.run,
        plan_id=opened.plan_id,
        began=opened.at,
        ended=None,
        who=opened.who,
        commit=opened.commit,
        calls=len(records),
        done=counts[Outcome.DONE],
        refused=counts[Outcome.REFUSED],
        in_doubt=counts[Outcome.IN_DOUBT],
        guardrails=opened.guardrails,
        remigrate=_remigrate(records.values()),
        resumed=_resumed(records, before),
    )


def _touched(records: _Records) -> int:
    """Return how many addresses have a call that may have had an effect."""
    return len({address for (address, _), record in records.items() if not isinstance(record, Refused)})


def _is_again(address: Address, key: str, before: State, records: _Records) -> bool:
    """Whether a call of which no more is known than its journal tells was a reissue.

    It was, if something else was applied, forgotten or in doubt *before*; what was before a refresh counts here, too.
    """
    entry = before.known(address)
    others = [each for each in entry.in_doubt if (address, each.call.key) not in records]
    is_resumed = any(each.call.key == key for each in entry.unsettled)
    return not is_resumed and (entry.applied is not None or entry.is_left_behind or bool(others))


def _resumed(records: _Records, before: State) -> tuple[Resumed, ...]:
    """Return which of *records* are of calls that *before* knows to have been sent, by the run that sent them last."""
    found = defaultdict[str, list[Record]](list)
    for (address, key), record in records.items():
        known = next((each for each in before.known(address).unsettled if each.call.key == key), None)
        if known is not None:
            found[known.call.run].append(record)
    return tuple(Resumed(run, len(again), _remigrate(again)) for run, again in sorted(found.items()))


def _remigrate(records: Iterable[Record]) -> int:
    return sum(each.call.flags.re_migrate for each in records)


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
