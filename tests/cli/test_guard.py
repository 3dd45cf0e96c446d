"""A run that a freeze catches under way stops in order: nothing more leaves, and applying again goes on."""

import argparse
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from commands import Project

from reconciler.cli.guard import guarded, until_frozen
from reconciler.cli.project import make_planned
from reconciler.cli.wiring import SystemClock, World, system_world
from reconciler.core.run import Run, Stop, exit_status

BEGINS = datetime(2026, 11, 29, tzinfo=UTC)
FREEZE = "    guardrails: {time_zone: UTC, freeze: {month_end: {last: 2}}}\n"
STATE = "    state: {file: .reconciler/local.state.json}\n"


class Clock(SystemClock):
    moment = BEGINS - timedelta(hours=1)

    def now(self) -> datetime:
        return self.moment


def test_a_freeze_stops_a_run_at_its_first_moment_and_a_signal_before(project: Project) -> None:
    project.edit("reconciler.yaml", STATE, STATE + FREEZE)
    clock = Clock()
    world: World = replace(system_world(), clock=clock)
    arguments = argparse.Namespace(project=project.folder, environment="local", only=[], excepted=[])
    planned = guarded(make_planned(arguments, world))

    stop = until_frozen(planned, world, lambda: None)

    assert planned.plan.refusals == ()
    clock.moment = BEGINS - timedelta(seconds=1)
    assert stop() is None
    clock.moment = BEGINS
    assert stop() is Stop.FREEZE
    assert until_frozen(planned, world, lambda: Stop.INTERRUPTED)() is Stop.INTERRUPTED


def test_a_run_that_a_freeze_has_stopped_ends_as_a_guardrail_does() -> None:
    assert exit_status(Run(id="r", plan_id="p", environment="local", stop=Stop.FREEZE)) == 9
