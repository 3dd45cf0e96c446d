import io
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from reconciler.cli.console import Console
from reconciler.cli.main import run_in
from reconciler.cli.wiring import SystemClock, World
from reconciler.core.diagnostics import InvalidInput
from reconciler.errors import UsageError

REPOSITORY = Path(__file__).parents[2]

PROJECT = """\
version: 1
name: x
environments:
  local: {api: {emulator: a.db}, specs: local, state: {file: a.json}}
  sandbox: {api: {emulator: b.db}, specs: nested/sandbox, state: {file: b.json}}
"""
GOOD = """\
version: 1
flags: {onlyReSend: false, reMigrate: true}
dynamicUsageCharges: [{chargeNumber: C-1}]
"""


@dataclass(frozen=True, slots=True)
class Ended:
    status: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project that is valid, in a folder of its own."""
    write(tmp_path / "project/reconciler.yaml", PROJECT)
    write(tmp_path / "project/local/a.yaml", GOOD)
    write(tmp_path / "project/nested/sandbox/a.yaml", GOOD)
    return tmp_path / "project"


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def validate(here: Path, *arguments: str) -> str:
    """Return what the command prints. Raise what it raises."""
    out = io.StringIO()
    world = World(
        console=Console(out, io.StringIO(), {}),
        variables={},
        here=here,
        clock=SystemClock(),
        is_interactive=False,
        ask=str,
    )
    assert run_in(world, ["validate", *arguments]) == 0
    return out.getvalue()


def faults(here: Path, *arguments: str) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        validate(here, *arguments)
    return [f"{each.place} {each.code}" for each in caught.value.diagnostics]


def process(here: Path, *arguments: str, package: Path = REPOSITORY) -> Ended:
    """Run the command as people do, from the folder that holds the package."""
    command = [sys.executable, "-m", "reconciler", *arguments]
    variables = {**os.environ, "PYTHONPATH": str(package)}
    done = subprocess.run(command, cwd=here, capture_output=True, text=True, timeout=60, check=False, env=variables)
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The package with its schemas inside, as the wheel has them."""
    top = tmp_path / "installed"
    shutil.copytree(REPOSITORY / "reconciler", top / "reconciler", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(REPOSITORY / "schemas", top / "reconciler/schemas", dirs_exist_ok=True)
    return top


def test_a_valid_project_exits_with_0_and_counts_what_it_declares(folder: Path) -> None:
    assert process(folder, "validate") == Ended(
        0, "local: valid, 1 declaration in 1 file\nsandbox: valid, 1 declaration in 1 file\n", ""
    )


def test_an_invalid_one_exits_with_3_and_says_what_where_why_and_what_next(folder: Path) -> None:
    write(folder / "local/b.yaml", GOOD.replace("C-1", "0123"))

    assert process(folder, "validate", "-e", "local") == Ended(
        3,
        "",
        "local/b.yaml:3:38: error: chargeNumber is text, and '0123' is not [unquoted-text]\n"
        "  3 | dynamicUsageCharges: [{chargeNumber: 0123}]\n"
        "    |                                      ^\n"
        "  Without quotes it reads as a number, a date, a truth value or the like, and readers differ.\n"
        '  hint: Quote it: "0123".\n'
        "1 problem found; `reconciler explain CODE` tells more.\n",
    )


def test_the_specs_of_the_repository_are_valid_as_shipped(tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "specs", tmp_path / "specs", ignore=shutil.ignore_patterns(".reconciler"))

    assert [line.split(",")[0] for line in validate(tmp_path).splitlines()] == [
        "local: valid",
        "sandbox: valid",
        "production: valid",
    ]


def test_all_faults_of_all_files_and_environments_are_reported_in_one_run(folder: Path) -> None:
    write(folder / "local/a.yaml", GOOD.replace("true", "yes"))
    write(folder / "local/b.yaml", "")
    write(folder / "nested/sandbox/a.yaml", GOOD.replace("C-1}", "C-1, who: me}").replace("false", "true"))
    write(folder / "nested/sandbox/b.yaml", GOOD)
    write(folder / "nested/sandbox/c.yaml", GOOD)

    assert faults(folder) == [
        "local/a.yaml:2:39 not-a-boolean",
        "local/b.yaml empty-file",
        "nested/sandbox/a.yaml:2:8 flags-exclude-each-other",
        "nested/sandbox/a.yaml:3:43 unknown-key",
        "nested/sandbox/c.yaml:3:23 declared-twice",
    ]


def test_one_environment_may_be_asked_about_alone(folder: Path) -> None:
    write(folder / "local/a.yaml", "")

    assert validate(folder, "-e", "sandbox") == "sandbox: valid, 1 declaration in 1 file\n"


def test_an_environment_that_is_none_is_wrong_usage(folder: Path) -> None:
    with pytest.raises(UsageError) as caught:
        validate(folder, "-e", "sandbx")

    assert caught.value.hint == "Did you mean 'sandbox'?"


@pytest.mark.parametrize("arguments", [("-C", "project"), ("-C", "elsewhere/../project")])
def test_places_are_relative_to_the_project_folder_wherever_the_caller_stands(
    folder: Path, arguments: tuple[str, ...]
) -> None:
    (folder.parent / "elsewhere").mkdir()
    write(folder / "nested/sandbox/a.yaml", "")

    assert faults(folder.parent, *arguments) == ["nested/sandbox/a.yaml empty-file"]


def test_faults_of_the_project_file_are_all_reported(folder: Path) -> None:
    write(folder / "reconciler.yaml", PROJECT.replace("b.db", "a.db").replace("a.json", "1") + "who: me\n")

    assert faults(folder) == [
        "reconciler.yaml:4:62 unquoted-text",
        "reconciler.yaml:6:1 unknown-key",
    ]


def test_without_a_project_the_message_says_how_to_name_one(tmp_path: Path) -> None:
    ended = process(tmp_path, "validate")

    assert (ended.status, ended.out) == (3, "")
    assert "reconciler.yaml: error: there is no project file [no-project]" in ended.err
    assert "-C" in ended.err


@pytest.mark.parametrize(
    "content", [b"\xff", b"\x00" * 100, b"[" * 100_000, b"a: &x [*x]\n", b"- " * 5_000, b"a: !!python/name:os\n"]
)
def test_hostile_bytes_in_a_spec_are_a_message_and_never_a_traceback(folder: Path, content: bytes) -> None:
    (folder / "local/a.yaml").write_bytes(content)
    ended = process(folder, "validate")

    assert (ended.status, ended.out.splitlines()[0].split(",")[0]) == (3, "sandbox: valid")
    assert "local/a.yaml:1:" in ended.err
    assert "Traceback" not in ended.err


def test_an_installed_package_validates_with_the_schemas_that_it_brings(folder: Path, installed: Path) -> None:
    assert process(folder, "validate", package=installed).status == 0


def test_what_only_a_schema_refuses_is_reported(folder: Path, installed: Path) -> None:
    path = installed / "reconciler/schemas/dynamic-usage-charge.schema.json"
    stricter = json.loads(path.read_bytes())
    stricter["required"] = ["reason"]
    write(path, json.dumps(stricter))

    ended = process(folder, "validate", "-e", "local", package=installed)

    assert (ended.status, ended.out) == (3, "")
    assert "local/a.yaml:3:23: error: not allowed by spec.schema.json [against-schema]" in ended.err
    assert "'reason' is a required property." in ended.err


def test_validate_writes_nothing(folder: Path) -> None:
    before = sorted(folder.rglob("*"))
    validate(folder)

    assert sorted(folder.rglob("*")) == before
