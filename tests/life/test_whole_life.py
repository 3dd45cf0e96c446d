"""The whole life of a backfill, told in order, with a real git, the real command line and two real tenants.

Six objects are to be regenerated after a change of prices. An analyst declares them for the sandbox on a branch, where
CI finds a slip; mended, it is merged, applied in the sandbox, and proven by a signed document, which is all that
production asks of the sandbox. What is proven is promoted on a branch. A guardrail of production refuses that, until
the pull request has a line that was agreed with revenue. The plan is approved; but a colleague merges something, so
that it is stale, and what is left is approved anew. The job that applies it forgets production's name, then has the
sandbox's credentials, and both times nothing is sent; then an answer is lost on its way, and the same approval does the
rest. The sandbox is refreshed: what was shown there counts no more, until it is shown again. In the end the ledgers of
both tenants have what was declared, each once; production has other numbers for it.

Each chapter begins where the last one has ended (`conftest.py` sees to that), each refusal is a chapter, and what it
pins is what a person reads.
"""

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep

import pytest
from commands import Ended
from life.company import Checkout, Company, Tenant, tenants
from signers import allow, new_key

from reconciler.core.timestamp import Timestamp, timestamp

PROJECT = """\
version: 1
name: acme-revenue
default: sandbox
environments:
  sandbox:
    api:
      base_url: {sandbox}
      tenant: "10001"
      tenant_type: central_sandbox
      credentials: {{client_id: {{env: ZUORA_CLIENT_ID}}, client_secret: {{env: ZUORA_CLIENT_SECRET}}}}
    specs: sandbox
    state: {{file: state/sandbox.json}}
    signing_key: {{env: SIGNING_KEY}}
  production:
    api:
      base_url: {production}
      tenant: "20002"
      tenant_type: production
      credentials: {{client_id: {{env: ZUORA_CLIENT_ID}}, client_secret: {{env: ZUORA_CLIENT_SECRET}}}}
    specs: production
    state: {{file: state/production.json}}
    promotes_from:
      environment: sandbox
      proofs: proofs
      allowed_signers: allowed_signers
      max_age: 30d
      accept_emulator: true
    guardrails: {{max_remigrate: 4, reason: "REV-[0-9]*"}}
    keys: keys/production.csv
"""

BACKFILL = """\
version: 1
reason: REV-1234 list prices corrected on 2026-11-20
owner: revenue-operations
flags: {onlyReSend: false, reMigrate: true}
trigger: 2026-11-backfill
subscriptions:
  - {subscriptionName: A-S00000001, subscriptionVersion: 1}
  - {subscriptionName: A-S00000002, subscriptionVersions: [1, 2, 3]}
orderLineItems:
  - {orderNumber: O-00000007, itemNumber: "1"}
dynamicUsageCharges:
  - {chargeNumber: C-00000042}
"""

CHARGE, ITEM = "DynamicUsageCharge/C-00000042", "OrderLineItem/O-00000007#1"
ONE = "Subscription/A-S00000001@1"
TWO = [f"Subscription/A-S00000002@{version}" for version in (1, 2, 3)]
ALL = [CHARGE, ITEM, ONE, *TWO]

ITEM_LINES = 'orderLineItems:\n  - {orderNumber: O-00000007, itemNumber: "1"}\n'

KEYS = """\
field,as_written,in_tenant
subscriptionName,A-S00000001,A-S00007001
subscriptionName,A-S00000002,A-S00007002
orderNumber,O-00000007,O-00000007
chargeNumber,C-00000042,C-00000942
chargeNumber,C-00000043,C-00000943
"""
"""What the numbers of the specs are in production."""


def in_production(*addresses: str) -> list[str]:
    return [each.replace("A-S00000", "A-S00007").replace("C-000000", "C-000009") for each in addresses]


SANDBOX = {"ZUORA_CLIENT_ID": "sandbox-ci", "ZUORA_CLIENT_SECRET": "sandbox-secret"}
PRODUCTION = {"ZUORA_CLIENT_ID": "production-ci", "ZUORA_CLIENT_SECRET": "production-secret"}


@dataclass
class Story:
    """What the chapters share: the company, its tenants, and what is handed on from one chapter to the next."""

    company: Company
    sandbox: Tenant
    production: Tenant
    signing_key: str = field(repr=False)
    proof: Path = Path()
    saved: Path = Path()
    approvals: list[str] = field(default_factory=list)
    """The ids of the plans for production that were approved, but for the first of all, which is *stale*."""
    stale: str = ""


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    folder = tmp_path_factory.mktemp("life")
    company = Company(folder)
    both = "sandbox-ci:sandbox-secret@10001"
    sandbox = Tenant(folder, "sandbox", clients=(both,))
    production = Tenant(folder, "production", clients=("production-ci:production-secret@20002", both))
    key = new_key(folder, "release")
    with tenants(sandbox, production):
        admin = company.clone("admin")
        admin.reconciler("init", "--ci", "github", "--name", "acme-revenue")
        admin.write("reconciler.yaml", PROJECT.format(sandbox=sandbox.url, production=production.url))
        admin.write("keys/production.csv", KEYS)
        admin.write("allowed_signers", allow(folder, key).read_text())
        admin.push("Begin")
        yield Story(company=company, sandbox=sandbox, production=production, signing_key=key.read_text())


def sandbox_job(story: Story) -> Checkout:
    """CI at work on main after the analyst has merged."""
    return story.company.clone("analyst", {**SANDBOX, "SIGNING_KEY": story.signing_key})


def production_job(story: Story, secrets: Mapping[str, str] = PRODUCTION) -> Checkout:
    """CI at work on main after the approver has approved."""
    return story.company.clone("approver", secrets)


def told(ended: Ended, status: int, *lines: str) -> None:
    """It ends so, and a person reads these *lines* on stdout, then on stderr, in this order and however they
    are laid out."""
    assert ended.status == status, ended.out + ended.err
    seen(ended.out + ended.err, *lines)


def seen(text: str, *lines: str) -> None:
    rest = spaced = " ".join(text.split())
    for line in lines:
        _, found, rest = rest.partition(" ".join(line.split()))
        assert found, f"not to be read, or not in this order: {line}\n\n{spaced}"


def apply_approved(story: Story, job: Checkout, *options: str) -> Ended:
    return job.apply_script("production", "--expect", story.approvals[-1], "--confirm", "production", *options)


def a_moment_that_has_passed() -> Timestamp:
    """After everything so far, which is told to the second, and before everything that follows."""
    moment = timestamp(datetime.now(UTC) + timedelta(seconds=1))
    while timestamp(datetime.now(UTC)) < moment:
        sleep(0.05)
    return moment


def test_01_a_slip_in_a_spec_is_refused_in_ci_with_its_place(story: Story) -> None:
    analyst = story.company.branch("analyst", "backfill")
    analyst.write("sandbox/q4-backfill.yaml", BACKFILL.replace('"1"', "1"))
    analyst.push("Regenerate what the new prices touch")

    told(
        story.company.pull_request("backfill").reconciler("validate"),
        3,
        "sandbox/q4-backfill.yaml:10:43: error: itemNumber is text, and '1' is not [unquoted-text]",
        'hint: Quote it: "1".',
    )


def test_02_mended_it_is_planned_in_ci_without_any_secret(story: Story) -> None:
    analyst = story.company.work_on("analyst", "backfill")
    analyst.write("sandbox/q4-backfill.yaml", BACKFILL)
    analyst.push("Quote the item's number")

    ci = story.company.pull_request("backfill")
    told(ci.reconciler("validate"), 0)
    told(ci.reconciler("fmt", "--check", "--diff"), 0)
    told(
        ci.reconciler("plan", "-e", "sandbox", "--detailed-exitcode", "--markdown", "comment.md"),
        2,
        "Environment sandbox, tenant 10001",
        *(f"+ {address}  new  (REV-1234 list prices corrected on 2026-11-20)" for address in ALL),
        "Plan: 6 calls to the platform (6 regenerate).",
        "! 6 with reMigrate true",
    )
    seen(ci.read("comment.md"), "## Plan for `sandbox`", "reconciler apply -e sandbox --expect p1-")
    assert story.sandbox.ledger() == []


def test_03_merged_it_is_applied_in_the_sandbox_and_its_state_is_kept_in_git(story: Story) -> None:
    story.company.merge("backfill", "analyst")

    job = sandbox_job(story)
    merged = job.commit
    told(
        job.apply_script("sandbox", "--proof", "proofs/run-1.json"),
        0,
        "Applied: 6 done.",
        "6 proofs in proofs/run-1.json, signed in run-1.json.sig.",
    )
    job.push("Keep the proof")
    assert story.sandbox.regenerated() == ALL
    proof = json.loads(job.read("proofs/run-1.json"))
    assert (proof["commit"], [each["address"] for each in proof["proofs"]]) == (merged, ALL)
    assert list(json.loads(story.company.main().read("state/sandbox.json"))["entries"]) == ALL
    story.proof = job.folder / "proofs/run-1.json"


def test_04_whoever_has_the_public_key_can_tell_the_proof_from_another(story: Story) -> None:
    """With OpenSSH alone, as the README shows it."""
    signers, signature = story.company.main().folder / "allowed_signers", f"{story.proof}.sig"
    verify = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "release@ci", "-n", "reconciler-proof"]

    def status(content: bytes) -> int:
        return subprocess.run([*verify, "-s", signature], input=content, capture_output=True, check=False).returncode

    proof = story.proof.read_bytes()
    assert status(proof) == 0
    assert status(proof.replace(b"A-S00000001", b"A-S00000009")) != 0


def test_05_production_refuses_what_the_sandbox_has_not_shown(story: Story) -> None:
    colleague = story.company.branch("colleague", "hasty")
    colleague.write("production/hasty.yaml", BACKFILL.replace("C-00000042", "C-00000043"))
    colleague.push("Straight to production")

    told(
        story.company.pull_request("hasty").reconciler("plan", "-e", "production", "--only", "Dynamic*"),
        9,
        "Environment production, tenant 20002",
        "! promotes_from refuses this plan: 1 of 1 new call not proven in sandbox: DynamicUsageCharge/C-00000043 "
        "[production/hasty.yaml:12:5] no proof there is tells of it.",
        "Apply them in sandbox first, and bring the file of `apply --proof` or `state proof`, or leave them out with "
        "--except.",
    )


def test_06_nobody_makes_up_a_proof(story: Story) -> None:
    """A colleague lets the sandbox's proof name another charge."""
    colleague = story.company.branch("colleague", "made-up")
    colleague.edit("proofs/run-1.json", "DynamicUsageCharge/C-00000042", "DynamicUsageCharge/C-00000043")
    colleague.write("production/hasty.yaml", BACKFILL.replace("C-00000042", "C-00000043"))
    colleague.push("It was proven, was it not?")

    told(
        story.company.pull_request("made-up").reconciler("plan", "-e", "production", "--only", "Dynamic*"),
        3,
        "proofs/run-1.json: error: the proof is not trusted [untrusted-proof]",
        "proofs/run-1.json: the signature of release@ci does not hold for it.",
    )


def test_07_what_is_proven_is_promoted_on_a_branch_as_a_small_diff(story: Story) -> None:
    analyst = story.company.branch("analyst", "to-production")

    told(
        analyst.reconciler("promote", "--from", "sandbox", "--to", "production"),
        0,
        "production/q4-backfill.yaml",
        "6 declarations promoted from sandbox to production, 0 there already, 0 left out",
    )
    analyst.push("Promote the backfill")
    assert analyst.git("diff", "--name-only", "main").split() == ["production/q4-backfill.yaml"]
    assert analyst.read("production/q4-backfill.yaml") == BACKFILL


def test_08_a_guardrail_of_production_refuses_the_pull_request(story: Story) -> None:
    ci = story.company.pull_request("to-production")

    told(
        ci.reconciler("plan", "-e", "production", "--detailed-exitcode", "--markdown", "comment.md"),
        9,
        "! max_remigrate refuses this plan: 6 calls with reMigrate in this plan, and 4 are allowed.",
        "Take a part of it with --only, or have allow: [{rule: max_remigrate, for: PLAN_ID, reason: WHY, until: DATE}] "
        "reviewed, under guardrails of production in reconciler.yaml.",
    )
    seen(
        ci.read("comment.md"),
        "### Refused by the guardrails of this environment: nothing of it can be applied",
        "! max_remigrate: 6 calls with reMigrate in this plan, and 4 are allowed",
    )


def test_09_a_line_agreed_with_revenue_mends_it_and_its_plan_is_approved(story: Story) -> None:
    analyst = story.company.work_on("analyst", "to-production")
    allowed = '{rule: max_remigrate, for: "file:production/q4-backfill.yaml", reason: REV-1300, until: "2126-12-31"}'
    analyst.edit("reconciler.yaml", "max_remigrate: 4,", f"max_remigrate: 4, allow: [{allowed}],")
    told(analyst.reconciler("fmt"), 0)
    analyst.push("Allow what was agreed with revenue")

    ci = story.company.pull_request("to-production")
    told(
        ci.reconciler("plan", "-e", "production", "--detailed-exitcode", "--out", "../plan.json"),
        2,
        "Plan: 6 calls to the platform (6 regenerate).",
        "warning: max_remigrate is lifted for file:production/q4-backfill.yaml to the end of 2126-12-31",
    )
    story.saved = ci.folder.parent / "plan.json"
    story.stale = json.loads(story.saved.read_bytes())["plan_id"]
    story.company.merge("to-production", "analyst")


def test_10_another_merge_makes_the_approved_plan_stale(story: Story) -> None:
    colleague = story.company.branch("colleague", "wait-for-the-item")
    colleague.edit("production/q4-backfill.yaml", ITEM_LINES, "")
    colleague.push("Leave the order line item for later")
    story.company.merge("wait-for-the-item", "colleague")

    told(
        production_job(story).apply_script("production", str(story.saved), "--confirm", "production"),
        5,
        f"Stale plan\n  {story.stale} no longer holds. What has moved:",
        f"the specs: {ITEM} is no longer declared.",
        "Nothing was sent.",
    )
    told(
        production_job(story).apply_script("production", "--expect", story.stale, "--confirm", "production"),
        5,
        "Stale plan",
        "what is planned now has the id p1-",
        "Nothing was sent.",
    )
    assert story.production.ledger() == []


def test_11_without_production_s_name_nothing_is_sent(story: Story) -> None:
    planned = story.company.main().reconciler("plan", "-e", "production", "--json")
    story.approvals.append(planned.document["plan_id"])

    told(
        production_job(story).apply_script("production", "--expect", story.approvals[-1]),
        1,
        "error: Nobody to ask\n  There is no terminal to answer at. Nothing was sent.",
        "hint: Read the plan above, then apply with --confirm production.",
    )
    assert story.production.ledger() == []


def test_12_credentials_of_another_tenant_are_refused_before_the_first_call(story: Story) -> None:
    """At the platform, too, one host serves many tenants: the sandbox's credentials get a token, of the wrong one."""
    told(
        apply_approved(story, production_job(story, SANDBOX)),
        8,
        "error: Wrong tenant\n  The project file says tenant 20002, and the credentials are of tenant 10001. "
        "Nothing was sent.",
    )
    assert story.production.ledger() == []
    assert "state/production.json" not in story.company.main().git("ls-files").split()


def test_13_an_answer_is_lost_and_the_run_ends_with_its_doubt_on_record(story: Story) -> None:
    """The call is carried out; its gateway says 503 and asks for a quarter of an hour, and nobody waits for that."""
    gone = {"kind": "gateway", "status": 503, "retry_after": 900}
    story.production.misbehave(
        {"name": "gone", "match": {"target": in_production(TWO[0])[0]}, "when": "after", "fault": gone}
    )

    told(
        apply_approved(story, production_job(story), "--concurrency", "1"),
        6,
        "Applied: 2 done, 1 in doubt, 2 not started.",
    )
    assert story.production.regenerated() == in_production(CHARGE, ONE, TWO[0])
    told(
        story.company.main().reconciler("plan", "-e", "production", "--detailed-exitcode"),
        2,
        f"> {TWO[0]}",
        "Plan: 3 calls to the platform (2 regenerate, 1 resume).",
    )


def test_14_the_same_approval_does_the_rest_on_another_machine_and_nothing_twice(story: Story) -> None:
    story.production.misbehave()

    told(apply_approved(story, production_job(story)), 0, "Applied: 3 done.")
    told(story.company.main().reconciler("plan", "-e", "production", "--detailed-exitcode"), 0)
    assert story.production.regenerated() == in_production(CHARGE, ONE, *TWO)


def test_15_a_refresh_of_the_sandbox_voids_what_was_shown_there(story: Story) -> None:
    story.sandbox.refresh()
    refreshed_at = a_moment_that_has_passed()
    analyst = story.company.branch("analyst", "refresh")
    analyst.edit("reconciler.yaml", "    signing_key", f'    refreshed_at: "{refreshed_at}"\n    signing_key')
    analyst.write("production/q4-backfill.yaml", BACKFILL)
    told(analyst.reconciler("fmt"), 0)
    analyst.push("The sandbox was refreshed, and the order line item may go")

    ci = story.company.pull_request("refresh")
    told(
        ci.reconciler("plan", "-e", "sandbox", "--detailed-exitcode"),
        2,
        *(f"{address}  sandbox was refreshed at {refreshed_at}: what was before is void" for address in ALL),
        "Plan: 6 calls to the platform",
    )
    told(
        ci.reconciler("plan", "-e", "production", "--detailed-exitcode"),
        9,
        f"! promotes_from refuses this plan: 1 of 1 new call not proven in sandbox: {ITEM} "
        "[production/q4-backfill.yaml:10:5] it was applied there at",
        f"before the refresh of {refreshed_at}. Apply them in sandbox first",
    )


def test_16_shown_again_in_the_sandbox_the_item_may_go_to_production(story: Story) -> None:
    story.company.merge("refresh", "analyst")

    job = sandbox_job(story)
    told(job.apply_script("sandbox", "--proof", "proofs/run-2.json"), 0, "Applied: 6 done.")
    job.push("Keep the proof of what was shown again")
    planned = story.company.main().reconciler("plan", "-e", "production", "--json")
    story.approvals.append(planned.document["plan_id"])
    told(apply_approved(story, production_job(story)), 0, "Applied: 1 done.")


def test_17_the_history_tells_who_did_what_under_which_plan_and_how_it_ended(story: Story) -> None:
    main = story.company.main()
    first, second = (each[:15] for each in story.approvals)

    told(
        main.reconciler("state", "history", "-e", "sandbox"),
        0,
        "6 calls: 6 done [analyst]",
        "6 calls: 6 done [analyst]",
    )
    told(
        main.reconciler("state", "history", "-e", "production"),
        0,
        f"apply {first} 3 calls: 2 done, 1 in doubt, 2 not started [approver]",
        f"apply {first} 3 calls: 3 done [approver]",
        f"apply {second} 1 call: 1 done [approver]",
    )
    told(
        main.reconciler("state", "show", TWO[0], "-e", "production"),
        0,
        "sent as Subscription/A-S00007002@1",
        "author colleague <colleague@example.org>",
        "ids 2c98",
    )


def test_18_the_ledgers_have_what_was_declared_each_once_and_nothing_is_left(story: Story) -> None:
    before_refresh, sandbox, production = story.sandbox.ledger(0), story.sandbox.ledger(), story.production.ledger()

    ledgers = ((before_refresh, "10001", ALL), (sandbox, "10001", ALL), (production, "20002", in_production(*ALL)))
    for ledger, tenant, targets in ledgers:
        assert sorted(effect["target"] for effect in ledger) == targets
        assert {effect["tenant"] for effect in ledger} == {tenant}
        assert {(effect["onlyReSend"], effect["reMigrate"]) for effect in ledger} == {(False, True)}
    assert len({effect["idempotencyKey"] for effect in (*before_refresh, *sandbox, *production)}) == 18
    main = story.company.main()
    for name in ("sandbox", "production"):
        told(main.reconciler("plan", "-e", name, "--detailed-exitcode"), 0)
