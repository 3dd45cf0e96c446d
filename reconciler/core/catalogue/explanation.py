"""What there is to say about one code besides the message: why, an example that is refused, and the same put right."""

from dataclasses import dataclass
from enum import StrEnum


class Shows(StrEnum):
    """What an example is a piece of. All but those of a situation are read by the real readers in a test."""

    SPEC = "a spec file"
    PROJECT = "reconciler.yaml"
    DECISIONS = "a file of decisions"
    STATE = "the state document"
    CSV = "rows of subscriptions in CSV"
    SITUATION = "a situation"
    """Not one document: a folder, a selection, a disk. The example tells it in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """*title* is a phrase, *text* whole sentences. *bad* yields the code, *good* is the same put right."""

    code: str
    title: str
    text: str
    bad: str
    good: str
    shows: Shows = Shows.SPEC
