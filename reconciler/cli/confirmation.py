"""Whether somebody wants this: the name of production said again, or a yes, at a terminal or as an option."""

import argparse

from reconciler.cli.project import OpenProject
from reconciler.cli.wiring import World
from reconciler.core.environment import Choice, Environment
from reconciler.errors import UsageError


def check_confirmed(environment: Environment, arguments: argparse.Namespace, *, otherwise: str) -> None:
    """Raise UsageError if another environment is confirmed. *otherwise* tells what has not happened then."""
    name = environment.name
    if arguments.confirm not in (None, name):
        raise UsageError(
            "Another environment is confirmed",
            f"--confirm says {arguments.confirm!r}, and this is {name!r}. {otherwise}",
            hint="Look again which of them is meant, and name it in both places: -e and --confirm.",
        )


def confirm_production(
    opened: OpenProject, arguments: argparse.Namespace, world: World, *, to: str, how: str, otherwise: str
) -> None:
    """Return if somebody has named production, or names it at the terminal, *to* do what is asked for.

    Where nobody can be asked, *how* is what comes before the option.
    """
    if arguments.confirm is None:
        name = opened.environment.name
        which = f", by {opened.choice}" if opened.choice is Choice.VARIABLE else ""
        question = f"This is production{which}. Type its name, {name}, {to}: "
        ask_for(name, question, f"{how} --confirm {name}.", world, otherwise=otherwise)


def confirm_change(opened: OpenProject, arguments: argparse.Namespace, world: World) -> None:
    """Return if the state of the environment may be changed by hand. What was forgotten, for one, is sent again.

    Raise UsageError for production unless its name is said.
    """
    otherwise = "Nothing was changed."
    check_confirmed(opened.environment, arguments, otherwise=otherwise)
    if opened.environment.is_production:
        how = "Look at its state, then give the same command with"
        confirm_production(opened, arguments, world, to="to change its state", how=how, otherwise=otherwise)


def ask_for(word: str, question: str, how: str, world: World, *, otherwise: str) -> None:
    """Return if a person answers *question* with *word*. Raise UsageError else; *how* says it without a terminal."""
    if not world.is_interactive:
        raise UsageError("Nobody to ask", f"There is no terminal to answer at. {otherwise}", hint=how)
    if world.ask(question) != word:
        raise UsageError("Not confirmed", otherwise)
