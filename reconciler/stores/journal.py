"""Journals as files beside the state document, named after their run.

A journal is locked by its run for as long as that lives, so that nobody takes it for an abandoned one. The folder is
locked while one is made and while they are looked through, so that nobody meets one that is not locked yet.

An fsync that failed is never tried again on the same file: what the disk then holds is anybody's guess. The journal
says so and accepts nothing more.
"""

import fcntl
import os
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from reconciler.errors import StorageError
from reconciler.stores.file import let_go, locked_folder, read_regular, translated

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
            try:
                with locked_folder(self._folder):
                    found = sorted(os.listdir(self._folder))  # noqa: PTH208  (a glob of pathlib hides what fails)
                    return [name for name in found if self._is_ours(name) and _is_abandoned(self._folder / name)]
            except FileNotFoundError:
                return []

    def read(self, name: str) -> bytes:
        with translated("The journal cannot be read", name):
            return read_regular(self._folder / name) or b""

    def create(self, run: str, head: bytes) -> "AppendingFile":
        name = f"{self._prefix}{run}{_ENDING}"
        with translated("The journal cannot be made", name), locked_folder(self._folder) as folder:
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
            journal = AppendingFile(os.open(self._folder / name, flags, _OWNER_ONLY), name)
            with ExitStack() as failing:
                failing.callback(journal.close)
                journal.lock()
                journal.append(head)
                os.fsync(folder)
                failing.pop_all()
        return journal

    def remove(self, name: str) -> None:
        with translated("The journal cannot be removed", name):
            (self._folder / name).unlink(missing_ok=True)

    def _is_ours(self, name: str) -> bool:
        """A run's id has no dot; a name with more of them belongs to a state whose own name begins like ours."""
        is_journal = name.startswith(self._prefix) and name.endswith(_ENDING)
        return is_journal and "." not in name.removeprefix(self._prefix).removesuffix(_ENDING)


class AppendingFile:
    """A file that only grows. It may be closed while a thread appends: whole content or none, and never elsewhere."""

    def __init__(self, descriptor: int, name: str) -> None:
        from threading import Lock  # noqa: PLC0415  (a plan appends to none)

        self._descriptor = descriptor
        self._name = name
        self._is_broken = False
        self._in_use = Lock()

    @property
    def name(self) -> str:
        return self._name

    def lock(self) -> None:
        """Show that the run lives. The lock ends with it, however it ends."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def append(self, content: bytes) -> None:
        with self._in_use:
            if self._is_broken:
                raise StorageError(
                    "The journal is broken",
                    f"{self._name}: it is closed, or an earlier write failed. Nothing more is sent.",
                )
            self._is_broken = True
            with translated("The journal cannot be written", self._name):
                view = memoryview(content)
                while view:
                    view = view[os.write(self._descriptor, view) :]
                os.fdatasync(self._descriptor)
            self._is_broken = False

    def close(self) -> None:
        with self._in_use:
            self._is_broken = True
            let_go(self._descriptor)


def _is_abandoned(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        return True
    finally:
        let_go(descriptor)
