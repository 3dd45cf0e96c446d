"""An excerpt: one line, a caret that stands right, and nothing in it that a terminal obeys."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.reports.excerpt import excerpt_text, visible

EXCERPTS = {
    "plain": ("flags: x", 8, "  3 | flags: x", "    |        ^"),
    "first column": ("flags: x", 1, "  3 | flags: x", "    | ^"),
    "end of the line": ("flags:", 7, "  3 | flags:", "    |       ^"),
    "behind the end": ("flags:", 99, "  3 | flags:", "    |       ^"),
    "an empty line": ("", 1, "  3 |", "    | ^"),
    "a tab": ("\tx: 1", 2, "  3 | \\tx: 1", "    |   ^"),
    "wide characters": ("日本: x", 5, "  3 | 日本: x", "    |       ^"),
    "a combining mark": ("e\u0301: x", 5, "  3 | e\u0301: x", "    |    ^"),
    "a bidirectional override": ("a\u202eb: x", 6, "  3 | a\\u202eb: x", "    |           ^"),
    "an escape sequence": ("\x1b[2Jx", 5, "  3 | \\x1b[2Jx", "    |        ^"),
    "a lone surrogate": ("\ud800x", 2, "  3 | \\ud800x", "    |       ^"),
}


@pytest.mark.parametrize("case", EXCERPTS)
def test_the_caret_stands_below_the_column(case: str) -> None:
    line, column, text, caret = EXCERPTS[case]

    assert excerpt_text(line, 3, column).split("\n") == [text, caret]


def test_the_margin_is_as_wide_as_the_number_of_the_line() -> None:
    assert excerpt_text("x", 12345, 1) == "  12345 | x\n        | ^"


def test_a_long_line_is_cut_around_the_caret() -> None:
    shown, caret = excerpt_text(f"{'a' * 5_000}!{'b' * 5_000}", 1, 5_001).split("\n")

    assert shown == f"  1 | ...{'a' * 60}!{'b' * 36}..."
    assert shown[caret.index("^")] == "!"


def test_a_line_of_millions_of_characters_costs_no_more_than_what_is_shown() -> None:
    line = "日" * 10_000_000

    assert len(excerpt_text(line, 1, 9_000_000)) < 400


@given(
    line=st.text(st.characters() | st.sampled_from("日é\t\u202e\x1b\u0301"), max_size=300), column=st.integers(1, 310)
)
def test_nothing_that_a_terminal_obeys_is_printed_and_the_caret_is_within_reach(line: str, column: int) -> None:
    shown, caret = excerpt_text(line, 7, column).split("\n")

    assert {unicodedata.category(each) for each in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"} == set()
    assert caret.startswith("    | ")
    assert caret.endswith("^")
    assert len(caret) <= 6 + 100 + 1
    assert caret[6:-1].strip() == ""


@given(st.text())
def test_what_was_made_visible_once_stays_as_it_is(text: str) -> None:
    assert visible(visible(text)) == visible(text)
