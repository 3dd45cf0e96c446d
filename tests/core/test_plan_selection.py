"""What a selection takes of a plan, and what a plan warns of."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import (
    applied,
    charge,
    declare,
    entry,
    lost,
    plan_of,
    record,
    spec_of,
    subscription,
    subscription_id,
)

from reconciler.core.address import Address
from reconciler.core.declaration import Spec
from reconciler.core.diagnostics import Diagnostic, Place, Severity
from reconciler.core.plan import Blocked
from reconciler.core.selection import Selection, parse_selector
from reconciler.core.target import RATE_PLAN_CHARGE_ID, Target

ADDRESS = Address("Subscription/A-S00000001@1")
OLD = timedelta(hours=23)


def test_ids_and_numbers_of_one_type_are_warned_of_once() -> None:
    ids = [declare(subscription_id("a"), line=7), declare(subscription_id("b"))]
    plan = plan_of(spec_of(declare(), *ids, declare(charge())))

    assert plan.warnings == (
        Diagnostic(
            code="mixed-keys",
            severity=Severity.WARNING,
            summary="named by ids and by numbers: Subscription",
            detail="An id and a number may name one object, which would then be regenerated twice.",
            hint="Name all of a type by number: numbers survive promotion and keep versions in order.",
            place=Place("local/a.yaml", 7, 5),
        ),
    )


def test_a_type_named_by_ids_only_or_by_numbers_only_is_not_warned_of() -> None:
    assert (
        plan_of(spec_of(declare(subscription_id("a")), declare(subscription_id("b")), declare(charge()))).warnings == ()
    )


def test_all_types_that_mix_ids_and_numbers_are_named() -> None:
    by_id = Target(RATE_PLAN_CHARGE_ID, ("8ad1",))
    plan = plan_of(spec_of(declare(), declare(subscription_id()), declare(charge()), declare(by_id)))

    assert [each.summary for each in plan.warnings] == ["named by ids and by numbers: Subscription, DynamicUsageCharge"]


def test_a_selection_takes_what_matches_and_counts_the_rest() -> None:
    spec = spec_of(declare(), declare(charge()))
    selection = Selection(only=(parse_selector("Dynamic*"),))
    plan = plan_of(spec, selection=selection)

    assert [change.address for change in plan.changes] == ["DynamicUsageCharge/C-00000042"]
    assert plan.left_out == 1
    assert plan.selection == selection


@pytest.mark.parametrize("text", ["Subscription/*", "file:other/*", "type:Subscription", "action:resume"])
def test_a_change_is_selected_by_its_address_file_type_or_action(text: str) -> None:
    elsewhere = replace(declare(), place=Place("other/b.yaml", 1, 1))
    spec, entries = spec_of(elsewhere, declare(charge())), {ADDRESS: entry(lost(record(0)))}
    only = plan_of(spec, entries, selection=Selection(only=(parse_selector(text),)))
    rest = plan_of(spec, entries, selection=Selection(excepted=(parse_selector(text),)))

    assert [change.address for change in only.changes] == [ADDRESS]
    assert [change.address for change in rest.changes] == ["DynamicUsageCharge/C-00000042"]
    assert (only.warnings, rest.warnings) == ((), ())


def test_a_change_that_is_not_declared_is_in_no_file() -> None:
    only = Selection(only=(parse_selector("file:?*"),))
    plan = plan_of(spec_of(declare(charge())), {ADDRESS: entry(lost(record(0)))}, selection=only)

    assert [change.address for change in plan.changes] == ["DynamicUsageCharge/C-00000042"]


IDLE = {
    "C-00000042": "A glob matches a whole address, such as DynamicUsageCharge/C-00000042; * crosses /.",
    "file:a.yaml": "A glob matches a whole path, such as local/a.yaml; * crosses /.",
    "type:OrderLineItem": "Declared here: DynamicUsageCharge, Subscription.",
}


@pytest.mark.parametrize("text", IDLE)
def test_a_selector_that_no_declaration_matches_is_warned_of(text: str) -> None:
    selector, other = parse_selector(text), parse_selector("Subscription/*")
    only = plan_of(spec_of(declare(), declare(charge())), selection=Selection(only=(selector, other)))
    excepted = plan_of(spec_of(declare(), declare(charge())), selection=Selection(excepted=(other, selector)))

    assert only.warnings == (
        Diagnostic(
            code="nothing-selected",
            severity=Severity.WARNING,
            summary=f"{text!r} matches no declaration",
            hint=IDLE[text],
            place=Place("--only"),
        ),
    )
    assert excepted.warnings == (replace(only.warnings[0], place=Place("--except")),)


def test_what_the_state_knows_and_nobody_declares_any_more_may_be_selected() -> None:
    entries = {ADDRESS: entry(lost(record(0))), declare(subscription(2)).address: entry(applied(record(0)))}
    for text in ("*@1", "*@2", "type:Subscription"):
        only = Selection(only=(parse_selector(text),))
        assert plan_of(spec_of(declare(charge())), entries, selection=only).warnings == ()
    idle = Selection(only=(parse_selector("*@3"), parse_selector("file:*Subscription*")))
    assert len(plan_of(spec_of(declare(charge())), entries, selection=idle).warnings) == 2


def test_leaving_out_a_lower_version_is_warned_of() -> None:
    spec = spec_of(declare(subscription(1)), declare(subscription(2)), declare(subscription(3), line=9))
    excepted = Selection(excepted=(parse_selector("*@1"), parse_selector("*@2")))
    other_lane = declare(subscription(4, "A-S00000002"))
    plan = plan_of(Spec({**spec.declarations, other_lane.address: other_lane}), selection=excepted)

    assert plan.warnings == (
        Diagnostic(
            code="version-left-out",
            severity=Severity.WARNING,
            summary="Subscription/A-S00000001@3 is selected and Subscription/A-S00000001@1 before it is not",
            detail="A later version's booking transactions build on those of the version before it.",
            hint="Select the lower version too, or apply it first.",
            place=Place("local/a.yaml", 9, 5),
        ),
    )


def test_leaving_out_a_lower_version_of_what_is_not_declared_is_not_warned_of() -> None:
    entries = {declare(subscription(2)).address: entry(lost(record(0, target=subscription(2))))}
    plan = plan_of(spec_of(declare()), entries, selection=Selection(excepted=(parse_selector("*@1"),)))

    assert ([change.call for change in plan.changes], plan.left_out) == ([0], 1)
    assert [each.code for each in plan.warnings] == []


def test_leaving_out_a_higher_version_is_not_warned_of() -> None:
    spec = spec_of(declare(subscription(1)), declare(subscription(2)))

    assert plan_of(spec, selection=Selection(excepted=(parse_selector("*@2"),))).warnings == ()


def test_a_version_stays_blocked_when_the_undecided_one_is_not_selected() -> None:
    spec = spec_of(declare(subscription(1)), declare(subscription(2)))
    entries = {ADDRESS: entry(lost(record(0, age=OLD)))}
    plan = plan_of(spec, entries, selection=Selection(only=(parse_selector("*@2"),)))

    assert [type(change) for change in plan.changes] == [Blocked]
