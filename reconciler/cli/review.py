"""The file of `plan --markdown`: what it may be, and that it never tells of another plan than the last one made.

A pipeline posts it whatever has happened, so it is written too where nothing is to be done and where nothing could be
planned: then it says why. An earlier report is made void before planning begins, so that not even a process that is
killed leaves it behind. Nothing else that stands at the path is overwritten.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.outputs import Output, check_output
from reconciler.cli.project import Planned
from reconciler.cli.wiring import World
from reconciler.errors import ReconcilerError, StorageError
from reconciler.reports.diagnostic_text import error_text
from reconciler.reports.plan_markdown import MARK, failure_markdown, plan_markdown
from reconciler.reports.plan_report import report_plan
from reconciler.workspace.writing import put_file

_REPORT = Output(option="markdown", what="report", called="report of a plan", beginning=MARK.encode())


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
    free, name = check_output(_REPORT, arguments, world), str(arguments.markdown)
    if free.is_there:
        begun = ReconcilerError("Not planned yet", "Planning was begun and has not ended.")
        put_file(free.path, failure_markdown(begun, arguments.environment).encode(), name=name)
    return Review(path=free.path, name=name, environment=arguments.environment, world=world)
