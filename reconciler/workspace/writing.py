"""Files of a project that people own, replaced whole."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from reconciler.errors import StorageError

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
