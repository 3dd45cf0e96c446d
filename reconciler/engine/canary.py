"""The canary of one run: lanes that wait until the calls that go first have ended, all of them done."""

from collections import deque
from collections.abc import Iterable, Sequence

from reconciler.core.address import Address
from reconciler.core.plan import Change
from reconciler.core.run import Outcome, Result


class Canary:
    """*first* are the addresses of the calls that go first; without any nothing waits, and nothing fails."""

    def __init__(self, first: Iterable[Address]) -> None:
        self._left = set(first)
        self._waiting: deque[str] = deque()
        self.has_failed = False

    @property
    def is_open(self) -> bool:
        """Whether a call that goes first has not ended."""
        return bool(self._left)

    def holds(self, lane: str, changes: Sequence[Change]) -> bool:
        """Keep *lane* and return True if none of its *changes* goes first; a change before one that does may begin."""
        if not self._left or any(each.address in self._left for each in changes):
            return False
        self._waiting.append(lane)
        return True

    def ended(self, result: Result) -> Sequence[str]:
        """Learn of *result*. Return the lanes that have waited, once all that go first have ended."""
        if result.address not in self._left:
            return ()
        self._left.remove(result.address)
        self.has_failed = self.has_failed or result.outcome is not Outcome.DONE
        if self._left:
            return ()
        lanes, self._waiting = self._waiting, deque()
        return lanes
