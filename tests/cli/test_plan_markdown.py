"""`plan --markdown FILE`: a file that a pipeline may post, whatever has happened."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Project, run

BEGIN = "<!-- reconciler plan -->\n## "
OUTER = {"PYTHONHASHSEED": "1", "TZ": "Pacific/Auckland", "LC_ALL": "C", "PYTHONUTF8": "0"}


def test_it_is_written_besides_what_is_printed_and_changes_no_exit_status(project: Project) -> None:
    plain = project.run("plan", "--json", "--detailed-exitcode")
    ended = project.run("plan", "--json", "--detailed-exitcode", "--markdown", "out/for/plan.md")
    text = (project.folder / "out/for/plan.md").read_text()

    assert (ended.status, ended.out, ended.err) == (2, plain.out, plain.err)
    assert text.startswith(f"{BEGIN}Plan for `local`\n")
    assert f"reconciler apply -e local --expect {ended.document['plan_id']}\n" in text
    assert all(f" {change['address']} " in text for change in ended.document["changes"])
    assert "[mixed-keys]" in text


def test_document_and_report_give_the_same_numbers(project: Project) -> None:
    ended = project.run("plan", "--json", "--markdown", "plan.md")
    text, printed = (project.folder / "plan.md").read_text(), project.run("plan").out

    assert [each["risk"] for each in ended.document["risks"]] == ["reMigrate"]
    for risk in ended.document["risks"]:
        assert f"\n- {risk['text']}\n" in text
        assert f"\n  ! {risk['text']}\n" in printed
    assert f"Plan: {ended.document['summary']['calls']} calls to the platform" in text


def test_its_path_is_relative_to_the_caller_and_its_text_to_the_project(project: Project) -> None:
    outside = project.folder.parent
    ended = run("-C", "specs", "plan", "--markdown", "plan.md", cwd=outside)
    text = (outside / "plan.md").read_text()

    assert ended.status == 0
    assert "[local/q4-backfill.yaml:9:5]" in text
    assert str(outside) not in text


def test_it_is_the_same_bytes_on_every_machine(project: Project, tmp_path: Path) -> None:
    project.edit("local/corrections.yaml", "A-S00000003", "Zürich")
    other = tmp_path / "another" / "checkout"
    shutil.copytree(project.folder, other)
    project.run("plan", "--markdown", "plan.md", variables={"PYTHONHASHSEED": "0", "TZ": "UTC"})
    run("plan", "--markdown", "plan.md", "--no-cache", variables=OUTER, cwd=other)
    text = (project.folder / "plan.md").read_bytes()

    assert "Subscription/Zürich@2".encode() in text
    assert text == (other / "plan.md").read_bytes()


def test_production_is_to_be_named_again(project: Project) -> None:
    shutil.copy(project.folder / "local" / "corrections.yaml", project.folder / "production" / "first.yaml")
    project.run("plan", "-e", "production", "--markdown", "plan.md")
    text = (project.folder / "plan.md").read_text()

    assert "\nreconciler apply -e production --expect p1-" in text
    assert " --confirm production\n" in text


def test_nothing_to_do_is_written_too(project: Project) -> None:
    project.run("plan", "--markdown", "plan.md")
    project.run("apply", "--yes")
    ended = project.run("plan", "--markdown", "plan.md", "--detailed-exitcode")
    text = (project.folder / "plan.md").read_text()

    assert ended.status == 0
    assert "**Nothing to do: everything declared is regenerated.**\n\n- 12 unchanged" in text
    assert "--expect" not in text


def test_why_there_is_no_plan_takes_the_place_of_an_earlier_report(project: Project) -> None:
    project.run("plan", "--markdown", "plan.md")
    project.edit("local/q4-backfill.yaml", 'itemNumber: "1"', "itemNumber: 1")
    ended = project.run("plan", "--markdown", "plan.md", "--json")
    text = (project.folder / "plan.md").read_text()

    assert (ended.status, ended.document["plan_id"]) == (3, None)
    assert text.startswith(f"{BEGIN}No plan\n\n**Nothing could be planned.**\n")
    assert "    local/q4-backfill.yaml:12:43: error: itemNumber is text" in text
    assert "Plan for" not in text


@pytest.mark.parametrize("edited", ["reconciler.yaml", "local/q4-backfill.yaml"])
def test_why_there_is_no_plan_is_written_where_no_report_was(project: Project, edited: str) -> None:
    project.edit(edited, "version: 1", "version: one")
    ended = project.run("plan", "-e", "local", "--markdown", "new/plan.md")

    assert ended.status == 3
    assert (project.folder / "new" / "plan.md").read_text().startswith(f"{BEGIN}No plan for `local`\n")


def test_a_line_of_the_project_file_is_not_shown(project: Project) -> None:
    project.edit("reconciler.yaml", "tenant_type: central_sandbox", "client_secret: hunter2")
    project.run("plan", "--markdown", "plan.md")

    assert "hunter2" not in (project.folder / "plan.md").read_text()


def test_a_process_that_is_killed_leaves_no_earlier_report(project: Project) -> None:
    project.run("plan", "--markdown", "plan.md")
    program = (
        "import os, signal, sys\n"
        "from reconciler.cli import plan\n"
        f"plan.make_planned = lambda *a, **k: os.kill(os.getpid(), {int(signal.SIGKILL)})\n"
        "sys.argv = ['reconciler', 'plan', '--markdown', 'plan.md']\n"
        "from reconciler.__main__ import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=project.folder, check=False, timeout=60)

    assert done.returncode == -signal.SIGKILL
    assert "Planning was begun and has not ended." in (project.folder / "plan.md").read_text()


REFUSED = {
    "reconciler.yaml": "would be read as a spec or a project file",
    "local/q4-backfill.yaml": "would be read as a spec or a project file",
    "local/NEW.YML": "would be read as a spec or a project file",
    ".reconciler/local.state.json": "is, or stands beside, a state document",
    ".reconciler/local.state.json.mark": "is, or stands beside, a state document",
    "state/production.json": "is, or stands beside, a state document",
    ".reconciler/emulator.db": "is, or stands beside, a state document",
    "link.md": "is, or stands beside, a state document",
    "local/data/backfill.csv": "is there already and is no report of a plan",
    "README.md": "is there already and is no report of a plan",
    "local": "is no regular file",
    "/dev/null": "is no regular file",
    "": "is no regular file",
}


@pytest.mark.parametrize("path", REFUSED)
@pytest.mark.parametrize("applied", [False, True])
def test_what_is_no_report_is_left_alone(project: Project, path: str, *, applied: bool) -> None:
    if applied:
        project.run("apply", "--yes")
    (project.folder / "link.md").symlink_to(".reconciler/local.state.json")
    before = content(project.folder)
    ended = project.run("plan", "--markdown", path, "--json")

    assert ended.status == 1
    assert REFUSED[path] in ended.err
    assert "Nothing was written." in ended.err
    assert ended.document["error"]["code"] == "UsageError"
    assert content(project.folder) == before


def test_where_the_project_file_is_wrong_only_a_report_or_nothing_is_replaced(project: Project) -> None:
    project.run("apply", "--yes")
    project.edit("reconciler.yaml", "version: 1", "version: one")
    before = content(project.folder)
    for path in ("reconciler.yaml", ".reconciler/local.state.json", "README.md"):
        assert project.run("plan", "--markdown", path).status == 1
    assert content(project.folder) == before


def content(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_empty_file_is_filled_and_a_report_replaced_behind_its_link_with_its_mode(project: Project) -> None:
    report, link = project.folder / "plan.md", project.folder / "linked.md"
    report.touch()
    report.chmod(0o640)
    link.symlink_to("plan.md")
    for _ in range(2):
        assert project.run("plan", "--markdown", "linked.md").status == 0

        assert report.read_text().startswith(f"{BEGIN}Plan for")
        assert (report.stat().st_mode & 0o777, link.is_symlink()) == (0o640, True)


def test_a_new_report_is_readable_as_any_new_file(project: Project) -> None:
    command = f"umask 027; {sys.executable} -m reconciler plan --markdown plan.md"
    subprocess.run(["/bin/sh", "-c", command], cwd=project.folder, check=True, timeout=60, capture_output=True)

    assert (project.folder / "plan.md").stat().st_mode & 0o777 == 0o640


def test_a_report_that_cannot_be_written_is_no_success_and_the_plan_is_printed(project: Project) -> None:
    (project.folder / "file").touch()
    ended = project.run("plan", "--json", "--detailed-exitcode", "--markdown", "file/plan.md")

    assert ended.status == 1
    assert "error: The file cannot be written\n  file/plan.md: Not a directory." in ended.err
    assert ended.document["summary"]["calls"] == 12


def test_an_error_counts_more_than_that_it_cannot_be_written(project: Project) -> None:
    (project.folder / "file").touch()
    project.edit("local/q4-backfill.yaml", "version: 1", "version: one")
    ended = project.run("plan", "--markdown", "file/plan.md")

    assert ended.status == 3
    assert "The file cannot be written" in ended.err
    assert "local/q4-backfill.yaml:" in ended.err


def test_a_plan_is_saved_and_written_for_review_and_both_say_the_same_id(project: Project) -> None:
    ended = project.run("plan", "--out", "new/plan.json", "--markdown", "new/plan.md")
    text = (project.folder / "new/plan.md").read_text()
    shown = project.run("show", "new/plan.json", "--json").document
    command = f"reconciler apply -e local --expect {shown['plan_id']}"

    assert ended.status == 0
    assert f"\n{command}\n" in text
    assert project.run(*command.split()[1:], "--yes").status == 0
    assert project.run("plan", "--detailed-exitcode").status == 0


def test_one_file_cannot_be_the_saved_plan_and_the_report(project: Project) -> None:
    ended = project.run("plan", "--out", "plan.md", "--markdown", "./plan.md")

    assert ended.status == 1
    assert "plan.md is where --out saves the plan" in ended.err
    assert not (project.folder / "plan.md").exists()


def test_why_no_plan_can_be_saved_is_written_too(project: Project) -> None:
    project.run("plan", "--markdown", "plan.md")
    ended = project.run("plan", "--out", "README.md", "--markdown", "plan.md")

    assert ended.status == 1
    assert "README.md is there already and is no saved plan." in (project.folder / "plan.md").read_text()
