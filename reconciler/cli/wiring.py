"""The only place with the real clock, environment, chance and standard streams."""

import hashlib
import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from reconciler.cli.console import Console, standard_console
from reconciler.core.environment import Environment
from reconciler.core.timestamp import timestamp
from reconciler.stores.journal import FileJournals

_JOB_ADDRESSES = (
    "{CI_JOB_URL}",
    "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
    "{BUILDKITE_BUILD_URL}",
    "{CIRCLE_BUILD_URL}",
    "{BUILD_URL}",
)
"""How the address of a job is made of a CI system's variables: GitLab, GitHub, Buildkite, CircleCI, Jenkins."""


_ACTORS = ("GITHUB_ACTOR", "GITLAB_USER_LOGIN", "BUILDKITE_BUILD_CREATOR", "CIRCLE_USERNAME", "USER", "LOGNAME")
"""Variables that name whoever has started a job, or is logged in."""


def job_address(variables: Mapping[str, str]) -> str | None:
    """Return where the job that this process is part of can be looked at, or None."""
    for form in _JOB_ADDRESSES:
        try:
            address = form.format_map(variables)
        except KeyError:
            continue
        if address.startswith(("https://", "http://")):
            return address
    return None


def _monotonic() -> float:
    """Return seconds that never go back and go on while the machine sleeps: keys age meanwhile."""
    return time.clock_gettime(_CLOCK)


_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""Linux stops CLOCK_MONOTONIC in a suspended machine; elsewhere it goes on."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return _monotonic()

    async def sleep(self, seconds: float) -> None:
        import asyncio  # noqa: PLC0415  (only an apply sleeps; a plan does not pay for it)

        await asyncio.sleep(seconds)

    def jitter(self) -> float:
        import random  # noqa: PLC0415  (only a retry needs it, and it seeds itself from the system)

        return random.random()  # noqa: S311  (to spread retries, not to keep secrets)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """The process's surroundings, as commands see them."""

    console: Console
    variables: Mapping[str, str]
    here: Path
    clock: SystemClock
    is_interactive: bool
    ask: Callable[[str], str]
    monotonic: Callable[[], float] = _monotonic
    unix_time: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def identity(self) -> Mapping[str, str]:
        """Return who is at work here, for whoever meets our lock. No variable but CI's own address of a job is told."""
        job = job_address(self.variables)
        return {
            "who": self._who(),
            "host": os.uname().nodename,
            "pid": str(os.getpid()),
            "command": " ".join(["reconciler", *sys.argv[1:]])[:200],
            "since": timestamp(self.clock.now()),
            **({"job": job} if job else {}),
        }

    def _who(self) -> str:
        """Return who has started this, as CI or the system tells."""
        for name in _ACTORS:
            if self.variables.get(name):
                return self.variables[name]
        import pwd  # noqa: PLC0415  (only what writes or locks says who does)

        try:
            return pwd.getpwuid(os.getuid()).pw_name
        except KeyError:
            return "unknown"

    def machine(self) -> str:
        """Return a name for this machine that tells it from others, and nothing else."""
        return hashlib.sha256(os.uname().nodename.encode()).hexdigest()[:8]

    def new_id(self) -> str:
        import uuid  # noqa: PLC0415  (only what writes makes new ids; a plan does not pay for it)

        return str(uuid.uuid4())

    def new_run(self) -> str:
        """Return a run id that sorts by time and is unique: ``20261122T100000Z-9f86d081``."""
        moment = timestamp(self.clock.now()).replace("-", "").replace(":", "")
        return f"{moment}-{self.new_id()[:8]}"


def system_world() -> World:
    _open_missing_streams()
    variables = dict(os.environ)
    return World(
        console=standard_console(variables),
        variables=variables,
        here=_here(),
        clock=SystemClock(),
        is_interactive=sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None,
        ask=_ask,
    )


def _here() -> Path:
    """Return the folder this runs in; one that was removed meanwhile has no path, and nothing is found in it."""
    try:
        return Path.cwd()
    except OSError:
        return Path()


def _open_missing_streams() -> None:
    """Give closed standard streams somewhere to go, or the next file opened would take their place and their text."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def open_journals(folder: Path, environment: Environment) -> FileJournals:
    return FileJournals(folder / environment.state_file, name=environment.state_file)


def _ask(question: str) -> str:
    """Ask on stderr, so that stdout stays data; the end of input is an empty answer."""
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip()
