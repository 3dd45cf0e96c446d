"""Where the log of a run goes: to a file (`--log-file`), to stderr (`-v`), to both or to nobody.

Losing the log never stops a run: what is owed to it stands in the journal and the state.
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reconciler.cli.console import Console
from reconciler.core.run import Run, Send
from reconciler.core.timestamp import timestamp
from reconciler.errors import StorageError
from reconciler.ports import Clock
from reconciler.reports.log_text import begin_line, end_line, send_line

_OWNER_ONLY = 0o600
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC


class LogFile:
    """A file that lines are added to, until one cannot be: then *console* is told, once, and nothing more is added."""

    def __init__(self, path: Path, console: Console) -> None:
        """Raise StorageError if the file cannot be opened."""
        self._path = path
        self._console = console
        self._is_broken = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(path, _FLAGS, _OWNER_ONLY)
        except OSError as error:
            raise StorageError(
                "The log file cannot be opened",
                f"{path}: {_told(error)}. Nothing was sent.",
                hint="Name another file, or leave --log-file out.",
            ) from error

    def add(self, line: str) -> None:
        if self._is_broken:
            return
        view = memoryview(f"{line}\n".encode(errors="backslashreplace"))
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            self._is_broken = True
            self._console.err(f"warning: {self._path}: {_told(error)}. The run goes on without this log.\n")

    def close(self) -> None:
        os.close(self._descriptor)


class RunLog:
    """Tells what begins, is sent and ends, each in one line."""

    def __init__(self, console: Console, clock: Clock, *, is_verbose: bool, file: LogFile | None) -> None:
        self._console = console
        self._clock = clock
        self._is_verbose = is_verbose
        self._file = file

    def begin(self, **fields: object) -> None:
        self._add(begin_line(timestamp(self._clock.now()), fields))

    def sent(self, send: Send) -> None:
        if self._is_verbose or self._file:
            self._add(send_line(timestamp(self._clock.now()), send))

    def end(self, run: str, *, status: int, finished: Run | None = None, error: str | None = None) -> None:
        self._add(end_line(timestamp(self._clock.now()), run, status=status, finished=finished, error=error))

    def _add(self, line: str) -> None:
        if self._file:
            self._file.add(line)
        if self._is_verbose:
            self._console.err(f"{line}\n")


@contextmanager
def open_log(path: Path | None, console: Console, clock: Clock, *, is_verbose: bool) -> Iterator[RunLog]:
    """Yield the log of a run. Raise StorageError if its file cannot be opened."""
    with ExitStack() as opening:
        file = LogFile(path, console) if path else None
        if file:
            opening.callback(file.close)
        yield RunLog(console, clock, is_verbose=is_verbose, file=file)


def _told(error: OSError) -> str:
    return error.strerror or str(error)
