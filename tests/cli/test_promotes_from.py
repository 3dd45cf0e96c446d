"""Production asks for what sandbox has shown: refused or marked, in plan and apply, with the text a person sees."""

import json
from datetime import UTC, datetime, timedelta
from time import sleep

import pytest
from commands import Project
from two_tenants import ONE, OTHER, TWO, state_of, with_production

from reconciler.core.timestamp import timestamp

SANDBOX = ("apply", "-e", "sandbox", "--yes")
PRODUCTION = ("apply", "-e", "production", "--yes")
PLAN = ("plan", "-e", "production", "--detailed-exitcode")


def test_what_sandbox_has_applied_may_go_to_production(project: Project) -> None:
    with_production(project)

    assert project.run(*SANDBOX).status == 0
    assert project.run(*PLAN).status == 2
    assert project.run(*PRODUCTION).status == 0
    assert project.run(*PLAN).status == 0


def test_each_declaration_without_proof_is_named_with_its_reason_and_nothing_is_sent(project: Project) -> None:
    with_production(project)
    assert project.run(*SANDBOX, "--only", ONE).status == 0

    plan, applied = project.run(*PLAN), project.run(*PRODUCTION)

    assert (plan.status, applied.status) == (9, 9)
    assert plan.out.splitlines()[1:3] == [
        (
            f"  ! promotes_from refuses this plan: 1 of 2 new calls not proven in sandbox: {OTHER} "
            "[production/q4-backfill.yaml:6:5] it was never applied there."
        ),
        "    Apply them in sandbox first, or leave them out with --except.",
    ]
    shown = plan.out.splitlines()
    (told,) = [number for number, line in enumerate(shown) if f"+ {OTHER}  new  " in line]
    assert shown[told + 1].strip() == "not proven in sandbox: it was never applied there"
    assert plan.out.count("not proven in sandbox: it was never") == 1
    assert "A guardrail refuses" in applied.err
    assert "Nothing was sent." in applied.err
    assert not (project.folder / "state/production.json").exists()
    assert project.run(*PRODUCTION, "--except", OTHER).status == 0


def test_a_person_s_word_in_sandbox_proves_nothing(project: Project) -> None:
    with_production(project)
    assert project.run(*SANDBOX).status == 0
    state = state_of(project, "sandbox")
    state["entries"][ONE]["applied"]["resolution"] = "looked it up"
    state["serial"] += 1
    project.write("state/sandbox.json", json.dumps(state))

    assert "a person's word and no answer of the platform: looked it up." in project.run(*PLAN).out


def test_an_emulator_proves_nothing_unless_the_project_file_says_so(project: Project) -> None:
    with_production(project, "sandbox")
    assert project.run(*SANDBOX).status == 0
    plan = project.run(*PLAN)

    assert plan.status == 9
    assert "an emulator has answered there, and accept_emulator is not set" in plan.out


def test_what_is_only_to_be_marked_is_planned_and_warned_of(project: Project) -> None:
    with_production(project, "{environment: sandbox, accept_emulator: true, proof: marked}")
    assert project.run(*SANDBOX, "--only", ONE).status == 0
    plan = project.run(*PLAN)

    assert plan.status == 2
    assert "1 of 2 new calls not proven in sandbox [not-proven]" in plan.err
    assert "not proven in sandbox: it was never applied there" in plan.out
    assert project.run(*PRODUCTION).status == 0


def test_without_the_state_of_sandbox_production_cannot_be_planned(project: Project) -> None:
    with_production(project)
    plan = project.run(*PLAN)

    assert plan.status == 3
    assert "reconciler.yaml:13:20: error: sandbox has no state: state/sandbox.json is not there" in plan.err
    assert plan.out == ""


def test_a_state_of_sandbox_that_cannot_be_read_is_told_with_its_place(project: Project) -> None:
    with_production(project)
    project.write("state/sandbox.json", "{")
    plan = project.run(*PLAN)

    assert plan.status == 3
    assert "state/sandbox.json:1:2: error:" in plan.err


def test_a_production_that_has_nothing_to_send_needs_no_state_of_sandbox(project: Project) -> None:
    with_production(project)
    assert project.run(*SANDBOX).status == project.run(*PRODUCTION).status == 0
    (project.folder / "state/sandbox.json").unlink()

    assert project.run(*PLAN).status == 0


def test_a_proof_must_have_soaked(project: Project) -> None:
    with_production(project, "{environment: sandbox, accept_emulator: true, soak: 2d}")
    assert project.run(*SANDBOX).status == 0
    plan = project.run(*PLAN)

    assert plan.status == 9
    assert ", and counts from " in plan.out


def test_a_refresh_of_sandbox_voids_its_entries_and_its_proofs(project: Project) -> None:
    with_production(project)
    assert project.run(*SANDBOX).status == 0
    before = state_of(project, "sandbox")["entries"][ONE]["applied"]
    refreshed_at = timestamp(datetime.now(UTC) + timedelta(seconds=1))
    with_production(project, sandbox=f'refreshed_at: "{refreshed_at}"')
    while timestamp(datetime.now(UTC)) < refreshed_at:
        sleep(0.1)
    void = f"refreshed {refreshed_at}"

    assert f"before the refresh of {refreshed_at}" in project.run(*PLAN).out
    plan = project.run("plan", "-e", "sandbox")
    assert plan.out.count(f"sandbox was refreshed at {refreshed_at}: what was before is void") == 2
    assert project.run("state", "list", "-e", "sandbox").out.count(f"; void: {void}") == 2
    assert f"void: {void}; what ended before that does not count" in project.run("state", "show", ONE).out
    assert project.run(*SANDBOX).status == 0
    after = state_of(project, "sandbox")["entries"][ONE]["applied"]
    assert (before["call"], after["call"]) == (0, 1)
    assert before["key"] != after["key"]
    assert project.run("plan", "-e", "sandbox", "--detailed-exitcode").status == 0
    assert "void" not in project.run("state", "list", "-e", "sandbox").out
    assert project.run(*PLAN).status == 2


def test_the_state_of_another_tenant_or_entity_is_no_proof(project: Project) -> None:
    with_production(project)
    assert project.run(*SANDBOX).status == 0
    secret = "{env: NOT_SET}"
    api = (
        "{base_url: https://rest.test.zuora.com, tenant: '12345', entity: e-1, "
        f"credentials: {{client_id: {secret}, client_secret: {secret}}}}}"
    )
    project.edit("reconciler.yaml", "{emulator: .reconciler/sandbox.db}", api)

    def planned(tenant: str | None, entity: str | None) -> tuple[int, list[str]]:
        state = state_of(project, "sandbox")
        told = {"tenant": tenant, "entity": entity, "platform": "zuora", "serial": state["serial"] + 1}
        project.write("state/sandbox.json", json.dumps({**state, **told}))
        plan = project.run(*PLAN)
        return plan.status, plan.err.splitlines()[:3]

    def other(said: str) -> tuple[int, list[str]]:
        head = "reconciler.yaml:13:20: error: the state of sandbox is of another tenant or entity [other-tenant]"
        hint = "  hint: Get the right document for state/sandbox.json."
        return 3, [head, f"  state/sandbox.json says {said}.", hint]

    assert planned("12345", "e-1") == (2, [])
    assert planned("12345", "e-2") == other("entity 'e-2', and 'e-1' is expected")
    assert planned("67890", "e-1") == other("tenant '67890', and '12345' is expected")
    assert planned("12345", None) == other("no entity, and 'e-1' is expected")
    assert planned(None, None) == (2, [])


def test_a_refresh_that_is_still_to_come_is_refused(project: Project) -> None:
    with_production(project, sandbox='refreshed_at: "2126-11-20T18:00:00Z"')
    plan = project.run("plan", "-e", "sandbox")

    assert plan.status == 3
    assert "reconciler.yaml:6:5: error: sandbox is said to have been refreshed at 2126-11-20T18:00:00Z" in plan.err


@pytest.mark.parametrize("field", ["flags", "trigger"])
def test_what_sandbox_has_applied_with_something_else_is_no_proof(project: Project, field: str) -> None:
    with_production(project)
    assert project.run(*SANDBOX).status == 0
    other = {"flags": ("reMigrate: true", "reMigrate: false"), "trigger": ("2026-11-backfill", "2026-12-backfill")}
    project.write("production/q4-backfill.yaml", TWO.replace(*other[field]))
    plan = project.run(*PLAN)

    assert plan.status == 9
    assert "2 of 2 new calls not proven in sandbox" in plan.out
    assert f"it was applied there with something else ({field}" in plan.out
