"""How many sends may be under way, after good answers, overload and announced limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.limiter import Limiter, cap_of, limiter

Step = tuple[str, int]
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
                found.append(now.announced(number))
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

    assert now.after_good().allowed == 4


def test_it_grows_back_to_its_cap_and_stays() -> None:
    now = limiter(8).after_overload(0)
    for _ in range(200):
        now = now.after_good()

    assert now.allowed == 8


@pytest.mark.parametrize(("announced", "cap"), [(40, 32), (100, 80), (5, 4), (1, 1), (0, 1), (-3, 1)])
def test_an_announced_limit_is_kept_less_the_share_of_others(announced: int, cap: int) -> None:
    now = limiter(None).announced(announced)

    assert (cap_of(announced), now.cap) == (cap, cap)
    assert now.allowed == min(32, cap)


def test_a_configured_number_gives_way_to_a_lower_announced_limit_only() -> None:
    assert limiter(10).announced(40).cap == 10
    assert limiter(10).announced(6) == Limiter(cap=6, allowed=6, configured=10)


def test_a_limit_announced_again_changes_nothing() -> None:
    now = limiter(None).after_good()

    assert now.announced(40) == now
