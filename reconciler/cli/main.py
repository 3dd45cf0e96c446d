"""From arguments to an exit status. Known errors become messages; whatever else escapes is a defect and says so."""

import argparse
import gc
import importlib
from collections.abc import Sequence

from reconciler import __version__
from reconciler.cli.arguments import as_options, build_parser, unknown_arguments
from reconciler.cli.wiring import World, system_world
from reconciler.errors import ReconcilerError, UsageError

_INTERRUPTED = 130


def run(argv: Sequence[str]) -> int:
    world = system_world()
    status = _run(world, argv)
    world.console.close()
    return status or int(world.console.has_failed)


def _run(world: World, argv: Sequence[str]) -> int:
    try:
        return run_in(world, argv)
    except ReconcilerError as error:
        from reconciler.reports.diagnostic_text import error_text  # noqa: PLC0415  (a run without an error has no use)

        world.console.err(error_text(error, world.console.error_paint))
        return error.exit_status
    except KeyboardInterrupt:
        world.console.err("Interrupted.\n")
        return _INTERRUPTED


def run_in(world: World, argv: Sequence[str]) -> int:
    """Carry out one command line. Raise ReconcilerError for what cannot be done."""
    argv = as_options(argv)
    parser = build_parser(argv[0] if argv else "")
    try:
        arguments, unknown = parser.parse_known_args(argv)
    except SystemExit as leaving:
        return int(leaving.code or 0)
    if unknown:
        raise unknown_arguments(parser, arguments, unknown)
    if arguments.version:
        world.console.out(f"reconciler {__version__}\n")
        return 0
    return _dispatch(arguments, world)


def _dispatch(arguments: argparse.Namespace, world: World) -> int:
    if arguments.command is None:
        raise UsageError("No command", "", hint="See `reconciler --help`.")
    module = importlib.import_module(f"reconciler.cli.{arguments.command}")
    gc.freeze()  # what is loaded stays to the end: the collector need not look at it again and again, nor at the end
    gc.enable()
    return int(module.run(arguments, world))
