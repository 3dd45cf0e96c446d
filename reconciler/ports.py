"""What the engine needs from the world, as contracts; adapters stand on the floor above, fakes in tests.

Rule: a port is defined by its user, has few methods, and says what each raises. Nothing here does anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, NewType, Protocol

if TYPE_CHECKING:  # only in signatures: whoever reads a state does not pay for what a run is made of
    from reconciler.core.diagnostics import Diagnostic
    from reconciler.core.outcome import Answer, Fault, Traffic
    from reconciler.core.run import Pace, Result, Send
    from reconciler.core.tenancy import Scope, Tenancy

Version = NewType("Version", str)
"""A stored document's version: opaque, equal only for equal content."""


class Stored(Protocol):
    """A document as it is stored. Of a large one no more is found out than is asked for."""

    @property
    def content(self) -> bytes: ...

    @property
    def version(self) -> Version: ...

    @property
    def sha256(self) -> str:
        """Return the hash of the content, in hex digits."""


class Cache(Protocol):
    """Where bytes are kept that can be made again. Nothing is raised: what is not there is made."""

    def get(self, name: str) -> bytes | None: ...

    def put(self, name: str, content: bytes) -> None: ...


class StateConflict(Exception):
    """The stored document is no longer the one that was expected. Nothing was written: read again and fold again."""


class StateStore(Protocol):
    """Where the state document lives. Called by one task at a time."""

    @property
    def name(self) -> str:
        """What messages call the document."""

    def read(self) -> Stored | None:
        """Return the document, or None if there is none yet. Raise StorageError if it cannot be read."""

    def write(self, content: bytes, *, expected: Version | None) -> Version:
        """Replace the document whole and durably, or leave the old one untouched.

        Raise StateConflict unless the stored version is *expected* (None: absent), StorageError if that cannot be done.
        """


class MarkStore(Protocol):
    """Where the high-water mark lives, on this machine. It is lost without harm, so neither method ever raises."""

    def read(self) -> bytes | None:
        """Return the mark, or None if there is none that can be read."""

    def write(self, content: bytes) -> None:
        """Replace the mark, or leave the old one."""


class JournalFile(Protocol):
    """The journal of this run, open for appending."""

    @property
    def name(self) -> str:
        """The name under which the store knows it."""

    def append(self, content: bytes) -> None:
        """Return when *content* is durable. Raise StorageError if it may not be; nothing may be sent then.

        Called from a thread, one call at a time.
        """

    def close(self) -> None: ...


class JournalStore(Protocol):
    """Where journals live, beside the state. Called by one task at a time."""

    def abandoned(self) -> Sequence[str]:
        """Return the names of the journals whose run is over or dead, sorted. Raise StorageError if that fails."""

    def read(self, name: str) -> bytes:
        """Return a journal's content, empty if it is gone. Raise StorageError if it cannot be read."""

    def create(self, run: str, head: bytes) -> JournalFile:
        """Make the journal of *run*, with *head* in it, durably. Raise StorageError if it cannot be."""

    def remove(self, name: str) -> None:
        """Remove a journal that is folded; one that is gone already is no error."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regeneration:
    """One send of one call. *body* is the JSON body, *flags* the two query parameters."""

    body: Mapping[str, str | int]
    flags: Mapping[str, bool]
    key: str
    track_id: str


class Platform(Protocol):
    """The platform's side. `authenticate` comes first; several `regenerate` may be under way at once."""

    async def authenticate(self) -> Scope:
        """Get a token and return what it is good for.

        Raise AuthenticationError if the credentials are refused, Unreachable if nothing answers, PlatformError if what
        answers is not the platform. Who does not want to wait any more may cancel it: that is known to send nothing.
        """

    def has_token(self) -> bool:
        """Return whether a send would leave at once. `authenticate` gets the token for one that would not."""

    def use(self, tenancy: Tenancy) -> None:
        """Send for this tenant and entity from now on."""

    def server_time(self) -> datetime | None:
        """Return the platform's clock as its last token told it, carried on; None if it has not told it.

        Only an answer without an Idempotency-Key tells the time: any other may be a saved one, up to a day old.
        """

    async def regenerate(self, regeneration: Regeneration) -> Answer | Fault:
        """Send once and return the answer, or why there is none. Raises only what `authenticate` raises."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """That a token was given: what it is good for, for how many seconds, and what the answer tells of the budget."""

    scope: Scope
    lifetime: float
    traffic: Traffic


class TokenSource(Protocol):
    """Where a token comes from. Nothing can be sent through it."""

    async def ask(self) -> Granted:
        """Get a token. Raises what `Platform.authenticate` raises."""

    def server_time(self) -> datetime | None:
        """As `Platform.server_time`."""


class StateFolder(Protocol):
    """What stands around the state document."""

    def prove(self) -> str:
        """Make, replace and remove a file where the document is replaced, and return what messages call the folder.

        What is missing of the folder is not made. Raise StorageError if that cannot be done, or not durably.
        """

    def holder(self) -> str | None:
        """Return what the run that holds the lock says of itself, None if it is free. Raise StorageError."""


class Secret:
    """A text that is never shown by repr, str, format or a traceback. `reveal` is for the one place that sends it."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return "Secret(***)"

    def reveal(self) -> str:
        return self._text


class Clock(Protocol):
    def now(self) -> datetime:
        """Return the present moment, aware of its zone."""

    def monotonic(self) -> float:
        """Return seconds that never go back, from any beginning."""

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds*."""

    def jitter(self) -> float:
        """Return a number from 0 to 1, by chance."""


class Progress(Protocol):
    """Told of a run as it goes; what it shows and where is its own affair. Called by one task, and never waits."""

    def settled(self, result: Result, *, done: int, total: int) -> None:
        """*result* is durable; *done* of *total* are."""

    def sent(self, send: Send) -> None:
        """The answer of a send is in, or there will be none."""

    def warned(self, warning: Diagnostic) -> None:
        """Something that a person should know before the first call leaves."""

    def moved(self, pace: Pace) -> None:
        """Something left, came back or ended."""
