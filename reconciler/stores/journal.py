"""Journals as files beside the state document, named after their run.

A journal is locked by its run for as long as that lives, so that nobody takes it for an abandoned one.

An fsync that failed is never tried again on the same file: what the disk then holds is anybody's guess. The journal
says so and accepts nothing more.
"""

import fcntl
import os
from collections.abc import Sequence
from glob import escape
from pathlib import Path

from reconciler.errors import StorageError
from reconciler.stores.file import translated

_ENDING = ".journal"
_OWNER_ONLY = 0o600


class FileJournals:
    """The journals of the state document at *state*; *name* is what messages call that document."""

    def __init__(self, state: Path, *, name: str) -> None:
        target = Path(os.path.realpath(state))
        self._folder = target.parent
        self._prefix = f"{target.name}."
        self._name = name

    def abandoned(self) -> Sequence[str]:
        with translated("The journals cannot be listed", self._name):
            found = sorted(self._folder.glob(f"{escape(self._prefix)}*{_ENDING}")) if self._folder.is_dir() else []
            return [path.name for path in found if _is_abandoned(path)]

    def read(self, name: str) -> bytes:
        with translated("The journal cannot be read", name):
            try:
                return (self._folder / name).read_bytes()
            except FileNotFoundError:
                return b""

    def create(self, run: str, head: bytes) -> "AppendingFile":
        name = f"{self._prefix}{run}{_ENDING}"
        with translated("The journal cannot be made", name):
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            descriptor = os.open(self._folder / name, flags, _OWNER_ONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            journal = AppendingFile(descriptor, name)
            journal.append(head)
            _sync_folder(self._folder)
        return journal

    def remove(self, name: str) -> None:
        with translated("The journal cannot be removed", name):
            (self._folder / name).unlink(missing_ok=True)


class AppendingFile:
    def __init__(self, descriptor: int, name: str) -> None:
        self._descriptor = descriptor
        self._name = name
        self._is_broken = False

    @property
    def name(self) -> str:
        return self._name

    def append(self, content: bytes) -> None:
        if self._is_broken:
            raise StorageError("The journal is broken", f"{self._name}: an earlier write failed. Nothing more is sent.")
        self._is_broken = True
        with translated("The journal cannot be written", self._name):
            view = memoryview(content)
            while view:
                view = view[os.write(self._descriptor, view) :]
            os.fdatasync(self._descriptor)
        self._is_broken = False

    def close(self) -> None:
        os.close(self._descriptor)


def _is_abandoned(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
