"""Hypothesis strategies for declarations, entries and histories of a few addresses."""

from dataclasses import replace
from datetime import timedelta

from builders import NOW, applied, declare, lost, record, refused
from hypothesis import strategies as st

from reconciler.core.address import format_address
from reconciler.core.declaration import Declaration, Flags, Spec
from reconciler.core.entry import Applied, Entry, Refused, Unsettled
from reconciler.core.keymap import KeyMap
from reconciler.core.target import (
    CHARGE_NUMBER,
    KEY_FORMS,
    ORDER_LINE_ITEM_NUMBER,
    SUBSCRIPTION_NAME,
    Target,
)

names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), min_size=1, max_size=12
).filter(lambda text: text == text.strip())
versions = st.integers(1, 999_999_999)
flags = st.sampled_from(Flags)
triggers = st.sampled_from([None, "t1", "t2"])


@st.composite
def targets(draw: st.DrawFn) -> Target:
    form = draw(st.sampled_from(KEY_FORMS))
    key = [draw(versions) if field == "subscriptionVersion" else draw(names) for field in form.fields]
    return Target(form, tuple(key))


few_targets = st.sampled_from(
    [
        *(Target(SUBSCRIPTION_NAME, (name, version)) for name in ("S1", "S2") for version in (1, 2, 10)),
        Target(ORDER_LINE_ITEM_NUMBER, ("O1", "1")),
        Target(CHARGE_NUMBER, ("C1",)),
    ]
)


KEY_MAPS = (
    None,
    KeyMap("keys.csv", {"subscriptionName": {"S1": "S2", "S2": "S1"}, "orderNumber": {"O1": "O1"}}),
    KeyMap("keys.csv", {"subscriptionName": {"S1": "P1", "S2": "S2"}, "chargeNumber": {"C1": "C9"}}),
)
"""A map need not be complete here: that it is, is for the reader to see to."""

keymaps = st.sampled_from(KEY_MAPS)


@st.composite
def declarations(draw: st.DrawFn, target: st.SearchStrategy[Target] = few_targets) -> Declaration:
    return declare(draw(target), draw(flags), draw(triggers), draw(st.integers(1, 9)))


@st.composite
def specs(draw: st.DrawFn) -> Spec:
    found = draw(st.lists(declarations(), unique_by=lambda each: each.address, max_size=8))
    return Spec({each.address: each for each in found}, draw(keymaps))


@st.composite
def outcomes(draw: st.DrawFn, target: Target, number: int) -> Applied | Refused | Unsettled:
    """How one call may have ended, some time in the last two days."""
    age = draw(
        st.sampled_from([timedelta(minutes=1), timedelta(hours=22, minutes=59), timedelta(hours=23), timedelta(days=2)])
    )
    sent_as = Spec({}, draw(keymaps)).sent_as(format_address(target))
    call = record(number, draw(flags), target=target, trigger=draw(triggers), age=age, sent_as=sent_as)
    kind = draw(st.sampled_from(["applied", "refused", "lost", "spent", "saved error", "said undone"]))
    said = "looked it up" if kind == "said undone" else None
    if kind == "applied":
        return applied(call)
    if kind == "refused":
        return refused(call)
    found = lost(call, last_sent=NOW - age, spent=kind == "spent", saved_error=kind == "saved error")
    return replace(found, resolution=said)


@st.composite
def entries(draw: st.DrawFn, target: Target) -> Entry:
    """What is known after a few calls of *target*, numbered as the planner numbers them."""
    known = Entry()
    for _ in range(draw(st.integers(0, 4))):
        number = max([known.next_call, *(each.call.number + 1 for each in known.unsettled)])
        outcome = draw(outcomes(target, number))
        match outcome:
            case Applied():
                known = known.with_applied(outcome)
            case Refused():
                known = known.with_refused(outcome)
            case Unsettled():
                known = known.with_unsettled(outcome)
    return replace(known, restored=draw(st.sampled_from([False, False, False, True])))


@st.composite
def histories(draw: st.DrawFn) -> dict[str, Entry]:
    found = draw(st.lists(few_targets, unique=True, max_size=8))
    return {format_address(target): draw(entries(target)) for target in found}
