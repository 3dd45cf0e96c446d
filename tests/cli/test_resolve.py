"""`state resolve` as an operator uses it: one, many by selector, many from a file; all of it or nothing."""

import json
from datetime import timedelta

import pytest
from commands import Project

from reconciler.core.timestamp import moment, timestamp

FIRST, SECOND, THIRD = (f"Subscription/A-S00000002@{version}" for version in (1, 2, 3))
CHARGE = "DynamicUsageCharge/C-00000042"


@pytest.fixture
def doubtful(project: Project) -> Project:
    """A project in which two applied calls have become doubts of long ago."""
    project.run("apply", "--yes")
    state = project.state
    for address in (THIRD, CHARGE):
        done = state["entries"][address].pop("applied")
        lost = {name: done[name] for name in ("call", "digest", "flags", "trigger", "key", "run")}
        long_ago = {"sent": "2026-01-01T00:00:00Z", "lastSent": "2026-01-01T00:00:00Z"}
        lost |= {**long_ago, "scheme": "k1", "message": "no answer"}
        state["entries"][address] = {"next_call": 0, "unsettled": [lost]}
    state["serial"] += 1
    project.state_file.write_text(json.dumps(state))
    return project


def undecided(project: Project) -> list[str]:
    changes = project.run("plan", "--json").document["changes"]
    return [change["address"] for change in changes if change["action"] == "undecided"]


def test_a_template_is_filled_in_and_settles_all_that_is_undecided(doubtful: Project) -> None:
    template = doubtful.run("state", "resolve", "--template")
    assert template.status == 0
    assert undecided(doubtful) == [CHARGE, THIRD]
    doubtful.write("blank.yaml", template.out)
    filled = template.out.replace("as: }", "as: done, ids: [2c98]}").replace("reason:", "reason: seen in Revenue  #")
    doubtful.write("decisions.yaml", filled)
    serial = doubtful.state["serial"]
    blank = doubtful.run("state", "resolve", "--from", "blank.yaml")
    settled = doubtful.run("state", "resolve", "--from", "decisions.yaml")

    assert (blank.status, settled.status) == (3, 0)
    assert "blank.yaml:2:" in blank.err
    assert settled.out.splitlines() == [f"{CHARGE}  call 0 done, 1 id", f"{THIRD}  call 0 done, 1 id"]
    assert doubtful.state["serial"] == serial + 1
    assert doubtful.state["entries"][CHARGE]["applied"]["resolution"] == "seen in Revenue"
    assert doubtful.run("plan", "--detailed-exitcode").status == 0


def test_nothing_is_written_unless_everything_can_be_settled_and_every_fault_is_told(doubtful: Project) -> None:
    doubtful.write(
        "decisions.yaml",
        "version: 1\nreason: r\ndecisions:\n"
        f"  - {{address: {THIRD}, call: 0, as: done}}\n"
        f"  - {{address: {CHARGE}, call: 4, as: done}}\n"
        f"  - {{address: {FIRST}, as: done}}\n",
    )
    before = doubtful.state_file.read_bytes()
    ended = doubtful.run("state", "resolve", "--from", "decisions.yaml")

    assert ended.status == 3
    assert "decisions.yaml:5:5" in ended.err
    assert "decisions.yaml:6:5" in ended.err
    assert "2 problems found;" in ended.err
    assert doubtful.state_file.read_bytes() == before


def test_a_selector_settles_what_is_undecided_and_nothing_else(doubtful: Project) -> None:
    others = doubtful.state["entries"][FIRST]
    words = ("--as", "not-done", "--reason", "the platform was down")
    settled = doubtful.run("state", "resolve", "--only", "type:Subscription", *words)

    assert settled.out.splitlines() == [f"{THIRD}  call 0 not done: the next call has the number 1"]
    assert undecided(doubtful) == [CHARGE]
    assert doubtful.state["entries"][FIRST] == others
    again = doubtful.run("state", "resolve", "--only", "type:Subscription", *words)
    assert (again.status, "Nothing that is selected is undecided" in again.err) == (1, True)


def test_a_decision_about_another_call_is_refused(doubtful: Project) -> None:
    words = ("--as", "done", "--reason", "r")
    wrong = doubtful.run("state", "resolve", THIRD, "--call", "1", *words)
    right = doubtful.run("state", "resolve", THIRD, "--call", "0", *words)

    assert (wrong.status, right.status) == (1, 0)
    assert "call 0 is in doubt" in wrong.err


def test_a_plan_and_a_list_show_the_number_of_the_call(doubtful: Project) -> None:
    assert "call 0 of 2026-01-01T00:00:00Z was not answered" in doubtful.run("plan").out
    assert "call 0 in doubt since 2026-01-01T00:00:00Z" in doubtful.run("state", "list").out


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (FIRST,),
        (FIRST, "--as", "done"),
        (FIRST, "--from", "d.yaml"),
        ("--from", "d.yaml", "--as", "done", "--reason", "r"),
        ("--template", "--reason", "r"),
        ("--only", "*", "--as", "done", "--reason", "r", "--ids", "2c98"),
        ("--only", "*", "--as", "done", "--reason", "r", "--call", "0"),
    ],
)
def test_what_is_not_clear_is_refused_with_a_hint(project: Project, arguments: tuple[str, ...]) -> None:
    ended = project.run("state", "resolve", *arguments)

    assert ended.status == 1
    assert "Wrong usage" in ended.err


def test_a_misspelt_exception_settles_nothing(doubtful: Project) -> None:
    before = doubtful.state_file.read_bytes()
    words = ("--as", "not-done", "--reason", "the platform was down")
    ended = doubtful.run("state", "resolve", "--only", "*", "--except", "Subscription/A-S0000002@3", *words)

    assert ended.status == 1
    assert "--except 'Subscription/A-S0000002@3' matches no declaration. Nothing was done." in ended.err
    assert doubtful.state_file.read_bytes() == before


def test_a_saved_server_error_waits_for_a_person_and_then_for_the_platform_to_forget_it(project: Project) -> None:
    """Nobody is told to apply again what the same key cannot tell."""
    project.rehearse({"name": "gone", "match": {"target": CHARGE}, "fault": {"kind": "system_error"}})
    ended = project.run("apply", "--yes", "--only", CHARGE)
    assert ended.status == 7
    assert ended.out.endswith(
        "Applied: 1 in doubt.\n1 in doubt cannot be cleared up by applying again: the same key brings the same answer. "
        "Find out what the platform did, then `reconciler state resolve -e local`.\n"
    )
    undecided = project.run("apply", "--yes", "--only", CHARGE)
    assert "find out what happened, then `reconciler state resolve -e local`." in undecided.out

    word = project.run("state", "resolve", CHARGE, "--as", "not-done", "--reason", "not in Revenue")
    (lost,) = project.state["entries"][CHARGE]["unsettled"]
    by = timestamp(moment(lost["lastSent"]) + timedelta(hours=25))
    assert word.out == (
        f"{CHARGE}  call 0 not done: the same key is sent next, if it is declared as it was; "
        f"the platform has forgotten it by {by}, and an apply "
        "before that may bring the same answer\n"
    )
    assert f"the platform has forgotten the key by {by}; an apply before that" in project.run("plan").out


def test_a_lost_answer_is_asked_for_again_with_the_same_key(project: Project) -> None:
    project.rehearse({"name": "lost", "match": {"target": CHARGE}, "when": "after", "fault": {"kind": "lost"}})
    ended = project.run("apply", "--yes", "--only", CHARGE)

    assert "Apply again within 23 h: the same key is sent, so each has one effect." in ended.out
    assert "state resolve" not in ended.out


def test_where_the_project_calls_again_after_a_server_error_it_is_said_that_apply_does(project: Project) -> None:
    project.edit("reconciler.yaml", "specs: local", "specs: local\n    after_server_error: call_again")
    project.rehearse({"name": "gone", "match": {"target": CHARGE}, "fault": {"kind": "system_error"}})
    ended = project.run("apply", "--yes", "--only", CHARGE)

    assert "Apply again: 10 minutes after the last send another call is made, as after_server_error says." in ended.out
    assert "state resolve" not in ended.out


def test_a_file_that_is_not_there_is_named(doubtful: Project) -> None:
    ended = doubtful.run("state", "resolve", "--from", "nowhere.yaml")

    assert ended.status == 3
    assert "nowhere.yaml: error: the file cannot be read" in ended.err
