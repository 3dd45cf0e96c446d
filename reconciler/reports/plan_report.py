"""The model of a plan that every rendering shares: groups in the order of reading, lines with everything they show.

Rule: counting, grouping, sorting and wording happen here, once. Renderers only lay out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from reconciler.core.command import command, quoted
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.forecast import Basis
from reconciler.core.plan import Binding, Change, Plan, Reissue, flags_of, place_of
from reconciler.core.selection import Action
from reconciler.core.timestamp import timestamp

if TYPE_CHECKING:
    from reconciler.core.guardrail_limits import Refusal
    from reconciler.reports.plan_risks import FlagsUse, Risk


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """*why* and *owner* are what the spec gives as such, or empty; *reasons* say what the planner found."""

    address: str
    reasons: tuple[str, ...]
    why: str
    owner: str
    place: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Changes of one action under one pair of flags; *meaning* says in words what the pair does.

    *next_command* is what a person has to give, as a shell reads it; empty where apply does what is to be done.
    """

    action: Action
    heading: str
    flags: str
    meaning: str
    next_command: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanReport:
    """Everything in the order in which a reader needs it: *risks*, *flags_used* and *groups* from the riskiest on.

    *tenant* is None while none is known. *duration* says how long the calls will take, and is empty where nothing is
    known of it. *refusals* come before all else: nothing is sent while there are any. *apply_command* does exactly this
    plan, *show_command* shows all of it; both are as a shell reads them.
    """

    project: str
    environment: str
    tenant: str | None
    verdict: str
    duration: str
    risks: "tuple[Risk, ...]"
    flags_used: "tuple[FlagsUse, ...]"
    groups: tuple[Group, ...]
    at_rest: tuple[str, ...]
    plan_id: str
    apply_command: str
    show_command: str
    warnings: tuple[Diagnostic, ...]
    refusals: "tuple[Refusal, ...]"
    has_calls: bool

    @property
    def tenant_text(self) -> str:
        return "not known before the first apply" if self.tenant is None else self.tenant


_VERDICT_ORDER = (Action.REGENERATE, Action.REISSUE, Action.RESUME, Action.BLOCKED, Action.UNDECIDED)
_HEADINGS = {
    Action.REGENERATE: "regenerate",
    Action.REISSUE: "regenerate again",
    Action.RESUME: "resume: send the same key again, because the answer is missing",
    Action.UNDECIDED: "undecided: find out what happened, then settle it; nothing is sent",
    Action.BLOCKED: "blocked by an undecided version of the same subscription; nothing is sent",
}
_ALL_DONE = "Nothing to do: everything declared is regenerated."
_LONGEST_SELECTION = 1_000
"""Characters of a command; what is longer, its reader has to say again by heart."""


def report_plan(plan: Plan, *, is_production: bool = False) -> PlanReport:
    """*is_production* tells whether an apply needs the environment's name said again."""
    plan_id = plan.id
    risks, flags_used, groups = _looked_at(plan) if plan.changes else ((), (), ())
    return PlanReport(
        project=plan.binding.project,
        environment=plan.binding.environment,
        tenant=plan.binding.tenant,
        verdict=_verdict(plan),
        duration=_duration(plan),
        risks=risks,
        flags_used=flags_used,
        groups=groups,
        at_rest=tuple(_at_rest(plan)),
        plan_id=plan_id,
        apply_command=_apply_command(plan, plan_id, is_production=is_production),
        show_command=_command("plan", plan),
        warnings=plan.warnings,
        refusals=plan.refusals,
        has_calls=bool(plan.calls),
    )


def counted(number: int, noun: str, many: str = "") -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {many or f'{noun}s'}"


def lasting(seconds: int) -> str:
    """Return *seconds* in its greatest unit and the one below: ``2 h 5 min``."""
    units = ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "min"), (60, "min", 1, "s"))
    for size, unit, smaller, lower in units:
        if seconds >= size:
            rest = seconds % size // smaller
            return f"{seconds // size} {unit}" + (f" {rest} {lower}" if rest else "")
    return f"{seconds} s"


def _looked_at(plan: Plan) -> "tuple[tuple[Risk, ...], tuple[FlagsUse, ...], tuple[Group, ...]]":
    """Return what is told of changes, which most plans have none of: they load nothing of it."""
    from reconciler.reports.plan_risks import flags_used, rank_of, risks_of  # noqa: PLC0415

    ranked = groupby(sorted(plan.changes, key=rank_of), key=rank_of)
    return risks_of(plan), flags_used(plan.calls), tuple(_group(list(members), plan.binding) for _, members in ranked)


def _group(members: Sequence[Change], binding: Binding) -> Group:
    from reconciler.reports.plan_risks import flags_text  # noqa: PLC0415  (see above)

    flags, action = flags_of(members[0]), members[0].action
    settle = command("state resolve", binding.environment)
    return Group(
        action=action,
        heading=f"{_HEADINGS[action]} ({len(members):,})",
        flags=flags_text(flags),
        meaning=flags.meaning,
        next_command=settle if action is Action.UNDECIDED else "",
        lines=tuple(_line(change) for change in members),
    )


def _line(change: Change) -> Line:
    place = place_of(change)
    declared = change.declaration
    sent_as = (f"sent as {declared.sent_as}",) if declared and declared.mapped else ()
    after = change.not_before if isinstance(change, Reissue) else None
    held = (f"not before {timestamp(after)}, when what was lost can land no more",) if after else ()
    return Line(
        address=change.address,
        reasons=(*change.reasons, *sent_as, *held),
        why=(declared.reason if declared else None) or "",
        owner=(declared.owner if declared else None) or "",
        place=str(place) if place else "not declared",
    )


def _at_rest(plan: Plan) -> Iterator[str]:
    if plan.unchanged:
        last = f", last at {plan.last_applied}" if plan.last_applied else ""
        again = f"a new trigger sends {_them(plan.unchanged)} again"
        yield f"{plan.unchanged:,} unchanged: applied as declared{last}; {again}."
    if plan.undeclared:
        yield f"{plan.undeclared:,} no longer declared: nothing is sent and nothing is undone."
    if plan.left_out:
        are = "is" if plan.left_out == 1 else "are"
        why = f"of others {are} no part of this plan" if plan.selection.addresses is not None else ""
        yield f"{counted(plan.left_out, 'change')} {why or 'left out by --only and --except'}."


def _them(number: int) -> str:
    return "it" if number == 1 else "them"


def _verdict(plan: Plan) -> str:
    summary = plan.summary
    parts = [f"{summary[action]:,} {action}" for action in _VERDICT_ORDER if summary[action]]
    if not parts:
        if plan.selection.addresses is not None:
            return "Nothing to do: nothing is left of this plan."
        if not plan.unchanged and not plan.left_out:
            return "Nothing to do: nothing is declared."
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


def _apply_command(plan: Plan, plan_id: str, *, is_production: bool) -> str:
    expected = f"{_command('apply', plan)} --expect {plan_id}"
    return f"{expected} --confirm {quoted(plan.binding.environment)}" if is_production else expected


def _command(verb: str, plan: Plan) -> str:
    """Return the command that means the same changes as *plan*."""
    named = command(verb, plan.binding.environment)
    chosen = {"--only": plan.selection.only, "--except": plan.selection.excepted}
    selected = "".join(f" {option} {quoted(each.text)}" for option, given in chosen.items() for each in given)
    return f"{named}{selected}" if len(selected) <= _LONGEST_SELECTION else f"{named} --only ... --except ..."
