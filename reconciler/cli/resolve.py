"""`reconciler state resolve`: settle calls in doubt, one, many by selector, or all that stand in a file."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from reconciler.cli.confirmation import confirm_change
from reconciler.cli.project import Planned, act_of, hold_lock, journals_of, make_planned, open_project
from reconciler.cli.wiring import World
from reconciler.core.address import Address
from reconciler.core.diagnostics import InvalidInput
from reconciler.core.plan import Undecided
from reconciler.core.resolve import Decision, Resolution, resolve, resolve_all
from reconciler.core.restore import with_nothing_unlisted
from reconciler.core.selection import refuse_idle
from reconciler.engine.plan import change_state
from reconciler.errors import UsageError
from reconciler.formats.decisions import template_of
from reconciler.reports.diagnostic_text import diagnostic_text
from reconciler.reports.state_text import resolved_text
from reconciler.workspace.folder import load_decisions
from reconciler.workspace.lines import quoted

_WAYS = "Name ADDRESS, or --from FILE, or --only SEL, or --unlisted, or ask for a --template."


def settle(arguments: argparse.Namespace, world: World) -> int:
    """Settle what is named, all of it in one write or nothing. Under the lock, since the state is written."""
    _check_ways(arguments)
    if arguments.template:
        return _print_template(_undecided(make_planned(arguments, world), world), world)
    opened = open_project(arguments, world)
    confirm_change(opened, arguments, world)
    with hold_lock(opened, world, timeout=arguments.lock_timeout):
        planned = make_planned(arguments, world)
        refuse_idle(planned.plan.warnings)
        undecided = _undecided(planned, world)
        state = planned.stored.state
        if state is None:
            raise UsageError("Nothing to resolve", "Nothing was applied in this environment yet.")
        if arguments.unlisted:
            act = act_of(world, planned.opened.folder, "resolve", arguments.reason, entries=0)
            change_state(
                planned.store, journals_of(planned), planned.stored, with_nothing_unlisted(state, arguments.reason), act
            )
            world.console.out("What the state does not list was never sent: it is planned as new.\n")
            return 0
        if arguments.address is not None:
            decision = _decision(arguments, Address(arguments.address), arguments.call)
            settled = state.with_entries({decision.address: resolve(state, decision, planned.spec, planned.at)})
            decisions = [decision]
        else:
            decisions = _decisions(arguments, undecided, world)
            settled = resolve_all(state, decisions, planned.spec, planned.at)
        reasons = "; ".join(dict.fromkeys(each.reason for each in decisions))
        act = act_of(world, planned.opened.folder, "resolve", reasons, entries=len(decisions))
        change_state(planned.store, journals_of(planned), planned.stored, settled, act)
    world.console.out(resolved_text(settled, decisions))
    return 0


def _check_ways(arguments: argparse.Namespace) -> None:
    selected = bool(arguments.only or arguments.excepted)
    many = arguments.template or selected
    ways = [arguments.address is not None, arguments.decisions is not None, many, arguments.unlisted]
    if sum(ways) != 1:
        raise UsageError("Wrong usage", "It must be clear what is to be settled.", hint=_WAYS)
    words = {"--as": arguments.resolution, "--reason": arguments.reason, "--ids": arguments.ids}
    given = [option for option, value in {**words, "--call": arguments.call}.items() if value not in (None, [])]
    if arguments.template or arguments.decisions is not None:
        if given:
            raise UsageError("Wrong usage", f"{given[0]} stands in the file, for each decision or at its head.")
        return
    missing = [option for option in ("--as", "--reason") if not words[option]]
    if missing:
        raise UsageError(
            "Wrong usage", f"{' and '.join(missing)} must be given.", hint="The reason is kept in the state."
        )
    if arguments.unlisted and arguments.resolution != Resolution.NOT_DONE:
        raise UsageError("Wrong usage", "Of what is not listed nothing can be said but --as not-done.")
    if (selected or arguments.unlisted) and (arguments.ids or arguments.call is not None):
        raise UsageError("Wrong usage", "--ids and --call are about one address.", hint="Use --from FILE for many.")


def _undecided(planned: Planned, world: World) -> list[Undecided]:
    idle = [each for each in planned.plan.warnings if each.code == "nothing-selected"]
    for warning in (*planned.stored.warnings, *idle):
        world.console.err(diagnostic_text(warning, world.console.error_paint))
    return [change for change in planned.plan.changes if isinstance(change, Undecided)]


def _print_template(undecided: Sequence[Undecided], world: World) -> int:
    if not undecided:
        world.console.err("Nothing is undecided.\n")
        return 0
    world.console.out(template_of(undecided))
    return 0


def _decisions(arguments: argparse.Namespace, undecided: Sequence[Undecided], world: World) -> list[Decision]:
    if arguments.decisions is not None:
        return _read_decisions(arguments.decisions, world.here)
    if not undecided:
        raise UsageError("Nothing to resolve", "Nothing that is selected is undecided.")
    return [_decision(arguments, change.address, change.call) for change in undecided]


def _read_decisions(path: str, here: Path) -> list[Decision]:
    """Raise InvalidInput with the lines that it is about."""
    try:
        return load_decisions(here, path)
    except InvalidInput as error:
        raise quoted(error, here) from None


def _decision(arguments: argparse.Namespace, address: Address, call: int | None) -> Decision:
    return Decision(
        address=address,
        resolution=Resolution(arguments.resolution),
        reason=arguments.reason,
        ids=tuple(arguments.ids),
        call=call,
    )
