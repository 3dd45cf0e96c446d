"""When a call is sent again under the same key, and when it is not."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.outcome import Again, Cause, Doubt
from reconciler.core.retry import ATTEMPTS, CAP, LONGEST_WAIT, TOTAL, Decision, GiveUp, Wait, decide

DOUBT = Doubt(code="NoAnswer", message="reset")
CAUSES = pytest.mark.parametrize("cause", [Cause.NOT_SENT, Cause.LIMIT, Cause.PASSING])


def again(cause: Cause = Cause.LIMIT, *, wait: float | None = None) -> Again:
    return Again(code="HTTP429", message="why", cause=cause, wait=wait)


@dataclass(frozen=True, slots=True)
class After:
    """The *sends*-th send, with everything else as it is in the middle of a quiet run."""

    sends: int = 1
    in_a_row: int = 1
    elapsed: float = 0.0
    remaining: float = float("inf")
    jitter: float = 1.0

    def decide(self, known: Again | Doubt) -> Decision:
        return decide(
            known,
            sends=self.sends,
            in_a_row=self.in_a_row,
            elapsed=self.elapsed,
            remaining=self.remaining,
            jitter=self.jitter,
        )


def test_the_longest_waits_double_from_one_second() -> None:
    assert [After(sends=n).decide(DOUBT) for n in range(1, ATTEMPTS)] == [Wait(2.0**n) for n in range(ATTEMPTS - 1)]


@given(st.integers(1, ATTEMPTS - 1), st.floats(0, 1))
def test_a_wait_is_anything_from_nothing_to_the_longest(sends: int, jitter: float) -> None:
    assert After(sends=sends, jitter=jitter).decide(DOUBT) == Wait(jitter * min(CAP, 2.0 ** (sends - 1)))


@pytest.mark.parametrize("known", [DOUBT, again(Cause.NOT_SENT), again(Cause.LIMIT), again(Cause.PASSING)])
def test_a_call_is_sent_five_times_at_most(known: Again | Doubt) -> None:
    decided = [After(sends=n, in_a_row=n).decide(known) for n in range(1, 7)]

    assert [isinstance(each, Wait) for each in decided] == [True] * 4 + [False] * 2


def test_a_fifth_send_is_the_last_even_if_each_had_another_cause() -> None:
    assert After(sends=ATTEMPTS - 1, in_a_row=1).decide(again()) == Wait(8.0)
    assert After(sends=ATTEMPTS, in_a_row=1).decide(again()) == GiveUp()


def test_a_spent_key_is_not_sent_again() -> None:
    assert After().decide(Doubt(code="x", message="y", spent=True)) == GiveUp()


def test_a_401_is_followed_at_once_by_a_send_with_a_new_token_and_a_second_one_ends_it() -> None:
    refused = again(Cause.TOKEN)

    assert After(in_a_row=1).decide(refused) == Wait(0.0)
    assert After(sends=2, in_a_row=2).decide(refused) == GiveUp()
    assert After(sends=3, in_a_row=1).decide(refused) == Wait(0.0)


def test_a_new_token_is_not_waited_for_whatever_the_answer_asks() -> None:
    assert After().decide(again(Cause.TOKEN, wait=LONGEST_WAIT + 1)) == Wait(0.0)


def test_what_bars_the_way_is_not_tried_twice() -> None:
    assert After().decide(again(Cause.BARRED)) == GiveUp()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (None, Wait(1.0)),
        (float("nan"), Wait(1.0)),
        (-1.0, Wait(1.0)),
        (float("-inf"), Wait(1.0)),
        (0.0, Wait(1.0)),
        (0.5, Wait(1.0)),
        (30.0, Wait(30.0)),
        (LONGEST_WAIT, Wait(LONGEST_WAIT)),
        (LONGEST_WAIT + 0.001, GiveUp()),
        (1e300, GiveUp()),
        (float("inf"), GiveUp()),
    ],
)
@pytest.mark.parametrize("known", ["again", "doubt"])
def test_a_wait_that_is_asked_for_is_kept_unless_nobody_can(
    asked: float | None, expected: Decision, known: str
) -> None:
    told = again(wait=asked) if known == "again" else Doubt(code="x", message="y", wait=asked)

    assert After().decide(told) == expected


@pytest.mark.parametrize(("asked", "seconds"), [(None, 0.0), (-1.0, 0.0), (0.0, 0.0), (0.25, 0.25)])
def test_nothing_longer_is_waited_than_what_is_asked_for_and_what_chance_gives(
    asked: float | None, seconds: float
) -> None:
    assert After(jitter=0.0).decide(again(wait=asked)) == Wait(seconds)


@CAUSES
def test_a_call_is_not_tried_for_longer_than_its_time(cause: Cause) -> None:
    assert After(elapsed=TOTAL - 1).decide(again(cause)) == Wait(1.0)
    assert After(elapsed=TOTAL - 0.9).decide(again(cause)) == GiveUp()


@CAUSES
def test_a_wait_beyond_the_deadline_of_the_run_is_not_begun(cause: Cause) -> None:
    assert After(remaining=1.0).decide(again(cause)) == Wait(1.0)
    assert After(remaining=0.9).decide(again(cause)) == GiveUp()


def test_after_the_deadline_not_even_a_new_token_is_tried() -> None:
    assert After(remaining=-0.1).decide(again(Cause.TOKEN)) == GiveUp()
    assert After(elapsed=TOTAL + 0.1).decide(again(Cause.TOKEN)) == GiveUp()


ANY = st.builds(
    After,
    sends=st.integers(1, 9),
    in_a_row=st.integers(1, 9),
    elapsed=st.floats(0, 10_000),
    remaining=st.floats(-100, 10_000) | st.just(float("inf")),
    jitter=st.floats(0, 1),
)


@given(ANY, st.sampled_from(Cause), st.none() | st.floats())
def test_a_wait_is_always_one_that_a_clock_can_keep_and_that_ends_in_time(
    after: After, cause: Cause, wait: float | None
) -> None:
    decided = after.decide(again(cause, wait=wait))

    if isinstance(decided, Wait):
        assert 0 <= decided.seconds <= min(LONGEST_WAIT, after.remaining)
        assert after.elapsed + decided.seconds <= TOTAL
        assert after.sends < ATTEMPTS
