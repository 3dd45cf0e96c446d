"""`reconciler doctor`: what would be used in an environment, from where, and what of it works.

It asks for a token and sends nothing else; the state's folder is tried with a file of its own.
"""

import argparse
import asyncio
import sys
from collections.abc import Iterator

from reconciler import __version__
from reconciler.cli.project import OpenProject, open_project, open_store
from reconciler.cli.sending import open_platform
from reconciler.cli.wiring import World, open_journals
from reconciler.core.checkup import Checkup, Fact, failed, ok
from reconciler.core.environment import PlatformApi
from reconciler.core.facts import facts_of, network_facts, state_fact
from reconciler.engine.checkup import Examined, Ports, examine
from reconciler.errors import ReconcilerError
from reconciler.formats.field_places import field_places
from reconciler.formats.yaml_reader import FASTEST
from reconciler.reports.checkup_document import checkup_document
from reconciler.reports.checkup_text import checkup_text
from reconciler.reports.json_text import json_text
from reconciler.stores.probe import FileProbe
from reconciler.workspace.cache import cache_folder
from reconciler.workspace.folder import PROJECT_FILE, load_spec, read_project_file
from reconciler.workspace.git import keeping_of
from reconciler.workspace.search import spec_paths
from reconciler.zuora.client import proxy_of


def run(arguments: argparse.Namespace, world: World) -> int:
    """Print the checkup, and end with the strongest status of what has failed."""
    checkup = _look_over(arguments, world)
    paint = world.console.paint
    world.console.out(json_text(checkup_document(checkup)) if arguments.json else checkup_text(checkup, paint))
    return checkup.exit_status


def _look_over(arguments: argparse.Namespace, world: World) -> Checkup:
    own = tuple(_own_facts(world))
    try:
        opened = open_project(arguments, world)
    except ReconcilerError as error:
        return Checkup(environment=None, facts=own, checks=(failed("project", error, place=PROJECT_FILE),))
    examined = asyncio.run(examine(opened.environment, _ports(opened, world)))
    return Checkup(
        environment=opened.environment.name,
        facts=(*own, *_facts(opened, examined, world)),
        checks=(ok("project", "valid", place=PROJECT_FILE), *examined.checks),
    )


def _own_facts(world: World) -> Iterator[Fact]:
    python = ".".join(map(str, sys.version_info[:3]))
    yield Fact(name="reconciler", value=__version__, origin=f"Python {python}, {sys.executable}")
    is_fast = FASTEST.__name__.startswith("C")
    yield Fact(name="libyaml", value="there" if is_fast else "not there: YAML is read by a slower parser")
    cache = cache_folder(world.variables)
    if cache is None:
        yield Fact(name="cache", value="none: neither XDG_CACHE_HOME nor HOME names a folder")
    else:
        name = "XDG_CACHE_HOME" if world.variables.get("XDG_CACHE_HOME", "").startswith("/") else "HOME"
        yield Fact(name="cache", value=str(cache), origin=f"variable {name}")


def _facts(opened: OpenProject, examined: Examined, world: World) -> Iterator[Fact]:
    environment, api = opened.environment, opened.environment.api
    places = field_places(read_project_file(opened.folder)[0], environment.name)
    yield Fact(name="folder", value=str(opened.folder.resolve()))
    yield from facts_of(opened.project, environment, opened.choice, places, world.variables)
    yield state_fact(environment, examined.state, places.get("state.file"))
    if isinstance(api, PlatformApi):
        yield from network_facts(api.base_url, proxy_of(api.base_url), world.variables)


def _ports(opened: OpenProject, world: World) -> Ports:
    folder, environment = opened.folder, opened.environment

    def specs() -> tuple[int, int]:
        spec = load_spec(folder, environment)
        return len(spec.declarations), len(spec_paths(folder, environment)[0])

    return Ports(
        specs=specs,
        tokens=lambda: open_platform(opened, world),
        store=open_store(folder, environment),
        journals=open_journals(folder, environment),
        folder=FileProbe(folder / environment.state_file, name=environment.state_file),
        keeping=lambda: keeping_of(folder, environment.state_file),
        clock=world.clock,
    )
