"""Declarations by the hundred thousand: column by column, each made when it is looked at.

Rule: a table says of every row what the declaration would say of itself. A plan asks nearly all of them for no more
than address and digest.
"""

import hashlib
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import cast

from reconciler.core.address import UNRESERVED, Address, address_order, are_distinct, format_address, parse_address
from reconciler.core.declaration import Declaration, Flags, Spec
from reconciler.core.diagnostics import Place
from reconciler.core.digest import SCHEME, Digest, canonical_json, digest, digest_of
from reconciler.core.target import KeyForm, Target


@dataclass(frozen=True, slots=True)
class Terms:
    """What is declared of a target besides its name."""

    flags: Flags
    trigger: str | None = None
    reason: str | None = None
    owner: str | None = None


class Table:
    """The declarations of one file, *path*, in the order written. *terms* are those that rows point to by number."""

    __slots__ = ("_numbers", "addresses", "columns", "digests", "lines", "path", "term_numbers", "terms")

    def __init__(self, path: str) -> None:
        self.path = path
        self.addresses: list[Address] = []
        self.digests: list[Digest] = []
        self.lines = array("I")
        self.columns = array("I")
        self.term_numbers = array("I")
        self.terms: list[Terms] = []
        self._numbers: dict[Terms, int] = {}

    @classmethod
    def of(cls, path: str, declarations: Iterable[Declaration]) -> "Table":
        """Return a table of *declarations*, all of which stand in the file *path*."""
        table = cls(path)
        for each in declarations:
            table.add(each)
        return table

    def add(self, declaration: Declaration) -> None:
        self.addresses.append(declaration.address)
        self.digests.append(digest_of(declaration))
        self.lines.append(declaration.place.line)
        self.columns.append(declaration.place.column)
        said = Terms(declaration.flags, declaration.trigger, declaration.reason, declaration.owner)
        self.term_numbers.append(self.number_of(said))

    def add_rows(
        self, form: KeyForm, keys: Sequence[Sequence[str | int]], terms: Terms, lines: Iterable[int], column: int
    ) -> None:
        """Add a row for each key of *form*, whose columns are *keys*.

        All rows have *terms* and stand in *column*; *lines* are theirs.
        """
        count = len(keys[0])
        if all(map(_is_unreserved, keys)):
            self.addresses.extend(_addresses(form, keys))
            self.digests.extend(_digests(form, keys, terms))
        else:
            targets = [Target(form, key) for key in zip(*keys, strict=True)]
            self.addresses.extend(map(format_address, targets))
            self.digests.extend([digest(each, terms.flags, terms.trigger) for each in targets])
        self.lines.extend(lines)
        self.columns.extend(array("I", [column]) * count)
        self.term_numbers.extend(array("I", [self.number_of(terms)]) * count)

    def number_of(self, terms: Terms) -> int:
        number = self._numbers.setdefault(terms, len(self.terms))
        if number == len(self.terms):
            self.terms.append(terms)
        return number

    def __len__(self) -> int:
        return len(self.addresses)

    def __iter__(self) -> Iterator[Declaration]:
        return map(self.row, range(len(self.addresses)))

    def row(self, number: int) -> Declaration:
        """Return the declaration that is *number* in the order written, from 0."""
        address, terms = self.addresses[number], self.terms[self.term_numbers[number]]
        return Declaration(
            address=address,
            target=parse_address(address),
            flags=terms.flags,
            trigger=terms.trigger,
            place=Place(self.path, self.lines[number], self.columns[number]),
            reason=terms.reason,
            owner=terms.owner,
        )


def _is_unreserved(column: Sequence[str | int]) -> bool:
    """Whether texts stand in an address, and in JSON, as they are; versions do."""
    if not column or isinstance(column[0], int):
        return True
    text = "".join(map(str, column))
    return text.isascii() and not text.encode().translate(None, UNRESERVED)


def _addresses(form: KeyForm, keys: Sequence[Sequence[str | int]]) -> list[Address]:
    """Return what `format_address` does for each key, in which nothing is to be encoded."""
    head, separator = f"{form.type}/{'id:' if form.by_id else ''}", form.separator
    if len(keys) == 1:
        return cast("list[Address]", [f"{head}{only}" for only in keys[0]])
    return cast("list[Address]", [f"{head}{first}{separator}{second}" for first, second in zip(*keys, strict=True)])


def _digests(form: KeyForm, keys: Sequence[Sequence[str | int]], terms: Terms) -> list[Digest]:
    """Return what `digest` does for each key: the canonical text is the same but for the key."""
    head, sha256 = f"{SCHEME}:", hashlib.sha256
    order = sorted(range(len(keys)), key=lambda number: form.fields[number])
    parts = _around_keys(form, [keys[number] for number in order], order)
    tail = f"{parts[-1]},{canonical_json([terms.flags.only_re_send, terms.flags.re_migrate, terms.trigger])[1:]}"
    if len(keys) == 1:
        digests = [head + sha256(f"[{parts[0]}{only}{tail}".encode()).hexdigest() for only in keys[0]]
    else:
        begin, middle = f"[{parts[0]}", parts[1]
        digests = [
            head + sha256(f"{begin}{one}{middle}{other}{tail}".encode()).hexdigest()
            for one, other in zip(*(keys[number] for number in order), strict=True)
        ]
    return cast("list[Digest]", digests)


_GAP = "\x00"


def _around_keys(form: KeyForm, keys: Sequence[Sequence[str | int]], order: Sequence[int]) -> list[str]:
    """Return the canonical text of a target of *form* before, between and after the parts of its key."""
    gaps: dict[str, str | int] = {form.fields[number]: _GAP for number in order}
    text = canonical_json(Target(form, tuple(gaps[field] for field in form.fields)).body)
    escaped = canonical_json(_GAP)
    for column in keys:
        inner = escaped if column and isinstance(column[0], int) else escaped[1:-1]
        text = text.replace(inner, _GAP, 1)
    return text.split(_GAP)


class Declared(Mapping[Address, Declaration]):
    """The declarations of several tables, by address, in the order of addresses.

    It is usable only if no address stands in them twice: unless it *is_doubled*.
    """

    def __init__(self, tables: Sequence[Table]) -> None:
        self._tables = tables

    @cached_property
    def columns(self) -> tuple[list[Address], list[Digest]]:
        """Addresses and digests, in the order written."""
        tables = self._tables
        if len(tables) == 1:
            return tables[0].addresses, tables[0].digests
        addresses = [*chain.from_iterable(table.addresses for table in tables)]
        return addresses, [*chain.from_iterable(table.digests for table in tables)]

    @cached_property
    def digests(self) -> Mapping[Address, Digest]:
        return dict(zip(*self.columns, strict=True))

    @property
    def is_doubled(self) -> bool:
        return not are_distinct(self.columns[0])

    @cached_property
    def _order(self) -> list[Address]:
        return sorted(self.digests, key=address_order)

    @cached_property
    def _rows(self) -> Mapping[Address, tuple[int, int]]:
        return {
            address: (number, row)
            for number, table in enumerate(self._tables)
            for row, address in enumerate(table.addresses)
        }

    def __getitem__(self, address: Address) -> Declaration:
        number, row = self._rows[address]
        return self._tables[number].row(row)

    def __contains__(self, address: object) -> bool:
        return address in self.digests

    def __iter__(self) -> Iterator[Address]:
        return iter(self._order)

    def __len__(self) -> int:
        return len(self.columns[0])


def columns_of(spec: Spec) -> tuple[Sequence[Address], Sequence[Digest]] | None:
    """Return the addresses and digests of everything that *spec* declares, in the order written, if it has tables."""
    return spec.declarations.columns if isinstance(spec.declarations, Declared) else None


def digests_of(spec: Spec) -> Mapping[Address, Digest]:
    """Return the digest of everything that *spec* declares, in no order."""
    declared = spec.declarations
    if isinstance(declared, Declared):
        return declared.digests
    return {address: digest_of(each) for address, each in declared.items()}
