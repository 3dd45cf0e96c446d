"""Strict JSON for our own documents: no duplicate keys, no unknown ones, every fault named with its file."""

import json
import re
from collections.abc import Collection, Iterable
from typing import Any, NoReturn, TypeVar

from reconciler.core.address import Address, parse_address
from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place, shown
from reconciler.core.timestamp import Timestamp, moment

T = TypeVar("T")

_CONFLICT = r"(?m)^(?:<<<<<<<|=======|>>>>>>>)"


def first_repeated(keys: Iterable[str]) -> str:
    """Return the first of *keys* that one before it equals; there is one. In linear time: a line may hold 100,000."""
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            return key
        seen.add(key)
    raise ValueError("no key is repeated")


class JsonDocument:
    """One document being read; *restore* tells what to do when it cannot be."""

    def __init__(self, path: str, *, restore: str) -> None:
        self.path = path
        self._restore = restore

    def refuse(
        self, code: str, summary: str, *, at: tuple[int, int] = (0, 0), detail: str = "", hint: str = ""
    ) -> NoReturn:
        place = Place(self.path, *at)
        found = Diagnostic(code=code, summary=summary, place=place, detail=detail, hint=hint or self._restore)
        raise InvalidInput([found])

    def parse(self, content: bytes) -> dict[str, Any]:
        """Return the top object. Raise InvalidInput for anything that is not exactly one JSON object."""
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            self.refuse("not-utf-8", "the document is not UTF-8 text", detail=f"{error.reason} at byte {error.start}.")
        if not text.strip("\x00 \t\r\n"):
            why = "It was cut off while something else wrote it, or made by hand."
            self.refuse("empty-document", "the document is empty", detail=why)
        conflict = re.search(_CONFLICT, text)
        if conflict:
            line = text.count("\n", 0, conflict.start()) + 1
            hint = "Take one side whole; two states cannot be joined by hand."
            self.refuse("merge-markers", "the document contains merge conflict markers", at=(line, 1), hint=hint)
        try:
            value = json.loads(text, object_pairs_hook=self._object, parse_constant=self._constant)
        except json.JSONDecodeError as error:
            self.refuse(
                "not-json", "the document is not whole JSON", at=(error.lineno, error.colno), detail=f"{error.msg}."
            )
        except ValueError:  # Python converts no integer of more than 4,300 digits
            self.refuse("not-json", "the document contains a number that is too long")
        except RecursionError:
            self.refuse("not-json", "the document is nested too deep")
        if not isinstance(value, dict):
            self.refuse("not-json", "the document is not a JSON object")
        return value

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        value = dict(pairs)
        if len(value) < len(pairs):
            twice = first_repeated(key for key, _ in pairs)
            self.refuse("duplicate-key", f"{shown(twice)} stands twice in one object")
        return value

    def _constant(self, name: str) -> NoReturn:
        self.refuse("not-json", f"{name} is not JSON")

    def check_version(self, document: dict[str, Any], what: str) -> None:
        version = document.get("version")
        if type(version) is int and version == 1:
            return
        if type(version) is int and version > 1:
            hint = "Upgrade reconciler; an older one must not write what it cannot read."
            self.refuse(
                "newer-version", f"{what} has version {version}, and this reconciler reads version 1", hint=hint
            )
        self.refuse("unknown-version", f"the document does not say that it is {what} of version 1")

    def check_keys(self, value: dict[str, Any], known: Collection[str], where: str) -> None:
        unknown = sorted(value.keys() - set(known))
        if unknown:
            self.refuse("unknown-key", f"{where} has an unknown field {shown(unknown[0])}")

    def take(self, value: dict[str, Any], key: str, kind: type[T], where: str) -> T:
        """Return ``value[key]``. Raise InvalidInput unless it is there and a *kind* (a bool is no int)."""
        found = value.get(key)
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            self.refuse("wrong-field", f"{where}: {key!r} must be {_NAME[kind]}")
        return found

    def take_count(self, value: dict[str, Any], key: str, where: str) -> int:
        """Return a whole number that is not negative."""
        found = self.take(value, key, int, where)
        if found < 0:
            self.refuse("wrong-field", f"{where}: {key!r} must not be negative")
        return found

    def take_time(self, value: dict[str, Any], key: str, where: str) -> Timestamp:
        text = Timestamp(self.take(value, key, str, where))
        try:
            moment(text)
        except ValueError:
            self.refuse("wrong-field", f"{where}: {key!r} must be a time such as 2026-11-22T10:00:00Z")
        return text

    def address(self, found: object) -> Address:
        """Return *found* as an address. Raise InvalidInput unless it is one of a target."""
        try:
            parse_address(str(found))
        except ValueError:
            self.refuse("bad-address", f"{shown(str(found))} is not the address of any target")
        return Address(str(found))

    def take_or_none(self, value: dict[str, Any], key: str, kind: type[T], where: str) -> T | None:
        return None if value.get(key) is None else self.take(value, key, kind, where)


_NAME = {str: "text", int: "a whole number", bool: "true or false", dict: "an object", list: "a list"}
