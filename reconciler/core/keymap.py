"""The key map of an environment: where a number differs between tenants, what it is in this one.

Rule: specs, addresses and digests stay as written, so that they compare from one environment to the next; only what is
sent is another. The map is one to one in each field, so that two declarations never meet in one object, and the
versions of a subscription stay together in its lane.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.target import KEY_FORMS, Target

MAPPED_FIELDS = tuple(form.fields[0] for form in KEY_FORMS)
"""The fields that can be mapped: a version, and the number of an item in its order, are the same in every tenant."""


@dataclass(frozen=True, slots=True)
class KeyMap:
    """*fields* hold, by field of the request, what is written and what it is in this tenant. *path* is its file."""

    path: str
    fields: Mapping[str, Mapping[str, str]]

    def sent(self, target: Target) -> Target:
        """Return *target* as it is known in this tenant: itself where nothing else is said."""
        field, (written, *others) = target.form.fields[0], target.key
        known = self.fields.get(field, {}).get(str(written), written)
        return target if known == written else Target(target.form, (known, *others))

    def lacks(self, target: Target) -> str | None:
        """Return the field of *target* that is not mapped, with what is written there; None if it is."""
        field, written = target.form.fields[0], str(target.key[0])
        return None if written in self.fields.get(field, {}) else f"{field} {written!r}"
