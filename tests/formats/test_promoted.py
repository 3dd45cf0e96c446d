"""Declarations carried into spec files: few lines, every comment, and exactly what was declared."""

import difflib
import itertools
import re
from dataclasses import replace

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st
from written_specs import written_specs

from reconciler.core.declaration import Declaration
from reconciler.core.diagnostics import InvalidInput
from reconciler.formats.commented import read_commented
from reconciler.formats.promoted import carried, new_file
from reconciler.formats.spec import read_spec
from reconciler.formats.yaml_reader import read_yaml

HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\ntrigger: t1\nreason: REV-1\n"
SOURCE = f"""\
# the head of the file
{HEAD}subscriptions: # a list
  # about the first
  - {{subscriptionName: A-1, subscriptionVersion: 1}} # first
  - {{subscriptionName: A-2, subscriptionVersions: [1, 2, 3]}} # three
orderLineItems:
  - orderNumber: O-1
    itemNumber: "1"
    flags: {{onlyReSend: true, reMigrate: false}}
    owner: "someone: else"
"""


def declared(text: str) -> list[Declaration]:
    reading = read_yaml(text.encode(), "a.yaml")
    found = read_spec(reading).declarations
    assert reading.diagnostics == []
    return found


def said(found: list[Declaration]) -> set[object]:
    return {(each.address, each.flags, each.trigger, each.reason, each.owner) for each in found}


def rows(text: str) -> list[object]:
    """What the rows of sources inherit."""
    sources = read_spec(read_yaml(text.encode(), "a.yaml")).sources
    return [(each.path, each.type, each.common) for each in sources]


def changed(before: str, after: str) -> list[str]:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return [line for line in lines if line[:1] in "+-" and not line.startswith(("+++", "---"))]


ALL = declared(SOURCE)


def test_a_new_file_in_which_all_is_wanted_is_its_source_to_the_byte() -> None:
    assert new_file(SOURCE.encode(), "b.yaml", ALL).text == SOURCE


def test_a_new_file_holds_what_is_wanted_of_its_source_with_the_comments_of_that() -> None:
    wanted = [each for each in ALL if each.address in ("Subscription/A-2@1", "Subscription/A-2@3")]
    made = new_file(SOURCE.encode(), "b.yaml", wanted).text

    assert said(declared(made)) == said(wanted)
    assert "# the head of the file" in made
    assert "  - {subscriptionName: A-2, subscriptionVersions: [1, 3]} # three" in made
    assert "first" not in made
    assert "orderLineItems" not in made


THERE = f"""\
{HEAD}subscriptions:
  - {{subscriptionName: A-1, subscriptionVersion: 1}} # ours
  # the end of the list
# the end of the file
"""


def test_what_is_new_is_added_to_its_list_and_nothing_else_changes() -> None:
    made = carried(THERE.encode(), "b.yaml", ALL).text

    assert said(declared(made)) == said(ALL)
    assert changed(THERE, made) == [
        "+  - {subscriptionName: A-2, subscriptionVersion: 1}",
        "+  - {subscriptionName: A-2, subscriptionVersion: 2}",
        "+  - {subscriptionName: A-2, subscriptionVersion: 3}",
        "+orderLineItems:",
        '+  - {orderNumber: O-1, itemNumber: "1", flags: {onlyReSend: true, reMigrate: false}, owner: "someone: else"}',
    ]


def test_carried_again_it_changes_nothing() -> None:
    once = carried(THERE.encode(), "b.yaml", ALL).text

    assert carried(once.encode(), "b.yaml", ALL).text == once


def test_a_new_trigger_of_a_whole_file_is_one_line() -> None:
    again = declared(SOURCE.replace("trigger: t1", "trigger: t2"))
    made = carried(SOURCE.encode(), "b.yaml", again).text

    assert changed(SOURCE, made) == ["-trigger: t1", "+trigger: t2"]


def test_a_new_trigger_of_some_is_said_at_each() -> None:
    wanted = [each for each in declared(SOURCE.replace("trigger: t1", "trigger: t2")) if "A-1" in each.address]
    made = carried(SOURCE.encode(), "b.yaml", wanted).text

    assert changed(SOURCE, made) == [
        "-  - {subscriptionName: A-1, subscriptionVersion: 1} # first",
        "+  - {subscriptionName: A-1, subscriptionVersion: 1, trigger: t2} # first",
    ]


SOURCES = "sources:\n  - {csv: data/b.csv, type: Subscription}\n"


def test_the_head_of_a_file_whose_rows_inherit_its_trigger_stays() -> None:
    there = f"{HEAD}subscriptions:\n  - {{subscriptionName: A-1, subscriptionVersion: 1}}\n{SOURCES}"
    wanted = declared(there.replace("trigger: t1", "trigger: t2"))
    made = carried(there.encode(), "b.yaml", wanted).text

    assert changed(there, made) == [
        "-  - {subscriptionName: A-1, subscriptionVersion: 1}",
        "+  - {subscriptionName: A-1, subscriptionVersion: 1, trigger: t2}",
    ]


def test_the_head_changes_where_the_rows_have_a_trigger_of_their_own() -> None:
    sources = SOURCES.replace("}", ", trigger: t0}")
    there = f"{HEAD}subscriptions:\n  - {{subscriptionName: A-1, subscriptionVersion: 1}}\n{sources}"
    wanted = declared(there.replace("trigger: t1", "trigger: t2"))

    assert changed(there, carried(there.encode(), "b.yaml", wanted).text) == ["-trigger: t1", "+trigger: t2"]


def test_the_head_stays_where_nothing_that_is_wanted_inherits_it() -> None:
    several = "  - {subscriptionName: A-2, subscriptionVersions: [1, 2], trigger: t1}\n"
    there = f"{HEAD}subscriptions:\n{several}"
    wanted = declared(there.replace("trigger: t1", "trigger: t2"))[:1]

    assert carried(there.encode(), "b.yaml", wanted).text == there


def test_one_version_of_several_that_are_declared_together_is_left_out_with_a_reason() -> None:
    wanted = [each for each in declared(SOURCE.replace("trigger: t1", "trigger: t2")) if "A-2@2" in each.address]
    made = carried(SOURCE.encode(), "b.yaml", wanted)

    assert made.text == SOURCE
    assert [(each.address, why) for each, why in made.left_out] == [
        (
            "Subscription/A-2@2",
            "it is declared there together with other versions, and otherwise; write it out there first",
        )
    ]


def test_what_the_head_of_the_file_there_says_for_all_cannot_be_taken_back() -> None:
    wanted = declared(SOURCE.replace("trigger: t1\n", ""))
    made = carried(THERE.encode(), "b.yaml", wanted)

    assert made.text == THERE
    assert {why for _, why in made.left_out} == {"the file there says trigger: for all, and this has none"}


@pytest.mark.parametrize(
    ("there", "line"),
    [
        ("subscriptions: []\n", "subscriptions:\n  - {subscriptionName: A-1, subscriptionVersion: 1}\n"),
        (
            "subscriptions:   [ ] # none yet\n",
            "subscriptions: # none yet\n  - {subscriptionName: A-1, subscriptionVersion: 1}\n",
        ),
        (
            "subscriptions: [{subscriptionId: x}]\n",
            "subscriptions: [{subscriptionId: x}, {subscriptionName: A-1, subscriptionVersion: 1}]",
        ),
        (
            "subscriptions:\n- {subscriptionId: x}\n",
            "- {subscriptionName: A-1, subscriptionVersion: 1}",
        ),
        (
            "subscriptions:\n    - subscriptionId: x",
            "    - {subscriptionName: A-1, subscriptionVersion: 1}",
        ),
    ],
)
def test_an_item_is_written_as_the_list_is(there: str, line: str) -> None:
    made = carried(f"{HEAD}{there}".encode(), "b.yaml", ALL[:1]).text

    assert f"\n{line}\n" in made if "\n" not in line else line in made


FOLDED = f"""\
{HEAD}subscriptions:
  - subscriptionId: x
    reason: >-
      a text
      of two lines
"""
NEW = "  - {subscriptionName: A-1, subscriptionVersion: 1}"


@pytest.mark.parametrize(
    "behind",
    [
        "",
        "\n\n# the end\n",
        "    # about x\n  # the end of the list\n",
        "orderLineItems:\n  - {orderLineItemId: z}\n",
    ],
)
def test_an_item_is_added_right_behind_one_that_ends_in_a_block_scalar(behind: str) -> None:
    there = FOLDED + behind
    made = carried(there.encode(), "b.yaml", ALL[:1]).text

    assert changed(there, made) == [f"+{NEW}"]
    assert made.startswith(f"{FOLDED}{NEW}\n")


def test_an_item_that_ends_in_a_block_scalar_is_changed_and_nothing_behind_it() -> None:
    there = f"{FOLDED}    # about x\n  - {{subscriptionId: z}}\n"
    wanted = declared(there.replace("    reason: >-", "    trigger: t2\n    reason: >-"))
    made = carried(there.encode(), "b.yaml", wanted).text

    assert changed(there, made) == [
        "-  - subscriptionId: x",
        "-    reason: >-",
        "-      a text",
        "-      of two lines",
        "+  - {subscriptionId: x, trigger: t2, reason: a text of two lines}",
    ]


def test_a_trigger_of_the_head_that_is_a_block_scalar_changes() -> None:
    there = SOURCE.replace("trigger: t1", "trigger: >-\n  t1\n")
    made = carried(there.encode(), "b.yaml", declared(SOURCE.replace("trigger: t1", "trigger: t2"))).text

    assert changed(there, made) == ["-trigger: >-", "-  t1", "+trigger: t2"]


def test_a_comment_behind_the_mark_of_a_block_scalar_is_kept() -> None:
    there = SOURCE.replace("trigger: t1", "trigger: >- # ours\n  t1\n")
    again = declared(SOURCE.replace("trigger: t1", "trigger: t2"))
    made = carried(there.encode(), "b.yaml", [each for each in again if "A-1" in each.address]).text

    assert "trigger: >- # ours\n" in made
    assert "  - {subscriptionName: A-1, subscriptionVersion: 1, trigger: t2} # first\n" in made


def test_a_number_sign_in_quotes_is_no_comment() -> None:
    there = f'{HEAD}subscriptions:\n  - {{subscriptionId: x, reason: "PR #12"}}\n  - {{subscriptionId: z}}\n'
    again = declared(there.replace("subscriptionId: x", "subscriptionId: x, trigger: t2"))

    assert changed(there, carried(there.encode(), "b.yaml", again).text) == [
        '-  - {subscriptionId: x, reason: "PR #12"}',
        '+  - {subscriptionId: x, trigger: t2, reason: "PR #12"}',
    ]


def test_byte_order_mark_of_a_file_stays() -> None:
    made = carried(b"\xef\xbb\xbf" + THERE.encode(), "b.yaml", ALL).text

    assert made == "\ufeff" + carried(THERE.encode(), "b.yaml", ALL).text


def test_each_line_keeps_its_ending_and_new_ones_take_that_of_the_line_before() -> None:
    there = THERE.replace("# ours\n", "# ours\r\n").replace("trigger: t1\n", "trigger: t1\r\n")
    made = carried(there.encode(), "b.yaml", ALL).text

    assert [line for line in made.splitlines(keepends=True) if line in there.splitlines(keepends=True)] == (
        there.splitlines(keepends=True)
    )
    assert "# ours\r\n  - {subscriptionName: A-2, subscriptionVersion: 1}\r\n" in made
    assert "# the end of the file\norderLineItems:\n" in made


@pytest.mark.parametrize("there", [THERE.removesuffix("\n"), THERE.replace("# ours\n", "# ours\r\n")])
def test_a_file_to_which_nothing_comes_stays_as_it_is(there: str) -> None:
    unsayable = declared(SOURCE.replace("trigger: t1\n", ""))

    assert carried(there.encode(), "b.yaml", unsayable).text == there
    assert carried(there.encode(), "b.yaml", declared(there)).text == there


def test_the_last_line_gets_an_ending_before_another_comes() -> None:
    there = THERE.removesuffix("\n").replace("\n", "\r\n")

    assert carried(there.encode(), "b.yaml", ALL[-1:]).text.startswith(f"{there}\r\norderLineItems:\r\n")


BRACES = "{version: 1, trigger: t1, reason: REV-1,\n flags: {onlyReSend: false, reMigrate: true}"


@pytest.mark.parametrize(
    ("there", "made"),
    [
        (f"{THERE}...\n# behind\n", f"{THERE}dynamicUsageCharges:\n  - {{chargeNumber: C-1}}\n...\n# behind\n"),
        (f"{THERE}...", f"{THERE}dynamicUsageCharges:\n  - {{chargeNumber: C-1}}\n..."),
        (
            "".join(f"  {line}\n" for line in THERE.splitlines()),
            "".join(f"  {line}\n" for line in THERE.splitlines())
            + "  dynamicUsageCharges:\n    - {chargeNumber: C-1}\n",
        ),
        (
            f"{BRACES} # these\n}}\n",
            f"{BRACES}, dynamicUsageCharges: [{{chargeNumber: C-1}}] # these\n}}\n",
        ),
    ],
    ids=["a document that ends", "without a line end", "indented", "between braces"],
)
def test_a_new_list_is_the_last_of_the_file_as_it_is_laid_out(there: str, made: str) -> None:
    wanted = declared(f"{HEAD}dynamicUsageCharges:\n  - chargeNumber: C-1\n")

    assert carried(there.encode(), "b.yaml", wanted).text == made


UNFIT = "it cannot be written into the file there without touching what else stands in it; write it there by hand"


def test_what_would_make_another_file_of_it_is_left_out_with_a_reason() -> None:
    unwritable = declared(SOURCE.replace("trigger: t1", 'trigger: "\\uFFFF"'))[:1]
    made = carried(HEAD.encode(), "b.yaml", unwritable)

    assert made.text == HEAD
    assert [(each.address, why) for each, why in made.left_out] == [("Subscription/A-1@1", UNFIT)]


def test_a_file_that_is_not_valid_is_refused() -> None:
    with pytest.raises(InvalidInput):
        carried(b"version: 1\nsubscriptions: [", "b.yaml", ALL)


@given(
    st.sets(st.sampled_from([each.address for each in ALL])),
    st.sets(st.sampled_from([each.address for each in ALL])),
    st.sampled_from(["t1", "t2", "a: b", "#x", "1", 'q"\\']),
)
def test_whatever_is_carried_is_declared_as_wanted_and_all_else_as_before(
    first: set[str], second: set[str], trigger: str
) -> None:
    quoted = '"' + trigger.replace("\\", "\\\\").replace('"', '\\"') + '"'
    again = declared(SOURCE.replace("trigger: t1", f"trigger: {quoted}"))
    there = new_file(SOURCE.encode(), "b.yaml", [each for each in ALL if each.address in first]).text
    wanted = [each for each in again if each.address in second]
    made = carried(there.encode(), "b.yaml", wanted)
    left = {each.address for each, _ in made.left_out}

    before = {each.address: each for each in declared(there)}
    after = {each.address: each for each in declared(made.text)}
    asked = {each.address: each for each in wanted if each.address not in left}
    assert said([*after.values()]) == said([*{**before, **asked}.values()])
    assert carried(made.text.encode(), "b.yaml", wanted).text == made.text


NEW_ONES = declared(f"""\
{HEAD}subscriptions:
  - {{subscriptionName: N-1, subscriptionVersion: 1}}
  - {{subscriptionName: N-1, subscriptionVersion: 2}}
dynamicUsageCharges:
  - {{chargeNumber: N-1, reason: REV-2}}
""")


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file in any style, with line ends, indentation and an end as people and editors leave them."""
    text, _ = draw(written_specs())
    if not text.startswith("---") and "\n---\n" not in text and draw(st.booleans()):
        text = "".join(f"  {line}" if line.strip() else line for line in text.splitlines(keepends=True))
    text += draw(st.sampled_from(["", "", "...\n", "...\n# behind it\n"]))
    text = draw(st.sampled_from([text, text.removesuffix("\n")]))
    ends = iter(draw(st.sampled_from([["\n"], ["\r\n"], ["\n", "\r\n"]])) * (text.count("\n") + 1))
    return re.sub("\n", lambda _: next(ends), text)


@given(files(), st.lists(st.booleans(), min_size=30, max_size=30), st.sets(st.sampled_from(range(len(NEW_ONES)))))
def test_whatever_a_file_looks_like_it_says_what_is_wanted_and_keeps_the_rest(
    there: str, chosen: list[bool], new: set[int]
) -> None:
    before = {each.address: each for each in declared(there)}
    assume(len(before) == len(declared(there)))
    picked = itertools.compress(before.values(), chosen)
    wanted = [*(replace(each, trigger="t9") for each in picked), *(NEW_ONES[number] for number in new)]
    made = carried(there.encode(), "b.yaml", wanted)
    left = {each.address: why for each, why in made.left_out}
    asked = {each.address: each for each in wanted if each.address not in left}
    event(f"new: {len(asked.keys() - before)}, changed: {len(asked.keys() & before)}, left out: {len(left)}")

    assert said(declared(made.text)) == said([*{**before, **asked}.values()])
    assert rows(made.text) == rows(there)
    assert sorted(read_commented(made.text).comments) == sorted(read_commented(there).comments)
    assert UNFIT not in left.values()
    assert asked or made.text == there
    assert carried(made.text.encode(), "b.yaml", wanted).text == made.text


@given(files(), st.lists(st.booleans(), min_size=30, max_size=30))
def test_a_new_file_says_what_is_wanted_of_a_source_of_any_style(source: str, chosen: list[bool]) -> None:
    found = declared(source)
    wanted = [*itertools.compress(found, chosen)]
    assume(len({each.address for each in found}) == len(found))
    made = new_file(source.encode(), "b.yaml", wanted).text

    assert said(declared(made)) == said(wanted)
    assert made == source or rows(made) == []
