"""One call, sent until its end is known or not worth waiting for.

Every send is written down before it leaves, and what came of it before it counts. `core/outcome.py` tells what an
answer means after all that went before under the key, `core/retry.py` whether and when the same key is sent again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from reconciler.core.call import Call, Sent, record_of, settle
from reconciler.core.entry import Unsettled
from reconciler.core.journal import Ended, Returned, Sending
from reconciler.core.key import KEY_SCHEME, is_known, track_id
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
from reconciler.core.plan import Resume
from reconciler.core.retry import GiveUp, decide
from reconciler.core.run import CallError, Outcome, Result, Send, Stop
from reconciler.core.timestamp import Timestamp, moment, timestamp
from reconciler.engine.gate import Gate
from reconciler.engine.group_commit import GroupCommit
from reconciler.errors import AuthenticationError, ReconcilerError, WrongTenant
from reconciler.ports import Clock, Platform, Progress, Regeneration

_FRESH = timedelta(seconds=30)
"""How old a written intent may be when its request leaves: a lost request may land 10 minutes after the last send."""


@dataclass(slots=True)
class Try:
    """One call while it is tried: how often it was sent in this run, since when, and what came back.

    *written* is the moment of the send that is written down and has not left, None if there is none; *noted* is how
    many events the journal had then.
    """

    call: Call
    history: History
    started: float | None = None
    sends: int = 0
    first: Timestamp | None = None
    written: Timestamp | None = None
    noted: int = 0
    doubt: Unsettled | None = None
    cause: Cause | None = None
    in_a_row: int = 0

    @property
    def first_sent(self) -> Timestamp | None:
        """When its key was sent first, in this run or before; only in this run, if a person wants it sent anyhow."""
        return (self.call.earlier.ages_from if self.call.earlier else None) or self.first


class Tries:
    """Tries the calls of one run, any number side by side. Belongs to one event loop."""

    def __init__(
        self, *, run: str, platform: Platform, clock: Clock, gate: Gate, journal: GroupCommit, progress: Progress
    ) -> None:
        self._run = run
        self._platform = platform
        self._clock = clock
        self._gate = gate
        self._journal = journal
        self._progress = progress
        self.left: set[str] = set()
        """The keys under which something has left in this run."""

    def begin(self, call: Call) -> Try:
        """Write down that *call* is about to leave; it may leave when that is durable."""
        tried = Try(call=call, history=_history(call))
        self._write_down(tried)
        return tried

    def take_back(self, tried: Try) -> None:
        """Write down that what was written down has not left."""
        if tried.written is not None:
            self._journal.note(Returned(address=tried.call.address, number=tried.call.number))
            tried.written = None

    async def carry_out(self, tried: Try) -> tuple[Result, Knowledge | None]:
        """Send what has begun, and again under the same key as long as that may help. Raise StorageError."""
        try:
            return await self._try(tried)
        finally:
            self.take_back(tried)

    async def _try(self, tried: Try) -> tuple[Result, Knowledge | None]:
        result, knowledge = _unsent(tried.call), None
        tried.started = self._clock.monotonic()
        while await self._may_leave(tried):
            result, knowledge, send = await self._send(tried)
            pause = None if isinstance(knowledge, Done | Refusal) else self._pause(tried, knowledge)
            self._progress.sent(replace(send, wait=pause))
            if pause is None:
                return result, knowledge
            await self._gate.rest(pause)
        is_late = tried.sends == 0 and not self._gate.stopped
        return (too_old(tried.call) if is_late else result), knowledge

    async def _may_leave(self, tried: Try) -> bool:
        """Wait for a turn, with an intent that is durable and fresh; return whether the call may leave still."""
        if not await self._gate.enter():
            return False
        try:
            if self._is_stale(tried):
                self._write_down(tried)
            if self._journal.durable < tried.noted:
                await self._journal.commit()
            first = tried.first_sent
            may_leave = not self._gate.is_closed() and (first is None or is_known(first, self._clock.now()))
        except BaseException:
            self._gate.leave()
            raise
        if not may_leave:
            self._gate.leave()
        return may_leave

    def _is_stale(self, tried: Try) -> bool:
        return tried.written is None or self._clock.now() - moment(tried.written) > _FRESH

    def _write_down(self, tried: Try) -> None:
        left = timestamp(self._clock.now())
        if tried.first is None or tried.sends == 0:
            tried.first = left
        tried.written = left
        record = record_of(tried.call, run=self._run, left=tried.first)
        self._journal.note(Sending(address=tried.call.address, call=record, scheme=KEY_SCHEME, at=left))
        tried.noted = self._journal.noted

    async def _send(self, tried: Try) -> tuple[Result, Knowledge, Send]:
        """Send once what may leave, and write down what came of it."""
        left, tried.written = tried.written or timestamp(self._clock.now()), None
        tried.sends += 1
        generation, began = self._gate.limiter.generation, self._clock.monotonic()
        try:
            answer = await self._answer(tried.call)
        finally:
            self._gate.leave()
        knowledge = know(answer, tried.history)
        cause = knowledge.cause if isinstance(knowledge, Again) else None
        tried.cause, tried.in_a_row = cause, tried.in_a_row + 1 if cause is tried.cause else 1
        tried.history = tried.history.after(answer, knowledge)
        self._gate.learn(answer, knowledge, generation=generation)
        took, track = self._clock.monotonic() - began, track_id(self._run, tried.call.key)
        send = _send_of(tried, answer, knowledge, track=track, took=took)
        return self._ended(tried, left, answer, knowledge), knowledge, send

    def _ended(self, tried: Try, left: Timestamp, answer: Answer | Fault, knowledge: Knowledge) -> Result:
        """Write down the end of a send and return what the change would be if it were the last."""
        sent = Sent(
            run=self._run,
            sends=tried.sends,
            first=tried.first or left,
            last=left,
            ended=timestamp(self._clock.now()),
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
            body=call.declaration.as_sent.body,
            flags=call.declaration.flags.as_sent,
            key=call.key,
            track_id=track_id(self._run, call.key),
        )
        try:
            if not self._platform.has_token() and not await self._gate.while_open(self._platform.authenticate()):
                return Fault(FaultKind.NOT_SENT, "the run was stopped while this waited for a new token")
            self.left.add(call.key)
            return await self._platform.regenerate(regeneration)
        except ReconcilerError as error:
            self._gate.close(_stop_of(error))
            return Fault(FaultKind.NOT_SENT, error.detail)

    def _pause(self, tried: Try, knowledge: Again | Doubt) -> float | None:
        """Return how long to wait before the same key is sent again, or None if it is not to be."""
        now = self._clock.monotonic()
        decision = decide(
            knowledge,
            sends=tried.sends,
            in_a_row=tried.in_a_row,
            elapsed=now - (tried.started or now),
            remaining=self._gate.deadline - now,
            jitter=self._clock.jitter(),
        )
        if isinstance(decision, GiveUp) and tried.cause is Cause.TOKEN:
            self._gate.close(Stop.CREDENTIALS)
        if self._gate.is_closed() or isinstance(decision, GiveUp):
            return None
        later = self._clock.now() + timedelta(seconds=decision.seconds)
        return decision.seconds if tried.first_sent is None or is_known(tried.first_sent, later) else None


def _send_of(tried: Try, answer: Answer | Fault, knowledge: Knowledge, *, track: str, took: float) -> Send:
    told = answer if isinstance(answer, Answer) else None
    return Send(
        address=tried.call.address,
        key=tried.call.key,
        track_id=track,
        attempt=tried.sends,
        took=took,
        told=_TOLD[type(knowledge)],
        status=told.status if told else None,
        code=None if isinstance(knowledge, Done) else knowledge.code,
        request_id=told.request_id if told else None,
        process_id=told.process_id if told else None,
    )


_TOLD: Mapping[type, str] = {Done: "done", Refusal: "refused", Again: "again", Doubt: "doubt"}


def _history(call: Call) -> History:
    """Return what went before under the key of *call*, in earlier runs."""
    return History(doubtful=True, saved=call.earlier.request_id) if call.earlier else History()


def _unsent(call: Call) -> Result:
    return Result(address=call.address, action=call.action, outcome=Outcome.NOT_STARTED)


def too_old(call: Call | Resume) -> Result:
    """Return the result of a call whose key can no longer be sent: nobody knows whether the platform remembers it."""
    message = "its key became too old between the plan and its turn: the platform may have forgotten it"
    error = CallError("KeyTooOld", message)
    return Result(address=call.address, action=call.action, outcome=Outcome.UNDECIDED, error=error)


def _stop_of(error: ReconcilerError) -> Stop:
    """Return why a run ends that has no token any more."""
    if isinstance(error, WrongTenant):
        return Stop.OTHER_TENANT
    return Stop.CREDENTIALS if isinstance(error, AuthenticationError) else Stop.NOT_REACHED
