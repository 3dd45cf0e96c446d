"""Sending a plan: lanes side by side, each in order; every send is written down before it leaves.

One task begins calls ahead: it notes that the next ones are about to leave, so that this is on the disk when they have
their turn, many in one fsync. At most twice as many as may be under way are begun and without an end. A task for each
call tries it (`engine/tries.py`); what ended is told when it is durable. A lane ends at its first change that is not
done.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from reconciler.core.address import Address, lane_of, parse_address
from reconciler.core.call import Authorship, Call, KeyMismatch, call_of, next_call
from reconciler.core.key import KeyScope, is_known
from reconciler.core.limiter import Limiter
from reconciler.core.outcome import Knowledge, Refusal
from reconciler.core.plan import Blocked, Calling, Change, Plan, Reissue, Resume, Undecided
from reconciler.core.run import CallError, Outcome, Pace, Result, Stop
from reconciler.core.timestamp import timestamp
from reconciler.engine.canary import Canary
from reconciler.engine.gate import Gate
from reconciler.engine.group_commit import GroupCommit
from reconciler.engine.tries import Tries, Try, too_old
from reconciler.errors import ReconcilerError
from reconciler.ports import Clock, Platform, Progress


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


class Sends:
    """The sends of one run. `results` holds what became of each change, `learned` what was learned of each call.

    A change may have two calls. When `send_all` has returned, `learned` is what a recovery would read in the journal.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        first: Collection[Address] = (),
        run: str,
        scope: KeyScope,
        authorship: Mapping[str, Authorship],
        limiter: Limiter,
        journal: GroupCommit,
        sender: Sender,
    ) -> None:
        self.results: dict[Address, Result] = {}
        self.learned: list[Result] = []
        self._scope = scope
        self._authorship = authorship
        self._journal = journal
        journal.on_durable = self._tell
        self._sender = sender
        self._gate = Gate(limiter, sender.clock, stop=sender.stop, deadline=sender.deadline)
        self._tries = Tries(
            run=run,
            platform=sender.platform,
            clock=sender.clock,
            gate=self._gate,
            journal=journal,
            progress=sender.progress,
        )
        self._total = len(plan.changes)
        self._lanes: dict[str, list[Change]] = {}
        for change in reversed(plan.changes):
            self._lanes.setdefault(lane_of(parse_address(change.address)), []).append(change)
        self._canary = Canary(first)
        self._free = deque(lane for lane in reversed(self._lanes) if not self._canary.holds(lane, self._lanes[lane]))
        self._begun: deque[tuple[str, Try]] = deque()
        self._trying = 0
        self._calls_left = sender.max_calls
        self._over: Stop | None = None
        self._counts = dict.fromkeys(Outcome, 0)
        self._untold: deque[tuple[int, Result]] = deque()

    @property
    def stopped(self) -> Stop | None:
        """Why this ended before its end, if it did."""
        return self._gate.stopped or self._over

    def has_left(self, key: str) -> bool:
        """Whether something has left under *key* in this run."""
        return key in self._tries.left

    def stop(self, why: Stop) -> None:
        """Let nothing more leave."""
        self._gate.close(why)

    async def send_all(self) -> None:
        """Return when every change has a result. Raise StorageError if the journal fails; what is known is kept."""
        try:
            async with asyncio.TaskGroup() as group:
                while len(self.results) < self._total:
                    self._begin_ahead()
                    self._start(group)
                    if len(self.results) < self._total and not self._is_time_to_begin():
                        await self._gate.change()
            await self._journal.commit()
        except* ReconcilerError as failures:
            raise failures.exceptions[0] from None
        finally:
            for _, tried in self._begun:
                self._tries.take_back(tried)

    def _begin_ahead(self) -> None:
        """Begin the next calls when it is time."""
        if self._is_time_to_begin():
            room = self._room
            while self._free and room > 0:
                room -= self._begin(self._free.popleft())
            self._journal.write()

    @property
    def _room(self) -> int:
        """How many more calls may be begun."""
        return 2 * self._gate.limiter.allowed - self._trying - len(self._begun)

    def _is_time_to_begin(self) -> bool:
        """Few at a time would cost an fsync for each; as soon as nothing else is begun, a few are enough."""
        room = self._room
        return bool(self._free) and room > 0 and (2 * room >= self._gate.limiter.allowed or not self._begun)

    def _begin(self, lane: str) -> bool:
        """Begin the next call of *lane* and return True, or keep the result of a change that needs none."""
        change = self._lanes[lane].pop()
        call = self._call_of(change)
        if isinstance(call, Result):
            self._keep(lane, call)
            return False
        self._begun.append((lane, self._tries.begin(call)))
        return True

    def _call_of(self, change: Change) -> Call | Result:
        if isinstance(change, Undecided | Blocked) or self._over or self._gate.is_closed():
            return _not_sent(change)
        untimely = self._untimely(change)
        if untimely is not None:
            return untimely
        call = call_of(change, self._scope, self._authorship.get(change.declaration.place.path, Authorship()))
        if isinstance(call, KeyMismatch):
            return _mismatched(call)
        return call if self._may_begin() else _not_sent(change)

    def _untimely(self, change: Calling) -> Result | None:
        """Return what becomes of a change whose time is over, or has not come yet."""
        now = self._sender.clock.now()
        ages_from = change.unsettled.ages_from if isinstance(change, Resume) else None
        if isinstance(change, Resume) and ages_from is not None and not is_known(ages_from, now):
            return too_old(change)
        if isinstance(change, Reissue) and change.not_before is not None and now < change.not_before:
            return _too_early(change)
        return None

    def _may_begin(self) -> bool:
        """Count one more call; when as many have begun as were asked for, no other does."""
        if self._calls_left == 0:
            self._over = Stop.CALLS
            return False
        self._calls_left = None if self._calls_left is None else self._calls_left - 1
        return True

    def _start(self, group: asyncio.TaskGroup) -> None:
        """Let what has begun be tried, as far as there is room. A call that pauses between sends keeps its place."""
        while self._begun and (self._trying < self._gate.limiter.allowed or self._gate.is_closed()):
            lane, tried = self._begun.popleft()
            self._trying += 1
            group.create_task(self._carry_out(lane, tried))

    async def _carry_out(self, lane: str, tried: Try) -> None:
        """Try a call to its end; then, once, one that may fare better.

        That is one after a refusal that a resumed call met, or that was saved under the key for a passing reason.
        """
        result, knowledge = await self._try(tried)
        call = tried.call
        is_worth_another = isinstance(knowledge, Refusal) and (knowledge.passing or call.earlier is not None)
        if is_worth_another and not self.stopped and self._may_begin():
            second, _ = await self._try(self._tries.begin(next_call(call, self._scope)))
            kept = result if second.record is None else second
            result = replace(kept, sends=result.sends + second.sends)
        self._trying -= 1
        self._keep(lane, result)
        self._gate.changed()

    async def _try(self, tried: Try) -> tuple[Result, Knowledge | None]:
        result, knowledge = await self._tries.carry_out(tried)
        self.learned.append(result)
        return result, knowledge

    def _keep(self, lane: str, result: Result) -> None:
        """Remember *result*, and go on with its lane, or end that."""
        rest = self._lanes[lane]
        self._remember(result)
        if result.outcome is not Outcome.DONE:
            while rest:
                self._remember(_not_sent(rest.pop()))
        elif rest and not self._canary.holds(lane, rest):
            self._free.append(lane)

    def _remember(self, result: Result) -> None:
        self.results[result.address] = result
        self._counts[result.outcome] += 1
        self._free.extend(self._canary.ended(result))
        if self._canary.has_failed and not self._canary.is_open:
            self._over = self._over or Stop.CANARY
        self._untold.append((self._journal.noted, result))

    def _tell(self) -> None:
        """Tell what is durable, and where the run stands."""
        progress = self._sender.progress
        while self._untold and self._untold[0][0] <= self._journal.durable:
            _, result = self._untold.popleft()
            progress.settled(result, done=len(self.results) - len(self._untold), total=self._total)
        progress.moved(
            Pace(
                total=self._total,
                ended=len(self.results),
                refused=self._counts[Outcome.REFUSED],
                in_doubt=self._counts[Outcome.IN_DOUBT],
                under_way=self._gate.under_way,
                allowed=self._gate.limiter.allowed,
                paused=self._gate.pause,
            )
        )


def _not_sent(change: Change) -> Result:
    outcome = Outcome.UNDECIDED if isinstance(change, Undecided) else Outcome.NOT_STARTED
    return Result(address=change.address, action=change.action, outcome=outcome)


def _too_early(change: Reissue) -> Result:
    until = timestamp(change.not_before) if change.not_before else None
    message = f"a lost request may still land; not before {until}"
    return replace(_not_sent(change), error=CallError("TooEarly", message), held_until=until)


def _mismatched(call: KeyMismatch) -> Result:
    message = (
        "computed today, the key is not the one that was sent; project, environment, tenant or entity changed since: "
        "change them back, or find out what the platform did and settle it with state resolve"
    )
    error = CallError("KeyMismatch", message)
    return Result(address=call.address, action=call.action, outcome=Outcome.UNDECIDED, error=error)
