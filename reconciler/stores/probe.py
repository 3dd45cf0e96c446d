"""Trying out the place of a state document: whether a file can be replaced there for good, and who is at work."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from reconciler.stores.file import let_go, translated
from reconciler.stores.lock import holder_in

_OWNER_ONLY = 0o600
_HINT = "An apply could not write its journal nor the state: mend rights, space or mount, then look again."


class FileProbe:
    """The surroundings of the state document at *state*; *name* is what messages call that document."""

    def __init__(self, state: Path, *, name: str) -> None:
        self._target = Path(os.path.realpath(state))
        self._name = name

    def prove(self) -> str:
        """Take the steps of a write with a file of our own: make, fsync, rename over another, fsync of the folder.

        In the nearest folder that is there, because a write would make those that are missing.
        """
        folder = self._target.parent
        while not folder.exists() and folder != folder.parent:
            folder = folder.parent
        own = folder / f".{self._target.name}.probe-{os.getpid()}"
        with translated("Nothing can be written beside the state", self._name, hint=_HINT):
            temporary = own.with_name(f"{own.name}.new")
            try:
                _replace(temporary, own)
                own.unlink()
            except OSError:
                for path in (own, temporary):
                    with suppress(OSError):
                        path.unlink()
                raise
        return str(folder)

    def holder(self) -> str | None:
        """Nobody is kept out but for the moment of asking."""
        path = self._target.with_name(f"{self._target.name}.lock")
        with translated("The lock cannot be read", self._name):
            try:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
            except FileNotFoundError:
                return None
            try:
                fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return holder_in(descriptor)
            else:
                return None
            finally:
                let_go(descriptor)


def _replace(temporary: Path, target: Path) -> None:
    for path in (target, temporary):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(str(path).encode(errors="surrogateescape"))
            file.flush()
            os.fsync(file.fileno())
    os.replace(temporary, target)  # noqa: PTH105  (one system call, named as such)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        let_go(folder)
