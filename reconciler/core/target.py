"""A target is the Zuora business object whose booking transactions are regenerated.

Rule: the six legal ways to name one are the table KEY_FORMS; everything else about targets is derived from it.

Source: developer.zuora.com, operation POST_RegenerateBookingTransaction (schema of 2026-09-11). That an id and a
natural key exclude each other is inferred: the reference documents no combination of them.
"""

from dataclasses import dataclass
from enum import StrEnum


class TargetType(StrEnum):
    SUBSCRIPTION = "Subscription"
    ORDER_LINE_ITEM = "OrderLineItem"
    DYNAMIC_USAGE_CHARGE = "DynamicUsageCharge"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyForm:
    """One way to name a target: the request's *fields*, in the order of the key; *separator* stands between them."""

    type: TargetType
    fields: tuple[str, ...]
    separator: str = ""
    by_id: bool = False


SUBSCRIPTION_NAME = KeyForm(
    type=TargetType.SUBSCRIPTION, fields=("subscriptionName", "subscriptionVersion"), separator="@"
)
SUBSCRIPTION_ID = KeyForm(type=TargetType.SUBSCRIPTION, fields=("subscriptionId",), by_id=True)
ORDER_LINE_ITEM_NUMBER = KeyForm(type=TargetType.ORDER_LINE_ITEM, fields=("orderNumber", "itemNumber"), separator="#")
ORDER_LINE_ITEM_ID = KeyForm(type=TargetType.ORDER_LINE_ITEM, fields=("orderLineItemId",), by_id=True)
CHARGE_NUMBER = KeyForm(type=TargetType.DYNAMIC_USAGE_CHARGE, fields=("chargeNumber",))
RATE_PLAN_CHARGE_ID = KeyForm(type=TargetType.DYNAMIC_USAGE_CHARGE, fields=("ratePlanChargeId",), by_id=True)

KEY_FORMS = (
    SUBSCRIPTION_NAME,
    SUBSCRIPTION_ID,
    ORDER_LINE_ITEM_NUMBER,
    ORDER_LINE_ITEM_ID,
    CHARGE_NUMBER,
    RATE_PLAN_CHARGE_ID,
)


@dataclass(frozen=True, slots=True)
class Target:
    """One target under the key as written. *key* holds one value for each field of *form*; a version is an int."""

    form: KeyForm
    key: tuple[str | int, ...]

    @property
    def type(self) -> TargetType:
        return self.form.type

    @property
    def fields(self) -> dict[str, str | int]:
        """The request's identifying fields, e.g. ``{"subscriptionName": "A-S1", "subscriptionVersion": 1}``."""
        return dict(zip(self.form.fields, self.key, strict=True))

    @property
    def body(self) -> dict[str, str | int]:
        """The body of the operation's request for this target."""
        return {"type": str(self.type), **self.fields}
