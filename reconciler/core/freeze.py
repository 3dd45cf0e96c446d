"""Freezes: on which days nothing is sent. Days are those of the tenant's time zone, whatever its clocks do on them."""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from reconciler.core.guardrail_limits import Edge, Freeze, Period

_DAY = timedelta(days=1)
_MONTHS_OF_QUARTER = 3


def frozen_on(freeze: Freeze, day: date) -> Period | None:
    """Return the period around *day* in which nothing is sent, or None. Periods that touch are one."""
    whole, wider = None, _joined(_periods(freeze, day, day))
    while wider is not None and wider != whole:
        whole, wider = wider, _joined(_periods(freeze, wider.begins - _DAY, wider.ends + _DAY))
    return whole


def next_freeze(freeze: Freeze, day: date) -> Period | None:
    """Return the first period that begins after *day*, within the days that it is announced ahead; None without one."""
    last = day + timedelta(days=freeze.announce)
    ahead = sorted(each.begins for each in _periods(freeze, day + _DAY, last) if day < each.begins)
    first = next((each for each in ahead if frozen_on(freeze, each - _DAY) is None), None)
    return frozen_on(freeze, first) if first else None


def _joined(periods: Iterable[Period]) -> Period | None:
    found = sorted(periods, key=lambda each: (each.begins, each.ends, each.reason))
    if not found:
        return None
    reasons = dict.fromkeys(each.reason for each in found)
    return Period(found[0].begins, max(each.ends for each in found), ", ".join(reasons))


def _periods(freeze: Freeze, first: date, last: date) -> Iterator[Period]:
    """Yield every period that has a day from *first* to *last*."""
    months = (each for end in _month_ends(first, last) for each in _around(end, freeze))
    return (each for each in (*freeze.periods, *months) if each.begins <= last and first <= each.ends)


def _month_ends(first: date, last: date) -> Iterator[date]:
    """Yield the last day of each month from the one before *first* to that of *last*."""
    end = first.replace(day=1) - _DAY
    while end.replace(day=1) <= last:
        yield end
        end = (end + timedelta(days=32)).replace(day=1) - _DAY


def _around(end: date, freeze: Freeze) -> Iterator[Period]:
    """Yield the days around *end*, the last day of a month, on which nothing is sent."""
    is_quarter = end.month % _MONTHS_OF_QUARTER == 0
    for edge, name in ((freeze.month_end, "month end"), (freeze.quarter_end if is_quarter else Edge(), "quarter end")):
        if edge.last or edge.first:
            begins, ends = end + _DAY - timedelta(days=edge.last), end + timedelta(days=edge.first)
            yield Period(begins, ends, f"{name} {end:%Y-%m}")
