"""Spec files to which declarations are carried: a new one after the model of its source, or a few lines of an old one.

Rule: nothing is rewritten that need not be. Of a file that is there every line stays but those of the declarations that
change; what cannot be said in it without touching others is left out, and told. No text leaves here that does not
declare exactly what it did before and what was carried to it, with every comment.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from reconciler.core.address import Address, format_address
from reconciler.core.declaration import Declaration
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
_BOM = "\ufeff"

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
    _check(made, path, {_said(each) for each in expected}, rows=[])
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
    """Return the spec file *content*, valid and at *path*, that also declares *wanted*.

    What it declares already, it declares as wanted from now on.
    """
    before = _read(content, path)
    text = _text(content)
    told = _retold(text, path, before, wanted)
    if told is not None:
        text, before = told, _read(told.encode(), path)
    known = {each.address: _said(each) for each in before.declarations}
    changed = [each for each in wanted if each.address in known and known[each.address] != _said(each)]
    edits, left_out = _Edits(text), list[tuple[Declaration, str]]()
    for each in changed:
        why = edits.change(each, before.common)
        if why is not None:
            left_out.append((each, why))
    for each in wanted:
        if each.address in known:
            continue
        why = _unsayable(each, before.common)
        if why is not None:
            left_out.append((each, why))
        else:
            edits.append(each, before.common)
    skipped = {each.address for each, _ in left_out}
    expected = {**known, **{each.address: _said(each) for each in wanted if each.address not in skipped}}
    made = edits.text()
    comments = read_commented(_text(content)).comments
    _check(made, path, set(expected.values()), rows=_rows(before), comments=comments)
    is_crlf, has_bom = b"\r\n" in content, content.startswith(_BOM.encode())
    made = made.replace("\n", "\r\n") if is_crlf else made
    return Carried(text=f"{_BOM}{made}" if has_bom else made, left_out=left_out)


def _retold(text: str, path: str, before: SpecFile, wanted: Sequence[Declaration]) -> str | None:
    """Return *text* with another trigger at its head, if that alone makes what it declares what is wanted.

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
    found = _read(made.encode(), path)
    after = {each.address: _said(each) for each in found.declarations}
    is_wanted = all(said in (known.get(address), asked.get(address)) for address, said in after.items())
    inherits = all(after[address] == said for address, said in known.items() if address not in asked)
    return made if is_wanted and inherits and _rows(found) == _rows(before) else None


class _Edits:
    """Changes of a text at places of it that do not touch each other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tree: Tree = read_commented(text)
        self._places: list[tuple[int, int, str]] = []
        self._new: dict[str, list[str]] = {}
        self._items = {
            address: (item, type_)
            for name, type_ in LISTS.items()
            for item in self._list(name)
            for address in _addresses(item, type_)
        }

    def _list(self, name: str) -> Sequence[Item]:
        branch = self._branch(name)
        return branch.items if branch else ()

    def _branch(self, name: str) -> Branch | None:
        found = (item.value for item in self._tree.root.items if item.key and item.key.text == name)
        return next((each for each in found if isinstance(each, Branch)), None)

    def change(self, declaration: Declaration, common: Common) -> str | None:
        """Say in place what *declaration* says now; return why that cannot be done, or None."""
        item, type_ = self._items[declaration.address]
        value = item.value
        if len(_addresses(item, type_)) > 1:
            return "it is declared there together with other versions, and otherwise; write it out there first"
        if self._tree.has_comments(value):
            return "it is declared there otherwise, with comments within; change it by hand"
        why = _unsayable(declaration, common)
        if why is None:
            self._places.append((value.start, value.end, _flow(declaration, common)))
        return why

    def append(self, declaration: Declaration, common: Common) -> None:
        self._new.setdefault(_LIST_OF[declaration.target.type], []).append(_flow(declaration, common))

    def text(self) -> str:
        end = ""
        for name, lines in self._new.items():
            branch = self._branch(name)
            if branch is None:
                end += f"{name}:\n" + "".join(f"  - {line}\n" for line in lines)
            elif branch.is_flow:
                comma = ", " if branch.items else ""
                at = branch.items[-1].value.end if branch.items else branch.start + 1
                self._places.append((at, at, comma + ", ".join(lines)))
            else:
                at = self._end_of_line(branch.items[-1].value.end)
                pad = " " * branch.items[-1].column
                self._places.append((at, at, "".join(f"{pad}- {line}\n" for line in lines)))
        text = self._text
        for begin, stop, put in sorted(self._places, reverse=True):
            text = f"{text[:begin]}{put}{text[stop:]}"
        return text + end

    def _end_of_line(self, position: int) -> int:
        return self._text.index("\n", position) + 1


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
    return found if not reading.diagnostics else replace(found, declarations=[])


def _check(
    text: str, path: str, expected: set[_Said], *, rows: list[object], comments: Sequence[str] | None = None
) -> None:
    """Raise UnfaithfulLayout unless *text* declares what is *expected*, and has the *comments* that it had.

    *rows* are what it is to say of its sources.
    """
    found = _read(text.encode(), path)
    has_all = comments is None or sorted(comments) == sorted(read_commented(text).comments)
    if {_said(each) for each in found.declarations} != expected or _rows(found) != rows or not has_all:
        raise UnfaithfulLayout(
            "The file cannot be written",
            f"{path}: it would not declare what it should, or lose a comment. Nothing was written.",
            hint="This is a defect of reconciler: please report it with the file.",
        )
