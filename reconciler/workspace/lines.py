"""The lines of spec files that diagnostics point to, read once more when they are to be shown.

Rule: no line of the project file is shown. Somebody may have written a secret into it, which is what the diagnostic
then says, and a message ends up in logs that many read.
"""

import re
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place
from reconciler.workspace.folder import MAX_FILE, PROJECT_FILE

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What counts as the end of a line for the parsers that made the places (YAML 1.1, production b-char)."""


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
        lines = _lines(folder / path)
        found.update((place, lines[place.line - 1]) for place in places if place.line <= len(lines))
    return found


def _by_path(diagnostics: Iterable[Diagnostic]) -> Mapping[str, list[Place]]:
    paths: dict[str, list[Place]] = {}
    for place in (each.place for each in diagnostics):
        if place.line and place.path != PROJECT_FILE:
            paths.setdefault(place.path, []).append(place)
    return paths


def _lines(path: Path) -> list[str]:
    try:
        if not path.is_file():
            return []
        with path.open("rb") as file:
            return _LINE_BREAK.split(file.read(MAX_FILE).decode("utf-8", "replace").removeprefix("\ufeff"))
    except (OSError, ValueError):  # a path with a NUL
        return []
