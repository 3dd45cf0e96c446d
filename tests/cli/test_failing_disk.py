"""A disk that fails under a real apply, at every system call that touches state, mark, journal, lock and their folder.

The call returns an error in place of what it would do (``strace``'s fault injection). By default one call of each kind
on each file meets one error; ``SYSCALL_FAULTS=all`` tries every call with every error (``pytest -rP`` prints counts).
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import pytest
from commands import Project, run
from failing_disk import Disk, Point, fail_at, kill_at, missing, points_of

from reconciler.emulator.ledger import read_ledger
from reconciler.formats.state import read_state

ERRORS = {
    "ENOSPC": "No space left on device",
    "EIO": "Input/output error",
    "EACCES": "Permission denied",
    "EDQUOT": "Disk quota exceeded",
}
SPEC = """
version: 1
flags: {onlyReSend: false, reMigrate: true}
subscriptions:
  - {subscriptionName: A-S00000001, subscriptionVersion: 1}
  - {subscriptionName: A-S00000001, subscriptionVersion: 2}
  - {subscriptionName: A-S00000002, subscriptionVersion: 1}
"""
ONE_MORE = "  - {subscriptionName: A-S00000003, subscriptionVersion: 1}\n"
IS_WHOLE = os.environ.get("SYSCALL_FAULTS") == "all"
Ids = Mapping[str | None, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Site:
    """A project in *folder* with *changes* declarations, whose state has a folder of its own."""

    folder: Path
    changes: int

    @property
    def disk(self) -> Disk:
        return Disk(self.folder / "state", "local.json")

    def copied(self, to: Path) -> "Site":
        return Site(shutil.copytree(self.folder, to), self.changes)

    def ledger(self) -> Ids:
        """The ids of every effect by its key. Fail if a target has more than one."""
        database = self.folder / ".reconciler" / "emulator.db"
        effects = read_ledger(str(database)) if database.exists() else ()
        assert max(Counter(effect.target for effect in effects).values(), default=1) == 1, "regenerated twice"
        return {effect.idempotency_key: effect.id_list for effect in effects}

    def applied(self) -> Ids:
        """The ids of every applied call in the state by its key. Fail if the state is not whole."""
        path = self.disk.roles["state"]
        state = read_state(path.read_bytes(), path.name, environment="local") if path.exists() else None
        entries = state.entries.values() if state else ()
        return {each.applied.call.key: each.applied.id_list for each in entries if each.applied}

    def is_finished(self) -> bool:
        return self.applied() == self.ledger() and len(self.ledger()) == self.changes

    def litter(self) -> set[str]:
        """What is there besides the document, its lock and its mark, of which no failure is one."""
        kept = {"local.json", "local.json.lock", "local.json.mark", ".local.json.mark.new"}
        return {path.name for path in self.disk.folder.iterdir()} - kept


def fresh(folder: Path) -> Site:
    """Three changes, two of them in one lane, and no state."""
    project = Project(folder)
    project.edit("reconciler.yaml", ".reconciler/local.state.json", "state/local.json")
    project.write("local/q4-backfill.yaml", SPEC)
    (folder / "local" / "corrections.yaml").unlink()
    return Site(folder, 3)


def killed(folder: Path) -> Site:
    """The same, left by an apply that was killed before its last rename; there is one change more to do."""
    site = fresh(folder)
    kill_at(folder, site.disk, Point("rename", 3, "state"))  # document, mark, document
    assert site.litter() == {".local.json.new", "local.json.run-0.journal"}
    (folder / "local" / "q4-backfill.yaml").write_text(SPEC + ONE_MORE)
    return Site(folder, 4)


ROLES = ("lock", "state", "folder", "temporary file", "mark", "mark's temporary file", "journal", "earlier journal")
SCENES: Mapping[str, tuple[Callable[[Path], Site], Sequence[str]]] = {
    "fresh": (fresh, ROLES[:-1]),
    "killed": (killed, ROLES[-1:]),
}
"""Where each apply begins, and which files a sample of its calls is about."""


def problems_at(site: Site, point: Point, error: str) -> Iterator[str]:
    """What is wrong with an apply that meets *error* at *point*, with what it leaves, and with the next apply."""
    before = site.ledger()
    ended = fail_at(site.folder, site.disk, point, error)
    told = ended.out + ended.err
    has_sent = site.ledger() != before
    if "Traceback" in told:
        yield f"a traceback: {ended.err[-300:]}"
    if ended.status not in (0, 6) and (ended.status != 1 or has_sent):
        yield f"ends {ended.status}, something sent: {has_sent}"
    if ended.status == 0 and not site.is_finished():
        yield "ends 0 with less than everything"
    if ended.status != 0 and not (ERRORS[error] in told and "local.json" in told and "Check rights" in told):
        yield f"does not name error, file and remedy: {told[-300:]}"
    if not site.applied().items() <= site.ledger().items():
        yield "the state tells of what has not happened"
    following = run("apply", "--yes", cwd=site.folder)
    if following.status != 0:
        yield f"the next apply ends {following.status}: {following.err[-300:]}"
    if not site.is_finished():
        yield f"in the end {len(site.applied())} are applied, {len(site.ledger())} in the ledger"
    if site.litter():
        yield f"left behind: {site.litter()}"


def chosen(points: Sequence[Point], roles: Sequence[str]) -> list[tuple[Point, str]]:
    """All points with all errors; by default one point of each kind on each of *roles*, with the errors in turn."""
    if IS_WHOLE:
        return [(point, error) for point in points for error in ERRORS]
    first = {(point.name, point.role): point for point in reversed(points) if point.role in roles}
    return list(zip(first.values(), cycle(ERRORS), strict=False))


@pytest.mark.skipif(bool(missing()), reason=missing())
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("scene", SCENES)
def test_wherever_the_disk_fails_an_apply_says_so_and_the_next_ends_clean_with_each_effect_once(
    tmp_path: Path, scene: str
) -> None:
    begin, roles = SCENES[scene]
    template = begin(tmp_path / "template")
    whole = template.copied(tmp_path / "whole")
    points = points_of(whole.folder, whole.disk)
    cases = chosen(points, roles)
    assert {point.role for point in points} >= set(roles)

    def examine(case: tuple[int, tuple[Point, str]]) -> list[str]:
        number, (point, error) = case
        site = template.copied(tmp_path / str(number))
        found = [f"{error} at {point}: {problem}" for problem in problems_at(site, point, error)]
        shutil.rmtree(site.folder)
        return found

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = [each for found in pool.map(examine, enumerate(cases)) for each in found]

    print(f"{scene}: {len(points)} calls x {len(ERRORS)} errors, {len(cases)} tried, {len(wrong)} wrong")  # noqa: T201
    assert not wrong, "\n".join(wrong)
