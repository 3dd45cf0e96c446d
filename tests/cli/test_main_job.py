"""The main job as a user meets it: plan, apply, nothing left to do, a change, a change taken back."""

import json
import stat
from datetime import timedelta

import pytest
from commands import Project

from reconciler.core.timestamp import moment, timestamp
from reconciler.formats.schema import SchemaSet
from reconciler.workspace.schemas import load_schemas

SCHEMAS = SchemaSet(load_schemas())
FLAG_TABLE = {(False, False): (True, "N"), (False, True): (True, "Y"), (True, False): (False, "Y")}
"""(onlyReSend, reMigrate) to (overridden, regenerate_flag), as the platform documents it."""


def test_plan_apply_and_a_plan_with_nothing_to_do(project: Project) -> None:
    assert project.run("plan", "--detailed-exitcode").status == 2
    applied = project.run("apply", "--yes")
    assert applied.status == 0
    assert "Applied: 12 done." in applied.out
    assert "ids 2c98" in applied.out
    planned = project.run("plan", "--detailed-exitcode")

    assert planned.status == 0
    assert "12 unchanged" in planned.out


def test_the_demo_shows_every_type_and_every_pair_of_flags(project: Project) -> None:
    changes = project.run("plan", "--json").document["changes"]

    assert {change["address"].partition("/")[0] for change in changes} == {
        "Subscription",
        "OrderLineItem",
        "DynamicUsageCharge",
    }
    assert {tuple(change["flags"].values()) for change in changes} == set(FLAG_TABLE)


def test_every_declaration_has_exactly_one_effect_as_its_flags_say(project: Project) -> None:
    project.run("apply", "--yes")
    project.run("apply", "--yes")
    effects = project.ledger()

    assert len({effect["target"] for effect in effects}) == len(effects) == 12
    for effect in effects:
        flags = effect["onlyReSend"], effect["reMigrate"]
        assert (effect["overridden"], effect["regenerateFlag"]) == FLAG_TABLE[flags]


def test_the_ids_in_the_state_are_the_ones_of_the_platform(project: Project) -> None:
    project.run("apply", "--yes")
    recorded = {entry["applied"]["key"]: entry["applied"]["idList"] for entry in project.state["entries"].values()}

    assert recorded == {effect["idempotencyKey"]: effect["idList"] for effect in project.ledger()}


def test_other_flags_give_one_reissue_that_names_the_field_and_taking_them_back_none(project: Project) -> None:
    project.run("apply", "--yes")
    project.edit("local/corrections.yaml", "onlyReSend: false, reMigrate: false", "onlyReSend: false, reMigrate: true")
    (change,) = project.run("plan", "--json").document["changes"]

    assert (change["action"], change["address"]) == ("reissue", "Subscription/A-S00000003@2")
    assert change["fields"] == [{"field": "flags.reMigrate", "before": "false", "after": "true"}]
    assert change["place"] == "local/corrections.yaml:9:5"
    project.edit("local/corrections.yaml", "onlyReSend: false, reMigrate: true", "onlyReSend: false, reMigrate: false")
    assert project.run("plan", "--detailed-exitcode").status == 0


def test_a_row_of_a_source_is_planned_at_its_line_and_reissued_when_it_says_another_trigger(project: Project) -> None:
    project.run("apply", "--yes")
    project.write(
        "local/data/backfill.csv", "subscriptionName,subscriptionVersion,trigger\nA-S00000004,1,\nA-S00000005,2,again\n"
    )
    (change,) = project.run("plan", "--json").document["changes"]

    assert (change["action"], change["address"]) == ("reissue", "Subscription/A-S00000005@2")
    assert [field["field"] for field in change["fields"]] == ["trigger"]
    assert change["place"] == "local/data/backfill.csv:3:1"


def test_a_reissue_is_sent_once_under_a_new_key(project: Project) -> None:
    project.run("apply", "--yes")
    project.edit("local/q4-backfill.yaml", "{chargeNumber: C-00000042}", "{chargeNumber: C-00000042, trigger: again}")
    project.run("apply", "--yes")
    effects = [effect for effect in project.ledger() if effect["target"] == "DynamicUsageCharge/C-00000042"]

    assert len(effects) == len({effect["idempotencyKey"] for effect in effects}) == 2
    assert project.state["entries"]["DynamicUsageCharge/C-00000042"]["applied"]["call"] == 1


def test_removing_a_declaration_changes_nothing_but_a_count(project: Project) -> None:
    project.run("apply", "--yes")
    project.edit("local/q4-backfill.yaml", "  - {chargeNumber: C-00000042}\n", "")
    project.edit("local/q4-backfill.yaml", "dynamicUsageCharges:\n", "")
    summary = project.run("plan", "--json").document["summary"]

    assert (summary["calls"], summary["undeclared"], summary["unchanged"]) == (0, 1, 11)


def test_a_refused_target_stops_its_own_lane_only_and_ends_with_1(project: Project) -> None:
    project.edit("local/q4-backfill.yaml", "[1, 2, 3]", "[1, 99, 100]")
    applied = project.run("apply", "--yes", "--json")
    outcomes = {result["address"]: result["outcome"] for result in applied.document["results"]}

    assert applied.status == 1
    assert outcomes["Subscription/A-S00000002@1"] == "done"
    assert outcomes["Subscription/A-S00000002@99"] == "refused"
    assert outcomes["Subscription/A-S00000002@100"] == "not_started"
    assert sorted(outcomes.values()).count("done") == 10
    assert applied.document["summary"] == {"done": 10, "refused": 1, "in_doubt": 0, "undecided": 0, "not_started": 1}
    assert "refused" in project.run("state", "show", "Subscription/A-S00000002@99").out


def test_losing_everything_after_an_apply_gives_no_second_effect(project: Project) -> None:
    project.run("apply", "--yes")
    first = project.state["entries"]
    project.state_file.unlink()
    project.state_file.with_name(f"{project.state_file.name}.mark").unlink()
    project.run("apply", "--yes")

    assert len(project.ledger()) == 12
    assert {a: e["applied"]["idList"] for a, e in project.state["entries"].items()} == {
        a: e["applied"]["idList"] for a, e in first.items()
    }


def test_both_json_documents_keep_their_published_schemas(project: Project) -> None:
    project.edit("local/q4-backfill.yaml", "[1, 2, 3]", "[1, 99]")
    documents = [
        ("plan.schema.json", project.run("plan", "--json").document),
        ("apply.schema.json", project.run("apply", "--yes", "--json").document),
        ("plan.schema.json", project.run("plan", "--json").document),
        ("state.schema.json", project.state),
    ]
    project.write("local/broken.yaml", "version: 1\nversion: 1\n")
    documents.append(("plan.schema.json", project.run("plan", "--json").document))
    documents.append(("apply.schema.json", project.run("apply", "--yes", "--json").document))

    for name, document in documents:
        assert list(SCHEMAS.violations(name, document)) == []
    assert documents[-1][1]["error"]["code"] == "InvalidInput"


def test_the_schemas_would_notice_a_document_that_is_wrong(project: Project) -> None:
    document = project.run("plan", "--json").document
    del document["changes"][0]["address"]

    assert list(SCHEMAS.violations("plan.schema.json", document))


def test_only_and_except_choose_what_is_applied(project: Project) -> None:
    applied = project.run("apply", "--yes", "--only", "type:Subscription", "--except", "file:*corrections*", "--json")

    assert sorted(result["address"] for result in applied.document["results"]) == [
        "Subscription/A-S00000001@1",
        "Subscription/A-S00000002@1",
        "Subscription/A-S00000002@2",
        "Subscription/A-S00000002@3",
        "Subscription/A-S00000004@1",
        "Subscription/A-S00000005@2",
    ]


@pytest.mark.parametrize(
    ("option", "text", "near"),
    [
        ("--except", "Subscription/A-S0000001@1", "address, such as Subscription/A-S00000001@1"),
        ("--only", "file:correctons.yaml", "path, such as local/corrections.yaml"),
    ],
)
def test_a_misspelt_selector_is_warned_of_by_a_plan_and_sends_nothing(
    project: Project, option: str, text: str, near: str
) -> None:
    planned, ended = project.run("plan", option, text), project.run("apply", "--yes", option, text)
    hint = f"hint: A glob matches a whole {near}; * crosses /."

    assert (planned.status, ended.status, ended.out) == (0, 1, "")
    assert f"{option}: warning: {text!r} matches no declaration [nothing-selected]\n  {hint}" in planned.err
    assert f"{option} {text!r} matches no declaration. Nothing was done.\n  {hint}" in ended.err
    assert not project.state_file.exists()


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("state", "list")])
def test_a_project_that_is_renamed_is_another_one_and_sends_nothing(project: Project, command: tuple[str, ...]) -> None:
    """Its name is part of every key: what is in doubt would not be recognised under another."""
    project.run("apply", "--yes")
    before = project.state_file.read_bytes()
    project.edit("reconciler.yaml", "name: example-revenue", "name: example-finance")
    ended = project.run(*command)

    assert (ended.status, ended.out) == (3, "")
    assert (
        ".reconciler/local.state.json: error: the state belongs to the project 'example-revenue', not to "
        "'example-finance' [other-project]\n" in ended.err
    )
    assert "hint: Put name: example-revenue back into the project file" in ended.err
    assert project.state_file.read_bytes() == before


def test_a_state_of_before_learns_the_name_of_its_project_at_the_next_write(project: Project) -> None:
    project.run("apply", "--yes", "--only", "type:Subscription")
    old = project.state
    assert old.pop("project") == "example-revenue"
    old["serial"] += 1
    project.state_file.write_text(json.dumps(old))

    assert (project.run("plan").status, "project" in project.state) == (0, False)
    assert (project.run("apply", "--yes").status, project.state["project"]) == (0, "example-revenue")


def test_an_action_that_no_change_has_is_no_slip(project: Project) -> None:
    assert project.run("apply", "--yes", "--only", "action:resume").status == 0


def test_state_list_and_show_tell_what_is_known(project: Project) -> None:
    assert project.run("state", "list").out == ""
    project.run("apply", "--yes")
    listed = project.run("state", "list").out.splitlines()
    shown = project.run("state", "show", "Subscription/A-S00000001@1")

    assert len(listed) == 12
    for word in ("applied", "request id", "key", "digest", "ids", "2026-11-backfill"):
        assert word in shown.out
    entry = project.run("state", "show", "--json", "Subscription/A-S00000001@1").document
    assert entry == project.state["entries"]["Subscription/A-S00000001@1"]


def test_an_unknown_address_is_answered_with_the_nearest(project: Project) -> None:
    project.run("apply", "--yes")
    ended = project.run("state", "show", "Subscription/A-S0000001@1")

    assert ended.status == 1
    assert "Did you mean 'Subscription/A-S00000001@1'?" in ended.err


def test_the_state_is_private_and_one_entry_a_line(project: Project) -> None:
    project.run("apply", "--yes")
    lines = project.state_file.read_text().splitlines()

    assert stat.S_IMODE(project.state_file.stat().st_mode) == 0o600
    assert [json.loads(f"{{{line.rstrip(',')}}}") for line in lines if line.startswith('  "')]
    assert sum(line.startswith('  "') for line in lines) == 12


def test_a_plan_needs_no_credentials_and_no_network(project: Project) -> None:
    for environment in ("sandbox", "production"):
        assert project.run("plan", "-e", environment).status == 0


@pytest.mark.parametrize("arguments", [("apply",), ("apply", "--json")])
def test_without_a_terminal_and_without_yes_nothing_is_sent(project: Project, arguments: tuple[str, ...]) -> None:
    ended = project.run(*arguments)

    assert ended.status == 1
    assert "--yes" in ended.err
    assert not project.state_file.exists()


def test_production_needs_its_name_besides_yes(project: Project) -> None:
    project.edit("production/q4-backfill.yaml", "subscriptions: []", "subscriptions: [{subscriptionId: a}]")
    ended = project.run("apply", "-e", "production", "--yes")
    wrong = project.run("apply", "-e", "production", "--yes", "--confirm", "sandbox")

    assert (ended.status, wrong.status) == (1, 1)
    assert "--confirm production" in ended.err
    assert (
        "error: Another environment is confirmed\n"
        "  --confirm says 'sandbox', and this is 'production'. Nothing was sent.\n"
        "  hint: Look again which of them is meant, and name it in both places: -e and --confirm.\n"
    ) in wrong.err


def test_the_folder_of_the_project_is_found_from_above_and_by_name(project: Project) -> None:
    above = project.folder.parent

    assert project.run("plan", cwd=above).status == 0
    assert project.run("-C", str(project.folder), "plan", cwd=above.parent).status == 0
    assert project.run("plan", "-C", "specs", cwd=above).status == 0


def test_the_environment_variable_names_the_environment_and_the_option_wins(project: Project) -> None:
    variables = {"RECONCILER_ENV": "sandbox"}

    assert project.run("plan", "--json", variables=variables).document["environment"] == "sandbox"
    assert project.run("plan", "-e", "local", "--json", variables=variables).document["environment"] == "local"


def test_nothing_declared_is_not_told_as_all_done(project: Project) -> None:
    (project.folder / "local/corrections.yaml").unlink()
    project.write("local/q4-backfill.yaml", "version: 1\n")

    assert project.run("plan").out.endswith("\nNothing to do: nothing is declared.\n")


def test_a_call_that_waits_for_a_lost_one_to_land_says_until_when(project: Project) -> None:
    (project.folder / "local/corrections.yaml").unlink()
    spec = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\ntrigger: %s\ndynamicUsageCharges:\n"
    spec += "  - {chargeNumber: C-00000042}\n"
    project.write("local/q4-backfill.yaml", spec % "first")
    target = "DynamicUsageCharge/C-00000042"
    gateway = {"kind": "gateway", "status": 503, "retry_after": 900}
    project.rehearse({"name": "gone", "match": {"target": target}, "fault": gateway})
    assert project.run("apply", "--yes").status == 6
    project.rehearse()
    project.write("local/q4-backfill.yaml", spec % "second")
    (lost,) = project.state["entries"][target]["unsettled"]
    landed = timestamp(moment(lost["lastSent"]) + timedelta(minutes=10))
    plan, ended = project.run("plan"), project.run("apply", "--yes")

    assert f"not before {landed}, when what was lost can land no more" in plan.out
    assert ended.status == 6
    assert f"One of these may not leave before {landed}, when what was lost can land no more: apply again then." in (
        ended.out + ended.err
    )


def test_an_environment_without_a_name_is_not_the_default(project: Project) -> None:
    """As from a pipeline whose variable is not set."""
    for command in ("plan", "apply", "validate"):
        ended = project.run(command, "-e", "")
        assert ended.status == 1
        assert "argument -e/--environment: it is empty; name an environment, or leave it out" in ended.err
