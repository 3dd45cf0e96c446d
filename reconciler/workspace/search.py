"""Which files below a spec folder are read: all *.yaml and *.yml but hidden ones, and no link that leads out."""

import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from unicodedata import normalize

from reconciler.core.diagnostics import Diagnostic, Place, shown
from reconciler.core.environment import Environment
from reconciler.formats.yaml_reader import Reading

SPEC_ENDINGS = (".yaml", ".yml")
NO_FILE = "Put a regular file there."
_READABLE = "Make it readable for the user who runs this."


def hint_of(error: OSError, *, like: str = "") -> str:
    """Return what to do about something that cannot be read; *like* says how a file of its kind looks."""
    if isinstance(error, PermissionError):
        return _READABLE
    return f"{NO_FILE} {like}" if like else NO_FILE


def spec_paths(folder: Path, environment: Environment) -> tuple[list[str], list[Diagnostic]]:
    """Return the paths of the spec files of *environment*, relative to *folder*, and what is wrong with its folder."""
    readings: list[Reading] = []
    paths = list(spec_files(folder, environment, readings))
    return paths, [found for reading in readings for found in reading.diagnostics]


def yaml_paths(folder: Path, path: str) -> tuple[list[str], list[Diagnostic]]:
    """Return the YAML files below *path*, or *path* itself if it is no folder, relative to *folder*."""
    if not (folder / path).is_dir():
        return [path], []
    reading = Reading(path)
    return sorted(_walk(folder / path, reading, folder)), reading.diagnostics


def spec_files(folder: Path, environment: Environment, readings: list[Reading]) -> Iterator[str]:
    """Yield the paths of all spec files below the environment's folder, sorted, relative to the project folder."""
    top = folder / environment.specs
    reading = Reading(environment.specs)
    readings.append(reading)
    if not os.path.isdir(top):  # noqa: PTH112  (it never raises: a name may be too long)
        what = f"there is no folder for the specs of {environment.name!r}"
        reading.report("no-folder", what, (0, 0), hint="Make it, or correct specs: in the project file.")
        return
    if not _is_below(top, folder, reading):
        return
    found = sorted(_walk(top, reading, folder))
    _report_same_names(found, reading)
    if not found and not reading.diagnostics:
        what = f"the spec folder of {environment.name!r} holds no *.yaml or *.yml"
        reading.report("no-spec-files", what, (0, 0), hint="Add a spec file; it may declare nothing yet.")
    yield from found


def may_be_made(top: Path, folder: Path) -> bool:
    """Whether nothing stands at *top*, and no link on the way there leads out of *folder*."""
    real_folder, real = os.path.realpath(folder), os.path.realpath(top)
    return not os.path.lexists(top) and real_folder in map(str, Path(real).parents)


def _report_same_names(paths: Iterable[str], reading: Reading) -> None:
    """Report files of which a checkout has only one where names that differ in case, or in how ü is spelt, are one."""
    first: dict[str, str] = {}
    for path in paths:
        earlier = first.setdefault(normalize("NFC", path).casefold(), path)
        if earlier is path:
            continue
        what = f"on some systems {shown(earlier)} and this file are one"
        why, hint = "A checkout there has only one of the two.", "Rename one of the two."
        found = Diagnostic(code="same-name", summary=what, place=Place(path), detail=why, hint=hint)
        reading.diagnostics.append(found)


def _walk(top: Path, reading: Reading, folder: Path) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        path = os.path.relpath(error.filename, folder) if error.filename else reading.path
        what = f"the folder cannot be read: {error.strerror}"
        reading.diagnostics.append(Diagnostic(code="unreadable", summary=what, place=Place(path), hint=_READABLE))

    for parent, folders, files in os.walk(top, onerror=refuse):
        own = sorted(name for name in folders if not name.startswith("."))
        folders[:] = [name for name in own if _is_own(Path(parent, name), reading, folder)]
        for name in files:
            if (
                name.lower().endswith(SPEC_ENDINGS)
                and not name.startswith(".")
                and _stays(Path(parent, name), top, reading, folder)
            ):
                yield Path(os.path.relpath(Path(parent, name), folder)).as_posix()


def _is_below(top: Path, folder: Path, reading: Reading) -> bool:
    """Report a spec folder that links lead out of *folder*, where nobody reviews it with the project, or back to it."""
    try:
        if top.samefile(folder):
            what = "the spec folder is a link to the project folder"
            reading.report("specs-everywhere", what, (0, 0), hint="Put a folder of its own there.")
            return False
        if is_inside(top, folder):
            return True
        what = "the spec folder is a link out of the project folder"
        reading.report("specs-outside", what, (0, 0), hint="Put the folder itself there.")
    except OSError as error:
        reading.report("unreadable", f"the folder cannot be read: {error.strerror}", (0, 0), hint=hint_of(error))
    return False


def _is_own(path: Path, reading: Reading, folder: Path) -> bool:
    """Report a link to a folder: it could lead anywhere, and silence would look as if nothing were declared there."""
    place = Place(Path(os.path.relpath(path, folder)).as_posix())
    try:
        if not _is_link(path):
            return True
        what, hint = "a link to a folder is not followed", "Put the files themselves below the spec folder."
        found = Diagnostic(code="linked-folder", summary=what, place=place, hint=hint)
    except OSError as error:
        what = f"the folder cannot be read: {error.strerror}"
        found = Diagnostic(code="unreadable", summary=what, place=place, hint=_READABLE)
    reading.diagnostics.append(found)
    return False


def _stays(path: Path, top: Path, reading: Reading, folder: Path) -> bool:
    """Report a link out of *top*: to what is no spec of this environment, or not reviewed as one."""
    try:
        if not _is_link(path) or is_inside(path, top):
            return True
        why, hint = f"it is a link out of {reading.path}", "Put the file itself there."
    except OSError as error:
        why, hint = error.strerror or str(error), hint_of(error)
    place, what = Place(Path(os.path.relpath(path, folder)).as_posix()), f"the file cannot be read: {why}"
    reading.diagnostics.append(Diagnostic(code="unreadable", summary=what, place=place, hint=hint))
    return False


def _is_link(path: Path) -> bool:
    """Raise OSError where that cannot be told: `Path.is_symlink` would say no to some of that."""
    return stat.S_ISLNK(os.lstat(path).st_mode)


def is_inside(path: Path, folder: Path) -> bool:
    """Return whether *path* leads to something below *folder*. Raise OSError where that cannot be told."""
    real_folder, real = os.path.realpath(folder, strict=True), os.path.realpath(path, strict=True)
    return os.path.commonpath([real_folder, real]) == real_folder
