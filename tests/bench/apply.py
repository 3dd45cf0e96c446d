"""How long an apply of 1,000 changes takes, journal on, 40 in flight, as a ratio to the latency floor.

Run: PYTHONPATH=tests python -m bench.apply. The floor is 1,000 / 40 x latency; start-up and plan are taken off
by an apply with nothing to do.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bench.transport import serving

CALLS, IN_FLIGHT, ROUNDS = 1_000, 40, 3
PROJECT = """\
version: 1
name: bench
environments:
  bench:
    api: {base_url: "%s", credentials: {client_id: {env: BENCH}, client_secret: {env: BENCH}}}
    specs: bench
    state: {file: state.json}
"""


def write_project(folder: Path, url: str) -> None:
    (folder / "bench").mkdir(parents=True)
    (folder / "reconciler.yaml").write_text(PROJECT % url)
    lines = ["version: 1", "flags: {onlyReSend: false, reMigrate: true}", "subscriptions:"]
    lines += [f"  - {{subscriptionName: A-S{number:08d}, subscriptionVersion: 1}}" for number in range(1, CALLS + 1)]
    (folder / "bench" / "all.yaml").write_text("\n".join(lines) + "\n")


def apply(folder: Path, *arguments: str) -> tuple[float, float]:
    """Return wall and CPU seconds of one apply."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "reconciler", "apply", "--yes", "--concurrency", str(IN_FLIGHT), *arguments]
    variables = {**os.environ, "BENCH": "bench"}
    subprocess.run(command, cwd=folder, env=variables, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.perf_counter() - started, cpu


def main() -> None:
    for seconds in (0.05, 0.0):
        with tempfile.TemporaryDirectory() as top, serving(seconds) as url:
            measured = []
            for round_ in range(ROUNDS):
                folder = Path(top, str(round_))
                write_project(folder, url)
                wall, cpu = apply(folder)
                idle_wall, idle_cpu = apply(folder)
                measured.append((wall, wall - idle_wall, (cpu - idle_cpu) / CALLS * 1000))
            wall, net, each = sorted(measured)[ROUNDS // 2]
            floor = CALLS / IN_FLIGHT * seconds
            ratio = f", {net / floor:4.2f} x the floor without start-up" if floor else ""
            print(
                f"{seconds * 1000:3.0f} ms: {wall:5.2f} s, {CALLS / net:5.0f} calls/s, {each:4.2f} ms CPU a call{ratio}"
            )


if __name__ == "__main__":
    main()
