"""The model of a plan that every rendering shares: groups in the order of reading, lines with everything they show.

Rule: counting, grouping, sorting and wording happen here, once. Renderers only lay out.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from reconciler.core.declaration import Flags
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.forecast import Basis
from reconciler.core.plan import Change, Plan, flags_of, place_of
from reconciler.core.selection import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """*why* is what the spec gives as its reason, or empty; *reasons* say what the planner found."""

    address: str
    reasons: tuple[str, ...]
    why: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Changes of one action under one pair of flags; *meaning* says in words what the pair does."""

    action: Action
    heading: str
    flags: str
    meaning: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """*duration* says how long the calls will take, and is empty where nothing is known of it."""

    environment: str
    tenant: str
    groups: tuple[Group, ...]
    at_rest: tuple[str, ...]
    verdict: str
    duration: str
    plan_id: str
    warnings: tuple[Diagnostic, ...]
    has_calls: bool


_ORDER = (Action.UNDECIDED, Action.BLOCKED, Action.RESUME, Action.REISSUE, Action.REGENERATE)
_HEADINGS = {
    Action.REGENERATE: "regenerate",
    Action.REISSUE: "regenerate again",
    Action.RESUME: "resume: send the same key again, because the answer is missing",
    Action.UNDECIDED: "undecided: find out what happened, then `reconciler state resolve`; nothing is sent",
    Action.BLOCKED: "blocked by an undecided version of the same subscription; nothing is sent",
}


_ALL_DONE = "Nothing to do: everything declared is regenerated."


def report_plan(plan: Plan) -> PlanReport:
    return PlanReport(
        environment=plan.binding.environment,
        tenant=plan.binding.tenant or "not known before the first apply",
        groups=tuple(_groups(plan.changes)),
        at_rest=tuple(_at_rest(plan)),
        verdict=_verdict(plan),
        duration=_duration(plan),
        plan_id=plan.id,
        warnings=plan.warnings,
        has_calls=bool(plan.calls),
    )


def counted(number: int, noun: str, many: str = "") -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {many or f'{noun}s'}"


def lasting(seconds: int) -> str:
    """Return *seconds* in its greatest unit and the one below: ``2 h 5 min``."""
    units = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))
    for size, unit, smaller, lower in units:
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {unit}" + (f" {rest} {lower}" if rest else "")
    return f"{seconds} s"


def _groups(changes: Iterable[Change]) -> Iterator[Group]:
    def rank(change: Change) -> tuple[int, int]:
        return _ORDER.index(change.action), list(Flags).index(flags_of(change))

    for _, members in groupby(sorted(changes, key=rank), key=rank):
        yield _group(list(members))


def _group(members: Sequence[Change]) -> Group:
    flags, action = flags_of(members[0]), members[0].action
    sent = ", ".join(f"{name} {'true' if value else 'false'}" for name, value in flags.as_sent.items())
    return Group(
        action=action,
        heading=f"{_HEADINGS[action]} ({len(members)})",
        flags=sent,
        meaning=flags.meaning,
        lines=tuple(_line(change) for change in members),
    )


def _line(change: Change) -> Line:
    place = place_of(change)
    why = change.declaration.reason if change.declaration else None
    return Line(
        address=change.address,
        reasons=change.reasons,
        why=why or "",
        place=str(place) if place else "not declared",
    )


def _at_rest(plan: Plan) -> Iterator[str]:
    if plan.unchanged:
        last = f", last at {plan.last_applied}" if plan.last_applied else ""
        again = f"a new trigger sends {_them(plan.unchanged)} again"
        yield f"{plan.unchanged} unchanged: applied as declared{last}; {again}."
    if plan.undeclared:
        yield f"{plan.undeclared} no longer declared: nothing is sent and nothing is undone."
    if plan.left_out:
        yield f"{counted(plan.left_out, 'change')} left out by --only and --except."


def _them(number: int) -> str:
    return "it" if number == 1 else "them"


def _verdict(plan: Plan) -> str:
    summary = plan.summary
    parts = [f"{summary[action]} {action}" for action in reversed(_ORDER) if summary[action]]
    if not parts:
        return "Nothing to do: nothing that is selected needs a call." if plan.selection else _ALL_DONE
    return f"Plan: {counted(summary['calls'], 'call')} to the platform ({', '.join(parts)})."


def _duration(plan: Plan) -> str:
    forecast = plan.forecast
    if forecast is None or forecast.seconds is None or not forecast.calls:
        return ""
    time, rate = lasting(forecast.seconds), forecast.calls_per_second or 0.0
    if forecast.basis is Basis.RATE_LIMITS:
        return f"Takes at least {time}: the rate limits of the tenant, less the share left free, allow no more."
    return (
        f"Takes about {time} at the rate of an earlier run, {f'{rate:.0f}' if rate >= 10 else f'{rate:.2g}'} calls/s."
    )
