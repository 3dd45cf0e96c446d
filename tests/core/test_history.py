"""The history of runs: what counts for a day, and a chain that notices a rewritten past."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, A, B, applied, lost, record, refused, state_of, subscription

from reconciler.core.address import format_address
from reconciler.core.entry import Applied, Refused, Unsettled
from reconciler.core.fold import broken_run, finished_run
from reconciler.core.history import RunRecord, broken_link, calls_since, remigrate_since, with_run
from reconciler.core.journal import Opened
from reconciler.core.run import Outcome, Result
from reconciler.core.selection import Action
from reconciler.core.timestamp import timestamp
from reconciler.formats.state import read_state, write_state

AT = timestamp(NOW)
OPENED = Opened(run="r1", plan_id="p1-x", environment="local", lineage="l", epoch=0, tenant=None, entity=None, at=AT)
RUN = RunRecord(
    run="r1", plan_id="p1-x", began=AT, ended=None, who=None, commit=None, calls=3, done=3, refused=0, in_doubt=0
)


def results() -> list[Result]:
    """One Done and one doubt with reMigrate, one refusal without, and one that nothing was sent for."""
    found: dict[int, tuple[Outcome, Applied | Refused | Unsettled | None]] = {
        1: (Outcome.DONE, applied(record(flags=A))),
        2: (Outcome.IN_DOUBT, lost(record(flags=A))),
        3: (Outcome.REFUSED, refused(record(flags=B))),
        4: (Outcome.NOT_STARTED, None),
    }
    return [
        Result(address=format_address(subscription(version)), action=Action.REGENERATE, outcome=outcome, record=known)
        for version, (outcome, known) in found.items()
    ]


def test_a_run_counts_its_calls_with_remigrate_whether_it_ended_or_broke_off() -> None:
    ended, broken = finished_run(OPENED, results(), results(), AT), broken_run(OPENED, results())

    assert (ended.calls, ended.remigrate, ended.not_started) == (3, 2, 1)
    assert (broken.calls, broken.remigrate, broken.ended) == (3, 2, None)


def test_a_day_counts_calls_and_those_with_remigrate() -> None:
    history = [replace(RUN, run=f"r{age}", began=timestamp(NOW - timedelta(hours=age)), remigrate=1) for age in (1, 30)]

    assert calls_since(history, NOW, timedelta(days=1)) == 3
    assert remigrate_since(history, NOW, timedelta(days=1)) == 1


def test_a_field_that_a_record_does_not_use_leaves_its_link_as_it_is() -> None:
    """So that a later version may add one: the links of the past stay right."""
    (old,) = with_run((), RUN)

    assert old.link == "434b194ef77163c0cea5d356eb6976ac2a38a329e62c568f1d2be9905dbd21a2"
    assert with_run((), replace(RUN, remigrate=0, guardrails=()))[0].link == old.link


@pytest.mark.parametrize(
    "changed", [{"remigrate": 1}, {"guardrails": ("max_calls 1",)}, {"left": 0}, {"calls": 2}, {"who": "ann"}]
)
def test_whatever_a_record_says_is_in_its_link(changed: dict[str, object]) -> None:
    (honest,) = with_run((), RUN)

    assert broken_link([honest]) is None
    assert broken_link([replace(honest, **changed)]) is not None  # type: ignore[arg-type]


def test_a_record_is_written_and_read_back_as_it_was() -> None:
    told = replace(RUN, remigrate=2, guardrails=("max_calls 500", "max_calls lifted for *: REV-1"), left=0)
    state = replace(state_of({}), history=with_run((), told))

    assert read_state(write_state(state), "s", environment="local").history == state.history
