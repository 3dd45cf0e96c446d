"""The fast way into a spec file: what it takes means what the parser says, and it takes nothing else."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.core.declaration import Declaration
from reconciler.formats.plain_lists import take_plain_lists
from reconciler.formats.spec import read_spec, read_table
from reconciler.formats.yaml_reader import read_yaml

HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"
SUBSCRIPTIONS = """\
subscriptions:
  - {subscriptionName: A-S00000001, subscriptionVersion: 1}
  - subscriptionName: "A-S00000001"
    subscriptionVersion: 2
  - {subscriptionName: A-S00000002, subscriptionVersion: 10}
"""
ITEMS = """\
orderLineItems:
- orderNumber: O-00000001
  itemNumber: "1"
- {orderNumber: O-00000001, itemNumber: "2"}
"""
CHARGES = """\
dynamicUsageCharges:
    - chargeNumber: C-00000001
    - {chargeNumber: C-00000002}
"""
IDS = "subscriptions:\n  - subscriptionId: 2c9890508ad035db018ad0d8d1685fef\n"
TAIL = "reason: after the backfill of March\nowner: revenue\n# the end\n"
PLAIN = (
    HEAD + SUBSCRIPTIONS,
    HEAD + SUBSCRIPTIONS + ITEMS + CHARGES,
    HEAD + "\n" + CHARGES + "\n" + TAIL + ITEMS,
    TAIL + HEAD + IDS,
    "version: 1\nflags:\n  onlyReSend: true\n  reMigrate: false\n" + SUBSCRIPTIONS,
)


def parsed(text: str) -> list[Declaration] | None:
    """What the parser makes of *text*, None if it reports anything."""
    reading = read_yaml(text.encode(), "a.yaml")
    found = read_spec(reading)
    return None if reading.diagnostics else found.declarations


def quickly(text: str) -> list[Declaration] | None:
    found = read_table(text.encode(), "a.yaml", least=0)
    return None if found is None else [*found[0]]


def by_place(found: list[Declaration] | None) -> list[Declaration] | None:
    return None if found is None else sorted(found, key=lambda each: each.place)


@pytest.mark.parametrize("text", PLAIN)
def test_plain_lists_are_taken_whole_and_mean_what_the_parser_says(text: str) -> None:
    taken = take_plain_lists(text)
    assert taken is not None
    rest, _ = taken

    assert ": A-S" not in rest
    assert "C-0" not in rest
    assert rest.count("\n") == text.count("\n")
    assert by_place(quickly(text)) == by_place(parsed(text)) != []


@pytest.mark.parametrize(
    "text",
    [
        SUBSCRIPTIONS + "trigger: 'a\n",
        "reason: 'one\n" + SUBSCRIPTIONS + "  two'\n" + HEAD,
        'reason: "one\n' + SUBSCRIPTIONS + 'two"\n' + HEAD,
        "reason: |\n" + SUBSCRIPTIONS + HEAD,
        "reason: {a: [\n" + SUBSCRIPTIONS + "]}\n" + HEAD,
        HEAD + "--- \n" + SUBSCRIPTIONS,
        HEAD + SUBSCRIPTIONS + "---\n",
        HEAD + SUBSCRIPTIONS + "...\n",
        HEAD + SUBSCRIPTIONS.replace(": A-S00000002", ": no"),
        HEAD + SUBSCRIPTIONS.replace(": A-S00000002", ": 12e3"),
        HEAD + SUBSCRIPTIONS.replace(": A-S00000002", ": 0123"),
        HEAD + SUBSCRIPTIONS.replace(": A-S00000002", ": &x A"),
        HEAD + SUBSCRIPTIONS.replace("Version: 10", "Version: 010"),
        HEAD + SUBSCRIPTIONS.replace("Version: 10", "Version: 1, trigger: again"),
        HEAD + SUBSCRIPTIONS.replace("  - {", "  - # why\n    {", 1),
        HEAD + SUBSCRIPTIONS.replace("  - {", "\n  - {", 1),
        HEAD + SUBSCRIPTIONS.replace("  - {", "   - {", 1),
        HEAD + SUBSCRIPTIONS.replace("    sub", "     sub", 1),
        HEAD + SUBSCRIPTIONS.replace("\n", "\r\n"),
        HEAD + SUBSCRIPTIONS.replace("\n  ", "\n" + " " * 17),
        HEAD + SUBSCRIPTIONS + ITEMS + CHARGES + IDS,
        HEAD + SUBSCRIPTIONS.replace("A-S00000002", "A" * 256),
    ],
)
def test_what_could_be_mistaken_is_left_to_the_parser(text: str) -> None:
    assert take_plain_lists(text) is None
    assert by_place(quickly(text)) == by_place(parsed(text))


@pytest.mark.parametrize(
    "text",
    [
        SUBSCRIPTIONS,
        "version: 1\n" + SUBSCRIPTIONS,
        HEAD + SUBSCRIPTIONS + SUBSCRIPTIONS,
        HEAD + SUBSCRIPTIONS + "subscriptions: []\n",
        HEAD + SUBSCRIPTIONS + "sources: []\nsubscription: []\n",
        HEAD + SUBSCRIPTIONS + "trigger: 12\n",
        HEAD.replace("false", "true") + SUBSCRIPTIONS,
    ],
)
def test_a_fault_beside_plain_lists_is_told_by_the_parser(text: str) -> None:
    assert take_plain_lists(text) is not None
    assert quickly(text) is parsed(text) is None


pieces = st.sampled_from(
    ['"', "'", "{", "}", "[", "]", ":", "-", " ", "  ", "\n", "#", "|", ">", "&a ", "*a", "!!str ", ",", "x", "0", "~"]
)


@given(st.sampled_from(PLAIN), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), pieces), max_size=3))
@example(PLAIN[0], [(0, 0, "\ufeff")])
def test_a_text_that_was_changed_anywhere_means_what_the_parser_says(
    text: str, changes: list[tuple[int, int, str]]
) -> None:
    for at, cut, put in changes:
        text = text[:at] + put + text[at + cut :]

    assert by_place(quickly(text)) == by_place(parsed(text))
