"""`promote`: what sandbox has shown goes into production's specs as a small diff, seen with a real git."""

import io
import subprocess
from collections.abc import Sequence

import pytest
from commands import Project
from two_tenants import HEAD, ONE, OTHER, TWO, with_production

from reconciler.cli.console import Console
from reconciler.cli.main import run_in
from reconciler.cli.wiring import SystemClock, World
from reconciler.core.declaration import Declaration
from reconciler.errors import StorageError
from reconciler.formats.promoted import Carried, carried
from reconciler.workspace.starter import starter_files

PROMOTE = ("promote", "--from", "sandbox", "--to", "production")
SANDBOX = ("apply", "-e", "sandbox", "--yes")
FILE = "production/q4-backfill.yaml"


def git(project: Project, *arguments: str) -> str:
    names = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    done = subprocess.run(
        ["git", *names, *arguments], cwd=project.folder, check=True, capture_output=True, text=True, timeout=60
    )
    return done.stdout


@pytest.fixture
def applied(project: Project) -> Project:
    """A repository in which sandbox has applied one of two declarations, and production declares none."""
    with_production(project)
    project.write("sandbox/q4-backfill.yaml", TWO.replace("version: 1}", "version: 1} # as agreed", 1))
    project.write(FILE, f"{HEAD}subscriptions:\n  # what we had\n  - {{subscriptionId: x}}\n  # the end\n")
    assert project.run(*SANDBOX, "--only", ONE).status == 0
    git(project, "init", "-q")
    git(project, "add", ".")
    git(project, "commit", "-qm", "begin")
    return project


def added(project: Project) -> list[str]:
    lines = git(project, "diff", "-U0", "production").splitlines()
    return [line for line in lines if line[:1] in "+-" and not line.startswith(("+++", "---"))]


def test_what_is_proven_is_written_and_what_is_not_is_named(applied: Project) -> None:
    done = applied.run(*PROMOTE)

    assert done.status == 0
    assert done.out == f"{FILE}\n"
    assert done.err.splitlines() == [
        "1 declaration promoted from sandbox to production, 0 there already, 1 left out:",
        f"  {OTHER}  it was never applied there  [sandbox/q4-backfill.yaml:6:5]",
    ]
    assert git(applied, "status", "--porcelain") == f" M {FILE}\n"
    assert added(applied) == ["+  - {subscriptionName: A-S00000001, subscriptionVersion: 1}"]


def test_the_file_that_init_makes_takes_a_line_for_each_and_stays_as_fmt_wants_it(applied: Project) -> None:
    for name in ("production/q4-backfill.yaml", "sandbox/q4-backfill.yaml"):
        assert (applied.folder / name).exists()
    first = starter_files(name="acme", pipeline="none")["production/first.yaml"]
    applied.write("production/q4-backfill.yaml", first)
    assert applied.run("promote", "--from", "sandbox", "--to", "production").status == 0
    text = (applied.folder / "production/q4-backfill.yaml").read_text()

    assert "\nsubscriptions: # what was done in the sandbox comes here by a pull request\n  - {" in text
    assert applied.run("fmt", "--check", "production").status == 0


def test_promoting_again_changes_nothing(applied: Project) -> None:
    applied.run(*PROMOTE)
    git(applied, "commit", "-qam", "promote")
    done = applied.run(*PROMOTE)

    assert (done.status, done.out) == (0, "")
    assert "0 declarations promoted from sandbox to production, 1 there already, 1 left out" in done.err
    assert git(applied, "status", "--porcelain") == ""


def test_what_is_promoted_is_planned_in_production_and_may_be_applied(applied: Project) -> None:
    applied.run(*PROMOTE)

    assert applied.run("plan", "-e", "production", "--only", "*A-S*", "--detailed-exitcode").status == 2
    assert applied.run("apply", "-e", "production", "--yes", "--only", "*A-S*").status == 0


def test_a_dry_run_prints_the_diff_and_writes_nothing(applied: Project) -> None:
    done = applied.run(*PROMOTE, "--dry-run")

    assert git(applied, "status", "--porcelain") == ""
    assert "1 declaration would be promoted" in done.err
    (applied.folder / "a.patch").write_text(done.out)
    git(applied, "apply", "-p0", "a.patch")
    (applied.folder / "a.patch").unlink()
    assert added(applied) == ["+  - {subscriptionName: A-S00000001, subscriptionVersion: 1}"]


@pytest.mark.parametrize("left", ["another file", "an empty folder", "no folder"])
def test_a_file_that_production_does_not_have_is_made_with_its_comments(applied: Project, left: str) -> None:
    (applied.folder / FILE).unlink()
    if left == "another file":
        applied.write("production/empty.yaml", HEAD)
    elif left == "no folder":
        (applied.folder / "production").rmdir()
    assert applied.run(*SANDBOX).status == 0

    assert applied.run(*PROMOTE).status == 0
    assert (applied.folder / FILE).read_bytes() == (applied.folder / "sandbox/q4-backfill.yaml").read_bytes()


@pytest.mark.parametrize(("specs", "leads"), [("production", "elsewhere"), ("link/production", "../elsewhere")])
def test_a_link_is_not_followed_to_make_a_folder(applied: Project, specs: str, leads: str) -> None:
    (applied.folder / FILE).unlink()
    (applied.folder / "production").rmdir()
    (applied.folder / specs.partition("/")[0]).symlink_to(leads)
    applied.edit("reconciler.yaml", "specs: production", f"specs: {specs}")
    done = applied.run(*PROMOTE)

    assert done.status == 3
    assert f"{specs}: error: there is no folder for the specs of 'production' [no-folder]" in done.err
    assert not (applied.folder / leads).exists()


def test_a_selector_takes_a_part(applied: Project) -> None:
    assert applied.run(*SANDBOX).status == 0

    assert "1 declaration promoted" in applied.run(*PROMOTE, OTHER).err
    assert added(applied) == ["+  - {subscriptionName: A-S00000002, subscriptionVersion: 1}"]


def test_a_selector_that_matches_nothing_is_refused(applied: Project) -> None:
    assert applied.run(*SANDBOX).status == 0
    done = applied.run(*PROMOTE, "Subscription/NOPE*", ONE)

    assert (done.status, done.out) == (1, "")
    assert "SEL 'Subscription/NOPE*' matches no declaration. Nothing was done." in done.err
    assert added(applied) == []


def test_an_action_selects_nothing_that_could_be_promoted(applied: Project) -> None:
    done = applied.run(*PROMOTE, "action:reissue")

    assert done.status == 1
    assert "'action:reissue' selects by action, and nothing is planned here." in done.err


def test_a_new_trigger_for_a_file_is_one_line_of_the_diff(applied: Project) -> None:
    applied.write(FILE, TWO)
    git(applied, "add", ".")
    git(applied, "commit", "-qm", "as in sandbox")
    applied.edit("sandbox/q4-backfill.yaml", "2026-11-backfill", "2026-12-backfill")
    assert applied.run(*SANDBOX).status == 0

    assert "2 declarations promoted" in applied.run(*PROMOTE).err
    assert added(applied) == ["-trigger: 2026-11-backfill", "+trigger: 2026-12-backfill"]


def test_rows_that_inherit_from_the_file_there_are_not_planned_again(applied: Project) -> None:
    applied.write("production/data/rows.csv", "subscriptionName,subscriptionVersion\nA-S00000003,1\nA-S00000004,1\n")
    text = f"{HEAD}subscriptions:\n  - {{subscriptionName: A-S00000001, subscriptionVersion: 1}}\n"
    applied.write(FILE, f"{text}sources:\n  - {{csv: data/rows.csv, type: Subscription}}\n")
    demand = "    promotes_from: {environment: sandbox, accept_emulator: true}\n"
    applied.edit("reconciler.yaml", demand, "")
    assert applied.run("apply", "-e", "production", "--yes").status == 0
    applied.edit("reconciler.yaml", "specs: production\n", f"specs: production\n{demand}")
    applied.edit("sandbox/q4-backfill.yaml", "2026-11-backfill", "2026-12-backfill")
    assert applied.run(*SANDBOX, "--only", ONE).status == 0

    assert "1 declaration promoted" in applied.run(*PROMOTE).err
    planned = applied.run("plan", "-e", "production", "--json").document
    assert [each["address"] for each in planned["changes"]] == [ONE]


def test_rows_of_sources_and_what_another_file_declares_are_left_out_with_their_reasons(applied: Project) -> None:
    applied.write("sandbox/data/rows.csv", "subscriptionName,subscriptionVersion\nA-S00000003,1\n")
    applied.write("sandbox/rows.yaml", f"{HEAD}sources:\n  - {{csv: data/rows.csv, type: Subscription}}\n")
    applied.write("production/other.yaml", TWO.replace("2026-11", "2026-10"))
    assert applied.run(*SANDBOX).status == 0
    told = applied.run(*PROMOTE).err

    assert "it is a row of a source; copy the row, or the file, by hand  [sandbox/data/rows.csv:2:1]" in told
    assert f"{ONE}  it is declared otherwise at production/other.yaml:5:5; change it there" in told
    assert "0 declarations promoted from sandbox to production, 0 there already, 3 left out" in told


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--from", "sandbox", "--to", "sandbox"), "Both are 'sandbox'."),
        (("--from", "production", "--to", "local"), "has no environment 'local'"),
    ],
)
def test_environments_that_do_not_follow_on_each_other_are_refused(
    applied: Project, arguments: tuple[str, ...], said: str
) -> None:
    done = applied.run("promote", *arguments)

    assert done.status == 1
    assert said in done.err


def test_only_the_environment_before_may_be_promoted_from(project: Project) -> None:
    with_production(project)
    done = project.run("promote", "--from", "production", "--to", "sandbox")

    assert done.status == 3
    assert "production has no state: state/production.json is not there" in done.err
    text = (project.folder / "reconciler.yaml").read_text()
    third = "  test:\n    api: {emulator: .reconciler/test.db}\n    specs: test\n    state: {file: state/test.json}\n"
    project.write("reconciler.yaml", text + third)
    refused = project.run("promote", "--from", "test", "--to", "production")
    assert refused.status == 1
    assert "'production' promotes from 'sandbox' and not from 'test', as the project file says." in refused.err


def test_what_somebody_saves_in_the_meantime_is_not_lost(applied: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    def saved_meanwhile(content: bytes, path: str, wanted: Sequence[Declaration]) -> Carried:
        (applied.folder / FILE).write_text(f"{HEAD}owner: somebody\n")
        return carried(content, path, wanted)

    monkeypatch.setattr("reconciler.cli.promote.carried", saved_meanwhile)
    world = World(
        console=Console(io.StringIO(), io.StringIO(), {}),
        variables={},
        here=applied.folder,
        clock=SystemClock(),
        is_interactive=False,
        ask=str,
    )
    with pytest.raises(StorageError, match=f"{FILE}: it was changed meanwhile. It was left as it is."):
        run_in(world, [*PROMOTE])

    assert (applied.folder / FILE).read_text() == f"{HEAD}owner: somebody\n"
