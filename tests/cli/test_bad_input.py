"""What is wrong is said once and clearly, with the right exit status, and nothing is lost or overwritten."""

import json
import os
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from canned_server import TOKEN_TEXT, after_token, canned, http
from commands import Project
from emulator_harness import Clock, Ids, SocketServer

from reconciler.emulator.app import create_app
from reconciler.emulator.client import parse_client

CANARY = "canary-secret-5f3e"


def said_once(text: str) -> bool:
    """A person reads one message: no traceback, and it tells what to do next."""
    return "Traceback" not in text and "hint:" in text


BAD_STATES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "empty-document"),
    "only NULs": (lambda content: b"\0" * len(content), "empty-document"),
    "truncated": (lambda content: content[: len(content) // 2], "not-json"),
    "of another environment": (
        lambda content: content.replace(b'"environment": "local"', b'"environment": "sandbox"'),
        "other-environment",
    ),
    "of another project": (
        lambda content: content.replace(b'"project": "example-revenue"', b'"project": "acme"'),
        "other-project",
    ),
    "of a newer version": (lambda content: content.replace(b'"version": 1', b'"version": 2'), "newer-version"),
    "with merge markers": (
        lambda content: content.replace(b'"serial": 1', b'<<<<<<< HEAD\n"serial": 1\n=======\n"serial": 2\n>>>>>>> x'),
        "merge-markers",
    ),
    "an array": (lambda _: b"[]", "not-json"),
}


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("state", "list")])
@pytest.mark.parametrize("name", BAD_STATES)
def test_a_state_that_is_bad_is_named_and_left_alone(project: Project, name: str, command: tuple[str, ...]) -> None:
    project.run("apply", "--yes")
    project.edit("local/corrections.yaml", "onlyReSend: false, reMigrate: false", "onlyReSend: false, reMigrate: true")
    spoil, code = BAD_STATES[name]
    spoilt = spoil(project.state_file.read_bytes())
    project.state_file.write_bytes(spoilt)
    ended = project.run(*command)

    assert ended.status == 3
    assert f"[{code}]" in ended.err
    assert ".reconciler/local.state.json" in ended.err
    assert said_once(ended.err)
    assert project.state_file.read_bytes() == spoilt
    assert len(project.ledger()) == 12


def remove(path: Path) -> None:
    path.unlink()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize("spoil", [remove, empty, folder, fifo])
@pytest.mark.parametrize("command", ["plan", "apply", "validate"])
def test_a_project_file_that_cannot_be_read_is_named(
    project: Project, command: str, spoil: Callable[[Path], None]
) -> None:
    spoil(project.folder / "reconciler.yaml")
    ended = project.run(command)

    assert ended.status == 3
    assert "reconciler.yaml" in ended.err
    assert said_once(ended.err)


@pytest.mark.parametrize("spoil", [empty, fifo])
def test_a_spec_file_that_cannot_be_read_is_named(project: Project, spoil: Callable[[Path], None]) -> None:
    spoil(project.folder / "local" / "corrections.yaml")
    ended = project.run("apply", "--yes")

    assert ended.status == 3
    assert "local/corrections.yaml" in ended.err
    assert said_once(ended.err)
    assert not project.state_file.exists()


def sandbox_at(project: Project, url: str, *, tenant: str = "1") -> dict[str, str]:
    """Point the sandbox to *url*, and return the variables with its credentials."""
    project.edit("reconciler.yaml", "https://rest.test.zuora.com", url)
    project.edit("reconciler.yaml", 'tenant: "10001"', f'tenant: "{tenant}"')
    return {"ZUORA_SANDBOX_CLIENT_ID": "id", "ZUORA_SANDBOX_CLIENT_SECRET": CANARY}


@contextmanager
def emulator(folder: Path, *clients: str) -> Iterator[str]:
    server = SocketServer()
    application = create_app(
        database=str(folder / "world.db"), now=Clock(), new_id=Ids(), clients=[parse_client(text) for text in clients]
    )
    try:
        with server.serving(application) as serving:
            yield serving.url
    finally:
        server.stop()


def test_wrong_credentials_end_with_8_and_write_nothing(project: Project, tmp_path: Path) -> None:
    with emulator(tmp_path, f"id:another-{CANARY}@1") as url:
        ended = project.run("apply", "-e", "sandbox", "--yes", variables=sandbox_at(project, url))

    assert ended.status == 8
    assert said_once(ended.err)
    assert CANARY not in ended.out + ended.err
    assert not (project.folder / "state" / "sandbox.json").exists()


def test_missing_credentials_end_with_8_and_name_the_variable(project: Project, tmp_path: Path) -> None:
    with emulator(tmp_path) as url:
        sandbox_at(project, url)
        ended = project.run("apply", "-e", "sandbox", "--yes")

    assert ended.status == 8
    assert "ZUORA_SANDBOX_CLIENT_ID" in ended.err


def test_credentials_of_another_tenant_end_with_8_and_send_nothing(project: Project, tmp_path: Path) -> None:
    with emulator(tmp_path, f"id:{CANARY}@99") as url:
        ended = project.run("apply", "-e", "sandbox", "--yes", variables=sandbox_at(project, url))
        assert project.run("emulator", "ledger", "--db", str(tmp_path / "world.db"), "--json").document == []

    assert ended.status == 8
    assert "tenant 1, and the credentials are of tenant 99" in ended.err


def test_a_server_that_is_not_there_ends_with_6(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ended = project.run("apply", "-e", "sandbox", "--yes", variables=sandbox_at(project, url))

    assert ended.status == 6
    assert said_once(ended.err)
    assert not (project.folder / "state" / "sandbox.json").exists()


def test_a_server_that_answers_pages_ends_with_1(project: Project) -> None:
    with canned(lambda _: http(200, b"<html>Sign in</html>")) as url:
        ended = project.run("apply", "-e", "sandbox", "--yes", variables=sandbox_at(project, url))

    assert ended.status == 1
    assert "no answer of Zuora's" in ended.err
    assert said_once(ended.err)
    assert not (project.folder / "state" / "sandbox.json").exists()


def test_a_page_in_place_of_a_result_leaves_a_doubt_on_record_that_the_next_apply_settles(
    project: Project, tmp_path: Path
) -> None:
    """The second server stands for the same tenant once it has recovered."""
    with canned(after_token(lambda _: http(502, b"<html>Bad Gateway</html>"))) as url:
        variables = sandbox_at(project, url)
        first = project.run("apply", "-e", "sandbox", "--yes", variables=variables)
        planned = project.run("plan", "-e", "sandbox", "--json").document["changes"]
    with canned(after_token(lambda _: http(200, b'{"success": true, "idList": ["2c98"]}'))) as again:
        project.edit("reconciler.yaml", url, again)
        second = project.run("apply", "-e", "sandbox", "--yes", variables=variables)

    assert (first.status, second.status) == (6, 0)
    assert "in doubt" in first.out
    assert {change["action"] for change in planned} == {"resume", "regenerate"}
    assert project.run("plan", "-e", "sandbox", "--detailed-exitcode").status == 0


def test_a_doubt_older_than_its_key_waits_for_a_persons_word(project: Project) -> None:
    with canned(after_token(lambda _: None)) as url:
        variables = sandbox_at(project, url)
        project.run("apply", "-e", "sandbox", "--yes", "--only", "*01@1", variables=variables)
    state = project.folder / "state" / "sandbox.json"
    state.with_name("sandbox.json.mark").unlink()
    state.write_text(re.sub(r'"(sent|lastSent)": "2[^"]*"', r'"\1": "2026-01-01T00:00:00Z"', state.read_text()))
    address = "Subscription/A-S00000001@1"
    (undecided,) = project.run("plan", "-e", "sandbox", "--only", address, "--json").document["changes"]
    stopped = project.run("apply", "-e", "sandbox", "--yes", "--only", address)
    word = ("--as", "done", "--reason", "seen in Revenue", "--ids", "2c98")
    settled = project.run("state", "resolve", "-e", "sandbox", address, *word)

    assert (undecided["action"], stopped.status, settled.status) == ("undecided", 7, 0)
    assert "seen in Revenue" in project.run("state", "show", "-e", "sandbox", address).out
    assert project.run("plan", "-e", "sandbox", "--only", address, "--detailed-exitcode").status == 0


def echo(request: bytes) -> bytes:
    """A server that quotes what it was sent."""
    told = json.dumps({"success": False, "reasons": [{"code": "53100040", "message": request.decode()[-120:]}]})
    return http(400, told.encode())


def quoting(request: bytes) -> bytes:
    """A refusal that quotes the token, where a careless gateway would."""
    line = next(each for each in request.split(b"\r\n") if each.lower().startswith(b"authorization"))
    told = json.dumps({"success": False, "reasons": [{"code": "53100040", "message": line.decode()}]})
    return http(400, told.encode())


def test_a_secret_that_a_server_quotes_is_neither_shown_nor_remembered(project: Project) -> None:
    with canned(echo) as url:
        variables = sandbox_at(project, url)
        refused = project.run("apply", "-e", "sandbox", "--yes", variables=variables)
    with canned(after_token(quoting)) as again:
        project.edit("reconciler.yaml", url, again)
        ended = project.run("apply", "-e", "sandbox", "--yes", "--json", variables=variables)

    assert (refused.status, ended.status) == (8, 1)
    assert "***" in refused.err
    assert CANARY not in refused.out + refused.err
    assert "Bearer ***" in ended.out
    for text in (ended.out, ended.err, (project.folder / "state" / "sandbox.json").read_text()):
        assert TOKEN_TEXT not in text


def test_a_state_that_is_no_file_is_named_and_nothing_hangs(project: Project) -> None:
    project.state_file.parent.mkdir(parents=True)
    os.mkfifo(project.state_file)

    for command in (("plan",), ("apply", "--yes"), ("state", "list")):
        ended = project.run(*command)
        assert ended.status == 1
        assert "not a regular file" in ended.err


def test_nothing_to_do_needs_no_credentials(project: Project) -> None:
    ended = project.run("apply", "-e", "production", "--yes")

    assert ended.status == 0
    assert "Nothing to do" in ended.out


def test_names_from_outside_cannot_move_the_cursor(project: Project) -> None:
    text = (project.folder / "local" / "corrections.yaml").read_text()
    project.write("local/\x1b[2Jevil\x07.yaml", text.replace("A-S00000003", "A-S00000004"))
    (project.folder / "local" / "corrections.yaml").unlink()
    ended = project.run("plan")

    assert ended.status == 0
    assert "\x1b" not in ended.out + ended.err
    assert "\\x1b[2Jevil\\x07.yaml" in ended.out


def test_a_proxy_of_an_unknown_kind_is_named(project: Project) -> None:
    project.edit("reconciler.yaml", 'tenant: "10001"', 'tenant: "1"')
    variables = {
        "ZUORA_SANDBOX_CLIENT_ID": "id",
        "ZUORA_SANDBOX_CLIENT_SECRET": CANARY,
        "ALL_PROXY": "socks5://127.0.0.1:1",
    }
    ended = project.run("apply", "-e", "sandbox", "--yes", variables=variables)

    assert ended.status in (1, 6)
    assert "Traceback" not in ended.err


def test_a_state_that_cannot_be_written_is_found_before_anything_is_sent(project: Project) -> None:
    project.edit("reconciler.yaml", "{file: .reconciler/local.state.json}", "{file: reconciler.yaml/state.json}")
    ended = project.run("apply", "--yes")

    assert ended.status == 1
    assert "reconciler.yaml/state.json" in ended.err
    assert said_once(ended.err)
    assert not (project.folder / ".reconciler" / "emulator.db").exists() or project.ledger() == []


def test_an_emulator_database_that_is_something_else_is_left_alone(project: Project) -> None:
    world = project.write(".reconciler/emulator.db", "not a database, but somebody's notes\n" * 100)
    before = world.read_bytes()
    ended = project.run("apply", "--yes")

    assert ended.status == 1
    assert said_once(ended.err)
    assert world.read_bytes() == before
