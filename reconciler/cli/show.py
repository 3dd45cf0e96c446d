"""`reconciler show`: a saved plan as `plan` has shown it. Whether it still holds is not asked: no project is needed."""

import argparse

from reconciler.cli.approved import load_saved
from reconciler.cli.wiring import World
from reconciler.reports.diagnostic_text import diagnostic_text
from reconciler.reports.documents import plan_document
from reconciler.reports.json_text import json_text
from reconciler.reports.plan_report import report_plan
from reconciler.reports.plan_text import plan_text


def run(arguments: argparse.Namespace, world: World) -> int:
    console, saved = world.console, load_saved(arguments.plan_file, world)
    for warning in saved.plan.warnings:
        console.err(diagnostic_text(warning, console.error_paint))
    if arguments.json:
        console.out(json_text(plan_document(saved.plan)))
    else:
        console.out(plan_text(report_plan(saved.plan), console.paint))
        console.out(f"Made {saved.made}, good until {saved.expires}.\n")
    return 0
