"""Every kind of bad input that a spec can bring, by number: one row, one clear answer with its code and its place.

Rows 1 to 33 are content of one file, rows 34 to 41 are files and folders. What is accepted on purpose has no code.
"""

import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeAlias

import pytest
import yaml

from reconciler.core.diagnostics import InvalidInput
from reconciler.workspace.folder import MAX_FILE, load_project, read_spec_files

PROJECT = "version: 1\nname: x\nenvironments:\n  local: {api: {emulator: a.db}, specs: local, state: {file: a.json}}\n"
HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"
GOOD = f"{HEAD}dynamicUsageCharges: [{{chargeNumber: C-1}}]\n"

Make: TypeAlias = Callable[[Path], None]
"""Makes what is bad in a project folder that is right, but declares nothing yet."""


@dataclass(frozen=True, slots=True)
class Row:
    """*made* is the content of local/a.yaml, or makes what is bad; *expected* all diagnostics: ``code place``."""

    number: int
    what: str
    made: str | bytes | Make
    expected: list[str] = field(default_factory=list)

    def make(self, folder: Path) -> None:
        if callable(self.made):
            self.made(folder)
        else:
            content = self.made.encode() if isinstance(self.made, str) else self.made
            write(folder / "local/a.yaml", content)


def write(path: Path, content: str | bytes = GOOD) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def subscription(fields: str) -> str:
    """A file with one subscription at 3:17, whose first field stands at 3:18."""
    return f"{HEAD}subscriptions: [{{{fields}}}]\n"


def named(value: str) -> str:
    """A file whose only id is *value*, at 3:34."""
    return subscription(f"subscriptionId: {value}")


def versioned(value: str) -> str:
    """A file whose only version is *value*, at 3:60."""
    return subscription(f"subscriptionName: A, subscriptionVersion: {value}")


def flagged(only_re_send: str, re_migrate: str) -> str:
    return f"version: 1\nflags: {{onlyReSend: {only_re_send}, reMigrate: {re_migrate}}}\n"


def files(*names: str) -> Make:
    """Write the same right file under each of *names*."""

    def make(folder: Path) -> None:
        for name in names:
            write(folder / name)

    return make


def link(name: str, target: str) -> Make:
    """A link in a spec folder that is right but for it; another right spec lies outside the project."""

    def make(folder: Path) -> None:
        write(folder.parent / "outside/a.yaml")
        write(folder / "local/right.yaml", HEAD)
        (folder / name).symlink_to(target)

    return make


def many_files(folder: Path) -> None:
    """10,000 files, of which the last declares nothing right."""
    for number in range(9_999):
        write(folder / f"local/{number:05}.yaml", HEAD)
    write(folder / "local/last.yaml", "version: 2\n")


def too_large(folder: Path) -> None:
    (folder / "local").mkdir(exist_ok=True)
    with (folder / "local/a.yaml").open("wb") as file:
        file.truncate(MAX_FILE + 1)


SURROGATE = ["yaml-syntax 3:37"] if yaml.__with_libyaml__ else ["unsafe-character 3:34"]
DEEP = "too-deep 1:33"
BOMB = [
    "anchor 1:4",
    "anchor 2:4",
    "alias 2:8",
    "alias 2:12",
    *("unknown-key 1:1", "unknown-key 2:1"),
    "missing-field 1:1",
]
UNQUOTED = ("NO", "on", "y", "0o17", "12:30:45", "1_000", "1e3", "2026-11-22", "0x1F", "true")

ROWS = [
    Row(1, "a duplicate key", f"{HEAD}trigger: a\ntrigger: b\n", ["duplicate-key 4:1"]),
    Row(2, "one target in two files", files("local/a.yaml", "local/b.yaml"), ["declared-twice local/b.yaml:3:23"]),
    Row(3, "one target twice in a file", GOOD.replace("}]", "}, {chargeNumber: C-1}]"), ["declared-twice 3:44"]),
    Row(4, "an alias bomb", "a: &a [x]\nb: &b [*a, *a]\n", BOMB),
    Row(5, "an alias of itself", "&a [*a]\n", ["anchor 1:1", "alias 1:5", "wrong-shape 1:1"]),
    Row(6, "a merge key", f"{HEAD}<<: {{trigger: a}}\n", ["merge-key 3:1"]),
    Row(7, "100,000 brackets", "[" * 100_000, [DEEP]),
    Row(7, "33 levels", "[" * 33 + "]" * 33, [DEEP]),
    Row(8, "200,000 nodes where one is due", f"{HEAD}name: [{'1,' * 200_000}]\n", ["wrong-shape 3:7"]),
    Row(9, "a file of more than 64 MiB", too_large, ["unreadable 0:0"]),
    Row(10, "a NUL", named('"a\0"'), ["control-character 3:36"]),
    Row(10, "an escaped NUL", named('"a\\0"'), ["unsafe-character 3:34"]),
    Row(11, "Latin-1", named("caf\xe9").encode("latin-1"), ["not-utf-8 3:37"]),
    Row(11, "UTF-16", GOOD.encode("utf-16"), ["not-utf-8 1:1"]),
    Row(12, "a byte order mark at the head", f"\ufeff{GOOD}"),
    Row(12, "a byte order mark elsewhere", f"{HEAD}\ufefftrigger: a\n", ["control-character 3:1"]),
    Row(13, "a tab as indentation", "version: 1\nflags:\n\tonlyReSend: false\n", ["yaml-syntax 3:1"]),
    Row(14, "a second document", f"{GOOD}---\n{GOOD}", ["several-documents 4:1"]),
    Row(15, "an empty file", "", ["empty-file 0:0"]),
    Row(15, "comments only", "# soon\n", ["empty-file 0:0"]),
    Row(16, "text at the top", "<html>not found</html>\n", ["wrong-shape 1:1"]),
    Row(16, "a list at the top", "- version: 1\n", ["wrong-shape 1:1"]),
    Row(17, "a number as a key", f"{HEAD}1: a\n", ["unknown-key 3:1"]),
    Row(17, "true as a key", f"{HEAD}true: a\n", ["unknown-key 3:1"]),
    Row(17, "null as a key", f"{HEAD}null: a\n", ["unknown-key 3:1"]),
    Row(17, "a list as a key", f"{HEAD}[a]: b\n", ["key-not-text 3:1"]),
    *(Row(18, f"{value} as text", named(value), ["unquoted-text 3:34"]) for value in UNQUOTED),
    Row(18, "~ as text", named("~"), ["missing-value 3:34"]),
    Row(19, "5,000 digits as text", named("1" * 5_000), ["unquoted-text 3:34"]),
    Row(19, "5,000 digits as a version", versioned("1" * 5_000), ["not-a-version 3:60"]),
    Row(20, ".nan as text", named(".nan"), ["unquoted-text 3:34"]),
    Row(20, ".inf as a version", versioned(".inf"), ["not-a-version 3:60"]),
    *(
        Row(21, tag, named(f"{tag} x"), ["tag 3:34"])
        for tag in ("!!python/name:os.system", "!!binary", "!!set", "!!omap", "!mine")
    ),
    Row(22, "a lone surrogate, escaped", named('"\\ud800"'), SURROGATE),
    Row(22, "a lone surrogate in UTF-8", b"a: \xed\xa0\x80\n", ["not-utf-8 1:4"]),
    Row(22, "right-to-left override", named("a\u202eb"), ["control-character 3:35"]),
    Row(22, "a zero-width space", named("a\u200bb"), ["unsafe-character 3:34"]),
    Row(23, "a space behind an id", named('"a "'), ["outer-space 3:34"]),
    Row(23, "a line break behind an id", named('"a\\n"'), ["unsafe-character 3:34"]),
    Row(24, "Windows line ends", GOOD.replace("\n", "\r\n")),
    Row(24, "a fault behind Windows line ends", named("1").replace("\n", "\r\n"), ["unquoted-text 3:34"]),
    Row(25, "look-alikes, which are two targets", subscription("subscriptionId: é}, {subscriptionId: e\u0301")),
    Row(26, "leading zeros", named("0123"), ["unquoted-text 3:34"]),
    Row(27, "a version above 2^53", versioned("9007199254740993"), ["not-a-version 3:60"]),
    Row(27, "a version below 1", versioned("-1"), ["not-a-version 3:60"]),
    Row(28, "a version with a point", versioned("1.0"), ["not-a-version 3:60"]),
    Row(29, "a flag in quotes", flagged("false", '"true"'), ["not-a-boolean 2:39"]),
    Row(30, "a field that is none", f"{HEAD}tigger: a\n", ["unknown-key 3:1"]),
    Row(31, "both flags true", flagged("true", "true"), ["flags-exclude-each-other 2:8"]),
    Row(32, "id and number", versioned("1, subscriptionId: a"), ["named-twice 3:63"]),
    Row(33, "a field of another type", subscription("chargeNumber: C"), ["field-of-another-type 3:18"]),
    Row(34, "no spec folder", lambda folder: (folder / "local").rmdir(), ["no-folder local"]),
    Row(34, "a link to nowhere", link("local/a.yaml", "nowhere"), ["unreadable 0:0"]),
    Row(34, "a link to itself", link("local/a.yaml", "a.yaml"), ["unreadable 0:0"]),
    Row(34, "a pipe", lambda folder: os.mkfifo(folder / "local/a.yaml"), ["unreadable 0:0"]),
    Row(34, "a device", link("local/a.yaml", "/dev/zero"), ["unreadable 0:0"]),
    Row(35, "a link to a file elsewhere", link("local/a.yaml", "../../outside/a.yaml"), ["unreadable 0:0"]),
    Row(35, "a link to a folder", link("local/b", "../../outside"), ["linked-folder local/b"]),
    Row(35, "an include of a parent", f"{HEAD}include: ../a.yaml\n", ["unknown-key 3:1"]),
    Row(35, "an absolute include", f"{HEAD}include: /etc/passwd\n", ["unknown-key 3:1"]),
    Row(36, "an include of itself", f"{HEAD}include: [a.yaml]\n", ["unknown-key 3:1"]),
    Row(37, "no file to read", lambda folder: None, ["no-spec-files local"]),
    Row(
        38, "names that differ in case", files("local/A.yaml", "local/a.yaml"), ["same-name 0:0", "declared-twice 3:23"]
    ),
    Row(39, "10,000 files", many_files, ["unknown-version local/last.yaml:1:10"]),
]
IDS = [f"{row.number}: {row.what}" for row in ROWS]
AS_PROCESS = ["1: a duplicate key", "7: 100,000 brackets", "18: NO as text", "31: both flags true", "34: a pipe"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "project/reconciler.yaml", PROJECT)
    (tmp_path / "project/local").mkdir()
    return tmp_path / "project"


def answers(folder: Path) -> list[str]:
    """Every diagnostic as ``code place``, of local/a.yaml without its path; each says what to do next."""
    readings, _ = read_spec_files(folder, load_project(folder).environment("local"))
    found = InvalidInput(each for reading in readings for each in reading.diagnostics).diagnostics
    assert all(each.hint and (each.summary + each.detail + each.hint).isprintable() for each in found)
    own = "local/a.yaml"
    return [
        f"{each.code} {each.place.line}:{each.place.column}" if each.place.path == own else f"{each.code} {each.place}"
        for each in found
    ]


@pytest.mark.parametrize("row", ROWS, ids=IDS)
def test_bad_input_is_answered_at_its_place(folder: Path, row: Row) -> None:
    row.make(folder)

    assert sorted(answers(folder)) == sorted(row.expected)


def test_every_number_has_a_row_or_a_test() -> None:
    assert {row.number for row in ROWS} | {40, 41} == set(range(1, 42))


def run(folder: Path, *arguments: str, file_size: int = resource.RLIM_INFINITY) -> subprocess.CompletedProcess[str]:
    """Run the command as a process that may write files of *file_size* bytes."""
    command = [sys.executable, "-m", "reconciler", *arguments]
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (file_size, resource.RLIM_INFINITY))  # noqa: E731
    return subprocess.run(
        command, cwd=folder, preexec_fn=limit, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("command", ["validate", "plan"])
@pytest.mark.parametrize("row", [ROWS[IDS.index(each)] for each in AS_PROCESS], ids=AS_PROCESS)
def test_each_command_says_it_once_with_status_3_and_writes_nothing(folder: Path, command: str, row: Row) -> None:
    row.make(folder)
    before = sorted(folder.rglob("*"))
    ended = run(folder, command)
    code, place = row.expected[0].split()

    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("local/a.yaml" if place == "0:0" else f"local/a.yaml:{place}: error: ")
    assert f"[{code}]" in ended.stderr
    assert "hint: " in ended.stderr
    assert "Traceback" not in ended.stderr
    assert sorted(folder.rglob("*")) == before


def test_number_40_a_file_that_changes_while_it_is_read_is_not_half_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer saves the file when it is open and not yet read."""
    path = folder / "local/a.yaml"
    write(path)
    open_for_reading = os.fdopen

    def saved_meanwhile(descriptor: int, mode: str, *, closefd: bool) -> IO[bytes]:
        write(path, GOOD[:60])
        return open_for_reading(descriptor, mode, closefd=closefd)

    project = load_project(folder)
    monkeypatch.setattr(os, "fdopen", saved_meanwhile)
    readings, tables = read_spec_files(folder, project.environment("local"))
    (found,) = [each for reading in readings for each in reading.diagnostics]

    assert (found.code, found.summary) == ("unreadable", "the file cannot be read: it was changed while it was read")
    assert sum(map(len, tables)) == 0


def test_number_41_where_nothing_may_be_written_apply_sends_nothing_and_says_which_file(folder: Path) -> None:
    write(folder / "local/a.yaml")
    ended = run(folder, "apply", "--yes", file_size=0)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert "a.json: File too large." in ended.stderr
    assert "hint: " in ended.stderr
    assert not (folder / "a.json").exists()


def test_number_41_validate_and_plan_need_no_room_on_the_disk(folder: Path) -> None:
    write(folder / "local/a.yaml")

    assert [run(folder, command, file_size=0).returncode for command in ("validate", "plan")] == [0, 0]
