"""The faults there are, as values, and the layer of the platform that each one stands for.

Rule: a layer sees what the layers before it let pass. A gateway knows neither tokens nor keys, so its answers are
never saved; the guard stands behind a valid token, but before saved answers come back; the operation sees a request
only if it is new under its Idempotency-Key, so its answers are saved like any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TypeAlias

from reconciler.emulator.reasons import Category


class Layer(IntEnum):
    GATEWAY = 0
    GUARD = 1
    OPERATION = 2


class Scope(Enum):
    ALL = "all"
    TARGET = "target"
    KEY = "key"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAfter:
    """A Retry-After header: *text* as it is, or the HTTP date in *seconds* from now."""

    text: str = ""
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """The connection is closed without an answer."""

    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """No connection can be made. Behind a socket it is too late for that: there it is Lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gateway:
    status: int = 502
    body: str = "html"
    retry_after: RetryAfter | None = None
    seconds: float = 0.0
    headers: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Canned:
    """Any answer at all. *headers* are all it has, besides Date at the gateway and the usual ones behind it."""

    status: int = 200
    body: bytes = b""
    content_type: str | None = None
    layer: Layer = Layer.GATEWAY
    saved: bool = False
    seconds: float = 0.0
    headers: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bomb:
    """A right answer that gzip has made small and that is *megabytes* long."""

    megabytes: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Unauthorized:
    message: str = "Authentication error"
    revoke: bool = False
    seconds: float = 0.0
    headers: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limited:
    """429: too many in a window (*limit* is "rate"), or at a time ("concurrency", with category 70)."""

    limit: str = "rate"
    retry_after: RetryAfter | None = RetryAfter(text="1")
    reset: int = 60
    seconds: float = 0.0
    headers: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class InFlightConflict:
    lock_code: bool = False
    seconds: float = 0.0
    headers: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    seconds: float = 0.0
    headers: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """A refusal with a code; None takes the emulator's own code, message and the category's own status."""

    category: Category
    code: str | int | None = None
    message: str | None = None
    status: int | None = None
    retry_after: RetryAfter | None = None
    saved: bool = True
    seconds: float = 0.0
    headers: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemFailure:
    saved: bool = True
    seconds: float = 0.0
    headers: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class OddResult:
    """HTTP 200 with another *success* ("missing": none) and another form of idList; refusals stay as they are."""

    success: object = True
    id_list: str = "kept"
    count: int = 100_000
    category: Category | None = None
    saved: bool = True
    seconds: float = 0.0
    headers: Mapping[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The right answer, *seconds* to *most* later."""

    seconds: float
    most: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherHeaders:
    """The right answer, with some headers changed, added or (None) left out."""

    headers: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """The right answer, and the same request once more, *seconds* later."""

    seconds: float = 0.0


GatewayAnswer: TypeAlias = Lost | Refused | Gateway | Bomb
GuardAnswer: TypeAlias = Unauthorized | Limited | InFlightConflict | Mismatch
OperationAnswer: TypeAlias = Canned | Business | SystemFailure | OddResult
OwnAnswer: TypeAlias = GatewayAnswer | GuardAnswer | OperationAnswer
Fault: TypeAlias = OwnAnswer | Latency | OtherHeaders | Duplicate


def layer_of(fault: Fault) -> Layer:
    match fault:
        case Canned():
            return fault.layer
        case Lost() | Refused() | Gateway() | Bomb() | OtherHeaders():
            return Layer.GATEWAY
        case Unauthorized() | Limited() | InFlightConflict() | Mismatch():
            return Layer.GUARD
        case Business() | SystemFailure() | OddResult() | Latency() | Duplicate():
            return Layer.OPERATION


def wait_of(fault: OwnAnswer) -> float:
    """Return how many seconds pass before the answer leaves, or the connection is closed."""
    return 0.0 if isinstance(fault, Refused | Bomb) else fault.seconds
