"""Guardrails: rules that refuse a plan before anything is sent, or stay silent.

Rule: every rule has one shape, `(plan, environment, past, now) -> Refusal | None`, and counts what the plan would call.
What is undecided or blocked calls nothing, so it counts for nothing, and a plan that calls nothing is refused by none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import Protocol

from reconciler.core.allowances import counted, lifting, lifts_canary
from reconciler.core.canary import Standing
from reconciler.core.command import command
from reconciler.core.environment import Environment
from reconciler.core.freeze import frozen_on
from reconciler.core.guardrail_limits import Refusal, Rule, flags_words
from reconciler.core.history import RunRecord, calls_since, reissued_since, remigrate_since
from reconciler.core.plan import Calling, Plan, Reissue, Resume, flags_of
from reconciler.core.timestamp import moment

_DAY = timedelta(days=1)
_NAMED = 3
"""How many addresses a refusal names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What rules may know of what was done: its *runs*, and where the *canaries* of earlier plans stand.

    *approved* are the ids of approved plans that the plan is the rest of, besides its own.
    """

    runs: Sequence[RunRecord] = ()
    canaries: Sequence[Standing] = ()
    approved: frozenset[str] = frozenset()


class Guardrail(Protocol):
    """One rule. It refuses nothing where the project file does not set it."""

    def __call__(self, plan: Plan, environment: Environment, past: Past, now: datetime, /) -> Refusal | None: ...


def max_calls(plan: Plan, environment: Environment, past: Past, now: datetime) -> Refusal | None:
    calls = _not_resumed(_counted(Rule.MAX_CALLS, plan, environment, past, now))
    return _above(Rule.MAX_CALLS, environment, now, len(calls), f"{_calls(len(calls))} in this plan")


def max_remigrate(plan: Plan, environment: Environment, past: Past, now: datetime) -> Refusal | None:
    calls = _remigrate(_not_resumed(_counted(Rule.MAX_REMIGRATE, plan, environment, past, now)))
    return _above(Rule.MAX_REMIGRATE, environment, now, len(calls), f"{_calls(len(calls))} with reMigrate in this plan")


def max_calls_per_day(plan: Plan, environment: Environment, past: Past, now: datetime) -> Refusal | None:
    new = len(_new(_counted(Rule.MAX_CALLS_PER_DAY, plan, environment, past, now), now))
    before = calls_since(past.runs, now, _DAY)
    told = f"{_calls(new)} in this plan after {before:,} in the last 24 h"
    return _above(Rule.MAX_CALLS_PER_DAY, environment, now, new + before, told) if new else None


def max_remigrate_per_day(plan: Plan, environment: Environment, past: Past, now: datetime) -> Refusal | None:
    new = len(_remigrate(_new(_counted(Rule.MAX_REMIGRATE_PER_DAY, plan, environment, past, now), now)))
    before = remigrate_since(past.runs, now, _DAY)
    told = f"{_calls(new)} with reMigrate in this plan after {before:,} in the last 24 h"
    return _above(Rule.MAX_REMIGRATE_PER_DAY, environment, now, new + before, told) if new else None


def max_reissued_share(plan: Plan, environment: Environment, past: Past, now: datetime) -> Refusal | None:
    """Refuse where too many of all declarations, selected or not, would be regenerated again within a day."""
    limit = environment.guardrails.max_reissued_share if environment.guardrails else None
    calls = _counted(Rule.MAX_REISSUED_SHARE, plan, environment, past, now)
    again = sum(isinstance(each, Reissue) for each in calls)
    before = reissued_since(past.runs, now, _DAY)
    declared = plan.unchanged + plan.left_out + sum(each.declaration is not None for each in plan.changes)
    if limit is None or not again or again + before <= limit * declared:
        return None
    share = round((again + before) / declared, 3)
    are = "declaration is" if declared == 1 else "declarations are"
    earlier = f" after {before:,} in the last 24 h" if before else ""
    return Refusal(
        rule=Rule.MAX_REISSUED_SHARE,
        figure=share,
        limit=limit,
        told=f"{again:,} of {declared:,} {are} to be regenerated again{earlier}, a share of {share:g}, "
        f"and {limit:g} is allowed",
        hint="Check whether a trigger or flags were changed for more than was meant; else take a part with --only, "
        f"or {lifting(Rule.MAX_REISSUED_SHARE, environment, now)}",
    )


def forbidden_flags(plan: Plan, environment: Environment, past: Past, now: datetime) -> Refusal | None:
    forbidden = environment.guardrails.forbidden_flags if environment.guardrails else ()
    calls = _counted(Rule.FORBIDDEN_FLAGS, plan, environment, past, now) if forbidden else ()
    found = [each for each in calls if flags_of(each) in forbidden]
    if not found:
        return None
    pairs = " and ".join(dict.fromkeys(flags_words(flags_of(each)) for each in found))
    return Refusal(
        rule=Rule.FORBIDDEN_FLAGS,
        figure=len(found),
        limit=0,
        told=f"{_calls(len(found))} with {pairs}, and none is allowed: {_named(found)}",
        hint=f"Declare other flags, or {lifting(Rule.FORBIDDEN_FLAGS, environment, now)}",
    )


def reason(plan: Plan, environment: Environment, past: Past, now: datetime) -> Refusal | None:
    pattern = environment.guardrails.reason if environment.guardrails else None
    calls = _counted(Rule.REASON, plan, environment, past, now) if pattern else ()
    return _unlike(Rule.REASON, pattern, [(each, each.declaration.reason) for each in calls], environment, now)


def owner(plan: Plan, environment: Environment, past: Past, now: datetime) -> Refusal | None:
    pattern = environment.guardrails.owner if environment.guardrails else None
    calls = _counted(Rule.OWNER, plan, environment, past, now) if pattern else ()
    return _unlike(Rule.OWNER, pattern, [(each, each.declaration.owner) for each in calls], environment, now)


def freeze(plan: Plan, environment: Environment, past: Past, now: datetime) -> Refusal | None:
    guardrails = environment.guardrails
    if guardrails is None or guardrails.freeze is None:
        return None
    day = guardrails.day(now)
    period = frozen_on(guardrails.freeze, day)
    if period is None or not _counted(Rule.FREEZE, plan, environment, past, now):
        return None
    return Refusal(
        rule=Rule.FREEZE,
        figure=day.isoformat(),
        limit=f"{period.begins} to {period.ends}",
        told=f"it is {day} in {guardrails.zone_name}, and nothing is sent from {period.begins} to {period.ends} "
        f"({period.reason})",
        hint=f"Apply from {period.ends + _DAY} on, or {lifting(Rule.FREEZE, environment, now)}",
    )


def canary(plan: Plan, environment: Environment, past: Past, now: datetime) -> Refusal | None:
    """Refuse to go on where the first calls of a plan have gone wrong, until that is put right or let past."""
    guardrails = environment.guardrails
    if guardrails is None or guardrails.canary is None:
        return None
    calls = {each.address for each in plan.calls}
    for standing in past.canaries if calls else ():
        failed = [a for a, d in standing.failed.items() if not lifts_canary(guardrails, now, standing.plan_id, d)]
        missing = [a for a, d in standing.open.items() if not lifts_canary(guardrails, now, standing.plan_id, d)]
        stuck = failed or [each for each in missing if each not in calls]
        if stuck:
            return _stopped(standing.plan_id, stuck, "refused" if failed else "not settled", environment, now)
    return None


def _counted(rule: Rule, plan: Plan, environment: Environment, past: Past, now: datetime) -> Sequence[Calling]:
    return counted(rule, plan, environment.guardrails, now, past.approved) if environment.guardrails else ()


def _remigrate(calls: Sequence[Calling]) -> list[Calling]:
    return [each for each in calls if flags_of(each).re_migrate]


def _not_resumed(calls: Sequence[Calling]) -> list[Calling]:
    """Return those that were not sent before: held back by a limit, the others would become undecided."""
    return [each for each in calls if not isinstance(each, Resume)]


def _new(calls: Sequence[Calling], now: datetime) -> list[Calling]:
    """Return those that no run of the last 24 h has counted: a resume sends the same call again, with one effect."""
    return [each for each in calls if not isinstance(each, Resume) or now - moment(each.unsettled.last_sent) >= _DAY]


def _above(rule: Rule, environment: Environment, now: datetime, figure: int, told: str) -> Refusal | None:
    limit = environment.guardrails.limits.get(rule) if environment.guardrails else None
    if limit is None or figure <= limit:
        return None
    part = "Wait until 24 h are over, take" if "per_day" in rule else "Take"
    return Refusal(
        rule=rule,
        figure=figure,
        limit=limit,
        told=f"{told}, and {limit:,} {'is' if limit == 1 else 'are'} allowed",
        hint=f"{part} a part of it with --only, or {lifting(rule, environment, now)}",
    )


def _unlike(
    rule: Rule,
    pattern: str | None,
    said: Sequence[tuple[Calling, str | None]],
    environment: Environment,
    now: datetime,
) -> Refusal | None:
    found = [call for call, text in said if text is None or not fnmatchcase(text, pattern or "*")]
    if pattern is None or not found:
        return None
    return Refusal(
        rule=rule,
        figure=len(found),
        limit=pattern,
        told=f"{_calls(len(found))} whose {rule} is missing or unlike {pattern!r}: {_named(found)}",
        hint=f"Write {rule}: into the spec, for the file or the declaration, or {lifting(rule, environment, now)}",
    )


def _stopped(plan_id: str, stuck: Sequence[str], how: str, environment: Environment, now: datetime) -> Refusal:
    was = "was" if len(stuck) == 1 else "were"
    number = f", correct its number in {environment.keys}" if environment.keys else ""
    mend = f"Mend it: change its declaration (a new trigger is enough){number} or take it out"
    settle = f"`{command('state resolve', environment.name)}`"
    wait = f"Settle it: apply it again within the day, or find out what happened and use {settle}"
    return Refusal(
        rule=Rule.CANARY,
        figure=len(stuck),
        limit=0,
        told=f"{len(stuck):,} of the calls that went first for plan {plan_id} {was} {how}: {_listed(stuck)}",
        hint=f"{mend if how == 'refused' else wait}; or {lifting(Rule.CANARY, environment, now, scope=plan_id)}",
    )


def _calls(number: int) -> str:
    return f"{number:,} {'call' if number == 1 else 'calls'}"


def _named(calls: Sequence[Calling]) -> str:
    return _listed([f"{each.address} [{each.declaration.place}]" for each in calls])


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED:,} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
