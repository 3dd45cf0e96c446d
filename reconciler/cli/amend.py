"""`reconciler state import|mv|forget`: what a person may do to the state, under the lock, and kept in its history."""

import argparse
from collections.abc import Callable, Iterator, Sequence

from reconciler.cli.confirmation import confirm_change
from reconciler.cli.project import Planned, act_of, hold_lock, journals_of, make_planned, open_project
from reconciler.cli.wiring import World
from reconciler.core.address import Address
from reconciler.core.adoption import Adoption, adopted, declared_otherwise, forgotten, moved, undeclared
from reconciler.core.declaration import Spec
from reconciler.core.diagnostics import InvalidInput, nearest
from reconciler.core.state import State
from reconciler.engine.plan import change_state
from reconciler.errors import NeedsDecision, UsageError
from reconciler.reports.excerpt import visible
from reconciler.reports.plan_report import counted
from reconciler.workspace.folder import load_adoptions
from reconciler.workspace.lines import quoted

_MOST_TOLD = 10


def adopt(arguments: argparse.Namespace, world: World) -> int:
    """Raise InvalidInput with every row that cannot be adopted; nothing is written then."""
    try:
        adoptions = load_adoptions(world.here, arguments.file)
        warnings = list[str]()

        def change(planned: Planned, state: State) -> State:
            at = planned.opened.environment.refreshed_at
            after = adopted(state, adoptions, planned.spec, reason=arguments.reason, now=planned.at, refreshed_at=at)
            warnings.extend(_otherwise(declared_otherwise(after, adoptions, planned.spec)))
            warnings.extend(_undeclared(undeclared(adoptions, planned.spec), planned.spec))
            return after

        number = _change(arguments, world, change, act="import")
    except InvalidInput as error:
        raise quoted(error, world.here) from None
    known = len(adoptions) - number
    rest = f"; of {known} more the state says the same already" if known else ""
    world.console.out(f"Adopted {counted(number, 'row')}{rest}.\n")
    world.console.err("".join(f"{each}\n" for each in warnings))
    return 0


def _otherwise(rows: Sequence[Adoption]) -> Iterator[str]:
    for each in rows[:_MOST_TOLD]:
        yield _warning(each, "was done otherwise than it is declared now, and so is planned again")
    yield from _more(rows)


def _undeclared(rows: Sequence[Adoption], spec: Spec) -> Iterator[str]:
    if rows:
        are = "row is of an address that is" if len(rows) == 1 else "rows are of addresses that are"
        yield f"warning: {len(rows):,} {are} not declared: what is declared under another name is planned all the same"
    for each in rows[:_MOST_TOLD]:
        yield _warning(each, "is not declared")
        if spec.declarations:
            yield f"  hint: {visible(nearest(each.address, spec.declarations))}"
    yield from _more(rows)


def _warning(row: Adoption, what: str) -> str:
    return f"{visible(str(row.place))}: warning: {row.address} {what}"


def _more(rows: Sequence[Adoption]) -> Iterator[str]:
    if len(rows) > _MOST_TOLD:
        yield f"and {len(rows) - _MOST_TOLD:,} more rows of that kind"


def move(arguments: argparse.Namespace, world: World) -> int:
    old, new = Address(arguments.old), Address(arguments.new)
    _change(
        arguments, world, lambda planned, state: moved(state, old, new, planned.spec, reason=arguments.reason), act="mv"
    )
    again = "what is declared under the old name is planned to be regenerated again"
    world.console.out(f"{old} is {new} now. Declare it so: {again}.\n")
    return 0


def forget(arguments: argparse.Namespace, world: World) -> int:
    address = Address(arguments.address)
    _change(arguments, world, lambda _, state: forgotten(state, address, reason=arguments.reason), act="forget")
    world.console.out(f"{address} is forgotten: where it is declared, it is planned to be regenerated again.\n")
    return 0


def _change(arguments: argparse.Namespace, world: World, change: Callable[[Planned, State], State], *, act: str) -> int:
    """Write what *change* makes of the state, if that is another one; return how many entries differ."""
    if not arguments.reason.strip():
        raise UsageError("Wrong usage", "The reason is kept in the state; it must not be empty.")
    opened = open_project(arguments, world)
    confirm_change(opened, arguments, world)
    with hold_lock(opened, world, timeout=arguments.lock_timeout):
        planned = make_planned(arguments, world)
        if planned.stored.damaged:
            raise NeedsDecision(
                "A damaged journal is there",
                f"{planned.stored.damaged[0].name} may know of calls that the state does not. Nothing was changed.",
                hint="Apply first: it folds what can be read.",
            )
        before = planned.stored.state or State(
            environment=opened.environment.name, project=opened.project.name, lineage=world.new_id(), entries={}
        )
        after = change(planned, before)
        number = sum(before.entries.get(address) != entry for address, entry in after.entries.items())
        if number:
            record = act_of(world, planned.opened.folder, act, arguments.reason, entries=number)
            change_state(planned.store, journals_of(planned), planned.stored, after, record)
    return number
