"""How long reading, planning and validating take, as ratios to yardsticks in the same run.

Run: python tests/bench/plan.py [PART ...], with the parts `start`, `yaml`, `csv`, `million`, `faults`, `saved` and
`terraform`.
"""

import gc
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from uuid import UUID

from reconciler.core.digest import digest_of
from reconciler.core.entry import Applied, CallRecord
from reconciler.core.fold import fold
from reconciler.core.plan_check import plan_violations
from reconciler.core.run import Outcome, Result
from reconciler.core.selection import EVERYTHING, Action
from reconciler.core.state import State
from reconciler.core.timestamp import Timestamp
from reconciler.engine.plan import plan_environment
from reconciler.formats.plan_document import write_plan
from reconciler.formats.plan_reader import read_plan
from reconciler.formats.state import write_state
from reconciler.workspace.folder import load_project, load_spec

ROUNDS = 7
PER_FILE = 1_000
MANY = 100_000
PROJECT = """\
version: 1
name: bench
environments:
  local: {api: {emulator: emulator.db}, specs: local, state: {file: state.json}}
"""
HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"
YARDSTICK = """
import sys, yaml
from pathlib import Path
documents = [yaml.load(path.read_bytes(), Loader=yaml.CSafeLoader) for path in sorted(Path(sys.argv[1]).glob("*.yaml"))]
"""
"""All documents at once, as a plan needs them; the collector is on."""

RESOURCES = """\
variable "calls" { default = 10000 }
resource "terraform_data" "call" {
  count = var.calls
  input = count.index
}
"""
PYTHON, TOOL = sys.executable, [sys.executable, "-m", "reconciler"]
APPLY_ALL, SAVED_PARTS = "apply-all", "saved-parts"
BARE = [PYTHON, "-c", "pass"]


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds (user and system), wall seconds and the most memory, in MB, of one process."""

    cpu: float
    wall: float
    memory: float


def measure(command: Sequence[str], folder: Path, *, status: int = 0) -> Cost:
    """Run a command that is to end with *status*. What it keeps in a cache, it keeps in *folder*."""
    cache = {"XDG_CACHE_HOME": str(folder / ".cache")}
    variables = {**os.environ, **cache, "PYTHONDONTWRITEBYTECODE": ""}  # what is installed has its bytecode
    started = time.monotonic()
    with subprocess.Popen(
        command, cwd=folder, env=variables, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, ended, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(ended)
    assert process.returncode == status, f"{command} ended with {process.returncode}"
    wall = time.monotonic() - started
    return Cost(cpu=usage.ru_utime + usage.ru_stime, wall=wall, memory=usage.ru_maxrss * 1024 / 1e6)


def compare(
    name: str,
    command: Sequence[str],
    yardstick: Sequence[str],
    folder: Path,
    *,
    rounds: int = ROUNDS,
    status: int = 0,
    other: Path | None = None,
) -> None:
    """Run both in turn, the yardstick in *other*; print the medians, and that of the ratios, pair by pair."""
    pairs = [(measure(command, folder, status=status), measure(yardstick, other or folder)) for _ in range(rounds + 1)][
        1:
    ]
    ours, theirs = (statistics.median(pair[side].cpu for pair in pairs) for side in (0, 1))
    cpu = statistics.median(a.cpu / b.cpu for a, b in pairs)
    wall = statistics.median(a.wall / b.wall for a, b in pairs)
    memory = max(a.memory for a, _ in pairs)
    print(f"{name:<52} {ours:7.3f} s {theirs:7.3f} s  cpu x{cpu:6.3f}  wall x{wall:6.3f}  {memory:5.0f} MB")


def write_project(folder: Path, declarations: int) -> None:
    """Write a project of so many declarations, half in flow and half in block style, all of them applied."""
    (folder / "local").mkdir(parents=True)
    (folder / "reconciler.yaml").write_text(PROJECT)
    for first in range(1, declarations + 1, PER_FILE):
        lines = [f"{HEAD}subscriptions:"]
        for number in range(first, min(first + PER_FILE, declarations + 1)):
            name = f"A-S{number:08d}"
            if number % 2:
                lines.append(f"  - {{subscriptionName: {name}, subscriptionVersion: 1}}")
            else:
                lines += [f"  - subscriptionName: {name}", "    subscriptionVersion: 1"]
        (folder / "local" / f"{first:07d}.yaml").write_text("\n".join(lines) + "\n")
    apply_all(folder)


def apply_all(folder: Path) -> None:
    """Write the state in a process of its own: what is measured begins with the memory of this one."""
    subprocess.run([PYTHON, __file__, APPLY_ALL, str(folder)], check=True)


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


def write_rows(folder: Path, declarations: int) -> None:
    """Write a project of one CSV file of so many rows, all of them applied."""
    (folder / "local").mkdir(parents=True)
    (folder / "reconciler.yaml").write_text(PROJECT)
    (folder / "local" / "rows.yaml").write_text(f"{HEAD}sources:\n  - {{csv: rows.csv, type: Subscription}}\n")
    rows = "".join(f"A-S{number:08d},1\n" for number in range(1, declarations + 1))
    (folder / "local" / "rows.csv").write_text(f"subscriptionName,subscriptionVersion\n{rows}")
    apply_all(folder)


def check(folder: Path, declarations: int) -> None:
    """See that a plan finds all of them, and nothing to do."""
    told = subprocess.check_output([*TOOL, "plan", "--json", "--no-cache"], cwd=folder)
    assert json.loads(told)["summary"] == {**dict.fromkeys(json.loads(told)["summary"], 0), "unchanged": declarations}


PLAN = [*TOOL, "plan", "--detailed-exitcode"]
COLD = [*PLAN, "--no-cache"]


def start(top: Path) -> None:
    compare("--version / python -c pass", [*TOOL, "--version"], BARE, top)
    write_project(top / "ten", 10)
    compare("plan of 10 / python -c pass", PLAN, BARE, top / "ten")


def yaml(top: Path) -> None:
    for declarations in (1_000, 10_000, MANY):
        folder = top / str(declarations)
        write_project(folder, declarations)
        check(folder, declarations)
        loading = [PYTHON, "-c", YARDSTICK, str(folder / "local")]
        compare(f"cold plan of {declarations:,} / yaml.load(CSafeLoader)", COLD, loading, folder)
        compare(f"warm plan of {declarations:,} / yaml.load(CSafeLoader)", PLAN, loading, folder)


def csv(top: Path) -> None:
    folder, rows = top / "files", top / "rows"
    write_project(folder, MANY)
    write_rows(rows, MANY)
    check(rows, MANY)
    loading = [PYTHON, "-c", YARDSTICK, str(folder / "local")]
    compare(f"cold plan of {MANY:,} CSV rows / yaml.load(CSafeLoader)", COLD, loading, rows)


def million(top: Path) -> None:
    write_rows(top / "few", MANY)
    write_rows(top / "many", 10 * MANY)
    check(top / "many", 10 * MANY)
    name = f"cold plan of {10 * MANY:,} CSV rows / of {MANY:,}"
    compare(name, COLD, COLD, top / "many", other=top / "few", rounds=3)


def faults(top: Path) -> None:
    """Validate 10,000 declarations, of which 100 have a fault."""
    validate = [*TOOL, "validate", "--max", "1000"]
    whole, faulty = top / "whole", top / "faulty"
    write_project(whole, 10_000)
    write_project(faulty, 10_000)
    for path in sorted((faulty / "local").iterdir()):
        path.write_text(path.read_text().replace("01, subscriptionVersion: 1}", "01, subscriptionVersion: 0}"))
    told = subprocess.run([*validate, "--format", "json"], cwd=faulty, capture_output=True, text=True, check=False)
    assert len(json.loads(told.stdout)["diagnostics"]) == 100
    compare("validate 10,000 with 100 faults / without", validate, validate, faulty, status=3, other=whole)


def saved(top: Path) -> None:
    """What a saved plan of 100,000 calls costs besides planning them: to write it, to read it, to check it."""
    write_rows(top, MANY)
    for path in top.glob("state.json*"):
        path.unlink()
    parts = [
        subprocess.run([PYTHON, __file__, SAVED_PARTS, str(top)], check=True, capture_output=True) for _ in range(3)
    ]
    write, read, check_, size = (
        statistics.median(column) for column in zip(*(map(float, p.stdout.split()) for p in parts), strict=True)
    )
    planning = statistics.median(measure(COLD, top, status=2).cpu for _ in range(3))
    whole = f"{MANY:,} calls saved, read and checked / planned"
    print(
        f"{whole:<52} {write + read + check_:7.3f} s {planning:7.3f} s  cpu x{(write + read + check_) / planning:6.3f}"
    )
    print(f"  write {write:.3f} s, read {read:.3f} s, check {check_:.3f} s; the document has {size / 1e6:.1f} MB")


def saved_parts(folder: Path) -> tuple[float, ...]:
    """Return the CPU seconds of writing, reading and checking the plan of *folder*, and the document's bytes."""
    project, now = load_project(folder), datetime(2026, 11, 22, 12, tzinfo=UTC)
    spec = load_spec(folder, project.environments["local"])
    plan = plan_environment(project, project.environments["local"], spec, None, now=now, selection=EVERYTHING)
    assert len(plan.calls) == MANY
    assert plan.id
    gc.freeze()
    gc.disable()
    times = [time.process_time()]
    content = write_plan(plan, made=now)
    times.append(time.process_time())
    read = read_plan(content, "plan.json")
    times.append(time.process_time())
    assert plan_violations(plan, spec, None, now) == ()
    times.append(time.process_time())
    assert read.id == plan.id
    return (*(after - before for before, after in pairwise(times)), len(content))


def terraform(top: Path) -> None:
    binary = shutil.which("terraform")
    if binary is None:
        print("terraform is not on the PATH: not compared")
        return
    other = top / "terraform"
    other.mkdir()
    (other / "main.tf").write_text(RESOURCES)
    subprocess.run([binary, "init"], cwd=other, check=True, capture_output=True)
    one = [binary, "apply", "-auto-approve", "-input=false", "-var", "calls=1"]
    subprocess.run(one, cwd=other, check=True, capture_output=True)
    multiply_instances(other / "terraform.tfstate", 10_000)
    write_project(top / "ours", 10_000)
    planning = [
        binary,
        "plan",
        "-input=false",
        "-detailed-exitcode",
    ]  # which ends with 0 only if there is nothing to do
    name = "plan of 10,000 / terraform plan of 10,000"
    compare(f"warm {name}", PLAN, planning, top / "ours", other=other, rounds=1)


def multiply_instances(path: Path, count: int) -> None:
    """Write into the state *path* so many instances like the one that it has: to apply them takes minutes."""
    state = json.loads(path.read_text())
    (resource,) = state["resources"]
    (one,) = resource["instances"]

    def instance(number: int) -> dict[str, object]:
        value = {"value": number, "type": "number"}
        own = {"id": str(UUID(int=number)), "input": value, "output": value}
        return {**one, "index_key": number, "attributes": {**one["attributes"], **own}}

    resource["instances"] = [*map(instance, range(count))]
    path.write_text(json.dumps(state))


PARTS = {each.__name__: each for each in (start, yaml, csv, million, faults, saved, terraform)}


def main() -> None:
    if sys.argv[1:2] == [APPLY_ALL]:
        folder = Path(sys.argv[2])
        (folder / "state.json").write_bytes(applied_state(folder))
        return
    if sys.argv[1:2] == [SAVED_PARTS]:
        print(*saved_parts(Path(sys.argv[2])))
        return
    print(f"{'medians of pairs, each a process':<52} {'ours':>9} {'yardstick':>9}")
    for part in sys.argv[1:] or PARTS:
        with tempfile.TemporaryDirectory() as top:
            PARTS[part](Path(top))


if __name__ == "__main__":
    main()
