"""Saved plans as a pipeline uses them: saved, reviewed, applied exactly so, or refused with what has moved."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Ended, Project, refuse
from emulator_harness import process

from reconciler.formats.schema import SchemaSet
from reconciler.workspace.schemas import load_schemas

SCHEMAS = SchemaSet(load_schemas())
FIRST = "Subscription/A-S00000001@1"
CANARY = "canary-secret-5f3e"


@pytest.fixture
def small(project: Project) -> Project:
    """Three declarations, each in a lane of its own."""
    (project.folder / "local" / "corrections.yaml").unlink()
    project.write(
        "local/q4-backfill.yaml",
        "version: 1\nflags: {onlyReSend: false, reMigrate: true}\nsubscriptions:\n"
        + "".join(f"  - {{subscriptionName: A-S0000000{n}, subscriptionVersion: 1}}\n" for n in (1, 2, 3)),
    )
    return project


def save(project: Project, *options: str, file: str = "plan.json") -> str:
    saved = project.run("plan", "--out", file, *options)
    assert saved.status == 0, saved.err
    plan_id: str = json.loads((project.folder / file).read_bytes())["plan_id"]
    return plan_id


def refused(ended: Ended, status: int, *texts: str) -> None:
    """Refused so, for a person to read, and nothing was sent."""
    told = " ".join(ended.err.split())
    assert ended.status == status, ended.err
    for text in (*texts, "Nothing was sent."):
        assert text in told
    assert "Traceback" not in ended.err


def test_a_saved_plan_is_shown_and_applied_without_a_question(small: Project) -> None:
    plan_id = save(small)
    shown = small.run("show", "plan.json")
    applied = small.run("apply", "plan.json")

    assert shown.status == applied.status == 0
    assert f"Plan id: {plan_id}" in shown.out
    assert "Applied: 3 done." in applied.out
    assert list(SCHEMAS.violations("plan.schema.json", json.loads((small.folder / "plan.json").read_bytes()))) == []
    assert list(SCHEMAS.violations("state.schema.json", small.state)) == []
    assert [(run["plan"], run["done"], run["left"]) for run in small.state["history"]] == [(plan_id, 3, 0)]


def test_an_expected_id_needs_no_file(small: Project) -> None:
    planned = small.run("plan", "--json").document

    assert small.run("apply", "--expect", planned["plan_id"]).status == 0
    assert len(small.ledger()) == 3


def test_an_applied_plan_can_be_applied_again_and_sends_nothing(small: Project) -> None:
    plan_id = save(small)
    small.run("apply", "plan.json")
    again, expected = small.run("apply", "plan.json"), small.run("apply", "--expect", plan_id)

    assert (again.status, expected.status) == (0, 0)
    assert "Nothing is left to do of this plan: 3 calls of it were settled by earlier runs." in again.err
    assert len(small.ledger()) == 3


def test_a_partial_failure_does_not_spend_the_approval(small: Project) -> None:
    """One call has no answer, one is refused for good: the same plan does what is left, and no more."""
    plan_id = save(small)
    small.rehearse(refuse("Subscription/A-S00000002@1"))
    first = small.run("apply", "plan.json", "--max-calls", "2")
    kept = small.state["approvals"]
    second = small.run("apply", "--expect", plan_id)

    assert first.status == 6
    assert [each["plan"] for each in kept] == [plan_id]
    assert list(kept[0]["calls"]) == ["Subscription/A-S00000003@1"]
    assert list(SCHEMAS.violations("state.schema.json", small.state)) == []
    assert second.status == 1
    assert "Earlier runs" in second.err
    assert "The platform refused 1 of them; plan again for new calls." in second.err
    assert {effect["target"] for effect in small.ledger()} == {FIRST, "Subscription/A-S00000003@1"}
    assert "approvals" not in small.state


def test_selectors_that_a_begun_plan_was_not_made_with_are_refused_and_nothing_is_sent(small: Project) -> None:
    """They were refused before it was begun as well: what they select has another id."""
    plan_id = small.run("plan", "--json").document["plan_id"]
    assert small.run("apply", "--expect", plan_id, "--only", "*2@1").status == 5
    assert small.run("apply", "--expect", plan_id, "--max-calls", "1").status == 6

    ended = small.run("apply", "--expect", plan_id, "--only", "*2@1", "--except", "type:OrderLineItem")

    assert ended.status == 1
    assert ended.err == (
        f"error: Wrong usage\n  {plan_id} was made without --only and --except, and --only *2@1 --except "
        "type:OrderLineItem is asked for. Nothing was sent.\n"
        "  hint: Leave them out: what is left of the plan is known. --max-calls begins no more than some.\n"
    )
    assert len(small.ledger()) == 1
    assert small.run("apply", "--expect", plan_id).status == 0
    assert len(small.ledger()) == 3


@pytest.mark.parametrize("way", ["file", "id"])
def test_a_plan_that_was_made_with_selectors_goes_on_with_the_same_after_a_failure(small: Project, way: str) -> None:
    """What has no answer is resumed, though what was approved was to regenerate it."""
    selectors = ("--only", "action:regenerate", "--only", FIRST, "--except", "*3@1")
    plan_id = save(small, *selectors)
    small.rehearse({"name": "lost", "match": {"target": FIRST}, "fault": {"kind": "lost"}})
    first = small.run("apply", *(["plan.json"] if way == "file" else ["--expect", plan_id, *selectors]))
    small.rehearse()

    other = small.run("apply", "--expect", plan_id, "--only", "action:regenerate")
    second = small.run("apply", "--expect", plan_id, "--only", FIRST, "--only", "action:regenerate", "--except", "*3@1")

    assert first.status == 6
    assert (other.status, second.status) == (1, 0)
    assert f"was made with --only {FIRST} --only action:regenerate --except *3@1, and" in other.err
    assert {effect["target"] for effect in small.ledger()} == {FIRST, "Subscription/A-S00000002@1"}


def test_an_approved_plan_outlives_a_runner_that_is_killed(small: Project) -> None:
    plan_id = save(small)
    small.rehearse({"name": "slow", "fault": {"kind": "latency", "seconds": 5}})
    command = [sys.executable, "-m", "reconciler", "apply", "plan.json", "--concurrency", "1"]
    run = subprocess.Popen(command, cwd=small.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    folder = small.state_file.parent
    for _ in range(200):
        if list(folder.glob("*.journal*")) or list(folder.glob("*journal*/*")):
            break
        try:
            run.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    run.kill()
    run.wait()
    small.rehearse()
    ended = small.run("apply", "--expect", plan_id)

    assert ended.status == 0, ended.err
    assert sorted(effect["target"][-4:] for effect in small.ledger()) == ["01@1", "02@1", "03@1"]


def test_a_second_call_that_was_under_way_when_the_run_was_stopped_is_resumed(small: Project) -> None:
    """Refused for the moment under one key, in doubt under the next; then two signals."""
    save(small, "--only", FIRST)
    small.rehearse(
        {"name": "busy", "match": {"target": FIRST}, "fault": {"kind": "business", "category": 50}, "times": 1},
        {"name": "slow", "match": {"target": FIRST}, "fault": {"kind": "latency", "seconds": 20}},
    )
    log = small.folder / "log.txt"
    command = [sys.executable, "-m", "reconciler", "apply", "plan.json", "--log-file", str(log)]
    run = subprocess.Popen(command, cwd=small.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and not (log.exists() and "send " in log.read_text()):
        time.sleep(0.05)
    time.sleep(2)
    for _ in range(2):
        run.send_signal(signal.SIGINT)
        time.sleep(0.5)
    run.wait(30)
    small.rehearse()
    again = small.run("apply", "plan.json")

    assert run.returncode == 130
    assert again.status == 0, again.err
    assert [effect["target"] for effect in small.ledger()] == [FIRST]
    assert "applied" in small.state["entries"][FIRST]


def test_an_environment_that_is_gone_has_moved(small: Project) -> None:
    plan_id = save(small)
    text = (small.folder / "reconciler.yaml").read_text()
    small.write("reconciler.yaml", text.replace("  local:", "  other:", 1).replace("default: local", "default: other"))

    refused(small.run("apply", "plan.json"), 5, f"{plan_id} was made for the environment local, and there is none")


def test_two_plans_are_both_applied_where_their_lanes_differ(small: Project) -> None:
    save(small, "--only", "*1@1", file="one.json")
    save(small, "--only", "*2@1", file="two.json")

    assert small.run("apply", "one.json").status == 0
    assert small.run("apply", "two.json").status == 0
    assert len(small.ledger()) == 2


@pytest.mark.parametrize("way", ["file", "id"])
def test_specs_that_were_merged_meanwhile_make_it_stale(small: Project, way: str) -> None:
    plan_id = save(small)
    small.edit("local/q4-backfill.yaml", "reMigrate: true}", "reMigrate: false}")
    ended = small.run("apply", *(["plan.json"] if way == "file" else ["--expect", plan_id]))

    said = f"the specs: {FIRST} is declared otherwise now" if way == "file" else "what is planned now has the id p1-"
    refused(ended, 5, f"Stale plan {plan_id} no longer holds. What has moved:", said)
    assert not small.state_file.exists()


def test_another_run_in_its_lane_makes_it_stale(small: Project) -> None:
    save(small)
    small.run("apply", "--yes", "--only", FIRST)

    refused(
        small.run("apply", "plan.json"), 5, f"the state: {FIRST} was regenerated by another run, as the plan wanted"
    )


def test_a_tampered_plan_is_refused(small: Project) -> None:
    save(small)
    path = small.folder / "plan.json"
    path.write_bytes(path.read_bytes().replace(b'"reMigrate": true', b'"reMigrate": false', 1))

    refused(small.run("apply", "plan.json"), 5, "Not the plan that was written", "some of its bytes have changed since")


def test_another_environment_is_refused(small: Project) -> None:
    plan_id = save(small)
    for ended in (
        small.run("apply", "plan.json", "-e", "sandbox"),
        small.run("apply", "plan.json", variables={"RECONCILER_ENV": "sandbox"}),
    ):
        refused(ended, 5, f"{plan_id} was made for the environment local, and sandbox is asked for.")


def test_an_expired_plan_is_refused(small: Project) -> None:
    save(small, "--expires", "1m")
    path = small.folder / "plan.json"
    later = "from datetime import timedelta; import reconciler.cli.wiring as w; n = w.SystemClock.now; "
    later += "w.SystemClock.now = lambda self: n(self) + timedelta(minutes=2); "
    later += "import sys; sys.argv = ['reconciler', 'apply', 'plan.json']; "
    later += "from reconciler.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", later], cwd=small.folder, capture_output=True, text=True, check=False, timeout=60
    )
    expires = json.loads(path.read_bytes())["expires"]

    refused(Ended(done.returncode, done.stdout, done.stderr), 5, f"the time: it was good until {expires}")


def test_a_state_that_was_restored_meanwhile_makes_it_stale(small: Project) -> None:
    small.run("apply", "--yes", "--only", FIRST)
    save(small)
    small.run("state", "restore", ".reconciler/local.state.json", "--reason", "a rehearsal")

    refused(small.run("apply", "plan.json"), 5, "the state: its epoch was 0, and is", "since it was restored")


def test_a_state_that_is_gone_is_not_begun_anew(small: Project) -> None:
    small.run("apply", "--yes", "--only", FIRST)
    save(small)
    for path in small.state_file.parent.glob("local.state.json*"):
        path.unlink()

    refused(small.run("apply", "plan.json"), 5, "the state: its lineage was", "and is gone now")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("none.json",), "none.json is not there."),
        (("plan.json", "--expect", f"p1-{'0' * 64}"), "A plan file has its id: --expect says it twice."),
        (("plan.json", "--only", "*"), "--only and --except are part of it."),
        (("--expect", "p1-12"), "'p1-12' is no plan id."),
    ],
)
def test_wrong_usage_says_what_is_wrong(small: Project, arguments: tuple[str, ...], said: str) -> None:
    save(small)
    ended = small.run("apply", *arguments)

    assert ended.status == 1
    assert said in " ".join(ended.err.split())
    assert not small.state_file.exists()


def test_a_plan_is_not_written_over_anything_else(small: Project) -> None:
    ended = small.run("plan", "--out", "reconciler.yaml")

    assert ended.status == 1
    assert "reconciler.yaml would be read as a spec or a project file." in ended.err
    assert small.run("validate").status == 0


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[str]:
    with process(tmp_path / "world.db") as (_, emulator):
        yield emulator.url


def test_a_plan_for_another_tenant_is_refused_before_anything_is_asked(small: Project, tenant: str) -> None:
    """The project file names another tenant than it did when the plan was made."""
    api = f"""api:
      base_url: {tenant}
      tenant: "12345"
      credentials: {{client_id: {{env: CLIENT_ID}}, client_secret: {{env: CLIENT_SECRET}}}}
"""
    text = (small.folder / "reconciler.yaml").read_text().replace("api: {emulator: .reconciler/emulator.db}\n", api, 1)
    (small.folder / "reconciler.yaml").write_text(text)
    plan_id = save(small)
    small.edit("reconciler.yaml", 'tenant: "12345"', 'tenant: "54321"')
    ended = small.run("apply", "plan.json", variables={"CLIENT_ID": "me", "CLIENT_SECRET": CANARY})

    refused(ended, 8, "Wrong tenant The plan was made for tenant 12345, and project file and state say 54321.")
    assert plan_id


def test_the_same_plan_is_the_same_bytes_on_every_checkout(small: Project, tmp_path: Path) -> None:
    """Another folder, time zone, hash seed, locale and order of files; the same clock."""
    for number in range(20):
        small.write(f"local/more/{number * 7919 % 100:02}.yaml", _some(number))
    program = (
        "from datetime import UTC, datetime; import reconciler.cli.wiring as w; import sys; "
        "w.SystemClock.now = lambda self: datetime(2026, 11, 22, 12, tzinfo=UTC); "
        "from reconciler.__main__ import main; sys.exit(main())"
    )
    documents = set()
    for number, zone in enumerate(("UTC", "Asia/Kolkata")):
        folder = tmp_path / f"checkout-{number}" / ("x" * number * 30 or "y")
        names = sorted(path.relative_to(small.folder) for path in small.folder.rglob("*") if path.is_file())
        for path in names if number else reversed(names):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes((small.folder / path).read_bytes())
        subprocess.run(
            [sys.executable, "-c", program, "plan", "--out", "plan.json"],
            cwd=folder,
            env={**os.environ, "TZ": zone, "PYTHONHASHSEED": str(number), "LC_ALL": ("C", "C.UTF-8")[number]},
            check=True,
            capture_output=True,
            timeout=60,
        )
        documents.add((folder / "plan.json").read_bytes())

    assert len(documents) == 1
    assert str(tmp_path).encode() not in documents.pop()


def _some(number: int) -> str:
    said = f"  - {{subscriptionName: A-S{number + 100:08}, subscriptionVersions: [1, 2]}}\n"
    return f"version: 1\nflags: {{onlyReSend: true, reMigrate: false}}\nsubscriptions:\n{said}"


def test_what_is_saved_for_production_names_the_command_that_does_it(small: Project) -> None:
    small.edit(
        "reconciler.yaml",
        "api: {emulator: .reconciler/emulator.db}",
        "api: {base_url: http://127.0.0.1:1, tenant_type: production, "
        "credentials: {client_id: {env: ID}, client_secret: {env: SECRET}}}",
    )
    small.edit("reconciler.yaml", "default: local\n", "")
    ended = small.run("plan", "-e", "local", "--out", "plan.json")

    assert ended.status == 0
    assert ": `reconciler apply plan.json --confirm local` does exactly that." in ended.err


def test_a_plan_with_a_selector_that_is_misspelt_is_not_saved(small: Project) -> None:
    """Whoever carries it out could not see any more what was to be left out."""
    ended = small.run("plan", "--out", "plan.json", "--except", "Subscripton/*")

    assert ended.status == 1
    assert "--except 'Subscripton/*' matches no declaration. Nothing was done." in ended.err
    assert not (small.folder / "plan.json").exists()
