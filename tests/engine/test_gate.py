"""The gate: who may leave when, what a whole run pauses for, and what ends it."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW
from fakes import DONE, HandClock

from reconciler.core.limiter import Limiter, limiter
from reconciler.core.outcome import Again, Answer, Cause, Doubt, Fault, FaultKind, Knowledge, Refusal, Traffic, know
from reconciler.core.run import Stop
from reconciler.engine.gate import Gate

FOREVER = float("inf")
BUSY = Answer(status=429, is_business=False, retry_after=30.0)


def gate_of(
    start: Limiter | None = None,
    clock: HandClock | None = None,
    *,
    stop: Callable[[], Stop | None] = lambda: None,
    deadline: float = FOREVER,
) -> Gate:
    return Gate(start or limiter(2), clock or HandClock(), stop=stop, deadline=deadline)


def learn(gate: Gate, answer: Answer | Fault, times: int = 1) -> None:
    for _ in range(times):
        gate.learn(answer, know(answer), generation=gate.limiter.generation)


def told(**traffic: float) -> Answer:
    return replace(DONE, traffic=Traffic(**{"date": NOW, **traffic}))  # type: ignore[arg-type]


def test_as_many_as_are_allowed_may_leave_and_the_next_when_one_is_back() -> None:
    gate = gate_of(limiter(2))

    async def run() -> list[bool]:
        entered = [await gate.enter(), await gate.enter()]
        third = asyncio.create_task(gate.enter())
        await asyncio.sleep(0)
        entered.append(third.done())
        gate.leave()
        return [*entered, await third]

    assert asyncio.run(run()) == [True, True, False, True]
    assert gate.under_way == 2


def test_who_waits_is_turned_away_when_the_gate_closes() -> None:
    gate = gate_of(limiter(1))

    async def run() -> bool:
        await gate.enter()
        waiting = asyncio.create_task(gate.enter())
        await asyncio.sleep(0)
        gate.close(Stop.BUDGET)
        return await waiting

    assert asyncio.run(run()) is False
    assert (gate.under_way, gate.stopped) == (1, Stop.BUDGET)


def test_the_first_reason_to_stop_is_the_one_that_is_told() -> None:
    gate = gate_of(stop=lambda: Stop.TERMINATED)
    gate.close(Stop.NOT_REACHED)

    assert gate.is_closed()
    assert gate.stopped is Stop.NOT_REACHED


def test_a_limit_that_is_met_lets_everybody_wait_as_long_as_the_platform_asks() -> None:
    clock = HandClock()
    gate = gate_of(limiter(8), clock)
    learn(gate, BUSY)

    assert (gate.pause, gate.limiter.allowed) == (30.0, 4)
    assert asyncio.run(gate.enter())
    assert sum(clock.slept) == 30.0


@pytest.mark.parametrize("seconds", [-5.0, 0.0, float("nan"), 301.0, float("inf")])
def test_what_nobody_can_wait_for_pauses_nothing(seconds: float) -> None:
    gate = gate_of()
    learn(gate, replace(BUSY, retry_after=seconds))

    assert gate.pause == 0.0


@pytest.mark.parametrize(("seconds", "stopped"), [(300.0, None), (3600.0, Stop.BUDGET), (float("inf"), Stop.BUDGET)])
def test_a_limit_that_asks_for_more_than_anybody_waits_ends_the_run(seconds: float, stopped: Stop | None) -> None:
    gate = gate_of()
    learn(gate, replace(BUSY, retry_after=seconds))

    assert gate.stopped is stopped


def test_a_saved_answer_that_asked_for_an_hour_yesterday_ends_no_run() -> None:
    gate = gate_of()
    learn(gate, replace(BUSY, retry_after=3600.0, traffic=Traffic(date=NOW - timedelta(days=1))))

    assert gate.stopped is None


def test_a_budget_of_which_the_free_share_is_left_pauses_until_the_window_ends() -> None:
    gate = gate_of()
    learn(gate, told(quota=100, left=20, reset=45))

    assert (gate.pause, gate.stopped) == (45.0, None)


def test_a_budget_that_comes_back_in_hours_ends_the_run() -> None:
    gate = gate_of()
    learn(gate, told(quota=100, left=20, reset=3_000))

    assert gate.stopped is Stop.BUDGET


def test_a_pause_that_outlasts_the_run_ends_it_at_once() -> None:
    gate = gate_of(deadline=40.0)
    learn(gate, told(quota=100, left=20, reset=45))

    assert gate.stopped is Stop.DEADLINE


def test_a_saved_answer_tells_nothing_of_the_present_budget() -> None:
    gate = gate_of(limiter(None))
    yesterday = NOW - timedelta(hours=20)
    learn(gate, replace(DONE, traffic=Traffic(quota=100, left=0, reset=45, limit=2, date=yesterday)))

    assert (gate.pause, gate.limiter.cap) == (0.0, 32)


def test_twenty_in_a_row_that_find_nobody_end_the_run_and_one_answer_starts_the_count_anew() -> None:
    gate = gate_of(limiter(40))
    nobody = Fault(FaultKind.NOT_SENT, "connection refused")
    learn(gate, nobody, 19)
    learn(gate, DONE)
    learn(gate, nobody, 19)
    assert not gate.is_closed()
    learn(gate, nobody)

    assert gate.stopped is Stop.NOT_REACHED


@pytest.mark.parametrize(
    ("knowledge", "allowed"),
    [
        (Again(code="c", message="m", cause=Cause.LIMIT), 4),
        (Again(code="c", message="m", cause=Cause.PASSING), 4),
        (Again(code="c", message="m", cause=Cause.NOT_SENT), 8),
        (Doubt(code="c", message="m"), 8),
        (Refusal(code="c", message="m"), 8),
    ],
)
def test_only_what_says_too_much_halves_what_may_leave(knowledge: Knowledge, allowed: int) -> None:
    gate = gate_of(limiter(8))
    gate.learn(Fault(FaultKind.LOST, ""), knowledge, generation=0)

    assert gate.limiter.allowed == allowed


def test_a_clock_that_begins_long_before_its_own_zero_holds_nobody_up() -> None:
    clock = HandClock()
    clock.advance(timedelta(days=-20_000))
    gate = gate_of(limiter(1), clock)

    assert asyncio.run(gate.enter())
    assert clock.slept == []
