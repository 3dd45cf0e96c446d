"""`reconciler init` makes a project that works at once, and never touches what is there."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from commands import REPOSITORY, Ended, run
from junitparser import JUnitXml

PIPELINES = {"github": ".github/workflows/reconciler.yml", "gitlab": ".gitlab-ci.yml"}
SCHEMAS = {path.name for path in (REPOSITORY / "schemas").glob("*.schema.json")} - {
    *("apply.schema.json", "diagnostics.schema.json", "doctor.schema.json", "plan.schema.json", "proof.schema.json"),
    "state.schema.json",
}
"""What people write, not what is printed or remembered."""

FILES = {
    ".gitignore",
    "README.md",
    "reconciler.yaml",
    "local/example.yaml",
    "sandbox/first.yaml",
    "production/first.yaml",
    *(f"schemas/{name}" for name in SCHEMAS),
}


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("pipeline", ["none", *PIPELINES])
def test_a_new_project_validates_applies_and_has_nothing_left_to_do(tmp_path: Path, pipeline: str) -> None:
    made = run("init", "acme", "--ci", pipeline, cwd=tmp_path)
    folder = tmp_path / "acme"
    expected = FILES | ({PIPELINES[pipeline], "apply.sh"} if pipeline in PIPELINES else set())

    assert (made.status, set(made.out.splitlines())) == (0, expected)
    assert set(files_in(folder)) == expected
    assert run("validate", cwd=folder).status == 0
    assert run("fmt", "--check", cwd=folder).status == 0
    assert run("plan", "-e", "production", "--detailed-exitcode", cwd=folder).status == 0
    assert run("apply", "-e", "local", "--yes", cwd=folder).status == 0
    assert run("plan", "--detailed-exitcode", cwd=folder).status == 0


def test_every_file_that_people_write_names_a_schema_that_is_there_and_whole(tmp_path: Path) -> None:
    run("init", cwd=tmp_path)
    named = {}
    for path in tmp_path.glob("**/*.yaml"):
        _, is_named, relative = path.read_text().splitlines()[0].partition("# yaml-language-server: $schema=")
        named[str(path.relative_to(tmp_path))] = (path.parent / relative).resolve().name if is_named else ""
    referred = {
        name.partition("#")[0]
        for path in tmp_path.glob("schemas/*.json")
        for name in re.findall(r'"\$ref": "([^"]*)"', path.read_text())
    } - {""}

    assert named == {
        "reconciler.yaml": "project.schema.json",
        **{path: "spec.schema.json" for path in FILES if re.fullmatch(r"[a-z]+/[a-z]+\.yaml", path)},
    }
    assert referred <= {path.name for path in tmp_path.glob("schemas/*.json")}
    for name in SCHEMAS:
        assert (tmp_path / "schemas" / name).read_bytes() == (REPOSITORY / "schemas" / name).read_bytes()


def test_the_project_is_named_after_its_folder_or_as_it_is_told(tmp_path: Path) -> None:
    (tmp_path / "Zürich: 2").mkdir()
    run("init", cwd=tmp_path / "Zürich: 2")
    run("init", "other", "--name", "Acme-Revenue", cwd=tmp_path)
    run("init", "no", cwd=tmp_path)
    names = [
        yaml.safe_load((tmp_path / folder / "reconciler.yaml").read_text())["name"]
        for folder in ("Zürich: 2", "other", "no")
    ]

    assert names == ["z-rich-2", "Acme-Revenue", "project-no"]


def test_what_is_told_to_do_next_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    made = run("init", "it's ours", cwd=tmp_path)
    commands = [shlex.split(line)[1:] for line in made.err.splitlines() if line.startswith("  reconciler")]

    assert [run(*command, cwd=tmp_path).status for command in commands if "plan" in command] == [0]


@pytest.mark.parametrize("name", ["", "no", "1", "a: b", "a\n", "-a", "a" * 65])
def test_a_name_that_yaml_could_misread_is_refused(tmp_path: Path, name: str) -> None:
    ended = run("init", "here", f"--name={name}", cwd=tmp_path)

    assert ended.status == 1
    assert "acme-revenue" in ended.err
    assert files_in(tmp_path) == {}


def test_nothing_is_written_where_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("ours\n")
    (tmp_path / ".gitignore").symlink_to("nowhere")
    before = files_in(tmp_path)
    ended = run("init", "--ci", "github", cwd=tmp_path)

    assert ended.status == 1
    assert ".gitignore, README.md exist already" in ended.err
    assert files_in(tmp_path) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [".gitignore", "README.md"]


def test_a_folder_is_named_in_one_way_only(tmp_path: Path) -> None:
    ended = run("-C", "acme", "init", cwd=tmp_path)

    assert (ended.status, files_in(tmp_path)) == (1, {})
    assert "reconciler init DIR" in ended.err


def test_a_project_that_cannot_be_made_leaves_no_file_behind(tmp_path: Path) -> None:
    (tmp_path / "sandbox").write_text("a file where a folder is due\n")
    ended = run("init", cwd=tmp_path)

    assert ended.status == 1
    assert "sandbox" in ended.err
    assert set(files_in(tmp_path)) == {"sandbox"}


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_a_pipeline_is_yaml_without_a_secret(tmp_path: Path, pipeline: str) -> None:
    run("init", "--ci", pipeline, cwd=tmp_path)
    text = (tmp_path / PIPELINES[pipeline]).read_text()
    credentials = re.findall(r"(?:CLIENT_ID|CLIENT_SECRET|TOKEN|PASSWORD)\w*: (.*)", text)
    document = yaml.safe_load(text)

    assert {"sandbox", "production", "plan"} <= set(document["jobs"] if pipeline == "github" else document)
    assert [value for value in credentials if not value.startswith("${{ secrets.")] == []
    assert len(credentials) == (4 if pipeline == "github" else 0)


def commands_of(pipeline: str, folder: Path) -> list[list[str]]:
    """The arguments of each command in the order of the pipeline; where its output goes is left out."""
    text = (folder / PIPELINES[pipeline]).read_text()
    found = re.findall(r"(?:run:|-) reconciler (.*)", text)
    return [shlex.split(command.partition(" > ")[0], comments=True) for command in found]


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_every_command_of_a_pipeline_is_one_that_there_is(tmp_path: Path, pipeline: str) -> None:
    run("init", "--ci", pipeline, cwd=tmp_path)
    commands = commands_of(pipeline, tmp_path)

    assert len(commands) == 5
    assert [run(*command, cwd=tmp_path).status for command in commands] == [0, 0, 0, 0, 0]
    assert commands[-1][:4] == ["plan", "-e", "production", "--out"]
    assert (tmp_path / "plan.json").exists()


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_the_first_step_of_a_pipeline_tells_faults_in_the_way_that_its_host_shows_them(
    tmp_path: Path, pipeline: str
) -> None:
    run("init", "--ci", pipeline, cwd=tmp_path)
    (tmp_path / "local/example.yaml").write_text("version: 2\n")
    ended = run(*commands_of(pipeline, tmp_path)[0], cwd=tmp_path)

    assert ended.status == 3
    if pipeline == "github":
        assert ended.out.startswith("::error file=local/example.yaml,line=1,")
    else:
        plan = yaml.safe_load((tmp_path / PIPELINES[pipeline]).read_text())["plan"]
        assert JUnitXml.fromstring(ended.out.encode()).failures == 1
        assert plan["script"][0].endswith(f" > {plan['artifacts']['reports']['junit']}")
        assert plan["artifacts"]["when"] == "always"


@pytest.mark.parametrize("pipeline", PIPELINES)
def test_production_is_sent_the_plan_that_was_shown_and_no_other(tmp_path: Path, pipeline: str) -> None:
    """The script of the job gets the file that the job before it has kept."""
    run("init", "--ci", pipeline, cwd=tmp_path)
    document = yaml.safe_load((tmp_path / PIPELINES[pipeline]).read_text())
    if pipeline == "github":
        jobs = document["jobs"]
        (kept,) = (step["with"] for step in jobs["production-plan"]["steps"] if "upload" in step.get("uses", ""))
        (taken,) = (step["with"] for step in jobs["production"]["steps"] if "download" in step.get("uses", ""))
        script = jobs["production"]["steps"][-1]["run"]
        assert (kept["name"], kept["path"]) == (taken["name"], "plan.json")
    else:
        jobs, script = document, document["production"]["script"][0]
        assert "plan.json" in document["production-plan"]["artifacts"]["paths"]

    needs = jobs["production"]["needs"]
    assert needs in ("production-plan", ["production-plan"])
    assert script == "sh apply.sh production plan.json --confirm production"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
class TestApplyScript:
    @pytest.fixture
    def checkout(self, tmp_path: Path) -> Path:
        """A project whose local environment keeps its state in git, and the repository it was cloned from."""
        self.git(tmp_path, "init", "--quiet", "--bare", "--initial-branch=main", "origin.git")
        self.git(tmp_path, "clone", "--quiet", "origin.git", "project")
        folder = tmp_path / "project"
        run("init", "--ci", "github", cwd=folder)
        project = folder / "reconciler.yaml"
        project.write_text(project.read_text().replace(".reconciler/local.state.json", "state/local.json"))
        self.git(folder, "checkout", "--quiet", "-B", "main")
        self.git(folder, "add", ".")
        self.git(folder, "commit", "--quiet", "-m", "Begin")
        self.git(folder, "push", "--quiet", "origin", "main")
        return folder

    def git(self, folder: Path, *arguments: str) -> str:
        command = ["git", "-c", "user.name=ann", "-c", "user.email=ann@localhost", *arguments]
        return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout

    def apply(self, folder: Path, *arguments: str) -> Ended:
        tools = folder.parent / "tools"
        tools.mkdir(exist_ok=True)
        tool = tools / "reconciler"
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
        tool.chmod(0o755)
        variables = {**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "BRANCH": "main"}
        variables["PYTHONPATH"] = str(REPOSITORY)
        done = subprocess.run(
            ["sh", "apply.sh", "local", *arguments],
            cwd=folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def test_the_state_reaches_the_branch_also_when_apply_ends_early(self, checkout: Path) -> None:
        early = self.apply(checkout, "--max-calls", "2")
        entries = self.git(checkout.parent / "origin.git", "show", "main:state/local.json")
        files = self.git(checkout.parent / "origin.git", "ls-tree", "-r", "--name-only", "main", "state").split()

        assert early.status == 6
        assert entries.count('"applied"') == 2
        assert files == ["state/local.json"]

    def test_a_run_that_waited_begins_with_the_state_that_others_have_pushed(self, checkout: Path) -> None:
        late = checkout.parent / "late"
        self.git(checkout.parent, "clone", "--quiet", "origin.git", "late")
        first = self.apply(checkout)
        shutil.copytree(checkout / ".reconciler", late / ".reconciler")
        self.git(late, "checkout", "--quiet", "--detach")
        second = self.apply(late)

        assert (first.status, second.status) == (0, 0)
        assert "0 calls" in second.out or "Nothing" in second.out or "nothing" in second.out
        assert (late / "state" / "local.json").read_bytes() == (checkout / "state" / "local.json").read_bytes()

    def test_a_run_with_nothing_to_do_pushes_nothing(self, checkout: Path) -> None:
        self.apply(checkout)
        before = self.git(checkout.parent / "origin.git", "rev-parse", "main")

        assert self.apply(checkout).status == 0
        assert self.git(checkout.parent / "origin.git", "rev-parse", "main") == before
