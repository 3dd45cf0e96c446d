"""`reconciler fmt`: spec and project files in canonical order and layout. What is not valid is left as it is."""

import argparse
import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.wiring import World
from reconciler.core.diagnostics import Diagnostic, InvalidInput
from reconciler.errors import ReconcilerError, StorageError, UnfaithfulLayout, UsageError
from reconciler.formats.canonical import FileKind, canonical
from reconciler.formats.project import readable_environments
from reconciler.reports.diagnostic_text import error_text
from reconciler.reports.excerpt import visible
from reconciler.reports.plan_report import counted
from reconciler.workspace.folder import (
    PROJECT_FILE,
    find_folder,
    is_project_file,
    read_content,
    read_project_file,
)
from reconciler.workspace.search import spec_paths, yaml_paths
from reconciler.workspace.writing import replace_file

_FOUND = 1
"""The exit status of --check if a file would change: as of a linter, and 2 means pending changes and nothing else."""


@dataclass(frozen=True, slots=True)
class _Change:
    path: str
    before: bytes
    after: str


def run(arguments: argparse.Namespace, world: World) -> int:
    folder, paths, found = _chosen(arguments, world)
    changed = 0
    failures: list[ReconcilerError] = []
    for path in paths:
        try:
            for change in _change(folder, path, _kind(folder, path, is_named=bool(arguments.paths))):
                _carry_out(change, folder, arguments, world)
                changed += 1
        except InvalidInput as error:
            found += error.diagnostics
        except (UnfaithfulLayout, StorageError) as error:
            failures.append(error)
    world.console.err(_summary(len(paths), changed, writes=not (arguments.check or arguments.diff)))
    _tell([*failures, *([InvalidInput(found)] if found else [])], world)
    return _FOUND if changed and arguments.check else 0


def _tell(failures: list[ReconcilerError], world: World) -> None:
    """Raise the last of *failures*, which has the strongest status, and write those before it."""
    for failure in failures[:-1]:
        world.console.err(error_text(failure, world.console.error_paint))
    if failures:
        raise failures[-1]


def _chosen(arguments: argparse.Namespace, world: World) -> tuple[Path, list[str], list[Diagnostic]]:
    """Return a folder, the files to format, relative to it, and what is wrong with where they were looked for."""
    if not arguments.paths:
        folder = find_folder(arguments.project, world.here)
        return folder, *_of_project(folder, arguments.environment)
    if arguments.environment or arguments.project:
        raise UsageError("Wrong usage", "PATH says already which files are meant.", hint="Leave out -C and -e.")
    return world.here, *_collected(yaml_paths(world.here, path) for path in arguments.paths)


def _of_project(folder: Path, name: str | None) -> tuple[list[str], list[Diagnostic]]:
    reading, project = read_project_file(folder)
    if name is None:
        paths, found = _collected(spec_paths(folder, each) for each in readable_environments(reading))
        return [PROJECT_FILE, *paths], found
    if project is None:
        raise InvalidInput(reading.diagnostics)
    return spec_paths(folder, project.environment(name))


def _collected(
    several: Iterable[tuple[list[str], list[Diagnostic]]],
) -> tuple[list[str], list[Diagnostic]]:
    """Join what was found, each file once."""
    paths: dict[str, None] = {}
    diagnostics: list[Diagnostic] = []
    for more_paths, more_diagnostics in several:
        paths |= dict.fromkeys(more_paths)
        diagnostics += more_diagnostics
    return list(paths), diagnostics


def _kind(folder: Path, path: str, *, is_named: bool) -> FileKind:
    """Return what `validate` takes the file for. One that *is_named* may belong to any project."""
    is_project = is_project_file(folder / path) if is_named else path == PROJECT_FILE
    return FileKind.PROJECT if is_project else FileKind.SPEC


def _change(folder: Path, path: str, kind: FileKind) -> Iterator[_Change]:
    """Yield what is to be changed in one file, if anything. Raise InvalidInput if it is not valid."""
    content = read_content(folder, path)
    reading, text = canonical(content, path, kind)
    if text is None:
        raise InvalidInput(reading.diagnostics)
    if text.encode() != content:
        yield _Change(path, content, text)


def _carry_out(change: _Change, folder: Path, arguments: argparse.Namespace, world: World) -> None:
    if arguments.diff:
        world.console.out("".join(_diff(change)))
        return
    if not arguments.check:
        replace_file(folder / change.path, change.after.encode(), before=change.before, name=change.path)
    world.console.out(f"{visible(change.path)}\n")


def _diff(change: _Change) -> Iterator[str]:
    before = change.before.decode("utf-8").splitlines(keepends=True)
    after = change.after.splitlines(keepends=True)
    path = visible(change.path)
    for line in difflib.unified_diff(before, after, path, path):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _summary(files: int, changed: int, *, writes: bool) -> str:
    verb = "formatted" if writes else "would be formatted"
    return f"{counted(changed, 'file')} {verb}, {files - changed} left alone.\n"
