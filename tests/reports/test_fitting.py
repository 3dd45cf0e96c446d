"""Sections that share a budget: what fits, who gets how much, and that what is left out is counted."""

from collections.abc import Sequence
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from reconciler.reports.fitting import LEAST, Section, fitted, size


def section(texts: Sequence[str]) -> Section:
    def laid_out(shown: Sequence[str], left_out: int) -> str:
        return f"<{''.join(shown)}>{left_out or ''}"

    return Section(total=len(texts), lines=partial(iter, texts), laid_out=laid_out)


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=400), max_size=40), max_size=6), st.data())
def test_sections_take_no_more_than_their_room_and_count_what_they_leave_out(
    several: list[list[str]], data: st.DataObject
) -> None:
    sections = [section(texts) for texts in several]
    frames = sum(each.frame for each in sections)
    room = data.draw(st.integers(frames, frames + 20_000))
    found = fitted(sections, room)

    assert sum(map(size, found)) <= room
    for texts, text in zip(several, found, strict=True):
        kept = next(
            count
            for count in range(len(texts), -1, -1)
            if text == f"<{''.join(texts[:count])}>{len(texts) - count or ''}"
        )
        assert 0 <= kept <= len(texts)


def test_what_has_room_is_shown_whole() -> None:
    assert fitted([section(["a\n", "b\n"]), section([]), section(["c\n"])], 100) == ["<a\nb\n>", "<>", "<c\n>"]


def test_the_first_section_gets_the_most_and_each_later_one_its_least() -> None:
    texts = [f"{number:09}\n" for number in range(10_000)]
    first, second, third = map(size, fitted([section(texts), section(texts), section(texts[:7])], 20_000))

    assert LEAST - 20 < second < LEAST + 20
    assert third == 72
    assert 20_000 - 60 < first + second + third <= 20_000


def test_a_line_that_does_not_fit_ends_its_section() -> None:
    """What comes behind it is less important, however short."""
    assert fitted([section(["a" * 50, "b"])], 40) == ["<>2"]
