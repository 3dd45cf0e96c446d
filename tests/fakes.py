"""Stand-ins for the ports, with the contracts of the ports: a scripted platform, a store in memory, a clock by hand."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from builders import NOW

from reconciler.core.outcome import Answer, Fault
from reconciler.core.run import Result
from reconciler.core.tenancy import Scope, Tenancy
from reconciler.ports import Regeneration, StateConflict, Stored, Version

DONE = Answer(status=200, is_business=True, success=True, id_list=("2c98",), request_id="r-1")


@dataclass
class ScriptedPlatform:
    """Answers by subscription version or charge number, else Done; keeps what it was sent. An error is raised."""

    answers: Mapping[object, Answer | Fault | Exception] = field(default_factory=dict)
    scope: Scope = field(default_factory=lambda: Scope(tenant="1", entities=("e",)))
    refuses: Exception | None = None
    sent: list[Regeneration] = field(default_factory=list)
    tenancy: Tenancy | None = None
    before_answer: Callable[[], None] | None = None
    hangs: bool = False

    async def authenticate(self) -> Scope:
        if self.refuses:
            raise self.refuses
        return self.scope

    def use(self, tenancy: Tenancy) -> None:
        self.tenancy = tenancy

    async def regenerate(self, regeneration: Regeneration) -> Answer | Fault:
        self.sent.append(regeneration)
        if self.before_answer:
            self.before_answer()
        if self.hangs:
            await asyncio.sleep(3600)
        name = regeneration.body.get("subscriptionVersion", regeneration.body.get("chargeNumber"))
        answer = self.answers.get(name, DONE)
        if isinstance(answer, Exception):
            raise answer
        return answer


@dataclass
class MemoryStore:
    """A store that keeps every document written; *rival* is written once by somebody else before our next write."""

    content: bytes | None = None
    name: str = "state.json"
    written: list[bytes] = field(default_factory=list)
    rivals: list[bytes] = field(default_factory=list)

    def read(self) -> Stored | None:
        return None if self.content is None else Stored(self.content, self._version())

    def write(self, content: bytes, *, expected: Version | None) -> Version:
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
class HandClock:
    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def advance(self, by: timedelta) -> None:
        self.moment += by


@dataclass
class Listener:
    """Progress, kept."""

    results: list[Result] = field(default_factory=list)

    def settled(self, result: Result, *, done: int, total: int) -> None:
        assert 1 <= done <= total
        self.results.append(result)
