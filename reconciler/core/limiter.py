"""How many sends may be under way: additive increase, multiplicative decrease, and what the platform's headers say.

Rule: one more after as many good answers as are allowed at once; half as many after an answer that says "too much", at
most once for all that were under way when it came. Never above what is configured or announced, less a share left free.
"""

from dataclasses import dataclass, replace

DEFAULT_LIMIT = 40
"""Simultaneous requests of a tenant by default (developer.zuora.com, guide on concurrent request limits)."""

FREE_SHARE = 0.2
"""What is left to everybody else: 32 of 40 are used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limiter:
    """*allowed* sends may be under way, at most *cap*; *good* counts answers since the last step.

    *generation* counts halvings.
    """

    cap: int
    allowed: int
    configured: int | None = None
    good: int = 0
    generation: int = 0

    def after_good(self) -> "Limiter":
        if self.good + 1 < self.allowed:
            return replace(self, good=self.good + 1)
        return replace(self, good=0, allowed=min(self.cap, self.allowed + 1))

    def after_overload(self, generation: int) -> "Limiter":
        """Halve, unless the send left before the last halving: then it has been counted already."""
        if generation < self.generation:
            return self
        return replace(self, good=0, allowed=max(1, self.allowed // 2), generation=self.generation + 1)

    def announced(self, limit: int) -> "Limiter":
        """Keep within the *limit* that the platform announces; a configured number is the user's own promise."""
        cap = cap_of(limit) if self.configured is None else max(1, min(self.configured, limit))
        return self if cap == self.cap else replace(self, cap=cap, allowed=min(self.allowed, cap))


def cap_of(limit: int) -> int:
    return max(1, int(limit * (1 - FREE_SHARE)))


def limiter(configured: int | None) -> Limiter:
    cap = max(1, configured) if configured is not None else cap_of(DEFAULT_LIMIT)
    return Limiter(cap=cap, allowed=cap, configured=configured)
