"""Scripted misbehaviour: which rule meets a request, decided on values.

Rule: a request is first followed to the layer that it would reach without faults. Then the rules are tried in order;
one whose fault lies behind that layer is passed over, and the first that fires is the only one the request meets.
A rule counts a request that it matches and that no rule before it took, in a scope of its own: all requests, or those
of one target or one Idempotency-Key. Chance is a digest of seed, name, scope and count, so the same requests always
meet the same faults.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from fnmatch import fnmatchcase

from reconciler.emulator.fault_kinds import Fault, Layer, Scope, layer_of


class Moment(Enum):
    """When the effect of a request happens that meets a fault: never, before the fault answers, or long after."""

    BEFORE = "before"
    AFTER = "after"
    LATE = "late"


class Operation(Enum):
    REGENERATE = "regenerate"
    TOKEN = "token"  # noqa: S105  - a name, no secret
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """What a request must be like. Globs, in which ``*`` also crosses ``/``; None takes every request."""

    operations: frozenset[Operation]
    target: str | None = None
    tenant: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """How often: not for the first *after*, then at most *times*, for *lasts* seconds from the first, by chance."""

    after: int = 0
    times: int | None = None
    lasts: float | None = None
    probability: float = 1.0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRule:
    name: str
    match: Match
    trigger: Trigger
    scope: Scope
    when: Moment
    late_seconds: float = 0.0
    holds_key: bool = False
    fault: Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A request, and the last layer it would reach. What is not known of it is ""."""

    layer: Layer
    operation: Operation
    tenant: str = ""
    target: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What one rule has seen in one scope."""

    matched: int = 0
    fired: int = 0
    first_fired_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CountKey:
    rule: str
    scope: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """The rule that a request meets; *chance* is its number in [0, 1) for what else is left to chance."""

    rule: FaultRule
    chance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    fired: Fired | None
    counts: Sequence[tuple[CountKey, Count]]


def candidates(rules: Sequence[FaultRule], situation: Situation) -> tuple[FaultRule, ...]:
    """Return the rules that count this request, in order."""
    return tuple(rule for rule in rules if matches(rule, situation))


def matches(rule: FaultRule, situation: Situation) -> bool:
    wanted = rule.match
    if layer_of(rule.fault) > situation.layer or situation.operation not in wanted.operations:
        return False
    pairs = ((wanted.target, situation.target), (wanted.tenant, situation.tenant), (wanted.key, situation.key))
    return all(glob is None or (value != "" and fnmatchcase(value, glob)) for glob, value in pairs)


def decide(
    rules: Sequence[FaultRule], situation: Situation, *, count_of: Callable[[CountKey], Count], now: float
) -> Decision:
    """Try *rules*, all of which match *situation*, and return what is to be remembered of it."""
    counts: list[tuple[CountKey, Count]] = []
    for rule in rules:
        key = CountKey(rule=rule.name, scope=_scope(rule.scope, situation))
        seen = count_of(key)
        count = replace(seen, matched=seen.matched + 1)
        fires = _fires(rule.trigger, key, count, now=now)
        if fires:
            first = now if count.first_fired_at is None else count.first_fired_at
            count = replace(count, fired=count.fired + 1, first_fired_at=first)
        counts.append((key, count))
        if fires:
            chance = dice(rule.trigger.seed, key.rule, key.scope, count.matched, "else")
            return Decision(fired=Fired(rule=rule, chance=chance), counts=counts)
    return Decision(fired=None, counts=counts)


def dice(seed: int, *parts: object) -> float:
    """Return a number in [0, 1) that these values, and nothing else, decide."""
    text = "\x00".join(str(part) for part in (seed, *parts))
    return int.from_bytes(hashlib.sha256(text.encode(errors="surrogatepass")).digest()[:7]) / 2**56


def _fires(trigger: Trigger, key: CountKey, count: Count, *, now: float) -> bool:
    if count.matched <= trigger.after or (trigger.times is not None and count.fired >= trigger.times):
        return False
    if trigger.lasts is not None and count.first_fired_at is not None and now >= count.first_fired_at + trigger.lasts:
        return False
    return dice(trigger.seed, key.rule, key.scope, count.matched) < trigger.probability


def _scope(scope: Scope, situation: Situation) -> str:
    match scope:
        case Scope.ALL:
            return ""
        case Scope.TARGET:
            return f"{situation.tenant} {situation.target}"
        case Scope.KEY:
            return situation.key
