"""Histories by chance, each from its seed: no invariant breaks, and each seed is the same history to the letter."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from simulation.seed import simulate

TESTS = Path(__file__).resolve().parent.parent
SEEDS = int(os.environ.get("SIMULATION_SEEDS", "2000"))
SAME = range(40, 52)


def run(*arguments: str, hash_seed: str = "random") -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": hash_seed}
    command = [sys.executable, "-m", "simulation", *arguments]
    return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)


def counts(text: str) -> Mapping[str, int]:
    return {kind: int(count) for count, kind in re.findall(r"^ +(\d+)  (.+)$", text, re.MULTILINE)}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_history_breaks_an_invariant_and_together_they_meet_every_trouble() -> None:
    done = run("--seeds", str(SEEDS), "--jobs", str(os.cpu_count() or 1))
    print(done.stdout)  # noqa: T201
    met = counts(done.stdout)

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{SEEDS} seeds, 0 wrong" in done.stdout
    for trouble in (
        "killed",
        "interrupted",
        "--max-calls is reached",
        "the deadline is near",
        "the state or its journal cannot be written",
        "the platform no longer accepts the credentials",
        "the platform could not be reached",
        "StalePlan",
        "Locked",
        "WrongTenant",
        "Unreachable",
    ):
        assert met.get(trouble, 0) > 0, trouble


def test_a_seed_is_the_same_history_to_the_letter_in_every_process() -> None:
    here = [simulate(seed).digest for seed in SAME]

    for hash_seed in ("0", "1"):
        done = run("--from", str(SAME.start), "--seeds", str(len(SAME)), "--trace", hash_seed=hash_seed)
        assert re.findall(r"^digest=(\w+)$", done.stdout, re.MULTILINE) == here
    assert len(set(here)) == len(SAME)
