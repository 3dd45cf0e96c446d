"""A disk under the real stores, with deaths and failures at every system call that changes a file.

Real files are written (in memory, where there is such a folder); only what a crash may leave behind is made here. A
process that is killed leaves what it has written. A power cut besides takes back what was not brought to the disk: the
tail of a file that was not synced, and the latest changes of a folder that was not.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any


class Killed(BaseException):
    """The process is dead: nothing that it still wants to do happens."""


@dataclass(eq=False)
class Process:
    """One process. It dies at the point numbered *dies_at*; from the point *ails_at* on *ails_for* writes fail."""

    disk: "Disk"
    name: str
    dies_at: int | None = None
    by_power_cut: bool = False
    ails_at: int | None = None
    ails_for: int = 0
    error: int = errno.ENOSPC
    alive: bool = True
    points: int = 0
    at_death: list[Callable[[], None]] = field(default_factory=list)
    """What the system does when the process ends: it closes files and so frees locks."""

    def point(self) -> None:
        """Something is about to happen, or has. Raise Killed if it was not to live to see it."""
        if self.alive and self.points == self.dies_at:
            self.die()
        if not self.alive:
            raise Killed(self.name)
        self.points += 1

    def die(self) -> None:
        if not self.alive:
            return
        self.disk.working = None
        if self.by_power_cut:
            self.disk.cut_power()
        self.end()

    def end(self) -> None:
        self.alive = False
        while self.at_death:
            self.at_death.pop()()

    def fails_now(self) -> bool:
        if self.ails_at is None or self.points < self.ails_at or self.ails_for == 0:
            return False
        self.ails_for -= 1
        return True


@dataclass
class Disk:
    """*working* is the process whose system calls are being watched, if any."""

    chance: Random
    processes: list[Process] = field(default_factory=list)
    working: Process | None = None
    _paths: dict[int, Path] = field(default_factory=dict)
    _unsynced: dict[Path, int] = field(default_factory=dict)
    _undo: list[Callable[[], None]] = field(default_factory=list)

    def start(self, **traits: Any) -> Process:  # noqa: ANN401  - parts of a Process
        process = Process(self, **traits)
        self.processes.append(process)
        return process

    @contextmanager
    def used_by(self, process: Process) -> Iterator[None]:
        """What happens within is done by *process*."""
        process.point()
        self.working = process
        try:
            yield
            process.point()
        finally:
            self.working = None

    @property
    def is_settled(self) -> bool:
        """Whether all folders are on the disk as they are seen."""
        return not self._undo

    def cut_power(self) -> None:
        """Take back what is not on the disk, and end every process."""
        for _ in range(self.chance.randint(0, len(self._undo))):
            self._undo.pop()()
        for path, durable in self._unsynced.items():
            if path.exists() and path.stat().st_size > durable:
                os.truncate(path, self.chance.randint(durable, path.stat().st_size))
        self._undo.clear()
        self._unsynced.clear()
        for process in self.processes:
            process.end()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Stand at the system calls of this process; whatever no simulated process does goes through untouched."""
        names = ("open", "close", "write", "fsync", "fdatasync", "replace", "unlink")
        real = {name: getattr(os, name) for name in names}
        try:
            for name in names:
                setattr(os, name, self._standing_at(name, real[name]))
            yield
        finally:
            for name in names:
                setattr(os, name, real[name])

    def _standing_at(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        act = getattr(self, f"_{name}")

        def call(*arguments: Any, **named: Any) -> Any:  # noqa: ANN401  - whatever the system call takes
            if self.working is None:
                return real(*arguments, **named)
            return act(self.working, real, *arguments, **named)

        return call

    def _open(self, process: Process, real: Callable[..., int], path: Any, flags: int, mode: int = 0o777) -> int:  # noqa: ANN401
        is_new = bool(flags & os.O_CREAT) and not os.path.lexists(path)
        if is_new:
            self._may_fail(process)
        descriptor = real(path, flags, mode)
        self._paths[descriptor] = Path(path)
        if is_new:
            self._unsynced[Path(path)] = 0
            self._undo.append(lambda: Path(path).unlink(missing_ok=True))
            process.point()
        return descriptor

    def _close(self, process: Process, real: Callable[[int], None], descriptor: int) -> None:
        self._paths.pop(descriptor, None)
        real(descriptor)

    def _write(self, process: Process, real: Callable[..., int], descriptor: int, content: Any) -> int:  # noqa: ANN401
        self._unsynced.setdefault(self._paths[descriptor], os.fstat(descriptor).st_size)
        half = self.chance.randint(0, len(content))
        if process.points == process.dies_at or (process.ails_at is not None and process.points >= process.ails_at):
            real(descriptor, content[:half])
            process.point()
            self._may_fail(process)
            return half
        process.point()
        return real(descriptor, content)

    def _fsync(self, process: Process, real: Callable[[int], None], descriptor: int) -> None:
        process.point()
        self._may_fail(process)
        real(descriptor)
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            self._undo.clear()
        else:
            self._unsynced.pop(self._paths[descriptor], None)
        process.point()

    _fdatasync = _fsync

    def _replace(self, process: Process, real: Callable[..., None], source: Any, target: Any) -> None:  # noqa: ANN401
        self._may_fail(process)
        process.point()
        old = Path(target).read_bytes() if Path(target).exists() else None
        durable = self._unsynced.pop(Path(source), None)
        real(source, target)
        if durable is not None:
            self._unsynced[Path(target)] = durable
        self._undo.append(lambda: _restore(Path(target), old))
        process.point()

    def _unlink(self, process: Process, real: Callable[..., None], path: Any) -> None:  # noqa: ANN401
        process.point()
        old = Path(path).read_bytes() if Path(path).exists() else None
        real(path)
        self._unsynced.pop(Path(path), None)
        self._undo.append(lambda: _restore(Path(path), old))
        process.point()

    @staticmethod
    def _may_fail(process: Process) -> None:
        if process.fails_now():
            raise OSError(process.error, os.strerror(process.error))


def _restore(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(content)
