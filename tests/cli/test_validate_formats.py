"""`validate` as CI uses it: a document on stdout in every case, the text on stderr, status 3 when anything is wrong."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from commands import Ended, run
from junitparser import Failure, JUnitXml

from reconciler.core.catalogue import CATALOGUE

PROJECT = """\
version: 1
name: x
environments:
  local: {api: {emulator: a.db}, specs: local, state: {file: a.json}}
"""
HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"
GOOD = HEAD + "dynamicUsageCharges: [{chargeNumber: C-1}]\n"
BAD = HEAD + "dynamicUsageCharges:\n" + "  - {chargeNumber: 0123}\n" * 60
CANARY = "canary-secret-5f3e"
FORMATS = ("json", "sarif", "github", "junit")
every_format = pytest.mark.parametrize("form", FORMATS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A valid project in the folder `specs` of a repository."""
    specs = tmp_path / "specs"
    (specs / "local").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (specs / "reconciler.yaml").write_text(PROJECT)
    (specs / "local/a.yaml").write_text(GOOD)
    return specs


def validate(folder: Path, form: str, *arguments: str) -> Ended:
    return run("validate", "--format", form, *arguments, cwd=folder)


def found_in(form: str, text: str) -> list[tuple[str, str, int | None]]:
    """Code, path and line of every problem that a document lists."""
    match form:
        case "json":
            return [(each["code"], each["path"], each["line"]) for each in json.loads(text)["diagnostics"]]
        case "sarif":
            return [_sarif_place(each) for each in json.loads(text)["runs"][0]["results"]]
        case "github":
            pattern = r"^::error file=([^,]*)(?:,line=(\d+),col=\d+)?,title=.*?\[([a-z0-9-]+)\]::"
            found = re.findall(pattern, text, flags=re.MULTILINE)
            return [(code, path, int(line) if line else None) for path, line, code in found]
        case _:
            cases = [
                case
                for suite in JUnitXml.fromstring(text.encode())
                for case in suite
                if isinstance(next(iter(case.result), None), Failure)
            ]
            lines = [case._elem.get("line") for case in cases]
            return [
                (case.result[0].type, case._elem.get("file"), int(line) if line else None)
                for case, line in zip(cases, lines, strict=True)
            ]


def _sarif_place(result: dict[str, Any]) -> tuple[str, str, int | None]:
    place = result["locations"][0]["physicalLocation"]
    return result["ruleId"], place["artifactLocation"]["uri"], place["region"].get("startLine")


@every_format
def test_a_document_is_printed_when_nothing_is_wrong(folder: Path, form: str) -> None:
    ended = validate(folder, form)

    assert (ended.status, ended.err) == (0, "")
    assert "local" in ended.out or form == "sarif"
    assert found_in(form, ended.out) == []


@every_format
def test_what_is_wrong_is_in_the_document_and_in_the_text_and_ends_with_3(folder: Path, form: str) -> None:
    (folder / "local/a.yaml").write_text(HEAD + "tigger: x\nsubscriptions: [{subscriptionId: a, wo: b}]\n")
    ended = validate(folder, form)
    path = "local/a.yaml" if form == "json" else "specs/local/a.yaml"

    assert ended.status == 3
    assert found_in(form, ended.out) == [("unknown-key", path, 3), ("unknown-key", path, 4)]
    assert "local/a.yaml:3:1: error:" in ended.err
    assert "Did you mean 'trigger'?" in ended.out


@every_format
def test_a_document_is_printed_where_there_is_no_project(tmp_path: Path, form: str) -> None:
    ended = validate(tmp_path, form)

    assert ended.status == 3
    assert [code for code, _, _ in found_in(form, ended.out)] == ["no-project"]
    assert "[no-project]" in ended.err


@every_format
def test_a_document_is_printed_where_the_environment_is_none(folder: Path, form: str) -> None:
    ended = validate(folder, form, "-e", "locl")

    assert ended.status == 1
    assert found_in(form, ended.out) == []
    assert "locl" in ended.out
    assert "Did you mean 'local'?" in ended.err


@every_format
def test_a_secret_that_was_written_into_the_project_file_is_in_no_output(folder: Path, form: str) -> None:
    api = f"{{base_url: 'https://u:{CANARY}@rest.test.zuora.com', credentials: {{client_id: {CANARY}, who: {CANARY}}}}}"
    (folder / "reconciler.yaml").write_text(PROJECT.replace("{emulator: a.db}", api))
    ended = validate(folder, form)

    assert ended.status == 3
    assert "secret-in-file" in ended.out
    assert "bad-base-url" in ended.out
    assert CANARY not in ended.out + ended.err


def test_at_most_fifty_are_shown_as_text_and_the_rest_is_counted(folder: Path) -> None:
    (folder / "local/a.yaml").write_text(BAD)
    ended = validate(folder, "text")

    assert ended.out == ""
    assert ended.err.count("[unquoted-text]") == 50
    assert ended.err.endswith("and 10 more.\n60 problems found; `reconciler explain CODE` tells more.\n")


def test_what_is_valid_is_told_on_github_as_a_line_for_people(folder: Path) -> None:
    assert validate(folder, "github").out == "local: valid, 1 declaration in 1 file\n"


@pytest.mark.parametrize("command", [("validate",), ("fmt",), ("fmt", "--diff"), ("plan",)])
@pytest.mark.parametrize("content", [GOOD, HEAD + "tigger: x\n"], ids=["valid", "invalid"])
def test_the_name_of_a_file_begins_no_line_and_colours_nothing(
    folder: Path, command: tuple[str, ...], content: str
) -> None:
    """Whoever names a file would else write lines of his own, such as a workflow command, into a log of CI."""
    (folder / "local/a\n::error::b\x1b[8m.yaml").write_text(content)
    (folder / "local/a.yaml").unlink()
    ended = run(*command, cwd=folder)

    assert ended.out + ended.err
    assert "\x1b" not in ended.out + ended.err
    assert not [line for line in (ended.out + ended.err).split("\n") if line.startswith("::")]


HOSTILE = HEAD.replace("\n", " # ##[set-output name=a]b\n") + "tigger: x\nreason: >-\n  ::set-output name=a::b\n"


@pytest.mark.parametrize(
    "command", [("validate",), ("validate", "--format", "github"), ("validate", "--format", "json"), ("plan", "--json")]
)
def test_nothing_in_a_file_is_a_workflow_command_on_github(folder: Path, command: tuple[str, ...]) -> None:
    (folder / "local/a.yaml").write_text(HOSTILE.replace("tigger: x", 'name: "##[set-output name=a]b"\n"##[error]": x'))
    ended = run(*command, cwd=folder, variables={"GITHUB_ACTIONS": "true"})
    lines = [line for line in (ended.out + ended.err).split("\n") if not line.startswith("::error file=")]

    assert "[error]" in ended.out + ended.err
    assert not [line for line in lines if "##[" in line or line.lstrip().startswith("::")]
    if "--json" in command or "json" in command:
        assert "##[error]" in json.dumps(ended.document)


def test_a_diff_on_github_holds_no_workflow_command_and_is_the_file_elsewhere(folder: Path) -> None:
    (folder / "local/a.yaml").write_text(HOSTILE.replace("tigger: x\n", ""))
    on_github = run("fmt", "--diff", cwd=folder, variables={"GITHUB_ACTIONS": "true"}).out
    elsewhere = run("fmt", "--diff", cwd=folder, variables={"GITHUB_ACTIONS": ""}).out

    assert "##[set-output" in elsewhere
    assert "##[" not in on_github
    assert not [line for line in on_github.split("\n") if line.lstrip().startswith("::")]
    assert on_github.replace("\\u0023", "#").replace("\\u003a", ":") == elsewhere


def test_the_name_of_an_environment_colours_nothing(folder: Path) -> None:
    (folder / "reconciler.yaml").write_text(PROJECT.replace("local: {api", '"a\\e[8m": {api'))
    ended = validate(folder, "text")

    assert ended.out == "a\\x1b[8m: valid, 1 declaration in 1 file\n"


@pytest.mark.parametrize(("form", "listed"), [("json", 60), ("sarif", 60), ("junit", 60), ("github", 10)])
def test_a_document_lists_what_its_reader_takes(folder: Path, form: str, listed: int) -> None:
    (folder / "local/a.yaml").write_text(BAD)

    assert len(found_in(form, validate(folder, form).out)) == listed


@pytest.mark.parametrize("form", ["text", *FORMATS])
def test_max_is_obeyed_in_every_format(folder: Path, form: str) -> None:
    (folder / "local/a.yaml").write_text(BAD)
    ended = validate(folder, form, "--max", "3")

    assert ended.err.count("[unquoted-text]") == 3
    assert "and 57 more." in ended.err
    assert form == "text" or len(found_in(form, ended.out)) == 3


def test_a_fault_in_a_folder_that_two_environments_share_is_told_once(folder: Path) -> None:
    other = "  other: {api: {emulator: b.db}, specs: local, state: {file: b.json}}\n"
    (folder / "reconciler.yaml").write_text(PROJECT + other)
    (folder / "local/a.yaml").write_text(HEAD + "tigger: x\n")

    assert validate(folder, "text").err.count("[unknown-key]") == 1


def test_plan_shows_the_line_too(folder: Path) -> None:
    (folder / "local/a.yaml").write_text(HEAD + "tigger: x\n")
    ended = run("plan", cwd=folder)

    assert ended.status == 3
    assert "  3 | tigger: x\n    | ^\n" in ended.err


def test_a_fault_in_decisions_shows_the_line_of_the_file_that_was_named(folder: Path) -> None:
    """It is relative to the caller, and a file of the same name in the project is another one."""
    (folder / "decisions.yaml").write_text("not: this\n")
    (folder.parent / "decisions.yaml").write_text("version: 1\nreason: r\ndecisons: []\n")
    run("-C", "specs", "apply", "--yes", cwd=folder.parent)
    ended = run("-C", "specs", "state", "resolve", "--from", "decisions.yaml", cwd=folder.parent)

    assert ended.status == 3
    assert "  3 | decisons: []\n" in ended.err


def test_explain_lists_all_codes(tmp_path: Path) -> None:
    ended = run("explain", cwd=tmp_path)

    assert ended.status == 0
    assert [line.split()[0] for line in ended.out.splitlines()] == list(CATALOGUE)


def test_explain_tells_why_and_shows_what_is_refused_and_what_is_right(tmp_path: Path) -> None:
    assert run("explain", "missing-flag", cwd=tmp_path) == Ended(
        0,
        "missing-flag: one of the two flags is not said\n"
        "\n"
        "Without flags the platform overrides what is stored, so a flag that was forgotten could destroy what\n"
        "somebody wanted to keep. Both are always said.\n"
        "\n"
        "Refused, in a spec file:\n"
        "    version: 1\n"
        "    flags: {reMigrate: true}\n"
        "\n"
        "Right:\n"
        "    version: 1\n"
        "    flags: {onlyReSend: false, reMigrate: true}\n",
        "",
    )


def test_a_code_that_is_none_is_wrong_usage_with_the_nearest(tmp_path: Path) -> None:
    ended = run("explain", "unquoted-txt", cwd=tmp_path)

    assert (ended.status, ended.out) == (1, "")
    assert "Did you mean 'unquoted-text'?" in ended.err
