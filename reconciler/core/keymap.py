"""The key map of an environment: where a number differs between tenants, what it is in this one.

Rule: specs, addresses and digests stay as written, so that they compare from one environment to the next; only what is
sent is another. The map is one to one in each field, so that two declarations never meet in one object, and the
versions of a subscription stay together in its lane.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from reconciler.core.address import Address, beginning, parse_address
from reconciler.core.target import KEY_FORMS

MAPPED_FIELDS = tuple(form.fields[0] for form in KEY_FORMS)
"""The fields that can be mapped: a version, and the number of an item in its order, are the same in every tenant."""

_REST = re.compile("[@#]")
"""What stands between a number that can be mapped and what is the same everywhere; it is encoded within a number."""


@dataclass(frozen=True)
class KeyMap:
    """*fields* hold, by field of the request, what is written and what it is in this tenant. *path* is its file."""

    path: str
    fields: Mapping[str, Mapping[str, str]]

    @cached_property
    def _numbers(self) -> Mapping[str, str]:
        """What addresses begin with, up to what is the same everywhere, as written and as in this tenant."""
        return {
            beginning(form, written): beginning(form, there)
            for form in KEY_FORMS
            for written, there in self.fields.get(form.fields[0], {}).items()
        }

    def sent_as(self, address: Address) -> Address | None:
        """Return the address of *address* as it is known in this tenant; None where nothing else is said."""
        begin = _REST.split(address, maxsplit=1)[0]
        there = self._numbers.get(begin, begin)
        return None if there == begin else Address(f"{there}{address[len(begin) :]}")

    def has(self, address: Address) -> bool:
        """Whether the number of *address* is mapped, be it to itself."""
        return _REST.split(address, maxsplit=1)[0] in self._numbers

    def lacks(self, address: Address) -> str | None:
        """Return the field of *address* that is not mapped, with what is written there; None if it is."""
        target = parse_address(address)
        return None if self.has(address) else f"{target.form.fields[0]} {str(target.key[0])!r}"
