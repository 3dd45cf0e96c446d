"""Lets system calls of a real `reconciler apply` fail, one at a time, by ``strace``'s fault injection.

The process is the tool itself but for two things, without which a system call would not have the same number in each
run: its run has a fixed name, and what it gives to threads is run in place.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from commands import TIMEOUT, Ended

PROGRAM = """
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from reconciler.__main__ import main
from reconciler.cli.wiring import World

def submit(self, act, /, *arguments, **named):
    done = Future()
    try:
        done.set_result(act(*arguments, **named))
    except Exception as error:
        done.set_exception(error)
    return done

ThreadPoolExecutor.submit = submit
World.new_run = lambda self: "%s"
sys.exit(main())
"""
RUN, EARLIER_RUN = "run-1", "run-0"
INJECTED = "(INJECTED)"
BY_FILTER = "--seccomp-bpf"
"""Stop at traced calls only, which is faster; signals cannot be injected then."""


@cache
def missing() -> str:
    """Why nothing can be traced here, or an empty text."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    tried = subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "this process may not trace others"


@dataclass(frozen=True, slots=True)
class Point:
    """The *number*-th (from 1) call of *name* that touches a file of the state; *role* says which."""

    name: str
    number: int
    role: str

    def __str__(self) -> str:
        return f"{self.name} {self.number} of the {self.role}"


@dataclass(frozen=True, slots=True)
class Disk:
    """The files of one state document, in the folder *folder* that nothing else uses."""

    folder: Path
    state: str

    @property
    def roles(self) -> dict[str, Path]:
        return {
            "state": self.folder / self.state,
            "temporary file": self.folder / f".{self.state}.new",
            "lock": self.folder / f"{self.state}.lock",
            "journal": self.folder / f"{self.state}.{RUN}.journal",
            "earlier journal": self.folder / f"{self.state}.{EARLIER_RUN}.journal",
            "mark": self.folder / f"{self.state}.mark",
            "mark's temporary file": self.folder / f".{self.state}.mark.new",
            "folder": self.folder,
        }

    def role_in(self, line: str) -> str:
        """Which file a line of a trace is about: the last that it names, as a rename is about where it leads."""
        places = {role: max(line.rfind(f'"{path}"'), line.rfind(f"<{path}>")) for role, path in self.roles.items()}
        return max(places, key=lambda role: places[role])


def points_of(cwd: Path, disk: Disk) -> list[Point]:
    """Apply without a fault, and return every call that touches *disk*, in order.

    All but closing the folder: Linux lets go of a descriptor and its lock even where closing fails; a call that is only
    said to have failed does not, and the process would wait for its own lock.
    """
    ended, lines = traced(cwd, disk, [BY_FILTER, "-e", "trace=%file,%desc"])
    assert ended.status == 0, ended.err
    numbers = Counter[str]()
    found = []
    for line in lines:
        name = _name_of(line)
        numbers[name] += 1
        found.append(Point(name, numbers[name], disk.role_in(line)))
    return [point for point in found if (point.name, point.role) != ("close", "folder")]


def fail_at(cwd: Path, disk: Disk, point: Point, error: str) -> Ended:
    """Apply, with *error* in place of what the system would do at *point*."""
    inject = f"inject={point.name}:error={error}:when={point.number}"
    ended, lines = traced(cwd, disk, [BY_FILTER, "-e", f"trace={point.name}", "-e", inject])
    hit = [line for line in lines if line.endswith(INJECTED)]
    assert [disk.role_in(line) for line in hit] == [point.role], f"{point} was not met: {hit}"
    return ended


def kill_at(cwd: Path, disk: Disk, point: Point) -> None:
    """Apply under the name of the earlier run, killed before *point*."""
    inject = f"inject={point.name}:signal=KILL:when={point.number}"
    ended, _ = traced(cwd, disk, ["-e", f"trace={point.name}", "-e", inject], run=EARLIER_RUN)
    assert ended.status == -signal.SIGKILL


def traced(cwd: Path, disk: Disk, options: Sequence[str], *, run: str = RUN) -> tuple[Ended, list[str]]:
    """Apply under strace; return how it ended and the lines of the calls that touch *disk*."""
    log = cwd / "trace.log"
    paths = [each for path in disk.roles.values() for each in ("-P", str(path))]
    done = subprocess.run(
        [
            *("strace", "-f", "-qqq", "-y", "-s", "0", "-o", str(log), *paths, *options),
            *(sys.executable, "-c", PROGRAM % run, "apply", "--yes"),
        ],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    lines = [line.rstrip() for line in log.read_text().splitlines() if _name_of(line)]
    return Ended(done.returncode, done.stdout, done.stderr), lines


def _name_of(line: str) -> str:
    """The name of the call in a line of a trace; empty for signals and exits."""
    found = re.match(r"\d+ +(\w+)\(", line)
    return found.group(1) if found else ""
