"""Where a run stands, in one line of plain ASCII that may be cut at its end: what matters most comes first."""

from collections.abc import Iterator
from math import ceil

from reconciler.core.run import Pace
from reconciler.reports.plan_report import lasting


def progress_text(pace: Pace | None, *, elapsed: float, rate: float | None = None, left: float | None = None) -> str:
    """Return the line; *pace* is None before the first call. *rate* is changes a second, *left* seconds to the end."""
    return f"{_clock(elapsed)}  {', '.join(_parts(pace, rate, left)) if pace else 'no call has left yet'}"


def _parts(pace: Pace, rate: float | None, left: float | None) -> Iterator[str]:
    yield f"{pace.ended}/{pace.total} ended"
    yield f"{pace.refused} refused"
    if pace.in_doubt:
        yield f"{pace.in_doubt} in doubt"
    yield f"{pace.under_way}/{pace.allowed} in flight"
    if pace.paused > 0:
        yield f"paused {ceil(pace.paused)} s: the platform has asked for it"
        return
    if rate is not None:
        yield f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"
    if left is not None and pace.ended < pace.total:
        yield f"about {lasting(ceil(left))} left"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
