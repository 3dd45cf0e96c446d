"""Reading one order to regenerate: JSON body and query into one value, or the reasons why it is refused.

Rule: checks come in stages, and the first that finds something ends them: well-formed, known fields, values, query,
required fields, rules of the identifiers. A stage of the fields reports everything it finds, the query its first fault.
Source: developer.zuora.com, schema RegenerateBookingRequest and the parameters of
POST_RegenerateBookingTransaction, which document no required fields: the identifier rules are inferred.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import parse_qsl

from reconciler.emulator.bookings import RULES, Flags
from reconciler.emulator.reasons import UNKNOWN_RESOURCE, Category, Reason, RefusedError, field_reason, refused
from reconciler.emulator.targets import KINDS, Kind, NaturalKey, ObjectId

MAX_VERSION = 2**31 - 1

_FIELD_TYPES: Mapping[str, type[str] | type[int]] = MappingProxyType(
    {
        "type": str,
        **{field: str for kind in KINDS.values() for field in kind.fields},
        "subscriptionVersion": int,
    }
)
_QUERY_VALUES: Mapping[str, bool] = MappingProxyType({"true": True, "false": False})
_QUERY_NAMES = ("onlyReSend", "reMigrate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    named: NaturalKey | ObjectId
    flags: Flags


def read_order(*, query: str, body: bytes) -> Order:
    """Return what is asked for. Raise RefusedError."""
    document = _read_json(body)
    _refuse_if(_unknown_fields(document))
    _refuse_if(_wrong_values(document))
    return Order(flags=_read_flags(query), named=_read_named(document))


def _read_json(body: bytes) -> Mapping[str, object]:
    try:
        document = json.loads(body.decode(), object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        raise refused(Category.MALFORMED_REQUEST, "The request body is not well-formed JSON.") from None
    if not isinstance(document, dict):
        raise refused(Category.INVALID_VALUE, "The request body must be a JSON object.")
    return document


def _unique(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise ValueError("a key stands twice")
    return document


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _refuse_if(reasons: Iterable[Reason]) -> None:
    found = tuple(reasons)
    if found:
        raise RefusedError(found)


def _unknown_fields(document: Mapping[str, object]) -> Iterable[Reason]:
    for field in document:
        if field not in _FIELD_TYPES:
            message = f"{_shown(field)} is not a field of this request."
            yield Reason(category=Category.UNKNOWN_FIELD, message=message, resource=UNKNOWN_RESOURCE)


def _wrong_values(document: Mapping[str, object]) -> Iterable[Reason]:
    for field, value in document.items():
        fault = _text_fault(value) if _FIELD_TYPES[field] is str else _version_fault(value)
        if fault is None and field == "type" and value not in KINDS:
            fault = f"must be one of {', '.join(KINDS)}"
        if fault is not None:
            yield field_reason(Category.INVALID_VALUE, f"{field} {fault}.", field=field)


def _text_fault(value: object) -> str | None:
    if not isinstance(value, str):
        return "must be a string"
    if not value or not _is_encodable(value):
        return "must be text that is not empty"
    return None


def _version_fault(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_VERSION:
        return f"must be an integer from 1 to {MAX_VERSION}"
    return None


def _is_encodable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_flags(query: str) -> Flags:
    values = dict.fromkeys(_QUERY_NAMES, False)
    seen: set[str] = set()
    for name, text in parse_qsl(query, keep_blank_values=True):
        if name not in values or name in seen or text not in _QUERY_VALUES:
            message = f"The query may hold {' and '.join(_QUERY_NAMES)}, each once and true or false."
            raise refused(Category.INVALID_VALUE, message, field=name)
        seen.add(name)
        values[name] = _QUERY_VALUES[text]
    flags = Flags(only_re_send=values["onlyReSend"], re_migrate=values["reMigrate"])
    if flags not in RULES:
        raise refused(Category.RULE_RESTRICTION, "If onlyReSend is true, reMigrate can't be true.", field="onlyReSend")
    return flags


def _read_named(document: Mapping[str, object]) -> NaturalKey | ObjectId:
    if "type" not in document:
        raise refused(Category.MISSING_FIELD, "type may not be null.", field="type")
    kind = KINDS[str(document["type"])]
    given = document.keys() - {"type"}
    _refuse_if(_missing_fields(kind, given))
    _refuse_if(_broken_rules(kind, given))
    if kind.id_field in given:
        return ObjectId(type=kind.type, value=str(document[kind.id_field]))
    number, part = str(document[kind.number_field]), str(document.get(kind.part_field, ""))
    return NaturalKey(type=kind.type, number=number, part=part)


def _missing_fields(kind: Kind, given: Iterable[str]) -> Iterable[Reason]:
    if kind.id_field in given:
        return
    for field in kind.key_fields:
        if field not in given:
            message = f"{field} may not be null when {kind.id_field} is not given."
            yield field_reason(Category.MISSING_FIELD, message, field=field)


def _broken_rules(kind: Kind, given: Iterable[str]) -> Iterable[Reason]:
    for field in sorted(given):
        if field not in kind.fields:
            message = f"{field} does not identify a {kind.type}."
            yield field_reason(Category.RULE_RESTRICTION, message, field=field)
        elif field != kind.id_field and kind.id_field in given:
            message = f"{field} and {kind.id_field} must not both be given."
            yield field_reason(Category.RULE_RESTRICTION, message, field=field)


def _shown(text: str) -> str:
    return ascii(text[:80])
