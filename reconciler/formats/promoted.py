"""Spec files to which declarations are carried: a new one after the model of its source, or a few lines of an old one.

Rule: nothing is rewritten that need not be. Of a file that is there every line stays but those of the declarations that
change; what cannot be said in it without touching others is left out, and told. No text leaves here that does not
declare exactly what it did before and what was carried to it, with every comment.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.address import Address, format_address
from reconciler.core.declaration import Declaration
from reconciler.core.diagnostics import InvalidInput
from reconciler.core.target import KEY_FORMS, Target, TargetType
from reconciler.errors import UnfaithfulLayout
from reconciler.formats.canonical import FileKind, laid_out
from reconciler.formats.commented import Branch, Item, Leaf, Tree, read_commented
from reconciler.formats.common import Common
from reconciler.formats.declarations import LISTS, VERSIONS
from reconciler.formats.fields import is_plain_text
from reconciler.formats.spec import SpecFile, read_spec
from reconciler.formats.yaml_reader import Reading, read_yaml

_LIST_OF = {type_: name for name, type_ in LISTS.items()}
_PLAIN = re.compile(r"\w[\w./+-]*(?: [\w./+-]+)*")
_END = re.compile(r"^\.\.\.(?!\S)", re.MULTILINE)
_BOM = "\ufeff"
_UNFIT = "it cannot be written into the file there without touching what else stands in it; write it there by hand"

_Said = tuple[Address, object, str | None, str | None, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """*text* is the file with what could be carried to it; *left_out* could not be, each with why."""

    text: str
    left_out: Sequence[tuple[Declaration, str]] = ()


def new_file(content: bytes, path: str, wanted: Sequence[Declaration]) -> Carried:
    """Return the spec file *content*, valid and at *path*, with none but *wanted* of its declarations.

    All of it stays as it is if all is wanted; else it is laid out as `fmt` does. Rows of sources stay behind.
    """
    kept = {each.address for each in wanted}
    text, declared = _text(content), _read(content, path)
    if not declared.sources and all(each.address in kept for each in declared.declarations):
        return Carried(text=content.decode("utf-8"))
    tree = read_commented(text)
    tree.root.items = [item for item in tree.root.items if _keep(item, kept)]
    made = laid_out(tree, FileKind.SPEC)
    expected = [each for each in declared.declarations if each.address in kept]
    if not _says(made, path, {_said(each) for each in expected}, []):
        raise UnfaithfulLayout(
            "The file cannot be written",
            f"{path}: it would not declare what it should. Nothing was written.",
            hint="This is a defect of reconciler: please report it with the file.",
        )
    return Carried(text=made)


def _keep(item: Item, kept: set[Address]) -> bool:
    """Take from *item*, a field of a spec file, what is not among *kept*; return whether anything is left of it."""
    name = item.key.text if item.key else ""
    if name == "sources":
        return False
    if name not in LISTS or not isinstance(item.value, Branch):
        return True
    item.value.items = [each for each in item.value.items if _keep_element(each, LISTS[name], kept)]
    return bool(item.value.items)


def _keep_element(item: Item, type_: TargetType, kept: set[Address]) -> bool:
    fields = _fields(item)
    versions = fields.get(VERSIONS)
    addresses = _addresses(item, type_)
    if isinstance(versions, Branch):
        pairs = zip(versions.items, addresses, strict=True)
        versions.items = [each for each, address in pairs if address in kept]
    return not kept.isdisjoint(addresses)


def carried(content: bytes, path: str, wanted: Sequence[Declaration]) -> Carried:
    """Return the spec file *content*, at *path*, that also declares *wanted*. Raise InvalidInput if it is not valid.

    What it declares already, it declares as wanted from now on.
    """
    text = content.decode("utf-8")
    bom, text = _BOM if text.startswith(_BOM) else "", text.removeprefix(_BOM)
    first = _read(content, path)
    told = _retold(text, path, first, wanted)
    before = _read(told.encode(), path) if told else first
    edits, left_out = _Edits(told or text, before.common), list[tuple[Declaration, str]]()
    known = {each.address: _said(each) for each in before.declarations}
    expected = dict(known)
    for each in wanted:
        if known.get(each.address) == _said(each):
            continue
        why = edits.change(each) if each.address in known else edits.add(each)
        if why is None:
            expected[each.address] = _said(each)
        else:
            left_out.append((each, why))
    made = edits.text()
    comments = sorted(read_commented(text).comments)
    if _says(made, path, set(expected.values()), _rows(before)) and sorted(read_commented(made).comments) == comments:
        return Carried(text=bom + made, left_out=left_out)
    there = {_said(each) for each in first.declarations}
    return Carried(text=bom + text, left_out=[(each, _UNFIT) for each in wanted if _said(each) not in there])


def _retold(text: str, path: str, before: SpecFile, wanted: Sequence[Declaration]) -> str | None:
    """Return *text* with another trigger at its head, if what it declares comes nearer to what is wanted by that alone.

    A new trigger for a whole file is one line of a review, and not one for each declaration. Rows of sources that
    inherit it are never wanted here, so a file that has such keeps its head.
    """
    asked = {each.address: _said(each) for each in wanted}
    known = {each.address: _said(each) for each in before.declarations}
    triggers = {each.trigger for each in wanted if each.address in known and known[each.address] != _said(each)}
    tree = read_commented(text)
    head = next((item for item in tree.root.items if item.key and item.key.text == "trigger"), None)
    if len(triggers) != 1 or None in triggers or head is None or tree.has_comments(head.value):
        return None
    made = f"{text[: head.value.start]}{_scalar(str(*triggers))}{text[head.value.end :]}"
    try:
        found = _read(made.encode(), path)
    except InvalidInput:
        return None
    after = {each.address: _said(each) for each in found.declarations}
    is_wanted = all(said in (known.get(address), asked.get(address)) for address, said in after.items())
    inherits = all(after[address] == said for address, said in known.items() if address not in asked)
    return made if after != known and is_wanted and inherits and _rows(found) == _rows(before) else None


class _Edits:
    """Changes of a text at places of it that do not touch each other; *common* is what its head says for all."""

    def __init__(self, text: str, common: Common) -> None:
        self._text = text
        self._common = common
        self._tree: Tree = read_commented(text)
        self._root = self._tree.root
        self._places: list[tuple[int, int, str]] = []
        self._lines: dict[int, list[str]] = {}
        self._new: dict[str, list[str]] = {}
        self._lists = {
            item.key.text: item.value for item in self._root.items if item.key and isinstance(item.value, Branch)
        }
        self._items = {
            address: (item, type_)
            for name, type_ in LISTS.items()
            for item in (self._lists[name].items if name in self._lists else ())
            for address in _addresses(item, type_)
        }

    def change(self, declaration: Declaration) -> str | None:
        """Say in place what *declaration* says now; return why that cannot be done, or None."""
        item, type_ = self._items[declaration.address]
        value = item.value
        if len(_addresses(item, type_)) > 1:
            return "it is declared there together with other versions, and otherwise; write it out there first"
        if self._tree.has_comments(value):
            return "it is declared there otherwise, with comments within; change it by hand"
        why = _unsayable(declaration, self._common)
        if why is None:
            self._places.append((value.start, value.end, _flow(declaration, self._common)))
        return why

    def add(self, declaration: Declaration) -> str | None:
        """Say *declaration* behind the last of its list, likewise."""
        why = _unsayable(declaration, self._common)
        if why is None:
            self._new.setdefault(_LIST_OF[declaration.target.type], []).append(_flow(declaration, self._common))
        return why

    def text(self) -> str:
        for name in sorted(self._new, key=lambda name: name not in self._lists):
            self._put(name, self._new[name])
        places = self._places + [(at, at, self._whole(at, lines)) for at, lines in self._lines.items()]
        parts, done = list[str](), 0
        for begin, stop, put in sorted(places):
            parts += [self._text[done:begin], put]
            done = stop
        return "".join([*parts, self._text[done:]])

    def _put(self, name: str, items: Sequence[str]) -> None:
        branch = self._lists.get(name)
        if branch is not None and branch.is_flow and not branch.items and not self._root.is_flow:
            self._begin_lines(branch, [f"- {each}" for each in items])
        elif branch is not None and branch.is_flow:
            self._put_inside(branch, ", ".join(items))
        elif branch is not None:
            self._put_lines(self._line_after(branch), branch.column, [f"- {each}" for each in items])
        elif self._root.is_flow:
            self._put_inside(self._root, f"{name}: [{', '.join(items)}]")
        else:
            lines = [f"{name}:", *(f"  - {each}" for each in items)]
            self._put_lines(self._end_of_document(), self._root.column, lines)

    def _begin_lines(self, branch: Branch, lines: Sequence[str]) -> None:
        """Take the brackets away in which nothing stands, and write *lines* below, one for each declaration."""
        begin = len(self._text[: branch.start].rstrip(" "))
        self._places.append((begin, branch.end, ""))
        after = self._text.find("\n", branch.end)
        self._put_lines(after + 1 or len(self._text), self._root.column + 2, lines)

    def _put_inside(self, branch: Branch, text: str) -> None:
        at = branch.items[-1].value.end if branch.items else branch.start + 1
        self._places.append((at, at, f", {text}" if branch.items else text))

    def _put_lines(self, at: int, column: int, lines: Sequence[str]) -> None:
        self._lines.setdefault(at, []).extend(" " * column + line for line in lines)

    def _whole(self, at: int, lines: Sequence[str]) -> str:
        """Return *lines* for the beginning of a line at *at*, with the ending that the line before has."""
        end = "\r\n" if self._text[: self._text.rfind("\n", 0, at)].endswith("\r") else "\n"
        is_cut = not self._text[:at].endswith("\n")  # the last line of a file, without an ending of its own
        return (end if is_cut else "") + "".join(line + end for line in lines)

    def _line_after(self, branch: Branch) -> int:
        found = self._text.find("\n", branch.items[-1].value.end)
        return found + 1 or len(self._text)

    def _end_of_document(self) -> int:
        found = _END.search(self._text, self._root.items[-1].value.end)
        return found.start() if found else len(self._text)


def _unsayable(declaration: Declaration, common: Common) -> str | None:
    """Return why the file cannot say *declaration*: what its head says for all cannot be taken back for one."""
    for name in ("trigger", "reason", "owner"):
        if getattr(declaration, name) is None and getattr(common, name) is not None:
            return f"the file there says {name}: for all, and this has none"
    return None


def _flow(declaration: Declaration, common: Common) -> str:
    """Return *declaration* on one line, with what differs from what the head of its file says."""
    fields = {name: _scalar(part) for name, part in declaration.target.fields.items()}
    if declaration.flags is not common.flags:
        pairs = (f"{name}: {'true' if value else 'false'}" for name, value in declaration.flags.as_sent.items())
        fields["flags"] = f"{{{', '.join(pairs)}}}"
    for name in ("trigger", "reason", "owner"):
        text = getattr(declaration, name)
        if text != getattr(common, name):
            fields[name] = _scalar(text)
    return f"{{{', '.join(f'{name}: {value}' for name, value in fields.items())}}}"


def _scalar(value: str | int) -> str:
    if isinstance(value, int) or (_PLAIN.fullmatch(value) and is_plain_text(value)):
        return str(value)
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _fields(item: Item) -> Mapping[str, Leaf | Branch]:
    inner = item.value.items if isinstance(item.value, Branch) else []
    return {each.key.text: each.value for each in inner if each.key}


def _addresses(item: Item, type_: TargetType) -> list[Address]:
    """Return what *item* of a valid list declares, in the order written."""
    fields = _fields(item)
    versions = fields.get(VERSIONS)
    for form in KEY_FORMS:
        last = form.fields[-1]
        names = [VERSIONS if name == last and isinstance(versions, Branch) else name for name in form.fields]
        if form.type is not type_ or not fields.keys() >= set(names):
            continue
        keys: list[list[str]] = [[each.text for each in _leaves(fields[name])] for name in names]
        count = max(map(len, keys))
        rows = zip(*(key * count if len(key) == 1 else key for key in keys), strict=True)
        return [format_address(Target(form, _key(form.fields, row))) for row in rows]
    return []


def _key(names: Sequence[str], row: Sequence[str]) -> tuple[str | int, ...]:
    return tuple(int(part) if name == "subscriptionVersion" else part for name, part in zip(names, row, strict=True))


def _leaves(node: Leaf | Branch) -> Iterator[Leaf]:
    if isinstance(node, Leaf):
        yield node
        return
    for item in node.items:
        yield from _leaves(item.value)


def _said(each: Declaration) -> _Said:
    return each.address, each.flags, each.trigger, each.reason, each.owner


def _rows(found: SpecFile) -> list[object]:
    """Return which files of rows are named, and what their rows inherit."""
    return [(each.format, each.path, each.type, each.common) for each in found.sources]


def _text(content: bytes) -> str:
    text = content.decode("utf-8").removeprefix(_BOM).replace("\r\n", "\n")
    return text if text.endswith("\n") else f"{text}\n"


def _read(content: bytes, path: str) -> SpecFile:
    reading: Reading = read_yaml(content, path)
    found = read_spec(reading)
    if reading.diagnostics:
        raise InvalidInput(reading.diagnostics)
    return found


def _says(text: str, path: str, expected: set[_Said], rows: list[object]) -> bool:
    """Whether *text* is valid, declares what is *expected*, and says *rows* of its sources."""
    try:
        found = _read(text.encode(), path)
    except InvalidInput:
        return False
    return {_said(each) for each in found.declarations} == expected and _rows(found) == rows
