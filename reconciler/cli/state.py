"""`reconciler state`: look at what has been regenerated."""

import argparse

from reconciler.cli.amend import adopt, forget, move
from reconciler.cli.project import open_project, open_store
from reconciler.cli.resolve import settle
from reconciler.cli.restore import restore
from reconciler.cli.wiring import World, open_journals
from reconciler.core.address import Address, address_order
from reconciler.core.diagnostics import nearest
from reconciler.core.entry import Entry
from reconciler.core.environment import Environment
from reconciler.core.history import missing_runs
from reconciler.core.state import State
from reconciler.engine.plan import load_state
from reconciler.errors import UsageError
from reconciler.formats.state import entry_object
from reconciler.formats.state_head import run_object
from reconciler.reports.excerpt import visible
from reconciler.reports.history_text import history_text, run_record_text
from reconciler.reports.json_text import json_text
from reconciler.reports.state_text import entry_text, state_list_text

_MOST_MISSING = 10


def _prove(arguments: argparse.Namespace, world: World) -> int:
    from reconciler.cli.proof import prove_state  # noqa: PLC0415  (nothing else here signs anything)

    return prove_state(arguments, world)


_ELSEWHERE = {
    "resolve": settle,
    "restore": restore,
    "import": adopt,
    "mv": move,
    "forget": forget,
    "proof": _prove,
}


def run(arguments: argparse.Namespace, world: World) -> int:
    if arguments.verb in _ELSEWHERE:
        return _ELSEWHERE[arguments.verb](arguments, world)
    opened = open_project(arguments, world)
    folder, environment = opened.folder, opened.environment
    store = open_store(folder, environment)
    mark = store.mark if arguments.verb == "history" else None  # a past is told whole, or not as if it were
    state = load_state(store, open_journals(folder, environment), environment, mark).state
    if arguments.verb in ("history", "list") and (state is None or not (state.entries or state.history)):
        world.console.err(f"Nothing was applied in {environment.name} yet.\n")
    if arguments.verb == "history":
        world.console.out(_history(state, arguments.run, as_json=arguments.json))
        for run in _missing(state)[:_MOST_MISSING]:
            what = f"calls are of run {visible(run)}, which the history does not tell of"
            world.console.err(f"warning: {environment.state_file}: {what}\n")
        return 0
    if arguments.verb == "list":
        world.console.out(_list(state, environment, as_json=arguments.json))
        return 0
    entry = _entry(state, arguments.address)
    as_text = entry_text(arguments.address, entry, environment.refreshed_at)
    world.console.out(json_text(entry_object(entry)) if arguments.json else as_text)
    return 0


def _list(state: State | None, environment: Environment, *, as_json: bool) -> str:
    if as_json:
        entries = state.entries if state else {}
        return json_text({address: entry_object(entries[address]) for address in sorted(entries, key=address_order)})
    return state_list_text(state, environment.refreshed_at) if state else ""


def _history(state: State | None, asked: str | None, *, as_json: bool) -> str:
    """Raise UsageError for a run that the state does not know."""
    history = state.history if state else ()
    if asked is None:
        return json_text([run_object(each) for each in history]) if as_json else history_text(history)
    found = next((each for each in history if each.run == asked), None)
    if found is None or state is None:
        hint = nearest(asked, [each.run for each in history]) if history else "Nothing has run here yet."
        raise UsageError("Unknown run", f"The state knows no run {asked!r}.", hint=hint)
    told = {address: entry_object(entry) for address, entry in state.entries.items() if _is_of(entry, asked)}
    if as_json:
        return json_text({**run_object(found), "entries": told})
    return run_record_text(found, told)


def _missing(state: State | None) -> list[str]:
    """Return the runs that calls of *state* are of, and its history does not tell of: somebody has cut it."""
    calls = (
        each.call
        for entry in (state.entries.values() if state else ())
        for each in (entry.applied, entry.refused, *entry.unsettled)
        if each
    )
    return missing_runs(state.history, (call.run for call in calls)) if state else []


def _is_of(entry: Entry, run: str) -> bool:
    return any(each.call.run == run for each in (entry.applied, entry.refused, *entry.unsettled) if each)


def _entry(state: State | None, address: str) -> Entry:
    entries = state.entries if state else {}
    entry = entries.get(Address(address))
    if entry is None:
        hint = nearest(address, entries) if entries else "Nothing was applied in this environment yet."
        raise UsageError("Unknown address", f"The state has no entry {address!r}.", hint=hint)
    return entry
