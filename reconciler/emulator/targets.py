"""How business objects are named: by natural key in the ledger, by either key in a request.

Rule: everything that differs between the three types is in the table KINDS.
Source: developer.zuora.com, schema RegenerateBookingRequest.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SUBSCRIPTION = "Subscription"
ORDER_LINE_ITEM = "OrderLineItem"
DYNAMIC_USAGE_CHARGE = "DynamicUsageCharge"

_RESERVED = re.compile(r"[\x00-\x7f](?<![A-Za-z0-9._~+-])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One type of business object. *part_field* names the second half of its natural key, "" where it has none."""

    type: str
    id_field: str
    number_field: str
    part_field: str = ""
    separator: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.id_field, *self.key_fields)

    @property
    def key_fields(self) -> tuple[str, ...]:
        return tuple(field for field in (self.number_field, self.part_field) if field)


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        SUBSCRIPTION: Kind(
            type=SUBSCRIPTION,
            id_field="subscriptionId",
            number_field="subscriptionName",
            part_field="subscriptionVersion",
            separator="@",
        ),
        ORDER_LINE_ITEM: Kind(
            type=ORDER_LINE_ITEM,
            id_field="orderLineItemId",
            number_field="orderNumber",
            part_field="itemNumber",
            separator="#",
        ),
        DYNAMIC_USAGE_CHARGE: Kind(type=DYNAMIC_USAGE_CHARGE, id_field="ratePlanChargeId", number_field="chargeNumber"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NaturalKey:
    """*part* is the subscription's version, the order line item's number or "" for a dynamic usage charge."""

    type: str
    number: str
    part: str = ""

    @property
    def address(self) -> str:
        """The readable name of the object, with reserved ASCII percent-encoded: ``Subscription/A-S00000001@1``."""
        tail = f"{KINDS[self.type].separator}{_encode(self.part)}" if self.part else ""
        return f"{self.type}/{_encode(self.number)}{tail}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectId:
    type: str
    value: str


def _encode(text: str) -> str:
    return _RESERVED.sub(lambda match: f"%{ord(match.group()):02X}", text)
