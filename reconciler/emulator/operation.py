"""POST /v1/uno-regenerate/booking-transaction: from an authenticated request to what it answers and does."""

import sqlite3

from reconciler.emulator.bookings import Occasion, regenerate
from reconciler.emulator.client import entity_of
from reconciler.emulator.header_rules import check_headers
from reconciler.emulator.messages import Request
from reconciler.emulator.objects import DRAFT, BusinessObject, find_object
from reconciler.emulator.order import read_order
from reconciler.emulator.reasons import UNKNOWN_RESOURCE, Category, Reason, RefusedError, refused
from reconciler.emulator.targets import KINDS, NaturalKey, ObjectId
from reconciler.emulator.transfer import decoded_body

PATH = "/v1/uno-regenerate/booking-transaction"


def perform(connection: sqlite3.Connection, request: Request, occasion: Occasion) -> dict[str, object]:
    """Do what *request* asks inside the caller's transaction, and return the answer. Raise RefusedError: nothing is
    done.
    """
    _check_form(request)
    check_headers(request.headers, entity=entity_of(occasion.tenant))
    order = read_order(query=request.query, body=decoded_body(request))
    found = _require(find_object(connection, occasion.tenant, order.named), order.named)
    ids = regenerate(connection, found, flags=order.flags, occasion=occasion)
    return {"idList": list(ids), "success": True}


def target_of(connection: sqlite3.Connection, request: Request, tenant: str) -> str:
    """Return the readable address of what *request* names: by natural key where the object is known; "" for none."""
    try:
        named = read_order(query=request.query, body=decoded_body(request)).named
    except RefusedError:
        return ""
    found = find_object(connection, tenant, named)
    if found is not None:
        return found.key.address
    return named.address if isinstance(named, NaturalKey) else f"{named.type}/id:{named.value}"


def _check_form(request: Request) -> None:
    if request.method != "POST":
        reason = Reason(
            category=Category.UNSUPPORTED_REQUEST, message="Only POST is supported.", resource=UNKNOWN_RESOURCE
        )
        raise RefusedError([reason], headers={"Allow": "POST"})
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        reason = Reason(category=Category.UNSUPPORTED_REQUEST, message="Content-Type must be application/json.")
        raise RefusedError([reason], status=415)


def _require(found: BusinessObject | None, named: NaturalKey | ObjectId) -> BusinessObject:
    """Return *found* if its booking transactions can be regenerated."""
    field = _field(named)
    if found is None:
        raise refused(Category.NOT_FOUND, f"Cannot find the {named.type} that {field} names.", field=field)
    if found.state == DRAFT:
        message = f"{named.type} {found.key.number} is a draft; it has no booking transactions."
        raise refused(Category.RULE_RESTRICTION, message, field=field)
    return found


def _field(named: NaturalKey | ObjectId) -> str:
    kind = KINDS[named.type]
    return kind.id_field if isinstance(named, ObjectId) else kind.number_field
