"""`reconciler emulator`: serve the platform's side, list what it really did, add objects, rehearse trouble."""

import argparse
import asyncio
import json
import signal
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from reconciler.cli.project import open_project
from reconciler.cli.wiring import World
from reconciler.core.environment import EmulatorApi, is_loopback
from reconciler.emulator.app import create_app
from reconciler.emulator.client import parse_client
from reconciler.emulator.fault_rules import FaultReport, clear_faults, list_faults, load_faults
from reconciler.emulator.ledger import Effect, read_ledger
from reconciler.emulator.proxy_rules import read_proxy_rules
from reconciler.emulator.seed import seed_world
from reconciler.emulator.server import serve
from reconciler.emulator.tcp_proxy import TcpProxy
from reconciler.errors import ReconcilerError, StorageError, UsageError
from reconciler.reports.json_text import json_text
from reconciler.reports.plan_report import counted


def run(arguments: argparse.Namespace, world: World) -> int:
    verbs = {"serve": _serve, "ledger": _ledger, "seed": _seed, "faults": _faults, "proxy": _proxy}
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
        faults=_document(arguments.faults, world) if arguments.faults else None,
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
    added = seed_world(_world_file(arguments, world), _document(arguments.objects, world))
    world.console.out(f"{counted(added, 'object')} added\n")


def _faults(arguments: argparse.Namespace, world: World) -> None:
    database = _world_file(arguments, world)
    if (arguments.rules is None) is (arguments.order == "load"):
        raise UsageError("Wrong usage", "`faults load` takes a file of rules, `list` and `clear` take none.")
    if arguments.order == "load":
        number = load_faults(database, _document(arguments.rules, world))
        world.console.out(f"{counted(number, 'rule')} loaded\n")
    elif arguments.order == "clear":
        world.console.out(f"{counted(clear_faults(database), 'rule')} cleared\n")
    else:
        _list_faults(list_faults(database), world, as_json=arguments.json)


def _list_faults(reports: Sequence[FaultReport], world: World, *, as_json: bool) -> None:
    if as_json:
        world.console.out(json_text([report.document() for report in reports]))
        return
    for report in reports:
        world.console.out(f"{report.name}: matched {report.matched}, fired {report.fired}\n")
    world.console.out(f"{counted(len(reports), 'rule')}\n")


def _proxy(arguments: argparse.Namespace, world: World) -> None:
    proxy = TcpProxy(arguments.to, read_proxy_rules(_document(arguments.rules, world)))

    async def serve_proxy() -> None:
        await proxy.start(host=arguments.host, port=arguments.port)
        world.console.out(f"The proxy listens on {proxy.url} before {arguments.to} (stop it with Ctrl-C).\n")
        ended = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, ended.set)
        await ended.wait()
        await proxy.close()

    asyncio.run(serve_proxy())


def _document(path: Path, world: World) -> Any:  # noqa: ANN401  (JSON of any shape; who asks checks it)
    try:
        return json.loads((world.here / path).read_bytes())
    except UnicodeDecodeError as error:
        raise UsageError("The file cannot be read", f"{path} is not UTF-8 text.") from error
    except RecursionError as error:
        raise UsageError("The file cannot be read", f"{path} is nested too deep.") from error
    except json.JSONDecodeError as error:
        raise UsageError("The file cannot be read", f"{path}:{error.lineno}:{error.colno}: {error.msg}.") from error


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
