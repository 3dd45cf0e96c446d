"""The real ports of one process, each step of which may be its last."""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import ParamSpec, TypeVar

from fakes import Listener
from simulation.disk import Process
from simulation.witness import Witness

from reconciler.core.outcome import Answer, Fault
from reconciler.core.run import Result
from reconciler.core.tenancy import Scope, Tenancy
from reconciler.errors import StorageError
from reconciler.ports import Regeneration, Stored, Version
from reconciler.stores.file import FileStore
from reconciler.stores.journal import AppendingFile, FileJournals
from reconciler.stores.mark import FileMark
from reconciler.zuora.client import HttpPlatform

STATE = "state.json"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_P = ParamSpec("_P")
_T = TypeVar("_T")


def _doing(process: Process, act: Callable[_P, _T], *arguments: _P.args, **named: _P.kwargs) -> _T:
    with process.disk.used_by(process):
        return act(*arguments, **named)


class WatchedStore:
    """The state file, with the witness told of each document before and after."""

    def __init__(self, folder: Path, process: Process, witness: Witness) -> None:
        self._store = FileStore(folder / STATE, name=STATE)
        self._process = process
        self._witness = witness

    @property
    def name(self) -> str:
        return STATE

    def read(self) -> Stored | None:
        return _doing(self._process, self._store.read)

    def write(self, content: bytes, *, expected: Version | None) -> Version:
        self._process.point()
        before = self._store.read()
        self._witness.reads(before.content if before else None, is_durable=False)
        self._witness.begins_to_write(content)
        try:
            with self._process.disk.used_by(self._process):
                version = self._store.write(content, expected=expected)
                self._witness.has_written(content, is_durable=True)
        except StorageError:
            left = self._store.read()
            if left is not None and left.content == content:
                self._witness.has_written(content, is_durable=False)
            raise
        return version


class WatchedMarks:
    """What this machine knows of the last state it has written."""

    def __init__(self, folder: Path, process: Process) -> None:
        self._mark = FileMark(folder / STATE)
        self._process = process

    def read(self) -> bytes | None:
        return _doing(self._process, self._mark.read)

    def write(self, content: bytes) -> None:
        _doing(self._process, self._mark.write, content)


class WatchedJournals:
    """The journals beside it."""

    def __init__(self, folder: Path, process: Process, witness: Witness) -> None:
        self._folder = folder
        self._journals = FileJournals(folder / STATE, name=STATE)
        self._process = process
        self._witness = witness

    def abandoned(self) -> Sequence[str]:
        return _doing(self._process, self._journals.abandoned)

    def read(self, name: str) -> bytes:
        return _doing(self._process, self._journals.read, name)

    def create(self, run: str, head: bytes) -> "WatchedJournal":
        with self._process.disk.used_by(self._process):
            journal = WatchedJournal(self._journals.create(run, head), self._folder, self._process, self._witness)
            self._process.at_death.append(journal.let_go)
        self._witness.shown("a journal", head)
        return journal

    def remove(self, name: str) -> None:
        content = self._journals.read(name)
        _doing(self._process, self._journals.remove, name)
        self._witness.folded[name] = content


class WatchedJournal:
    def __init__(self, journal: AppendingFile, folder: Path, process: Process, witness: Witness) -> None:
        self._journal = journal
        self._path = folder / journal.name
        self._process = process
        self._witness = witness
        self._is_open = True

    @property
    def name(self) -> str:
        return self._journal.name

    def append(self, content: bytes) -> None:
        with self._process.disk.used_by(self._process):
            self._journal.append(content)
            self._witness.finds("I11 the journal of a living run is gone", self._path.exists())
            self._witness.appended(self._process, content)

    def close(self) -> None:
        with self._process.disk.used_by(self._process):
            self.let_go()

    def let_go(self) -> None:
        """Close the file as the system does for a process that ends, perhaps within a write; that frees its lock."""
        if self._is_open:
            self._is_open = False
            os.close(self._journal._descriptor)
            self._witness.leaves_behind(self._process, self._path.read_bytes() if self._path.exists() else b"")


@dataclass
class WatchedPlatform:
    """*may_send* says whether the run has neither been asked to stop nor come to its deadline, a moment ago at most."""

    platform: HttpPlatform
    process: Process
    witness: Witness
    may_send: Callable[[], bool]

    async def authenticate(self) -> Scope:
        self.process.point()
        return await self.platform.authenticate()

    def has_token(self) -> bool:
        return self.platform.has_token()

    def use(self, tenancy: Tenancy) -> None:
        self.process.point()
        self.platform.use(tenancy)

    def server_time(self) -> datetime | None:
        return self.platform.server_time()

    async def regenerate(self, regeneration: Regeneration) -> Answer | Fault:
        self.process.point()
        self.witness.finds(f"I7 {self.process.name} sends after it had to stop", self.may_send())
        answer = await self.platform.regenerate(regeneration)
        self.process.point()
        return answer


@dataclass
class SkewedClock:
    """The machine's clock, wrong by *error* seconds; *wall* gives the right time, *monotonic* the loop's."""

    process: Process
    wall: Callable[[], float]
    monotonic_time: Callable[[], float]
    error: float
    chance: Random

    def now(self) -> datetime:
        self.process.point()
        return _EPOCH + timedelta(seconds=round(self.wall() + self.error, 6))

    def monotonic(self) -> float:
        return self.monotonic_time()

    async def sleep(self, seconds: float) -> None:
        self.process.point()
        await asyncio.sleep(seconds)
        self.process.point()

    def jitter(self) -> float:
        return self.chance.random()


class Screen(Listener):
    """Progress, shown to the witness as well: what a person sees holds no secret."""

    def __init__(self, process: Process, witness: Witness) -> None:
        super().__init__()
        self._process = process
        self._witness = witness

    def settled(self, result: Result, *, done: int, total: int) -> None:
        self._process.point()
        self._witness.shown("a result", repr(result))
        super().settled(result, done=done, total=total)
