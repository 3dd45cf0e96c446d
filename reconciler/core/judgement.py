"""What the guardrails of an environment say of a plan, all together: refusals, warnings, and what a run records."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta

from reconciler.core.allowances import counted, used
from reconciler.core.approval import covers
from reconciler.core.canary import standings
from reconciler.core.declaration import Spec
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.environment import Environment
from reconciler.core.freeze import next_freeze
from reconciler.core.guardrail_limits import Guardrails, Rule
from reconciler.core.guardrails import (
    Guardrail,
    Past,
    canary,
    forbidden_flags,
    freeze,
    max_calls,
    max_calls_per_day,
    max_reissued_share,
    max_remigrate,
    max_remigrate_per_day,
    owner,
    reason,
)
from reconciler.core.plan import Plan
from reconciler.core.state import State

_DAY = timedelta(days=1)
_FURTHEST = 60
"""Days. No run lasts longer."""

GUARDRAILS: tuple[Guardrail, ...] = (
    freeze,
    canary,
    forbidden_flags,
    max_remigrate,
    max_remigrate_per_day,
    max_calls,
    max_calls_per_day,
    max_reissued_share,
    reason,
    owner,
)
"""All rules, in the order in which a person wants to read of them."""


def past_of(plan: Plan, state: State | None, spec: Spec) -> Past:
    """Return what rules may know of what *state* remembers; a plan without calls needs nothing."""
    if state is None or not plan.calls:
        return Past()
    approved = frozenset(each.plan_id for each in state.approvals.values() if covers(each, plan))
    return Past(runs=state.history, canaries=standings(plan, state, spec), approved=approved)


def judged(plan: Plan, environment: Environment, past: Past, now: datetime) -> Plan:
    """Return *plan* with what the guardrails of *environment* say against it, and what they warn of."""
    if environment.guardrails is None or not plan.calls:
        return replace(plan, refusals=())
    refusals = (rule(plan, environment, past, now) for rule in GUARDRAILS)
    return replace(
        plan,
        refusals=tuple(each for each in refusals if each is not None),
        warnings=(*plan.warnings, *_warnings(plan, environment.guardrails, past, now)),
    )


def kept(plan: Plan, environment: Environment, past: Past, now: datetime) -> tuple[str, ...]:
    """Return, in words, the rules that a run of *plan* keeps, and what was let past them."""
    guardrails = environment.guardrails
    if guardrails is None:
        return ()
    lifted = used(plan, guardrails, now, past.approved)
    return (*guardrails.words(), *(f"{each.rule} lifted for {each.text}: {each.reason}" for each in lifted))


def freeze_begins(plan: Plan, environment: Environment, past: Past, now: datetime) -> datetime | None:
    """Return when (UTC) a run of *plan* has to stop, if it is still under way; None if nothing is to stop it.

    Midnight of a day on which the clock jumps over it is the moment of the jump.
    """
    guardrails = environment.guardrails
    if guardrails is None or guardrails.freeze is None:
        return None
    period = next_freeze(replace(guardrails.freeze, announce=_FURTHEST), guardrails.day(now))
    if period is None or not counted(Rule.FREEZE, plan, guardrails, now, past.approved):
        return None
    return datetime.combine(period.begins, time(), guardrails.zone).astimezone(UTC)


def _warnings(plan: Plan, guardrails: Guardrails, past: Past, now: datetime) -> Iterator[Diagnostic]:
    period = next_freeze(guardrails.freeze, guardrails.day(now)) if guardrails.freeze else None
    if period is not None:
        days = (period.begins - guardrails.day(now)).days
        yield Diagnostic(
            code="freeze-ahead",
            severity=Severity.WARNING,
            summary=f"nothing is sent from {period.begins}, {'tomorrow' if days == 1 else f'in {days} days'}",
            detail=f"It is frozen to {period.ends}, {guardrails.zone_name}: {period.reason}. A run that is under way "
            "then stops.",
            hint=f"Apply what is urgent before, and the rest from {period.ends + _DAY} on.",
            place=guardrails.place,
        )
    for each in used(plan, guardrails, now, past.approved):
        yield Diagnostic(
            code="guardrail-lifted",
            severity=Severity.WARNING,
            summary=f"{each.rule} is lifted for {each.text} to the end of {each.until}",
            detail=f"The project file gives as its reason: {each.reason}.",
            hint="Remove the line when it is no longer needed.",
            place=each.place,
        )
