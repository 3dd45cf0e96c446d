"""The history of a state, and what people do to a state, as the command line shows it."""

import json
import subprocess
import sys

import pytest
from commands import Project

from reconciler.formats.schema import SchemaSet
from reconciler.workspace.schemas import load_schemas

FIRST = "Subscription/A-S00000001@1"
NEW = "Subscription/A-S00000077@1"
HEADER = "address,onlyReSend,reMigrate,trigger,ids,at\n"


@pytest.fixture
def done(project: Project) -> Project:
    """A project of which one declaration is applied."""
    applied = project.run("apply", "--yes", "--only", FIRST, variables={"GITHUB_ACTOR": "octocat"})
    assert applied.status == 0, applied.err
    return project


def test_every_run_is_listed_with_who_what_and_how_it_ended(done: Project) -> None:
    done.run("state", "forget", FIRST, "--reason", "a rehearsal")
    first, second = done.run("state", "history").out.splitlines()

    assert "  apply    p1-" in first
    assert first.endswith("1 call: 1 done  [octocat]")
    assert "  forget   1 entry: a rehearsal  [" in second


def test_one_run_is_shown_with_its_plan_and_what_the_state_tells_of_it(done: Project) -> None:
    (run,) = done.run("state", "history", "--json").document
    shown = done.run("state", "history", run["run"])

    assert shown.out.splitlines()[0] == run["run"]
    assert f"  plan        {run['plan']}" in shown.out
    assert shown.out.endswith(f"what the state still tells of it:\n  {FIRST}\n")
    assert list(done.run("state", "history", run["run"], "--json").document["entries"]) == [FIRST]
    assert "The state knows no run 'nope'." in done.run("state", "history", "nope").err


def test_a_rewritten_past_is_noticed(done: Project) -> None:
    document = done.state_file.read_text()
    done.state_file.write_text(document.replace('"who": "octocat"', '"who": "someone"'))
    ended = done.run("plan")

    assert ended.status == 3
    assert "the history of runs is not what it was" in ended.err
    assert "[history-rewritten]" in ended.err


def test_a_past_that_was_cut_is_noticed_where_it_was_written(done: Project) -> None:
    document = done.state
    document["serial"] += 1
    del document["history"]
    done.state_file.write_text(json.dumps(document))
    ended = done.run("plan")

    assert ended.status == 5
    assert "The history was rewritten" in ended.err


def test_a_cut_past_is_not_listed_as_if_it_were_whole(done: Project) -> None:
    done.run("state", "forget", FIRST, "--reason", "r")
    document = done.state
    document["serial"] += 1
    del document["history"][-1]
    done.state_file.write_text(json.dumps(document))
    ended = done.run("state", "history")

    assert (ended.status, ended.out) == (5, "")
    assert "The history was rewritten" in ended.err


def test_a_run_that_calls_are_of_and_the_history_does_not_tell_of_is_named(done: Project) -> None:
    """As on a machine that has not written the state: there is no mark."""
    other = done.run("apply", "--yes")
    assert other.status == 0, other.err
    document = done.state
    gone = document["history"].pop()
    done.state_file.write_text(json.dumps(document))
    for beside in done.state_file.parent.glob("*.mark*"):
        beside.unlink()
    ended = done.run("state", "history")

    assert ended.status == 0
    assert ended.err.splitlines() == [
        f"warning: .reconciler/local.state.json: calls are of run {gone['run']}, which the history does not tell of"
    ]


def test_a_row_that_is_declared_otherwise_is_adopted_and_told(done: Project) -> None:
    done.write("by-hand.csv", f"{HEADER}Subscription/A-S00000002@1,true,false,,,\n")
    ended = done.run("state", "import", "by-hand.csv", "--reason", "r")

    assert (ended.status, ended.out) == (0, "Adopted 1 row.\n")
    assert ended.err == (
        "by-hand.csv:2:1: warning: Subscription/A-S00000002@1 was done otherwise than it is declared now, "
        "and so is planned again\n"
    )


def test_a_row_that_is_not_declared_is_adopted_and_told_with_the_address_that_may_be_meant(done: Project) -> None:
    rows = [f"Subscription/A-S0000{number}@1,false,true,,,\n" for number in ("0009", *range(900, 911))]
    done.write("by-hand.csv", f"{HEADER}{''.join(rows)}")
    ended = done.run("state", "import", "by-hand.csv", "--reason", "r")
    told = ended.err.splitlines()

    assert (ended.status, ended.out) == (0, "Adopted 12 rows.\n")
    assert told[0] == (
        "warning: 12 rows are of addresses that are not declared: what is declared under another name is planned all "
        "the same"
    )
    assert told[1:3] == [
        "by-hand.csv:2:1: warning: Subscription/A-S00000009@1 is not declared",
        "  hint: Did you mean 'Subscription/A-S00000004@1'?",
    ]
    assert told[-1] == "and 2 more rows of that kind"


def test_a_row_without_a_trigger_has_the_one_that_is_declared_and_else_none(done: Project) -> None:
    declared, new = "Subscription/A-S00000002@1", "Subscription/A-S00000777@1"
    done.write("by-hand.csv", f"{HEADER}{declared},false,true,,,\n{new},false,true,,,\n")
    assert done.run("state", "import", "by-hand.csv", "--reason", "r").status == 0

    entries = done.state["entries"]
    assert entries[declared]["applied"]["trigger"] == "2026-11-backfill"
    assert entries[new]["applied"]["trigger"] is None


def test_what_a_spec_says_moves_no_cursor_when_an_entry_is_shown(done: Project) -> None:
    document = done.state
    document["entries"][FIRST]["applied"]["trigger"] = "a\x1b[2Jb\nc"
    done.state_file.write_text(json.dumps(document))
    for beside in done.state_file.parent.glob("*.mark*"):
        beside.unlink()

    shown = done.run("state", "show", FIRST).out
    assert "\x1b" not in shown
    assert any(line.startswith("    trigger     a\\") for line in shown.splitlines())


def test_what_was_done_by_hand_is_adopted_and_never_sent(done: Project) -> None:
    calls = done.run("plan", "--json").document["summary"]["calls"]
    change = next(each for each in done.run("plan", "--json").document["changes"] if each["action"] == "regenerate")
    flags = ",".join(str(each).lower() for each in change["flags"].values())
    done.write("by-hand.csv", f"{HEADER}{change['address']},{flags},,2c98 2c99,2026-11-01T10:00:00Z\n")
    adopted = done.run("state", "import", "by-hand.csv", "--reason", "regenerated in the UI")
    again = done.run("state", "import", "by-hand.csv", "--reason", "regenerated in the UI")

    assert adopted.out == "Adopted 1 row.\n"
    assert again.out == "Adopted 0 rows; of 1 more the state says the same already.\n"
    assert done.run("plan", "--json").document["summary"]["calls"] == calls - 1
    known = done.state["entries"][change["address"]]["applied"]
    assert (known["idList"], known["resolution"]) == (["2c98", "2c99"], "imported: regenerated in the UI")
    assert [run.get("act") for run in done.state["history"]] == [None, "import"]
    assert list(SchemaSet(load_schemas()).violations("state.schema.json", done.state)) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEADER, "the file has no rows [no-rows]"),
        ("", "the file has no rows [no-rows]"),
        ("address\n", "the column onlyReSend is missing [missing-field]"),
        (f"{HEADER[:-1]},notes\n", "there is no column 'notes' [unknown-key]"),
        (f"{HEADER}{FIRST},false\n", "the row has 2 cells, and the header 6 [wrong-cell-count]"),
        (f"{HEADER}Subscripton/A@1,false,true,,,\n", "is the address of no target [not-an-address]"),
        (f"{HEADER}{FIRST},no,true,,,\n", "onlyReSend must be true or false, not 'no' [not-a-boolean]"),
        (f"{HEADER}{FIRST},true,true,,,\n", "cannot both be true [flags-exclude-each-other]"),
        (f"{HEADER}{FIRST},false,true,,,yesterday\n", "at must be a time such as 2026-11-22T10:00:00Z"),
        (f'{HEADER}"{FIRST}"x,false,true,,,\n', "[bad-quote]"),
        (f"{HEADER}{'A' * 140_000},false,true,,,\n", "by-hand.csv:2:1: error: a cell has more than 131,072 characters"),
    ],
)
def test_a_row_that_cannot_be_read_is_named_and_nothing_is_adopted(done: Project, text: str, said: str) -> None:
    before = done.state_file.read_bytes()
    done.write("by-hand.csv", text)
    ended = done.run("state", "import", "by-hand.csv", "--reason", "r")

    assert ended.status == 3
    assert said in ended.err
    assert "Traceback" not in ended.err
    assert done.state_file.read_bytes() == before


def test_a_declaration_that_is_renamed_is_followed(done: Project) -> None:
    moved = done.run("state", "mv", FIRST, NEW, "--reason", "renumbered")

    assert moved.status == 0
    assert NEW in done.state["entries"]
    assert "applied" not in done.state["entries"][FIRST]
    assert done.state["entries"][NEW]["applied"]["resolution"] == f"moved from {FIRST}: renumbered"


def test_what_is_forgotten_stays_so_although_a_run_had_broken_off(done: Project) -> None:
    """Its journal knows of the call that is forgotten, and is read no more."""
    done.rehearse(
        {"name": "slow", "match": {"target": "OrderLineItem/O-00000007#1"}, "fault": {"kind": "latency", "seconds": 30}}
    )
    command = [sys.executable, "-m", "reconciler", "apply", "--yes"]
    with subprocess.Popen(
        command, cwd=done.folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as run:
        assert run.stdout is not None
        lines = iter(run.stdout.readline, "")
        assert any("done  Subscription/A-S00000002@1" in line for line in lines)
        run.kill()
    done.run("state", "forget", "Subscription/A-S00000002@1", "--reason", "again")

    assert "applied" not in done.run("state", "show", "Subscription/A-S00000002@1").out
    assert "applied" not in done.state["entries"]["Subscription/A-S00000002@1"]


@pytest.mark.parametrize("verb", ["import", "mv", "forget"])
def test_each_of_them_wants_a_reason(done: Project, verb: str) -> None:
    arguments = {"import": ["x.csv"], "mv": [FIRST, NEW], "forget": [FIRST]}[verb]

    assert "--reason" in done.run("state", verb, *arguments).err
    done.write("x.csv", f"{HEADER}{FIRST},false,true,,,\n")
    assert "The reason is kept in the state" in done.run("state", verb, *arguments, "--reason", " ").err
