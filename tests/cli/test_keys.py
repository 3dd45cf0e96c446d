"""A key map, from the specs of the sandbox to the objects of another tenant, with the text a person sees."""

import json
from typing import Any

import pytest
from commands import Ended, Project
from two_tenants import ONE, OTHER, state_of, with_production

from reconciler.emulator.database import open_database
from reconciler.emulator.fault_rules import load_faults

APPLY = ("apply", "-e", "production", "--yes")
PLAN = ("plan", "-e", "production", "--detailed-exitcode")
HEAD = "field,as_written,in_tenant\n"
MAP = f"{HEAD}subscriptionName,A-S00000001,A-S00000011\nsubscriptionName,A-S00000002,A-S00000012\n"
FIRST, SECOND = "Subscription/A-S00000011@1", "Subscription/A-S00000012@1"


@pytest.fixture
def mapped(project: Project) -> Project:
    """Sandbox with two declarations, and a production in which both subscriptions have other numbers."""
    with_production(project)
    project.edit("reconciler.yaml", "specs: production\n", "specs: production\n    keys: keys/production.csv\n")
    project.write("keys/production.csv", MAP)
    assert project.run("apply", "-e", "sandbox", "--yes").status == 0
    return project


def targets(project: Project, environment: str = "production") -> list[str]:
    """What the platform has regenerated, in order."""
    database = project.folder / f".reconciler/{environment}.db"
    if not database.exists():
        return []
    found: list[dict[str, Any]] = project.run("emulator", "ledger", "--json", "--db", str(database)).document
    return [each["target"] for each in found]


def errors(ended: Ended) -> list[str]:
    return [line for line in ended.err.splitlines() if ": error: " in line]


def test_calls_go_to_the_objects_of_the_tenant_and_the_state_knows_them_as_declared(mapped: Project) -> None:
    plan = mapped.run(*PLAN)

    assert plan.status == 2
    assert f"+ {ONE}" in plan.out
    assert f"sent as {FIRST}" in plan.out
    assert mapped.run(*APPLY).status == 0
    assert targets(mapped, "sandbox") == ["Subscription/A-S00000001@1", "Subscription/A-S00000002@1"]
    assert targets(mapped) == ["Subscription/A-S00000011@1", "Subscription/A-S00000012@1"]
    entries = state_of(mapped, "production")["entries"]
    assert {address: each["applied"]["target"] for address, each in entries.items()} == {ONE: FIRST, OTHER: SECOND}
    assert mapped.run(*PLAN).status == 0
    assert f"    sent as     {FIRST}" in mapped.run("state", "show", "-e", "production", ONE).out.splitlines()


def test_the_json_of_a_plan_says_what_is_sent(mapped: Project) -> None:
    changes = mapped.run("plan", "-e", "production", "--json").document["changes"]

    assert [(each["address"], each["target"]) for each in changes] == [(ONE, FIRST), (OTHER, SECOND)]


def test_another_number_in_the_map_sends_once_more_and_says_why(mapped: Project) -> None:
    assert mapped.run(*APPLY).status == 0
    mapped.edit("keys/production.csv", "A-S00000012", "A-S00000013")
    plan = mapped.run(*PLAN)

    assert plan.status == 2
    assert f"key map: {SECOND} -> Subscription/A-S00000013@1" in plan.out
    assert "1 call to the platform (1 reissue)" in plan.out
    assert mapped.run(*APPLY).status == 0
    assert targets(mapped)[2:] == ["Subscription/A-S00000013@1"]


def test_a_reviewed_plan_is_stale_once_the_map_says_otherwise(mapped: Project) -> None:
    assert mapped.run("plan", "-e", "production", "--out", "plan.json").status == 0
    plan_id = json.loads((mapped.folder / "plan.json").read_bytes())["plan_id"]
    mapped.edit("keys/production.csv", "A-S00000012", "A-S00000013")
    saved, expected = mapped.run(*APPLY, "plan.json"), mapped.run(*APPLY, "--expect", plan_id)

    assert (saved.status, expected.status) == (5, 5)
    said = f"the key map: {OTHER} is sent as Subscription/A-S00000013@1 now, and the plan says {SECOND}."
    assert said in saved.err.replace("\n", " ")
    assert targets(mapped) == []
    mapped.edit("keys/production.csv", "A-S00000013", "A-S00000012")
    assert mapped.run(*APPLY, "plan.json").status == 0
    assert targets(mapped) == ["Subscription/A-S00000011@1", "Subscription/A-S00000012@1"]


def test_an_approval_of_which_something_is_left_holds_for_the_reviewed_object_only(mapped: Project) -> None:
    assert mapped.run("plan", "-e", "production", "--out", "plan.json").status == 0
    assert mapped.run(*APPLY, "plan.json", "--max-calls", "1").status == 6
    (approval,) = state_of(mapped, "production")["approvals"]
    assert approval["calls"][OTHER][2:] == [SECOND]
    mapped.edit("keys/production.csv", "A-S00000012", "A-S00000013")

    assert mapped.run(*APPLY, "--expect", approval["plan"]).status == 5
    mapped.edit("keys/production.csv", "A-S00000013", "A-S00000012")
    assert mapped.run(*APPLY, "--expect", approval["plan"]).status == 0
    assert targets(mapped) == ["Subscription/A-S00000011@1", "Subscription/A-S00000012@1"]


def test_a_lost_answer_is_asked_for_again_under_the_key_of_the_mapped_object(mapped: Project) -> None:
    database = str(mapped.folder / ".reconciler/production.db")
    open_database(database).close()
    cut = {"name": "cut", "match": {"target": SECOND}, "times": 1, "when": "after", "fault": {"kind": "lost"}}
    load_faults(database, {"version": 1, "rules": [cut]})

    assert mapped.run(*APPLY).status == 0
    assert sorted(targets(mapped)) == ["Subscription/A-S00000011@1", "Subscription/A-S00000012@1"]


def test_a_number_that_is_not_mapped_is_refused_at_its_place(mapped: Project) -> None:
    mapped.write("keys/production.csv", MAP.replace("subscriptionName,A-S00000002,A-S00000012\n", ""))
    place, what = "production/q4-backfill.yaml:6:5", "does not map subscriptionName 'A-S00000002' [not-mapped]"
    for command in (PLAN, APPLY, ("validate", "-e", "production"), ("validate",)):
        ended = mapped.run(*command)
        assert ended.status == 3
        assert errors(ended) == [f"{place}: error: keys/production.csv {what}"]
    assert targets(mapped) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (None, "keys/production.csv: error: the key map cannot be read: No such file or directory [unreadable]"),
        (
            f"{MAP}subscriptionName,A-S00000003,A-S00000011\n",
            "keys/production.csv:4:30: error: in_tenant 'A-S00000011' stands twice [mapped-twice]",
        ),
        (
            MAP.replace("field", "felid"),
            "keys/production.csv:1:1: error: the column field is missing [missing-field]",
        ),
    ],
)
def test_a_map_that_cannot_be_used_is_told_with_its_place(mapped: Project, content: str | None, told: str) -> None:
    if content is None:
        (mapped.folder / "keys/production.csv").unlink()
    else:
        mapped.write("keys/production.csv", content)
    for command in (PLAN, ("validate", "-e", "production")):
        ended = mapped.run(*command)
        assert ended.status == 3
        assert errors(ended)[0] == told


def test_a_map_that_is_not_there_is_told_with_how_one_looks(mapped: Project) -> None:
    (mapped.folder / "keys/production.csv").unlink()
    like = "It begins with field,as_written,in_tenant; below, for example: subscriptionName,A-S00000001,P-00000007"

    assert f"hint: Put a regular file there. {like}\n" in mapped.run(*PLAN).err


def test_a_map_behind_a_link_out_of_the_project_is_not_read(mapped: Project) -> None:
    outside = mapped.folder.parent / "keys.csv"
    outside.write_text(MAP)
    (mapped.folder / "keys/production.csv").unlink()
    (mapped.folder / "keys/production.csv").symlink_to(outside)
    ended = mapped.run(*PLAN)

    assert ended.status == 3
    assert "the key map cannot be read: it leads out of the project folder" in ended.err


def test_promotion_leaves_out_what_the_map_of_the_later_environment_lacks(mapped: Project) -> None:
    mapped.write("production/q4-backfill.yaml", "version: 1\n")
    mapped.write("keys/production.csv", MAP.replace("subscriptionName,A-S00000002,A-S00000012\n", ""))
    promoted = mapped.run("promote", "--from", "sandbox", "--to", "production")

    assert promoted.status == 0
    assert "1 declaration promoted from sandbox to production, 0 there already, 1 left out:" in promoted.err
    assert f"{OTHER}  keys/production.csv does not map subscriptionName 'A-S00000002'" in promoted.err
    assert mapped.run(*PLAN).status == 2


def test_what_was_done_by_hand_is_known_as_done_to_the_object_of_the_tenant(mapped: Project) -> None:
    mapped.write("done.csv", f"address,onlyReSend,reMigrate\n{ONE},false,true\n{OTHER},false,true\n")
    assert mapped.run("state", "import", "-e", "production", "done.csv", "--reason", "by hand").status == 0

    assert mapped.run(*PLAN).status == 0
