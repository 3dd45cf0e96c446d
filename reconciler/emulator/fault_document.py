"""The document in which rules are written, version 1: from JSON values to rules.

Rule: everything that a document may say about one kind of fault is in the table KINDS. A document that passes
`document_faults` can be read; nothing is checked twice.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from reconciler.emulator import fault_kinds as kinds
from reconciler.emulator.checks import (
    Check,
    anything,
    flag,
    header_values,
    integer,
    number,
    object_faults,
    one_of,
    optional,
    retry_after,
    text,
)
from reconciler.emulator.fault_kinds import Fault, Layer, RetryAfter, Scope
from reconciler.emulator.faults import FaultRule, Match, Moment, Operation, Trigger
from reconciler.emulator.reasons import Category

VERSION = 1
LONGEST = 10 * 86_400.0
GATEWAY_TIMEOUT_SECONDS = 120.0

_LAYERS: Mapping[str, Layer] = MappingProxyType({"gateway": Layer.GATEWAY, "operation": Layer.OPERATION})
_SECONDS = number(0, LONGEST)
_ANSWER: Mapping[str, Check] = MappingProxyType({"seconds": _SECONDS, "headers": header_values})
_SAVED: Mapping[str, Check] = MappingProxyType({**_ANSWER, "saved": flag})
_EVERYWHERE = (Operation.REGENERATE, Operation.TOKEN, Operation.OTHER)
_REGENERATE = (Operation.REGENERATE,)
_WITH_TOKEN = (Operation.REGENERATE, Operation.TOKEN)
_ALL_MOMENTS = (Moment.BEFORE, Moment.AFTER, Moment.LATE)


def _code(value: object) -> str | None:
    fits = isinstance(value, str | int) and not isinstance(value, bool) and value != ""
    return None if fits else "a code, as text or as a number"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a document may say of one kind of fault; the first of *moments* is taken where it says none."""

    make: Callable[..., Fault]
    fields: Mapping[str, Check]
    required: Sequence[str] = ()
    operations: Sequence[Operation] = _REGENERATE
    moments: Sequence[Moment] = _ALL_MOMENTS
    fixed: Mapping[str, object] = field(default_factory=dict)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        "lost": Kind(make=kinds.Lost, fields={"seconds": _SECONDS}, operations=_EVERYWHERE),
        "refused": Kind(make=kinds.Refused, fields={}, operations=_EVERYWHERE, moments=(Moment.BEFORE,)),
        "gateway": Kind(
            make=kinds.Gateway,
            fields={
                **_ANSWER,
                "status": integer(500, 599),
                "body": one_of("html", "empty", "text"),
                "retry_after": retry_after,
            },
            operations=_EVERYWHERE,
        ),
        "timeout": Kind(
            make=kinds.Gateway,
            fields={**_ANSWER, "body": one_of("html", "empty", "text")},
            operations=_EVERYWHERE,
            fixed={"status": 504, "seconds": GATEWAY_TIMEOUT_SECONDS},
        ),
        "answer": Kind(
            make=kinds.Canned,
            fields={
                **_SAVED,
                "status": integer(200, 599),
                "json": anything,
                "text": optional(text(longest=10_000_000)),
                "content_type": optional(text(longest=200)),
                "layer": one_of(*_LAYERS),
            },
            operations=_EVERYWHERE,
        ),
        "bomb": Kind(make=kinds.Bomb, fields={"megabytes": integer(1, 4_096)}, operations=_WITH_TOKEN),
        "unauthorized": Kind(
            make=kinds.Unauthorized,
            fields={**_ANSWER, "message": text(), "revoke": flag},
            operations=_WITH_TOKEN,
        ),
        "rate_limit": Kind(
            make=kinds.Limited,
            fields={
                **_ANSWER,
                "limit": one_of("rate", "concurrency"),
                "retry_after": retry_after,
                "reset": integer(-(10**9), 10**9),
            },
            operations=_WITH_TOKEN,
        ),
        "in_flight": Kind(make=kinds.InFlightConflict, fields={**_ANSWER, "lock_code": flag}),
        "mismatch": Kind(make=kinds.Mismatch, fields=_ANSWER),
        "business": Kind(
            make=kinds.Business,
            fields={
                **_SAVED,
                "category": one_of(*(int(category) for category in Category)),
                "code": _code,
                "message": text(),
                "status": integer(200, 599),
                "retry_after": retry_after,
            },
            required=("category",),
        ),
        "system_error": Kind(make=kinds.SystemFailure, fields=_SAVED),
        "result": Kind(
            make=kinds.OddResult,
            fields={
                **_SAVED,
                "success": anything,
                "id_list": one_of("kept", "missing", "null", "empty", "numbers", "text", "repeated", "huge"),
                "count": integer(1, 10_000_000),
                "category": one_of(*(int(category) for category in Category)),
            },
            moments=(Moment.AFTER, Moment.BEFORE, Moment.LATE),
        ),
        "latency": Kind(
            make=kinds.Latency,
            fields={"seconds": _SECONDS, "most": _SECONDS},
            required=("seconds",),
            operations=_WITH_TOKEN,
            moments=(Moment.BEFORE, Moment.AFTER),
        ),
        "headers": Kind(
            make=kinds.OtherHeaders,
            fields={"headers": header_values},
            required=("headers",),
            operations=_EVERYWHERE,
            moments=(Moment.AFTER,),
        ),
        "duplicate": Kind(make=kinds.Duplicate, fields={"seconds": _SECONDS}, moments=(Moment.AFTER,)),
    }
)

_OPERATIONS: Mapping[str, frozenset[Operation]] = MappingProxyType(
    {
        "regenerate": frozenset({Operation.REGENERATE}),
        "token": frozenset({Operation.TOKEN}),
        "any": frozenset(Operation),
    }
)
_MATCH: Mapping[str, Check] = MappingProxyType(
    {"operation": one_of(*_OPERATIONS), "target": text(), "tenant": text(), "key": text()}
)
TRIGGER: Mapping[str, Check] = MappingProxyType(
    {
        "after": integer(0, 10**9),
        "times": integer(1, 10**9),
        "probability": number(0, 1),
        "seed": integer(0, 2**63 - 1),
    }
)
_RULE: Mapping[str, Check] = MappingProxyType(
    {
        "name": text(longest=80),
        "match": anything,
        **TRIGGER,
        "lasts": _SECONDS,
        "per": one_of(*(scope.value for scope in Scope)),
        "when": one_of(*(moment.value for moment in Moment)),
        "late_seconds": _SECONDS,
        "holds_key": flag,
        "fault": anything,
    }
)


def read_rules(document: object) -> tuple[FaultRule, ...]:
    """Return the rules of *document*, in its order. Raise ValueError with one sentence a line if anything is wrong."""
    faults = tuple(document_faults(document))
    if faults:
        raise ValueError("\n".join(faults))
    assert isinstance(document, dict)  # noqa: S101  - checked above
    return tuple(read_rule(rule) for rule in document["rules"])


def document_faults(document: object) -> Iterator[str]:
    if not isinstance(document, dict):
        yield "A document of fault rules is a JSON object."
        return
    yield from object_faults(
        document, {"version": one_of(VERSION), "rules": anything}, required=("version", "rules"), at=""
    )
    rules = document.get("rules", [])
    if not isinstance(rules, list):
        yield "rules must be a list."
        return
    names: set[str] = set()
    for position, rule in enumerate(rules):
        at = f"rules[{position}]"
        yield from _rule_faults(rule, at=at)
        name = rule.get("name") if isinstance(rule, dict) else None
        if isinstance(name, str) and name in names:
            yield f"{at}.name: {name!r} names an earlier rule too."
        names |= {name} if isinstance(name, str) else set()


def read_rule(document: Mapping[str, Any]) -> FaultRule:
    """Return the rule of a *document* that has been checked."""
    kind = KINDS[document["fault"]["kind"]]
    match = document.get("match", {})
    return FaultRule(
        name=document["name"],
        match=Match(
            operations=_OPERATIONS[match.get("operation", "regenerate")].intersection(kind.operations),
            target=match.get("target"),
            tenant=match.get("tenant"),
            key=match.get("key"),
        ),
        trigger=Trigger(**{name: document[name] for name in (*TRIGGER, "lasts") if name in document}),
        scope=Scope(document.get("per", Scope.ALL.value)),
        when=Moment(document.get("when", kind.moments[0].value)),
        late_seconds=document.get("late_seconds", 0.0),
        holds_key=document.get("holds_key", False),
        fault=_read_fault(document["fault"], kind, when=document.get("when")),
    )


def _rule_faults(rule: object, *, at: str) -> Iterator[str]:
    yield from object_faults(rule, _RULE, required=("name", "fault"), at=at)
    if not isinstance(rule, dict):
        return
    match, fault = rule.get("match", {}), rule.get("fault")
    yield from object_faults(match, _MATCH, required=(), at=f"{at}.match")
    if "fault" not in rule:
        return
    if not isinstance(fault, dict) or fault.get("kind") not in [*KINDS]:
        yield f"{at}.fault must be an object whose kind is one of {', '.join(KINDS)}."
        return
    kind = KINDS[fault["kind"]]
    fields = {"kind": anything, **kind.fields}
    yield from object_faults(fault, fields, required=kind.required, at=f"{at}.fault")
    yield from _contradictions(rule, kind, at=at)
    if fault["kind"] == "answer":
        yield from _answer_contradictions(fault, at=f"{at}.fault")


def _contradictions(rule: Mapping[str, Any], kind: Kind, *, at: str) -> Iterator[str]:
    fault, when = rule["fault"], rule.get("when", kind.moments[0].value)
    if when not in [moment.value for moment in Moment]:
        return
    if Moment(when) not in kind.moments:
        yield f"{at}.when: {fault['kind']} can only be {' or '.join(moment.value for moment in kind.moments)}."
    is_late = when == Moment.LATE.value
    for name in ("late_seconds", "holds_key"):
        if name in rule and not is_late:
            yield f'{at}.{name} has a meaning only with "when": "late".'
    if is_late and "late_seconds" not in rule:
        yield f"{at}.late_seconds is missing: how much later does the effect happen?"
    if is_late and fault.get("saved") is True:
        yield f"{at}.fault.saved: the answer of a request that lands late is the one saved when it lands."
    match = rule.get("match", {})
    operation = match.get("operation", "regenerate") if isinstance(match, dict) else "regenerate"
    if operation == "token" and Operation.TOKEN not in kind.operations:
        yield f"{at}.match.operation: {fault['kind']} cannot meet a token request."
    if operation == "token" and is_late:
        yield f"{at}.when: a token request has no effect that could land late."
    if operation == "token" and isinstance(match, dict) and {"target", "key"} & match.keys():
        yield f"{at}.match: a token request has neither target nor key."


def _answer_contradictions(fault: Mapping[str, Any], *, at: str) -> Iterator[str]:
    if fault.get("saved") is True and fault.get("layer", "gateway") == "gateway":
        yield f'{at}.saved: only an answer of the "layer" "operation" is saved.'
    if "json" in fault and "text" in fault:
        yield f"{at} must not have both json and text."


def _read_fault(document: Mapping[str, Any], kind: Kind, *, when: str | None) -> Fault:
    values: dict[str, Any] = {**kind.fixed, **{name: document[name] for name in kind.fields if name in document}}
    if "retry_after" in values:
        values["retry_after"] = _read_retry_after(values["retry_after"])
    if "category" in values:
        values["category"] = Category(values["category"])
    if document["kind"] == "answer":
        values = _read_answer(values)
    if "saved" in kind.fields and when == Moment.LATE.value:
        values["saved"] = False
    return kind.make(**values)


def _read_answer(values: dict[str, Any]) -> dict[str, Any]:
    layer = _LAYERS[values.get("layer", "gateway")]
    body, content_type = b"", None
    if "json" in values:
        body = json.dumps(values.pop("json"), ensure_ascii=False).encode(errors="surrogatepass")
        content_type = "application/json;charset=UTF-8"
    elif values.get("text") is not None:
        body, content_type = values["text"].encode(), "text/plain;charset=UTF-8"
    values.pop("text", None)
    return {
        "saved": layer is Layer.OPERATION,
        **values,
        "layer": layer,
        "body": body,
        "content_type": values.get("content_type", content_type),
    }


def _read_retry_after(value: object) -> RetryAfter | None:
    match value:
        case None:
            return None
        case {"date_in": seconds}:
            return RetryAfter(seconds=float(seconds))
        case str():
            return RetryAfter(text=value)
        case _:
            return RetryAfter(text=str(int(str(value).partition(".")[0])))
