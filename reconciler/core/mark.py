"""The high-water mark: what the last state was that this machine has written.

Rule: a mark is written after the state and never before, so it is never ahead of it; it is lost without harm. A state
behind the mark is not the last one: calls may have been made of which it knows nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from reconciler.core.command import command
from reconciler.core.history import RunRecord
from reconciler.errors import StaleError

_HINT = (
    "Get the last one back, from its history (git, a backup). If it is lost, accept {what} with "
    "`{restore} --reason TEXT`: then nothing is sent until a person has found out what happened since."
)


def _hint(what: str, environment: str, how: str = "") -> str:
    return _HINT.format(what=what, restore=command("state restore", environment, how))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """*content* is the SHA-256 of the document, in hex digits; *link* that of the last run in its history, if any."""

    lineage: str
    serial: int
    epoch: int
    content: str
    link: str = ""


def check_history(mark: Mark, history: Sequence[RunRecord], name: str, environment: str) -> None:
    """Raise StaleError if *history* does not know of the last run that was known here.

    That is for a state of the same epoch: one that somebody has restored since may know less, and says so.
    """
    if mark.link and all(each.link != mark.link for each in history):
        raise StaleError(
            "The history was rewritten",
            f"{name} does not tell of the last run that this machine knows of. Its past was changed or cut. "
            "Nothing was sent.",
            hint=_hint("this one", environment),
        )


def missing(mark: Mark, name: str, environment: str) -> StaleError:
    """Return the error for a state that is not there any more; *name* is what messages call it."""
    return StaleError(
        "The state is gone",
        f"{name} is not there, and serial {mark.serial} of it was written on this machine. Without it everything "
        "declared would be sent again. Nothing was sent.",
        hint=_hint("a backup, or as the last resort an empty state,", environment, "FILE|--empty"),
    )


def check_not_behind(mark: Mark, found: Mark, name: str, environment: str) -> None:
    """Raise StaleError if *found*, the state as it is stored, is not at or after *mark*."""
    why = None
    if found.lineage != mark.lineage:
        why = "is another state, of another lineage than the last one written on this machine"
    elif found.serial < mark.serial:
        why = f"has serial {found.serial}, and serial {mark.serial} was written on this machine"
    elif found.serial == mark.serial and found.content != mark.content:
        why = (
            f"differs from what was written on this machine under the same serial, {mark.serial} "
            "(whoever edits it on purpose raises its serial by one)"
        )
    if why is not None:
        raise StaleError(
            "The state is not the last one",
            f"{name} {why}. It may know nothing of calls that were made. Nothing was sent.",
            hint=_hint("this one", environment),
        )
