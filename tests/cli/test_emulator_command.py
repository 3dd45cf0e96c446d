"""`reconciler emulator` as a command: a platform of one's own, its ledger, objects of one's own."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from commands import Project, run
from served import command, serving


def curl(*arguments: str) -> str:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    return subprocess.run(["curl", "-sS", *arguments], check=True, capture_output=True, text=True, timeout=30).stdout


def test_the_documented_request_sent_with_curl_returns_ids_and_success(tmp_path: Path) -> None:
    with serving(tmp_path) as url:
        form = ["-d", "client_id=any", "-d", "client_secret=thing", "-d", "grant_type=client_credentials"]
        token = json.loads(curl(f"{url}/oauth/token", *form))["access_token"]
        answer = json.loads(
            curl(
                f"{url}/v1/uno-regenerate/booking-transaction",
                *("-H", f"Authorization: Bearer {token}", "-H", "Content-Type: application/json"),
                *("-d", '{"type": "Subscription", "subscriptionName": "A-S00000001", "subscriptionVersion": 1}'),
            )
        )

    assert answer["success"] is True
    assert len(answer["idList"]) == 2


def test_the_tool_applies_to_a_served_emulator_and_the_ledger_shows_it(project: Project, tmp_path: Path) -> None:
    with serving(tmp_path, "--db", "world.db", "--client", "me:it@10001") as url:
        project.edit("reconciler.yaml", "https://rest.test.zuora.com", url)
        variables = {"ZUORA_SANDBOX_CLIENT_ID": "me", "ZUORA_SANDBOX_CLIENT_SECRET": "it"}
        applied = project.run("apply", "-e", "sandbox", "--yes", variables=variables)
        ledger = run("emulator", "ledger", "--db", "world.db", cwd=tmp_path)

    assert applied.status == 0
    assert ledger.out.endswith("3 effects\n")
    assert "Subscription/A-S00000002@2" in ledger.out


def test_a_signal_while_a_new_token_is_waited_for_ends_the_apply_without_it(project: Project, tmp_path: Path) -> None:
    """What waited for the token would be sent when it came."""
    revoked = {"name": "revoked", "after": 1, "times": 1, "fault": {"kind": "unauthorized", "revoke": True}}
    slow = {"name": "slow", "match": {"operation": "token"}, "after": 1, "fault": {"kind": "latency", "seconds": 8}}
    rules = project.write("rules.json", json.dumps({"version": 1, "rules": [revoked, slow]}))
    log, variables = project.folder / "run.log", {"ZUORA_SANDBOX_CLIENT_ID": "me", "ZUORA_SANDBOX_CLIENT_SECRET": "it"}
    apply = ["apply", "-e", "sandbox", "--yes", "--concurrency", "1", "--log-file", str(log)]
    with serving(tmp_path, "--db", "world.db", "--client", "me:it@10001", "--faults", str(rules)) as url:
        project.edit("reconciler.yaml", "https://rest.test.zuora.com", url)
        with subprocess.Popen(
            [sys.executable, "-m", "reconciler", *apply],
            cwd=project.folder,
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            while (
                "fired 1"
                not in run("emulator", "faults", "list", "--db", "world.db", cwd=tmp_path).out.partition("slow")[2]
            ):
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            told, _ = process.communicate(timeout=60)
        run("emulator", "faults", "clear", "--db", "world.db", cwd=tmp_path)
        sent = len(run("emulator", "ledger", "--db", "world.db", "--json", cwd=tmp_path).document)
        following = project.run("apply", "-e", "sandbox", "--yes", variables=variables)
        ledger = run("emulator", "ledger", "--db", "world.db", cwd=tmp_path)

    assert process.returncode == 143
    assert sent == 1
    assert "2 not started" in told
    assert "in doubt" not in told
    assert following.status == 0
    assert ledger.out.endswith("3 effects\n")


def test_objects_of_ones_own_can_be_added(project: Project) -> None:
    objects = project.write("objects.json", json.dumps({"dynamicUsageCharges": [{"chargeNumber": "MINE-1"}]}))
    project.edit("local/q4-backfill.yaml", "C-00000042", "MINE-1")
    before = project.run("apply", "--yes")
    added = project.run("emulator", "seed", str(objects))
    after = project.run("apply", "--yes")

    assert (before.status, added.status, after.status) == (1, 0, 0)
    assert added.out == "1 object added\n"
    assert any(effect["target"] == "DynamicUsageCharge/MINE-1" for effect in project.ledger())


def test_trouble_can_be_rehearsed_and_the_next_apply_ends_it(project: Project) -> None:
    """The first answer of every change is lost after its effect: one effect each, whatever the tool believed."""
    rule = {"name": "lost", "per": "key", "times": 1, "when": "after", "fault": {"kind": "lost"}}
    rules = project.write("rules.json", json.dumps({"version": 1, "rules": [rule]}))
    project.run("emulator", "seed", str(project.write("none.json", "{}")))
    loaded = project.run("emulator", "faults", "load", str(rules))
    applied = project.run("apply", "--yes", "--json")
    listed = project.run("emulator", "faults", "list")
    cleared = project.run("emulator", "faults", "clear")

    assert (loaded.out, cleared.out) == ("1 rule loaded\n", "1 rule cleared\n")
    assert "fired 12" in listed.out
    assert {result["sends"] for result in applied.document["results"]} == {2}
    assert applied.status == 0
    assert len(project.ledger()) == 12


def test_rules_that_cannot_be_used_are_named(project: Project) -> None:
    project.run("apply", "--yes")
    rules = project.write("rules.json", '{"version": 1, "rules": [{"name": "x", "fault": {"kind": "nonsense"}}]}')

    for arguments in (("load", str(rules)), ("load",), ("list", str(rules))):
        ended = project.run("emulator", "faults", *arguments)
        assert ended.status == 1
        assert "Traceback" not in ended.err


def test_a_faulty_wire_can_be_put_before_a_served_emulator(project: Project, tmp_path: Path) -> None:
    reset = {"name": "first answer", "request": 2, "times": 1, "fault": {"kind": "reset"}}
    rules = project.write("wire.json", json.dumps({"version": 1, "rules": [reset]}))
    variables = {"ZUORA_SANDBOX_CLIENT_ID": "me", "ZUORA_SANDBOX_CLIENT_SECRET": "it"}
    with serving(tmp_path, "--db", "world.db", "--client", "me:it@10001") as url:
        with command(tmp_path, "proxy", "--port", "0", "--to", url, str(rules)) as line:
            project.edit("reconciler.yaml", "https://rest.test.zuora.com", line.split()[4])
            applied = project.run("apply", "-e", "sandbox", "--yes", variables=variables)
        ledger = run("emulator", "ledger", "--db", "world.db", cwd=tmp_path)

    assert applied.status == 0
    assert ledger.out.endswith("3 effects\n")


BAD_SEEDS = ["", "[]", '{"subscriptions": [{"subscriptionNam": "x"}]}', "\xff"]


@pytest.mark.parametrize("text", BAD_SEEDS)
def test_objects_that_cannot_be_added_are_named(project: Project, text: str) -> None:
    (project.folder / "objects.json").write_bytes(text.encode("latin-1"))
    ended = project.run("emulator", "seed", "objects.json")

    assert ended.status == 1
    assert "Traceback" not in ended.err


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with serving(tmp_path) as url:
        ended = run("emulator", "serve", "--port", url.rpartition(":")[2], cwd=tmp_path)

    assert ended.status == 1
    assert "in use" in ended.err


def test_a_ledger_of_a_tenant_of_the_platform_is_not_to_be_had(project: Project) -> None:
    ended = project.run("emulator", "ledger", "-e", "sandbox")

    assert ended.status == 1
    assert "--db" in ended.err
