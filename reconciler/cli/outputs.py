"""The files that a command is asked to write: nothing of the project, and nothing of anybody else, is overwritten."""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.wiring import World
from reconciler.core.environment import EmulatorApi
from reconciler.errors import ReconcilerError, StorageError, UsageError
from reconciler.workspace.folder import find_folder, load_project
from reconciler.workspace.search import SPEC_ENDINGS

_ANOTHER = "Name another file, or move this one away."
_OPTIONS = {
    "out": "where --out saves the plan",
    "markdown": "where --markdown writes its report",
    "proof": "where --proof writes",
    "log_file": "where --log-file writes",
    "plan_file": "the plan that is applied",
}
"""Every option that names a file, and what that file is then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A kind of document that *option* names: a *what*, an earlier one is *called* so and has this *beginning*."""

    option: str
    what: str
    called: str
    beginning: bytes


@dataclass(frozen=True, slots=True)
class Free:
    """A *path*, links resolved, that may be written; *is_there*: an earlier document of the kind is."""

    path: Path
    is_there: bool


def check_output(output: Output, arguments: argparse.Namespace, world: World) -> Free:
    """Return where *output* goes. Raise UsageError if that is anybody else's, StorageError if it cannot be read."""
    name = str(getattr(arguments, output.option))
    path = Path(os.path.realpath(world.here / name))
    if path.name.lower().endswith(SPEC_ENDINGS):
        hint = f"Name it {output.what}.{'md' if output.option == 'markdown' else 'json'}, for example."
        raise _refusal(output, f"{name} would be read as a spec or a project file.", hint=hint)
    for option, other in _OPTIONS.items():
        given = getattr(arguments, option, None) if option != output.option else None
        if given is not None and str(path) == os.path.realpath(world.here / given):
            raise _refusal(output, f"{name} is {other}.", hint="Name another file.")
    for own in _own_files(arguments, world):
        if str(path) == own or str(path).startswith(f"{own}."):
            raise _refusal(output, f"{name} is, or stands beside, a state document or the world of an emulator.")
    return Free(path, _is_there(output, path, name))


def check_beside(output: Output, path: Path, beginning: bytes, called: str) -> None:
    """Raise UsageError if what is written beside *output*, to *path*, would take the place of anything else."""
    kind = Output(option=output.option, what=output.what, called=called, beginning=beginning)
    _is_there(kind, Path(os.path.realpath(path)), path.name)


def check_writable(path: Path, name: str) -> None:
    """Raise StorageError if no file can be made beside *path*, whose folders are made."""
    trial = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with trial.open("xb"):
            pass
        trial.unlink()
    except OSError as error:
        detail = f"{name}: {error.strerror or error}. Nothing was sent."
        raise StorageError("The file cannot be written", detail, hint="Name another file, or check rights.") from error


def _own_files(arguments: argparse.Namespace, world: World) -> Iterator[str]:
    """Yield where states and worlds are kept, as far as the project file can be read: planning tells why not."""
    try:
        folder = find_folder(arguments.project, world.here)
        environments = load_project(folder).environments.values()
    except ReconcilerError:
        return
    for each in environments:
        yield os.path.realpath(folder / each.state_file)
        if isinstance(each.api, EmulatorApi):
            yield os.path.realpath(folder / each.api.database)


def _is_there(output: Output, path: Path, name: str) -> bool:
    """Return whether an earlier document is there. Raise UsageError if anything else is, but an empty file."""
    try:
        if not path.exists():
            return False
        if not path.is_file():
            raise _refusal(output, f"{name} is no regular file.")
        with path.open("rb") as file:
            begins = file.read(len(output.beginning))
    except OSError as error:
        detail = f"{name}: {error.strerror or error}."
        raise StorageError("The file cannot be read", detail, hint="Name another file.") from error
    if begins not in (b"", output.beginning):
        raise _refusal(output, f"{name} is there already and is no {output.called}.")
    return bool(begins)


def _refusal(output: Output, detail: str, *, hint: str = _ANOTHER) -> UsageError:
    return UsageError(f"Not a file for a {output.what}", f"{detail} Nothing was written.", hint=hint)
