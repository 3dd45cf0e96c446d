"""What a run has shown, in a file that a later environment can rely on: whole, and signed by somebody it knows."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from commands import Project, refuse
from signers import allow, needs_ssh_keygen, new_key

from reconciler.core.diagnostics import InvalidInput
from reconciler.core.run import Outcome
from reconciler.formats.proof_document import read_evidence
from reconciler.formats.schema import SchemaSet
from reconciler.workspace.schemas import load_schemas
from reconciler.workspace.signing import BadSignature, verify

FIRST, SECOND = "Subscription/A-S00000001@1", "Subscription/A-S00000002@1"


@pytest.fixture
def signing(project: Project, tmp_path: Path) -> Project:
    """A project whose runs are signed by a key that a variable holds."""
    new_key(tmp_path, "release")
    text = (project.folder / "reconciler.yaml").read_text()
    place = "state: {file: .reconciler/local.state.json}\n"
    assert place in text
    project.write("reconciler.yaml", text.replace(place, f"{place}    signing_key: {{env: SIGNING_KEY}}\n", 1))
    return project


def applied(project: Project, tmp_path: Path, *options: str) -> tuple[int, bytes, bytes]:
    key = (tmp_path / "release").read_text()
    ended = project.run("apply", "--yes", "--proof", "proof.json", *options, variables={"SIGNING_KEY": key})
    files = [project.folder / name for name in ("proof.json", "proof.json.sig")]
    assert all(path.exists() for path in files), ended.err
    return ended.status, files[0].read_bytes(), files[1].read_bytes()


def test_a_run_writes_what_the_platform_has_done_in_it(project: Project) -> None:
    ended = project.run("apply", "--yes", "--only", FIRST, "--proof", "out/proof.json")
    content = (project.folder / "out" / "proof.json").read_bytes()
    told = read_evidence(content, "proof.json")
    known = project.state["entries"][FIRST]["applied"]

    assert ended.status == 0
    assert [(each.address, each.digest, list(each.ids), each.call) for each in told.shown] == [
        (FIRST, known["digest"], known["idList"], 0)
    ]
    assert (told.platform, told.environment, told.plan_id) == ("emulator", "local", project.state["history"][0]["plan"])
    assert (told.tenant, told.lineage) == (project.state["tenant"], project.state["lineage"])
    assert list(SchemaSet(load_schemas()).violations("proof.schema.json", json.loads(content))) == []


def test_what_was_refused_speaks_against_it_and_what_was_done_before_is_not_shown_again(project: Project) -> None:
    project.run("apply", "--yes", "--only", FIRST)
    project.rehearse(refuse(SECOND))
    project.run("apply", "--yes", "--only", FIRST, "--only", SECOND, "--proof", "proof.json")
    told = read_evidence((project.folder / "proof.json").read_bytes(), "proof.json")

    assert told.shown == ()
    known = project.state["entries"][SECOND]["refused"]
    assert [(each.address, each.digest, each.call, each.outcome, each.at) for each in told.against] == [
        (SECOND, known["digest"], 0, Outcome.REFUSED, known["at"])
    ]
    assert told.against[0].said == f"{known['code']} {known['message']}"
    document = json.loads((project.folder / "proof.json").read_bytes())
    assert list(SchemaSet(load_schemas()).violations("proof.schema.json", document)) == []


def test_a_proof_tells_in_which_epoch_of_the_state_its_calls_are_numbered(project: Project) -> None:
    project.run("apply", "--yes", "--only", FIRST)
    project.run("state", "restore", ".reconciler/local.state.json", "--reason", "a rehearsal")
    project.run("state", "resolve", "--only", "*", "--as", "not-done", "--reason", "nothing was lost")
    project.run("state", "resolve", "--unlisted", "--as", "not-done", "--reason", "nothing was lost")
    ended = project.run("apply", "--yes", "--only", SECOND, "--proof", "proof.json")
    told = read_evidence((project.folder / "proof.json").read_bytes(), "proof.json")

    assert ended.status == 0
    assert (len(told.shown), told.epoch) == (1, project.state["epoch"])
    assert told.epoch > 0


def kill(project: Project) -> None:
    """Kill a run that has an answer for some of its calls, and is waiting for that to `SECOND`."""
    project.rehearse({"name": "slow", "match": {"target": SECOND}, "fault": {"kind": "latency", "seconds": 30}})
    command = [sys.executable, "-m", "reconciler", "apply", "--yes", "--proof", "proof.json"]
    with subprocess.Popen(command, cwd=project.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as killed:
        for _ in range(400):
            if any(b'"applied"' in each.read_bytes() for each in project.folder.glob(".reconciler/*.journal")):
                break
            time.sleep(0.02)
        killed.kill()
    assert not (project.folder / "proof.json").exists()
    project.rehearse()
    assert project.ledger()


def test_what_a_killed_run_was_answered_is_shown_by_the_one_that_reads_its_journal(project: Project) -> None:
    """It is not sent again."""
    kill(project)
    again = project.run("apply", "--yes", "--proof", "proof.json")
    told = read_evidence((project.folder / "proof.json").read_bytes(), "proof.json")

    assert again.status == 0, again.err
    assert {each.address for each in told.shown} == set(project.state["entries"])
    assert len(project.ledger()) == len(told.shown)
    assert told.against == ()


def test_what_a_killed_run_was_answered_is_shown_by_the_state_whoever_has_read_its_journal(project: Project) -> None:
    kill(project)
    assert project.run("state", "proof", "early.json").status == 0
    early = read_evidence((project.folder / "early.json").read_bytes(), "early.json")
    assert project.run("apply", "--yes").status == 0
    assert project.run("state", "proof", "late.json").status == 0
    late = read_evidence((project.folder / "late.json").read_bytes(), "late.json")

    assert early.shown
    assert SECOND in {each.address for each in early.against if each.outcome is Outcome.IN_DOUBT}
    assert {each.address for each in late.shown} == set(project.state["entries"])
    assert late.against == ()


def test_a_state_that_is_not_the_last_one_shows_nothing(project: Project) -> None:
    project.run("apply", "--yes", "--only", FIRST)
    before = project.state_file.read_bytes()
    project.run("apply", "--yes")
    project.state_file.write_bytes(before)
    ended = project.run("state", "proof", "state.json")

    assert ended.status == 5
    assert not (project.folder / "state.json").exists()


@needs_ssh_keygen
def test_a_signed_proof_is_good_for_whoever_allows_the_key_and_for_nobody_else(
    signing: Project, tmp_path: Path
) -> None:
    status, content, signature = applied(signing, tmp_path)
    release, other = tmp_path / "release", new_key(tmp_path, "other")

    assert status == 0
    assert verify(content, signature, allow(tmp_path, other, release), name="proof.json") == "release@ci"
    with pytest.raises(BadSignature, match="signed by nobody whom the allowed signers name"):
        verify(content, signature, allow(tmp_path, other), name="proof.json")


@needs_ssh_keygen
def test_an_altered_proof_is_refused_by_its_seal_and_by_its_signature(signing: Project, tmp_path: Path) -> None:
    _, content, signature = applied(signing, tmp_path)
    altered = content.replace(b'"platform": "emulator"', b'"platform": "zuora"')
    with pytest.raises(InvalidInput, match="some of its bytes have changed since"):
        read_evidence(altered, "proof.json")
    with pytest.raises(BadSignature, match="the signature of release@ci does not hold for it"):
        verify(altered, signature, allow(tmp_path, tmp_path / "release"), name="proof.json")


@needs_ssh_keygen
def test_a_signature_for_another_purpose_is_none(signing: Project, tmp_path: Path) -> None:
    _, content, _ = applied(signing, tmp_path)
    key = tmp_path / "release"
    done = subprocess.run(
        ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", "git"], input=content, capture_output=True, check=True
    )
    with pytest.raises(BadSignature):
        verify(content, done.stdout, allow(tmp_path, key), name="proof.json")


@needs_ssh_keygen
@pytest.mark.parametrize("signature", [b"", b"nonsense", b"-----BEGIN SSH SIGNATURE-----\n"])
def test_what_is_no_signature_is_refused(tmp_path: Path, signature: bytes) -> None:
    with pytest.raises(BadSignature):
        verify(b"x", signature, allow(tmp_path, new_key(tmp_path, "release")), name="proof.json")


@needs_ssh_keygen
def test_the_key_is_in_nothing_that_is_written_or_told(signing: Project, tmp_path: Path) -> None:
    key = (tmp_path / "release").read_text()
    ended = signing.run("apply", "--yes", "--proof", "proof.json", "-v", variables={"SIGNING_KEY": key})
    lines = [line for line in key.splitlines() if line and not line.startswith("-----")]
    written = b"".join(path.read_bytes() for path in signing.folder.rglob("*") if path.is_file())

    assert ended.status == 0
    assert not any(line in ended.out + ended.err or line.encode() in written for line in lines)


@needs_ssh_keygen
@pytest.mark.parametrize(
    ("key", "status", "said"),
    [
        ("", 8, "signing_key cannot be read: the variable SIGNING_KEY is not set or empty"),
        ("no key", 1, "The proof cannot be signed"),
    ],
)
def test_without_a_usable_key_nothing_is_sent(signing: Project, key: str, status: int, said: str) -> None:
    """What a run has shown cannot be had again, so the key is tried before."""
    ended = signing.run("apply", "--yes", "--proof", "proof.json", variables={"SIGNING_KEY": key})

    assert said in " ".join(ended.err.split())
    assert "Nothing was sent." in ended.err or status == 8
    assert ended.status == status
    assert not signing.state_file.exists()
    assert not (signing.folder / "proof.json").exists()


OTHERS = {
    "reconciler.yaml": "reconciler.yaml would be read as a spec or a project file.",
    "local/new.yml": "local/new.yml would be read as a spec or a project file.",
    "README.md": "README.md is there already and is no saved proof.",
    "local": "local is no regular file.",
    ".reconciler/local.state.json": "is, or stands beside, a state document or the world of an emulator.",
    ".reconciler/local.state.json.lock": "is, or stands beside, a state document or the world of an emulator.",
    "state/production.json": "is, or stands beside, a state document or the world of an emulator.",
    ".reconciler/emulator.db": "is, or stands beside, a state document or the world of an emulator.",
    "run.log": "run.log is where --log-file writes.",
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_proof_takes_the_place_of_nothing_else(project: Project, name: str) -> None:
    """Of a state neither that is still to be made."""
    ended = project.run("apply", "--yes", "--proof", name, "--log-file", "run.log")

    assert ended.status == 1
    assert "Not a file for a proof" in ended.err
    assert f"{OTHERS[name]} Nothing was written." in " ".join(ended.err.split())
    assert not project.state_file.exists()


@pytest.mark.parametrize("command", [("apply", "--yes", "--proof"), ("state", "proof")])
def test_a_proof_has_a_name_under_which_it_is_read(project: Project, command: tuple[str, ...]) -> None:
    """What else stands among proofs is skipped."""
    (project.folder / "link.json").symlink_to("run.txt")
    for name in ("proofs/run-1", "link.json"):
        ended = project.run(*command, name)

        assert ended.status == 1
        assert ended.err.splitlines()[0] == "error: Not a file for a proof"
        assert "and so would never be read as a proof. Nothing was written." in ended.err
    assert not project.state_file.exists()
    assert not (project.folder / "proofs").exists()
    assert project.run(*command, "proofs/run-1").err.splitlines() == [
        "error: Not a file for a proof",
        "  proofs/run-1 does not end in .json, and so would never be read as a proof. Nothing was written.",
        "  hint: Name it run-1.json, for example.",
    ]


def test_a_proof_that_cannot_be_written_is_told_before_anything_is_sent(project: Project) -> None:
    ended = project.run("apply", "--yes", "--proof", "README.md/proof.json")

    assert ended.status == 1
    assert "The file cannot be written" in ended.err
    assert "Nothing was sent." in ended.err
    assert not project.state_file.exists()


def test_what_stands_beside_a_proof_and_is_no_signature_stays(project: Project) -> None:
    project.write("proof.json.sig", "precious")
    ended = project.run("apply", "--yes", "--proof", "proof.json")

    assert ended.status == 1
    assert "proof.json.sig is there already and is no signature. Nothing was written." in " ".join(ended.err.split())
    assert (project.folder / "proof.json.sig").read_text() == "precious"
    assert not project.state_file.exists()


def test_a_run_that_has_nothing_to_do_leaves_the_proof_of_the_one_that_had(project: Project) -> None:
    first = project.run("apply", "--yes", "--proof", "proof.json")
    content = (project.folder / "proof.json").read_bytes()
    again = project.run("apply", "--yes", "--proof", "proof.json")

    assert first.status == again.status == 0
    assert (project.folder / "proof.json").read_bytes() == content
    assert "proof.json stays as it is: this run has shown nothing." in again.err


def test_a_proof_takes_the_place_of_none_that_another_run_has_written(project: Project) -> None:
    """Of what that has shown nobody else may know any more."""
    project.run("apply", "--yes", "--only", FIRST, "--proof", "proof.json")
    content, ledger = (project.folder / "proof.json").read_bytes(), project.ledger()
    again = project.run("apply", "--yes", "--proof", "proof.json")
    of_state = project.run("state", "proof", "proof.json")

    for ended in (again, of_state):
        assert ended.status == 1
        assert ended.err.splitlines()[-3:] == [
            "error: Not a file for a proof",
            "  proof.json is a proof already, and nobody could write that again. Nothing was sent or written.",
            "  hint: Give each proof a name of its own.",
        ]
    assert (project.folder / "proof.json").read_bytes() == content
    assert project.ledger() == ledger
    assert project.run("apply", "--yes", "--proof", "another.json").status == 0


def test_a_proof_that_tells_nothing_or_not_any_more_is_told_apart(project: Project) -> None:
    project.run("apply", "--yes", "--only", "action:resume", "--proof", "empty.json")
    altered = project.write("altered.json", (project.folder / "empty.json").read_text().replace("local", "other"))

    assert read_evidence((project.folder / "empty.json").read_bytes(), "").shown == ()
    assert project.run("apply", "--yes", "--proof", str(altered)).status == 1
    assert project.run("apply", "--yes", "--proof", "empty.json").status == 0
    assert read_evidence((project.folder / "empty.json").read_bytes(), "").shown


def test_the_state_shows_what_no_run_has_written_down(project: Project) -> None:
    project.rehearse(refuse(SECOND))
    project.run("apply", "--yes", "--only", FIRST, "--only", SECOND)
    ended = project.run("state", "proof", "out/state.json")
    content = (project.folder / "out/state.json").read_bytes()
    found, known = read_evidence(content, "state.json"), project.state["entries"]

    assert (ended.status, ended.out, ended.err) == (0, "", "1 proof in out/state.json.\n")
    assert [(each.address, each.digest, each.at) for each in found.shown] == [
        (FIRST, known[FIRST]["applied"]["digest"], known[FIRST]["applied"]["at"])
    ]
    assert [(each.address, each.outcome) for each in found.against] == [(SECOND, Outcome.REFUSED)]
    assert (found.run, found.plan_id, found.lineage) == (None, None, project.state["lineage"])
    assert list(SchemaSet(load_schemas()).violations("proof.schema.json", json.loads(content))) == []


def test_without_any_call_there_is_nothing_to_show(project: Project) -> None:
    def refused(told: str) -> None:
        ended = project.run("state", "proof", "state.json")

        assert ended.status == 1
        assert ended.err.splitlines() == [
            "error: Nothing to show",
            f"  The state of local, .reconciler/local.state.json, {told}. Nothing was written.",
            "  hint: Apply there first.",
        ]
        assert not (project.folder / "state.json").exists()

    refused("is not there")
    assert project.run("state", "restore", "--empty", "--reason", "a rehearsal").status == 0
    refused("tells of no call")


def test_a_proof_that_cannot_be_kept_does_not_hide_how_the_run_ended(project: Project) -> None:
    """Its folder is gone when the run, which ends in doubt, wants to write it."""
    gateway = {"kind": "gateway", "status": 503, "retry_after": 900}
    project.rehearse(
        {"name": "gone", "match": {"target": FIRST}, "fault": gateway},
        {"name": "slow", "match": {"target": SECOND}, "fault": {"kind": "latency", "seconds": 3}},
    )
    command = [sys.executable, "-m", "reconciler", "apply", "--yes", "--proof", "out/proof.json"]
    with subprocess.Popen(
        command, cwd=project.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as applying:
        for _ in range(200):
            if list(project.folder.glob(".reconciler/*journal*")):
                break
            time.sleep(0.05)
        (project.folder / "out").rmdir()
        project.write("out", "a file now")
        _, err = applying.communicate(timeout=60)

    assert applying.returncode == 6
    assert "The file cannot be written" in err


def test_a_proof_is_written_before_another_run_may_begin(project: Project) -> None:
    """The first still wants to tell how it ended when the second has ended."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, b" " * 4096):
            pass
    os.set_blocking(writing, True)
    command = [sys.executable, "-m", "reconciler", "apply", "--yes", "--json", "--proof", "proof.json"]
    with subprocess.Popen(command, cwd=project.folder, stdout=writing, stderr=subprocess.DEVNULL) as first:
        os.close(writing)
        for _ in range(400):
            if project.state_file.exists() and "ended" in project.state_file.read_text():
                break
            time.sleep(0.02)
        second = project.run("apply", "--yes", "--proof", "proof.json", "--lock-timeout", "30s")
        shown = read_evidence((project.folder / "proof.json").read_bytes(), "proof.json").shown
        is_waiting = first.poll() is None
        with os.fdopen(reading, "rb") as file:
            file.read()

    assert is_waiting
    assert (first.returncode, second.status) == (0, 0)
    assert second.err.endswith("proof.json stays as it is: this run has shown nothing.\n")
    assert len(shown) == len(project.state["entries"])


def test_a_proof_that_somebody_has_written_meanwhile_stays_and_the_state_shows_the_rest(project: Project) -> None:
    project.run("apply", "--yes", "--only", FIRST, "--proof", "first.json")
    project.rehearse({"name": "slow", "match": {"target": SECOND}, "fault": {"kind": "latency", "seconds": 2}})
    command = [sys.executable, "-m", "reconciler", "apply", "--yes", "--only", SECOND, "--proof", "proof.json"]
    with subprocess.Popen(
        command, cwd=project.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as applying:
        for _ in range(400):
            if list(project.folder.glob(".reconciler/*.journal")):
                break
            time.sleep(0.02)
        content = (project.folder / "first.json").read_bytes()
        (project.folder / "proof.json").write_bytes(content)
        _, err = applying.communicate(timeout=60)

    assert applying.returncode == 1
    assert err.splitlines()[-3:] == [
        "error: The file cannot be written",
        "  proof.json: it is another proof by now, and stays so.",
        "  hint: Write what the state knows, to a file that can be written: `reconciler state proof FILE`.",
    ]
    assert (project.folder / "proof.json").read_bytes() == content
    assert project.run("state", "proof", "second.json").err == "2 proofs in second.json.\n"


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"\xff", b'{\n "a": 1,\n "sha256": "' + b"0" * 64 + b'"\n}\n', b"[" * 10_000]
)
def test_nothing_else_is_taken_for_a_proof(content: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_evidence(content, "proof.json")
