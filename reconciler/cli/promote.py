"""`reconciler promote`: carry what is proven in one environment to the specs of the next, as a diff to review."""

import argparse
import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.proven import earlier_of
from reconciler.cli.wiring import World
from reconciler.core.digest import digest_of
from reconciler.core.promoting import Addition, LeftOut, demands_of, pick, selection_of
from reconciler.core.proof import fault_of
from reconciler.engine.plan import platform_time
from reconciler.formats.promoted import Carried, carried, new_file
from reconciler.reports.diagnostic_text import diagnostic_text
from reconciler.reports.excerpt import visible
from reconciler.reports.plan_report import counted
from reconciler.workspace.folder import find_folder, load_project, load_spec, load_spec_to_be, read_content
from reconciler.workspace.writing import replace_file

_MOST_NAMED = 50


@dataclass(frozen=True, slots=True)
class _Change:
    """A spec file as it is to be; *before* is None where there is none."""

    path: str
    before: bytes | None
    carried: Carried


def run(arguments: argparse.Namespace, world: World) -> int:
    folder = find_folder(arguments.project, world.here)
    project = load_project(folder)
    source, target = project.environment(arguments.source), project.environment(arguments.target)
    promotion = demands_of(project, source.name, target.name)
    selection = selection_of(arguments.selectors)
    earlier = earlier_of(folder, project, promotion)
    for warning in earlier.warnings:
        world.console.err(diagnostic_text(warning, world.console.error_paint))
    now = platform_time(world.clock.now(), earlier.state, world.machine())
    declared, there = load_spec(folder, source), load_spec_to_be(folder, target)
    picked = pick(
        declared,
        there,
        selection,
        lambda each: fault_of(each, digest_of(each), earlier, promotion, now),
        folders=(source.specs, target.specs),
    )
    changes = [_change(folder, each) for each in picked.additions]
    for change in changes:
        _carry_out(change, folder, arguments, world)
    left_out = [LeftOut(*each) for change in changes for each in change.carried.left_out]
    written = sum(len(each.declarations) for each in picked.additions) - len(left_out)
    _tell(written, picked.present, [*picked.left_out, *left_out], arguments, world)
    return 0


def _change(folder: Path, addition: Addition) -> _Change:
    path, wanted = addition.path, addition.declarations
    if (folder / path).exists():
        before = read_content(folder, path)
        return _Change(path, before, carried(before, path, wanted))
    return _Change(path, None, new_file(read_content(folder, addition.model), path, wanted))


def _carry_out(change: _Change, folder: Path, arguments: argparse.Namespace, world: World) -> None:
    after = change.carried.text.encode()
    if after == change.before:
        return
    if arguments.dry_run:
        world.console.out("".join(_diff(change)))
        return
    replace_file(folder / change.path, after, before=change.before, name=change.path)
    world.console.out(f"{visible(change.path)}\n")


def _diff(change: _Change) -> Iterator[str]:
    before = (change.before or b"").decode("utf-8").splitlines(keepends=True)
    after, path = change.carried.text.splitlines(keepends=True), visible(change.path)
    for line in difflib.unified_diff(before, after, path if before else "/dev/null", path):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _tell(written: int, present: int, left_out: Sequence[LeftOut], arguments: argparse.Namespace, world: World) -> None:
    verb = "would be promoted" if arguments.dry_run else "promoted"
    head = f"{counted(written, 'declaration')} {verb} from {arguments.source} to {arguments.target}"
    left = f"{len(left_out)} left out{':' if left_out else '.'}"
    world.console.err(f"{head}, {present} there already, {left}\n")
    for each in left_out[:_MOST_NAMED]:
        world.console.err(f"  {each.declaration.address}  {each.why}  [{visible(str(each.declaration.place))}]\n")
    if len(left_out) > _MOST_NAMED:
        world.console.err(f"  and {len(left_out) - _MOST_NAMED:,} more.\n")
