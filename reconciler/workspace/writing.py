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

    Raise StorageError if it cannot be written, which includes that it is read-only.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name}.new")
    try:
        _refuse_read_only(target)
        _write_new(temporary, content, mode=stat.S_IMODE(target.stat().st_mode))
        os.replace(temporary, target)  # noqa: PTH105  (one system call, named as such)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        detail = f"{name}: {error.strerror or error}. It was left as it is."
        raise StorageError("The file cannot be written", detail, hint=_HINT) from error


def _refuse_read_only(path: Path) -> None:
    """Renaming needs no right to write to the file itself, but who took it away meant it."""
    if not os.access(path, os.W_OK):
        raise OSError(0, "it is read-only")


def _write_new(path: Path, content: bytes, *, mode: int) -> None:
    with suppress(FileNotFoundError):
        path.unlink()  # what a broken run has left
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
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
