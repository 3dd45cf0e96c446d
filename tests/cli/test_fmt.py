"""`reconciler fmt` as a command: what it writes, what it leaves alone, and how it ends."""

import io
import subprocess
from pathlib import Path

import pytest
from commands import Project

from reconciler.cli.console import Console
from reconciler.cli.main import run_in
from reconciler.cli.wiring import SystemClock, World
from reconciler.errors import StorageError
from reconciler.formats.canonical import FileKind, canonical
from reconciler.formats.yaml_reader import Reading

UGLY = """\
subscriptions:
- subscriptionVersion: 1   # the first
  subscriptionName: A-S00000001
flags: {reMigrate: true, onlyReSend: false}
version: 1
"""
TIDY = """\
version: 1
flags: {onlyReSend: false, reMigrate: true}
subscriptions:
  - subscriptionName: A-S00000001
    subscriptionVersion: 1 # the first
"""
INVALID = "version: 1\nflags: {reMigrate: true, onlyReSend: true}\n"


@pytest.fixture
def ugly(project: Project) -> Path:
    for path in ("q4-backfill.yaml", "corrections.yaml"):
        (project.folder / "local" / path).unlink()
    return project.write("local/ugly.yaml", UGLY)


def test_the_project_that_is_shown_is_tidy(project: Project) -> None:
    assert project.run("fmt", "--check").status == 0


def test_what_is_not_tidy_is_rewritten_and_named(project: Project, ugly: Path) -> None:
    first = project.run("fmt")
    second = project.run("fmt")

    assert (first.status, first.out) == (0, "local/ugly.yaml\n")
    assert ugly.read_text() == TIDY
    assert (second.status, second.out) == (0, "")


def test_formatting_changes_no_plan(project: Project, ugly: Path) -> None:
    before = project.run("plan", "--json").document
    project.run("fmt")
    after = project.run("plan", "--json").document

    assert after["plan_id"] == before["plan_id"]


def test_check_names_what_would_change_ends_with_1_and_writes_nothing(project: Project, ugly: Path) -> None:
    ended = project.run("fmt", "--check")

    assert (ended.status, ended.out) == (1, "local/ugly.yaml\n")
    assert ugly.read_text() == UGLY
    project.run("fmt")
    assert project.run("fmt", "--check").status == 0


def test_diff_is_a_patch_and_writes_nothing(project: Project, ugly: Path) -> None:
    ended = project.run("fmt", "--diff")
    checked = project.run("fmt", "--diff", "--check")

    assert (ended.status, checked.status) == (0, 1)
    assert ended.out == checked.out
    assert ugly.read_text() == UGLY
    subprocess.run(["patch", "-p0", "-s"], input=ended.out, text=True, cwd=project.folder, check=True, timeout=60)
    assert ugly.read_text() == TIDY


def test_what_is_not_valid_is_left_alone_told_and_does_not_keep_the_rest_from_it(project: Project, ugly: Path) -> None:
    invalid = project.write("local/invalid.yaml", INVALID)
    ended = project.run("fmt")

    assert ended.status == 3
    assert "local/invalid.yaml:2:8: error: onlyReSend and reMigrate are both true" in ended.err
    assert invalid.read_text() == INVALID
    assert ugly.read_text() == TIDY
    assert project.run("fmt", "--check").status == 3


def test_only_what_was_asked_for_is_formatted(project: Project, ugly: Path) -> None:
    other = project.write("sandbox/ugly.yaml", UGLY)

    assert project.run("fmt", "-e", "sandbox").out == "sandbox/ugly.yaml\n"
    assert project.run("fmt", "reconciler.yaml", "sandbox").out == ""
    assert project.run("fmt", "ugly.yaml", cwd=ugly.parent).out == "ugly.yaml\n"
    assert (ugly.read_text(), other.read_text()) == (TIDY, TIDY)


@pytest.mark.parametrize(
    ("arguments", "status"), [(("-e", "local", "local"), 1), (("nowhere.yaml",), 3), (("-e", "nowhere"), 1)]
)
def test_what_cannot_be_meant_is_told(project: Project, arguments: tuple[str, ...], status: int) -> None:
    ended = project.run("fmt", *arguments)

    assert ended.status == status
    assert "hint" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    "arguments", [(), ("local",), ("local/reconciler.yaml",), ("reconciler.yaml", ".")], ids=" ".join
)
def test_a_spec_may_be_named_like_the_project_file(project: Project, ugly: Path, arguments: tuple[str, ...]) -> None:
    named_like_it = ugly.rename(ugly.with_name("reconciler.yaml"))
    ended = project.run("fmt", *arguments)

    assert (ended.status, ended.out) == (0, "local/reconciler.yaml\n")
    assert named_like_it.read_text() == TIDY
    assert project.run("validate").status == 0


def test_a_project_below_another_ones_folder_is_a_project(project: Project) -> None:
    text = (project.folder / "reconciler.yaml").read_text()
    inner = project.write("teams/a/reconciler.yaml", f"{text}\n\n")
    ended = project.run("fmt", "teams")

    assert (ended.status, ended.out) == (0, "teams/a/reconciler.yaml\n")
    assert inner.read_text() == text


def test_a_file_keeps_its_mode_and_its_link_and_nothing_lies_beside_it(project: Project, ugly: Path) -> None:
    ugly.chmod(0o664)
    target = ugly.rename(ugly.with_name("elsewhere"))
    ugly.symlink_to(target)
    before = sorted(ugly.parent.iterdir())
    project.run("fmt")

    assert ugly.is_symlink()
    assert target.read_text() == TIDY
    assert target.stat().st_mode & 0o777 == 0o664
    assert sorted(ugly.parent.iterdir()) == before


def test_line_ends_and_the_byte_order_mark_of_other_systems_go(project: Project, ugly: Path) -> None:
    ugly.write_bytes(b"\xef\xbb\xbf" + TIDY.rstrip().replace("\n", "\r\n").encode())

    assert project.run("fmt").out == "local/ugly.yaml\n"
    assert ugly.read_bytes() == TIDY.encode()


def test_a_file_that_cannot_be_replaced_keeps_no_other_from_it_and_hides_no_fault(project: Project, ugly: Path) -> None:
    (ugly.parent / ".ugly.yaml.new").mkdir()
    project.write("local/invalid.yaml", INVALID)
    other = project.write("local/z.yaml", UGLY.replace("A-S", "B-S"))
    ended = project.run("fmt")

    assert (ended.status, ended.out) == (3, "local/z.yaml\n")
    assert "local/ugly.yaml: " in ended.err
    assert "local/invalid.yaml:2:8: error:" in ended.err
    assert "1 file formatted" in ended.err
    assert other.read_text() == TIDY.replace("A-S", "B-S")


def test_what_somebody_saves_while_a_file_is_laid_out_is_not_lost(
    project: Project, ugly: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def saved_meanwhile(content: bytes, path: str, kind: FileKind) -> tuple[Reading, str | None]:
        ugly.write_text(UGLY + "trigger: again\n")
        return canonical(content, path, kind)

    monkeypatch.setattr("reconciler.cli.fmt.canonical", saved_meanwhile)
    world = World(
        console=Console(io.StringIO(), io.StringIO(), {}),
        variables={},
        here=project.folder,
        clock=SystemClock(),
        is_interactive=False,
        ask=str,
    )
    with pytest.raises(StorageError, match="it was changed meanwhile"):
        run_in(world, ["fmt", "local/ugly.yaml"])

    assert ugly.read_text() == UGLY + "trigger: again\n"


def test_a_file_that_cannot_be_replaced_is_left_whole(project: Project, ugly: Path) -> None:
    """A folder stands where the temporary file is due: no right is taken away, so that it holds for root too."""
    (ugly.parent / ".ugly.yaml.new").mkdir()
    ended = project.run("fmt")

    assert ended.status == 1
    assert "local/ugly.yaml" in ended.err
    assert "Traceback" not in ended.err
    assert ugly.read_text() == UGLY
