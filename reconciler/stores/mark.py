"""The high-water mark as a file beside the state document. It is a help and no record: no failure of it is one."""

import os
from contextlib import suppress
from pathlib import Path

_MOST = 4096
"""Bytes of a mark; whatever is longer is none."""


class FileMark:
    """The mark of the state document at *state*."""

    def __init__(self, state: Path) -> None:
        target = Path(os.path.realpath(state))
        self._path = target.with_name(f"{target.name}.mark")

    def read(self) -> bytes | None:
        with suppress(OSError):
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                return os.read(descriptor, _MOST)
            finally:
                os.close(descriptor)
        return None

    def write(self, content: bytes) -> None:
        temporary = self._path.with_name(f".{self._path.name}.new")
        with suppress(OSError):
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            os.replace(temporary, self._path)  # noqa: PTH105  (one system call, named as such)
