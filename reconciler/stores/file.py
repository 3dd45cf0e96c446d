"""The state document as a file, replaced whole: temporary file, fsync, rename, fsync of the folder.

What each crash point leaves: before the rename the old document and a stray temporary file, which the next write
removes; after it the new document. A reader never sees a mix. The folder is locked while versions are compared, so that
two writers on one machine cannot both win.
"""

import fcntl
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from reconciler.errors import StorageError
from reconciler.ports import StateConflict, Stored, Version

_OWNER_ONLY = 0o600
_WHOLE = "The state is whole. Check rights, disk space and quota, then run the command again."
_UNREAD = "Check rights and the disk, then run the command again."
_NO_FILE = "Name a regular file, or put one there."


@dataclass(frozen=True)
class _StoredFile:
    content: bytes

    @cached_property
    def version(self) -> Version:
        return _version(self.content)

    @property
    def sha256(self) -> str:
        return self.version


class FileStore:
    """A state document at *path*; *name* is what messages call it. Missing folders are made when it is written."""

    def __init__(self, path: Path, *, name: str) -> None:
        self._path = path
        self._name = name

    @property
    def name(self) -> str:
        return self._name

    def read(self) -> Stored | None:
        with translated("The state cannot be read", self._name, hint=_UNREAD):
            content = read_regular(self._path)
        return None if content is None else _StoredFile(content)

    def write(self, content: bytes, *, expected: Version | None) -> Version:
        with translated("The state cannot be written", self._name):
            target = Path(os.path.realpath(self._path))
            make_folder(target.parent)
            with locked_folder(target.parent) as folder:
                stored = read_regular(self._path)
                if expected != (None if stored is None else _version(stored)):
                    raise StateConflict(self._name)
                _replace(target, content)
                os.fsync(folder)
        return _version(content)


def make_folder(folder: Path) -> None:
    """Make *folder* and what is missing above it, each so that it outlasts a loss of power, as what stands in it does.

    Raise OSError.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    descriptor = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        let_go(descriptor)


def read_regular(path: Path) -> bytes | None:
    """Return the content of a regular file, None if there is none: a FIFO or a device would block or never end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        let_go(descriptor)
        raise _NoFile(0, "it is a folder" if stat.S_ISDIR(mode) else "it is not a regular file")
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


class _NoFile(OSError):
    """Something else stands where a file is to be read; neither rights nor space would help."""


@contextmanager
def translated(summary: str, name: str, *, hint: str = _WHOLE) -> Iterator[None]:
    """Turn what the operating system raises into a StorageError about *name*."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            summary,
            f"{name}: {error.strerror or error}.",
            hint=_NO_FILE if isinstance(error, _NoFile) else hint,
        ) from error


def _version(content: bytes) -> Version:
    return Version(hashlib.sha256(content).hexdigest())


@contextmanager
def locked_folder(folder: Path) -> Iterator[int]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        let_go(descriptor)


def let_go(descriptor: int) -> None:
    """Close what is on the disk already, or was only read or locked: that closing fails changes nothing of it."""
    with suppress(OSError):
        os.close(descriptor)


def _replace(target: Path, content: bytes) -> None:
    temporary = target.with_name(f".{target.name}.new")
    with suppress(FileNotFoundError):
        temporary.unlink()
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, target)  # noqa: PTH105  (one system call, named as such)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise
