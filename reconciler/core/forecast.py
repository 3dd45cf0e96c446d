"""How long a plan will take, and whether a day is enough for it.

Rule: each guess errs on the careful side. "At least" counts with the greatest limits that the tenant may have, the
warning with the smallest; a known rate is what a run has reached, retries and waiting included.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import ceil

from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.environment import PRODUCTION_HOSTS, EmulatorApi, Environment, PlatformApi, TenantType
from reconciler.core.ledger import Answered, ledger_of
from reconciler.core.share import cap_of
from reconciler.core.state import State
from reconciler.core.timestamp import Timestamp, moment, timestamp


@dataclass(frozen=True, slots=True)
class RateLimits:
    """How many requests a tenant may send in a minute, an hour and a day."""

    minute: int
    hour: int
    day: int

    def less(self, leave_free: float) -> "RateLimits":
        return RateLimits(*(cap_of(each, leave_free) for each in (self.minute, self.hour, self.day)))

    def seconds_for(self, requests: int) -> int:
        """Return after how many seconds the last of *requests* may leave if the first leaves into empty windows.

        That a window begins with its first request is inferred: the guide says how long windows are, not how they lie.
        """
        before, seconds = max(0, requests - 1), 0
        for limit, window in ((self.day, 86_400), (self.hour, 3_600), (self.minute, 60)):
            full, before = divmod(before, limit)
            seconds += full * window
        return seconds


RATE_LIMITS = {
    TenantType.PRODUCTION: RateLimits(50_000, 2_250_000, 27_000_000),
    TenantType.CENTRAL_SANDBOX: RateLimits(50_000, 2_250_000, 27_000_000),
    TenantType.DEVELOPER_SANDBOX: RateLimits(12_500, 25_000, 50_000),
    TenantType.API_SANDBOX: RateLimits(2_500, 5_000, 10_000),
}
"""What the API takes, failed requests counted too (developer.zuora.com, guide on rate limits)."""

ENOUGH_CALLS = 20
"""Fewer calls tell no rate: their times are known to the second only."""

_TOKENS = 1
"""Requests besides the calls. The guide gives tokens limits of their own and does not say that these count no more."""

_DAY = timedelta(days=1)

_CLOCKS_APART = timedelta(seconds=5)
"""Sends are timed by the platform's clock and runs by the machine's; how far apart they are is known to seconds."""


class Basis(StrEnum):
    """What the time of a forecast follows from."""

    EARLIER_RUN = "earlier_run"
    RATE_LIMITS = "rate_limits"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """*calls* take about *seconds* by an earlier run, or at least *seconds* by the rate limits.

    *basis* and *seconds* are None where nothing is known; *calls_per_second* is the rate of the earlier run.
    """

    calls: int
    seconds: int | None = None
    basis: Basis | None = None
    calls_per_second: float | None = None


def forecast_of(calls: int, state: State | None, api: EmulatorApi | PlatformApi) -> Forecast:
    if not calls:
        return Forecast(calls=0)
    rate = known_rate(state)
    least = _greatest(api).seconds_for(calls) if isinstance(api, PlatformApi) else 0
    seconds = max(least, ceil(calls / rate)) if rate else least
    basis = Basis.RATE_LIMITS if least and seconds == least else Basis.EARLIER_RUN if rate else None
    return Forecast(calls=calls, seconds=seconds if basis else None, basis=basis, calls_per_second=rate)


def known_rate(state: State | None) -> float | None:
    """Return the calls a second of the newest run of which *state* remembers enough calls, None without one.

    What a person has settled ended at no time of the run.
    """
    if state is None:
        return None
    runs: dict[str, list[Answered]] = defaultdict(list)
    for answered in ledger_of(state.entries).answered():
        runs[answered.run].append(answered)
    newest = max((run for run, settled in runs.items() if len(settled) >= ENOUGH_CALLS), default=None)
    return _rate_of(newest, runs[newest], state.clock.seconds if state.clock else 0) if newest is not None else None


def _rate_of(run: str, settled: Sequence[Answered], clock_offset: int) -> float:
    """Return the calls a second from the first send of *run* to its last answer.

    A resumed call keeps the time of its first send, in a run before: what left before this one began does not count.
    Its machine's clock may be another than the one whose *clock_offset* is known; the answers are of the run for sure.
    """
    ends, began = set(map(moment, {each.at for each in settled})), _beginning(run)
    sends = set(map(moment, {each.sent for each in settled}))
    own = {sent for sent in sends if began and sent - began >= timedelta(seconds=clock_offset) - _CLOCKS_APART}
    return len(settled) / max(1.0, (max(ends) - min(own | ends)).total_seconds())


def _beginning(run: str) -> datetime | None:
    """Return when *run* began by the clock of its machine, if its id tells it (``20261122T100000Z-9f86d081``)."""
    try:
        return datetime.fromisoformat(run.partition("-")[0]).replace(tzinfo=UTC)
    except ValueError:
        return None


def daily_limit(calls: int, state: State | None, environment: Environment, *, now: datetime) -> Iterator[Diagnostic]:
    """Warn where *calls*, with those that the state knows of the last 24 h, are more than the tenant takes in a day."""
    api = environment.api
    if not calls or not isinstance(api, PlatformApi):
        return
    limit = _smallest(api).day
    sent, usable = _sent_since(timestamp(now - _DAY), state), cap_of(limit, api.leave_free)
    left = usable - sent - _TOKENS
    if calls > left:
        kind = _type_of(api)
        who = f"A tenant of type {kind}" if kind else "The tenant's type is not known; the kind with the smallest limit"
        yield Diagnostic(
            code="daily-limit",
            severity=Severity.WARNING,
            summary="the plan is more than the tenant takes in a day",
            detail=f"{calls:,} calls are planned, and {sent:,} are known of the last 24 h. {who} takes {limit:,} "
            f"requests a day, failed ones too; leave_free {api.leave_free:g} leaves {usable:,} of them.",
            hint=("" if kind else "Write tenant_type: under api: if the tenant takes more. ") + _advice(left),
            place=environment.place,
        )


def _advice(left: int) -> str:
    now = f", now with --max-calls {left}" if left > 0 else "; today there is no room left"
    return f"Apply a part each day{now}."


def _sent_since(since: Timestamp, state: State | None) -> int:
    return sum(
        call is not None and call.call.sent > since
        for entry in (state.entries.values() if state else ())
        for call in (entry.applied, entry.refused, *entry.unsettled)
    )


def _greatest(api: PlatformApi) -> RateLimits:
    """Return what may be used of the tenant's limits; of an unknown type, what the kind that takes most has."""
    return RATE_LIMITS[_type_of(api) or TenantType.PRODUCTION].less(api.leave_free)


def _smallest(api: PlatformApi) -> RateLimits:
    return RATE_LIMITS[_type_of(api) or TenantType.API_SANDBOX]


def _type_of(api: PlatformApi) -> TenantType | None:
    """Return the type of the tenant, if the project file or the host tells it."""
    return api.tenant_type or (TenantType.PRODUCTION if api.host in PRODUCTION_HOSTS else None)
