"""A disk that cannot tell what one name is, and opens it all the same: between the two calls things may change."""

import errno
import os
from pathlib import Path

import pytest


def fail_to_look_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    look_up = os.lstat

    def failing(asked: "str | bytes | os.PathLike[str] | os.PathLike[bytes]") -> os.stat_result:
        if os.fsdecode(asked) == os.fspath(path):
            raise OSError(errno.EIO, os.strerror(errno.EIO), os.fsdecode(asked))
        return look_up(asked)

    monkeypatch.setattr(os, "lstat", failing)
