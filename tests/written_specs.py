"""Spec files in every style that YAML has for them, with comments and blank lines wherever they may stand."""

import itertools
from typing import TypeAlias

from document_strategies import spec_files
from hypothesis import strategies as st

_blanks = st.sampled_from(["", "", "", "\n", "\n\n", "  \n"])
_texts = ["#", "# why", "#- {put: off}", "# ü 'a' \"b\" [c, {d: e}]", "#!x: # y"]
_DEEP = 12
"""The column of block scalars: right of every comment, which would be a part of them otherwise."""

Pairs: TypeAlias = list[tuple[str | None, object]]


def pairs(value: dict[str, object] | list[object]) -> Pairs:
    return [*value.items()] if isinstance(value, dict) else [(None, item) for item in value]


class Writer:
    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.numbers = itertools.count()
        self.comments: list[str] = []

    def comment(self) -> str:
        text = f"{self.draw(st.sampled_from(_texts))} {next(self.numbers)}"
        self.comments.append(text)
        return text

    def behind(self) -> str:
        return f"{self.draw(st.sampled_from([' ', '   ']))}{self.comment()}" if self.rarely() else ""

    def between(self, indent: int) -> str:
        """Blank lines and comments on lines of their own, indented as people do or at random."""
        written = self.draw(_blanks)
        while self.rarely():
            at = self.draw(st.sampled_from([indent, indent, indent + 2, 0, max(indent - 2, 0), 7]))
            written += f"{' ' * at}{self.comment()}\n{self.draw(_blanks)}"
        return written

    def rarely(self) -> bool:
        return self.draw(st.integers(0, 5)) == 5

    def scalar(self, value: object, *, in_flow: bool) -> str:
        if not isinstance(value, str):
            return str(value).lower()
        quoted = [f'"{value}"', f"'{value}'"]
        is_text = value not in {"1", "NO", "~"} and not (in_flow and ":" in value)
        return self.draw(st.sampled_from([value, *quoted] if is_text else quoted))

    def block(self, value: object, indent: int) -> str:
        """The rest of the line after ``key:`` or ``-``, and what hangs below it."""
        if isinstance(value, str) and self.rarely():
            return f" {self.draw(st.sampled_from(['>-', '|-']))}{self.behind()}\n{' ' * _DEEP}{value}\n"
        if not isinstance(value, dict | list) or not value or self.draw(st.booleans()):
            return f" {self.flow(value, indent)}{self.behind()}\n"
        return f"{self.behind()}\n" + "".join(
            self.item(key, item, indent + 2) for key, item in self.shuffled(pairs(value))
        )

    def item(self, key: str | None, value: object, indent: int) -> str:
        label = f"{key}:" if key else "-"
        return f"{self.between(indent)}{' ' * indent}{label}{self.block(value, indent)}"

    def flow(self, value: object, indent: int) -> str:
        if not isinstance(value, dict | list):
            return self.scalar(value, in_flow=True)
        first, last = "{}" if isinstance(value, dict) else "[]"
        written = first
        for number, (key, item) in enumerate(self.shuffled(pairs(value))):
            label = f"{key}: " if key else ""
            written += f"{',' if number else ''}{self.gap(indent)}{label}{self.flow(item, indent)}"
        return f"{written}{self.gap(indent)}{last}"

    def gap(self, indent: int) -> str:
        if not self.rarely():
            return self.draw(st.sampled_from(["", " "]))
        return f"{self.behind()}\n{self.between(indent + 2)}{' ' * (indent + 2)}"

    def shuffled(self, items: Pairs) -> Pairs:
        return self.draw(st.permutations(items)) if items and items[0][0] else items


@st.composite
def written_specs(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A file, and every comment in it."""
    writer = Writer(draw)
    document = draw(spec_files)
    start = writer.between(0) + draw(st.sampled_from(["", "---\n"]))
    fields = "".join(writer.item(key, value, 0) for key, value in writer.shuffled(list(document.items())))
    return start + fields + writer.between(0), writer.comments
