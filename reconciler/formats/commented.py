"""YAML text to a tree that keeps comments and blank lines, for laying a file out anew.

Rule: every comment belongs to exactly one neighbour. What stands above the first key belongs to the file; what stands
on a line of its own belongs to what follows, unless it is indented like what has just ended; what stands behind
something on the same line belongs to that.

The events of the parser tell where everything stands; what they leave out between two scalars is punctuation and
comments. A library that hangs comments on the token before them (ruamel.yaml) would move them away from their
neighbour as soon as keys change places.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import yaml

from reconciler.formats.yaml_reader import FASTEST, Loader

_COMMENT = re.compile("#[^\n]*")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*[ \t]+(#.*)")
_BLOCK_STYLES = ("|", ">")
BLANK = ""
"""A blank line among the comments before something."""


@dataclass(slots=True, eq=False)
class Leaf:
    """A scalar: *text* without quotes; *plain* if it stood without any. *start* and *end* count characters.

    A block scalar ends in its last line that is not blank, and not where the parser notices that it is over.
    """

    text: str
    plain: bool
    start: int
    end: int


@dataclass(slots=True, eq=False)
class Branch:
    """A list or a mapping. *foot* are the comments after the last item; *column* counts from 0."""

    is_mapping: bool
    is_flow: bool
    start: int
    column: int
    owner: "Item | None"
    end: int = 0
    items: list["Item"] = field(default_factory=list)
    foot: list[str] = field(default_factory=list)


Node: TypeAlias = Leaf | Branch


@dataclass(slots=True, eq=False)
class Item:
    """An item of a list (no *key*) or a field of a mapping.

    *head* are the comments and blank lines before it, *opening* the comments between it and its first inner item, on
    its own line, *tail* the comments behind it.
    """

    key: Leaf | None
    start: int
    column: int
    parent: Branch
    value: Node
    head: list[str] = field(default_factory=list)
    opening: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Tree:
    root: Branch
    header: list[str]
    comments: list[str]
    """Every comment of the file in the order written."""
    places: list[int]
    """Where each of them begins."""

    def has_comments(self, node: Node) -> bool:
        """Whether any comment stands within *node*."""
        return bisect_left(self.places, node.start) < bisect_left(self.places, node.end)


def read_commented(text: str, *, loader: Loader = FASTEST) -> Tree:
    """Return the tree of a valid document, with line feeds only, whose root is a mapping."""
    reader = _EventReader(text, yaml.parse(text, Loader=loader))
    root = reader.root()
    tree = Tree(root, [], [], [])
    placement = _Placement(text, tree, reader.items)
    for start, comment in _comments(text, reader.leaves):
        tree.comments.append(comment)
        tree.places.append(start)
        placement.place(start, comment)
    placement.keep_blank_lines()
    return tree


class _EventReader:
    """Builds the tree; *items* and *leaves* are in the order of the document. Depth is bounded by the strict reader."""

    def __init__(self, text: str, events: Iterator[yaml.Event]) -> None:
        self._text = text
        self._events = events
        self.items: list[Item] = []
        self.leaves: list[Leaf] = []

    def root(self) -> Branch:
        for event in self._events:
            if isinstance(event, yaml.MappingStartEvent):
                return self._branch(event, None)
        raise ValueError("the document holds no mapping")

    def _branch(self, event: yaml.CollectionStartEvent, owner: Item | None) -> Branch:
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        branch = Branch(is_mapping, bool(event.flow_style), *_start(event), owner)
        for inner in self._events:
            if isinstance(inner, yaml.CollectionEndEvent):
                branch.end = _end(inner) if branch.is_flow else _end_of(branch)
                break
            branch.items.append(self._field(inner, branch) if is_mapping else self._element(inner, branch))
        return branch

    def _field(self, event: yaml.Event, parent: Branch) -> Item:
        key = self._leaf(event)
        item = Item(key, *_start(event), parent, key)
        self.items.append(item)
        item.value = self._node(next(self._events), item)
        return item

    def _element(self, event: yaml.Event, parent: Branch) -> Item:
        start, column = _start(event)
        if not parent.is_flow:
            column = parent.column  # that of the dash
        item = Item(None, start, column, parent, Leaf("", plain=True, start=start, end=start))
        self.items.append(item)
        item.value = self._node(event, item)
        return item

    def _node(self, event: yaml.Event, owner: Item) -> Node:
        return self._branch(event, owner) if isinstance(event, yaml.CollectionStartEvent) else self._leaf(event)

    def _leaf(self, event: yaml.Event) -> Leaf:
        if not isinstance(event, yaml.ScalarEvent):
            raise TypeError(event)  # the strict reader has refused it: an alias, a collection as a key
        start, end = _start(event)[0], _end(event)
        if event.style in _BLOCK_STYLES:
            end = start + len(self._text[start:end].rstrip())
        leaf = Leaf(event.value, not event.style, start, end)
        self.leaves.append(leaf)
        return leaf


def _start(event: yaml.Event) -> tuple[int, int]:
    """Return where *event* begins, in characters of the file and of its line."""
    mark = event.start_mark
    return (mark.index, mark.column) if mark else (0, 0)


def _end(event: yaml.Event) -> int:
    return event.end_mark.index if event.end_mark else 0


def _end_of(branch: Branch) -> int:
    return branch.items[-1].value.end if branch.items else branch.start


def _comments(text: str, leaves: list[Leaf]) -> Iterator[tuple[int, str]]:
    """Yield place and text of each comment: a ``#`` between two scalars, or behind the mark of a block scalar."""
    before = 0
    for leaf in leaves:
        yield from _comments_between(text, before, leaf.start)
        header = _BLOCK_HEADER.match(text, leaf.start, leaf.end) if not leaf.plain else None
        if header:
            yield header.start(1), header[1].rstrip()
        before = leaf.end
    yield from _comments_between(text, before, len(text))


def _comments_between(text: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    for found in _COMMENT.finditer(text, start, end):
        yield found.start(), found.group().rstrip()


class _Placement:
    """Gives each comment to its neighbour."""

    def __init__(self, text: str, tree: Tree, items: list[Item]) -> None:
        self._tree = tree
        self._items = items
        self._starts = [item.start for item in items]
        self._lines = [0, *(found.end() for found in re.finditer("\n", text))]
        self._text = text
        ends = sorted(_ends(items), key=lambda each: each[:2])
        self._ends = [position for position, _, _, _ in ends]
        self._ended = [(item, is_opening) for _, _, item, is_opening in ends]

    def place(self, start: int, comment: str) -> None:
        line = self._line(start)
        is_own_line = not self._text[line:start].strip()
        if not is_own_line and self._place_behind(start, line, comment):
            return
        lines = self._neighbour(start, start - line if is_own_line else 0)
        if is_own_line and self._is_after_blank(line):
            lines.append(BLANK)
        lines.append(comment)

    def keep_blank_lines(self) -> None:
        for item in self._items:
            line = self._line(item.start)
            if not self._text[line : item.start].strip(" -") and self._is_after_blank(line):
                (self._tree.header if item is self._items[0] else item.head).append(BLANK)

    def _place_behind(self, start: int, line: int, comment: str) -> bool:
        """Give the comment to what ends, or opens, last before it on the same line."""
        number = bisect_right(self._ends, start) - 1
        if number < 0 or self._ends[number] <= line:
            return False
        item, is_opening = self._ended[number]
        if not is_opening:
            item.tail.append(comment)
        elif item.key is None or isinstance(item.value, Leaf):
            item.head.append(comment)
        else:
            item.opening.append(comment)
        return True

    def _neighbour(self, start: int, column: int) -> list[str]:
        """Return the lines that a comment on a line of its own belongs to."""
        number = bisect_right(self._starts, start) - 1
        if number < 0:
            return self._tree.header
        last = self._items[number]
        after = self._items[number + 1] if number + 1 < len(self._items) else None
        if _is_before_value(last, start):
            return last.head
        around = _flow_around(last, start)
        if around is not None:
            return after.head if after is not None and after.start < around.end else around.foot
        return self._between_blocks(last, after, column)

    def _between_blocks(self, last: Item, after: Item | None, column: int) -> list[str]:
        going_on = set(map(id, _parents(after))) if after else set()
        ended = [each for each in _parents(last) if not each.is_flow and id(each) not in going_on]
        if after is not None and (column <= after.column or not ended):
            return after.head
        fitting = [each for each in ended if each.column <= column]
        return max(fitting, key=lambda each: (each.column, -each.start)).foot if fitting else ended[-1].foot

    def _line(self, position: int) -> int:
        return self._lines[bisect_right(self._lines, position) - 1]

    def _is_after_blank(self, line: int) -> bool:
        return line > 0 and not self._text[self._line(line - 1) : line].strip()


def _ends(items: list[Item]) -> Iterator[tuple[int, int, Item, bool]]:
    """Yield where items end or open, how deep they are, and which it is; of two that end together the inner is last."""
    depth: dict[int, int] = {}
    for item in items:
        owner = item.parent.owner
        depth[id(item)] = level = depth[id(owner)] + 1 if owner else 0
        yield item.value.end, level, item, False
        if item.key is not None:
            yield item.key.end, level, item, True
        if isinstance(item.value, Branch) and item.value.is_flow:
            yield item.value.start + 1, level, item, True


def _parents(item: Item | None) -> Iterator[Branch]:
    while item is not None:
        yield item.parent
        item = item.parent.owner


def _is_before_value(item: Item, position: int) -> bool:
    value = item.value
    return item.start < position < value.start and (isinstance(value, Leaf) or value.is_flow)


def _flow_around(item: Item, position: int) -> Branch | None:
    """Return the innermost flow collection that is open at *position*; *item* is what began last before it."""
    candidates = [item.value, *_parents(item)]
    for each in candidates:
        if isinstance(each, Branch) and each.is_flow and each.start < position < each.end:
            return each
    return None
