"""Files of a project that people own: replaced whole, or made where nothing is."""

import os
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from reconciler.errors import StorageError, UsageError

_HINT = "Check rights, disk space and quota, then run the command again."


def replace_file(path: Path, content: bytes, *, name: str) -> None:
    """Replace the file at *path* or leave it as it is; mode and link stay. *name* is what messages call it.

    Raise StorageError if it cannot be written, which includes that it is read-only or gone.
    """
    _write_whole(path, content, name=name, may_be_new=False)


def put_file(path: Path, content: bytes, *, name: str) -> None:
    """Likewise, but make the file where there is none, with the folders that are missing."""
    _write_whole(path, content, name=name, may_be_new=True)


def _write_whole(path: Path, content: bytes, *, name: str, may_be_new: bool) -> None:
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.new")
    try:
        mode = _mode_of(target, may_be_new=may_be_new)
        _write_new(temporary, content, mode=mode)
        os.replace(temporary, target)  # noqa: PTH105  (one system call, named as such)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        detail = f"{name}: {error.strerror or error}. It was left as it is."
        raise StorageError("The file cannot be written", detail, hint=_HINT) from error


def _mode_of(target: Path, *, may_be_new: bool) -> int | None:
    """Return the mode that the file is to keep; None for one that is new, whose folder is there then."""
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
        if not may_be_new:
            raise
        target.parent.mkdir(parents=True, exist_ok=True)
        return None
    _refuse_read_only(target)
    return mode


def _refuse_read_only(path: Path) -> None:
    """Renaming needs no right to write to the file itself, but who took it away meant it."""
    if not os.access(path, os.W_OK):
        raise OSError(0, "it is read-only")


def _write_new(path: Path, content: bytes, *, mode: int | None) -> None:
    """*mode* is None for what a new file of this user has."""
    with suppress(FileNotFoundError):
        path.unlink()  # what a broken run has left
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666 if mode is None else 0o600)
    with os.fdopen(descriptor, "wb") as file:
        if mode is not None:
            os.fchmod(descriptor, mode)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def make_files(folder: Path, files: Mapping[str, str]) -> None:
    """Make all *files* (text by path relative to *folder*), or none where one of them, or a link, exists already.

    Raise UsageError naming what is in the way, StorageError if one cannot be written.
    """
    in_the_way = [path for path in files if os.path.lexists(folder / path)]
    if in_the_way:
        detail = (
            f"{', '.join(in_the_way)} {'exists' if len(in_the_way) == 1 else 'exist'} already. Nothing was written."
        )
        raise UsageError("Files are in the way", detail, hint="Name another folder, or move them away.")
    made: list[Path] = []
    try:
        for path, text in files.items():
            target = folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("x", encoding="utf-8", newline="\n") as file:
                made.append(target)
                file.write(text)
    except OSError as error:
        for target in made:
            with suppress(OSError):
                target.unlink()
        detail = f"{error.filename or folder}: {error.strerror or error}. No file was left behind."
        raise StorageError("The project cannot be made", detail, hint=_HINT) from error
