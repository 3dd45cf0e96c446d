"""Group commit: many events, one fsync. Whoever needs an event durable waits; all who wait share the next write."""

import asyncio

from reconciler.core.journal import Event
from reconciler.errors import StorageError
from reconciler.formats.journal import event_line
from reconciler.ports import JournalFile


class GroupCommit:
    """Appends events to *journal* in the order in which they are noted. Belongs to one event loop."""

    def __init__(self, journal: JournalFile) -> None:
        self._journal = journal
        self._lines: list[bytes] = []
        self._noted = 0
        self._durable = 0
        self._writing = asyncio.Lock()
        self._failure: StorageError | None = None
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

    async def commit(self) -> None:
        """Return when everything noted before is durable. Raise StorageError if it may not be, now and ever after."""
        needed = self._noted
        while self._durable < needed:
            async with self._writing:
                if self._durable < needed:
                    await self._write()

    async def _write(self) -> None:
        if self._failure:
            raise self._failure
        lines, self._lines = self._lines, []
        upto = self._noted
        try:
            await asyncio.to_thread(self._journal.append, b"".join(lines))
        except StorageError as error:
            self._failure = error
            raise
        self._durable = upto
        self.writes += 1
