"""Several applies on one state, and a state that moves under an apply: keys are for safety, locks for courtesy."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest
from commands import Project

APPLY = (sys.executable, "-m", "reconciler", "apply")
CHANGES = 50
SLOW_TOKEN = {
    "version": 1,
    "rules": [
        {"name": "slow", "match": {"operation": "token"}, "times": 1, "fault": {"kind": "latency", "seconds": 2}}
    ],
}


def declare_fifty(project: Project, trigger: str) -> None:
    (project.folder / "local" / "corrections.yaml").unlink(missing_ok=True)
    lines = "".join(
        f"  - {{subscriptionName: A-S{n:08d}, subscriptionVersion: 1}}\n" for n in range(100, 100 + CHANGES)
    )
    flags = "flags: {onlyReSend: false, reMigrate: true}"
    project.write("local/q4-backfill.yaml", f"version: 1\n{flags}\ntrigger: {trigger}\nsubscriptions:\n{lines}")


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("lock", "statuses"), [("true", {0, 4}), ("false", {0})])
def test_eight_applies_at_once_have_one_effect_for_each_change_and_nobody_fails(
    project: Project, lock: str, statuses: set[int]
) -> None:
    """In a new project, and again with a state that all of them want to change."""
    for applied, trigger in enumerate(("first", "second"), start=1):
        declare_fifty(project, trigger)
        runs = [
            subprocess.Popen(
                [*APPLY, "--yes", f"--lock={lock}"],
                cwd=project.folder,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(8)
        ]
        ends = [(run.communicate(timeout=100)[1], run.returncode) for run in runs]
        effects = {effect["idempotencyKey"]: effect["idList"] for effect in project.ledger()}
        entries = [entry["applied"] for entry in project.state["entries"].values()]

        assert {status for _, status in ends} <= statuses, ends
        assert len(project.ledger()) == len(effects) == CHANGES * applied
        assert [entry["trigger"] for entry in entries] == [trigger] * CHANGES
        assert [entry["idList"] for entry in entries] == [effects[entry["key"]] for entry in entries]


def write_as_somebody_else(project: Project) -> None:
    state = project.state
    project.state_file.write_text(json.dumps({**state, "serial": state["serial"] + 1}))


@contextmanager
def applying(project: Project, *arguments: str, stdin: int = subprocess.DEVNULL) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [*APPLY, *arguments],
        cwd=project.folder,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        if process.poll() is None:
            process.kill()


def wait_for(word: str, stream: IO[str] | None) -> None:
    assert stream is not None
    assert any(line.startswith(word) for line in stream)


def test_a_state_that_moves_before_the_first_send_is_planned_again_where_nobody_was_asked(project: Project) -> None:
    project.run("apply", "--yes", "--only", "type:OrderLineItem")
    rules = project.write("slow.json", json.dumps(SLOW_TOKEN))
    project.run("emulator", "faults", "load", str(rules), "--db", ".reconciler/emulator.db")
    with applying(project, "--yes") as process:
        wait_for("Plan id", process.stdout)
        write_as_somebody_else(project)
        out, err = process.communicate(timeout=60)

    assert process.returncode == 0
    assert "Planning again" in err
    assert "Plan id" in out
    assert len(project.state["entries"]) == len(project.ledger()) == 12


def test_a_state_that_moves_under_a_plan_that_somebody_approves_is_stale_and_nothing_is_sent(project: Project) -> None:
    project.run("apply", "--yes", "--only", "type:OrderLineItem")
    before = project.ledger()
    keyboard, terminal = pty.openpty()
    with applying(project, stdin=terminal) as process:
        wait_for("Plan id", process.stdout)
        write_as_somebody_else(project)
        os.write(keyboard, b"yes\n")
        _, err = process.communicate(timeout=60)
    os.close(keyboard)
    os.close(terminal)

    assert process.returncode == 5
    assert "Stale plan" in err
    assert project.ledger() == before
