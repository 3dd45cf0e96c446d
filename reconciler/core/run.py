"""A run is one apply: what became of every change of its plan. Reports render it; the exit status follows from it."""

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.address import Address
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.entry import Applied, Refused, Unsettled
from reconciler.core.selection import Action
from reconciler.core.tenancy import Tenancy
from reconciler.core.timestamp import Timestamp


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    IN_DOUBT = "in_doubt"
    UNDECIDED = "undecided"
    NOT_STARTED = "not_started"


class Stop(StrEnum):
    """Why a run ended before its end."""

    INTERRUPTED = "interrupted"
    TERMINATED = "terminated"
    NOT_REACHED = "the platform could not be reached"
    CREDENTIALS = "the platform no longer accepts the credentials"
    OTHER_TENANT = "a new token is of another tenant or entity"
    BUDGET = "the tenant's request budget is used up for now"
    DEADLINE = "the deadline is near"
    CALLS = "--max-calls is reached"
    CANARY = "not all of the calls that went first, as a canary, were done"
    FREEZE = "a freeze of the environment has begun"
    STORAGE = "the state or its journal cannot be written"
    STALE = "the state was replaced by somebody else"


@dataclass(frozen=True, slots=True)
class CallError:
    """What the platform or the network said. *code* is the platform's, or a word of ours such as ``NoAnswer``."""

    code: str
    message: str
    process_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of one change. *record* is what the state is to remember; None if nothing was settled or sent.

    *held_until* is when a change that was not started may leave, where it has to wait.
    """

    address: Address
    action: Action
    outcome: Outcome
    sends: int = 0
    id_list: tuple[str, ...] = ()
    request_id: str | None = None
    error: CallError | None = None
    warning: str | None = None
    record: Applied | Refused | Unsettled | None = None
    held_until: Timestamp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    """One send and what came back, for whoever follows a run. Times are in seconds.

    *attempt* counts the sends under *key* in this run, from 1. *told* is what is known after it: ``done``, ``refused``,
    ``again`` (no effect), ``doubt``. *wait* is the pause before the same key is sent again, None if it is not.
    """

    address: Address
    key: str
    track_id: str
    attempt: int
    took: float
    told: str
    status: int | None = None
    code: str | None = None
    request_id: str | None = None
    process_id: str | None = None
    wait: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Where a run stands: *ended* of *total* changes; *under_way* of the *allowed* sends.

    *paused* is for how many seconds nothing leaves because the platform has asked for it.
    """

    total: int
    ended: int
    refused: int
    in_doubt: int
    under_way: int
    allowed: int
    paused: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """*results* has one result for each change of the plan, in the plan's order; *error* is what ended it early.

    *warnings* were given before the first call; *tenancy*, *lineage* and *epoch* are of whom and whose state it was,
    None where that is not known. *calls_again* is whether another call is to follow where a server error is saved.
    *recovered* is what runs had learned that broke off, and of which this one has read.
    """

    id: str
    plan_id: str
    environment: str
    results: tuple[Result, ...] = ()
    stop: Stop | None = None
    error: CallError | None = None
    warnings: tuple[Diagnostic, ...] = ()
    tenancy: Tenancy | None = None
    lineage: str | None = None
    epoch: int = 0
    calls_again: bool = False
    recovered: tuple[Result, ...] = ()

    @property
    def summary(self) -> dict[str, int]:
        counts = Counter(result.outcome for result in self.results)
        return {str(outcome): counts[outcome] for outcome in Outcome}


_EARLY = frozenset({Stop.NOT_REACHED, Stop.BUDGET, Stop.DEADLINE, Stop.CALLS, Stop.STORAGE})
_OF_STOP = {
    Stop.INTERRUPTED: 130,
    Stop.TERMINATED: 143,
    Stop.CREDENTIALS: 8,
    Stop.OTHER_TENANT: 8,
    Stop.STALE: 5,
    Stop.CANARY: 9,
    Stop.FREEZE: 9,
}
_STRONGEST_FIRST = (130, 143, 8, 9, 5, 7, 6, 1)


def exit_status(run: Run) -> int:
    """Return the strongest status that applies: a signal, 8 credentials, 9 guardrail, 5, 7, 6, 1."""
    outcomes = {result.outcome for result in run.results}
    stuck = any(map(needs_a_word, run.results))
    applies = {
        7: Outcome.UNDECIDED in outcomes or stuck or any(each.action is Action.BLOCKED for each in run.results),
        6: run.stop in _EARLY or Outcome.IN_DOUBT in outcomes or any(_may_go_on(result) for result in run.results),
        1: Outcome.REFUSED in outcomes,
        **({_OF_STOP[run.stop]: True} if run.stop in _OF_STOP else {}),
    }
    return next((status for status in _STRONGEST_FIRST if applies.get(status)), 0)


def needs_a_word(result: Result) -> bool:
    """Whether the same key brings the same answer again, so that only a person can find out what was done."""
    record = result.record
    return isinstance(record, Unsettled) and record.spent and record.resolution is None


def _may_go_on(result: Result) -> bool:
    """Nothing stands against the change itself: applying again carries it out."""
    return result.outcome is Outcome.NOT_STARTED and result.error is not None
