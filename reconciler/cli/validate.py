"""`reconciler validate`: every fault of the project file and of the specs, in one run."""

import argparse
from collections.abc import Iterator
from pathlib import Path

from reconciler.cli.wiring import World
from reconciler.core.diagnostics import Diagnostic, InvalidInput
from reconciler.core.environment import Environment, Project
from reconciler.formats.project import readable_environments
from reconciler.formats.schema import PROJECT_SCHEMA, SPEC_SCHEMA, SchemaSet
from reconciler.reports.plan_report import counted
from reconciler.workspace.folder import find_folder, read_project_file, read_spec_files
from reconciler.workspace.schemas import load_schemas


def run(arguments: argparse.Namespace, world: World) -> int:
    folder = find_folder(arguments.project, world.here)
    schemas = SchemaSet(load_schemas())
    reading, project = read_project_file(folder)
    schemas.check(reading, PROJECT_SCHEMA)
    chosen = _chosen(arguments, project) if project else readable_environments(reading)
    found = list(reading.diagnostics)
    for environment in chosen:
        found += _check(folder, environment, schemas, world)
    if found:
        raise InvalidInput(found)
    return 0


def _chosen(arguments: argparse.Namespace, project: Project) -> list[Environment]:
    return [project.environment(arguments.environment)] if arguments.environment else [*project.environments.values()]


def _check(folder: Path, environment: Environment, schemas: SchemaSet, world: World) -> Iterator[Diagnostic]:
    readings, declarations = read_spec_files(folder, environment)
    for reading in readings:
        schemas.check(reading, SPEC_SCHEMA)
        yield from reading.diagnostics
    if not any(reading.diagnostics for reading in readings):
        files = sum(reading.root is not None for reading in readings)
        world.console.out(
            f"{environment.name}: valid, {counted(len(declarations), 'declaration')} in {counted(files, 'file')}\n"
        )
