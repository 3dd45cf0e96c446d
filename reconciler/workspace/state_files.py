"""Which document on the disk is meant by the state files of a project, however they are written."""

import os
from pathlib import Path

from reconciler.core.environment import Environment, Project
from reconciler.formats.yaml_reader import Reading


def report_shared_states(project: Project, folder: Path, reading: Reading) -> None:
    """Report every environment whose state is the file of an earlier one, by another path or behind a link.

    The same path twice is found by the reader. Nothing need be there yet.
    """
    first: dict[object, Environment] = {}
    for each in project.environments.values():
        other = first.setdefault(_identity(folder / each.state_file), each)
        if other is not each:
            what = f"{each.name!r} keeps its state in the file of {other.name!r}"
            why = f"{each.state_file} and {other.state_file} lead to one file."
            hint, at = "Give each environment a state file of its own.", (each.place.line, each.place.column)
            reading.report("state-file-twice", what, at, detail=why, hint=hint)


def _identity(path: Path) -> object:
    """Return what is equal for two paths of one file; what cannot be looked at is told by its path."""
    try:
        status = os.stat(path)  # noqa: PTH116  (beside realpath, which pathlib does not have)
    except OSError:
        return os.path.realpath(path)
    return status.st_dev, status.st_ino
