"""Why the platform refuses: an 8-digit code is a 6-digit resource and a 2-digit category.

Rule: everything that turns a category into a code or an HTTP status is in this file.
Source: developer.zuora.com, guide "Error codes", and the upgrade notes of 2024-05-20 for the HTTP statuses. Which
resource number belongs to which field of this operation is not published; those in RESOURCES are the emulator's
own.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType


class Category(IntEnum):
    PERMISSION_DENIED = 10
    AUTHENTICATION_FAILED = 11
    INVALID_VALUE = 20
    UNKNOWN_FIELD = 21
    MISSING_FIELD = 22
    RULE_RESTRICTION = 30
    NOT_FOUND = 40
    UNSUPPORTED_REQUEST = 45
    LOCK_COMPETITION = 50
    INTERNAL_ERROR = 60
    TEMPORARY_ERROR = 61
    REQUEST_LIMIT = 70
    MALFORMED_REQUEST = 90
    INTEGRATION_ERROR = 99


STATUSES: Mapping[Category, int] = MappingProxyType(
    {
        Category.PERMISSION_DENIED: 403,
        Category.AUTHENTICATION_FAILED: 401,
        Category.INVALID_VALUE: 400,
        Category.UNKNOWN_FIELD: 400,
        Category.MISSING_FIELD: 400,
        Category.RULE_RESTRICTION: 400,
        Category.NOT_FOUND: 404,
        Category.UNSUPPORTED_REQUEST: 405,
        Category.LOCK_COMPETITION: 409,
        Category.INTERNAL_ERROR: 500,
        Category.TEMPORARY_ERROR: 500,
        Category.REQUEST_LIMIT: 429,
        Category.MALFORMED_REQUEST: 400,
        Category.INTEGRATION_ERROR: 500,
    }
)

UNKNOWN_RESOURCE = "500000"
OPERATION_RESOURCE = "610100"
RESOURCES: Mapping[str, str] = MappingProxyType(
    {
        "type": "610101",
        "subscriptionId": "610102",
        "subscriptionName": "610103",
        "subscriptionVersion": "610104",
        "orderLineItemId": "610105",
        "orderNumber": "610106",
        "itemNumber": "610107",
        "ratePlanChargeId": "610108",
        "chargeNumber": "610109",
        "onlyReSend": "610110",
        "reMigrate": "610111",
    }
)


NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    category: Category
    message: str
    resource: str = OPERATION_RESOURCE

    @property
    def code(self) -> str:
        return f"{self.resource}{self.category:02d}"

    def document(self) -> dict[str, str]:
        return {"code": self.code, "message": self.message}


class RefusedError(Exception):
    """The platform refuses a request for one or more reasons of one category."""

    def __init__(
        self, reasons: Sequence[Reason], *, status: int | None = None, headers: Mapping[str, str] = NO_HEADERS
    ) -> None:
        super().__init__("; ".join(reason.message for reason in reasons))
        self.reasons = tuple(reasons)
        self.status = STATUSES[reasons[0].category] if status is None else status
        self.headers = MappingProxyType(dict(headers))


def refused(category: Category, message: str, *, field: str = "") -> RefusedError:
    return RefusedError([field_reason(category, message, field=field)])


def field_reason(category: Category, message: str, *, field: str) -> Reason:
    return Reason(category=category, message=message, resource=RESOURCES.get(field, OPERATION_RESOURCE))
