"""Plans that somebody has approved, by file or by id: saved, loaded, and what of them is left to do."""

import argparse
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from reconciler.cli.outputs import Output, check_output
from reconciler.cli.project import Planned, open_project, without_collector
from reconciler.cli.wiring import World
from reconciler.core.command import quoted
from reconciler.core.environment import Choice
from reconciler.core.plan import Plan
from reconciler.core.saved import Rest, SavedPlan, rest_of_expected, rest_of_saved
from reconciler.core.selection import EVERYTHING, Selection, refuse_idle
from reconciler.core.state import Approval
from reconciler.core.table import digests_of
from reconciler.core.timestamp import timestamp
from reconciler.engine.plan import plan_environment
from reconciler.errors import StalePlan, StorageError, UsageError
from reconciler.formats.plan_document import BEGINNING, write_plan
from reconciler.formats.plan_reader import read_plan
from reconciler.reports.plan_report import counted
from reconciler.workspace.writing import put_file

_PLAN = Output(option="out", what="plan", called="saved plan", beginning=BEGINNING)
_ID = re.compile(r"p[0-9]+-[0-9a-f]{64}")


def check_out(arguments: argparse.Namespace, world: World) -> None:
    """Raise UsageError unless --out may be written: it is not there, empty, or a plan that was saved before."""
    check_output(_PLAN, arguments, world)


def save(planned: Planned, file: Path, lifetime: int, world: World) -> None:
    """Raise StorageError if it cannot be written, UsageError where a selector of it matches nothing."""
    refuse_idle(planned.plan.warnings)
    with without_collector():
        content = write_plan(planned.plan, made=planned.at, lifetime=timedelta(seconds=lifetime))
    expires = timestamp(planned.at + timedelta(seconds=lifetime))
    put_file(world.here / file, content, name=str(file))
    environment = planned.opened.environment
    confirmed = f" --confirm {quoted(environment.name)}" if environment.is_production else ""
    command = f"reconciler apply {file}{confirmed}"
    world.console.err(f"Saved to {file}, good until {expires}: `{command}` does exactly that.\n")


def load_saved(file: Path, world: World) -> SavedPlan:
    """Raise UsageError if *file* is not there, and what `read_plan` raises."""
    try:
        content = (world.here / file).read_bytes()
    except (FileNotFoundError, IsADirectoryError) as error:
        what = "not there" if isinstance(error, FileNotFoundError) else "a folder"
        hint = f"Save one with `reconciler plan --out`. If {file} is an environment, name it with -e."
        raise UsageError("No such plan", f"{file} is {what}.", hint=hint) from None
    except OSError as error:
        raise StorageError("The plan cannot be read", f"{file}: {error.strerror or error}.") from error
    with without_collector():
        return read_plan(content, str(file))


def take_environment(saved: SavedPlan, arguments: argparse.Namespace, world: World) -> None:
    """Go on with the environment of *saved*. Raise StalePlan if another one is asked for."""
    name = saved.plan.binding.environment
    asked = arguments.environment or world.variables.get(Choice.VARIABLE)
    if asked not in (None, "", name):
        raise StalePlan(
            "Stale plan",
            f"{saved.id} was made for the environment {name}, and {asked} is asked for. Nothing was sent.",
            hint=f"Leave out -e (and {Choice.VARIABLE}), or plan for {asked}.",
        )
    arguments.environment = name
    try:
        open_project(arguments, world)
    except UsageError as error:
        raise StalePlan(
            "Stale plan",
            f"{saved.id} was made for the environment {name}, and there is none of that name now. Nothing was sent.",
            hint=error.hint,
        ) from None


def check_usage(arguments: argparse.Namespace) -> None:
    """Raise UsageError if what is to be applied is said in two ways."""
    if arguments.plan_file is not None and arguments.expect is not None:
        raise UsageError(
            "Wrong usage", "A plan file has its id: --expect says it twice.", hint="Leave one of them out."
        )
    if arguments.plan_file is not None and (arguments.only or arguments.excepted):
        raise UsageError(
            "Wrong usage",
            "A saved plan is carried out as it was approved: --only and --except are part of it.",
            hint="Save another plan with them, or begin no more than some with --max-calls.",
        )
    if arguments.expect is not None and not _ID.fullmatch(arguments.expect):
        raise UsageError(
            "Wrong usage", f"{arguments.expect!r} is no plan id.", hint="`plan` ends with it: p1- and 64 hex digits."
        )


def rest_of(planned: Planned, saved: SavedPlan | None, expect: str | None) -> Rest | None:
    """Return what of the approved plan is left to do; None if it is whatever is planned now that is to be applied.

    Raise StalePlan if it no longer holds, UsageError for other selectors than it was made with, once it was begun.
    """
    state, declared = planned.stored.state, digests_of(planned.spec)
    if saved is not None:
        return rest_of_saved(saved, planned.plan, state, declared, planned.at)
    if expect is not None:
        kept = state.approvals.get(expect) if state else None
        if kept is not None:
            _check_selection(planned.plan.selection, kept)
        plan = planned.plan if kept is None else _whole(planned)
        return rest_of_expected(expect, plan, state, declared, planned.at)
    return None


def _check_selection(selection: Selection, kept: Approval) -> None:
    """Raise UsageError for selectors that *kept* was not made with: it was approved as it is, and not a part of it."""
    if selection.options not in ((), kept.selection):
        made = f"with {' '.join(kept.selection)}" if kept.selection else "without --only and --except"
        raise UsageError(
            "Wrong usage",
            f"{kept.plan_id} was made {made}, and {' '.join(selection.options)} is asked for. Nothing was sent.",
            hint="Leave them out: what is left of the plan is known. --max-calls begins no more than some.",
        )


def _whole(planned: Planned) -> Plan:
    """Return the plan without selectors: what is left of an approved plan is known by its addresses."""
    opened = planned.opened
    return plan_environment(
        opened.project,
        opened.environment,
        planned.spec,
        planned.stored.state,
        now=planned.at,
        selection=EVERYTHING,
    )


def narrowed(planned: Planned, rest: Rest | None) -> Planned:
    return planned if rest is None else replace(planned, plan=rest.plan)


def told(rest: Rest) -> str:
    """Return what a person is told of the runs before; empty if there were none."""
    refused = f" The platform refused {rest.refused} of them; plan again for new calls." if rest.refused else ""
    if rest.approval is None:
        settled = "1 call of it was" if rest.settled == 1 else f"{rest.settled} calls of it were"
        return f"Nothing is left to do of this plan: {settled} settled by earlier runs.{refused}\n"
    if rest.settled or rest.refused:
        return f"Earlier runs have settled {counted(rest.settled, 'call')} of this plan; this is the rest.{refused}\n"
    return ""
