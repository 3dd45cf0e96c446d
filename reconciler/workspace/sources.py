"""The files that `sources` name: opened where they are, below the environment's spec folder, and nowhere else."""

import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TypeVar
from unicodedata import normalize

from reconciler.core.diagnostics import nearest
from reconciler.core.table import Table
from reconciler.formats.sources import Source
from reconciler.formats.yaml_reader import Reading

MAX_SOURCE = 1024 * 1024 * 1024
"""Bytes: the rows of a file that is read are held as declarations."""

Key = TypeVar("Key")

_STEP = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW


class SourceFiles:
    """Reads the sources of one environment, whose spec folder is *specs* below the project's *folder*."""

    def __init__(self, folder: Path, specs: str) -> None:
        self._top = folder / specs
        self._specs = specs
        self._by_name: dict[str, Source] = {}
        self._by_file: dict[tuple[int, int], Source] = {}

    def read(self, source: Source, naming: Reading) -> tuple[Reading, Table]:
        """Return what was read; what keeps the file from being read is a fault of the spec file, *naming*."""
        reading = Reading(Path(self._specs, source.path).as_posix())
        if self._is_named_before(source, self._by_name, normalize("NFC", source.path).casefold(), naming):
            return reading, Table(reading.path)
        try:
            file = open_below(self._top, source.path)
        except OSError as error:
            what, hint = f"the source cannot be read: {error.strerror or error}", self._hint(source.path)
            naming.report("unreadable-source", what, _at(source), hint=hint)
            return reading, Table(reading.path)
        from reconciler.formats.bulk import read_source  # noqa: PLC0415  (YAML alone needs no reader of rows)

        with file:
            status = os.fstat(file.fileno())
            if self._is_named_before(source, self._by_file, (status.st_dev, status.st_ino), naming):
                return reading, Table(reading.path)
            return reading, read_source(file, source, reading)

    def _is_named_before(self, source: Source, seen: dict[Key, Source], key: Key, naming: Reading) -> bool:
        first = seen.setdefault(key, source)
        if first is source:
            return False
        same = "this file" if first.path == source.path else f"the same file as {first.path}, here or on some systems,"
        what = f"{same} is named before"
        naming.report("source-twice", what, _at(source), detail=f"First at {first.place}.", hint="Name each file once.")
        return True

    def _hint(self, path: str) -> str:
        wanted = self._top / path
        try:
            _real_way(self._top, wanted.parent, "spec folder")
            names = [name for name in os.listdir(wanted.parent) if not name.startswith(".")]  # noqa: PTH208
        except OSError:
            names = []
        if names and wanted.name not in names:
            return nearest(wanted.name, names)
        return f"Put a regular file there, below {self._specs}, that may be read."


def _at(source: Source) -> tuple[int, int]:
    return source.place.line, source.place.column


def open_below(top: Path, path: str, *, name: str = "spec folder") -> BinaryIO:
    """Open a regular file whose real path is below *top*, which messages call the *name*. Raise OSError.

    The real path has no links left, and each step of it is opened without following one: a folder that is replaced by
    a link in the meantime leads nowhere.
    """
    real_top, steps = _real_way(top, top / path, name)
    *folders, last = steps or (".",)
    with ExitStack() as opened:
        step = _open_step(real_top, None, opened)
        for folder in folders:
            step = _open_step(folder, step, opened)
        descriptor = os.open(last, _STEP, dir_fd=step)
    wrong = _wrong_with(os.fstat(descriptor))
    if wrong:
        os.close(descriptor)
        raise OSError(0, wrong)
    return os.fdopen(descriptor, "rb")


def _real_way(top: Path, path: Path, name: str) -> tuple[str, tuple[str, ...]]:
    """Return *top* and the steps from it to *path*, both without links. Raise OSError if it is not below."""
    real_top, real = os.path.realpath(top, strict=True), os.path.realpath(path, strict=True)
    if os.path.commonpath([real_top, real]) != real_top:
        raise OSError(0, f"it leads out of the {name}")
    return real_top, Path(real).relative_to(real_top).parts


def _wrong_with(status: os.stat_result) -> str:
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    return f"it has more than {MAX_SOURCE // 1024**3} GiB" if status.st_size > MAX_SOURCE else ""


def _open_step(name: str, parent: int | None, opened: ExitStack) -> int:
    descriptor = os.open(name, _STEP | os.O_DIRECTORY, dir_fd=parent)
    opened.callback(os.close, descriptor)
    return descriptor
