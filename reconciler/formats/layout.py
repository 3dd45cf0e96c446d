"""A tree with comments to text: canonical order of fields, one line where it is short enough, comments kept.

Rule: laying out what was laid out changes nothing. Whether something stands on one line follows only from what is
written, the width and where comments stand, and each comment is put where reading finds the same neighbour again.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from reconciler.formats.commented import BLANK, Branch, Item, Leaf, Tree

WIDTH = 120
"""Columns that a list or mapping on one line may take, without the comment behind it."""

_INDENT = 2
_UNFIT_IN_FLOW = re.compile(r"[,\[\]{}?]|^[^\w./+-]|^-(?!\w)|^$")
"""Plain text that ends, or means something else, between brackets or braces."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a node is laid out: the order of its *fields*, those that are not named behind, in the order written.

    A *tall* node has each item on lines of its own, however short. *inner* are the shapes of its items by field; ``*``
    stands for every other.
    """

    fields: tuple[str, ...] = ()
    tall: bool = False
    inner: Mapping[str, "Shape"] = field(default_factory=dict)

    def of(self, item: Item) -> "Shape":
        name = item.key.text if item.key else "*"
        return self.inner.get(name) or self.inner.get("*") or _ANY


_ANY = Shape()


def lay_out(tree: Tree, shape: Shape) -> str:
    """Return the text of the file. *tree* is rearranged."""
    _arrange(tree.root, shape)
    lines = [*tree.header, *_block(tree.root, shape, 0)]
    return "\n".join(_single_blanks(lines)) + "\n"


def _single_blanks(lines: list[str]) -> Iterator[str]:
    """Pass over blank lines at both ends and after another."""
    was_blank, began = False, False
    for line in lines:
        if line != BLANK:
            if was_blank and began:
                yield BLANK
            yield line
            began = True
        was_blank = line == BLANK


def _arrange(branch: Branch, shape: Shape) -> None:
    """Put fields into their order, and comments where the layout has room for them."""
    if shape.fields:
        rank = {name: number for number, name in enumerate(shape.fields)}
        branch.items.sort(key=lambda item: rank.get(item.key.text, len(rank)) if item.key else 0)
    for number, item in enumerate(branch.items):
        value = item.value
        if isinstance(value, Branch):
            _arrange(value, shape.of(item))
            _move_up(item, value)
        if number == 0 and branch.owner is not None:
            while item.head[:1] == [BLANK]:
                del item.head[0]


def _move_up(item: Item, value: Branch) -> None:
    """Move comments that would have no line to stand on to the head of *item*."""
    if not value.items:
        item.head += [*item.opening, *_comments(value.foot)]
        item.opening, value.foot = [], []
    elif item.key is None:  # the first field follows the dash
        item.head += _comments(value.items[0].head)
        value.items[0].head = []
    item.head += item.opening[:-1]
    item.opening = item.opening[-1:]


def _comments(lines: list[str]) -> list[str]:
    return [line for line in lines if line != BLANK]


def _block(branch: Branch, shape: Shape, indent: int) -> Iterator[str]:
    pad = " " * indent
    for item in branch.items:
        yield from _item(item, shape, indent)
    yield from (line and pad + line for line in branch.foot)


def _item(item: Item, parent: Shape, indent: int) -> Iterator[str]:
    pad, label, value, shape = " " * indent, _label(item, parent), item.value, parent.of(item)
    one = _flow(value, shape) if isinstance(value, Branch) else _scalar(value, in_flow=False)
    if item.opening or (isinstance(value, Branch) and value.items and len(f"{pad}{label} {one}") > WIDTH):
        one = None
    head, behind = list(item.head), list(item.tail)
    if one is None and item.key is None:
        head, behind = head + behind, []
    elif one is None:
        behind = item.opening + behind
    head += behind[:-1]
    yield from (line and pad + line for line in head if line or parent.tall)
    comment = f" {behind[-1]}" if behind else ""
    if one is not None:
        yield f"{pad}{label} {one}".rstrip() + comment
    elif isinstance(value, Branch):
        yield from _tall(value, shape, indent, label + comment, is_element=item.key is None)


def _tall(branch: Branch, shape: Shape, indent: int, label: str, *, is_element: bool) -> Iterator[str]:
    lines = _block(branch, shape, indent + _INDENT)
    pad = " " * indent
    yield f"{pad}{label} {next(lines).lstrip(' ')}" if is_element else f"{pad}{label}"
    yield from lines


def _flow(branch: Branch, shape: Shape) -> str | None:
    """Return *branch* as one line, or None if comments within, or its shape, need more."""
    if branch.foot or (branch.items and shape.tall):
        return None
    parts = []
    for item in branch.items:
        inner = shape.of(item)
        value = _flow(item.value, inner) if isinstance(item.value, Branch) else _scalar(item.value, in_flow=True)
        if value is None or item.opening or item.tail or _comments(item.head):
            return None
        parts.append(f"{_label(item, shape)} {value}" if item.key else value)
    inside = ", ".join(parts)
    return f"{{{inside}}}" if branch.is_mapping else f"[{inside}]"


def _label(item: Item, parent: Shape) -> str:
    """Return ``field:``, without quotes if it is a field that the parent knows, or the dash of a list."""
    if item.key is None:
        return "-"
    return f"{item.key.text if item.key.text in parent.fields else _scalar(item.key, in_flow=True)}:"


def _scalar(leaf: Leaf, *, in_flow: bool) -> str:
    if leaf.plain and not (in_flow and _UNFIT_IN_FLOW.search(leaf.text)):
        return leaf.text
    escaped = leaf.text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
