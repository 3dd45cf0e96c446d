"""Runs the tool as a user does: as a process, on a copy of `specs/`."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.emulator.database import open_database
from reconciler.emulator.fault_rules import load_faults

REPOSITORY = Path(__file__).resolve().parent.parent
TIMEOUT = 60


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:  # noqa: ANN401  (JSON)
        return json.loads(self.out)


class Project:
    """A copy of `specs/` in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(REPOSITORY / "specs", folder, ignore=shutil.ignore_patterns(".reconciler", "state"))

    def run(self, *arguments: str, variables: Mapping[str, str] | None = None, cwd: Path | None = None) -> Ended:
        return run(*arguments, variables=variables, cwd=cwd or self.folder)

    def edit(self, path: str, before: str, after: str) -> None:
        text = (self.folder / path).read_text()
        assert before in text
        (self.folder / path).write_text(text.replace(before, after))

    def write(self, path: str, text: str) -> Path:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
        return target

    def rehearse(self, *rules: dict[str, object]) -> None:
        """Let the emulator of the environment `local` misbehave by these rules, and by no others."""
        database = str(self.folder / ".reconciler" / "emulator.db")
        open_database(database).close()
        load_faults(database, {"version": 1, "rules": list(rules)})

    @property
    def state_file(self) -> Path:
        return self.folder / ".reconciler" / "local.state.json"

    @property
    def state(self) -> Any:  # noqa: ANN401  (JSON)
        return json.loads(self.state_file.read_bytes())

    def ledger(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.run("emulator", "ledger", "--json").document
        return found


def refuse(target: str) -> dict[str, object]:
    """A rule by which every call for *target* is refused for good."""
    return {"name": "no", "match": {"target": target}, "fault": {"kind": "business", "category": 40}}


def run(*arguments: str, variables: Mapping[str, str] | None = None, cwd: Path) -> Ended:
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=cwd,
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
