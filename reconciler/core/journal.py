"""The journal of one run: what was about to be sent and what came back, in the order in which it became known.

Rule: what may follow what stands in `TRANSITIONS`; a journal that says anything else was not written by us, or was
damaged. Folding turns events into records for the state, per address; the order of different
addresses does not matter, and folding twice is folding once.

A send is written down before it leaves, some time ahead (once more, if that has become long), and its end before it
counts. So whoever reads a journal that breaks off knows every request that may have reached the platform.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from reconciler.core.address import Address
from reconciler.core.entry import Applied, CallRecord, Refused, Unsettled
from reconciler.core.tenancy import PlatformKind
from reconciler.core.timestamp import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The head of a journal: whose state it belongs to. A journal of another lineage is not folded.

    One of an earlier epoch is: what it knows has happened all the same, and its keys are not sent again. *who* runs it,
    at which *commit* of the project, and the *guardrails* that it keeps, are for people only.
    """

    run: str
    plan_id: str
    environment: str
    lineage: str
    epoch: int
    tenant: str | None
    entity: str | None
    at: Timestamp
    who: str | None = None
    commit: str | None = None
    guardrails: tuple[str, ...] = ()
    platform: PlatformKind | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """The call is about to leave, at *at*. *call.sent* is the first send under its key, in this run or before."""

    address: Address
    call: CallRecord
    scheme: str
    at: Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """The last send of the call had no effect, and tells nothing of earlier ones."""

    address: Address
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """What the state is to remember of the call."""

    address: Address
    record: Applied | Refused | Unsettled

    @property
    def number(self) -> int:
        return self.record.call.number


Event: TypeAlias = Sending | Returned | Ended


class Phase(StrEnum):
    """Where one call stands: not sent in this run; a send without an end; one of its sends is in doubt; over."""

    IDLE = "idle"
    OUT = "out"
    DOUBTFUL = "doubtful"
    DOUBTFUL_OUT = "doubtful and out"
    SETTLED = "settled"


class Step(StrEnum):
    SENDING = "sending"
    RETURNED = "returned"
    DOUBTED = "doubted"
    SETTLED = "settled"


TRANSITIONS: Mapping[Phase, Mapping[Step, Phase]] = {
    Phase.IDLE: {Step.SENDING: Phase.OUT},
    Phase.OUT: {
        Step.SENDING: Phase.OUT,
        Step.RETURNED: Phase.IDLE,
        Step.DOUBTED: Phase.DOUBTFUL,
        Step.SETTLED: Phase.SETTLED,
    },
    Phase.DOUBTFUL: {Step.SENDING: Phase.DOUBTFUL_OUT},
    Phase.DOUBTFUL_OUT: {
        Step.RETURNED: Phase.DOUBTFUL,
        Step.DOUBTED: Phase.DOUBTFUL,
        Step.SETTLED: Phase.SETTLED,
    },
    Phase.SETTLED: {},
}


class BrokenRule(Exception):
    """A journal tells of a step that cannot follow."""


def step_of(event: Event) -> Step:
    match event:
        case Sending():
            return Step.SENDING
        case Returned():
            return Step.RETURNED
        case Ended(record=Unsettled()):
            return Step.DOUBTED
        case Ended():
            return Step.SETTLED


def number_of(event: Event) -> int:
    return event.call.number if isinstance(event, Sending) else event.number


AFTER_DAMAGE: Mapping[Step, Phase] = {
    Step.SENDING: Phase.DOUBTFUL_OUT,
    Step.RETURNED: Phase.DOUBTFUL,
    Step.DOUBTED: Phase.DOUBTFUL,
    Step.SETTLED: Phase.SETTLED,
}
"""What a step means where lines may be gone: the cautious reading, never less than a doubt."""

Record: TypeAlias = Applied | Refused | Unsettled


def records_of(events: Iterable[Event], *, damaged: bool = False) -> tuple[tuple[Address, Record], ...]:
    """Return what the state is to remember of every call in *events*: a send without an end is a doubt.

    Raise BrokenRule if the events do not follow `TRANSITIONS`, unless lines are known to be gone (*damaged*): then what
    is left of a call may be legal and yet hide a doubt, so that nothing but a settling line is taken at its word.
    """
    calls: dict[tuple[Address, int], _Folded] = {}
    for event in events:
        name = (event.address, number_of(event))
        calls[name] = _advance(calls.get(name, _Folded()), event, damaged=damaged)
    found = ((address, _record(folded)) for (address, _), folded in calls.items())
    return tuple((address, record) for address, record in found if record is not None)


@dataclass(frozen=True, slots=True)
class _Folded:
    phase: Phase = Phase.IDLE
    sending: Sending | None = None
    record: Record | None = None


def _advance(before: _Folded, event: Event, *, damaged: bool) -> _Folded:
    step = step_of(event)
    if damaged:
        phase = before.phase if before.phase is Phase.SETTLED else AFTER_DAMAGE[step]
    elif step in TRANSITIONS[before.phase]:
        phase = TRANSITIONS[before.phase][step]
    else:
        raise BrokenRule(f"{event.address}: {step} cannot follow {before.phase}")
    match event:
        case Sending():
            return replace(before, phase=phase, sending=event)
        case Returned():
            return replace(before, phase=phase)
        case Ended(record=record):
            is_final = not isinstance(before.record, Applied | Refused)
            return replace(before, phase=phase, record=record if is_final else before.record)


def _record(folded: _Folded) -> Record | None:
    """A send without an end, after a doubt: a spent key stays spent, but what is unknown is more than a saved error.

    So the state has it too, where a later send joins what is known (`core/state.py`).
    """
    is_open = folded.phase in (Phase.OUT, Phase.DOUBTFUL_OUT) or (
        folded.phase is Phase.DOUBTFUL and folded.record is None
    )
    if not is_open or folded.sending is None:
        return folded.record
    doubt = folded.record if isinstance(folded.record, Unsettled) else None
    return Unsettled(
        call=folded.sending.call,
        scheme=folded.sending.scheme,
        last_sent=folded.sending.at,
        message="the run ended before the answer was recorded",
        request_id=doubt.request_id if doubt else None,
        spent=doubt.spent if doubt else False,
    )
