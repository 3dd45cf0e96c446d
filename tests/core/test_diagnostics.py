"""The nearest name to a wrong one, among few and among very many."""

from difflib import get_close_matches

import pytest

from reconciler.core.diagnostics import likely, nearest

FEW = [f"Subscription/A-S{number * 7_368_787 % 10**8:08d}@1" for number in range(2_000)]
MANY = [f"Subscription/A-S{number:08d}@1" for number in range(100_000)]
RIGHT = FEW[1_234]
SLIPS = {
    "a letter is missing in front": RIGHT.replace("script", "scrpt"),
    "the type is missing": RIGHT.partition("/")[2],
    "the type is in lower case": RIGHT.lower(),
    "a digit is missing in the middle": RIGHT[:-6] + RIGHT[-5:],
    "a digit is a letter": RIGHT[:-6] + "x" + RIGHT[-5:],
    "a digit is there twice": RIGHT[:-6] + RIGHT[-6] + RIGHT[-6:],
    "two are in each other's place": RIGHT[:-6] + RIGHT[-5] + RIGHT[-6] + RIGHT[-4:],
    "the version is missing": RIGHT.partition("@")[0],
    "the separator is another": RIGHT.replace("@", "#"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_among_many_names_the_nearest_is_the_one_that_all_of_them_together_have(slip: str) -> None:
    wrong = SLIPS[slip]
    close = get_close_matches(wrong, FEW, n=1)

    assert len(likely(wrong, sorted(FEW))) < len(FEW)
    assert close == [RIGHT]
    assert nearest(wrong, FEW) == f"Did you mean {RIGHT!r}?"


@pytest.mark.parametrize("wrong", ["Subscripton/A-S00012345@1", "Subscription/A-S0001x345@1", "", "zz", "Ü" * 10_000])
def test_however_many_names_are_known_few_are_compared(wrong: str) -> None:
    assert len(likely(wrong, MANY)) <= 1_000


def test_what_is_like_no_name_is_answered_with_the_first_of_them() -> None:
    assert nearest("zz", MANY).startswith("Known here: Subscription/A-S00000000@1, ")
    assert nearest("zz", MANY).endswith(" and 99,980 more.")
