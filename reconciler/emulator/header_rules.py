"""The rules of the Zuora request headers.

Source: developer.zuora.com, reference of POST_RegenerateBookingTransaction (request headers) and the guide
"Requests and responses"; that an unknown Zuora-Version is refused is inferred.
"""

import re
from collections.abc import Mapping

from reconciler.emulator.messages import Request
from reconciler.emulator.reasons import Category, Reason, RefusedError, refused

FIRST_LISTED_VERSION = 186
LAST_LISTED_VERSION = 341
MAPPED_VERSIONS = ("2024-05-20", "2025-08-12")

MAX_KEY_LENGTH = 255
KEYED_METHODS = frozenset({"POST", "PATCH"})

_TRACK_ID = re.compile(r"""[ -~]{1,64}""", re.ASCII)
_TRACK_ID_FORBIDDEN = frozenset(":;\"'")
_LISTED_VERSION = re.compile(r"([0-9]{3})\.0")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def maps_status(version: str | None) -> bool:
    """Say whether a business error gets its own HTTP status; under older versions it comes with HTTP 200.

    An unknown version counts as new, so that its refusal cannot be taken for a success.
    """
    return version is not None and not _is_listed(version)


def is_track_id(value: str) -> bool:
    return _TRACK_ID.fullmatch(value) is not None and _TRACK_ID_FORBIDDEN.isdisjoint(value)


def idempotency_key(request: Request) -> str | None:
    """Return the Idempotency-Key of *request*. Source: guide "Idempotent requests", only POST and PATCH accept it."""
    return request.headers.get("idempotency-key") if request.method in KEYED_METHODS else None


def check_idempotency_key(key: str) -> None:
    if not 1 <= len(key) <= MAX_KEY_LENGTH:
        message = f"Idempotency-Key must have 1 to {MAX_KEY_LENGTH} characters; this one has {len(key)}."
        raise refused(Category.INVALID_VALUE, message)


def check_headers(headers: Mapping[str, str], *, entity: str) -> None:
    _check_version(headers.get("zuora-version"))
    _check_track_id(headers.get("zuora-track-id"))
    _check_entity(headers.get("zuora-entity-ids"), entity=entity)


def _is_listed(version: str) -> bool:
    match = _LISTED_VERSION.fullmatch(version)
    return match is not None and FIRST_LISTED_VERSION <= int(match[1]) <= LAST_LISTED_VERSION


def _check_version(version: str | None) -> None:
    if version is not None and version not in MAPPED_VERSIONS and not _is_listed(version):
        raise refused(Category.INVALID_VALUE, "Zuora-Version is not a known API version.")


def _check_track_id(track_id: str | None) -> None:
    if track_id is not None and not is_track_id(track_id):
        message = "Zuora-Track-Id must have 1 to 64 US-ASCII characters and none of : ; \" '"
        raise refused(Category.INVALID_VALUE, message)


def _check_entity(value: str | None, *, entity: str) -> None:
    if value is None:
        return
    if _UUID.fullmatch(value) is None:
        raise refused(Category.INVALID_VALUE, "Zuora-Entity-Ids must be one entity id (a UUID with hyphens).")
    if value.lower() != entity:
        message = "The entity in Zuora-Entity-Ids is not accessible with this token."
        raise RefusedError([Reason(category=Category.PERMISSION_DENIED, message=message, resource="900000")])
