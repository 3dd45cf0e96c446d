"""The gate through which every send leaves: so many at once, not before the platform's time, and none after a stop.

Drives `core/limiter.py` with what answers tell, and closes for good when the platform is clearly down.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from reconciler.core.limiter import Limiter, is_present
from reconciler.core.outcome import Again, Answer, Cause, Done, Doubt, Fault, Knowledge, Refusal
from reconciler.core.retry import LONGEST_WAIT
from reconciler.core.run import Stop
from reconciler.ports import Clock

_FAILURES = 20
"""How many sends in a row may find nobody before the run stops: the platform is clearly down."""

_SLICE = 0.5
"""Seconds after which somebody who waits looks up."""


class Gate:
    """*stop* says why no more may leave, or None; *deadline* is a monotonic time. Belongs to one event loop."""

    def __init__(self, limiter: Limiter, clock: Clock, *, stop: Callable[[], Stop | None], deadline: float) -> None:
        self.limiter = limiter
        self.under_way = 0
        self.stopped: Stop | None = None
        self._clock = clock
        self.deadline = deadline
        self._stop = stop
        self._failures = 0
        self._waiting: asyncio.Event | None = None

    def is_closed(self) -> bool:
        """Whether nothing may leave any more; whoever may stop the run is asked."""
        self.stopped = self.stopped or self._stop()
        if self.stopped is None and self._clock.monotonic() >= self.deadline:
            self.stopped = Stop.DEADLINE
        return self.stopped is not None

    def is_open(self) -> bool:
        """Whether one more may leave now."""
        return not self.is_closed() and self.under_way < self.limiter.allowed and self.pause <= 0

    @property
    def pause(self) -> float:
        """For how many seconds nothing may leave, because the platform has asked for it."""
        return max(0.0, self.limiter.not_before - self._clock.monotonic())

    def close(self, why: Stop) -> None:
        self.stopped = self.stopped or why
        self.changed()

    async def enter(self) -> bool:
        """Wait until one more may leave, and count it as under way. Return False if none may any more."""
        while not self.is_open():
            if self.is_closed():
                return False
            await self.rest(self.pause) if self.pause > 0 else await self.change()
        self.under_way += 1
        return True

    def leave(self) -> None:
        """One is back."""
        self.under_way -= 1
        self.changed()

    async def change(self) -> None:
        """Wait until something is back, or has ended, or is closed."""
        if self._waiting is None:
            self._waiting = asyncio.Event()
        await self._waiting.wait()

    def changed(self) -> None:
        """Wake all who wait for a change."""
        if self._waiting is not None:
            self._waiting.set()
            self._waiting = None

    async def rest(self, seconds: float) -> None:
        """Wait, but not on when a signal has come: a pause may be long, and whoever stops us may not."""
        end = self._clock.monotonic() + seconds
        while (left := end - self._clock.monotonic()) > 0 and not self.is_closed():
            await self._clock.sleep(min(left, _SLICE))

    async def while_open(self, work: Coroutine[Any, Any, object]) -> bool:
        """Wait for *work*, and give it up when the gate closes. Return whether it is open. Raise what *work* raises."""
        task = asyncio.ensure_future(work)
        try:
            while not task.done() and not self.is_closed():
                await asyncio.wait({task}, timeout=_SLICE)
            if task.done():
                task.result()
        finally:
            if task.cancel():
                await asyncio.wait({task})
        return not self.is_closed()

    def learn(self, answer: Answer | Fault, knowledge: Knowledge, *, generation: int) -> None:
        """Let the limit follow what came back, *generation* being the limiter's when the send left."""
        self._obey(answer)
        match knowledge:
            case Done() | Refusal():
                self.limiter, self._failures = self.limiter.after_good(), 0
            case Again(cause=Cause.LIMIT | Cause.PASSING):
                self.limiter, self._failures = self.limiter.after_overload(generation), 0
            case Again(cause=Cause.BARRED):
                self.close(Stop.CREDENTIALS)
            case Again() | Doubt():
                self._failures += 1
        if isinstance(knowledge, Again) and knowledge.cause is Cause.LIMIT and knowledge.wait:
            self._pause_for(knowledge.wait, answer)
        if self._failures >= _FAILURES:
            self.close(Stop.NOT_REACHED)

    def _obey(self, answer: Answer | Fault) -> None:
        traffic = answer.traffic if isinstance(answer, Answer) else None
        if traffic is None or not is_present(traffic, self._clock.now()):
            return
        self.limiter = self.limiter.told(traffic, under_way=self.under_way, now=self._clock.monotonic())
        if self.pause > LONGEST_WAIT:
            self.close(Stop.BUDGET)
        elif self.limiter.not_before >= self.deadline:
            self.close(Stop.DEADLINE)

    def _pause_for(self, seconds: float, answer: Answer | Fault) -> None:
        """Nobody sends while the platform wants nothing; for longer than can be waited for, nobody in this run."""
        if 0 < seconds <= LONGEST_WAIT:
            self.limiter = self.limiter.paused(self._clock.monotonic() + seconds)
        elif seconds > LONGEST_WAIT and self._is_present(answer):
            self.close(Stop.BUDGET)

    def _is_present(self, answer: Answer | Fault) -> bool:
        traffic = answer.traffic if isinstance(answer, Answer) else None
        return traffic is None or is_present(traffic, self._clock.now())
