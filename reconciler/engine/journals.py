"""What abandoned journals know, folded into the state one after another."""

from collections.abc import Iterable, Sequence

from reconciler.core.diagnostics import Diagnostic, Place, Severity
from reconciler.core.entry import Unsettled
from reconciler.core.fold import broken_run, fold
from reconciler.core.journal import BrokenRule, records_of
from reconciler.core.run import Outcome, Result
from reconciler.core.selection import Action
from reconciler.core.state import State
from reconciler.engine.recovered import DamagedJournal, Recovered
from reconciler.formats.journal import ReadJournal, read_journal
from reconciler.ports import JournalStore


def fold_journals(state: State | None, journals: JournalStore, abandoned: Sequence[str]) -> Recovered:
    """Fold the *abandoned* journals into *state*. Raise StorageError and InvalidInput as `recover` does."""
    folded: list[str] = []
    damaged: list[DamagedJournal] = []
    warnings: list[Diagnostic] = []
    learned: list[Result] = []
    for name in abandoned:
        read = read_journal(journals.read(name), name)
        if read.opened is None and not read.events and not read.damaged:
            folded.append(name)
            continue
        if state is None or not _belongs_to(read, state):
            warnings.append(_foreign(name))
            continue
        tenant = read.opened.tenant if read.opened else None
        entity = read.opened.entity if read.opened else None
        platform = read.opened.platform if read.opened else None
        results = tuple(results_of(read))
        if read.opened is not None and read.opened.epoch == state.epoch:
            learned += results
        run = broken_run(read.opened, results, before=state) if read.opened else None
        state = fold(state, results, tenant=tenant, entity=entity, platform=platform, run=run)
        if read.damaged:
            damaged.append(DamagedJournal(name, read.opened.at if read.opened else None))
            warnings.append(_damaged(name, read.damaged))
        else:
            folded.append(name)
    return Recovered(
        state=state,
        folded=tuple(folded),
        damaged=tuple(damaged),
        warnings=tuple(warnings),
        abandoned=frozenset(abandoned),
        learned=tuple(learned),
    )


def _belongs_to(read: ReadJournal, state: State) -> bool:
    """Whether a journal is of *state*. One whose head is gone stands beside this state, and its doubts count."""
    return read.opened is None or read.opened.lineage == state.lineage


def results_of(read: ReadJournal) -> Iterable[Result]:
    """Return the records of a journal as results. One that breaks its rules is read as damaged."""
    try:
        records = records_of(read.events, damaged=bool(read.damaged))
    except BrokenRule:
        records = records_of(read.events, damaged=True)
    for address, record in records:
        outcome = Outcome.IN_DOUBT if isinstance(record, Unsettled) else Outcome.DONE
        yield Result(address=address, action=Action.RESUME, outcome=outcome, record=record)


def _foreign(name: str) -> Diagnostic:
    return Diagnostic(
        code="foreign-journal",
        severity=Severity.WARNING,
        summary="a journal belongs to another state",
        place=Place(name),
        detail="It was written for a state that is gone or was replaced; nothing of it is used.",
        hint="Find out what became of that state; remove the file when nobody needs it.",
    )


def _damaged(name: str, lines: int) -> Diagnostic:
    return Diagnostic(
        code="damaged-journal",
        severity=Severity.WARNING,
        summary=f"a journal is damaged in {lines} places",
        place=Place(name),
        detail="What it leaves open is in doubt: the same keys are sent again while they are young.",
        hint="Look after the disk. Apply within the day: then what is not told here is sent under its old key again.",
    )
