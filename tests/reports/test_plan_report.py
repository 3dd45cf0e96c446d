"""How a plan is worded: times, and what is said of how long it takes."""

from dataclasses import replace

import pytest
from builders import declare, plan_of, spec_of

from reconciler.core.forecast import Basis, Forecast
from reconciler.reports.plan_report import lasting, report_plan


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        *((0, "0 s"), (59, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (3_599, "59 min 59 s"), (3_600, "1 h")),
        *((3_659, "1 h"), (7_500, "2 h 5 min"), (86_400, "1 d"), (90_000, "1 d 1 h"), (864_059, "10 d")),
    ],
)
def test_a_time_is_said_in_its_greatest_unit_and_the_one_below(seconds: int, words: str) -> None:
    assert lasting(seconds) == words


def duration(forecast: Forecast | None) -> str:
    return report_plan(replace(plan_of(spec_of(declare())), forecast=forecast)).duration


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (978.4, "978 calls/s"),
        (47.6, "48 calls/s"),
        (9.96, "10 calls/s"),
        (0.75, "0.75 calls/s"),
        (0.033, "0.033 calls/s"),
    ],
)
def test_an_earlier_runs_rate_is_said_in_a_few_digits(rate: float, words: str) -> None:
    forecast = Forecast(calls=100, seconds=75, basis=Basis.EARLIER_RUN, calls_per_second=rate)

    assert duration(forecast) == f"Takes about 1 min 15 s at the rate of an earlier run, {words}."


def test_what_only_the_limits_tell_is_said_to_be_the_least() -> None:
    assert duration(Forecast(calls=100, seconds=60, basis=Basis.RATE_LIMITS)).startswith("Takes at least 1 min: ")


@pytest.mark.parametrize("forecast", [None, Forecast(calls=1), Forecast(calls=0, seconds=0, basis=Basis.EARLIER_RUN)])
def test_nothing_is_said_where_nothing_is_known_or_to_be_done(forecast: Forecast | None) -> None:
    assert duration(forecast) == ""
