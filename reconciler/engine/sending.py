"""Sending a plan: lanes side by side, each in order; every send is written down before it leaves.

Workers share one event loop. Each takes a free lane, writes down that its next call is about to leave (all who wait
share one fsync), sends, waits and sends again as `core/retry.py` says, and writes down the end. What ended is told when
it is durable. A lane ends at its first change that is not done.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from reconciler.core.address import Address, lane_of, parse_address
from reconciler.core.call import Authorship, Call, KeyMismatch, Sent, call_of, next_call, record_of, settle
from reconciler.core.journal import Ended, Returned, Sending
from reconciler.core.key import KEY_SCHEME, KeyScope, track_id
from reconciler.core.limiter import Limiter
from reconciler.core.outcome import (
    Again,
    Answer,
    Cause,
    Done,
    Doubt,
    Fault,
    FaultKind,
    History,
    Knowledge,
    Refusal,
    know,
)
from reconciler.core.plan import Blocked, Change, Plan, Reissue, Resume, Undecided
from reconciler.core.planner import KEY_AGE
from reconciler.core.retry import GiveUp, decide
from reconciler.core.run import CallError, Outcome, Result, Stop
from reconciler.core.state import Unsettled
from reconciler.core.timestamp import Timestamp, moment, timestamp
from reconciler.engine.group_commit import GroupCommit
from reconciler.errors import AuthenticationError, ReconcilerError
from reconciler.ports import Clock, Platform, Progress, Regeneration

_FAILURES = 20
"""How many sends in a row may find nobody before the run stops: the platform is clearly down."""

_SLICE = 0.5
"""Seconds after which somebody who waits looks up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """What sending works with. *stop* says why no more may leave, or None; *deadline* is a monotonic time.

    *max_calls* is how many calls may be begun (None: all).
    """

    platform: Platform
    clock: Clock
    progress: Progress
    stop: Callable[[], Stop | None]
    deadline: float = float("inf")
    max_calls: int | None = None


@dataclass(slots=True)
class _Try:
    """One call while it is tried: how often it was sent in this run, since when, and what came back."""

    call: Call
    started: float
    history: History
    sends: int = 0
    first: Timestamp | None = None
    doubt: Unsettled | None = None
    cause: Cause | None = None
    in_a_row: int = 0

    @property
    def first_sent(self) -> Timestamp | None:
        """When its key was sent first, in this run or before."""
        return self.call.earlier.call.sent if self.call.earlier else self.first


class Sends:
    """The sends of one run. `results` holds what became of each change."""

    def __init__(
        self,
        plan: Plan,
        *,
        run: str,
        scope: KeyScope,
        authorship: Mapping[str, Authorship],
        limiter: Limiter,
        journal: GroupCommit,
        sender: Sender,
    ) -> None:
        self.results: dict[Address, Result] = {}
        self.stopped: Stop | None = None
        self._run = run
        self._scope = scope
        self._authorship = authorship
        self._limiter = limiter
        self._journal = journal
        self._sender = sender
        self._total = len(plan.changes)
        self._lanes: dict[str, deque[Change]] = {}
        for change in plan.changes:
            self._lanes.setdefault(lane_of(parse_address(change.address)), deque()).append(change)
        self._free = deque(self._lanes)
        self._under_way = 0
        self._failures = 0
        self._begun = 0
        self._changed = asyncio.Event()
        self._untold: deque[tuple[int, Result]] = deque()

    async def send_all(self) -> None:
        """Return when every change has a result. Raise StorageError if the journal fails; what is known is kept."""
        workers = min(self._limiter.cap, len(self._lanes))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(workers):
                    group.create_task(self._work())
        except* ReconcilerError as failures:
            raise failures.exceptions[0] from None
        await self._commit()

    async def _work(self) -> None:
        while len(self.results) < self._total:
            if not self._free:
                await self._change()
                continue
            lane = self._free.popleft()
            result = await self._result(self._lanes[lane].popleft())
            self._keep(result)
            self._go_on(lane, result)
            self._changed.set()

    def _go_on(self, lane: str, result: Result) -> None:
        if result.outcome is not Outcome.DONE:
            while self._lanes[lane]:
                self._keep(_not_sent(self._lanes[lane].popleft()))
        elif self._lanes[lane]:
            self._free.append(lane)

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    def _keep(self, result: Result) -> None:
        """Remember *result*, and tell it as soon as all that was written down about it is durable."""
        self.results[result.address] = result
        self._untold.append((self._journal.noted, result))

    async def _commit(self) -> None:
        await self._journal.commit()
        while self._untold and self._untold[0][0] <= self._journal.durable:
            _, result = self._untold.popleft()
            told = len(self.results) - len(self._untold)
            self._sender.progress.settled(result, done=told, total=self._total)

    async def _result(self, change: Change) -> Result:
        self._stop_if_due()
        if isinstance(change, Undecided | Blocked) or self.stopped:
            return _not_sent(change)
        if isinstance(change, Resume) and self._is_too_old(change.unsettled.call.sent):
            return _too_old(change)
        if isinstance(change, Reissue) and change.not_before is not None:
            now = self._sender.clock.now()
            if now < change.not_before:
                return _too_early(change)
        if self._begun == self._sender.max_calls:
            self.stopped = Stop.CALLS
            return _not_sent(change)
        self._begun += 1
        path = change.declaration.place.path
        call = call_of(change, self._scope, self._authorship.get(path, Authorship()))
        return _mismatched(call) if isinstance(call, KeyMismatch) else await self._carry_out(call)

    async def _carry_out(self, call: Call) -> Result:
        """Send *call* until its end is known or not worth waiting for; then, once, a call that may fare better.

        That is one after a refusal that a resumed call met, or that was saved under the key for a passing reason.
        """
        result, knowledge = await self._try(call)
        is_worth_another = isinstance(knowledge, Refusal) and (knowledge.passing or call.earlier is not None)
        if not is_worth_another or self.stopped:
            return result
        if self._begun == self._sender.max_calls:
            self.stopped = Stop.CALLS
            return result
        self._begun += 1
        second, _ = await self._try(next_call(call, self._scope))
        if second.record is None:
            return replace(result, sends=result.sends + second.sends)
        return replace(second, sends=result.sends + second.sends)

    async def _try(self, call: Call) -> tuple[Result, Knowledge | None]:
        """Send *call*, and again under the same key as long as that may help."""
        tried = _Try(call, started=self._sender.clock.monotonic(), history=_history(call))
        result, knowledge = _unsent(call), None
        while await self._has_turn(tried):
            result, knowledge = await self._send(tried)
            pause = None if isinstance(knowledge, Done | Refusal) else self._pause(tried, knowledge)
            if pause is None:
                return result, knowledge
            await self._rest(pause)
        is_late = tried.sends == 0 and not self.stopped
        return (_too_old(call) if is_late else result), knowledge

    async def _rest(self, seconds: float) -> None:
        """Wait, but not on when a signal has come: a pause may be long, and whoever stops us may not."""
        left = seconds
        while left > 0 and not self.stopped:
            await self._sender.clock.sleep(min(left, _SLICE))
            left -= _SLICE
            self._stop_if_due()

    async def _has_turn(self, tried: _Try) -> bool:
        """Wait until one more send may be under way, and return whether it still may leave: the wait may be long."""
        while self._under_way >= self._limiter.allowed:
            await self._change()
        self._stop_if_due()
        first = tried.first_sent
        return not self.stopped and (first is None or not self._is_too_old(first))

    async def _send(self, tried: _Try) -> tuple[Result, Knowledge]:
        """Write down that the call leaves, send it once, and write down what came of it."""
        call = tried.call
        self._under_way += 1
        try:
            left = timestamp(self._sender.clock.now())
            tried.first, tried.sends = tried.first or left, tried.sends + 1
            record = record_of(call, run=self._run, left=tried.first)
            self._journal.note(Sending(address=call.address, call=record, scheme=KEY_SCHEME, at=left))
            await self._commit()
            generation = self._limiter.generation
            answer = await self._answer(call)
        finally:
            self._under_way -= 1
            self._changed.set()
        if isinstance(answer, Answer) and answer.limit is not None:
            self._limiter = self._limiter.announced(answer.limit)
        knowledge = know(answer, tried.history)
        cause = knowledge.cause if isinstance(knowledge, Again) else None
        tried.cause, tried.in_a_row = cause, tried.in_a_row + 1 if cause is tried.cause else 1
        tried.history = tried.history.after(answer, knowledge)
        self._adapt(knowledge, generation)
        return self._ended(tried, left, answer, knowledge), knowledge

    def _ended(self, tried: _Try, left: Timestamp, answer: Answer | Fault, knowledge: Knowledge) -> Result:
        """Write down the end of a send and return what the change would be if it were the last."""
        sent = Sent(
            run=self._run,
            sends=tried.sends,
            first=tried.first or left,
            last=left,
            ended=timestamp(self._sender.clock.now()),
        )
        result = settle(tried.call, sent, answer, knowledge, doubtful=tried.history.doubtful)
        if isinstance(knowledge, Again):
            self._journal.note(Returned(address=result.address, number=tried.call.number))
            return replace(result, record=tried.doubt)
        if isinstance(result.record, Unsettled):
            told = result.record.request_id or (tried.doubt.request_id if tried.doubt else None)
            tried.doubt = replace(result.record, request_id=told)
            result = replace(result, record=tried.doubt)
        if result.record is not None:
            self._journal.note(Ended(address=result.address, record=result.record))
        return result

    async def _answer(self, call: Call) -> Answer | Fault:
        regeneration = Regeneration(
            body=call.declaration.target.body,
            flags=call.declaration.flags.as_sent,
            key=call.key,
            track_id=track_id(self._run, call.key),
        )
        try:
            return await self._sender.platform.regenerate(regeneration)
        except ReconcilerError as error:
            is_refused = isinstance(error, AuthenticationError)
            self.stopped = Stop.CREDENTIALS if is_refused else Stop.NOT_REACHED
            return Fault(FaultKind.NOT_SENT, error.detail)

    def _adapt(self, knowledge: Knowledge, generation: int) -> None:
        """Let the limit follow what came back, and stop when nobody is there any more."""
        match knowledge:
            case Done() | Refusal():
                self._limiter, self._failures = self._limiter.after_good(), 0
            case Again(cause=Cause.LIMIT | Cause.PASSING):
                self._limiter, self._failures = self._limiter.after_overload(generation), 0
            case Again(cause=Cause.BARRED):
                self.stopped = self.stopped or Stop.CREDENTIALS
            case Again() | Doubt():
                self._failures += 1
        if self._failures >= _FAILURES:
            self.stopped = self.stopped or Stop.NOT_REACHED

    def _pause(self, tried: _Try, knowledge: Again | Doubt) -> float | None:
        """Return how long to wait before the same key is sent again, or None if it is not to be."""
        self._stop_if_due()
        clock = self._sender.clock
        decision = decide(
            knowledge,
            sends=tried.sends,
            in_a_row=tried.in_a_row,
            elapsed=clock.monotonic() - tried.started,
            remaining=self._sender.deadline - clock.monotonic(),
            jitter=clock.jitter(),
        )
        if self.stopped or isinstance(decision, GiveUp):
            return None
        first = tried.first_sent
        if first and self._is_too_old(first, later=timedelta(seconds=decision.seconds)):
            return None
        return decision.seconds

    def _is_too_old(self, sent: Timestamp, *, later: timedelta = timedelta()) -> bool:
        """Whether a key first sent at *sent* may be forgotten by the platform *later* than now."""
        return self._sender.clock.now() + later >= moment(sent) + KEY_AGE

    def _stop_if_due(self) -> None:
        self.stopped = self.stopped or self._sender.stop()
        if self._sender.clock.monotonic() >= self._sender.deadline:
            self.stopped = self.stopped or Stop.DEADLINE


def _history(call: Call) -> History:
    """Return what went before under the key of *call*, in earlier runs."""
    return History(doubtful=True, saved=call.earlier.request_id) if call.earlier else History()


def _not_sent(change: Change) -> Result:
    outcome = Outcome.UNDECIDED if isinstance(change, Undecided) else Outcome.NOT_STARTED
    return Result(address=change.address, action=change.action, outcome=outcome)


def _unsent(call: Call) -> Result:
    return Result(address=call.address, action=call.action, outcome=Outcome.NOT_STARTED)


def _too_old(change: Resume | Call) -> Result:
    message = "its key became too old between the plan and its turn: the platform may have forgotten it"
    error = CallError("KeyTooOld", message)
    return Result(address=change.address, action=change.action, outcome=Outcome.UNDECIDED, error=error)


def _too_early(change: Reissue) -> Result:
    message = f"a lost request may still land; not before {change.not_before:%Y-%m-%dT%H:%M:%SZ}"
    return replace(_not_sent(change), error=CallError("TooEarly", message))


def _mismatched(call: KeyMismatch) -> Result:
    message = "computed today, the key is not the one that was sent; project, tenant or entity changed since"
    error = CallError("KeyMismatch", message)
    return Result(address=call.address, action=call.action, outcome=Outcome.UNDECIDED, error=error)
