"""Addresses: stable, readable, reversible."""

import pytest
from builders import charge, subscription, subscription_id
from hypothesis import given
from strategies import targets

from reconciler.core.address import address_order, format_address, lane_of, parse_address
from reconciler.core.target import ORDER_LINE_ITEM_NUMBER, RATE_PLAN_CHARGE_ID, Target

EXAMPLES = {
    "Subscription/A-S00000001@1": subscription(),
    "Subscription/id:8ad0": subscription_id(),
    "OrderLineItem/O-00000007#1": Target(ORDER_LINE_ITEM_NUMBER, ("O-00000007", "1")),
    "DynamicUsageCharge/C-00000042": charge(),
    "DynamicUsageCharge/id:8ad0": Target(RATE_PLAN_CHARGE_ID, ("8ad0",)),
    "Subscription/a%2Fb%40c%25d%20e%3Af@2": subscription(2, "a/b@c%d e:f"),
    "Subscription/id%3Ax@1": subscription(1, "id:x"),
    "Subscription/Zürich-契約@1": subscription(1, "Zürich-契約"),
}


@pytest.mark.parametrize(("address", "target"), EXAMPLES.items())
def test_an_address_is_written_and_read_like_this(address: str, target: Target) -> None:
    assert (format_address(target), parse_address(address)) == (address, target)


@given(targets())
def test_every_target_has_one_address_that_names_it_back(target: Target) -> None:
    assert parse_address(format_address(target)) == target


@pytest.mark.parametrize(
    "text",
    [
        *("", "Subscription", "Subscription/", "Subscription/A", "Subscription/A@x", "Subscription/A@01"),
        *("Order/O#1", "OrderLineItem/O", "subscription/A@1", "Subscription/a b@1", "Subscription/%zz@1"),
        *("Subscription/A@1@2", "Subscription/A@\u0661"),
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a|codec"):
        parse_address(text)


def test_numbers_sort_as_numbers() -> None:
    addresses = [format_address(subscription(version, name)) for name in ("S2", "S10") for version in (10, 9)]

    assert sorted(addresses, key=address_order) == [
        "Subscription/S2@9",
        "Subscription/S2@10",
        "Subscription/S10@9",
        "Subscription/S10@10",
    ]


def test_numbers_of_any_length_sort_as_numbers() -> None:
    least, middle, most = (f"OrderLineItem/O-{number}#1" for number in ("9" * 4_301, "1" + "0" * 4_301, "2" * 4_302))

    assert sorted([middle, most, least], key=address_order) == [least, middle, most]


def test_versions_of_one_subscription_share_a_lane_and_nothing_else_does() -> None:
    lanes = {
        lane_of(each) for each in (subscription(1), subscription(2), subscription(1, "B"), subscription_id(), charge())
    }

    assert len(lanes) == 4
