"""Stand-ins for the ports, with the contracts of the ports: a scripted platform, a store in memory, a clock by hand."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from builders import NOW

from reconciler.core.diagnostics import Diagnostic
from reconciler.core.outcome import Answer, Fault
from reconciler.core.run import Pace, Result, Send
from reconciler.core.tenancy import Scope, Tenancy
from reconciler.errors import StorageError
from reconciler.ports import Regeneration, StateConflict, Stored, Version

DONE = Answer(status=200, is_business=True, success=True, id_list=("2c98",), request_id="r-1")


@dataclass
class ScriptedPlatform:
    """Answers by subscription version or charge number, else Done: the same always, or a list one by one.

    It keeps what it was sent. An error is raised. With *in_renewal*, which is called then, the first token is good for
    nothing, and another never comes.
    """

    answers: Mapping[object, Answer | Fault | Exception | list[Answer | Fault | Exception]] = field(
        default_factory=dict
    )
    scope: Scope = field(default_factory=lambda: Scope(tenant="1", entities=("e",)))
    refuses: Exception | None = None
    sent: list[Regeneration] = field(default_factory=list)
    tenancy: Tenancy | None = None
    asked: int = 0
    before_answer: Callable[[], None] | None = None
    hangs: bool = False
    in_renewal: Callable[[], None] | None = None
    tells_time: Callable[[], datetime] | None = None

    async def authenticate(self) -> Scope:
        if self.refuses:
            raise self.refuses
        self.asked += 1
        if self.in_renewal and self.asked > 1:
            self.in_renewal()
            await asyncio.sleep(3600)
        return self.scope

    def has_token(self) -> bool:
        return self.in_renewal is None

    def use(self, tenancy: Tenancy) -> None:
        self.tenancy = tenancy

    def server_time(self) -> datetime | None:
        return self.tells_time() if self.tells_time else None

    async def regenerate(self, regeneration: Regeneration) -> Answer | Fault:
        self.sent.append(regeneration)
        if self.before_answer:
            self.before_answer()
        if self.hangs:
            await asyncio.sleep(3600)
        name = regeneration.body.get("subscriptionVersion", regeneration.body.get("chargeNumber"))
        answer = self.answers.get(name, DONE)
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else DONE
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass(frozen=True)
class _StoredInMemory:
    content: bytes
    version: Version
    sha256: str


@dataclass
class MemoryStore:
    """A store that keeps every document written; *rival* is written once by somebody else before our next write."""

    content: bytes | None = None
    name: str = "state.json"
    written: list[bytes] = field(default_factory=list)
    rivals: list[bytes] = field(default_factory=list)
    fails: bool = False

    def read(self) -> Stored | None:
        if self.content is None:
            return None
        return _StoredInMemory(self.content, self._version(), hashlib.sha256(self.content).hexdigest())

    def write(self, content: bytes, *, expected: Version | None) -> Version:
        if self.fails:
            raise StorageError("The state cannot be written", f"{self.name}: no space left on device.")
        if self.rivals:
            self.content = self.rivals.pop(0)
        if expected != (None if self.content is None else self._version()):
            raise StateConflict(self.name)
        self.content = content
        self.written.append(content)
        return self._version()

    def _version(self) -> Version:
        return Version(str(hash(self.content)))


@dataclass
class MemoryMark:
    """A high-water mark in memory; *fails* lets it stay as it is."""

    content: bytes | None = None
    fails: bool = False

    def read(self) -> bytes | None:
        return self.content

    def write(self, content: bytes) -> None:
        self.content = self.content if self.fails else content


@dataclass
class MemoryJournal:
    """The journal of a run, in memory; *fails* makes every write after the head an error.

    So does *fails_to_sync*, and yet what was written can be read.
    """

    name: str
    store: "MemoryJournals"

    def append(self, content: bytes) -> None:
        if self.store.fails:
            raise StorageError("The journal cannot be written", f"{self.name}: no space left on device.")
        self.store.contents[self.name] += content
        self.store.writes += 1
        if self.store.fails_to_sync:
            raise StorageError("The journal cannot be written", f"{self.name}: input/output error.")

    def close(self) -> None:
        self.store.closed.append(self.name)


@dataclass
class MemoryJournals:
    """Journals in memory, abandoned as soon as they exist: tests have no other process."""

    contents: dict[str, bytes] = field(default_factory=dict)
    closed: list[str] = field(default_factory=list)
    fails: bool = False
    fails_to_sync: bool = False
    is_unreadable: bool = False
    writes: int = 0

    def abandoned(self) -> list[str]:
        return sorted(self.contents)

    def read(self, name: str) -> bytes:
        if self.is_unreadable:
            raise StorageError(
                "The journal cannot be read", f"{name}: input/output error.", hint="Look after the disk."
            )
        return self.contents.get(name, b"")

    def create(self, run: str, head: bytes) -> MemoryJournal:
        name = f"state.json.{run}.journal"
        assert name not in self.contents
        self.contents[name] = head
        return MemoryJournal(name, self)

    def remove(self, name: str) -> None:
        self.contents.pop(name, None)


@dataclass
class HandClock:
    """Time that passes only when somebody sleeps or a test says so."""

    moment: datetime = NOW
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return (self.moment - NOW).total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(timedelta(seconds=seconds))
        await asyncio.sleep(0)

    def jitter(self) -> float:
        return 0.5

    def advance(self, by: timedelta) -> None:
        self.moment += by


@dataclass
class Listener:
    """Progress, kept."""

    results: list[Result] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    paces: list[Pace] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)

    def settled(self, result: Result, *, done: int, total: int) -> None:
        assert 1 <= done <= total
        self.results.append(result)

    def sent(self, send: Send) -> None:
        self.sends.append(send)

    def moved(self, pace: Pace) -> None:
        self.paces.append(pace)

    def warned(self, warning: Diagnostic) -> None:
        self.warnings.append(warning)
