"""`reconciler state restore`: accept an older state, or an empty one, when the last one is lost."""

import argparse

from reconciler.cli.project import act_of, hold_lock, open_project, open_store
from reconciler.cli.wiring import World, open_journals
from reconciler.engine.restore import Backup, restore_state
from reconciler.errors import UsageError
from reconciler.ports import StateStore
from reconciler.reports.state_text import restored_text
from reconciler.stores.file import FileStore


def restore(arguments: argparse.Namespace, world: World) -> int:
    """Raise UsageError where it is not clear what is to be the state, and what `restore_state` raises."""
    opened = open_project(arguments, world)
    with hold_lock(opened, world, timeout=0.0):
        store = open_store(opened.folder, opened.environment)
        state = restore_state(
            store,
            open_journals(opened.folder, opened.environment),
            opened.environment,
            backup=_backup(arguments, store, world),
            lineage=world.new_id(),
            reason=arguments.reason,
            act=act_of(world, opened.folder, "restore", arguments.reason, entries=0),
            now=world.clock.now(),
        )
    world.console.out(restored_text(state))
    return 0


def _backup(arguments: argparse.Namespace, there: StateStore, world: World) -> Backup | None:
    """Return the document to accept: FILE, or the one that is there; None for an empty state."""
    if arguments.empty and arguments.file is not None:
        raise UsageError("Wrong usage", "FILE and --empty exclude each other.")
    if arguments.empty:
        return None
    store: StateStore = there if arguments.file is None else FileStore(world.here / arguments.file, name=arguments.file)
    stored = store.read()
    if stored is None:
        raise UsageError(
            "Nothing to restore",
            f"{store.name} is not there.",
            hint="Name a backup: reconciler state restore FILE --reason TEXT. Is none left, --empty begins anew.",
        )
    return Backup(content=stored.content, name=store.name)
