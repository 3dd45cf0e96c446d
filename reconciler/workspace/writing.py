"""Files of a project that people own: replaced whole, or made where nothing is."""

import os
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from reconciler.errors import StorageError, UsageError

_HINT = "Check rights, disk space and quota, then run the command again."


def replace_file(path: Path, content: bytes, *, before: bytes | None, name: str) -> None:
    """Replace the file at *path* that holds *before*, or make it, with its folders, where None is and nothing stands.

    Mode and link stay. *name* is what messages call it. Raise StorageError, and leave it as it is, if it cannot be
    written, which includes that it is read-only, or if it is not as it was: what is lost of that no second run brings
    back.
    """
    _write_whole(path, content, name=name, is_due=lambda target: _content_of(target) == before)


def put_file(path: Path, content: bytes, *, name: str) -> None:
    """Likewise, but whatever stands there."""
    _write_whole(path, content, name=name, is_due=lambda _: True)


def _content_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _write_whole(path: Path, content: bytes, *, name: str, is_due: Callable[[Path], bool]) -> None:
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.new")
    what = "The file cannot be written"
    try:
        _write_new(temporary, content, mode=_mode_of(target))
        if not is_due(target):
            temporary.unlink()
            detail = f"{name}: it was changed meanwhile. It was left as it is."
            raise StorageError(what, detail, hint="Run the command again.")
        os.replace(temporary, target)  # noqa: PTH105  (one system call, named as such)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        detail = f"{name}: {error.strerror or error}. It was left as it is."
        raise StorageError(what, detail, hint=_HINT) from error


def _mode_of(target: Path) -> int | None:
    """Return the mode that the file is to keep; None for one that is new, whose folder is there then."""
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
    except FileNotFoundError:
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
