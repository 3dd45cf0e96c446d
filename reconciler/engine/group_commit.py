"""Group commit: many events, one fsync. Whoever needs an event durable waits; all who wait share the next write.

What nobody waits for is written soon after all the same: an end that is known should not stay in memory only.
"""

import asyncio
from collections.abc import Callable

from reconciler.core.journal import Event
from reconciler.errors import StorageError
from reconciler.formats.journal import event_line
from reconciler.ports import JournalFile

LINGER = 0.05
"""Seconds that a noted event may wait for others before it is written."""


class GroupCommit:
    """Appends events to *journal* in the order in which they are noted. Belongs to one event loop.

    *on_durable* is called whenever more has become durable.
    """

    def __init__(self, journal: JournalFile) -> None:
        self._journal = journal
        self._lines: list[bytes] = []
        self._noted = 0
        self._durable = 0
        self._failure: StorageError | None = None
        self._soon: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self.on_durable: Callable[[], None] = _nobody
        self.writes = 0

    @property
    def noted(self) -> int:
        """How many events were noted so far."""
        return self._noted

    @property
    def durable(self) -> int:
        """How many of the events noted are durable: the first that many."""
        return self._durable

    def note(self, event: Event) -> None:
        """Add *event* to what is written next."""
        self._noted += 1
        self._lines.append(event_line(event, self._noted))
        if self._soon is None:
            self._soon = asyncio.get_running_loop().call_later(LINGER, self.write)

    async def commit(self) -> None:
        """Return when everything noted before is durable. Raise StorageError if it may not be, now and ever after."""
        needed = self._noted
        while self._durable < needed:
            if self._failure:
                raise self._failure
            await asyncio.wait([self.write()])

    async def close(self) -> None:
        """Write what is left, and close the journal. A failure is kept: it was told to whoever needed the event."""
        try:
            while self._lines and self._failure is None:
                await asyncio.wait([self.write()])
        finally:
            if self._soon:
                self._soon.cancel()
            self._journal.close()

    def write(self) -> "asyncio.Task[None]":
        """Write what was noted, without waiting; return the write under way, or a new one. It raises nothing."""
        if self._writing is None or self._writing.done():
            self._writing = asyncio.get_running_loop().create_task(self._write_all())
        return self._writing

    async def _write_all(self) -> None:
        """Write what was noted; a failure waits for the next who needs an event durable."""
        if self._soon:
            self._soon.cancel()
            self._soon = None
        upto, lines, self._lines = self._noted, self._lines, []
        if not lines or self._failure:
            return
        try:
            await asyncio.to_thread(self._journal.append, b"".join(lines))
        except StorageError as error:
            self._failure = error
            return
        except (RuntimeError, MemoryError) as error:
            self._failure = _no_thread(error)
            return
        self._durable = upto
        self.writes += 1
        self.on_durable()


def _nobody() -> None: ...


def _no_thread(error: Exception) -> StorageError:
    """Return what is told where the machine gives no thread to write in: whoever waits must not wait for ever."""
    return StorageError(
        "The journal cannot be written",
        f"{str(error) or 'out of memory'}. Nothing more is sent.",
        hint="Raise the limit of processes or memory here (ulimit -u, a container's pids), then apply again.",
    )
