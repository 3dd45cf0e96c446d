"""An address names a declaration in one environment, for ever: ``Subscription/A-S00000001@1``.

Rule: ``parse_address(format_address(target)) == target``. ASCII that could be mistaken for syntax (of an address, a
glob, a shell or a terminal) is percent-encoded; letters of other scripts stay readable.
"""

import re
from collections.abc import Sequence
from itertools import islice
from operator import lt
from typing import NewType
from urllib.parse import unquote

from reconciler.core.target import KEY_FORMS, SUBSCRIPTION_NAME, KeyForm, Target

Address = NewType("Address", str)

_ID = "id:"
UNRESERVED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~+-"
"""ASCII that stands in an address as it is."""

_RESERVED = re.compile(r"[\x00-\x7f](?<![A-Za-z0-9._~+-])")
_DIGITS = re.compile(r"(\d+)")


def format_address(target: Target) -> Address:
    form = target.form
    parts = form.separator.join(_encode(str(part)) for part in target.key)
    return Address(f"{form.type}/{_ID if form.by_id else ''}{parts}")


def beginning(form: KeyForm, first: str) -> str:
    """Return what the address of a target of *form* begins with whose key begins with *first*."""
    return f"{form.type}/{_ID if form.by_id else ''}{_encode(first)}"


def parse_address(address: str) -> Target:
    """Return the target that *address* names. Raise ValueError if it is not the address of any target."""
    type_name, slash, rest = address.partition("/")
    by_id = rest.startswith(_ID)
    for form in KEY_FORMS:
        if form.type == type_name and form.by_id == by_id:
            target = Target(form, _key(form, rest.removeprefix(_ID) if by_id else rest))
            if format_address(target) == address:
                return target
    msg = f"not an address: {address!r}{'' if slash else ' (it has no /)'}"
    raise ValueError(msg)


def address_order(address: str) -> tuple[str, tuple[tuple[int, int, str], ...]]:
    """Return a sort key under which numbers count as numbers: version 2 comes before version 10.

    Digits have the same order to any base, and Python refuses to read more than 4,300 of them to base 10.
    """
    type_name, _, rest = address.partition("/")
    pieces = _DIGITS.split(rest)
    return type_name, tuple((1, int(p, 16), p) if p.isdecimal() and p.isascii() else (0, 0, p) for p in pieces if p)


def are_distinct(addresses: Sequence[Address]) -> bool:
    """Return whether none stands there twice. Of many that are sorted as texts it takes no set to tell."""
    return all(map(lt, addresses, islice(addresses, 1, None))) or len({*addresses}) == len(addresses)


def lane_of(target: Target) -> str:
    """Return the lane: versions of one subscription share it; whatever else has one of its own.

    A lane runs in ascending version, because the Delta and Previous fields of a booking transaction depend on the
    version before it (inferred from the field list of the BookingTransaction data source).
    """
    if target.form is SUBSCRIPTION_NAME:
        return f"{target.type}/{_encode(str(target.key[0]))}"
    return format_address(target)


def lane_of_address(address: Address) -> str:
    """Return the lane of the target that *address* names: only a subscription's version stands behind an ``@``."""
    lane, at, _ = address.rpartition("@")
    return lane if at else address


def _encode(text: str) -> str:
    return _RESERVED.sub(lambda match: f"%{ord(match.group()):02X}", text)


def _key(form: KeyForm, text: str) -> tuple[str | int, ...]:
    parts = text.split(form.separator) if form.separator else [text]
    if len(parts) != len(form.fields):
        msg = f"not a key of {form.type}: {text!r}"
        raise ValueError(msg)
    names = [unquote(part, errors="strict") for part in parts]
    if form is not SUBSCRIPTION_NAME:
        return tuple(names)
    name, version = names
    if not (version.isascii() and version.isdecimal()):
        msg = f"not a subscription version: {version!r}"
        raise ValueError(msg)
    return (name, int(version))
