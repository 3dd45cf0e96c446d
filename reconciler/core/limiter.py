"""How many sends may be under way, and when: the tenant's budget is shared, and a share of it stays free for others.

Rule: one more after as many good answers as are allowed at once; half as many after an answer that says "too much", at
most once for all that were under way when it came. Never above what is configured or announced less the free share;
less, as soon as others need theirs. Nothing leaves before the time that the platform has asked for, nor in a window of
which only the free share is left.

Times are seconds of a clock that never goes back. Sources: developer.zuora.com, guides on concurrent request limits and
on rate limits.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from reconciler.core.outcome import Traffic
from reconciler.core.share import FREE_SHARE, cap_of

DEFAULT_LIMIT = 40
"""Simultaneous requests of a tenant by default."""

REFRESHED = 1.0
"""Seconds after which the platform counts anew what is under way."""

_PRESENT = timedelta(minutes=5)
"""How old an answer may be, by its own date, to speak of the present: a saved one is up to a day old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limiter:
    """*allowed* sends may be under way, at most *cap*; *good* counts answers since the last step.

    *generation* counts halvings, *not_before* is when the next send may leave. *adjusted* is when others were last
    made room for, *crowded* whether they need it still. *leave_free* is the share that stays free for them.
    """

    cap: int
    allowed: int
    configured: int | None = None
    leave_free: float = FREE_SHARE
    good: int = 0
    generation: int = 0
    not_before: float = float("-inf")
    adjusted: float = float("-inf")
    crowded: bool = False

    def after_good(self) -> "Limiter":
        if self.crowded:
            return self
        if self.good + 1 < self.allowed:
            return replace(self, good=self.good + 1)
        return replace(self, good=0, allowed=min(self.cap, self.allowed + 1))

    def after_overload(self, generation: int) -> "Limiter":
        """Halve, unless the send left before the last halving: then it has been counted already."""
        if generation < self.generation:
            return self
        return replace(self, good=0, allowed=max(1, self.allowed // 2), generation=self.generation + 1)

    def paused(self, until: float) -> "Limiter":
        """Let nothing leave before *until*."""
        return self if until <= self.not_before else replace(self, not_before=until)

    def told(self, traffic: Traffic, *, under_way: int, now: float) -> "Limiter":
        """Obey what the headers of an answer say while *under_way* sends of ours are."""
        return self.announced(traffic).with_room(traffic, under_way, now).within_budget(traffic, now)

    def announced(self, traffic: Traffic) -> "Limiter":
        """Keep within the limit that the platform announces; a configured number is the user's own promise."""
        if traffic.limit is None:
            return self
        shared = cap_of(traffic.limit, self.leave_free)
        cap = shared if self.configured is None else max(1, min(self.configured, traffic.limit))
        if cap == self.cap:
            return self
        was_full = self.allowed == self.cap
        return replace(self, cap=cap, allowed=cap if was_full else min(self.allowed, cap))

    def with_room(self, traffic: Traffic, under_way: int, now: float) -> "Limiter":
        """Make room where others use so much that less than the free share is left."""
        if traffic.limit is None or traffic.free is None or self.configured is not None:
            return self
        missing = traffic.limit - cap_of(traffic.limit, self.leave_free) - traffic.free
        if missing <= 0:
            return replace(self, crowded=False) if self.crowded else self
        if now < self.adjusted + REFRESHED:
            return self
        allowed = max(1, min(self.allowed, under_way - missing))
        return replace(self, good=0, allowed=allowed, adjusted=now, crowded=True)

    def within_budget(self, traffic: Traffic, now: float) -> "Limiter":
        """Wait for the next window where only the free share of this one is left."""
        if traffic.quota is None or traffic.left is None or traffic.reset is None:
            return self
        return self.paused(now + traffic.reset) if traffic.left <= traffic.quota * self.leave_free else self


def is_present(traffic: Traffic, now: datetime) -> bool:
    """Whether *traffic* speaks of the present: a saved answer comes with the headers of its day."""
    return traffic.date is None or abs(now - traffic.date) <= _PRESENT


def limiter(configured: int | None, *, leave_free: float = FREE_SHARE) -> Limiter:
    cap = max(1, configured) if configured is not None else cap_of(DEFAULT_LIMIT, leave_free)
    return Limiter(cap=cap, allowed=cap, configured=configured, leave_free=leave_free)
