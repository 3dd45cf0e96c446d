"""What was read before, kept in the user's cache folder under the hash of what it was read from.

Rule: a courtesy. It may be deleted, shared between checkouts and brought back in CI at any time; what cannot be read or
written is as good as not there, and what is damaged is not believed (`formats/packed.py`). Only a plan reads it: an
apply reads the files themselves.
"""

import os
import re
import stat
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_OWNER_ONLY_FOLDER = 0o700
_OWN = r"[a-z]+-[0-9a-f]{64}|\.[a-z]+-[0-9a-f]{64}\.[0-9]+"
"""What `put` leaves: another tool may have a folder of this name, and it may be a link to anywhere."""

_A_DAY = 86_400.0
_KEPT_DAYS = 30
_MOST_BYTES = 1024**3
"""Kept at most; about 10 MB are needed for 100,000 declarations and as much for their state."""


def cache_folder(variables: Mapping[str, str]) -> Path | None:
    """Return the folder as the XDG base directory specification has it, or None if there is no place for it."""
    named = variables.get("XDG_CACHE_HOME", "")
    home = variables.get("HOME", "")
    base = named if named.startswith("/") else f"{home}/.cache" if home.startswith("/") else ""
    return Path(base, "reconciler") if base else None


class FolderCache:
    """Keeps bytes by name, a file each, in *folder*. *now* is the Unix time of the run."""

    def __init__(self, folder: Path, *, now: float) -> None:
        self._folder = folder
        self._now = now
        self._has_written = False

    def get(self, name: str) -> bytes | None:
        path = self._path(name)
        try:
            with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
                status = os.fstat(file.fileno())
                if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_BYTES:
                    return None
                content = file.read()
        except OSError:
            return None
        if status.st_mtime < self._now - _A_DAY:
            with suppress(OSError):  # what may not be written, such as the cache of another user, may be read
                os.utime(path)
        return content

    def put(self, name: str, content: bytes) -> None:
        path = self._path(name)
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=_OWNER_ONLY_FOLDER)
            with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:  # noqa: PTH123
                file.write(content)
            os.replace(temporary, path)  # noqa: PTH105
        except OSError:
            with suppress(OSError):
                temporary.unlink()
            return
        if not self._has_written:
            self._has_written = True
            self._prune()

    def _path(self, name: str) -> Path:
        return self._folder / name[-2:] / name

    def _prune(self) -> None:
        """Remove what nobody has asked for in a month, and the oldest of what is too much: of what was put here."""
        found: list[tuple[float, int, str]] = []
        with suppress(OSError):
            for folder in os.scandir(self._folder):
                for each in os.scandir(folder.path) if folder.is_dir(follow_symlinks=False) else ():
                    if re.fullmatch(_OWN, each.name):
                        status = each.stat(follow_symlinks=False)
                        found.append((status.st_mtime, status.st_size, each.path))
        total = 0
        for used, size, path in sorted(found, reverse=True):
            total += size
            if used < self._now - _KEPT_DAYS * _A_DAY or total > _MOST_BYTES:
                with suppress(OSError):
                    os.unlink(path)  # noqa: PTH108
