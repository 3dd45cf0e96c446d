"""The project folder: finding it, its project file, the spec files of an environment."""

import hashlib
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.core.address import Address
from reconciler.core.declaration import Spec
from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place
from reconciler.core.environment import Environment, Project
from reconciler.core.keymap import KeyMap
from reconciler.core.table import Declared, Table
from reconciler.formats.packed import pack_table, unpack_table
from reconciler.formats.plain_lists import LEAST
from reconciler.formats.project import read_project, readable_environments
from reconciler.formats.sources import Source
from reconciler.formats.spec import read_spec, read_table
from reconciler.formats.yaml_reader import Reading, TooManyFaults, read_yaml
from reconciler.ports import Cache
from reconciler.workspace.search import NO_FILE, hint_of, may_be_made, spec_files
from reconciler.workspace.sources import SourceFiles, open_below
from reconciler.workspace.state_files import report_shared_states

if TYPE_CHECKING:
    from reconciler.core.adoption import Adoption
    from reconciler.core.resolve import Decision

PROJECT_FILE = "reconciler.yaml"
MAX_FILE = 64 * 1024 * 1024


def find_folder(asked: Path | None, here: Path) -> Path:
    """Return the folder of the project file: *asked*, else *here*, else its subfolder ``specs``. Raise InvalidInput."""
    candidates = [here / asked] if asked is not None else [here, here / "specs"]
    for folder in candidates:
        if _exists(folder / PROJECT_FILE):
            return folder
    places = " nor in ".join(str(folder) for folder in candidates)
    above = next((each for each in here.parents if _exists(each / PROJECT_FILE)), None) if asked is None else None
    hint = f"Name the folder that holds {PROJECT_FILE} with -C."
    raise InvalidInput(
        [
            Diagnostic(
                code="no-project",
                summary="there is no project file",
                place=Place(PROJECT_FILE),
                detail=f"Neither in {places}." if len(candidates) > 1 else f"Not in {places}.",
                hint=f"There is one in {above}: use `-C {os.path.relpath(above, here)}`." if above else hint,
            )
        ]
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a folder that may not be entered, a name that is too long
        return False


def load_project(folder: Path) -> Project:
    """Raise InvalidInput with everything that is wrong with the project file."""
    reading, project = read_project_file(folder)
    if project is None:
        raise InvalidInput(reading.diagnostics)
    return project


def is_project_file(path: Path) -> bool:
    """Whether *path* has the name of a project file and is not a spec of a project above it."""
    if path.name != PROJECT_FILE:
        return False
    real = path.parent.resolve() / path.name
    return not any(_is_spec(real, folder) for folder in real.parent.parents if _exists(folder / PROJECT_FILE))


def _is_spec(path: Path, folder: Path) -> bool:
    """Whether the project in *folder* reads *path*, which has no links before its name, as a spec."""
    environments = readable_environments(_read(folder, PROJECT_FILE))
    return any(path.is_relative_to((folder / each.specs).resolve()) for each in environments)


def read_project_file(folder: Path) -> tuple[Reading, Project | None]:
    """Read the project file; the project is None if anything was reported."""
    reading = _read(folder, PROJECT_FILE)
    project = read_project(reading)
    if project is not None:
        report_shared_states(project, folder, reading)
    return reading, None if reading.diagnostics else project


def read_spec_files(folder: Path, environment: Environment) -> tuple[list[Reading], list[Table]]:
    """Read every spec file of *environment*, then the sources that they name.

    The first reading is of the folder; each carries its own diagnostics, those of doublets included.
    """
    readings: list[Reading] = []
    tables: list[Table] = []
    sources: list[tuple[Source, Reading]] = []
    for path in spec_files(folder, environment, readings):
        reading = _read(folder, path)
        readings.append(reading)
        found = read_spec(reading)
        tables.append(Table.of(path, found.declarations))
        sources += [(source, reading) for source in found.sources]
    files = SourceFiles(folder, environment.specs)
    for source, naming in sources:
        with suppress(TooManyFaults):
            reading, rows = files.read(source, naming)
            readings.append(reading)
            tables.append(rows)
    _report_doublets(tables, {reading.path: reading for reading in readings})
    return readings, tables


def load_spec(folder: Path, environment: Environment, *, cache: Cache | None = None) -> Spec:
    """Return what is declared for *environment*; *cache* may know some of the files already.

    Raise InvalidInput with everything that is wrong in all of them.
    """
    tables = _read_tables(folder, environment, cache)
    declared = Declared(tables) if tables is not None else None
    if declared is not None and not declared.is_doubled:
        return with_keys(folder, environment, Spec(declared))
    readings, tables = read_spec_files(folder, environment)
    diagnostics = [found for reading in readings for found in reading.diagnostics]
    if diagnostics:
        raise InvalidInput(diagnostics)
    return with_keys(folder, environment, Spec(Declared(tables)))


def load_spec_to_be(folder: Path, environment: Environment) -> Spec:
    """Likewise, but nothing is declared where there is no spec file yet, nor a folder, which can be made."""
    try:
        return load_spec(folder, environment)
    except InvalidInput as error:
        codes = {each.code for each in error.diagnostics}
        if codes != {"no-spec-files"} and not (
            codes == {"no-folder"} and may_be_made(folder / environment.specs, folder)
        ):
            raise
        return with_keys(folder, environment, Spec({}))


def with_keys(folder: Path, environment: Environment, spec: Spec) -> Spec:
    """Return *spec* with the key map of *environment*, if it has one.

    Raise InvalidInput if that cannot be read, or does not map all that is declared.
    """
    keys = load_keys(folder, environment)
    if keys is None:
        return spec
    from reconciler.formats.keymap import unmapped  # noqa: PLC0415  (few environments have any)

    found = unmapped(spec, keys)
    if found:
        raise InvalidInput(found)
    return Spec(spec.declarations, keys)


def load_keys(folder: Path, environment: Environment) -> KeyMap | None:
    """Return the key map of *environment*, if it has one. Raise InvalidInput if it cannot be read."""
    if environment.keys is None:
        return None
    from reconciler.formats.keymap import read_keymap  # noqa: PLC0415  (few environments have any)

    reading = Reading(environment.keys)
    keys = read_keymap(_content_below(folder, environment.keys), reading)
    if reading.diagnostics:
        raise InvalidInput(reading.diagnostics)
    return keys


_KEY_MAP = "It begins with field,as_written,in_tenant; below, for example: subscriptionName,A-S00000001,P-00000007"


def _content_below(folder: Path, path: str) -> bytes:
    """Return the bytes of a file that is in the project itself. Raise InvalidInput if it is not, or cannot be read."""
    try:
        with open_below(folder, path, name="project folder") as file:
            content = file.read(MAX_FILE + 1)
        _check_size(len(content))
    except OSError as error:
        what = f"the key map cannot be read: {error.strerror or error}"
        found = Diagnostic(code="unreadable", summary=what, place=Place(path), hint=_hint(error, _KEY_MAP))
        raise InvalidInput([found]) from None
    return content


def _read_tables(folder: Path, environment: Environment, cache: Cache | None) -> list[Table] | None:
    """Return what all files declare, or None as soon as anything is to be reported."""
    of_folder: list[Reading] = []
    tables: list[Table] = []
    sources: list[Source] = []
    for path in spec_files(folder, environment, of_folder):
        try:
            found = _read_table(_content(folder / path), path, cache)
        except OSError:
            return None
        if found is None:
            return None
        tables.append(found[0])
        sources += found[1]
    files = SourceFiles(folder, environment.specs)
    for source in sources:
        naming = Reading(source.place.path)
        reading, rows = files.read(source, naming)
        if reading.diagnostics or naming.diagnostics:
            return None
        tables.append(rows)
    return None if any(reading.diagnostics for reading in of_folder) else tables


def _read_table(content: bytes, path: str, cache: Cache | None) -> tuple[Table, list[Source]] | None:
    """Return what one file declares. Kept are files of declarations alone."""
    if cache is None or len(content) < LEAST:
        return read_table(content, path)
    key = f"spec-{hashlib.sha256(content).hexdigest()}"
    kept = cache.get(key)
    table = unpack_table(kept, key, path) if kept is not None else None
    if table is not None:
        return table, []
    found = read_table(content, path)
    if found is not None and not found[1]:
        cache.put(key, pack_table(found[0], key))
    return found


def _report_doublets(tables: list[Table], readings: dict[str, Reading]) -> None:
    if not Declared(tables).is_doubled:
        return
    first: dict[Address, Place] = {}
    for address, place in ((each.address, each.place) for table in tables for each in table):
        earlier = first.setdefault(address, place)
        if earlier is place:
            continue
        with suppress(TooManyFaults):
            readings[place.path].report(
                "declared-twice",
                f"{address} is declared twice",
                (place.line, place.column),
                detail=f"First at {earlier}.",
                hint="Keep one of the two; to regenerate again, change its trigger.",
            )


def load_decisions(folder: Path, path: str) -> "list[Decision]":
    """Read the decisions at *path*, relative to *folder*. Raise InvalidInput with everything that is wrong."""
    from reconciler.formats.decisions import read_decisions  # noqa: PLC0415  (a plan reads none)

    reading = _read(folder, path)
    decisions = read_decisions(reading)
    if reading.diagnostics:
        raise InvalidInput(reading.diagnostics)
    return decisions


def load_adoptions(folder: Path, path: str) -> "list[Adoption]":
    """Read the rows of the CSV at *path*, relative to *folder*. Raise InvalidInput with everything that is wrong."""
    from reconciler.formats.adoptions import read_adoptions  # noqa: PLC0415  (a plan reads none)

    reading, adoptions = Reading(path), list["Adoption"]()
    try:
        adoptions = read_adoptions(_content(folder / path), reading)
    except OSError as error:
        reading.report("unreadable", f"the file cannot be read: {error.strerror or error}", (0, 0), hint=_hint(error))
    if reading.diagnostics:
        raise InvalidInput(reading.diagnostics)
    return adoptions


def _read(folder: Path, path: str) -> Reading:
    try:
        content = _content(folder / path)
    except OSError as error:
        reading = Reading(path)
        what = f"the file cannot be read: {error.strerror or error}"
        reading.report("unreadable", what, (0, 0), hint=_hint(error))
        return reading
    return read_yaml(content, path)


def _hint(error: OSError, like: str = "") -> str:
    if isinstance(error, _NotAsItShould):
        return error.hint
    return hint_of(error, like=like)


class _NotAsItShould(OSError):
    def __init__(self, why: str, hint: str) -> None:
        super().__init__(0, why)
        self.hint = hint


def _content(path: Path) -> bytes:
    """Read a regular file of bounded size, as it was at one time: a FIFO or a device would block or never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise _NotAsItShould("it is not a regular file", NO_FILE)
        _check_size(status.st_size)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            content = file.read(MAX_FILE)
        if _version(os.fstat(descriptor)) != _version(status):
            raise _NotAsItShould("it was changed while it was read", "Let the change end, then run this again.")
        return content
    finally:
        os.close(descriptor)


def _check_size(size: int) -> None:
    if size > MAX_FILE:
        raise _NotAsItShould(f"it has more than {MAX_FILE // 1024 // 1024} MiB", "Split it into several files.")


def _version(status: os.stat_result) -> tuple[int, int]:
    return status.st_size, status.st_mtime_ns


def read_content(folder: Path, path: str, *, like: str = "") -> bytes:
    """Return the bytes of one file. Raise InvalidInput if it cannot be read; *like* says how such a file looks."""
    try:
        return _content(folder / path)
    except OSError as error:
        what = f"the file cannot be read: {error.strerror or error}"
        found = Diagnostic(code="unreadable", summary=what, place=Place(path), hint=_hint(error, like))
        raise InvalidInput([found]) from error
