"""The exit status of a run: the strongest that applies."""

import pytest
from builders import lost, record

from reconciler.core.address import Address
from reconciler.core.run import CallError, Outcome, Result, Run, Stop, exit_status
from reconciler.core.selection import Action

DONE, REFUSED, DOUBT, UNDECIDED, LEFT = Outcome
ERROR = CallError("HTTP429", "slow down")


def run(
    *outcomes: Outcome,
    stop: Stop | None = None,
    error: CallError | None = None,
    spent: bool = False,
    action: Action = Action.REGENERATE,
) -> Run:
    results = tuple(
        Result(
            address=Address("a"),
            action=action,
            outcome=outcome,
            error=error,
            record=lost(record(), spent=True) if spent else None,
        )
        for outcome in outcomes
    )
    return Run(id="r", plan_id="p", environment="e", results=results, stop=stop)


TABLE = [
    (run(), 0),
    (run(DONE), 0),
    (run(DONE, REFUSED), 1),
    (run(REFUSED, LEFT), 1),
    (run(LEFT, error=ERROR), 6),
    (run(DONE, DOUBT), 6),
    (run(DOUBT, spent=True), 7),
    (run(REFUSED, DOUBT), 6),
    (run(UNDECIDED, REFUSED, DOUBT), 7),
    (run(LEFT, stop=Stop.NOT_REACHED), 6),
    (run(UNDECIDED, stop=Stop.NOT_REACHED), 7),
    (run(UNDECIDED, stop=Stop.CREDENTIALS), 8),
    (run(UNDECIDED, stop=Stop.OTHER_TENANT), 8),
    (run(DONE, stop=Stop.INTERRUPTED), 130),
    (run(LEFT, action=Action.BLOCKED), 7),
    (run(LEFT, stop=Stop.STORAGE), 6),
    (run(DONE, stop=Stop.STALE), 5),
    (run(UNDECIDED, stop=Stop.TERMINATED), 143),
]


@pytest.mark.parametrize(("finished", "status"), TABLE)
def test_the_strongest_status_wins(finished: Run, status: int) -> None:
    assert exit_status(finished) == status


def test_the_summary_counts_every_outcome() -> None:
    assert run(DONE, DONE, REFUSED).summary == {
        "done": 2,
        "refused": 1,
        "in_doubt": 0,
        "undecided": 0,
        "not_started": 0,
    }
