"""What is risky about a plan, and which of its changes are read before which.

Rule: the order of risk is decided here, once, for the totals and for the groups alike.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.declaration import Flags
from reconciler.core.plan import Blocked, Calling, Change, Plan, Regenerate, Reissue, Resume, Undecided, flags_of
from reconciler.core.selection import Action


class RiskKind(StrEnum):
    """What a reviewer looks for first, in the order of reading. Kinds overlap: a re-issue may say reMigrate too."""

    RE_MIGRATE = "reMigrate"
    REISSUE = "reissue"
    REISSUE_IN_DOUBT = "reissue_in_doubt"
    UNDECIDED = "undecided"
    BLOCKED = "blocked"
    RESUME = "resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """How many *changes* are of this kind, at least one; *text* says so, and what it means."""

    kind: RiskKind
    changes: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagsUse:
    """How many *calls* are sent with one pair of flags, at least one, and in words what it does."""

    flags: str
    calls: int
    meaning: str


_TEXTS = {
    RiskKind.RE_MIGRATE: "with reMigrate true: what is stored is overridden, and Revenue collects again.",
    RiskKind.REISSUE: "regenerated again, because something else was applied before.",
    RiskKind.REISSUE_IN_DOUBT: "regenerated again although an earlier call may have been done: both may take effect.",
    RiskKind.UNDECIDED: "undecided: what was sent may have had its effect. Nothing is sent until a person knows.",
    RiskKind.BLOCKED: "blocked by an undecided version of the same subscription.",
    RiskKind.RESUME: "resumed: sent before and not answered. The same key is sent again, for one effect in all.",
}

_FLAGS_BY_RISK = (Flags.REWRITE_AND_RECOLLECT, Flags.REWRITE, Flags.RESEND)
_MILDER = _FLAGS_BY_RISK[1:]
_RANKS = {
    each: rank
    for rank, each in enumerate(
        (
            *((each, Flags.REWRITE_AND_RECOLLECT) for each in (Action.REISSUE, Action.REGENERATE, Action.RESUME)),
            *((Action.REISSUE, flags) for flags in _MILDER),
            *((each, flags) for each in (Action.UNDECIDED, Action.BLOCKED) for flags in _FLAGS_BY_RISK),
            *((each, flags) for each in (Action.RESUME, Action.REGENERATE) for flags in _MILDER),
        )
    )
}


def rank_of(change: Change) -> int:
    """Return where the action of *change* under its flags comes among all others: 0 is read first."""
    return _RANKS[change.action, flags_of(change)]


def flags_text(flags: Flags) -> str:
    return ", ".join(f"{name} {'true' if value else 'false'}" for name, value in flags.as_sent.items())


def flags_used(calls: Iterable[Calling]) -> tuple[FlagsUse, ...]:
    counts = Counter(map(flags_of, calls))
    return tuple(
        FlagsUse(flags=flags_text(flags), calls=counts[flags], meaning=flags.meaning)
        for flags in _FLAGS_BY_RISK
        if counts[flags]
    )


def risks_of(plan: Plan) -> tuple[Risk, ...]:
    counts = Counter(kind for change in plan.changes for kind in _kinds_of(change))
    return tuple(
        Risk(kind=kind, changes=counts[kind], text=f"{counts[kind]:,} {_TEXTS[kind]}")
        for kind in RiskKind
        if counts[kind]
    )


def _kinds_of(change: Change) -> Iterator[RiskKind]:
    match change:
        case Regenerate():
            pass
        case Reissue():
            yield RiskKind.REISSUE if change.not_before is None else RiskKind.REISSUE_IN_DOUBT
        case Resume():
            yield RiskKind.RESUME
        case Undecided():
            yield RiskKind.UNDECIDED
            return
        case Blocked():
            yield RiskKind.BLOCKED
            return
    if flags_of(change).re_migrate:
        yield RiskKind.RE_MIGRATE
