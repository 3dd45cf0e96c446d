"""What a fault puts on the wire.

Sources: developer.zuora.com, guides "Error handling" (gateway statuses, time-out), "Error codes" (categories, codes
as numbers), "Rate limits", "Concurrent request limits" and "Idempotent requests"; the lock text is what users report
of live tenants. The HTML page, the bodies of 409 and 422 and every odd form of a result are invented.
"""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, assert_never

from reconciler.emulator.envelope import Envelope
from reconciler.emulator.fault_kinds import (
    Bomb,
    Business,
    Canned,
    Duplicate,
    Gateway,
    GuardAnswer,
    InFlightConflict,
    Latency,
    Layer,
    Limited,
    Lost,
    Mismatch,
    OddResult,
    OperationAnswer,
    OtherHeaders,
    OwnAnswer,
    Refused,
    RetryAfter,
    SystemFailure,
    Unauthorized,
    wait_of,
)
from reconciler.emulator.faults import Fired, Moment
from reconciler.emulator.messages import NoAnswer, Reply, Response, json_response
from reconciler.emulator.reasons import Category, Reason, RefusedError
from reconciler.emulator.timestamps import http_date

IN_PROGRESS = "A request with this Idempotency-Key is still in progress."
LIMIT_TEXT = (
    "Your total number of concurrent requests have exceeded the limit allowed by the system."
    " Please resubmit your request later."
)
RATE_TEXT = "The rate limit is exceeded."

_MESSAGES: Mapping[Category, str] = MappingProxyType(
    {
        Category.LOCK_COMPETITION: "Operation failed due to a lock competition, please retry later.",
        Category.INTERNAL_ERROR: "An internal error has occurred.",
        Category.TEMPORARY_ERROR: "A temporary error has occurred, please retry later.",
        Category.REQUEST_LIMIT: LIMIT_TEXT,
        Category.INTEGRATION_ERROR: "An integration error has occurred.",
    }
)
_PHRASES: Mapping[int, str] = MappingProxyType(
    {500: "Internal Server Error", 502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Time-out"}
)


def answer_of(fault: OwnAnswer, envelope: Envelope, *, natural: Response | None) -> Response | NoAnswer:
    """Return what *fault* answers; *natural* is the right answer, where there is one."""
    match fault:
        case Lost():
            return NoAnswer.LOST
        case Refused():
            return NoAnswer.REFUSED
        case Gateway():
            return with_headers(_gateway(fault, envelope), fault.headers)
        case Bomb():
            return _bomb(fault, envelope)
        case Unauthorized() | Limited() | InFlightConflict() | Mismatch():
            return with_headers(_guard_answer(fault, envelope), fault.headers)
        case Canned() | Business() | SystemFailure() | OddResult():
            return with_headers(_operation_answer(fault, envelope, natural), fault.headers)
        case _:
            assert_never(fault)


def _guard_answer(fault: GuardAnswer, envelope: Envelope) -> Response:
    match fault:
        case Unauthorized():
            return envelope.unauthorized(fault.message)
        case Limited():
            return _limited(fault, envelope)
        case InFlightConflict():
            return _in_flight(fault, envelope)
        case Mismatch():
            message = "This Idempotency-Key belongs to a request with another tenant id."
            return envelope.answer(422, {"message": message})
        case _:
            assert_never(fault)


def _operation_answer(fault: OperationAnswer, envelope: Envelope, natural: Response | None) -> Response:
    match fault:
        case Canned():
            return _canned(fault, envelope)
        case Business():
            return _business(fault, envelope)
        case SystemFailure():
            return envelope.system_error()
        case OddResult():
            return _odd_result(fault, envelope, natural)
        case _:
            assert_never(fault)


def reply_through(fired: Fired | None, envelope: Envelope, natural: Callable[[], Response]) -> Reply:
    """Return the reply to a request that meets *fired*; *natural* gives the right answer, and has the effect."""
    if fired is None:
        return Reply(answer=natural())
    fault = fired.rule.fault
    match fault:
        case Latency():
            return Reply(answer=natural(), wait=latency_of(fault, fired))
        case OtherHeaders():
            return Reply(answer=with_headers(natural(), fault.headers))
        case Duplicate():
            return Reply(answer=natural())
        case _:
            right = natural() if fired.rule.when is Moment.AFTER else None
            return Reply(answer=answer_of(fault, envelope, natural=right), wait=wait_of(fault))


def latency_of(fault: Latency, fired: Fired) -> float:
    most = fault.seconds if fault.most is None else fault.most
    return fault.seconds + fired.chance * (most - fault.seconds)


def wait_after(fired: Fired) -> float:
    """Return how many seconds *fired* lets pass between an effect and its answer."""
    fault = fired.rule.fault
    if isinstance(fault, Latency):
        return latency_of(fault, fired)
    return 0.0 if isinstance(fault, OtherHeaders | Duplicate) else wait_of(fault)


def with_headers(response: Response, changes: Mapping[str, str | None]) -> Response:
    """Return *response* with some headers set, or left out where the value is None."""
    changed = {name.lower() for name in changes}
    kept = {name: value for name, value in response.headers.items() if name.lower() not in changed}
    return replace(response, headers=kept | {name: value for name, value in changes.items() if value is not None})


def _gateway(fault: Gateway, envelope: Envelope) -> Response:
    phrase = f"{fault.status} {_PHRASES.get(fault.status, 'Server Error')}"
    page = f"<html><head><title>{phrase}</title></head><body><center><h1>{phrase}</h1></center></body></html>\r\n"
    text, content_type = {"html": (page, "text/html"), "text": (phrase, "text/plain"), "empty": ("", "")}[fault.body]
    headers = {"Date": http_date(envelope.at), "Content-Type": content_type} | _retry(fault.retry_after, envelope)
    named = {name: value for name, value in headers.items() if value}
    return Response(status=fault.status, headers=named, body=text.encode())


def _canned(fault: Canned, envelope: Envelope) -> Response:
    usual = {"Date": http_date(envelope.at)} if fault.layer is Layer.GATEWAY else envelope.common_headers()
    content_type = {} if fault.content_type is None else {"Content-Type": fault.content_type}
    return Response(status=fault.status, headers=usual | content_type, body=fault.body)


def _bomb(fault: Bomb, envelope: Envelope) -> Response:
    headers = {"Content-Type": "application/json;charset=UTF-8", "Content-Encoding": "gzip"}
    return Response(status=200, headers=envelope.common_headers() | headers, body=_packed(fault.megabytes))


@lru_cache(maxsize=2)
def _packed(megabytes: int) -> bytes:
    """Return gzip of a right answer with *megabytes* of spaces in it."""
    compressor = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    spaces = b" " * 2**20
    parts = [compressor.compress(b'{"success":true,"idList":[')]
    parts += [compressor.compress(spaces) for _ in range(megabytes)]
    return b"".join([*parts, compressor.compress(b"]}"), compressor.flush()])


def _limited(fault: Limited, envelope: Envelope) -> Response:
    retry = _retry(fault.retry_after, envelope)
    if fault.limit == "concurrency":
        error = RefusedError([Reason(category=Category.REQUEST_LIMIT, message=LIMIT_TEXT)], headers=retry)
        return with_headers(envelope.refusal(error), {"Concurrency-Limit-Remaining": "0"})
    used_up = {"RateLimit-Remaining": "0", "RateLimit-Reset": str(fault.reset)}
    return with_headers(envelope.answer(429, {"message": RATE_TEXT}), used_up | retry)


def _in_flight(fault: InFlightConflict, envelope: Envelope) -> Response:
    if fault.lock_code:
        lock = Business(category=Category.LOCK_COMPETITION, message=IN_PROGRESS, status=409)
        return _business(lock, envelope)
    return envelope.answer(409, {"message": IN_PROGRESS})


def _business(fault: Business, envelope: Envelope) -> Response:
    message = fault.message or _MESSAGES.get(fault.category, "The request is refused.")
    reason = Reason(category=fault.category, message=message)
    response = envelope.refusal(RefusedError([reason], headers=_retry(fault.retry_after, envelope)))
    if fault.code is not None:
        document = json.loads(response.body)
        document["reasons"][0]["code"] = fault.code
        response = json_response(response.status, document, headers=response.headers)
    return response if fault.status is None else replace(response, status=fault.status)


def _odd_result(fault: OddResult, envelope: Envelope, natural: Response | None) -> Response:
    document = {} if natural is None else json.loads(natural.body)
    if natural is not None and document.get("success") is not True:
        return natural
    if fault.category is not None:
        reason = Reason(category=fault.category, message=_MESSAGES.get(fault.category, "Not everything went well."))
        document["reasons"] = [reason.document()]
    document |= {"success": fault.success}
    document |= _id_list(fault, document.get("idList", []))
    missing = {name for name, form in (("success", fault.success), ("idList", fault.id_list)) if form == "missing"}
    return envelope.answer(200, {name: value for name, value in document.items() if name not in missing})


def _id_list(fault: OddResult, kept: list[str]) -> dict[str, object]:
    forms: dict[str, Any] = {
        "kept": kept,
        "missing": kept,
        "null": None,
        "empty": [],
        "numbers": list(range(len(kept) or 1)),
        "text": ",".join(kept),
        "repeated": kept * 2,
    }
    if fault.id_list == "huge":
        return {"idList": [f"2c98{number:028x}" for number in range(fault.count)]}
    return {"idList": forms[fault.id_list]}


def _retry(wanted: RetryAfter | None, envelope: Envelope) -> dict[str, str]:
    match wanted:
        case None:
            return {}
        case RetryAfter(seconds=None, text=text):
            return {"Retry-After": text}
        case RetryAfter(seconds=seconds):
            return {"Retry-After": http_date(envelope.at + (seconds or 0.0))}
