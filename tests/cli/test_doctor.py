"""`doctor`: what would be used and from where, what of it works; it regenerates nothing and tells no secret."""

import json
import re
import subprocess
import time
from collections.abc import Iterator
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from canned_server import canned, http
from commands import Ended, Project
from emulator_harness import process
from tenants import CANARY, VARIABLES, Tenant, configure, declare, sandbox
from two_tenants import with_production

from reconciler.core.journal import Opened
from reconciler.core.timestamp import Timestamp
from reconciler.emulator.ledger import read_ledger
from reconciler.formats.journal import opening_line
from reconciler.formats.schema import SchemaSet
from reconciler.stores.journal import FileJournals
from reconciler.stores.lock import held
from reconciler.workspace.schemas import load_schemas

SCHEMAS = SchemaSet(load_schemas())
ALL = ["project", "specs", "credentials", "tenant", "clock", "limits"]
ALL += ["state", "mark", "journals", "lock", "folder", "keeping"]
STATE = "state/sandbox.json"


def examine(project: Project, *arguments: str, variables: dict[str, str] | None = None) -> Ended:
    """Run doctor with --json; its document keeps its schema, its exit status, and every secret."""
    ended = project.run("doctor", *arguments, "--json", variables=VARIABLES | (variables or {}))
    assert list(SCHEMAS.violations("doctor.schema.json", ended.document)) == []
    assert ended.document["exit_status"] == ended.status
    assert CANARY not in ended.out + ended.err
    return ended


def checks(ended: Ended) -> dict[str, Any]:
    return {check["name"]: check for check in ended.document["checks"]}


def facts(ended: Ended) -> dict[str, tuple[str, str]]:
    return {fact["name"]: (fact["value"], fact["origin"]) for fact in ended.document["facts"]}


def not_ok(ended: Ended) -> dict[str, str]:
    return {name: check["verdict"] for name, check in checks(ended).items() if check["verdict"] != "ok"}


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts}


@pytest.fixture
def tenant(project: Project) -> Iterator[Tenant]:
    """The sandbox of *project*, by the platform's right clock."""
    declare(project)
    tenant = Tenant("tenant.1 entity.a", headers=(f"Date: {formatdate(usegmt=True)}",))
    with sandbox(project, tenant, more='tenant: "1"'):
        yield tenant


def test_a_new_project_is_well_and_nothing_is_regenerated(project: Project) -> None:
    ended = project.run("doctor")

    assert ended.status == 0
    assert ended.out.endswith("\nNothing failed, 0 warnings. Nothing was regenerated.\n")
    assert project.ledger() == []
    assert not project.state_file.exists()


def test_every_check_has_a_line_of_text_and_an_entry_in_the_document(project: Project) -> None:
    text, document = project.run("doctor").out, examine(project)

    assert list(checks(document)) == ALL
    for name, check in checks(document).items():
        assert f"  {check['verdict']:<7}  {name:<11}  {check['found']}" in text
    for name, (value, _) in facts(document).items():
        assert re.search(rf"^  {name} +{re.escape(value)}", text, re.MULTILINE), name


def test_of_a_tenant_only_a_token_is_asked_for_and_the_project_stays_as_it_is(project: Project, tenant: Tenant) -> None:
    before = files_of(project.folder)
    ended = examine(project, "-e", "sandbox")

    assert (ended.status, not_ok(ended)) == (0, {"keeping": "warning"})
    assert tenant.asked == ["POST /oauth/token HTTP/1.1"]
    assert files_of(project.folder) == before


def test_a_real_emulator_has_nothing_in_its_ledger_afterwards(project: Project, tmp_path: Path) -> None:
    declare(project)
    database = tmp_path / "world.db"
    with process(database) as (_, emulator):
        configure(project, emulator.url, more='tenant: "12345"')
        ended = examine(project, "-e", "sandbox")
        known = read_ledger(str(database))
        applied = project.run("apply", "-e", "sandbox", "--yes", variables=VARIABLES)

    assert (ended.status, known) == (0, ())
    assert checks(ended)["tenant"]["verdict"] == "ok"
    assert (applied.status, len(read_ledger(str(database)))) == (0, 3)


def test_what_limits_an_apply_is_told_with_its_place(project: Project) -> None:
    project.edit(
        "reconciler.yaml",
        "specs: local\n",
        "specs: local\n    guardrails:\n      max_calls: 5\n      allow:\n"
        '        - {rule: max_calls, for: "Subscription/*", reason: REV-1, until: "2099-12-31"}\n'
        "    signing_key: {env: PROOF_KEY}\n",
    )
    told = facts(examine(project))

    assert told["guardrails"][0] == "max_calls 5"
    assert told["guardrails"][1].startswith("reconciler.yaml:")
    assert told["allow"][0] == "max_calls for Subscription/* to 2099-12-31: REV-1"
    assert told["signing_key"][0] == "from the variable PROOF_KEY, which is not set"
    assert told["promotes_from"] == ("none: what is declared is sent", "built in")
    assert told["after_server_error"] == ("undecided", "built in")


def test_what_is_asked_of_the_environment_before_is_told_as_far_as_it_is_said(project: Project) -> None:
    def told(promotes_from: str) -> tuple[str, str]:
        with_production(project, promotes_from)
        return facts(examine(project, "-e", "production"))["promotes_from"]

    at = "reconciler.yaml:13:20"
    assert told("sandbox") == ("sandbox: proof required", at)
    assert told("{environment: sandbox, proof: marked, soak: 90m, max_age: 48h, accept_empty_ids: true}") == (
        "sandbox: proof marked; soak 90m; max_age 2d; accept_empty_ids",
        at,
    )
    by_files = "accept_emulator: true, proofs: proofs, allowed_signers: .signers, max_age: 36h"
    assert told(f"{{environment: sandbox, {by_files}}}") == (
        "sandbox: proof required; max_age 36h; accept_emulator; proofs proofs; allowed_signers .signers",
        at,
    )


def test_every_setting_is_told_with_where_it_comes_from(project: Project, tenant: Tenant) -> None:
    """By the lines of the project file as they stand."""
    told = facts(examine(project, "-e", "sandbox"))
    lines = (project.folder / "reconciler.yaml").read_text().splitlines()

    assert told["environment"] == ("sandbox", "-e")
    assert told["client_secret"][0] == "from the variable ZUORA_SANDBOX_CLIENT_SECRET, which is set"
    for name in ("base_url", "tenant", "client_id", "client_secret", "specs"):
        value, origin = told[name]
        path, line, column = origin.split(":")
        assert path == "reconciler.yaml"
        rest = lines[int(line) - 1][int(column) - 1 :]
        assert rest.strip('"').startswith("{env: ZUORA_SANDBOX_CLIENT" if name.startswith("client") else value), name


def test_the_origin_of_the_environment_is_the_option_the_variable_or_the_default(project: Project) -> None:
    by_variable = examine(project, variables={"RECONCILER_ENV": "local"})

    assert facts(by_variable)["environment"] == ("local", "variable RECONCILER_ENV")
    assert facts(examine(project))["environment"] == ("local", "reconciler.yaml:4:10")
    assert facts(examine(project, "-e", "local"))["environment"] == ("local", "-e")


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        ("tenant.2 entity.a", "The project file says tenant 1, and the credentials are of tenant 2. Nothing was sent."),
        ("user.1f", "The project file says tenant 1, and the credentials are without a tenant in their scope."),
        ("tenant.1 entity.a entity.b", "The credentials are good for several entities: a, b. Nothing was sent."),
    ],
)
def test_credentials_of_another_tenant_end_with_8(project: Project, tenant: Tenant, scope: str, found: str) -> None:
    tenant.scopes = [scope]
    ended = examine(project, "-e", "sandbox")

    assert ended.status == 8
    assert checks(ended)["tenant"]["detail"].startswith(found)
    assert tenant.sent == []


REFUSALS = {
    "refused": (http(401, b'{"message": "Authentication error"}'), 8, "Credentials refused"),
    "busy": (http(503, b""), 6, "No token to be had now"),
    "no platform": (http(200, b"<html>"), 1, "Not the platform"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_without_a_token_the_rest_is_looked_at_all_the_same(project: Project, name: str) -> None:
    answer, status, found = REFUSALS[name]
    with canned(lambda _: answer) as url:
        configure(project, url)
        ended = examine(project, "-e", "sandbox")

    assert (ended.status, checks(ended)["credentials"]["found"]) == (status, found)
    assert not_ok(ended) == {
        "credentials": "failed",
        **dict.fromkeys(("tenant", "clock", "limits"), "skipped"),
        "keeping": "warning",
    }


def test_credentials_that_are_not_there_end_with_8_and_are_named(project: Project) -> None:
    ended = examine(project, "-e", "sandbox", variables={"ZUORA_SANDBOX_CLIENT_SECRET": ""})

    assert ended.status == 8
    assert "the variable ZUORA_SANDBOX_CLIENT_SECRET is not set" in checks(ended)["credentials"]["detail"]
    assert facts(ended)["client_secret"][0].endswith("which is not set")


def test_a_clock_that_is_wrong_is_a_warning_that_says_by_how_much(project: Project, tenant: Tenant) -> None:
    tenant.headers = (f"Date: {formatdate(time.time() - 7_260, usegmt=True)}",)
    ended = examine(project, "-e", "sandbox")

    assert (ended.status, checks(ended)["clock"]["verdict"]) == (0, "warning")
    assert checks(ended)["clock"]["found"].startswith("this machine's is 2 h 1 min ahead of the platform's")


def test_limits_that_come_with_the_token_are_told(project: Project, tenant: Tenant) -> None:
    tenant.headers = ("Concurrency-Limit-Limit: 200", "RateLimit-Limit: 2000", "RateLimit-Remaining: 1999")
    found = checks(examine(project, "-e", "sandbox"))["limits"]["found"]

    assert found == "200 calls at once are announced, 160 of them used (leave_free 0.2)"


def test_what_is_wrong_with_specs_and_credentials_is_told_at_once_and_the_stronger_status_wins(
    project: Project,
) -> None:
    project.write("sandbox/broken.yaml", "version: 1\nversion: 1\n")
    both = examine(project, "-e", "sandbox", variables={"ZUORA_SANDBOX_CLIENT_ID": ""})
    project.write("local/broken.yaml", "version: 1\nversion: 1\n")
    specs = examine(project)

    assert (both.status, not_ok(both)["specs"], not_ok(both)["credentials"]) == (8, "failed", "failed")
    assert (specs.status, not_ok(specs)) == (3, {"specs": "failed"})
    assert checks(specs)["specs"]["place"] == "local/broken.yaml:2:1"


@pytest.mark.parametrize(
    ("text", "arguments", "status", "found"),
    [
        ("version: 1\n", (), 3, "2 problems"),
        (None, ("-e", "sandbx"), 1, "Unknown environment"),
        ("", (), 3, "the project file is empty"),
    ],
)
def test_a_project_that_cannot_be_opened_is_a_document_too(
    project: Project, text: str | None, arguments: tuple[str, ...], status: int, found: str
) -> None:
    if text is not None:
        project.write("reconciler.yaml", text)
    ended = examine(project, *arguments)

    assert (ended.status, ended.document["environment"]) == (status, None)
    assert [(check["name"], check["found"]) for check in ended.document["checks"]] == [("project", found)]


def test_a_run_at_work_is_a_warning_that_says_who_it_is(project: Project, tenant: Tenant) -> None:
    with held(
        project.folder / STATE,
        name=STATE,
        holder={"who": "ann", "pid": "4711"},
        timeout=0,
        monotonic=time.monotonic,
        sleep=time.sleep,
    ):
        ended = examine(project, "-e", "sandbox")

    assert (ended.status, checks(ended)["lock"]["verdict"]) == (0, "warning")
    assert checks(ended)["lock"]["found"] == "held: who ann, pid 4711"


def test_a_journal_left_behind_is_a_warning_and_stays(project: Project, tenant: Tenant) -> None:
    assert project.run("apply", "-e", "sandbox", "--yes", variables=VARIABLES).status == 0
    state = json.loads((project.folder / STATE).read_bytes())
    head = Opened(
        run="run-1",
        plan_id="p1-0",
        environment="sandbox",
        lineage=state["lineage"],
        epoch=0,
        tenant="1",
        entity="a",
        at=Timestamp("2026-11-22T12:00:00Z"),
    )
    FileJournals(project.folder / STATE, name=STATE).create("run-1", opening_line(head)).close()
    ended = examine(project, "-e", "sandbox")

    assert (ended.status, checks(ended)["journals"]["verdict"]) == (0, "warning")
    assert checks(ended)["journals"]["place"] == "sandbox.json.run-1.journal"
    assert (project.folder / "state" / "sandbox.json.run-1.journal").exists()


def test_a_state_that_is_not_the_last_one_ends_with_5(project: Project) -> None:
    project.run("apply", "--yes", "--only", "type:Subscription")
    older = project.state_file.read_bytes()
    project.run("apply", "--yes")
    well = examine(project)
    project.state_file.write_bytes(older)
    behind = examine(project)
    project.state_file.unlink()
    gone = examine(project)

    assert (well.status, not_ok(well)) == (0, {})
    assert "12 entries" in checks(well)["state"]["found"]
    assert f"lineage {json.loads(older)['lineage']}" in facts(well)["state"][0]
    assert (behind.status, not_ok(behind)) == (5, {"mark": "failed"})
    assert (gone.status, checks(gone)["mark"]["found"]) == (5, "The state is gone")


@pytest.mark.parametrize("text", ["{", "", '{"version": 1, "environment": "other"}'])
def test_a_state_that_cannot_be_read_ends_with_3(project: Project, text: str) -> None:
    project.write(".reconciler/local.state.json", text)
    ended = examine(project)

    assert (ended.status, not_ok(ended)) == (3, {"state": "failed", "mark": "skipped"})


def test_a_folder_that_cannot_be_written_fails(project: Project, tenant: Tenant) -> None:
    project.write("state", "a file where the folder of the state should be")
    ended = examine(project, "-e", "sandbox")

    assert ended.status == 1
    assert checks(ended)["folder"]["found"] == "Nothing can be written beside the state"


def git(project: Project, *arguments: str) -> None:
    own = ("-c", "user.name=Ann", "-c", "user.email=ann@example.com", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *own, *arguments], cwd=project.folder, check=True, capture_output=True)


def test_a_state_that_is_not_in_git_as_it_stands_is_a_warning(project: Project, tenant: Tenant) -> None:
    found = {}

    def look(name: str) -> None:
        check = checks(examine(project, "-e", "sandbox"))["keeping"]
        found[name] = (check["verdict"], check["found"])

    git(project, "init")
    (project.folder / ".gitignore").unlink(missing_ok=True)
    look("nothing there")
    project.run("apply", "-e", "sandbox", "--yes", variables=VARIABLES)
    look("not added")
    git(project, "add", "-A")
    git(project, "commit", "-m", "state")
    look("committed")
    (project.folder / STATE).write_text((project.folder / STATE).read_text() + "\n")
    look("changed")
    git(project, "rm", "--cached", STATE)
    project.write(".gitignore", "state/\n")
    look("ignored")

    assert found == {
        "nothing there": ("ok", "nothing to keep yet"),
        "not added": ("warning", "not in git: this machine has the only copy"),
        "committed": ("ok", "in git, as it stands"),
        "changed": ("warning", "the last state is not committed"),
        "ignored": ("warning", "git is told to ignore it: this machine has the only copy"),
    }


@pytest.mark.parametrize("where", ["env", "file", "command"])
def test_no_secret_is_told_wherever_it_is_read_from(project: Project, where: str) -> None:
    project.write("secret.txt", CANARY)
    sources = {"env": "{env: MY_SECRET}", "file": "{file: secret.txt}", "command": f"{{command: [echo, {CANARY}]}}"}
    names = {"env": "variable MY_SECRET", "file": "file secret.txt", "command": "command echo"}
    credentials = f"{{client_id: {sources[where]}, client_secret: {sources[where]}}}"
    echoing = http(401, json.dumps({"message": f"bad secret {CANARY}"}).encode())
    variables = {
        "MY_SECRET": CANARY,
        "HTTPS_PROXY": f"http://ann:{CANARY}@proxy.example.com:3128",
        "ALL_PROXY": f"http://{CANARY}/@proxy.example.com:3128",
    }
    with canned(lambda _: echoing) as url:
        configure(project, url, credentials=credentials)
        ended = examine(project, "-e", "sandbox", variables=variables)
        text = project.run("doctor", "-e", "sandbox", variables=VARIABLES | variables)
    away = project.run("doctor", "-e", "production", variables=variables)

    assert ended.status == text.status == 8
    assert names[where] in facts(ended)["client_secret"][0]
    assert "bad secret ***" in checks(ended)["credentials"]["detail"]
    assert "http://proxy.example.com:3128 (user and password not shown)  [HTTPS_PROXY]" in away.out
    assert CANARY not in text.out + text.err + away.out + away.err
