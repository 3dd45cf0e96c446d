"""Rules of the TCP proxy: what it does to which request, as values, and the document that says so.

Rule: what a document may say about one kind of network fault is in the table KINDS. Triggers are those of the fault
rules of the emulator, and chance is decided in the same way.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, TypeAlias

from reconciler.emulator.checks import Check, anything, flag, integer, number, object_faults, one_of, optional, text
from reconciler.emulator.fault_document import TRIGGER, VERSION
from reconciler.emulator.faults import Trigger, dice

LONGEST_HOLD = 86_400.0
ALWAYS = Trigger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refuse:
    """From this connection on nothing listens, for *seconds*. The connection itself is reset."""

    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """RST of a connection before any request, or after *after_bytes* of the request have gone to the server, or of the
    answer to the client. A whole request (None) reaches the server, and its effect happens.
    """

    of: str = "answer"
    after_bytes: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Truncate:
    """The answer ends in good order after *after_bytes*, counted from its status line."""

    after_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Drip:
    """The answer comes in pieces of *bytes*, one every *seconds*."""

    bytes: int = 1
    seconds: float = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """*length* bytes that are no HTTP instead of the answer; the server sees the request if *reaches* is true."""

    length: int = 200
    reaches: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class CorruptGzip:
    """The right answer, announced as gzip, in which some bytes are wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """*seconds* before the request goes on, or before the answer comes back."""

    of: str = "request"
    seconds: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HalfClose:
    """After *after_bytes* of the answer the proxy sends FIN, and goes on reading what the client may still send."""

    after_bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Twice:
    """The server gets the request a second time, on a connection of its own, *seconds* after the first was answered.
    None: both at once. The client gets the first one's answer.
    """

    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Nothing comes back, and the connection stays open for *seconds*."""

    seconds: float = LONGEST_HOLD
    reaches: bool = True


NetworkFault: TypeAlias = Refuse | Reset | Truncate | Drip | Garbage | CorruptGzip | Delay | HalfClose | Twice | Hold


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRule:
    """*connection* and *request* (on that connection) count from 1; None takes all. *path* is a glob."""

    name: str
    fault: NetworkFault
    connection: int | None = None
    request: int | None = None
    path: str | None = None
    trigger: Trigger = ALWAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    make: Callable[..., NetworkFault]
    fields: Mapping[str, Check]


_SECONDS = number(0, LONGEST_HOLD)
_BYTES = integer(0, 2**31)
_SIDE = one_of("request", "answer")
KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "refuse": Kind(make=Refuse, fields={"seconds": _SECONDS}),
        "reset": Kind(
            make=Reset, fields={"of": one_of("connection", "request", "answer"), "after_bytes": optional(_BYTES)}
        ),
        "truncate": Kind(make=Truncate, fields={"after_bytes": _BYTES}),
        "drip": Kind(make=Drip, fields={"bytes": integer(1, 2**31), "seconds": _SECONDS}),
        "garbage": Kind(make=Garbage, fields={"length": integer(0, 10**7), "reaches": flag}),
        "corrupt_gzip": Kind(make=CorruptGzip, fields={}),
        "delay": Kind(make=Delay, fields={"of": _SIDE, "seconds": _SECONDS}),
        "half_close": Kind(make=HalfClose, fields={"after_bytes": _BYTES}),
        "twice": Kind(make=Twice, fields={"seconds": optional(_SECONDS)}),
        "hold": Kind(make=Hold, fields={"seconds": _SECONDS, "reaches": flag}),
    }
)
_COUNTED = integer(1, 10**9)
_RULE: Mapping[str, Check] = MappingProxyType(
    {
        "name": text(longest=80),
        "connection": _COUNTED,
        "request": _COUNTED,
        "path": text(),
        **TRIGGER,
        "fault": anything,
    }
)


def read_proxy_rules(document: object) -> tuple[ProxyRule, ...]:
    """Return the rules of *document*. Raise ValueError with one sentence a line if anything is wrong."""
    faults = tuple(_document_faults(document))
    if faults:
        raise ValueError("\n".join(faults))
    assert isinstance(document, dict)  # noqa: S101  - checked above
    return tuple(_read(rule) for rule in document["rules"])


def meets_connection(fault: NetworkFault) -> bool:
    """Say whether *fault* meets a connection before it has said anything; the others meet a request."""
    return isinstance(fault, Refuse) or (isinstance(fault, Reset) and fault.of == "connection")


def matches(rule: ProxyRule, *, connection: int, request: int, path: str) -> bool:
    return (
        rule.connection in {None, connection}
        and rule.request in {None, request}
        and (rule.path is None or fnmatchcase(path, rule.path))
    )


def fires(rule: ProxyRule, *, matched: int, fired: int) -> bool:
    """Say whether *rule* fires at its match number *matched*, when it has fired so often."""
    trigger = rule.trigger
    if matched <= trigger.after or (trigger.times is not None and fired >= trigger.times):
        return False
    return dice(trigger.seed, rule.name, "", matched) < trigger.probability


def _document_faults(document: object) -> Iterator[str]:
    if not isinstance(document, dict):
        yield "A document of proxy rules is a JSON object."
        return
    fields: Mapping[str, Check] = {"version": one_of(VERSION), "rules": anything}
    yield from object_faults(document, fields, required=("version", "rules"), at="")
    rules = document.get("rules", [])
    if not isinstance(rules, list):
        yield "rules must be a list."
        return
    for position, rule in enumerate(rules):
        yield from _rule_faults(rule, at=f"rules[{position}]")
    yield from _repeated_names(rules)


def _rule_faults(rule: object, *, at: str) -> Iterator[str]:
    yield from object_faults(rule, _RULE, required=("name", "fault"), at=at)
    if not isinstance(rule, dict) or "fault" not in rule:
        return
    fault = rule["fault"]
    if not isinstance(fault, dict) or fault.get("kind") not in [*KINDS]:
        yield f"{at}.fault must be an object whose kind is one of {', '.join(KINDS)}."
        return
    fields = {"kind": anything, **KINDS[fault["kind"]].fields}
    yield from object_faults(fault, fields, required=(), at=f"{at}.fault")


def _repeated_names(rules: Sequence[object]) -> Iterator[str]:
    seen: set[object] = set()
    for position, rule in enumerate(rules):
        name = rule.get("name") if isinstance(rule, dict) else None
        if isinstance(name, str) and name in seen:
            yield f"rules[{position}].name: {name!r} names an earlier rule too."
        seen |= {name} if isinstance(name, str) else set()


def _read(document: Mapping[str, Any]) -> ProxyRule:
    fault = document["fault"]
    kind = KINDS[fault["kind"]]
    return ProxyRule(
        name=document["name"],
        fault=kind.make(**{name: fault[name] for name in kind.fields if name in fault}),
        trigger=Trigger(**{name: document[name] for name in TRIGGER if name in document}),
        **{name: document[name] for name in ("connection", "request", "path") if name in document},
    )
