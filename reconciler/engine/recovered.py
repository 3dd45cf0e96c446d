"""What is known when abandoned journals have been read."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.core.diagnostics import Diagnostic
from reconciler.core.state import State
from reconciler.core.timestamp import Timestamp

if TYPE_CHECKING:  # hardly ever has a run broken off
    from reconciler.core.run import Result


@dataclass(frozen=True, slots=True)
class DamagedJournal:
    """A journal of which lines are gone: its run, which *began* then, may have sent what nobody knows of."""

    name: str
    began: Timestamp | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """*state* with everything that journals know; *folded* are the names of those that say all they ever said.

    *damaged* are folded as far as they can be read, *warnings* tell of them and of what could not be used; *abandoned*
    are the names of all that were found. *learned* is what those of the state's own epoch know.
    """

    state: State | None
    folded: tuple[str, ...]
    damaged: tuple[DamagedJournal, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    abandoned: frozenset[str] = frozenset()
    learned: "tuple[Result, ...]" = ()
