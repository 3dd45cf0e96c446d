"""`reconciler init`: a project that validates and applies on the embedded emulator at once. Nothing is overwritten."""

import argparse
import os
import re
import shlex

from reconciler.cli.wiring import World
from reconciler.errors import UsageError
from reconciler.workspace.starter import starter_files
from reconciler.workspace.writing import make_files

_NAME = re.compile(r"[a-z][a-z0-9]*(?:[-_.][a-z0-9]+)*", re.IGNORECASE)
_NOT_TEXT = {"y", "yes", "n", "no", "on", "off", "true", "false", "null"}
"""What YAML takes for something other than text."""


def run(arguments: argparse.Namespace, world: World) -> int:
    if arguments.project:
        raise UsageError("Wrong usage", "init makes a project, and -C names one.", hint="Write `reconciler init DIR`.")
    folder = world.here / arguments.folder
    name = _checked(arguments.name) if arguments.name is not None else _name_of(folder.resolve().name)
    files = starter_files(name=name, pipeline=arguments.ci)
    make_files(folder, files)
    world.console.out("".join(f"{path}\n" for path in files))
    world.console.err(_next_steps(name, os.path.relpath(folder, world.here)))
    return 0


def _checked(name: str) -> str:
    if _NAME.fullmatch(name) and name.lower() not in _NOT_TEXT and len(name) <= 64:
        return name
    why = (
        f"{name!r} is not made of a letter, then letters and digits, with single hyphens, dots or underscores between."
    )
    raise UsageError("The name cannot be used", why, hint="Take one such as acme-revenue; it stays for good.")


def _name_of(folder: str) -> str:
    """Return a name made of the folder's, which may be written in any way."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")[:48].strip("-")
    return name if _NAME.fullmatch(name) and name not in _NOT_TEXT else f"project-{name}".strip("-")


def _next_steps(name: str, folder: str) -> str:
    where = "" if folder == "." else f" -C {shlex.quote(folder)}"
    return (
        f"Made the project {name}, which runs on the embedded emulator. Next:\n"
        f"  reconciler{where} plan\n"
        f"  reconciler{where} apply\n"
        "Then put your tenants into reconciler.yaml.\n"
    )
