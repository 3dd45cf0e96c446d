"""Where a run stands, as one line."""

import pytest

from reconciler.core.run import Pace
from reconciler.reports.progress_text import progress_text


def pace(
    ended: int = 120,
    *,
    refused: int = 0,
    in_doubt: int = 0,
    under_way: int = 31,
    allowed: int = 32,
    paused: float = 0.0,
) -> Pace:
    return Pace(
        total=1000,
        ended=ended,
        refused=refused,
        in_doubt=in_doubt,
        under_way=under_way,
        allowed=allowed,
        paused=paused,
    )


TABLE = [
    (progress_text(None, elapsed=3.9), "0:03  no call has left yet"),
    (progress_text(pace(0), elapsed=5.0), "0:05  0/1000 ended, 0 refused, 31/32 in flight"),
    (
        progress_text(pace(refused=2, in_doubt=1), elapsed=65.0, rate=24.31, left=36.2),
        "1:05  120/1000 ended, 2 refused, 1 in doubt, 31/32 in flight, 24.3/s, about 37 s left",
    ),
    (
        progress_text(pace(), elapsed=3_600.0, rate=0.27, left=3_260.0),
        "1:00:00  120/1000 ended, 0 refused, 31/32 in flight, 16.2/min, about 54 min 20 s left",
    ),
    (
        progress_text(pace(), elapsed=36_061.0, rate=0.01, left=88_000.0),
        "10:01:01  120/1000 ended, 0 refused, 31/32 in flight, 0.6/min, about 1 d left",
    ),
    (
        progress_text(pace(under_way=0, allowed=16, paused=11.2), elapsed=5.0, rate=24.3, left=36.0),
        "0:05  120/1000 ended, 0 refused, 0/16 in flight, paused 12 s: the platform has asked for it",
    ),
    (
        progress_text(pace(paused=-3.0), elapsed=5.0, rate=24.3, left=36.0),
        "0:05  120/1000 ended, 0 refused, 31/32 in flight, 24.3/s, about 36 s left",
    ),
    (
        progress_text(pace(1000, under_way=0), elapsed=5.0, rate=200.0, left=0.0),
        "0:05  1000/1000 ended, 0 refused, 0/32 in flight, 200.0/s",
    ),
]


@pytest.mark.parametrize(("text", "expected"), TABLE)
def test_a_line_says_where_the_run_stands(text: str, expected: str) -> None:
    assert text == expected
