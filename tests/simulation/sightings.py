"""What was seen on the wire, key by key, and what each answer tells: said without the outcome table of the tool."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_FINAL = frozenset({"10", "11", "20", "21", "22", "23", "27", "30", "40", "45", "90"})
_PASSING = frozenset({"50", "61", "70"})

DONE, REFUSED, NOTHING, UNKNOWN = "done", "refused", "nothing", "unknown"


@dataclass(eq=False)
class Sending:
    """One send; *outcome* is what its sender could know of it."""

    key: str
    at: float
    lane: str
    by: str
    outcome: str = UNKNOWN


@dataclass(eq=False)
class Key:
    """All that was seen under one key, and for what it was sent."""

    address: str
    digest: str
    sends: list[Sending] = field(default_factory=list)
    answered_ids: list[list[str]] = field(default_factory=list)
    passing_ids: list[tuple[str, str]] = field(default_factory=list)
    """Request ids of answers that told nothing, each with who was told."""

    word: str | None = None
    effects: int = 0
    forgotten: bool = False
    blurred: bool = False
    """Something on record of it was damaged, though not all."""

    @property
    def standing(self) -> str:
        """What everybody together could know of it."""
        outcomes = {each.outcome for each in self.sends}
        if self.word or DONE in outcomes or REFUSED in outcomes:
            return self.word or (DONE if DONE in outcomes else REFUSED)
        return UNKNOWN if UNKNOWN in outcomes else NOTHING


def told(status: int | None, body: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return what an answer tells whoever sent the request, and the answer's object."""
    value = _object(body)
    if not status:
        return (NOTHING if status == 0 else UNKNOWN), {}
    if not value or status in (401, 429):
        return (NOTHING if status in (302, 401, 403, 429) and not value.get("idList") else UNKNOWN), value
    if status == 200 and value.get("success") is True:
        return DONE, value
    categories = {str(each["code"])[-2:] for each in value.get("reasons", ()) if len(str(each["code"])) == 8}
    if value.get("idList") or not categories or not categories <= _FINAL | _PASSING:
        return UNKNOWN, value
    return (REFUSED if categories <= _FINAL else NOTHING), value


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
