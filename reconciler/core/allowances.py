"""What the project file lets past its guardrails, and so what is left for a rule to count.

Rule: an allowance names one rule, one scope, a reason and a last day; nothing lifts a guardrail in silence or for ever.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime

from reconciler.core.declaration import Declaration
from reconciler.core.environment import Environment
from reconciler.core.guardrail_limits import Allowance, Guardrails, Rule
from reconciler.core.plan import Calling, Plan
from reconciler.core.selection import Selector

_NAMED = 3
"""How many lines a refusal names."""


def counted(
    rule: Rule, plan: Plan, guardrails: Guardrails, now: datetime, approved: frozenset[str] = frozenset()
) -> Sequence[Calling]:
    """Return the calls of *plan* that *rule* counts. *approved* are ids of plans that it is the rest of."""
    allowances = [each for each in guardrails.allow if each.rule is rule and is_in_force(each, guardrails, now)]
    if not allowances:
        return plan.calls
    return [call for call in plan.calls if not any(_lets(each, call, plan, approved) for each in allowances)]


def used(
    plan: Plan, guardrails: Guardrails, now: datetime, approved: frozenset[str] = frozenset()
) -> Iterator[Allowance]:
    """Yield every allowance that lets a call of *plan* past its rule."""
    for each in guardrails.allow:
        if is_in_force(each, guardrails, now) and any(_lets(each, call, plan, approved) for call in plan.calls):
            yield each


def named_plans(guardrails: Guardrails, now: datetime) -> frozenset[str]:
    """Return the ids of plans that are let past a rule, whatever is left of them."""
    in_force = (each.scope for each in guardrails.allow if is_in_force(each, guardrails, now))
    return frozenset(scope for scope in in_force if isinstance(scope, str))


def lifts_canary(guardrails: Guardrails, now: datetime, plan_id: str, declaration: Declaration) -> bool:
    """Whether what was refused in the canary of a plan is no reason to hold others back."""
    return any(
        each.rule is Rule.CANARY
        and is_in_force(each, guardrails, now)
        and (each.scope == plan_id or _takes(each.scope, declaration))
        for each in guardrails.allow
    )


def is_in_force(allowance: Allowance, guardrails: Guardrails, now: datetime) -> bool:
    return guardrails.day(now) <= allowance.until


def lifting(rule: Rule, environment: Environment, now: datetime, *, scope: str = "") -> str:
    """Return how *rule* may be lifted, as the end of a sentence.

    A line that once did is named, and so is one that does, but not for what is counted all the same.
    """
    place = environment.place.path
    written = f"allow: [{{rule: {rule}, for: {scope or 'PLAN_ID'}, reason: WHY, until: DATE}}]"
    guardrails = environment.guardrails
    lines = [each for each in (guardrails.allow if guardrails else ()) if each.rule is rule]
    ended = [each for each in lines if guardrails and not is_in_force(each, guardrails, now)]
    past = f" The line at {ended[-1].place} ended with {ended[-1].until}." if ended else ""
    others = [f" The line at {each.place} is for {each.text} alone." for each in lines if each not in ended]
    told = "".join([past, *others[:_NAMED]])
    return f"have {written} reviewed, under guardrails of {environment.name} in {place}.{told}"


def _lets(allowance: Allowance, call: Calling, plan: Plan, approved: frozenset[str]) -> bool:
    if isinstance(allowance.scope, str):
        return allowance.scope == plan.id or allowance.scope in approved
    return _takes(allowance.scope, call.declaration, action=call.action)


def _takes(scope: Selector | str, declaration: Declaration, *, action: str = "") -> bool:
    return isinstance(scope, Selector) and scope.matches(
        address=declaration.address,
        file=declaration.place.path,
        type_name=declaration.target.type,
        action=action,
    )
