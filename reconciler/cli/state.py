"""`reconciler state`: look at what has been regenerated."""

import argparse

from reconciler.cli.project import open_project, open_store
from reconciler.cli.resolve import settle
from reconciler.cli.restore import restore
from reconciler.cli.wiring import World, open_journals
from reconciler.core.address import Address, address_order
from reconciler.core.diagnostics import nearest
from reconciler.core.entry import Entry
from reconciler.core.state import State
from reconciler.engine.plan import load_state
from reconciler.errors import UsageError
from reconciler.formats.state import entry_object
from reconciler.reports.json_text import json_text
from reconciler.reports.state_text import entry_text, state_list_text


def run(arguments: argparse.Namespace, world: World) -> int:
    if arguments.verb == "resolve":
        return settle(arguments, world)
    if arguments.verb == "restore":
        return restore(arguments, world)
    opened = open_project(arguments, world)
    folder, environment = opened.folder, opened.environment
    state = load_state(open_store(folder, environment), open_journals(folder, environment), environment).state
    if arguments.verb == "list":
        world.console.out(_list(state, as_json=arguments.json))
        return 0
    entry = _entry(state, arguments.address)
    text = json_text(entry_object(entry)) if arguments.json else entry_text(arguments.address, entry)
    world.console.out(text)
    return 0


def _list(state: State | None, *, as_json: bool) -> str:
    if as_json:
        entries = state.entries if state else {}
        return json_text({address: entry_object(entries[address]) for address in sorted(entries, key=address_order)})
    return state_list_text(state) if state else ""


def _entry(state: State | None, address: str) -> Entry:
    entries = state.entries if state else {}
    entry = entries.get(Address(address))
    if entry is None:
        hint = nearest(address, entries) if entries else "Nothing was applied in this environment yet."
        raise UsageError("Unknown address", f"The state has no entry {address!r}.", hint=hint)
    return entry
