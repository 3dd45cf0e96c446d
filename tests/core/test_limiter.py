"""How many sends may be under way, after good answers, overload and announced limits."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.limiter import Limiter, is_present, limiter
from reconciler.core.outcome import Traffic
from reconciler.core.share import cap_of

Step = tuple[str, int]
NEVER = float("-inf")
steps = st.lists(
    st.tuples(st.sampled_from(["good", "overload", "late overload", "announced"]), st.integers(0, 60)), max_size=60
)


def taken(start: Limiter, steps: list[Step]) -> list[Limiter]:
    """The limiter after each step. An overload is of a send that left now, or one generation ago."""
    found = [start]
    for name, number in steps:
        now = found[-1]
        match name:
            case "good":
                found.append(now.after_good())
            case "overload":
                found.append(now.after_overload(now.generation))
            case "late overload":
                found.append(now.after_overload(now.generation - 1))
            case _:
                found.append(now.told(Traffic(limit=number + 1), under_way=0, now=0.0))
    return found


@given(st.none() | st.integers(0, 100), steps)
def test_it_is_never_below_one_and_never_above_its_cap(configured: int | None, steps: list[Step]) -> None:
    assert all(1 <= each.allowed <= each.cap for each in taken(limiter(configured), steps))


@given(st.integers(1, 100), steps)
def test_what_the_user_has_configured_is_never_exceeded(configured: int, steps: list[Step]) -> None:
    assert max(each.cap for each in taken(limiter(configured), steps)) <= configured


def test_it_starts_at_its_cap() -> None:
    assert limiter(7) == Limiter(cap=7, allowed=7, configured=7)


def test_a_fifth_of_the_platforms_limit_is_left_to_others() -> None:
    assert limiter(None).cap == 32


def test_one_more_is_allowed_after_as_many_good_answers_as_are_allowed() -> None:
    now = Limiter(cap=40, allowed=4)
    found = []
    for _ in range(9):
        now = now.after_good()
        found.append(now.allowed)

    assert found == [4, 4, 4, 5, 5, 5, 5, 5, 6]


def test_overload_halves_once_for_all_that_were_under_way() -> None:
    start = limiter(32)
    now = start
    for _ in range(32):
        now = now.after_overload(start.generation)

    assert (now.allowed, now.generation) == (16, 1)


def test_overload_of_a_send_that_left_after_the_halving_halves_again() -> None:
    now = limiter(32)
    found = []
    for _ in range(7):
        now = now.after_overload(now.generation)
        found.append(now.allowed)

    assert found == [16, 8, 4, 2, 1, 1, 1]


def test_good_answers_before_an_overload_count_for_nothing_after_it() -> None:
    now = Limiter(cap=8, allowed=8, good=7).after_overload(0)
    found = []
    for _ in range(4):
        now = now.after_good()
        found.append(now.allowed)

    assert found == [4, 4, 4, 5]


def test_half_of_an_odd_number_is_the_lower_whole_one() -> None:
    assert Limiter(cap=7, allowed=7).after_overload(0).allowed == 3


def test_it_grows_back_to_its_cap_and_stays() -> None:
    now = limiter(8).after_overload(0)
    for _ in range(200):
        now = now.after_good()

    assert now.allowed == 8


@pytest.mark.parametrize(("announced", "cap"), [(40, 32), (100, 80), (5, 4), (1, 1)])
def test_an_announced_limit_is_kept_less_the_share_of_others(announced: int, cap: int) -> None:
    now = limiter(None).announced(Traffic(limit=announced))

    assert (cap_of(announced), now.cap) == (cap, cap)
    assert now.allowed == cap


@pytest.mark.parametrize(("leave_free", "cap", "announced"), [(0.0, 40, 10), (0.5, 20, 5), (0.9, 4, 1), (0.99, 1, 1)])
def test_the_share_that_is_left_free_is_the_projects(leave_free: float, cap: int, announced: int) -> None:
    now = limiter(None, leave_free=leave_free)
    small, usual = (now.announced(Traffic(limit=limit)) for limit in (10, 40))

    assert (now.allowed, small.cap, usual.cap) == (cap, announced, cap)


def test_a_configured_number_is_the_users_own_and_leaves_nothing_free() -> None:
    assert limiter(40, leave_free=0.9).announced(Traffic(limit=40)).cap == 40


@given(st.integers(1, 30_000_000), st.integers(0, 99))
def test_what_is_used_of_a_limit_is_exact_in_decimals(limit: int, hundredths: int) -> None:
    assert cap_of(limit, hundredths / 100) == max(1, limit * (100 - hundredths) // 100)


def test_a_configured_number_gives_way_to_a_lower_announced_limit_only() -> None:
    assert limiter(10).announced(Traffic(limit=40)).cap == 10
    assert limiter(1).announced(Traffic(limit=40)).cap == 1
    assert limiter(10).announced(Traffic(limit=6)) == Limiter(cap=6, allowed=6, configured=10)


def test_a_limit_announced_again_changes_nothing() -> None:
    now = limiter(None).after_good()

    assert now.announced(Traffic(limit=40)) == now


def test_a_raised_limit_is_used_at_once_unless_something_was_too_much() -> None:
    raised = Traffic(limit=80)

    assert limiter(None).announced(raised).allowed == 64
    assert limiter(None).after_overload(0).announced(raised).allowed == 16


@pytest.mark.parametrize(
    ("free", "under_way", "allowed"),
    [
        (8, 32, 32),
        (8, 10, 32),
        (7, 32, 31),
        (39, 32, 32),
        (5, 32, 29),
        (0, 32, 24),
        (0, 3, 1),
        (None, 32, 32),
    ],
)
def test_room_is_made_for_others_until_the_free_share_is_free(free: int | None, under_way: int, allowed: int) -> None:
    now = limiter(None).told(Traffic(limit=40, free=free), under_way=under_way, now=10.0)

    assert (now.allowed, now.cap) == (allowed, 32)


def test_room_is_made_once_for_what_the_platform_counts_once_a_second() -> None:
    crowd = Traffic(limit=40, free=4)
    now = limiter(None)
    found = []
    for time in (10.0, 10.5, 11.0):
        now = now.told(crowd, under_way=now.allowed, now=time)
        found.append(now.allowed)

    assert found == [28, 28, 24]


def test_good_answers_before_room_was_made_count_for_nothing_after_it() -> None:
    now = replace(limiter(None), good=27).told(Traffic(limit=40, free=4), under_way=32, now=10.0)
    now = now.told(Traffic(limit=40, free=8), under_way=28, now=11.0)
    found = []
    for _ in range(28):
        now = now.after_good()
        found.append(now.allowed)

    assert found == [28] * 27 + [29]


def test_it_grows_back_when_others_are_gone_and_not_before() -> None:
    crowded = limiter(None).told(Traffic(limit=40, free=4), under_way=32, now=10.0)
    still = crowded
    for _ in range(100):
        still = still.after_good()
    alone = still.told(Traffic(limit=40, free=12), under_way=28, now=10.1)
    assert alone == replace(crowded, crowded=False)
    for _ in range(100):
        alone = alone.after_good()

    assert (still.allowed, alone.allowed) == (28, 31)


def test_a_configured_number_is_the_users_own_promise() -> None:
    assert limiter(40).told(Traffic(limit=40, free=0), under_way=40, now=0.0).allowed == 40


@pytest.mark.parametrize(
    ("left", "reset", "not_before"),
    [(101, 60, NEVER), (100, 60, 67.0), (0, 60, 67.0), (0, 0, 7.0), (0, None, NEVER), (None, 60, NEVER)],
)
def test_nothing_leaves_in_a_window_of_which_only_the_free_share_is_left(
    left: int | None, reset: float | None, not_before: float
) -> None:
    now = limiter(None).told(Traffic(quota=500, left=left, reset=reset), under_way=0, now=7.0)

    assert now.not_before == not_before


def test_who_leaves_nothing_free_may_use_a_window_to_its_end() -> None:
    greedy = limiter(None, leave_free=0.0)

    assert greedy.cap == 40
    assert greedy.announced(Traffic(limit=100)).cap == 100
    assert greedy.told(Traffic(limit=40, free=0), under_way=30, now=0.0).allowed == 40
    assert greedy.told(Traffic(quota=500, left=1, reset=9), under_way=0, now=0.0).not_before == NEVER
    assert greedy.told(Traffic(quota=500, left=0, reset=9), under_way=0, now=0.0).not_before == 9.0


def test_a_pause_is_never_shortened() -> None:
    assert limiter(1).paused(9.0).paused(5.0).not_before == 9.0


@pytest.mark.parametrize(("age", "present"), [(0, True), (300, True), (-300, True), (301, False), (86_000, False)])
def test_headers_of_a_saved_answer_do_not_speak_of_the_present(age: int, present: bool) -> None:  # noqa: FBT001
    assert is_present(Traffic(date=NOW - timedelta(seconds=age)), NOW) is present


def test_headers_without_a_date_are_believed() -> None:
    assert is_present(Traffic(), NOW)
