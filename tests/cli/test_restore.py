"""A state document that was put back, deleted or lost, as an operator meets it."""

import os

import pytest
from commands import Project
from terminal import run_in_terminal

from reconciler.formats.schema import SchemaSet
from reconciler.workspace.schemas import load_schemas

CHARGE = "DynamicUsageCharge/C-00000042"
REASON = ("--reason", "the disk was lost")


@pytest.fixture
def behind(project: Project) -> Project:
    """A project whose state was put back to what it was before the last apply; the backup is `backup.json`."""
    project.run("apply", "--yes", "--except", CHARGE)
    backup = project.state_file.read_text()
    project.write("backup.json", backup)
    project.run("apply", "--yes")
    project.state_file.write_text(backup)
    return project


def test_an_older_state_stops_plan_apply_and_resolve_with_5_and_tells_the_way_out(behind: Project) -> None:
    commands = [("plan",), ("apply", "--yes"), ("state", "resolve", CHARGE, "--as", "done", *REASON)]
    ended = [behind.run(*command) for command in commands]

    assert [each.status for each in ended] == [5, 5, 5]
    assert all(
        "`reconciler state restore -e local --reason TEXT`" in each.err and "serial" in each.err for each in ended
    )
    assert behind.run("plan", "--json").document["error"]["code"] == "StaleError"
    assert behind.run("state", "list").status == 0
    assert len(behind.ledger()) == 12


def test_a_deleted_state_stops_an_apply_before_everything_is_sent_again(project: Project) -> None:
    project.run("apply", "--yes")
    project.state_file.unlink()
    ended = project.run("apply", "--yes")
    nothing = project.run("state", "restore", *REASON)

    assert (ended.status, nothing.status) == (5, 1)
    assert "The state is gone" in ended.err
    assert "--empty" in nothing.err
    assert len(project.ledger()) == 12


def test_a_restored_backup_is_decided_upon_and_the_work_goes_on(behind: Project) -> None:
    behind.state_file.unlink()
    restored = behind.run("state", "restore", "backup.json", *REASON)
    assert (restored.status, "11 entries" in restored.out) == (0, True)
    assert behind.run("plan", "--json").document["summary"]["undecided"] == 12
    assert behind.run("apply", "--yes").status == 7
    assert len(behind.ledger()) == 12
    known = behind.run("state", "resolve", CHARGE, "--as", "done", "--ids", "2c98", "--reason", "seen in Revenue")
    others = behind.run("state", "resolve", "--only", "*", "--as", "not-done", "--reason", "one apply was lost")

    assert (known.status, others.status, len(others.out.splitlines())) == (0, 0, 11)
    assert list(SchemaSet(load_schemas()).violations("state.schema.json", behind.state)) == []
    assert behind.run("plan", "--detailed-exitcode").status == 0
    assert "restored" not in behind.run("state", "list").out


def test_the_last_state_is_not_accepted_anew_unless_it_is_named(project: Project) -> None:
    project.run("apply", "--yes")
    before = project.state_file.read_bytes()
    needless = project.run("state", "restore", *REASON)

    assert (needless.status, project.state_file.read_bytes()) == (1, before)
    assert (
        ".reconciler/local.state.json is the last state that was written on this machine, serial 1. To accept it anew "
        "would make everything in it undecided. Nothing was changed." in needless.err
    )
    assert "`reconciler state restore -e local .reconciler/local.state.json --reason TEXT`" in needless.err
    named = project.run("state", "restore", ".reconciler/local.state.json", *REASON)
    assert named.status == 0
    assert "  reconciler state resolve -e local --template > decisions.yaml" in named.out
    assert "\n    then: reconciler state resolve -e local\n" in project.run("plan").out


def test_without_a_mark_the_state_that_is_there_may_be_accepted(project: Project) -> None:
    project.run("apply", "--yes")
    (project.folder / ".reconciler/local.state.json.mark").unlink()

    assert project.run("state", "restore", *REASON).status == 0


BY_HAND = {
    "restore": ("--empty",),
    "resolve": ("--only", "*", "--as", "not-done"),
    "import": ("done.csv",),
    "mv": ("Subscription/A-1@1", "Subscription/A-2@1"),
    "forget": ("Subscription/A-1@1",),
}


@pytest.mark.parametrize("verb", BY_HAND)
def test_the_state_of_production_is_changed_by_hand_only_if_its_name_is_said(project: Project, verb: str) -> None:
    command = ("state", verb, "-e", "production", *BY_HAND[verb], *REASON)
    project.write("done.csv", "address,onlyReSend,reMigrate\nSubscription/A-1@1,false,true\n")
    project.run("state", "import", "-e", "production", "done.csv", *REASON, "--confirm", "production")
    state = project.folder / "state/production.json"
    before = state.read_bytes()
    if verb == "restore":
        state.unlink()
    unnamed, wrong = project.run(*command), project.run(*command, "--confirm", "prod")

    assert (unnamed.status, wrong.status) == (1, 1)
    assert unnamed.err == (
        "error: Nobody to ask\n  There is no terminal to answer at. Nothing was changed.\n"
        "  hint: Look at its state, then give the same command with --confirm production.\n"
    )
    assert "--confirm says 'prod', and this is 'production'. Nothing was changed." in wrong.err
    assert state.exists() is (verb != "restore")
    assert verb == "restore" or state.read_bytes() == before
    assert "Nobody to ask" not in project.run(*command, "--confirm", "production").err
    seen = run_in_terminal(*command, cwd=project.folder, typed="sandbox")
    assert "This is production. Type its name, production, to change its state: " in seen.written
    assert "Not confirmed" in seen.written


def test_a_template_changes_nothing_and_needs_no_name(project: Project) -> None:
    assert project.run("state", "resolve", "-e", "production", "--template").status == 0


def test_nothing_left_of_the_state_is_an_empty_one_with_everything_undecided(project: Project) -> None:
    project.run("apply", "--yes")
    project.state_file.unlink()
    restored = project.run("state", "restore", "--empty", *REASON)
    planned = project.run("plan", "--json").document["summary"]
    template = project.run("state", "resolve", "--template").out
    project.run("state", "resolve", "--unlisted", "--as", "not-done", "--reason", "another tenant")

    assert restored.status == 0
    assert (planned["undecided"], planned["calls"]) == (12, 0)
    assert template.count("the state does not list it") == 12
    assert project.run("plan", "--json").document["summary"]["regenerate"] == 12


@pytest.mark.parametrize(("named", "told"), [(".", "it is a folder"), ("pipe", "it is not a regular file")])
def test_what_is_no_file_is_no_backup_and_says_nothing_of_the_state(behind: Project, named: str, told: str) -> None:
    os.mkfifo(behind.folder / "pipe")
    ended = behind.run("state", "restore", named, *REASON)

    assert (ended.status, ended.out) == (1, "")
    assert f"{named}: {told}.\n  hint: Name a regular file" in ended.err
    assert "whole" not in ended.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("restore",),
        ("restore", "backup.json", "--empty", *REASON),
        ("restore", "nowhere.json", *REASON),
        ("resolve", "--unlisted", "--as", "done", *REASON),
        ("resolve", "--unlisted", "--as", "not-done", *REASON),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(behind: Project, arguments: tuple[str, ...]) -> None:
    before = behind.state_file.read_bytes()
    ended = behind.run("state", *arguments)

    assert ended.status in (1, 5)
    assert "Traceback" not in ended.err
    assert behind.state_file.read_bytes() == before
