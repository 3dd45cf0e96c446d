"""The file of `plan --markdown`: what it may be, and that it never tells of another plan than the last one made.

A pipeline posts it whatever has happened, so it is written too where nothing is to be done and where nothing could be
planned: then it says why. An earlier report is made void before planning begins, so that not even a process that is
killed leaves it behind. Nothing else that stands at the path is overwritten.
"""

import argparse
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.project import Planned
from reconciler.cli.wiring import World
from reconciler.core.environment import EmulatorApi
from reconciler.errors import ReconcilerError, StorageError, UsageError
from reconciler.reports.diagnostic_text import error_text
from reconciler.reports.plan_markdown import MARK, failure_markdown, plan_markdown
from reconciler.reports.plan_report import report_plan
from reconciler.workspace.folder import find_folder, load_project
from reconciler.workspace.search import SPEC_ENDINGS
from reconciler.workspace.writing import put_file

_ANOTHER = "Name another file, or move this one away."


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """A file that may be written; *name* is what the command line calls it."""

    path: Path
    name: str
    environment: str | None
    world: World

    def write(self, planned: Planned) -> None:
        """Raise StorageError if it cannot be written."""
        is_production = planned.opened.environment.is_production
        self._put(plan_markdown(report_plan(planned.plan, is_production=is_production)))

    def tell(self, error: ReconcilerError) -> None:
        """Write why there is no plan. That it cannot be written is told besides: *error* matters more."""
        try:
            self._put(failure_markdown(error, self.environment))
        except StorageError as second:
            self.world.console.err(error_text(second, self.world.console.error_paint))

    def _put(self, text: str) -> None:
        put_file(self.path, text.encode(), name=self.name)


def open_review(arguments: argparse.Namespace, world: World) -> Review:
    """Return the file that --markdown names, an earlier report in it made void.

    Raise UsageError if it is another's, StorageError if it cannot be read or written.
    """
    name, path = str(arguments.markdown), Path(os.path.realpath(world.here / arguments.markdown))
    review = Review(path=path, name=name, environment=arguments.environment, world=world)
    _refuse_own(path, arguments, world, name)
    if _is_report(path, name):
        begun = ReconcilerError("Not planned yet", "Planning was begun and has not ended.")
        put_file(path, failure_markdown(begun, arguments.environment).encode(), name=name)
    return review


def _refuse_own(path: Path, arguments: argparse.Namespace, world: World, name: str) -> None:
    if path.name.lower().endswith(SPEC_ENDINGS):
        raise _refusal(f"{name} would be read as a spec or a project file.", hint="Name it plan.md, for example.")
    if arguments.out is not None and str(path) == os.path.realpath(world.here / arguments.out):
        raise _refusal(f"{name} is where --out saves the plan.", hint="Name another file.")
    for own in _own_files(arguments, world):
        if str(path) == own or str(path).startswith(f"{own}."):
            raise _refusal(f"{name} is, or stands beside, a state document or the world of an emulator.")


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


def _is_report(path: Path, name: str) -> bool:
    """Return whether an earlier report is there. Raise UsageError if anything else is, but an empty file."""
    try:
        if not path.exists():
            return False
        if not path.is_file():
            raise _refusal(f"{name} is no regular file.")
        with path.open("rb") as file:
            begins = file.read(len(MARK))
    except OSError as error:
        detail = f"{name}: {error.strerror or error}."
        raise StorageError("The file cannot be read", detail, hint="Name another file.") from error
    if begins not in (b"", MARK.encode()):
        raise _refusal(f"{name} is there already and is no report of a plan.")
    return bool(begins)


def _refusal(detail: str, *, hint: str = _ANOTHER) -> UsageError:
    return UsageError("Not a file for a report", f"{detail} Nothing was written.", hint=hint)
