"""Guardrails around a command: what they say of its plan, and what an apply does about it.

Few environments have any: what judges is loaded where there are some.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

from reconciler.cli.project import Planned
from reconciler.cli.wiring import World
from reconciler.engine.plan import platform_time
from reconciler.errors import GuardrailError
from reconciler.reports.plan_report import counted

if TYPE_CHECKING:  # a plan does not pay for what a run is made of
    from reconciler.core.canary import Stage
    from reconciler.core.run import Stop
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


def check_guardrails(planned: Planned) -> None:
    """Raise GuardrailError if a rule refuses the plan."""
    refusals = planned.plan.refusals
    if refusals:
        raise GuardrailError(
            "A guardrail refuses" if len(refusals) == 1 else "Guardrails refuse",
            f"{'; '.join(f'{each.rule}: {each.told}' for each in refusals)}. Nothing was sent.",
            hint=" ".join(dict.fromkeys(each.hint for each in refusals)),
        )


def staged_calls(planned: Planned, approval: Approval | None, world: World) -> Stage:
    """Return what of the plan goes first, and the approval that it is a part of; a person is told."""
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


def until_frozen(planned: Planned, world: World, stop: Callable[[], Stop | None]) -> Callable[[], Stop | None]:
    """Return *stop*, and besides the stop that comes when a freeze begins while the run is under way."""
    from reconciler.core.run import Stop  # noqa: PLC0415  (see above)

    begins = _freeze_begins(planned)
    if begins is None:
        return stop
    state, machine = planned.stored.state, world.machine()

    def stopped() -> Stop | None:
        return stop() or (Stop.FREEZE if platform_time(world.clock.now(), state, machine) >= begins else None)

    return stopped


def _freeze_begins(planned: Planned) -> datetime | None:
    if planned.opened.environment.guardrails is None:
        return None
    from reconciler.core.judgement import freeze_begins, past_of  # noqa: PLC0415  (see above)

    past = past_of(planned.plan, planned.stored.state, planned.spec)
    return freeze_begins(planned.plan, planned.opened.environment, past, planned.at)
