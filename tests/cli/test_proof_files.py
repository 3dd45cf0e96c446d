"""Production takes files of proofs in place of sandbox's state: which it relies on, and what it says of all others."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from commands import Ended, Project, refuse
from signers import allow, needs_ssh_keygen, new_key
from two_tenants import HEAD, ONE, OTHER, state_of, with_production

from reconciler.core.evidence import Against, Evidence, Shown
from reconciler.core.run import Outcome
from reconciler.core.tenancy import PlatformKind
from reconciler.core.timestamp import timestamp
from reconciler.emulator.database import open_database
from reconciler.emulator.fault_rules import load_faults
from reconciler.formats.proof_document import read_evidence, write_evidence
from reconciler.ports import Secret
from reconciler.workspace.signing import sign

FILES = "{environment: sandbox, accept_emulator: true, proofs: proofs, max_age: 14d}"
SIGNED = FILES.replace("max_age", "allowed_signers: .allowed_signers, max_age")
SANDBOX = ("apply", "-e", "sandbox", "--yes", "--proof")
PRODUCTION = ("apply", "-e", "production", "--yes")
PLAN = ("plan", "-e", "production", "--detailed-exitcode")
FIRST, SECOND = "proofs/run-1.json", "proofs/run-2.json"
SIGNING = "signing_key: {env: SIGNING_KEY}"


def without_sandbox(project: Project) -> None:
    """Leave of sandbox no more than a pipeline of production has: what would be its state cannot even be read."""
    shutil.rmtree(project.folder / "state")
    (project.folder / ".reconciler/sandbox.db").unlink()
    project.write("state/sandbox.json", "{")


def edited(project: Project, path: str, change: Callable[[Evidence], Evidence], to: str = "") -> bytes:
    """Write the file as a run would have that has seen something else."""
    content = write_evidence(change(read_evidence((project.folder / path).read_bytes(), path)))
    (project.folder / (to or path)).write_bytes(content)
    return content


def sandbox_misbehaves(project: Project, *rules: dict[str, object]) -> None:
    database = str(project.folder / ".reconciler/sandbox.db")
    open_database(database).close()
    load_faults(database, {"version": 1, "rules": list(rules)})


@pytest.fixture
def brought(project: Project) -> Project:
    """A project whose sandbox has applied both declarations and left a proof, and nothing else."""
    with_production(project, FILES)
    assert project.run(*SANDBOX, FIRST).status == 0
    without_sandbox(project)
    return project


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return new_key(tmp_path, "release")


@pytest.fixture
def signed(project: Project, tmp_path: Path, key: Path) -> Project:
    """Likewise, signed, where production allows the key."""
    with_production(project, SIGNED, sandbox=SIGNING)
    project.write(".allowed_signers", allow(tmp_path, key).read_text())
    assert project.run(*SANDBOX, FIRST, variables={"SIGNING_KEY": key.read_text()}).status == 0
    without_sandbox(project)
    return project


def refused_with(ended: Ended, head: str, *said: str) -> None:
    """Production is not planned, for this reason alone."""
    assert ended.status == 3
    assert ended.out == ""
    lines = ended.err.splitlines()
    assert lines[: 1 + len(said)] == [head, *(f"  {each}" for each in said)]
    assert lines[-1].startswith("1 problem found;")


@needs_ssh_keygen
def test_production_plans_and_applies_by_signed_files_without_the_state_of_sandbox(signed: Project) -> None:
    plan = signed.run(*PLAN)

    assert (plan.status, plan.err) == (2, "")
    assert "not proven" not in plan.out
    assert signed.run(*PRODUCTION).status == 0
    assert signed.run(*PLAN).status == 0
    assert state_of(signed, "production")["entries"].keys() == {ONE, OTHER}


@needs_ssh_keygen
def test_a_saved_plan_is_judged_by_the_files_again_when_it_is_applied(signed: Project) -> None:
    assert signed.run("plan", "-e", "production", "--out", "p.json").status == 0
    kept = (signed.folder / FIRST).read_bytes()
    (signed.folder / FIRST).unlink()
    (signed.folder / f"{FIRST}.sig").rename(signed.folder / "kept.sig")

    assert signed.run("apply", "p.json").status == 3
    (signed.folder / FIRST).write_bytes(kept)
    (signed.folder / "kept.sig").rename(signed.folder / f"{FIRST}.sig")
    assert signed.run("apply", "p.json").status == 0
    assert signed.run("apply", "p.json").status == 0


def test_files_that_nobody_need_have_signed_are_warned_of_once(brought: Project) -> None:
    plan = brought.run(*PLAN)

    assert plan.status == 2
    assert plan.err.splitlines() == [
        (
            "reconciler.yaml:13:20: warning: the proofs of sandbox are taken without a look at who has signed them "
            "[unsigned-proofs]"
        ),
        "  Whoever can write proofs can say that anything was applied in sandbox.",
        "  hint: Configure signing_key in sandbox, and name its public key in a file of allowed_signers here.",
    ]
    assert brought.run(*PRODUCTION).err.count("[unsigned-proofs]") == 1


def test_what_no_file_tells_of_is_not_proven(project: Project) -> None:
    with_production(project, FILES)
    assert project.run(*SANDBOX, FIRST, "--only", ONE).status == 0
    without_sandbox(project)
    plan = project.run(*PLAN)

    assert plan.status == 9
    assert plan.out.splitlines()[1:3] == [
        (
            f"  ! promotes_from refuses this plan: 1 of 2 new calls not proven in sandbox: {OTHER} "
            "[production/q4-backfill.yaml:6:5] no proof there is tells of it."
        ),
        (
            "    Apply them in sandbox first, and bring the file of `apply --proof` or `state proof`, or leave them "
            "out with --except."
        ),
    ]


def test_what_the_state_has_shown_proves_what_no_file_of_a_run_tells_of(project: Project) -> None:
    """A run without --proof has folded what a killed one had been answered: nothing is sent again for its sake."""
    with_production(project, FILES)
    assert project.run(*SANDBOX, FIRST, "--only", ONE).status == 0
    assert project.run("apply", "-e", "sandbox", "--yes").status == 0
    before = project.run("state", "proof", "-e", "sandbox", SECOND)
    without_sandbox(project)

    assert (before.status, before.err) == (0, f"2 proofs in {SECOND}.\n")
    assert project.run(*PLAN).status == 2
    (project.folder / FIRST).unlink()
    assert project.run(*PLAN).status == 2


def test_what_a_person_has_said_since_is_no_proof_in_a_file_of_the_state(project: Project) -> None:
    with_production(project, FILES)
    sandbox_misbehaves(project, {"name": "gone", "match": {"target": ONE}, "fault": {"kind": "system_error"}})
    project.run(*SANDBOX, FIRST)
    done = ("state", "resolve", "-e", "sandbox", ONE, "--as", "done", "--reason", "looked", "--ids", "x")
    assert project.run(*done).status == 0
    assert project.run("state", "proof", "-e", "sandbox", SECOND).status == 0
    without_sandbox(project)
    (project.folder / FIRST).unlink()
    plan = project.run(*PLAN)

    assert plan.status == 9
    assert "1 of 2 new calls not proven in sandbox" in plan.out
    assert f", and only a person has said how it ended ({SECOND})" in plan.out


def test_what_was_applied_to_another_object_there_is_no_proof(project: Project) -> None:
    """The key map of sandbox is in the project, wherever its state is."""
    with_production(project, FILES, sandbox="keys: keys/sandbox.csv")
    head = "field,as_written,in_tenant\nsubscriptionName,A-S00000002,A-S00000002\n"
    project.write("keys/sandbox.csv", f"{head}subscriptionName,A-S00000001,A-S00000005\n")
    assert project.run(*SANDBOX, FIRST).status == 0
    assert project.run("state", "proof", "-e", "sandbox", SECOND).status == 0
    for name in (FIRST, SECOND):
        document = json.loads((project.folder / name).read_bytes())
        assert [each.get("target") for each in document["proofs"]] == ["Subscription/A-S00000005@1", None]
    without_sandbox(project)
    assert project.run(*PLAN).status == 2

    project.write("keys/sandbox.csv", f"{head}subscriptionName,A-S00000001,A-S00000001\n")
    plan = project.run(*PLAN)
    assert plan.status == 9
    assert (
        f"1 of 2 new calls not proven in sandbox: {ONE} [production/q4-backfill.yaml:5:5] it was applied there to "
        f"Subscription/A-S00000005@1, and keys/sandbox.csv there says {ONE} now"
    ) in plan.out


@needs_ssh_keygen
def test_what_the_state_shows_is_signed_like_what_a_run_shows(project: Project, tmp_path: Path, key: Path) -> None:
    with_production(project, SIGNED, sandbox=SIGNING)
    project.write(".allowed_signers", allow(tmp_path, key).read_text())
    assert project.run("apply", "-e", "sandbox", "--yes").status == 0
    told = project.run("state", "proof", "-e", "sandbox", FIRST, variables={"SIGNING_KEY": key.read_text()})
    without_sandbox(project)

    assert (told.status, told.err) == (0, f"2 proofs in {FIRST}, signed in run-1.json.sig.\n")
    assert project.run(*PLAN).status == 2


def test_promote_takes_files_as_well(brought: Project) -> None:
    brought.write("production/q4-backfill.yaml", f"{HEAD}subscriptions:\n  - {{subscriptionId: x}}\n")
    edited(brought, FIRST, lambda found: replace(found, shown=found.shown[:1]))
    done = brought.run("promote", "--from", "sandbox", "--to", "production")

    assert done.status == 0
    assert done.err.count("[unsigned-proofs]") == 1
    assert done.err.splitlines()[-2:] == [
        "1 declaration promoted from sandbox to production, 0 there already, 1 left out:",
        f"  {OTHER}  no proof there is tells of it  [sandbox/q4-backfill.yaml:6:5]",
    ]


@needs_ssh_keygen
def test_one_altered_byte_is_refused_whether_it_is_signed_or_not(signed: Project) -> None:
    content = (signed.folder / FIRST).read_bytes()
    (signed.folder / FIRST).write_bytes(content.replace(b'"call": 0', b'"call": 1', 1))

    refused_with(
        signed.run(*PLAN),
        f"{FIRST}: error: the proof is not trusted [untrusted-proof]",
        f"{FIRST}: the signature of release@ci does not hold for it.",
        "hint: Take the proof from the run that has signed it, or add its key to the allowed signers.",
    )
    with_production(signed, FILES)
    refused_with(
        signed.run(*PLAN),
        f"{FIRST}: error: the proof is not what was written: some of its bytes have changed since [altered-proof]",
        "hint: Get it anew from the run that has written it.",
    )


@needs_ssh_keygen
def test_a_proof_without_its_signature_is_refused(signed: Project) -> None:
    (signed.folder / f"{FIRST}.sig").unlink()

    refused_with(
        signed.run(*PLAN),
        f"{FIRST}: error: the proof is not trusted [untrusted-proof]",
        f"{FIRST}.sig is not there, and allowed_signers asks for a signature.",
        "hint: Bring the signature from the run as well. It is written where signing_key is configured.",
    )


@needs_ssh_keygen
def test_a_signature_without_its_proof_is_refused(signed: Project) -> None:
    shutil.copy(signed.folder / f"{FIRST}.sig", signed.folder / f"{SECOND}.sig")

    refused_with(
        signed.run(*PLAN),
        f"{SECOND}.sig: error: a signature without its proof [lone-signature]",
        f"{SECOND} is no proof here; what it has shown is not known.",
        "hint: Bring the proof as well, or take its signature out.",
    )


def test_a_proof_that_speaks_against_a_call_is_not_skipped_for_its_name(brought: Project) -> None:
    """Nor one whose line ends were converted; what is none may have any name."""
    (brought.folder / "proofs/later").write_bytes((brought.folder / FIRST).read_bytes())
    content = (brought.folder / FIRST).read_bytes().replace(b"\n", b"\r\n")
    (brought.folder / "proofs/run-2.json.bak").write_bytes(content)
    brought.write("proofs/README.md", "{}")
    brought.write("proofs/gone.sig", "")
    (brought.folder / "proofs/broken").symlink_to("nowhere")
    plan = brought.run(*PLAN)

    assert plan.status == 3
    assert [line for line in plan.err.splitlines() if ": error: " in line] == [
        "proofs/broken: error: the file cannot be read: No such file or directory [unreadable]",
        "proofs/gone.sig: error: a signature without its proof [lone-signature]",
        "proofs/later: error: a proof with another name than proofs have [misnamed-proof]",
        "proofs/run-2.json.bak: error: a proof with another name than proofs have [misnamed-proof]",
    ]
    assert "  Only files named *.json are taken for proofs.\n" in plan.err
    assert "  hint: Name it *.json, and its signature likewise.\n" in plan.err


@needs_ssh_keygen
def test_the_signature_of_somebody_else_is_refused(signed: Project, tmp_path: Path) -> None:
    signed.write(".allowed_signers", allow(tmp_path, new_key(tmp_path, "other")).read_text())

    refused_with(
        signed.run(*PLAN),
        f"{FIRST}: error: the proof is not trusted [untrusted-proof]",
        f"{FIRST}: it is signed by nobody whom the allowed signers name.",
        "hint: Take the proof from the run that has signed it, or add its key to the allowed signers.",
    )


@needs_ssh_keygen
def test_the_signature_of_another_proof_is_refused(signed: Project, key: Path) -> None:
    other = edited(signed, FIRST, lambda found: replace(found, run="another"), to="other.json")
    (signed.folder / f"{FIRST}.sig").write_bytes(sign(other, Secret(key.read_text())))

    refused_with(
        signed.run(*PLAN),
        f"{FIRST}: error: the proof is not trusted [untrusted-proof]",
        f"{FIRST}: the signature of release@ci does not hold for it.",
    )


@needs_ssh_keygen
def test_nothing_but_a_signature_is_one(signed: Project) -> None:
    signed.write(f"{FIRST}.sig", "")

    refused_with(
        signed.run(*PLAN),
        f"{FIRST}: error: the proof is not trusted [untrusted-proof]",
        f"{FIRST}: it is signed by nobody whom the allowed signers name.",
    )


@needs_ssh_keygen
def test_allowed_signers_that_cannot_be_read_let_nothing_pass(signed: Project) -> None:
    (signed.folder / ".allowed_signers").unlink()

    refused_with(
        signed.run(*PLAN),
        ".allowed_signers: error: the file cannot be read: No such file or directory [unreadable]",
        "hint: Put a regular file there. A line of it names one who may sign, and the public key: "
        "release@example.com ssh-ed25519 AAAAC3Nza...",
    )


@needs_ssh_keygen
@pytest.mark.parametrize("proofs", ["proofs", FIRST])
@pytest.mark.parametrize("there", ["../signers", "proofs/signers"])
def test_allowed_signers_are_not_reached_by_a_link_to_where_nobody_reviews_them(
    signed: Project, there: str, proofs: str
) -> None:
    signed.edit("reconciler.yaml", "proofs: proofs", f"proofs: {proofs}")
    allowed = signed.folder / ".allowed_signers"
    allowed.rename(signed.folder / there)
    allowed.symlink_to(there)

    refused_with(
        signed.run(*PLAN),
        "reconciler.yaml:13:20: error: allowed_signers is a link to where nobody reviews it [signers-outside]",
        ".allowed_signers leads out of the project folder or among the proofs.",
        "hint: Put the file itself there.",
    )


@needs_ssh_keygen
def test_without_ssh_keygen_signatures_cannot_be_looked_at(signed: Project, tmp_path: Path) -> None:
    plan = signed.run(*PLAN, variables={"PATH": str(tmp_path)})

    assert plan.status == 1
    assert "error: No SSH signatures here" in plan.err
    assert "hint: Install OpenSSH's ssh-keygen, 8.2 or later." in plan.err


FOREIGN: dict[str, Callable[[Evidence], Evidence]] = {
    "project 'other', and 'acme-revenue' is expected": lambda found: replace(found, project="other"),
    "environment 'test', and 'sandbox' is expected": lambda found: replace(found, environment="test"),
}


@pytest.mark.parametrize(("said", "change"), FOREIGN.items())
def test_a_foreign_proof_is_refused_with_what_it_says(
    brought: Project, said: str, change: Callable[[Evidence], Evidence]
) -> None:
    edited(brought, FIRST, change)

    refused_with(
        brought.run(*PLAN),
        f"{FIRST}: error: this is no proof of sandbox [foreign-proof]",
        f"It says {said}.",
        "hint: Take it out, and bring the file that `apply -e sandbox --proof` of this project has written.",
    )


def in_a_tenant(project: Project) -> None:
    """Let sandbox be a tenant of the platform whose credentials nobody here has."""
    secret = "{env: NOT_SET}"
    api = (
        "{base_url: https://rest.test.zuora.com, tenant: '12345', "
        f"credentials: {{client_id: {secret}, client_secret: {secret}}}}}"
    )
    project.edit("reconciler.yaml", "{emulator: .reconciler/sandbox.db}", api)
    project.edit("reconciler.yaml", "accept_emulator: true, ", "")


def test_a_proof_of_another_tenant_is_refused_and_one_of_the_right_tenant_needs_no_credentials(
    brought: Project,
) -> None:
    in_a_tenant(brought)
    edited(brought, FIRST, lambda found: replace(found, platform=PlatformKind.ZUORA, tenant="12345"))
    assert brought.run(*PLAN).status == 2

    edited(brought, FIRST, lambda found: replace(found, tenant="67890"))
    refused_with(
        brought.run(*PLAN),
        f"{FIRST}: error: this is no proof of sandbox [foreign-proof]",
        "It says tenant '67890', and '12345' is expected.",
    )


def test_an_emulator_s_proof_is_refused_unless_the_project_file_says_so(brought: Project) -> None:
    brought.edit("reconciler.yaml", "accept_emulator: true, ", "")

    refused_with(
        brought.run(*PLAN),
        f"{FIRST}: error: an emulator has answered in this run [emulator-proof]",
        "What an emulator carries out proves nothing of the platform.",
        "hint: Take the proof of a run in the tenant of sandbox, or set accept_emulator: true in promotes_from.",
    )


def at(age: timedelta) -> Callable[[Evidence], Evidence]:
    when = timestamp(datetime.now(UTC) - age)
    return lambda found: replace(found, shown=tuple(replace(each, at=when) for each in found.shown))


def test_a_proof_that_is_too_old_or_too_young_does_not_count(brought: Project) -> None:
    edited(brought, FIRST, at(timedelta(days=15)))
    plan = brought.run(*PLAN)
    assert plan.status == 9
    assert plan.out.count(", and counted until ") == 4

    brought.edit("reconciler.yaml", "max_age: 14d", "max_age: 14d, soak: 2d")
    edited(brought, FIRST, at(timedelta(days=1)))
    plan = brought.run(*PLAN)
    assert plan.status == 9
    assert plan.out.count(", and counts from ") == 4
    edited(brought, FIRST, at(timedelta(days=3)))
    assert brought.run(*PLAN).status == 2


def test_a_refresh_voids_the_proofs_of_before(brought: Project) -> None:
    edited(brought, FIRST, at(timedelta(days=1)))
    refreshed_at = timestamp(datetime.now(UTC) - timedelta(hours=1))
    brought.edit(
        "reconciler.yaml",
        "state: {file: state/sandbox.json}",
        f'refreshed_at: "{refreshed_at}"\n    state: {{file: x}}',
    )
    plan = brought.run(*PLAN)

    assert plan.status == 9
    assert f", before the refresh of {refreshed_at}" in plan.out


def test_a_later_refusal_in_another_file_speaks_against_a_proof(project: Project) -> None:
    with_production(project, FILES)
    assert project.run(*SANDBOX, FIRST).status == 0
    project.edit("sandbox/q4-backfill.yaml", "2026-11-backfill", "2026-12-backfill")
    sandbox_misbehaves(project, refuse(ONE))
    assert project.run(*SANDBOX, SECOND, "--only", ONE).status == 1
    without_sandbox(project)
    plan = project.run(*PLAN)

    assert plan.status == 9
    assert "1 of 2 new calls not proven in sandbox" in plan.out
    assert "call 1 was refused there: " in plan.out
    assert f"({SECOND})" in plan.out


def test_a_doubt_is_settled_by_what_another_file_tells_of_the_same_call(brought: Project) -> None:
    def doubted(found: Evidence) -> Evidence:
        return replace(found, run="earlier", shown=(), against=tuple(map(in_doubt, found.shown)))

    def in_doubt(each: Shown) -> Against:
        return Against(
            address=each.address,
            digest=each.digest,
            call=each.call,
            outcome=Outcome.IN_DOUBT,
            at=each.at,
            said=None,
        )

    edited(brought, FIRST, doubted, to=SECOND)
    assert brought.run(*PLAN).status == 2

    (brought.folder / FIRST).unlink()
    plan = brought.run(*PLAN)
    assert plan.status == 9
    assert "call 0 is in doubt there since " in plan.out
    assert f"({SECOND})" in plan.out


def test_files_of_two_states_are_refused_with_both_names(brought: Project) -> None:
    edited(brought, FIRST, lambda found: replace(found, lineage="another"), to=SECOND)
    lineage = json.loads((brought.folder / FIRST).read_bytes())["lineage"]

    refused_with(
        brought.run(*PLAN),
        f"{SECOND}: error: this proof and {FIRST} are of two states of sandbox [two-lineages]",
        (
            f"Their lineages are another and {lineage}. Each state numbers its calls from 0, so nobody can tell what "
            "came last."
        ),
        "hint: Take out the files of the state that is no longer used.",
    )


def test_one_file_under_two_names_or_in_a_folder_below_is_no_harm(brought: Project) -> None:
    (brought.folder / "proofs/run-7").mkdir()
    shutil.copy(brought.folder / FIRST, brought.folder / "proofs/run-7/proof.json")
    brought.write("proofs/README.md", "What a pipeline has brought.")

    assert brought.run(*PLAN).status == 2


def test_one_file_may_be_named_instead_of_a_folder(brought: Project) -> None:
    brought.edit("reconciler.yaml", "proofs: proofs", f"proofs: {FIRST}")
    assert brought.run(*PLAN).status == 2

    brought.edit("reconciler.yaml", f"proofs: {FIRST}", f"proofs: {SECOND}")
    assert f"there are no proofs of sandbox: {SECOND} is not there [no-proofs]" in brought.run(*PLAN).err
    (brought.folder / FIRST).rename(brought.folder / "proofs/r1")
    brought.edit("reconciler.yaml", f"proofs: {SECOND}", "proofs: proofs/r1")
    assert "proofs/r1: error: a proof with another name than proofs have [misnamed-proof]" in brought.run(*PLAN).err
    brought.write("proofs/r1", "{}")
    assert "there are no proofs of sandbox: proofs/r1 is no *.json [no-proofs]" in brought.run(*PLAN).err


@pytest.mark.parametrize(("made", "why"), [(False, "proofs is not there"), (True, "proofs holds no *.json")])
def test_no_proofs_at_all_are_told_as_such(project: Project, made: bool, why: str) -> None:  # noqa: FBT001
    with_production(project, FILES)
    if made:
        project.write("proofs/README.md", "Nothing yet.")

    refused_with(
        project.run(*PLAN),
        f"reconciler.yaml:13:20: error: there are no proofs of sandbox: {why} [no-proofs]",
        "Proofs are what runs in sandbox have shown, in the files of `apply --proof`.",
        "hint: Bring them from the job that applies there, its signatures with them, before planning.",
    )


def test_what_else_stands_there_as_json_is_refused_and_not_skipped(brought: Project) -> None:
    brought.write("proofs/.hidden.json", "{}")
    brought.write("proofs/state.json", '{"version": 1}\n')
    (brought.folder / "proofs/gone.json").symlink_to("nowhere.json")
    (brought.folder / "proofs/more").symlink_to("../production")
    plan = brought.run(*PLAN)

    assert plan.status == 3
    assert [line for line in plan.err.splitlines() if ": error: " in line] == [
        (
            "proofs/.hidden.json: error: the proof is not what was written: it does not end as a document of ours ends "
            "[altered-proof]"
        ),
        "proofs/gone.json: error: the file cannot be read: No such file or directory [unreadable]",
        "proofs/more: error: a link to a folder is not followed [linked-folder]",
        (
            "proofs/state.json: error: the proof is not what was written: it does not end as a document of ours ends "
            "[altered-proof]"
        ),
    ]


@pytest.mark.parametrize("path", ["proofs", FIRST])
def test_no_link_leads_to_proofs_out_of_the_project(brought: Project, path: str) -> None:
    """What is there stands with no other file of the project, and nobody finds it in a review."""
    there = brought.folder.parent / "elsewhere"
    (brought.folder / path).rename(there)
    (brought.folder / path).symlink_to(there)
    said = f"{path}: error: the file cannot be read: a link leads out of the project folder [unreadable]"
    refused_with(brought.run(*PLAN), said, "hint: Put what it leads to there.")

    brought.edit("reconciler.yaml", "proofs: proofs", f"proofs: {FIRST}")
    said = f"{FIRST}: error: the file cannot be read: a link leads out of the project folder [unreadable]"
    refused_with(brought.run(*PLAN), said, "hint: Put what it leads to there.")

    within = brought.folder / "artifacts"
    there.rename(within)
    (brought.folder / path).unlink()
    (brought.folder / path).symlink_to(within)
    assert brought.run(*PLAN).status == 2


def test_a_production_that_has_nothing_to_send_needs_no_proofs(brought: Project) -> None:
    assert brought.run(*PRODUCTION).status == 0
    shutil.rmtree(brought.folder / "proofs")

    plan = brought.run(*PLAN)
    assert (plan.status, plan.err) == (0, "")


def test_files_without_a_greatest_age_are_a_fault_of_the_project_file(brought: Project) -> None:
    brought.edit("reconciler.yaml", ", max_age: 14d", "")

    plan = brought.run(*PLAN)
    assert plan.status == 3
    assert plan.err.startswith("reconciler.yaml:13:66: error: proofs stands without max_age [no-max-age]\n")
    assert "No file tells of what came after it: a proof by file must grow too old.\n" in plan.err
    assert "hint: Write max_age: and how old a proof may be, such as 14d.\n" in plan.err
