"""What the state remembers of every run: who did what, when, under which plan; each record holds on to the one before.

Rule: a record is never changed. Its link is a hash over what it says and the link before it, so that whoever changes
the past, or takes a part of it away, would have to write everything after it anew.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from reconciler.core.digest import canonical_json
from reconciler.core.timestamp import Timestamp, moment

_BEGINNING = "h1"
"""The link before the first record; it names the scheme."""


class Resumed(NamedTuple):
    """So many *calls* of a run, *remigrate* of them with reMigrate, had been sent before, last by the earlier *run*."""

    run: str
    calls: int
    remigrate: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """One apply that could send. *who* ran it at which *commit* of the project, where that is known.

    *calls* is how many of its changes were sent, *done* and so on what became of its changes; a run that broke off is
    recorded by the one that finds its journal: *ended* is None then, only what was sent is counted, and *last_known* is
    the last moment of which the journal tells. *left* is how many changes of an approved plan are still to be settled.
    *remigrate* is how many of its calls had reMigrate and may have had an effect. *resumed* are those of both that an
    earlier run had sent already, under the same keys. *reissued* is how many declarations it began to regenerate again,
    without those that were refused. *guardrails* are the rules that were kept, in words.

    *act* names what a person has done to the state instead, and *reason* why; *done* is then how many entries it was.
    """

    run: str
    plan_id: str
    began: Timestamp
    ended: Timestamp | None
    who: str | None
    commit: str | None
    calls: int
    done: int
    refused: int
    in_doubt: int
    undecided: int = 0
    not_started: int = 0
    left: int | None = None
    remigrate: int = 0
    guardrails: tuple[str, ...] = ()
    act: str | None = None
    reason: str | None = None
    resumed: tuple[Resumed, ...] = ()
    last_known: Timestamp | None = None
    reissued: int = 0
    link: str = ""


def act_record(
    run: str, act: str, *, reason: str, who: str | None, at: Timestamp, entries: int, commit: str | None = None
) -> RunRecord:
    """Return what is remembered of a person's *act* that has changed *entries* of the state."""
    return RunRecord(
        run=run,
        plan_id="",
        began=at,
        ended=at,
        who=who,
        commit=commit,
        calls=0,
        done=entries,
        refused=0,
        in_doubt=0,
        act=act,
        reason=reason,
    )


def with_run(history: Sequence[RunRecord], record: RunRecord) -> tuple[RunRecord, ...]:
    """Return *history* with *record* at its end, unless it tells of that run already."""
    if any(each.run == record.run for each in history):
        return tuple(history)
    before = history[-1].link if history else _BEGINNING
    return (*history, replace(record, link=_link(before, record)))


def broken_link(history: Sequence[RunRecord]) -> RunRecord | None:
    """Return the first record that does not hold on to the one before it, or is not what it was; None if all do."""
    if not history:
        return None
    if history[0].link != _link(_BEGINNING, history[0]):
        return history[0]
    return next((after for before, after in pairwise(history) if after.link != _link(before.link, after)), None)


def _link(before: str, record: RunRecord) -> str:
    """A field at its default is outside the link, so that one of a later version leaves the past as it is."""
    values = ((each.name, getattr(record, each.name), each.default) for each in fields(record) if each.name != "link")
    said = {name: value for name, value, default in values if value != default}
    return hashlib.sha256(canonical_json([before, said]).encode()).hexdigest()


def calls_since(history: Sequence[RunRecord], now: datetime, span: timedelta) -> int:
    """Return how many calls the runs made that were under way within *span* before *now*, each counted once."""
    return sum(calls for calls, _ in _own_calls(history, now, span))


def remigrate_since(history: Sequence[RunRecord], now: datetime, span: timedelta) -> int:
    """Return how many of those had reMigrate."""
    return sum(remigrate for _, remigrate in _own_calls(history, now, span))


def reissued_since(history: Sequence[RunRecord], now: datetime, span: timedelta) -> int:
    """Return how many declarations these runs began to regenerate again; one counts as often as it was."""
    return sum(each.reissued for each in _since(history, now, span))


def _own_calls(history: Sequence[RunRecord], now: datetime, span: timedelta) -> Iterator[tuple[int, int]]:
    """Yield how many calls each run made that none of the others had made before, and how many with reMigrate."""
    runs = tuple(_since(history, now, span))
    names = {each.run for each in runs}
    for each in runs:
        again = [before for before in each.resumed if before.run in names]
        yield (
            each.calls - sum(before.calls for before in again),
            each.remigrate - sum(before.remigrate for before in again),
        )


def _since(history: Sequence[RunRecord], now: datetime, span: timedelta) -> Iterator[RunRecord]:
    return (each for each in history if now - moment(each.ended or each.last_known or each.began) < span)


def missing_runs(history: Sequence[RunRecord], named: Iterable[str]) -> list[str]:
    """Return which of the runs *named* by calls *history* does not tell of, sorted, if it tells of any run at all."""
    known = {each.run for each in history}
    return sorted({*named} - known - {"state import", "state resolve"}) if known else []


def runs_of(history: Sequence[RunRecord], plan_id: str) -> Iterator[RunRecord]:
    return (each for each in history if each.plan_id == plan_id)
