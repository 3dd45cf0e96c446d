"""``kill -9`` at random moments of a real apply of 300 changes, again and again until one ends by itself.

By default a few trials; ``KILL_TRIALS=100 KILL_SEED=7 pytest -rP tests/cli/test_kill_trials.py`` runs as many as one
likes. Seed and counts are printed; the same seed takes the same shares of the time that a whole apply takes here.
"""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from commands import TIMEOUT, Project

TRIALS = int(os.environ.get("KILL_TRIALS", "4"))
SEED = int(os.environ.get("KILL_SEED", "1"))
CHANGES = 300
SHORTEST, LONGEST = 0.2, 1.1
"""When an apply is killed, as shares of what a whole one takes here: from before its first send until after its end."""

MOST = 100
"""Kills after which a trial is left alone: a machine that has become so much slower gets nowhere."""

SLOWLY = {"version": 1, "rules": [{"name": "slow", "fault": {"kind": "latency", "seconds": 0.02, "most": 0.15}}]}
"""So that most of an apply's time is spent with calls in flight."""


@dataclass(slots=True)
class Trial:
    """What became of one project: how often it was killed, where that was, and what is wrong in the end."""

    kills: int = 0
    moments: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def prepared(folder: Path) -> Project:
    """Lanes of three versions each, before a platform that takes its time."""
    project = Project(folder)
    (folder / "local" / "corrections.yaml").unlink()
    lines = "".join(
        f"  - {{subscriptionName: A-S{n:08d}, subscriptionVersions: [1, 2, 3]}}\n" for n in range(1, CHANGES // 3 + 1)
    )
    flags = "flags: {onlyReSend: false, reMigrate: true}"
    project.write("local/q4-backfill.yaml", f"version: 1\n{flags}\nsubscriptions:\n{lines}")
    rules = project.write("slowly.json", json.dumps(SLOWLY))
    (folder / ".reconciler").mkdir()
    loaded = project.run("emulator", "faults", "load", str(rules), "--db", ".reconciler/emulator.db")
    assert loaded.status == 0, loaded.err
    return project


def whole_time(folder: Path) -> float:
    """How many seconds an apply takes that nobody kills."""
    project = prepared(folder)
    begun = time.monotonic()
    assert project.run("apply", "--yes").status == 0
    return time.monotonic() - begun


def tried(folder: Path, seed: int, whole: float) -> Trial:
    """Kill one apply after another until one ends by itself before its kill; it has to end with 0."""
    project, trial, chance = prepared(folder), Trial(), random.Random(seed)
    while (status := killed_after(delay(chance, whole, trial.kills), project)) is None:
        trial.kills += 1
        trial.moments[moment_of(project)] += 1
    if status != 0:
        trial.wrong.append(f"seed {seed}: ended {status} after {trial.kills} kills")
    trial.wrong += [f"seed {seed}: {problem}" for problem in examined(project)]
    shutil.rmtree(folder)
    return trial


def delay(chance: random.Random, whole: float, kills: int) -> float:
    return whole * chance.uniform(SHORTEST, LONGEST) if kills < MOST else TIMEOUT


def killed_after(seconds: float, project: Project) -> int | None:
    """Apply; return how it ended by itself, or None if it was killed."""
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "--yes"],
        cwd=project.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            return process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            process.kill()
    return None if process.returncode < 0 else process.returncode


def moment_of(project: Project) -> str:
    """Where a kill has hit: with a journal left, a run was sending or saving."""
    return "sending or saving" if list(project.state_file.parent.glob("*.journal")) else "before or after"


def examined(project: Project) -> Iterator[str]:
    ledger = project.ledger()
    times = Counter(effect["target"] for effect in ledger)
    if len(times) != CHANGES:
        yield f"{CHANGES - len(times)} lost"
    if len(ledger) != len(times):
        yield f"{len(ledger) - len(times)} duplicates"
    entries = [entry["applied"] for entry in project.state["entries"].values()]
    if {entry["key"]: entry["idList"] for entry in entries} != {
        effect["idempotencyKey"]: effect["idList"] for effect in ledger
    }:
        yield "the ids of the state are not those of the ledger"
    if project.run("plan", "--detailed-exitcode").status != 0:
        yield "a further plan has something to do"


@pytest.mark.timeout(120 + 60 * TRIALS)
def test_killed_at_random_moments_until_done_an_apply_loses_and_repeats_nothing(tmp_path: Path) -> None:
    whole = whole_time(tmp_path / "whole")
    seeds = [SEED * 1_000_000 + number for number in range(TRIALS)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        trials = list(pool.map(lambda seed: tried(tmp_path / str(seed), seed, whole), seeds))
    wrong = [problem for trial in trials for problem in trial.wrong]
    kills = sum(trial.kills for trial in trials)
    moments = dict(sum((trial.moments for trial in trials), Counter()))

    print(f"seed {SEED}: {TRIALS} trials, {kills} kills {moments}, {len(wrong)} wrong")  # noqa: T201
    assert kills
    assert not wrong, "\n".join(wrong)
