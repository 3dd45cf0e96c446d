"""What a run shows while it goes: a status line on a terminal, plain lines elsewhere, a log for whoever asks."""

import asyncio
import io
import re
import stat
from pathlib import Path

import pytest
import virtual_loop
from canned_server import TOKEN_TEXT, after_token, canned, http
from commands import Project
from fakes import HandClock
from terminal import run_in_terminal

from reconciler.cli.console import Console
from reconciler.cli.progress import ConsoleProgress
from reconciler.cli.run_log import RunLog
from reconciler.core.run import Pace
from reconciler.emulator.database import open_database
from reconciler.emulator.fault_rules import load_faults

CANARY = "canary-secret-5f3e"
DRAWN = re.compile(r"\r\x1b\[K(?:\x1b\[2m)?([0-9:]+  [^\x1b\r\n]+)")
PLAIN = re.compile(r"^[0-9:]+  .*$", flags=re.MULTILINE)
ONE = ("--only", "Subscription/A-S00000001@1")


def rehearse(project: Project, **rule: object) -> None:
    """Let the emulator of the environment `local` misbehave by one rule."""
    database = str(project.folder / ".reconciler" / "emulator.db")
    open_database(database).close()
    load_faults(database, {"version": 1, "rules": [{"name": "trouble", **rule}]})


@pytest.fixture
def slow(project: Project) -> Project:
    rehearse(project, fault={"kind": "latency", "seconds": 0.4})
    return project


def test_a_terminal_shows_where_the_run_stands_and_keeps_only_the_results(slow: Project) -> None:
    seen = run_in_terminal("apply", "--yes", cwd=slow.folder)
    results = [line for line in seen.screen if line.startswith("[")]

    assert seen.status == 0
    assert any("/12 ended, 0 refused, " in drawn for drawn in DRAWN.findall(seen.written))
    assert not any("in flight" in line for line in seen.screen)
    assert [line.partition("  ")[0] for line in results] == [f"[{number}/12] + done" for number in range(1, 13)]
    assert "Applied: 12 done." in seen.screen


def test_a_status_line_is_never_wider_than_the_terminal(slow: Project) -> None:
    drawn = DRAWN.findall(run_in_terminal("apply", "--yes", cwd=slow.folder, columns=30).written)

    assert drawn
    assert max(map(len, drawn)) == 29


def test_a_status_line_stays_off_stdout_that_is_a_file(slow: Project) -> None:
    seen = run_in_terminal("apply", "--yes", cwd=slow.folder, out=slow.folder / "out.txt")

    assert DRAWN.findall(seen.written)
    assert "[12/12] + done" in seen.out
    assert "\x1b" not in seen.out
    assert "in flight" not in seen.out


def test_no_color_takes_the_colour_and_leaves_the_status_line(slow: Project) -> None:
    seen = run_in_terminal("apply", "--yes", cwd=slow.folder, variables={"NO_COLOR": "1"})

    assert DRAWN.findall(seen.written)
    assert not re.search(r"\x1b\[[0-9;]*m", seen.written)


@pytest.mark.parametrize("variables", [{"TERM": "dumb"}, {"CI": "true"}])
def test_nothing_moves_on_a_terminal_that_only_keeps_a_record(slow: Project, variables: dict[str, str]) -> None:
    seen = run_in_terminal("apply", "--yes", cwd=slow.folder, variables=variables)

    assert seen.status == 0
    assert "[12/12]" in seen.written
    assert "\x1b[K" not in seen.written


@pytest.mark.slow
def test_without_a_terminal_a_call_that_takes_long_is_seen_to_be_under_way(project: Project) -> None:
    rehearse(project, fault={"kind": "latency", "seconds": 6})
    ended = project.run("apply", "--yes", "--json", *ONE)

    assert ended.status == 0
    assert PLAIN.findall(ended.err)[0].endswith("  0/1 ended, 0 refused, 1/32 in flight")
    assert ended.document["summary"]["done"] == 1


def shown_for(seconds: float) -> list[str]:
    """Return the lines of a run in which nothing ends, watched for *seconds* of virtual time without a terminal."""
    err = io.StringIO()
    console = Console(io.StringIO(), err, {})
    pace = Pace(total=9, ended=0, refused=0, in_doubt=0, under_way=1, allowed=1)

    async def watch() -> None:
        log = RunLog(console, HandClock(), is_verbose=False, file=None)
        progress = ConsoleProgress(console, log, results_to_stderr=False)
        with progress.shown():
            await asyncio.sleep(6.0)
            progress.moved(pace)
            await asyncio.sleep(seconds - 6.0)
        await asyncio.sleep(60.0)

    virtual_loop.run(watch())
    return err.getvalue().splitlines()


def test_without_a_terminal_there_is_a_line_every_5_seconds_until_the_end() -> None:
    assert shown_for(16.0) == [
        "0:05  no call has left yet",
        "0:10  0/9 ended, 0 refused, 1/1 in flight",
        "0:15  0/9 ended, 0 refused, 1/1 in flight",
    ]


def test_a_run_of_less_than_5_seconds_says_nothing_of_its_progress(project: Project) -> None:
    assert not PLAIN.search(project.run("apply", "--yes", *ONE).err)


def fields(line: str) -> dict[str, str]:
    return dict(part.partition("=")[::2] for part in line.split()[2:])


def test_the_log_has_one_line_for_each_send_between_begin_and_end(project: Project) -> None:
    rehearse(project, times=1, fault={"kind": "business", "category": 50, "saved": False})
    ended = project.run("apply", "--yes", *ONE, "-v", "--log-file", "logs/apply.log")
    file = project.folder / "logs" / "apply.log"
    begin, first, second, end = file.read_text().splitlines()

    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text() in ended.err
    assert [line.split()[1] for line in (begin, first, second, end)] == ["begin", "send", "send", "end"]
    assert (fields(first)["attempt"], fields(first)["told"], fields(first)["code"][-2:]) == ("1", "again", "50")
    assert (fields(second)["attempt"], fields(second)["told"], fields(second)["code"]) == ("2", "done", "-")
    assert float(fields(first)["wait"]) > 0
    assert fields(second)["wait"] == "-"
    assert fields(first)["key"] == fields(second)["key"] == project.ledger()[0]["idempotencyKey"]
    assert (fields(begin)["environment"], fields(begin)["calls"]) == ("local", "1")
    assert (fields(end)["run"], fields(end)["exit"], fields(end)["done"]) == (fields(begin)["run"], "0", "1")


def test_a_log_is_added_to_and_ends_with_what_stood_against_the_run(project: Project) -> None:
    file = project.write("apply.log", "kept\n")
    project.run("apply", "--yes", *ONE, "--log-file", "apply.log")
    ended = project.run("apply", "-e", "sandbox", "--yes", "--log-file", "apply.log")
    lines = file.read_text().splitlines()

    assert ended.status == 8
    assert lines[0] == "kept"
    assert [line.split()[1] for line in lines[1:]] == ["begin", "send", "end", "begin", "end"]
    assert (fields(lines[-1])["exit"], fields(lines[-1])["error"]) == ("8", "AuthenticationError")


@pytest.mark.parametrize("path", [".", "reconciler.yaml/log"])
def test_a_log_that_cannot_be_opened_is_told_before_anything_is_sent(project: Project, path: str) -> None:
    ended = project.run("apply", "--yes", "--json", "--log-file", path)

    assert ended.status == 1
    assert "--log-file" in ended.err
    assert ended.document["error"]["code"] == "StorageError"
    assert not project.state_file.exists()


@pytest.mark.parametrize("ending", ["", ".lock", ".mark"])
def test_a_log_that_would_be_added_to_the_state_is_refused(project: Project, ending: str) -> None:
    project.run("apply", "--yes", *ONE)
    before = project.state_file.read_bytes()
    link = project.folder / "apply.log"
    link.symlink_to(f"{project.state_file}{ending}")
    ended = project.run("apply", "--yes", "--log-file", "apply.log")

    assert ended.status == 1
    assert "--log-file" in ended.err
    assert project.state_file.read_bytes() == before


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_log_that_cannot_be_written_is_told_once_and_stops_nothing(project: Project) -> None:
    ended = project.run("apply", "--yes", "--log-file", "/dev/full")

    assert ended.status == 0
    assert ended.err.count("/dev/full") == 1
    assert "warning" in ended.err
    assert len(project.state["entries"]) == 12


def test_a_server_that_quotes_secrets_puts_none_into_the_log(project: Project) -> None:
    quoted = f"{CANARY} {TOKEN_TEXT} \\n\\u202e"
    reason = f'{{"code": "{quoted}", "message": "{quoted}"}}'
    body = f'{{"success": false, "processId": "{quoted}", "requestId": "{quoted}", "reasons": [{reason}]}}'.encode()
    with canned(after_token(lambda _: http(400, body, f"X-Quoted: {CANARY}"))) as url:
        project.edit("reconciler.yaml", "https://rest.test.zuora.com", url)
        project.edit("reconciler.yaml", 'tenant: "10001"', 'tenant: "1"')
        variables = {"ZUORA_SANDBOX_CLIENT_ID": "id", "ZUORA_SANDBOX_CLIENT_SECRET": CANARY}
        ended = project.run("apply", "-e", "sandbox", "--yes", "-v", "--log-file", "a.log", variables=variables)
    log = (project.folder / "a.log").read_text()

    assert 'process="*** ***"' in log
    assert {line.split()[1] for line in log.splitlines()} == {"begin", "send", "end"}
    for text in (log, ended.out, ended.err, (project.folder / "state" / "sandbox.json").read_text()):
        assert CANARY not in text
        assert TOKEN_TEXT not in text
