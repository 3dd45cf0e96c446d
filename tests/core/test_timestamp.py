"""Moments in documents: one form, read back as written."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.timestamp import Timestamp, moment, timestamp

moments = st.datetimes(timezones=st.just(UTC)).map(lambda each: each.replace(microsecond=0))


@given(moments)
def test_a_moment_is_read_back_as_written(each: datetime) -> None:
    assert moment(timestamp(each)) == each


@given(moments, moments)
def test_the_order_of_texts_is_the_order_of_times(first: datetime, second: datetime) -> None:
    assert (timestamp(first) < timestamp(second)) == (first < second)


def test_every_zone_is_written_as_utc_and_fractions_are_dropped() -> None:
    local = datetime(2026, 11, 22, 1, 30, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))

    assert timestamp(local) == "2026-11-21T23:30:00Z"


@pytest.mark.parametrize(
    "text",
    [
        *("", "2026-11-22", "2026-11-22 10:00:00Z", "2026-11-22T10:00:00", "2026-11-22T10:00:00+00:00"),
        *("2026-13-01T00:00:00Z", "2026-11-22T10:00:00Z\n", "2026-11-22T10:00:00.5Z"),
    ],
)
def test_every_other_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a time|month"):
        moment(Timestamp(text))
