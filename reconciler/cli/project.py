"""What every command on a project begins with: the folder, the project, the environment, the selection."""

import argparse
import gc
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from pathlib import Path

from reconciler.cli.wiring import World, open_journals
from reconciler.core.declaration import Spec
from reconciler.core.diagnostics import InvalidInput
from reconciler.core.environment import Choice, Environment, Project
from reconciler.core.history import RunRecord, act_record
from reconciler.core.plan import Plan
from reconciler.core.selection import Selection, parse_selector
from reconciler.core.timestamp import timestamp
from reconciler.engine.marked import MarkedStore
from reconciler.engine.plan import StoredState, load_state, plan_environment, platform_time
from reconciler.reports.plan_report import lasting
from reconciler.stores.file import FileStore
from reconciler.stores.journal import FileJournals
from reconciler.stores.mark import FileMark
from reconciler.workspace.cache import FolderCache, cache_folder
from reconciler.workspace.folder import find_folder, load_project, load_spec


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenProject:
    """*choice* is what has named the environment."""

    folder: Path
    project: Project
    environment: Environment
    choice: Choice


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A plan with all that it was made from; *at* is the moment it was made for."""

    opened: OpenProject
    spec: Spec
    store: MarkedStore
    stored: StoredState
    plan: Plan
    at: datetime


def open_project(arguments: argparse.Namespace, world: World) -> OpenProject:
    """Raise InvalidInput without a valid project file, UsageError without an environment."""
    folder = find_folder(arguments.project, world.here)
    project = load_project(folder)
    option, variable = arguments.environment, world.variables.get(Choice.VARIABLE)
    unasked = Choice.DEFAULT if project.default else Choice.ONLY
    return OpenProject(
        folder=folder,
        project=project,
        environment=project.environment(option or variable or None),
        choice=Choice.OPTION if option else Choice.VARIABLE if variable else unasked,
    )


def _load_spec(opened: OpenProject, cache: FolderCache | None) -> Spec:
    """Raise InvalidInput with the lines that it is about."""
    try:
        return load_spec(opened.folder, opened.environment, cache=cache)
    except InvalidInput as error:
        from reconciler.workspace.lines import quoted  # noqa: PLC0415  (only what is wrong is quoted)

        raise quoted(error, opened.folder) from None


def open_store(folder: Path, environment: Environment) -> MarkedStore:
    path = folder / environment.state_file
    return MarkedStore(FileStore(path, name=environment.state_file), FileMark(path))


def hold_lock(opened: OpenProject, world: World, *, timeout: float) -> AbstractContextManager[None]:
    """Hold the lock of the environment's state, telling others who does, and a person who waits for whom."""
    from reconciler.stores.lock import held  # noqa: PLC0415  (a plan holds none)

    environment = opened.environment

    def tell(holder: str | None) -> None:
        long = lasting(ceil(timeout))
        told = f"Waiting for another run, up to {long}: {holder}." if holder else "It has ended; going on."
        world.console.err(f"{told}\n")

    return held(
        opened.folder / environment.state_file,
        name=environment.state_file,
        holder=world.identity(),
        timeout=timeout,
        monotonic=world.monotonic,
        sleep=world.sleep,
        tell=tell,
    )


def journals_of(planned: Planned) -> FileJournals:
    return open_journals(planned.opened.folder, planned.opened.environment)


def act_of(world: World, folder: Path, act: str, reason: str, *, entries: int) -> RunRecord:
    """Return what the state is to remember of what a person does to *entries* of it, now."""
    from reconciler.workspace.git import commit_of  # noqa: PLC0415  (a plan does not ask git)

    return act_record(
        world.new_run(),
        act,
        reason=reason,
        who=world.identity()["who"],
        at=timestamp(world.clock.now()),
        entries=entries,
        commit=commit_of(folder),
    )


def open_cache(world: World) -> FolderCache | None:
    folder = cache_folder(world.variables)
    return FolderCache(folder, now=world.unix_time()) if folder else None


def make_planned(arguments: argparse.Namespace, world: World, *, cache: FolderCache | None = None) -> Planned:
    """Return the plan of the environment that is asked for.

    What is read lives as long as the plan and has no cycles: the collector would look at all of it for nothing.
    """
    with without_collector():
        return _make_planned(arguments, world, cache)


@contextmanager
def without_collector() -> Iterator[None]:
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _make_planned(arguments: argparse.Namespace, world: World, cache: FolderCache | None) -> Planned:
    selection = Selection(
        only=tuple(parse_selector(text) for text in arguments.only),
        excepted=tuple(parse_selector(text) for text in arguments.excepted),
    )
    opened = open_project(arguments, world)
    spec = _load_spec(opened, cache)
    store = open_store(opened.folder, opened.environment)
    mark = store.mark
    journals = open_journals(opened.folder, opened.environment)
    stored = load_state(store, journals, opened.environment, mark, cache=cache)
    now = platform_time(world.clock.now(), stored.state, world.machine())
    plan = plan_environment(
        opened.project,
        opened.environment,
        spec,
        stored.state,
        now=now,
        selection=selection,
    )
    return Planned(opened=opened, spec=spec, store=store, stored=stored, plan=plan, at=now)
