"""`reconciler state`: look at what has been regenerated."""

import argparse

from reconciler.cli.project import OpenProject, hold_lock, open_project
from reconciler.cli.wiring import World, open_journals, open_store
from reconciler.core.address import Address, address_order
from reconciler.core.diagnostics import nearest
from reconciler.core.resolve import Resolution, resolve
from reconciler.core.state import Entry, State
from reconciler.engine.plan import change_entry, load_state
from reconciler.errors import UsageError
from reconciler.formats.state import entry_object
from reconciler.reports.documents import json_text
from reconciler.reports.state_text import entry_text, state_list_text


def run(arguments: argparse.Namespace, world: World) -> int:
    opened = open_project(arguments, world)
    if arguments.verb == "resolve":
        return _resolve(arguments, opened, world)
    folder, environment = opened.folder, opened.environment
    state = load_state(open_store(folder, environment), open_journals(folder, environment), environment).state
    if arguments.verb == "list":
        world.console.out(_list(state, as_json=arguments.json))
        return 0
    entry = _entry(state, arguments.address)
    text = json_text(entry_object(entry)) if arguments.json else entry_text(arguments.address, entry)
    world.console.out(text)
    return 0


def _resolve(arguments: argparse.Namespace, opened: OpenProject, world: World) -> int:
    folder, environment = opened.folder, opened.environment
    with hold_lock(opened, world, timeout=0.0):
        store = open_store(folder, environment)
        stored = load_state(store, open_journals(folder, environment), environment)
        entry = _entry(stored.state, arguments.address)
        resolved = resolve(
            arguments.address,
            entry,
            Resolution(arguments.resolution),
            reason=arguments.reason,
            ids=tuple(arguments.ids),
            now=world.clock.now(),
        )
        change_entry(store, stored, Address(arguments.address), resolved)
    world.console.out(entry_text(arguments.address, resolved))
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
