"""The operation on the wire: a regeneration to a request, a response to an answer. Pure.

Source of everything here: developer.zuora.com, API reference of 2026-09-11, POST_RegenerateBookingTransaction, and the
guides on requests and responses and on error codes.
"""

import gzip
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any

from reconciler.core.outcome import Answer, Reason, Traffic
from reconciler.core.tenancy import Tenancy
from reconciler.ports import Regeneration

PATH = "/v1/uno-regenerate/booking-transaction"
ZUORA_VERSION = "2025-08-12"
"""Pinned: a tenant's default version may report business errors as HTTP 200, or change from one day to the next."""

COMPRESS_ABOVE = 1000
"""Bytes of body above which gzip is used: the platform's own rule for its answers."""

MAX_BODY = 64 * 1024 * 1024
MAX_MESSAGE = 200

_UNSHOWABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")
_UUID_LENGTH = 36
_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRequest:
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


class BadBody(Exception):
    """A response body that cannot be decoded, or that would be larger than MAX_BODY."""


def encode(regeneration: Regeneration, *, tenancy: Tenancy, send_entity: bool, orgs: tuple[str, ...]) -> WireRequest:
    """Return the request of one send; authorization is added by whoever holds the token."""
    body = json.dumps(dict(regeneration.body), separators=(",", ":"), sort_keys=True).encode()
    is_long = len(body) > COMPRESS_ABOVE
    headers = {
        "Accept": "application/json",
        "Accept-Encoding": "gzip",
        "Content-Type": "application/json",
        "Idempotency-Key": regeneration.key,
        "Zuora-Track-Id": regeneration.track_id,
        "Zuora-Version": ZUORA_VERSION,
        **({"Content-Encoding": "gzip"} if is_long else {}),
        **({"Zuora-Entity-Ids": tenancy.entity} if send_entity and tenancy.entity else {}),
        **({"Zuora-Org-Ids": ",".join(orgs)} if orgs else {}),
    }
    query = {name: "true" if value else "false" for name, value in regeneration.flags.items()}
    return WireRequest(path=PATH, query=query, headers=headers, body=gzip.compress(body, mtime=0) if is_long else body)


def decompress(body: bytes, encoding: str) -> bytes:
    """Undo a response's Content-Encoding within MAX_BODY bytes of memory. Raise BadBody if that cannot be done."""
    if encoding in ("", "identity"):
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise BadBody(f"the answer is encoded as {clean(encoding)}, which was not asked for")
    decoder = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = decoder.decompress(body, MAX_BODY)
    except zlib.error as error:
        raise BadBody(f"the answer is not gzip ({error})") from error
    if decoder.unconsumed_tail:
        raise BadBody(f"the answer is larger than {MAX_BODY} bytes")
    if not decoder.eof:
        raise BadBody("the answer ends in the middle")
    return plain


def decode(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """Return what a response says. Whatever is not one of the platform's JSON shapes is no business answer."""
    fields = {name.lower(): value for name, value in headers.items()}
    request_id = clean(fields.get("zuora-request-id", ""))[:_UUID_LENGTH] or None
    traffic = traffic_of(fields)
    retry_after = _retry_after(fields, traffic)
    value = _json_object(body)
    if value is None:
        return Answer(status=status, is_business=False, request_id=request_id, retry_after=retry_after, traffic=traffic)
    success = value.get("success", value.get("Success"))
    reasons = tuple(_reasons(value))
    return Answer(
        status=status,
        is_business=isinstance(success, bool) or any(reason.code for reason in reasons),
        success=success if isinstance(success, bool) else None,
        id_list=_ids(value.get("idList")),
        retry_after=retry_after,
        traffic=traffic,
        reasons=reasons,
        process_id=_text(value.get("processId")),
        request_id=request_id or _text(value.get("requestId")),
    )


def clean(text: str) -> str:
    """Return foreign *text* fit for a terminal and a document: one line, nothing invisible, not too long."""
    line = " ".join(_UNSHOWABLE.sub(" ", text).split())
    return line if len(line) <= MAX_MESSAGE else line[: MAX_MESSAGE - 1] + "…"


def traffic_of(fields: Mapping[str, str]) -> Traffic:
    """Read the headers of the guides on rate limits and on concurrent request limits; *fields* are in lower case.

    ``RateLimit-Limit`` begins with the quota that Remaining and Reset speak of, and may list all windows behind it.
    """
    return Traffic(
        limit=_count(fields.get("concurrency-limit-limit", "")) or None,
        free=_count(fields.get("concurrency-limit-remaining", "")),
        quota=_count(fields.get("ratelimit-limit", "").partition(",")[0].partition(";")[0]) or None,
        left=_count(fields.get("ratelimit-remaining", "")),
        reset=_count(fields.get("ratelimit-reset", "")),
        date=date_of(fields.get("date", "")),
    )


def _count(text: str) -> int | None:
    """Return a number that a header can sensibly hold, else None."""
    digits = text.strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _DIGITS else None


def date_of(text: str) -> datetime | None:
    """Return the moment of an HTTP date (RFC 9110), or None if it is none."""
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo else None


def _retry_after(fields: Mapping[str, str], traffic: Traffic) -> float | None:
    """Return the seconds that an answer asks to wait: as such, as a date counted from its own Date, else the reset.

    The guide on rate limits shows a 429 with RateLimit-Reset alone, the one on errors promises Retry-After.
    """
    text = fields.get("retry-after", "").strip()
    try:
        return float(text)
    except ValueError:
        pass
    until = date_of(text)
    if until is not None and traffic.date is not None:
        return (until - traffic.date).total_seconds()
    return traffic.reset if traffic.left == 0 else None


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _reasons(value: Mapping[str, Any]) -> Iterator[Reason]:
    """The shapes in use: v1 ``reasons``, CRUD ``Errors``, ``error``, and a bare ``code`` and ``message``."""
    for name, code, message in (("reasons", "code", "message"), ("Errors", "Code", "Message")):
        listed = value.get(name)
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, dict):
                yield Reason(_code(each.get(code)), clean(str(each.get(message, ""))))
    nested = value.get("error")
    for each in (nested if isinstance(nested, dict) else {}, value):
        if "message" in each:
            yield Reason(_code(each.get("code")), clean(str(each["message"])))


def _code(value: object) -> str:
    """A code is a number in some answers and text in others."""
    is_code = isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool))
    return clean(str(value)) if is_code else ""


def _ids(value: object) -> tuple[str, ...] | None:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        return None
    return tuple(clean(each) for each in value)


def _text(value: object) -> str | None:
    return clean(value) if isinstance(value, str) and value else None
