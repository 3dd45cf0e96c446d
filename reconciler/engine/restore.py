"""Accepting a state that is behind its high-water mark, or none."""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.core.diagnostics import InvalidInput
from reconciler.core.environment import Environment
from reconciler.core.history import RunRecord, with_run
from reconciler.core.mark import Mark
from reconciler.core.restore import restored
from reconciler.core.state import State
from reconciler.engine.marked import MarkedStore
from reconciler.engine.plan import load_state
from reconciler.engine.recover import recover
from reconciler.errors import StaleError, UsageError, WrongTenant
from reconciler.formats.mark import mark_of
from reconciler.formats.state import read_state, write_state
from reconciler.ports import JournalStore, StateConflict, Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A document to be accepted as the state; *name* is what messages call it."""

    content: bytes
    name: str


def refuse_needless(store: MarkedStore, journals: JournalStore, environment: Environment, again: str) -> None:
    """Raise UsageError if the state that is there is the last one: to accept it would only make it doubtful.

    Where no mark says so, or a journal is damaged, there is a doubt. *again* is the command that accepts it even so.
    """
    mark = store.mark
    with suppress(StaleError, InvalidInput, WrongTenant):
        stored = load_state(store, journals, environment, mark)
        if mark is not None and not stored.damaged:
            raise UsageError(
                "Nothing to restore",
                f"{store.name} is the last state that was written on this machine, serial {mark.serial}. To accept it "
                "anew would make everything in it undecided. Nothing was changed.",
                hint=f"If this machine was put back as a whole, so that a later one is lost, name it: `{again}`.",
            )


def restore_state(
    store: MarkedStore,
    journals: JournalStore,
    environment: Environment,
    *,
    backup: Backup | None,
    lineage: str,
    reason: str,
    act: RunRecord,
    now: datetime,
) -> State:
    """Write *backup*, or an empty state, as the state that counts from now on, and return it.

    *lineage* is that of an empty state where none is known; *act* is what is remembered of this. What abandoned
    journals know is folded in first. Raise StaleError if the state that is there is a later one of the same lineage, or
    changes meanwhile.
    """
    mark, current = store.mark, store.read()
    there = _marked(current, store.name, environment)
    if backup is None:
        known = there or mark
        lineage = known.lineage if known else lineage
        state = State(environment=environment.name, project=environment.project, lineage=lineage, entries={})
    else:
        asked, project = environment.name, environment.project
        state = read_state(backup.content, backup.name, environment=asked, project=project)
        state = replace(state, project=state.project or project)
    if there is not None and there.lineage == state.lineage and there.serial > state.serial:
        raise StaleError(
            "The state that is there is a later one",
            f"{store.name} has serial {there.serial}, and what would replace it {state.serial}.",
            hint="Keep it. If it is not to be used, move it away first.",
        )
    recovered = recover(state, journals)
    accepted = restored(recovered.state or state, _highest(mark, there), reason=reason, now=now)
    accepted = replace(accepted, history=with_run(accepted.history, act))
    try:
        store.write(write_state(accepted), expected=current.version if current else None)
    except StateConflict:
        raise StaleError("The state has moved", f"{store.name} was changed meanwhile.", hint="Look again.") from None
    for name in (*recovered.folded, *(each.name for each in recovered.damaged)):
        journals.remove(name)
    return accepted


def _marked(current: Stored | None, name: str, environment: Environment) -> Mark | None:
    """Return the mark of the state that is there; None if there is none that can be read."""
    if current is None:
        return None
    with suppress(InvalidInput):
        return mark_of(current.sha256, read_state(current.content, name, environment=environment.name))
    return None


def _highest(*marks: Mark | None) -> Mark | None:
    """Return a mark with the highest serial and the highest epoch of *marks*."""
    known = [each for each in marks if each is not None]
    if not known:
        return None
    serial, epoch = max(each.serial for each in known), max(each.epoch for each in known)
    return Mark(lineage=known[0].lineage, serial=serial, epoch=epoch, content="")
