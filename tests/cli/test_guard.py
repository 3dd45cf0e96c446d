"""Guardrails go by the platform's clock, whatever the machine's says: judged again after the token is there."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGTERM, getsignal, signal

import pytest
from commands import Project
from two_tenants import TWO, state_of, with_production

from reconciler.cli.main import run_in
from reconciler.cli.wiring import SystemClock, system_world
from reconciler.core.run import Run, Stop, exit_status
from reconciler.errors import GuardrailError

FROZEN = datetime(2026, 11, 29, 12, tzinfo=UTC)
STATE = "    state: {file: .reconciler/local.state.json}\n"
FREEZE = 'freeze: {periods: [{from: "2026-11-29", to: "2026-11-30", reason: close of the books}]}'
HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\ntrigger: first\ndynamicUsageCharges:\n"
DAYS = timedelta(days=3)


@dataclass
class Clock(SystemClock):
    """The machine's clock, *ahead* of the platform's; each look that the platform takes at its own takes *pace*."""

    platform: datetime
    ahead: timedelta = timedelta()
    pace: timedelta = timedelta()

    def now(self) -> datetime:
        return self.platform + self.ahead

    def unix_time(self) -> float:
        self.platform += self.pace
        return self.platform.timestamp()

    def monotonic(self) -> float:
        return self.platform.timestamp()


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    before = getsignal(SIGTERM)
    yield
    signal(SIGTERM, before)


@pytest.fixture
def apply(project: Project, tmp_path: Path) -> Callable[..., int]:
    """An apply in this process, by a clock of its own; the emulator of the environment is the platform."""

    def run(clock: Clock, *arguments: str) -> int:
        world = replace(
            system_world(), clock=clock, unix_time=clock.unix_time, monotonic=clock.monotonic, here=project.folder
        )
        return run_in(world, ["apply", "--yes", *arguments])

    return run


def declare(project: Project, *rules: str, count: int = 4) -> None:
    """Declare *count* charges in the environment local, kept within *rules*."""
    (project.folder / "local/corrections.yaml").unlink()
    lines = "".join(f"  - {{chargeNumber: C-{number:08}}}\n" for number in range(1, count + 1))
    project.write("local/q4-backfill.yaml", HEAD + lines)
    guardrails = "".join(f"      {rule}\n" for rule in rules)
    project.edit("reconciler.yaml", STATE, f"{STATE}    guardrails:\n{guardrails}")


@pytest.mark.parametrize("ahead", [DAYS, -DAYS])
def test_a_machine_whose_clock_is_wrong_sends_nothing_in_a_freeze(
    project: Project, apply: Callable[..., int], ahead: timedelta
) -> None:
    declare(project, "time_zone: UTC", FREEZE)

    with pytest.raises(GuardrailError) as refused:
        apply(Clock(FROZEN, ahead))

    assert refused.value.detail == (
        "At 2026-11-29T12:00:00Z, by the platform's clock: freeze: it is 2026-11-29 in UTC, and nothing is sent from "
        "2026-11-29 to 2026-11-30 (close of the books). Nothing was sent."
    )
    assert project.ledger() == []
    assert not project.state_file.exists()


def test_a_day_is_24_hours_of_the_platform(project: Project, apply: Callable[..., int]) -> None:
    declare(project, "max_calls_per_day: 2")
    assert apply(Clock(FROZEN), "--only", "*[12]") == 0

    with pytest.raises(GuardrailError) as refused:
        apply(Clock(FROZEN, DAYS), "--only", "*[34]")

    assert "max_calls_per_day: 2 calls in this plan after 2 in the last 24 h, and 2 are allowed" in refused.value.detail
    assert len(project.ledger()) == 2


def test_a_machine_that_is_known_to_go_wrong_is_right_before_the_token_already(
    project: Project, apply: Callable[..., int]
) -> None:
    declare(project, "max_calls_per_day: 2")
    assert apply(Clock(FROZEN, DAYS), "--only", "*[12]") == 0

    with pytest.raises(GuardrailError) as refused:
        apply(Clock(FROZEN, DAYS), "--only", "*[34]")

    assert refused.value.detail.startswith("max_calls_per_day: 2 calls in this plan after 2 in the last 24 h")


def test_a_proof_that_is_not_ripe_by_the_platform_s_clock_proves_nothing(
    project: Project, apply: Callable[..., int]
) -> None:
    with_production(project, "{environment: sandbox, accept_emulator: true, soak: 2d}")
    assert apply(Clock(FROZEN), "-e", "sandbox") == 0

    with pytest.raises(GuardrailError) as refused:
        apply(Clock(FROZEN, DAYS), "-e", "production")

    assert refused.value.detail.startswith(
        "At 2026-11-29T12:00:00Z, by the platform's clock: promotes_from: 2 of 2 new calls not proven in sandbox: "
    )
    assert "and counts from 2026-12-01T12:00:00Z on" in refused.value.detail
    assert not (project.folder / "state/production.json").exists()
    assert apply(Clock(FROZEN + DAYS), "-e", "production") == 0
    assert len(state_of(project, "production")["entries"]) == TWO.count("subscriptionName")


def test_a_run_stops_when_a_freeze_begins_by_the_platform_s_clock(
    project: Project, apply: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """The machine is three days behind. It is a minute before midnight, and each call takes more than a second."""
    declare(project, "time_zone: UTC", FREEZE, count=60)
    midnight = FROZEN.replace(hour=0)
    clock = Clock(midnight - timedelta(minutes=1), -DAYS, timedelta(seconds=1))

    status = apply(clock, "--concurrency", "1")

    assert status == 9
    out = capsys.readouterr().out
    assert "Stopped: a freeze of the environment has begun." in out
    assert "What was not started stays planned: apply again when the freeze is over." in out
    assert 0 < len(project.ledger()) < 60
    assert midnight <= clock.platform < midnight + timedelta(seconds=10)


def test_a_run_that_a_freeze_has_stopped_ends_as_a_guardrail_does() -> None:
    assert exit_status(Run(id="r", plan_id="p", environment="local", stop=Stop.FREEZE)) == 9
