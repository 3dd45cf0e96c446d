"""`reconciler plan`: show what apply would send. Nothing that could send is reachable from this module.

Most plans have nothing to do and begin often, in pipelines: what few of them show is loaded where it is shown.
"""

import argparse
from typing import TYPE_CHECKING

from reconciler.cli.guard import check_guardrails, guarded
from reconciler.cli.project import Planned, make_planned, open_cache
from reconciler.cli.wiring import World
from reconciler.errors import GuardrailError, ReconcilerError
from reconciler.reports.plan_report import report_plan
from reconciler.reports.plan_text import plan_text

if TYPE_CHECKING:
    from reconciler.cli.review import Review

_CHANGES_PENDING = 2


def run(arguments: argparse.Namespace, world: World) -> int:
    console = world.console
    review: Review | None = None
    try:
        if arguments.markdown is not None:
            from reconciler.cli.review import open_review  # noqa: PLC0415  (see above)

            review = open_review(arguments, world)
        if arguments.out is not None:
            from reconciler.cli.approved import check_out  # noqa: PLC0415  (see above)

            check_out(arguments, world)
        planned = guarded(make_planned(arguments, world, cache=None if arguments.no_cache else open_cache(world)))
    except ReconcilerError as error:
        if arguments.json:
            from reconciler.reports.documents import failed_plan_document  # noqa: PLC0415  (see above)
            from reconciler.reports.json_text import json_text  # noqa: PLC0415

            console.out(json_text(failed_plan_document(error, arguments.environment)))
        if review:
            review.tell(error)
        raise
    plan = planned.plan
    for warning in (*planned.stored.warnings, *plan.warnings):
        from reconciler.reports.diagnostic_text import diagnostic_text  # noqa: PLC0415  (see above)

        console.err(diagnostic_text(warning, console.error_paint))
    if arguments.json:
        from reconciler.reports.documents import plan_document  # noqa: PLC0415  (see above)
        from reconciler.reports.json_text import json_text  # noqa: PLC0415

        console.out(json_text(plan_document(plan)))
    else:
        console.out(plan_text(report_plan(plan), console.paint))
    if review:
        review.write(planned)
    if arguments.out is not None:
        from reconciler.cli.approved import save  # noqa: PLC0415  (see above)

        save(planned, arguments.out, arguments.expires, world)
    return _status(planned, arguments)


def _status(planned: Planned, arguments: argparse.Namespace) -> int:
    """Return how the command ends. Where stdout is a document, raise GuardrailError: then stderr tells people why."""
    plan = planned.plan
    if plan.refusals and arguments.json:
        check_guardrails(planned)
    if plan.refusals:
        return GuardrailError.exit_status
    return _CHANGES_PENDING if arguments.detailed_exitcode and plan.changes else 0
