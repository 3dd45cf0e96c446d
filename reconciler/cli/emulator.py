"""`reconciler emulator`: serve the platform's side, list what it really did, add objects to its world."""

import argparse
import json
import sqlite3
from pathlib import Path

from reconciler.cli.project import open_project
from reconciler.cli.wiring import World
from reconciler.core.environment import EmulatorApi, is_loopback
from reconciler.emulator.app import create_app
from reconciler.emulator.client import parse_client
from reconciler.emulator.ledger import Effect, read_ledger
from reconciler.emulator.seed import seed_world
from reconciler.emulator.server import serve
from reconciler.errors import ReconcilerError, StorageError, UsageError
from reconciler.reports.documents import json_text
from reconciler.reports.plan_report import counted


def run(arguments: argparse.Namespace, world: World) -> int:
    verbs = {"serve": _serve, "ledger": _ledger, "seed": _seed}
    try:
        verbs[arguments.verb](arguments, world)
    except ValueError as error:
        raise UsageError("The emulator cannot do that", str(error)) from error
    except (OSError, sqlite3.Error) as error:
        raise _failed(error) from error
    return 0


def _serve(arguments: argparse.Namespace, world: World) -> None:
    application = create_app(
        database=_database(arguments.db, world),
        now=world.unix_time,
        new_id=world.new_id,
        clients=[parse_client(text) for text in arguments.client],
        latency=arguments.latency,
    )
    if not is_loopback(arguments.host):
        world.console.err(f"warning: {arguments.host} may be reached by others, and the emulator guards nothing.\n")

    def ready(base_url: str) -> None:
        world.console.out(f"The emulator listens on {base_url} (stop it with Ctrl-C).\n")

    serve(application, host=arguments.host, port=arguments.port, ready=ready)


def _ledger(arguments: argparse.Namespace, world: World) -> None:
    effects = read_ledger(_world_file(arguments, world))
    if arguments.json:
        world.console.out(json_text([effect.document() for effect in effects]))
        return
    for effect in effects:
        world.console.out(_line(effect))
    world.console.out(f"{counted(len(effects), 'effect')}\n")


def _line(effect: Effect) -> str:
    what = "overridden" if effect.overridden else "kept"
    ids = ", ".join(effect.id_list) or "no booking transactions"
    return f"{effect.at}  {effect.tenant}  {effect.target}  {what}, regenerate_flag {effect.regenerate_flag}  {ids}\n"


def _seed(arguments: argparse.Namespace, world: World) -> None:
    try:
        document = json.loads((world.here / arguments.objects).read_bytes())
    except UnicodeDecodeError as error:
        raise UsageError("The objects cannot be read", f"{arguments.objects} is not UTF-8 text.") from error
    except RecursionError as error:
        raise UsageError("The objects cannot be read", f"{arguments.objects} is nested too deep.") from error
    except json.JSONDecodeError as error:
        where = f"{arguments.objects}:{error.lineno}:{error.colno}"
        raise UsageError("The objects cannot be read", f"{where}: {error.msg}.") from error
    added = seed_world(_world_file(arguments, world), document)
    world.console.out(f"{counted(added, 'object')} added\n")


def _world_file(arguments: argparse.Namespace, world: World) -> str:
    """Return the database named on the command line, else that of the environment."""
    if arguments.db is not None:
        return _database(arguments.db, world)
    opened = open_project(arguments, world)
    if not isinstance(opened.environment.api, EmulatorApi):
        name = opened.environment.name
        raise UsageError("No emulator here", f"The environment {name!r} is a tenant of the platform.", hint="Use --db.")
    return str(opened.folder / opened.environment.api.database)


def _database(path: str, world: World) -> str:
    return path if path == ":memory:" else str(world.here / Path(path))


def _failed(error: OSError | sqlite3.Error) -> ReconcilerError:
    told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    subject = error.filename if isinstance(error, OSError) and error.filename else "the emulator"
    return StorageError(
        "The emulator stopped", f"{subject}: {told}.", hint="Check the address, the file and its rights."
    )
