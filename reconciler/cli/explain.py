"""`reconciler explain [CODE]`: more about one diagnostic, with an example, or the list of all. It needs no project."""

import argparse
from difflib import get_close_matches

from reconciler.cli.wiring import World
from reconciler.core.catalogue import CATALOGUE
from reconciler.errors import UsageError
from reconciler.reports.explain_text import catalogue_text, explanation_text


def run(arguments: argparse.Namespace, world: World) -> int:
    console = world.console
    if arguments.code is None:
        console.out(catalogue_text(CATALOGUE.values()))
        return 0
    told = CATALOGUE.get(arguments.code.strip("[]"))
    if told is None:
        close = get_close_matches(arguments.code, CATALOGUE, n=1)
        hint = f"Did you mean {close[0]!r}?" if close else "`reconciler explain` lists all codes."
        raise UsageError("No such code", f"No diagnostic has the code {arguments.code!r}.", hint=hint)
    console.out(explanation_text(told, console.paint))
    return 0
