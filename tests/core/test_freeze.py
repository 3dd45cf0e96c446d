"""On which days nothing is sent: ends of months and quarters of every length, other periods, clocks that jump."""

from calendar import monthrange
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.diagnostics import Place
from reconciler.core.freeze import frozen_on, next_freeze
from reconciler.core.guardrail_limits import Edge, Freeze, Guardrails, Period

DAY = timedelta(days=1)
MONTHLY = Freeze(month_end=Edge(last=3, first=2))
QUARTERLY = Freeze(quarter_end=Edge(last=5, first=5))
CLOSE = Period(date(2026, 12, 20), date(2027, 1, 4), "close of the year")
days = st.dates(min_value=date(2024, 1, 1), max_value=date(2032, 12, 31))
edges = st.builds(Edge, last=st.integers(0, 14), first=st.integers(0, 14))
freezes = st.builds(Freeze, month_end=edges, quarter_end=edges, periods=st.sampled_from([(), (CLOSE,)]))


@pytest.mark.parametrize(
    ("day", "frozen"),
    [
        *(("2026-11-27", False), ("2026-11-28", True), ("2026-11-30", True), ("2026-12-02", True)),
        *(("2026-12-03", False), ("2026-12-28", False), ("2026-12-29", True), ("2027-01-02", True)),
        *(("2027-02-25", False), ("2027-02-26", True), ("2027-03-02", True), ("2027-03-03", False)),
        *(("2028-02-26", False), ("2028-02-27", True), ("2028-02-29", True), ("2028-03-01", True)),
        *(("2100-02-26", True), ("2100-02-25", False)),
    ],
)
def test_the_last_3_and_first_2_days_of_months_are_frozen_however_long_the_month(day: str, *, frozen: bool) -> None:
    assert (frozen_on(MONTHLY, date.fromisoformat(day)) is not None) is frozen


@pytest.mark.parametrize(
    ("day", "frozen"),
    [
        *(("2026-03-26", False), ("2026-03-27", True), ("2026-04-05", True), ("2026-04-06", False)),
        *(("2026-06-26", True), ("2026-09-26", True), ("2026-12-27", True), ("2027-01-05", True)),
        *(("2026-04-30", False), ("2026-05-31", False), ("2026-02-01", False), ("2026-11-30", False)),
    ],
)
def test_quarters_end_with_march_june_september_and_december(day: str, *, frozen: bool) -> None:
    assert (frozen_on(QUARTERLY, date.fromisoformat(day)) is not None) is frozen


def test_periods_that_touch_are_one_with_both_reasons() -> None:
    freeze = Freeze(
        month_end=Edge(last=3, first=5), periods=(CLOSE, Period(date(2027, 1, 6), date(2027, 1, 8), "move"))
    )

    found = frozen_on(freeze, date(2027, 1, 2))

    assert found == Period(date(2026, 12, 20), date(2027, 1, 8), "close of the year, month end 2026-12, move")
    assert frozen_on(freeze, date(2026, 12, 20)) == frozen_on(freeze, date(2027, 1, 8)) == found


@given(freeze=freezes, day=days)
def test_what_is_told_begins_and_ends_where_it_does(freeze: Freeze, day: date) -> None:
    found = frozen_on(freeze, day)
    if found is not None:
        assert found.begins <= day <= found.ends
        assert frozen_on(freeze, found.begins - DAY) is None
        assert frozen_on(freeze, found.ends + DAY) is None


@given(edge=edges, day=days)
def test_an_edge_of_a_month_is_what_counting_its_days_says(edge: Edge, day: date) -> None:
    length = monthrange(day.year, day.month)[1]

    expected = day.day > length - edge.last or day.day <= edge.first

    assert (frozen_on(Freeze(month_end=edge), day) is not None) is expected


@given(freeze=freezes, day=days, announce=st.integers(0, 60))
def test_the_next_freeze_is_announced_for_the_first_day_on_which_one_begins(
    freeze: Freeze, day: date, announce: int
) -> None:
    announced = replace(freeze, announce=announce)
    coming = [day + DAY * number for number in range(1, announce + 1)]
    first = next((each for each in coming if frozen_on(freeze, each) and not frozen_on(freeze, each - DAY)), None)

    assert next_freeze(announced, day) == (frozen_on(freeze, first) if first else None)


@pytest.mark.parametrize(
    ("zone", "moment", "day"),
    [
        ("America/New_York", "2026-12-01T04:59:59", "2026-11-30"),
        ("America/New_York", "2026-12-01T05:00:00", "2026-12-01"),
        ("America/New_York", "2026-07-01T03:59:59", "2026-06-30"),
        ("America/New_York", "2026-07-01T04:00:00", "2026-07-01"),
        ("Asia/Tokyo", "2026-11-30T14:59:59", "2026-11-30"),
        ("Asia/Tokyo", "2026-11-30T15:00:00", "2026-12-01"),
        ("Pacific/Kiritimati", "2026-11-29T10:00:00", "2026-11-30"),
        ("Pacific/Niue", "2026-12-01T10:59:59", "2026-11-30"),
        ("Africa/Cairo", "2026-04-23T21:59:59", "2026-04-23"),  # the clock goes from 00:00 to 01:00 at that midnight
        ("Africa/Cairo", "2026-04-23T22:00:00", "2026-04-24"),
        ("Europe/Berlin", "2026-10-25T00:30:00", "2026-10-25"),  # 02:30 for the first time
        ("Europe/Berlin", "2026-10-25T01:30:00", "2026-10-25"),  # and for the second
        ("Europe/Berlin", "2026-10-25T23:00:00", "2026-10-26"),  # after a day of 25 hours
        ("Europe/Berlin", "2026-03-29T22:00:00", "2026-03-30"),  # after one of 23
    ],
)
def test_a_day_is_the_day_of_the_tenant_also_where_its_clock_jumps(zone: str, moment: str, day: str) -> None:
    guardrails = Guardrails(place=Place("reconciler.yaml"), zone=ZoneInfo(zone), zone_name=zone)

    assert guardrails.day(datetime.fromisoformat(moment).replace(tzinfo=UTC)) == date.fromisoformat(day)
