"""What rows with the same fields in the same order have in common: where each field stands, and what is plainly right.

Rule: what is plainly right, a few cheap tests tell. They may say no to a right row, and never yes to a wrong one.
"""

from collections.abc import Sequence
from itertools import product
from operator import itemgetter
from typing import Any

from reconciler.core.declaration import Flags
from reconciler.core.table import Terms
from reconciler.core.target import KeyForm
from reconciler.formats.common import FLAG_FIELDS, FLAT_FIELDS, TEXT_FIELDS, Common
from reconciler.formats.fields import MAX_TEXT, is_plainly_text, version_in

VERSION_FIELD = "subscriptionVersion"

_MOST_SHARED = 4_096
"""So many versions, and combinations of flags, trigger, reason and owner, are remembered, so that rows share them."""

_SPELLINGS = {True: (True, "true", "True", "TRUE"), False: (False, "false", "False", "FALSE")}
_PAIRS: dict[tuple[object, ...], Flags] = {
    pair: flags for flags in Flags for pair in product(*(_SPELLINGS[flag] for flag in flags.value))
}


def kind_of(name: str) -> type:
    """Return the type that a field has where values have types."""
    return int if name == VERSION_FIELD else bool if name in FLAG_FIELDS else str


class Columns:
    """*form* is None where no row can be plainly right. *typed*: cells have types; elsewhere every one is text."""

    __slots__ = ("_kinds", "_own", "_positions", "_shared", "_texts", "_version", "_versions", "form", "names")

    def __init__(self, names: tuple[str, ...], forms: Sequence[KeyForm], *, typed: bool) -> None:
        self.names = names
        self._positions = {name: position for position, name in enumerate(names)}
        key = self._positions.keys() - set(FLAT_FIELDS)
        self.form = next((form for form in forms if key == set(form.fields)), None)
        fields = self.form.fields if self.form else ()
        self._version = self._positions[VERSION_FIELD] if VERSION_FIELD in fields else None
        self._texts = tuple(self._positions[field] for field in fields if field != VERSION_FIELD)
        own = [position for position, name in enumerate(names) if name in FLAT_FIELDS]
        self._own = itemgetter(*own) if own else None
        self._kinds = tuple(map(kind_of, names)) if typed else ()
        self._versions: dict[str | int, int] = {}
        self._shared: dict[Any, Terms] = {}

    def key_of(self, cells: Sequence[Any]) -> tuple[str | int, ...] | None:
        """Return the key of a row whose types and key are plainly right."""
        if self.form is None or (self._kinds and tuple(map(type, cells)) != self._kinds):
            return None
        if self._version is not None:
            name, written = cells[self._texts[0]], cells[self._version]
            version = self._versions.get(written) or self._new_version(written)
            return (name, version) if version is not None and is_plainly_text(name) else None
        key = tuple([cells[position] for position in self._texts])
        return key if all(map(is_plainly_text, key)) else None

    def keys_of(self, cells: Sequence[Sequence[str]]) -> list[Sequence[str | int]] | None:
        """Return the keys of many rows, column by column as their *cells* are, if `key_of` finds each plainly right."""
        if self.form is None or self._kinds or not all(_are_plainly_text(cells[position]) for position in self._texts):
            return None
        keys: list[Sequence[str | int]] = [cells[position] for position in self._texts]
        if self._version is not None:
            versions = {written: version_in(written) for written in {*cells[self._version]}}
            column = [version for version in map(versions.get, cells[self._version]) if version is not None]
            if len(column) < len(keys[0]):
                return None
            keys.append(column)
        return keys

    def common_terms(self, cells: Sequence[Sequence[str]], default: Common) -> Terms | None:
        """Return what `terms_of` does, where many rows say the same besides their keys; *cells* are their columns."""
        if any(len({*cells[position]}) > 1 for position, name in enumerate(self.names) if name in FLAT_FIELDS):
            return None
        return self.terms_of([column[0] for column in cells], default)

    def terms_of(self, cells: Sequence[Any], default: Common) -> Terms | None:
        """Return what a row says besides its key, if it is plainly right and `key_of` has found one.

        *default* is always the same.
        """
        said = self._own(cells) if self._own else ()
        found = self._shared.get(said)
        if found is None:
            found = self._new_terms(cells, default)
            if found is not None and len(self._shared) < _MOST_SHARED:
                self._shared[said] = found
        return found

    def _new_version(self, written: str | int) -> int | None:
        version = version_in(str(written))
        if version is not None and len(self._versions) < _MOST_SHARED:
            self._versions[written] = version
        return version

    def _new_terms(self, cells: Sequence[Any], default: Common) -> Terms | None:
        said = {name: cells[position] for name, position in self._positions.items() if cells[position] != ""}
        texts = [said[name] for name in TEXT_FIELDS if name in said]
        flags, pair = default.flags, tuple(said[name] for name in FLAG_FIELDS if name in said)
        if pair:
            flags = _PAIRS.get(pair)
        if flags is None or not all(map(is_plainly_text, texts)):
            return None
        return Terms(
            flags=flags,
            trigger=said.get("trigger", default.trigger),
            reason=said.get("reason", default.reason),
            owner=said.get("owner", default.owner),
        )


def _are_plainly_text(column: Sequence[str]) -> bool:
    text = "".join(column)
    if " " in text:
        return all(map(is_plainly_text, column))
    return text.isprintable() and all(column) and max(map(len, column)) <= MAX_TEXT
