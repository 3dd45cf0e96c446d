"""The surface: help, wrong usage, start-up, streams, signals."""

import argparse
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from commands import REPOSITORY, Project, run

from reconciler import __version__
from reconciler.cli.arguments import Parser, build_parser
from reconciler.cli.console import Console
from reconciler.errors import UsageError
from reconciler.reports.json_text import json_text
from reconciler.stores.lock import held

HEAVY = ("httpx", "jsonschema", "deepdiff", "pyarrow", "rich", "starlette", "uvicorn", "yaml")


@pytest.mark.parametrize("arguments", [("--version",), ("--help",), ("plan", "--help"), ("init",)])
def test_version_and_help_load_nothing_heavy(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    program = (
        "import sys; sys.argv = ['reconciler', *sys.argv[1:]]\n"
        "from reconciler.__main__ import main\n"
        "status = main()\n"
        f"print([name for name in {HEAVY} if name in sys.modules], status)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, cwd=tmp_path
    )

    assert done.stdout.splitlines()[-1] == "[] 0"


def test_the_version_is_the_one_of_the_package(tmp_path: Path) -> None:
    assert run("--version", cwd=tmp_path).out == f"reconciler {__version__}\n"


NEEDLESS = (
    *("asyncio", "csv", "deepdiff", "difflib", "httpx", "jsonschema", "platform", "pyarrow", "random", "socket"),
    *("sqlite3", "ssl", "subprocess", "tempfile", "textwrap", "threading", "uuid"),
    *("reconciler.core.fold", "reconciler.core.journal", "reconciler.core.limiter", "reconciler.core.outcome"),
    *("reconciler.core.resolve", "reconciler.core.run", "reconciler.engine.journals", "reconciler.engine.restore"),
    *("reconciler.formats.bulk", "reconciler.formats.decisions", "reconciler.formats.journal"),
    *("reconciler.formats.rows", "reconciler.reports.documents", "reconciler.reports.diagnostic_text"),
    *("reconciler.stores.lock", "reconciler.workspace.lines", "reconciler.workspace.writing"),
    *("reconciler.cli.review", "reconciler.reports.fitting", "reconciler.reports.plan_markdown"),
    *("reconciler.reports.plan_risks", "shlex"),
)
"""What a plan of YAML files does without if it finds nothing to do, the plan that runs most often."""


def planned(project: Project, needless: tuple[str, ...]) -> list[str]:
    """Return what a plan prints, and as the last line which of *needless* it has loaded and if it collects garbage."""
    program = (
        "import gc, sys; sys.argv = ['reconciler', 'plan']\n"
        "from reconciler.__main__ import main\n"
        "main()\n"
        f"print([name for name in {needless} if name in sys.modules], gc.isenabled())\n"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=project.folder)
    return done.stdout.splitlines()


def test_planning_loads_no_http_client(project: Project) -> None:
    assert planned(project, ("httpx", "socket", "ssl", "jsonschema", "deepdiff"))[-1] == "[] True"


def test_a_plan_with_nothing_to_do_loads_no_more_than_it_needs_and_collects_garbage(project: Project) -> None:
    project.edit("local/q4-backfill.yaml", "  - {csv: data/backfill.csv, type: Subscription}", "  []")
    (project.folder / "local" / "corrections.yaml").unlink()  # the one that is warned of
    project.run("apply", "--yes")
    lines = planned(project, NEEDLESS)

    assert "Nothing to do: everything declared is regenerated." in lines
    assert lines[-1] == "[] True"


def test_a_command_that_comes_first_is_read_as_among_all_others() -> None:
    """Only its own parser is built then."""
    everything = _commands(build_parser())

    assert len(everything) == 11
    for name, parser in everything.items():
        alone = _commands(build_parser(name))
        assert list(alone) == [name]
        assert _helps(alone[name]) == _helps(parser)


def _commands(parser: Parser) -> dict[str, Parser]:
    return next((each.choices for each in parser._actions if isinstance(each, argparse._SubParsersAction)), {})


def _helps(parser: Parser) -> list[str]:
    """Return the help of a command and of all its verbs."""
    return [parser.format_help(), *(text for each in _commands(parser).values() for text in _helps(each))]


WRONG = {
    ("pln",): "Did you mean 'plan'?",
    ("plan", "--detailed"): "Did you mean --detailed-exitcode?",
    ("plan", "--enviroment", "local"): "Did you mean --environment?",
    ("apply", "--auto-approve"): "Did you mean --yes?",
    ("plan", "-out=plan.json"): "Did you mean --out?",
    ("plan", "--target", "x"): "Did you mean --only?",
    ("plan", "production"): "An environment is named with -e production. See `reconciler plan --help`.",
    ("-e", "production", "plan", "--json"): "Put it behind: `reconciler plan --json -e production`.",
    ("--environment=production", "plan"): "Put it behind: `reconciler plan -e production`.",
    ("-e",): "Put it behind: `reconciler COMMAND -e ENV`.",
    ("apply", "sandbox"): "sandbox is a folder.\n  hint: Save one with `reconciler plan --out`. If sandbox is an "
    "environment, name it with -e.",
    ("apply", "sandbx"): "If sandbx is an environment, name it with -e.",
    ("state", "list", "--jsn"): "Did you mean --json?",
    ("explain", "unquoted-text", "--what"): "See `reconciler explain --help`.",
    ("plan", "--only", "type:Subscripton"): "Did you mean 'Subscription'?",
    ("plan", "-e", "sandbx"): "Did you mean 'sandbox'?",
    ("state",): "VERB",
    ("state", "lst"): "Did you mean 'list'?",
    ("emulator", "serve", "--client", "nonsense"): "ID:SECRET@TENANT",
    (): "--help",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_wrong_usage_ends_with_1_and_a_hint(project: Project, arguments: tuple[str, ...]) -> None:
    ended = project.run(*arguments)

    assert ended.status == 1
    assert WRONG[arguments] in ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err


DURATIONS = {"plan": ("--expires",), "apply": ("--deadline", "--lock-timeout"), "state forget A": ("--lock-timeout",)}


@pytest.mark.parametrize("text", ["5", "1.5h", "-1s", "2 h", "5w", "", "s", "91d", "\u0665m"])
def test_a_time_is_a_whole_number_with_its_unit_wherever_one_is_given(project: Project, text: str) -> None:
    for command, options in DURATIONS.items():
        for option in options:
            arguments = [*command.split(), *(("--reason", "r") if "state" in command else ())]
            with pytest.raises(UsageError, match="is no time such as 90s, 8m, 12h or 2d, up to 90d") as refused:
                build_parser().parse_args([*arguments, f"{option}={text}"])
            assert option in refused.value.detail
            for right in ("90s", "8m", "12h", "2d"):
                build_parser().parse_args([*arguments, option, right])


def test_who_changes_the_state_by_hand_may_wait_for_another_run(project: Project) -> None:
    project.run("apply", "--yes", "--only", "type:OrderLineItem")
    (address, *_) = project.state["entries"]
    command = ("state", "forget", address, "--reason", "done wrongly")
    with held(
        project.state_file,
        name="the state",
        holder={"who": "ann"},
        timeout=0.0,
        monotonic=time.monotonic,
        sleep=time.sleep,
    ):
        at_once, waited = project.run(*command), project.run(*command, "--lock-timeout", "1s")

    assert (at_once.status, waited.status) == (4, 4)
    assert "or give --lock-timeout 5m;" in at_once.err
    assert waited.err.startswith("Waiting for another run, up to 1 s: who ann.\n")
    assert project.run(*command, "--lock-timeout", "1s").status == 0


@pytest.mark.parametrize("words", ["", "plan", "state forget"])
def test_help_and_version_are_commands_too(project: Project, words: str) -> None:
    asked, helped = project.run("help", *words.split()), project.run(*words.split(), "--help")

    assert (asked.status, asked.out) == (0, helped.out)
    assert helped.out.startswith(f"usage: reconciler{' ' if words else ''}{words} ")
    assert project.run("version").out == f"reconciler {__version__}\n"


def test_every_command_is_in_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    names = re.findall(r"^    (\w+) {2,}", build_parser().format_help(), flags=re.MULTILINE)

    assert names
    assert [name for name in names if f"reconciler {name}" not in readme] == []


def test_data_goes_to_stdout_and_the_rest_to_stderr(project: Project) -> None:
    ended = project.run("plan", "--json")

    assert ended.document["summary"]["calls"] == 12
    assert "warning" in ended.err


def test_no_colour_without_a_terminal_and_colour_when_forced(project: Project) -> None:
    assert "\x1b" not in project.run("plan").out
    forced = project.run("plan", variables={"FORCE_COLOR": "1"}).out
    assert "\x1b[32m+\x1b[0m" in forced
    assert "\x1b" not in project.run("plan", variables={"FORCE_COLOR": "1", "NO_COLOR": "1"}).out
    assert re.sub(r"\x1b\[\d+m", "", forced) == project.run("plan").out


def test_a_terminal_that_knows_only_ascii_is_served(project: Project) -> None:
    project.edit("local/corrections.yaml", "A-S00000003", "Zürich")
    ended = project.run("plan", variables={"PYTHONIOENCODING": "ascii", "LANG": "C"})

    assert ended.status == 0
    assert "Z\\xfcrich" in ended.out


ASCII = {
    "a stream": {"PYTHONIOENCODING": "ascii"},
    "the locale": {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    "nothing": {},
}


@pytest.mark.parametrize("name", ASCII)
def test_a_json_document_is_json_and_the_same_where_only_ascii_is_known(project: Project, name: str) -> None:
    said = "Zürich \U0001d11e"
    project.edit("local/corrections.yaml", "reason: REV-1261 ", 'reason: "Zürich \\U0001d11e" # ')
    project.edit("local/corrections.yaml", "A-S00000003", "Zürich")
    commands: dict[tuple[str, ...], Callable[[Any], object]] = {
        ("plan", "--json"): lambda found: said in [each["reason"] for each in found["changes"]],
        ("plan", "--json", "-e", "Zürich"): lambda found: found["error"]["code"] == "UsageError",
        ("apply", "--json", "--yes", "-e", "Zürich"): lambda found: found["error"]["code"] == "UsageError",
        ("apply", "--json", "--yes"): lambda found: found["error"] is None,
        ("state", "list", "--json"): lambda found: found,
        ("emulator", "ledger", "--json"): lambda found: found,
    }
    for command, is_right in commands.items():
        ended = project.run(*command, variables=ASCII[name])

        assert ended.out.isascii()
        assert is_right(ended.document), command


@pytest.mark.parametrize("variables", [{}, {"GITHUB_ACTIONS": "true"}])
def test_a_json_document_is_json_whatever_characters_are_in_it(variables: dict[str, str]) -> None:
    text = "".join(map(chr, range(0x3000))) + "\ufeff\udcff\n::set-output::##[error]"
    out = io.StringIO()
    Console(out, io.StringIO(), variables).out(json_text({text: [text]}))

    assert json.loads(out.getvalue()) == {text: [text]}
    assert out.getvalue().replace("\n", "").isprintable()


def test_a_reader_that_goes_away_loses_nothing(project: Project) -> None:
    """As in ``reconciler apply | head -1``."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", "apply", "--yes"],
        cwd=project.folder,
        stdout=write,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
        timeout=60,
    )
    os.close(write)

    assert done.returncode == 0
    assert b"Traceback" not in done.stderr
    assert b"BrokenPipe" not in done.stderr
    assert len(project.state["entries"]) == 12


@pytest.mark.parametrize("command", ["plan --json", "state list", "--version"])
def test_a_full_disk_is_no_success(project: Project, command: str) -> None:
    project.run("apply", "--yes")
    line = f"{sys.executable} -m reconciler {command} > /dev/full"
    done = subprocess.run(["/bin/sh", "-c", line], cwd=project.folder, check=False, timeout=60, capture_output=True)

    assert done.returncode == 1
    assert b"Traceback" not in done.stderr


def test_a_run_at_work_keeps_others_out_and_says_who_it_is(project: Project) -> None:
    with held(
        project.state_file,
        name="the state",
        holder={"who": "ann", "pid": "4711"},
        timeout=0.0,
        monotonic=time.monotonic,
        sleep=time.sleep,
    ):
        kept_out = project.run("apply", "--yes")
        planned = project.run("plan")
        waited = project.run("apply", "--yes", "--lock-timeout", "1s")
        ignored = project.run("apply", "--yes", "--lock=false")
    let_in = project.run("apply", "--yes")

    assert (kept_out.status, planned.status, waited.status) == (4, 0, 4)
    assert (ignored.status, let_in.status) == (0, 0)
    assert "who ann, pid 4711" in kept_out.err
    assert "--lock-timeout" in kept_out.err
    assert waited.err.splitlines()[0] == "Waiting for another run, up to 1 s: who ann, pid 4711."
    assert "is held: who ann, pid 4711. It was waited for 1 s. Nothing was sent." in waited.err
    assert "Waiting" not in kept_out.err + ignored.err + let_in.err


def test_who_waits_for_a_run_is_told_once_for_whom_and_that_it_has_ended(project: Project) -> None:
    with ExitStack() as holding:
        holding.enter_context(
            held(
                project.state_file,
                name="the state",
                holder={"who": "ann"},
                timeout=0.0,
                monotonic=time.monotonic,
                sleep=time.sleep,
            )
        )
        command = [sys.executable, "-m", "reconciler", "apply", "--yes", "--lock-timeout", "50s"]
        with subprocess.Popen(
            command, cwd=project.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as waiting:
            assert waiting.stderr is not None
            first = waiting.stderr.readline()
            time.sleep(0.5)
            holding.close()
            _, rest = waiting.communicate(timeout=50)

    assert first == b"Waiting for another run, up to 50 s: who ann.\n"
    assert rest.splitlines()[0] == b"It has ended; going on."
    assert b"Waiting" not in rest
    assert waiting.returncode == 0


def test_the_folder_it_runs_in_may_be_gone(project: Project, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    command = f'rmdir "{gone}"; {sys.executable} -m reconciler plan; echo $?; {sys.executable} -m reconciler'
    done = subprocess.run(
        ["/bin/sh", "-c", f'{command} -C "{project.folder}" plan'],
        cwd=gone,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert done.stdout.startswith("3\nEnvironment local")
    assert "there is no project file" in done.stderr
    assert "Traceback" not in done.stderr


def test_standard_streams_may_be_closed(project: Project) -> None:
    command = f"{sys.executable} -m reconciler apply --yes <&- >&- 2>&-"
    done = subprocess.run(["/bin/sh", "-c", command], cwd=project.folder, check=False, timeout=60)

    assert done.returncode == 0
    assert len(project.state["entries"]) == 12


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_an_apply_in_order(project: Project, number: signal.Signals, status: int) -> None:
    lines = "".join(f"  - {{subscriptionName: A-S{n:08d}, subscriptionVersion: 1}}\n" for n in range(100, 1100))
    project.write(
        "local/many.yaml", f"version: 1\nflags: {{onlyReSend: false, reMigrate: true}}\nsubscriptions:\n{lines}"
    )
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "apply", "--yes"],
        cwd=project.folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert any("done" in line and line.startswith("[") for line in process.stdout)
        process.send_signal(number)
        out, err = process.communicate(timeout=60)

    assert process.returncode == status
    assert "no new calls" in err
    assert "not started" in out
    applied = [each for each in project.state["entries"].values() if "applied" in each]
    assert 0 < len(applied) < 1000
    assert len(project.ledger()) == len(applied)


SILENT = {"ZUORA_SANDBOX_CLIENT_ID": "client-id", "ZUORA_SANDBOX_CLIENT_SECRET": "client-secret"}


@contextmanager
def silent_platform(project: Project) -> Iterator[None]:
    """Let the sandbox be a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        project.edit("reconciler.yaml", "https://rest.test.zuora.com", f"http://127.0.0.1:{listener.getsockname()[1]}")
        yield


def test_a_deadline_that_comes_before_the_token_ends_as_deadlines_do(project: Project) -> None:
    with silent_platform(project):
        ended = project.run("apply", "-e", "sandbox", "--yes", "--json", "--deadline", "1s", variables=SILENT)

    assert ended.status == 6
    assert "deadline" in ended.document["error"]["message"]


def test_a_deadline_runs_while_the_lock_is_waited_for(project: Project) -> None:
    holder = {"who": "ann"}
    began = time.monotonic()
    with held(project.state_file, name="state", holder=holder, timeout=0.0, monotonic=time.monotonic, sleep=time.sleep):
        ended = project.run("apply", "--yes", "--lock-timeout", "50s", "--deadline", "2s")

    assert ended.status == 4
    assert time.monotonic() - began < 20


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_second_signal_before_the_token_leaves_at_once(project: Project, number: signal.Signals, status: int) -> None:
    with (
        silent_platform(project),
        subprocess.Popen(
            [sys.executable, "-m", "reconciler", "apply", "-e", "sandbox", "--yes"],
            cwd=project.folder,
            env={**os.environ, **SILENT},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as process,
    ):
        assert process.stdout is not None
        assert process.stderr is not None
        assert any(line.startswith("Plan id") for line in process.stdout)
        time.sleep(1)
        process.send_signal(number)
        assert "no new calls" in process.stderr.readline()
        process.send_signal(number)
        process.communicate(timeout=30)

    assert process.returncode == status


def test_an_apply_with_a_deadline_ends_in_time_and_the_next_goes_on(project: Project) -> None:
    lines = "".join(f"  - {{subscriptionName: A-S{n:08d}, subscriptionVersion: 1}}\n" for n in range(100, 4100))
    project.write(
        "local/many.yaml", f"version: 1\nflags: {{onlyReSend: false, reMigrate: true}}\nsubscriptions:\n{lines}"
    )
    first = project.run("apply", "--yes", "--deadline", "2s", "--json")
    done = first.document["summary"]["done"]

    assert first.status == 6
    assert 0 < done < 4010
    assert project.run("apply", "--yes", "--max-calls", "10").status == 6
    effects = project.ledger()
    assert len(effects) == len({effect["target"] for effect in effects})
    assert done + 10 <= len(effects)


def test_from_a_folder_below_the_project_file_the_way_up_is_told(project: Project) -> None:
    ended = project.run("plan", cwd=project.folder / "local")

    assert ended.status == 3
    assert f"hint: There is one in {project.folder}: use `-C ..`" in ended.err
    assert project.run("-C", "..", "plan", cwd=project.folder / "local").status == 0


def test_an_environment_in_which_nothing_was_applied_says_so(project: Project) -> None:
    for verb in ("list", "history"):
        ended = project.run("state", verb)
        assert (ended.status, ended.out, ended.err) == (0, "", "Nothing was applied in local yet.\n")
