"""The right tenant: what a person sees when credentials are of another one, and that nothing has left then."""

import json
import subprocess
import sys
import time

import pytest
from commands import Ended, Project
from tenants import CANARY, VARIABLES, Tenant, declare, sandbox
from terminal import run_in_terminal

from reconciler.formats.schema import SchemaSet
from reconciler.workspace.schemas import load_schemas

SCHEMAS = SchemaSet(load_schemas())
STATE = "state/sandbox.json"


def apply(project: Project, *arguments: str) -> Ended:
    ended = project.run("apply", "-e", "sandbox", "--yes", *arguments, variables=VARIABLES)
    assert CANARY not in ended.out + ended.err
    return ended


REFUSED = {
    ("tenant.1", 'tenant: "2"'): "Wrong tenant\n  The project file says tenant 2, and the credentials are of tenant 1.",
    ("user.1f", 'tenant: "2"'): "Wrong tenant\n  The project file says tenant 2, and the credentials are without a "
    "tenant in their scope.",
    ("tenant.1 entity.a entity.b", ""): "Entity not named\n  The credentials are good for several entities: a, b.",
    ("tenant.1 entity.a", "entity: b"): "Wrong entity\n  The project file says entity b, and the credentials are good "
    "for a.",
}


@pytest.mark.parametrize(("scope", "more"), REFUSED)
def test_credentials_that_are_not_the_configured_ones_end_with_8_before_the_first_call(
    project: Project, scope: str, more: str
) -> None:
    declare(project)
    tenant = Tenant(scope)
    with sandbox(project, tenant, more=more):
        ended = apply(project)

    assert ended.status == 8
    assert f"error: {REFUSED[scope, more]} Nothing was sent.\n  hint: " in ended.err
    assert tenant.sent == []
    assert not (project.folder / STATE).exists()


def test_what_a_killed_run_was_answered_by_an_emulator_is_not_taken_for_zuora_s_either(project: Project) -> None:
    """Its journal says so, and the document that it began with: each would do without the other."""
    latency = {"kind": "latency", "seconds": 30}
    project.rehearse({"name": "slow", "match": {"target": "Subscription/A-S00000002@1"}, "fault": latency})
    command = [sys.executable, "-m", "reconciler", "apply", "--yes"]
    with subprocess.Popen(command, cwd=project.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
        for _ in range(400):
            if any(b'"applied"' in each.read_bytes() for each in project.folder.glob(".reconciler/*.journal")):
                break
            time.sleep(0.02)
        killed.kill()
    credentials = "{client_id: {env: ID}, client_secret: {env: SECRET}}"
    api = f'{{base_url: https://rest.test.zuora.com, tenant: "12345", credentials: {credentials}}}'
    project.edit("reconciler.yaml", "{emulator: .reconciler/emulator.db}", api)

    assert project.state["platform"] == "emulator"
    assert project.run("plan").status == 8
    document = project.state
    del document["platform"]
    project.state_file.write_text(json.dumps(document))
    for beside in project.state_file.parent.glob("*.mark*"):
        beside.unlink()
    assert project.run("plan").status == 8


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("state", "list")])
def test_what_an_emulator_has_answered_is_not_taken_for_answers_of_zuora(
    project: Project, command: tuple[str, ...]
) -> None:
    """Whatever its tenant is called. Nobody answers at that address here, and nobody is asked."""
    assert project.run("apply", "--yes").status == 0
    assert project.state["platform"] == "emulator"
    credentials = "{client_id: {env: ID}, client_secret: {env: SECRET}}"
    api = f'{{base_url: https://rest.test.zuora.com, tenant: "12345", credentials: {credentials}}}'
    project.edit("reconciler.yaml", "{emulator: .reconciler/emulator.db}", api)
    verb, *rest = command
    ended = project.run(verb, *rest, variables={"ID": "x", "SECRET": "y"})

    assert (ended.status, ended.out) == (8, "")
    assert ".reconciler/local.state.json is of what an emulator has answered, and under api: stands Zuora." in (
        " ".join(ended.err.split())
    )


def test_a_state_that_has_learned_its_tenant_refuses_credentials_of_another(project: Project) -> None:
    declare(project)
    with sandbox(project, Tenant("tenant.1 entity.a")):
        assert apply(project).status == 0
    learned = json.loads((project.folder / STATE).read_bytes())
    assert (learned["tenant"], learned["entity"]) == ("1", "a")
    declare(project, trigger="again")
    other = Tenant("tenant.2 entity.a")
    with sandbox(project, other):
        ended = apply(project)

    assert ended.status == 8
    assert "error: Wrong tenant\n  The state says tenant 1, and the credentials are of tenant 2." in ended.err
    assert other.sent == []
    assert json.loads((project.folder / STATE).read_bytes()) == learned


@pytest.mark.parametrize(
    ("later", "told"),
    [
        ("tenant.2 entity.a", "A new token is of tenant 2, good for a, and the run began with one of tenant 1, good "),
        ("tenant.1 entity.b", "A new token is of tenant 1, good for b, and the run began with one of tenant 1, good "),
    ],
)
def test_a_new_token_of_another_tenant_or_entity_stops_a_run_with_8_and_keeps_what_is_done(
    project: Project, later: str, told: str
) -> None:
    declare(project)
    tenant = Tenant("tenant.1 entity.a", later, calls=1)
    with sandbox(project, tenant):
        ended = apply(project)

    assert ended.status == 8
    assert "Stopped: a new token is of another tenant or entity.\n" in ended.out
    assert told in ended.out
    assert "Applied: 1 done, 2 not started.\n" in ended.out
    assert len(tenant.sent) == 1
    state = json.loads((project.folder / STATE).read_bytes())
    assert (state["tenant"], list(state["entries"])) == ("1", ["Subscription/A-S00000001@1"])


def test_a_token_that_tells_no_tenant_is_a_warning_where_none_is_configured(project: Project) -> None:
    declare(project)
    tenant = Tenant("user.1f")
    with sandbox(project, tenant):
        ended = apply(project, "--json")

    assert ended.status == 0
    assert len(tenant.sent) == 3
    warning = "reconciler.yaml:12:5: warning: nobody can tell which tenant the credentials belong to [tenant-not-told]"
    assert ended.err.index(warning) < ended.err.index("[1/3]")
    (told,) = ended.document["warnings"]
    assert (told["code"], told["place"]) == ("tenant-not-told", "reconciler.yaml:12:5")
    assert list(SCHEMAS.violations("apply.schema.json", ended.document)) == []


PRODUCTION = "tenant_type: production"
TYPED = {"sandbox": (0, 3), "yes": (1, 0), "Sandbox": (1, 0), "": (1, 0)}


@pytest.mark.parametrize("typed", TYPED)
def test_production_is_sent_to_only_if_its_name_is_typed(project: Project, typed: str) -> None:
    declare(project)
    tenant = Tenant("tenant.1")
    with sandbox(project, tenant, more=PRODUCTION):
        seen = run_in_terminal("apply", "-e", "sandbox", "--yes", cwd=project.folder, variables=VARIABLES, typed=typed)

    assert (seen.status, len(tenant.sent)) == TYPED[typed]
    assert "This is production. Type its name, sandbox, to send: " in seen.written
    assert ("Not confirmed" in seen.written) is (seen.status == 1)


def test_production_that_a_variable_names_is_asked_for_by_the_name_of_the_variable(project: Project) -> None:
    """A variable is somebody's choice and no default, but it may have been set long ago."""
    declare(project)
    tenant = Tenant("tenant.1")
    with sandbox(project, tenant, more=PRODUCTION):
        variables = {**VARIABLES, "RECONCILER_ENV": "sandbox"}
        seen = run_in_terminal("apply", "--yes", cwd=project.folder, variables=variables, typed="no")

    assert (seen.status, tenant.sent) == (1, [])
    assert "This is production, by RECONCILER_ENV. Type its name, sandbox, to send: " in seen.written


def test_without_a_terminal_production_needs_its_name_and_no_other(project: Project) -> None:
    declare(project)
    tenant = Tenant("tenant.1")
    with sandbox(project, tenant, more=PRODUCTION):
        unnamed, wrong = apply(project), apply(project, "--confirm", "production")
        sent = len(tenant.sent)
        named = apply(project, "--confirm", "sandbox")

    assert (unnamed.status, wrong.status, sent) == (1, 1, 0)
    assert "hint: Read the plan above, then apply with --confirm sandbox." in unnamed.err
    assert "--confirm says 'production', and this is 'sandbox'." in wrong.err
    assert (named.status, len(tenant.sent)) == (0, 3)


def test_a_project_whose_only_environment_is_production_needs_its_name_for_every_command(project: Project) -> None:
    text = (project.folder / "reconciler.yaml").read_text()
    head, rest = "version: 1\nname: example-revenue\nenvironments:\n", text.partition("  production:\n")[2]
    project.write("reconciler.yaml", f"{head}  production:\n{rest}")
    unnamed, named = project.run("plan"), project.run("plan", "-e", "production")

    assert (unnamed.status, named.status) == (1, 0)
    assert "error: Production is never the default\n" in unnamed.err
    assert project.run("plan", variables={"RECONCILER_ENV": "production"}).status == 0
