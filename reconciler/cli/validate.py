"""`reconciler validate`: every fault of the project file and of the specs, in one run, in one of five formats."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from reconciler.cli.wiring import World
from reconciler.core.declaration import Spec
from reconciler.core.diagnostics import MOST_SHOWN, Diagnostic, InvalidInput, in_order
from reconciler.core.environment import Environment, Project
from reconciler.core.table import Declared
from reconciler.errors import ReconcilerError
from reconciler.formats.project import readable_environments
from reconciler.formats.schema import PROJECT_SCHEMA, SPEC_SCHEMA, SchemaSet
from reconciler.reports.findings import Findings, Valid, findings_json
from reconciler.reports.github import findings_github
from reconciler.reports.junit import findings_junit
from reconciler.reports.sarif import MOST_RESULTS, findings_sarif
from reconciler.workspace.folder import find_folder, read_project_file, read_spec_files, with_keys
from reconciler.workspace.git import prefix_in_repository
from reconciler.workspace.lines import lines_of
from reconciler.workspace.schemas import load_schemas

_DOCUMENTS = {"json": findings_json, "sarif": findings_sarif, "github": findings_github, "junit": findings_junit}
_LIMITS = {"sarif": MOST_RESULTS}
"""What the readers of a format take at most, whatever --max says."""


def run(arguments: argparse.Namespace, world: World) -> int:
    """Print what was found; raise it too, so that it is also told as text, and ends with its exit status."""
    folder = world.here / (arguments.project or "")
    try:
        folder = find_folder(arguments.project, world.here)
        findings = _look(folder, arguments)
    except ReconcilerError as error:
        found = error.diagnostics if isinstance(error, InvalidInput) else ()
        findings = Findings(diagnostics=found, failure=error)
    most = arguments.max or MOST_SHOWN
    limits = [each for each in (arguments.max, _LIMITS.get(arguments.format)) if each]
    needed = max(most, min(limits, default=len(findings.diagnostics)))
    lines = lines_of(islice(findings.diagnostics, needed), folder)
    _print(replace(findings, most=min(limits, default=None), lines=lines), folder, arguments.format, world)
    if findings.other_failure:
        raise findings.other_failure
    if findings.diagnostics:
        raise InvalidInput(findings.diagnostics, lines=lines, most=most)
    return 0


def _print(findings: Findings, folder: Path, form: str, world: World) -> None:
    if form != "text":
        write = world.console.commands if form == "github" else world.console.out
        write(_DOCUMENTS[form](replace(findings, prefix=prefix_in_repository(folder))))
    if form in ("text", "github"):
        world.console.out("".join(f"{each}\n" for each in findings.valid))


def _look(folder: Path, arguments: argparse.Namespace) -> Findings:
    schemas = SchemaSet(load_schemas())
    reading, project = read_project_file(folder)
    schemas.check(reading, PROJECT_SCHEMA)
    chosen = _chosen(arguments, project) if project else readable_environments(reading)
    found = list(reading.diagnostics)
    valid: list[Valid] = []
    for environment in chosen:
        found += _check(folder, environment, schemas, valid)
    return Findings(diagnostics=in_order(found), valid=tuple(valid))


def _chosen(arguments: argparse.Namespace, project: Project) -> list[Environment]:
    return [project.environment(arguments.environment)] if arguments.environment else [*project.environments.values()]


def _check(folder: Path, environment: Environment, schemas: SchemaSet, valid: list[Valid]) -> Iterator[Diagnostic]:
    """Yield every fault, or add the environment to those that are *valid*."""
    readings, tables = read_spec_files(folder, environment)
    for reading in readings:
        schemas.check(reading, SPEC_SCHEMA)
        yield from reading.diagnostics
    if any(reading.diagnostics for reading in readings):
        return
    try:
        with_keys(folder, environment, Spec(Declared(tables)))
    except InvalidInput as error:
        yield from error.diagnostics
    else:
        valid.append(Valid(environment.name, sum(map(len, tables)), len(readings) - 1))
