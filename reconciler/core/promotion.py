"""What an environment asks of the one before it, as the project file says it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from reconciler.core.diagnostics import Place

PROOF_ENDING = ".json"
"""What the name of every file of proofs ends with: whatever else a pipeline brings is no proof."""

_UNITS = ((timedelta(days=1), "d"), (timedelta(hours=1), "h"), (timedelta(minutes=1), "m"))


def is_proof_name(path: str) -> bool:
    return path.lower().endswith(PROOF_ENDING)


class Demand(StrEnum):
    """What becomes of a change without proof: it refuses the plan, or is marked in it."""

    REQUIRED = "required"
    MARKED = "marked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Promotion:
    """What an environment asks of the *earlier* one, by whose name it is known.

    A proof counts once it is *soak* old, and until it is *max_age* old (None: for ever), by the platform's time.
    *place* is where the project file says so.

    *proofs* is the file, or the folder of files, of `apply --proof` that tell in place of the earlier state; None: the
    state does. With them *max_age* is not None. *allowed_signers* names who may have signed them; None: anybody.
    """

    earlier: str
    place: Place
    demand: Demand = Demand.REQUIRED
    soak: timedelta = timedelta(0)
    max_age: timedelta | None = None
    accept_emulator: bool = False
    accept_empty_ids: bool = False
    proofs: str | None = None
    allowed_signers: str | None = None

    def words(self) -> Iterator[str]:
        """Yield what is asked, each setting that is said or not at its default, by its name in the project file."""
        yield f"proof {self.demand}"
        for name, span in (("soak", self.soak), ("max_age", self.max_age)):
            if span:
                yield f"{name} {_lasting(span)}"
        yield from (name for name in ("accept_emulator", "accept_empty_ids") if getattr(self, name))
        for name, path in (("proofs", self.proofs), ("allowed_signers", self.allowed_signers)):
            if path is not None:
                yield f"{name} {path}"


def _lasting(span: timedelta) -> str:
    """Return *span* as the project file writes it, in the longest unit of which it is a whole number."""
    unit, letter = next(each for each in _UNITS if not span % each[0])
    return f"{span // unit}{letter}"
