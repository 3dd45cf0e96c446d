"""How long a plan with nothing to do takes, as ratios to yardsticks in the same run. Run: python tests/bench/plan.py"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.digest import digest_of
from reconciler.core.entry import Applied, CallRecord
from reconciler.core.fold import fold
from reconciler.core.run import Outcome, Result
from reconciler.core.selection import Action
from reconciler.core.state import State
from reconciler.core.timestamp import Timestamp
from reconciler.formats.state import write_state
from reconciler.workspace.folder import load_project, load_spec

ROUNDS = 7
PER_FILE = 1_000
PROJECT = """\
version: 1
name: bench
environments:
  local: {api: {emulator: emulator.db}, specs: local, state: {file: state.json}}
"""
YARDSTICK = """
import sys, yaml
from pathlib import Path
for path in sorted(Path(sys.argv[1]).glob("*.yaml")):
    yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader)
"""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds (user and system) and wall seconds of one process."""

    cpu: float
    wall: float


def measure(command: Sequence[str], folder: Path) -> Cost:
    variables = {**os.environ, "PYTHONDONTWRITEBYTECODE": ""}  # what is installed has its bytecode
    started = time.monotonic()
    with subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{command} ended with {process.returncode}"
    return Cost(cpu=usage.ru_utime + usage.ru_stime, wall=time.monotonic() - started)


def compare(name: str, command: Sequence[str], yardstick: Sequence[str], folder: Path) -> None:
    """Run both in turn, print the medians and the median of the ratios, pair by pair."""
    pairs = [(measure(command, folder), measure(yardstick, folder)) for _ in range(ROUNDS + 1)][1:]
    ours, theirs = (statistics.median(pair[side].cpu for pair in pairs) for side in (0, 1))
    cpu = statistics.median(a.cpu / b.cpu for a, b in pairs)
    wall = statistics.median(a.wall / b.wall for a, b in pairs)
    print(f"{name:<44} {ours:7.3f} s {theirs:7.3f} s   cpu x{cpu:5.2f}   wall x{wall:5.2f}")


def write_project(folder: Path, declarations: int) -> None:
    """Write a project of so many declarations, half in flow and half in block style, all of them applied."""
    (folder / "local").mkdir(parents=True)
    (folder / "reconciler.yaml").write_text(PROJECT)
    for first in range(1, declarations + 1, PER_FILE):
        lines = ["version: 1", "flags: {onlyReSend: false, reMigrate: true}", "subscriptions:"]
        for number in range(first, min(first + PER_FILE, declarations + 1)):
            name = f"A-S{number:08d}"
            if number % 2:
                lines.append(f"  - {{subscriptionName: {name}, subscriptionVersion: 1}}")
            else:
                lines += [f"  - subscriptionName: {name}", "    subscriptionVersion: 1"]
        (folder / "local" / f"{first:07d}.yaml").write_text("\n".join(lines) + "\n")
    (folder / "state.json").write_bytes(applied_state(folder))


def applied_state(folder: Path) -> bytes:
    spec = load_spec(folder, load_project(folder).environments["local"])
    now = Timestamp("2026-11-22T12:00:00Z")
    results = [
        Result(
            address=each.address,
            action=Action.REGENERATE,
            outcome=Outcome.DONE,
            record=Applied(
                call=CallRecord(
                    number=0,
                    digest=digest_of(each),
                    flags=each.flags,
                    trigger=None,
                    key="k1-" + "0" * 64,
                    sent=now,
                    run="20261122T120000Z-00000000",
                ),
                at=now,
                id_list=("2c9890508ad035db018ad0d8d1685fef",),
                request_id="2bc5632d-6086-4a84-88a3-3f3b348e059b",
            ),
        )
        for each in spec.declarations.values()
    ]
    return write_state(fold(State(environment="local", lineage="bench", entries={}), results, tenant=None, entity=None))


def main() -> None:
    python, tool = sys.executable, [sys.executable, "-m", "reconciler"]
    print(f"{'median of ' + str(ROUNDS) + ' pairs':<44} {'ours':>9} {'yardstick':>9}")
    with tempfile.TemporaryDirectory() as top:
        bare = [python, "-c", "pass"]
        compare("--version / python -c pass", [*tool, "--version"], bare, Path(top))
        for declarations in (10, 1_000, 10_000):
            folder = Path(top, str(declarations))
            write_project(folder, declarations)
            plan = [*tool, "plan", "--detailed-exitcode"]
            if declarations == 10:
                compare("plan of 10 / python -c pass", plan, bare, folder)
                continue
            loading = [python, "-c", YARDSTICK, str(folder / "local")]
            compare(f"plan of {declarations:,} / yaml.load(CSafeLoader)", plan, loading, folder)
            size = json.loads(subprocess.check_output([*tool, "plan", "--json"], cwd=folder))["summary"]["unchanged"]
            assert size == declarations


if __name__ == "__main__":
    main()
