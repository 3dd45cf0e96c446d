"""The lines of spec files and sources that diagnostics point to, read once more when they are to be shown.

Rule: no line of a project file is shown, by whatever name or link it is read. Somebody may have written a secret into
it, which is what the diagnostic then says, and a message ends up in logs that many read.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path

from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place
from reconciler.formats.text_blocks import MAX_LINE
from reconciler.workspace.folder import MAX_FILE, PROJECT_FILE
from reconciler.workspace.search import SPEC_ENDINGS

_PARQUET = b"PAR1"
"""What a file begins with that has rows, and no lines."""


def quoted(error: InvalidInput, folder: Path, *, most: int | None = None) -> InvalidInput:
    """Return *error* with the lines that it is about, for those that are shown: *most*, or as many as it says.

    Paths are relative to *folder*. A file that is not there any more, or not text, has no lines.
    """
    shown = error.most if most is None else most
    lines = lines_of(islice(error.diagnostics, shown), folder)
    return InvalidInput(error.diagnostics, lines=lines, most=shown)


def lines_of(diagnostics: Iterable[Diagnostic], folder: Path) -> Mapping[Place, str]:
    found: dict[Place, str] = {}
    for path, places in _by_path(diagnostics).items():
        lines = _lines(folder / path, {place.line for place in places})
        found.update((place, lines[place.line]) for place in places if place.line in lines)
    return found


def _by_path(diagnostics: Iterable[Diagnostic]) -> Mapping[str, list[Place]]:
    paths: dict[str, list[Place]] = {}
    for place in (each.place for each in diagnostics):
        if place.line:
            paths.setdefault(place.path, []).append(place)
    return paths


def _lines(path: Path, wanted: Collection[int]) -> Mapping[int, str]:
    """Return lines by number: all of a spec file, those that are *wanted* of a source, which may be large."""
    try:
        if not path.is_file() or PROJECT_FILE in (path.name, path.resolve().name):
            return {}
        with path.open("rb") as file:
            if path.name.lower().endswith(SPEC_ENDINGS):
                all_lines = _text(file.read(MAX_FILE)).split("\n")
                return {number: line.rstrip("\r") for number, line in enumerate(all_lines, 1)}
            if file.read(len(_PARQUET)) == _PARQUET:
                return {}
            file.seek(0)
            lines = islice(iter(partial(file.readline, MAX_LINE), b""), max(wanted))
            return {number: _text(line).rstrip("\r\n") for number, line in enumerate(lines, 1) if number in wanted}
    except (OSError, ValueError):  # a path with a NUL
        return {}


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace").removeprefix("\ufeff")
