"""What changed in a declaration, field by field, for people to read.

DeepDiff's order depends on the hash seed, so it is sorted here. It is imported when something has changed: it costs
more start-up time than the rest of a plan.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.declaration import Flags


@dataclass(frozen=True, slots=True, order=True)
class FieldChange:
    """*field* is a dotted path, e.g. ``flags.reMigrate``; *before* and *after* are as people write them in a spec."""

    field: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.field}: {self.before} -> {self.after}"


def changed_fields(before: tuple[Flags, str | None], after: tuple[Flags, str | None]) -> tuple[FieldChange, ...]:
    """Return every field of ``(flags, trigger)`` that differs, sorted by its path."""
    from deepdiff import DeepDiff  # noqa: PLC0415  (see the head of this file)

    difference = DeepDiff(_document(*before), _document(*after), view="tree")
    return tuple(
        sorted(
            FieldChange(".".join(str(p) for p in level.path(output_format="list")), _text(level.t1), _text(level.t2))
            for group in difference.values()
            for level in group
        )
    )


def _document(flags: Flags, trigger: str | None) -> Mapping[str, object]:
    return {"flags": flags.as_sent, "trigger": trigger}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else str(value)
