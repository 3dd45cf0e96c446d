"""`reconciler state restore`: accept an older state, or an empty one, when the last one is lost."""

import argparse
import os

from reconciler.cli.confirmation import confirm_change
from reconciler.cli.project import OpenProject, act_of, hold_lock, open_project, open_store
from reconciler.cli.wiring import World, open_journals
from reconciler.core.command import command, quoted
from reconciler.core.environment import Environment
from reconciler.engine.restore import Backup, refuse_needless, restore_state
from reconciler.errors import UsageError
from reconciler.ports import StateStore
from reconciler.reports.state_text import restored_text
from reconciler.stores.file import FileStore


def restore(arguments: argparse.Namespace, world: World) -> int:
    """Raise UsageError where it is not clear what is to be the state, and what `restore_state` raises."""
    opened = open_project(arguments, world)
    environment = opened.environment
    confirm_change(opened, arguments, world)
    with hold_lock(opened, world, timeout=arguments.lock_timeout):
        store, journals = open_store(opened.folder, environment), open_journals(opened.folder, environment)
        if arguments.file is None and not arguments.empty:
            refuse_needless(store, journals, environment, _command(environment, _from_here(opened, world)))
        state = restore_state(
            store,
            journals,
            environment,
            backup=_backup(arguments, store, environment, world),
            lineage=world.new_id(),
            reason=arguments.reason,
            act=act_of(world, opened.folder, "restore", arguments.reason, entries=0),
            now=world.clock.now(),
        )
    world.console.out(restored_text(state))
    return 0


def _command(environment: Environment, file: str) -> str:
    return command("state restore", environment.name, f"{file} --reason TEXT")


def _from_here(opened: OpenProject, world: World) -> str:
    """Return the path of the state, as a shell reads it here."""
    return quoted(os.path.relpath(opened.folder / opened.environment.state_file, world.here))


def _backup(arguments: argparse.Namespace, there: StateStore, environment: Environment, world: World) -> Backup | None:
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
            hint=f"Name a backup: {_command(environment, 'FILE')}. Is none left, --empty begins anew.",
        )
    return Backup(content=stored.content, name=store.name)
