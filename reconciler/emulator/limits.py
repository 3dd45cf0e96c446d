"""How much a tenant may ask: rates in fixed windows, and requests in flight.

Source: developer.zuora.com, guides "Rate limits" (figures of production and central sandbox, form of the headers)
and "Concurrent request limits". That the windows are fixed, and that the first figure of RateLimit-Limit is the
window nearest to its end, is inferred from the one sample. Counted in memory: a restart starts anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass

CONCURRENCY_LIMIT = 40
CONCURRENCY_TYPE = "Default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    limit: int
    seconds: int


PRODUCTION_WINDOWS = (
    Window(limit=50_000, seconds=60),
    Window(limit=2_250_000, seconds=3_600),
    Window(limit=27_000_000, seconds=86_400),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """What is left after a request, in the window that is nearest to its end. Negative: the request is over the
    limit.
    """

    windows: Sequence[Window]
    limit: int
    remaining: int
    reset: int

    @property
    def is_exceeded(self) -> bool:
        return self.remaining < 0

    def headers(self) -> dict[str, str]:
        windows = ", ".join(f"{window.limit};w={window.seconds}" for window in self.windows)
        return {
            "RateLimit-Limit": f"{self.limit}, {windows}",
            "RateLimit-Remaining": str(max(0, self.remaining)),
            "RateLimit-Reset": str(self.reset),
        }


class RateCounter:
    """Counts the requests of every tenant, refused ones included."""

    def __init__(self, windows: Sequence[Window] = PRODUCTION_WINDOWS) -> None:
        self._windows = tuple(windows)
        self._counts: dict[tuple[str, Window], tuple[int, int]] = {}

    def count(self, tenant: str, *, now: float) -> Quota:
        quotas = [self._count_in(window, tenant, now=now) for window in self._windows]
        return min(quotas, key=lambda quota: (quota.remaining, -quota.reset))

    def _count_in(self, window: Window, tenant: str, *, now: float) -> Quota:
        period = int(now // window.seconds)
        counted_period, counted = self._counts.get((tenant, window), (period, 0))
        used = counted + 1 if counted_period == period else 1
        self._counts[tenant, window] = (period, used)
        reset = int((period + 1) * window.seconds - now) or 1
        return Quota(windows=self._windows, limit=window.limit, remaining=window.limit - used, reset=reset)


class InFlight:
    """The requests that are accepted and not answered yet, and the Idempotency-Keys they hold. Of one process only."""

    def __init__(self) -> None:
        self._requests: dict[str, int] = {}
        self._keys: set[str] = set()

    def is_full(self, tenant: str) -> bool:
        return self._requests.get(tenant, 0) >= CONCURRENCY_LIMIT

    def holds(self, key: str) -> bool:
        return key in self._keys

    def enter(self, tenant: str, key: str | None) -> None:
        self._requests[tenant] = self._requests.get(tenant, 0) + 1
        self._keys |= {key} if key else set()

    def leave(self, tenant: str, key: str | None) -> None:
        self._requests[tenant] -= 1
        self._keys -= {key} if key else set()

    def headers(self, tenant: str, *, waiting: int) -> dict[str, str]:
        """*waiting*: how many requests are being answered that are not in flight."""
        remaining = CONCURRENCY_LIMIT - self._requests.get(tenant, 0) - waiting
        return {
            "Concurrency-Limit-Type": CONCURRENCY_TYPE,
            "Concurrency-Limit-Limit": str(CONCURRENCY_LIMIT),
            "Concurrency-Limit-Remaining": str(max(0, remaining)),
        }
