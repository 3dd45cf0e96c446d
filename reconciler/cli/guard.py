"""Guardrails around a command: what they say of its plan, and what an apply does about it.

Few environments have any: what judges is loaded where there are some.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.cli.project import OpenProject, Planned
from reconciler.cli.wiring import World
from reconciler.core.timestamp import timestamp
from reconciler.errors import GuardrailError, UsageError
from reconciler.reports.plan_report import counted

if TYPE_CHECKING:  # a plan does not pay for what a run is made of
    from reconciler.core.canary import Stage
    from reconciler.core.state import Approval


def guarded(planned: Planned) -> Planned:
    """Return *planned* with what the guardrails of its environment say against the plan, and warn of.

    So does the environment that it promotes from, of what has no proof there. Raise InvalidInput if that has no state.
    """
    environment = planned.opened.environment
    if environment.promotion is not None:
        from reconciler.cli.proven import proven  # noqa: PLC0415  (see above)

        return proven(_judged(planned), environment.promotion)
    return _judged(planned)


def _judged(planned: Planned) -> Planned:
    environment = planned.opened.environment
    if environment.guardrails is None:
        return planned
    from reconciler.core.judgement import judged, past_of  # noqa: PLC0415  (see above)

    past = past_of(planned.plan, planned.stored.state, planned.spec)
    return replace(planned, plan=judged(planned.plan, environment, past, planned.at))


def check_alone(opened: OpenProject) -> None:
    """Raise UsageError where a rule relies on the lock: two runs at once would not know of each other's calls."""
    guardrails, name = opened.environment.guardrails, opened.environment.name
    rules = guardrails.remembering() if guardrails else ()
    if guardrails and rules:
        raise UsageError(
            "The lock is needed",
            f"{' and '.join(rules)} of {name} [{guardrails.place}] {'counts' if len(rules) == 1 else 'count'} on what "
            "other runs do, and without the lock runs at once know nothing of each other. Nothing was sent.",
            hint="Leave --lock=false out; --lock-timeout waits for another run.",
        )


def check_guardrails(planned: Planned, *, told: str = "") -> None:
    """Raise GuardrailError if a rule refuses the plan; what it says begins with *told*."""
    refusals = planned.plan.refusals
    if refusals:
        raise GuardrailError(
            "A guardrail refuses" if len(refusals) == 1 else "Guardrails refuse",
            f"{told}{'; '.join(f'{each.rule}: {each.told}' for each in refusals)}. Nothing was sent.",
            hint=" ".join(dict.fromkeys(each.hint for each in refusals)),
        )


def staged_calls(planned: Planned, approval: Approval | None, world: World) -> Stage:
    """Return what of the plan goes first, and the approval that it is a part of; a person is told."""
    from reconciler.core.allowances import named_plans  # noqa: PLC0415  (see above)
    from reconciler.core.canary import Stage, staged  # noqa: PLC0415  (see above)

    guardrails = planned.opened.environment.guardrails
    if guardrails is None:
        return Stage(approval=approval)
    stage = staged(
        planned.plan,
        planned.stored.state,
        planned.spec,
        limit=guardrails.canary,
        approval=approval,
        now=planned.at,
        allowed=named_plans(guardrails, planned.at),
    )
    if stage.first:
        first, others = counted(len(stage.first), "call"), len(planned.plan.calls) - len(stage.first)
        world.console.err(f"Canary: {first} of this plan first; the other {others:,} only when all of them are done.\n")
    return stage


def kept_rules(planned: Planned) -> tuple[str, ...]:
    """Return, in words, the rules that an apply of the plan keeps: its run is recorded with them."""
    environment = planned.opened.environment
    if environment.guardrails is None:
        return ()
    from reconciler.core.judgement import kept, past_of  # noqa: PLC0415  (see above)

    return kept(planned.plan, environment, past_of(planned.plan, planned.stored.state, planned.spec), planned.at)


def admission(planned: Planned) -> Callable[[datetime], datetime | None]:
    """Return what judges the plan again when a run has learned the time, and tells when a freeze has to end the run.

    The plan was judged by this machine's clock, which may be wrong, and perhaps long before a person said yes.
    """

    def admit(now: datetime) -> datetime | None:
        then = replace(planned, at=now)
        check_guardrails(guarded(then), told=f"At {timestamp(now)}, by the platform's clock: ")
        return _freeze_begins(then)

    return admit


def _freeze_begins(planned: Planned) -> datetime | None:
    if planned.opened.environment.guardrails is None:
        return None
    from reconciler.core.judgement import freeze_begins, past_of  # noqa: PLC0415  (see above)

    past = past_of(planned.plan, planned.stored.state, planned.spec)
    return freeze_begins(planned.plan, planned.opened.environment, past, planned.at)
