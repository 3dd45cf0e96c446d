"""Recovery is the normal path: what abandoned journals know is folded into the state before anything is planned."""

from reconciler.core.state import State
from reconciler.engine.recovered import Recovered
from reconciler.ports import JournalStore


def recover(state: State | None, journals: JournalStore) -> Recovered:
    """Fold every abandoned journal into *state*. Nothing is written: the caller does, and removes what is folded.

    Raise StorageError if a journal cannot be read, InvalidInput if one is of a newer version.
    """
    abandoned = journals.abandoned()
    if not abandoned:
        return Recovered(state=state, folded=())
    from reconciler.engine.journals import fold_journals  # noqa: PLC0415  (loaded only where a run has broken off)

    return fold_journals(state, journals, abandoned)
