"""The published hooks, under the real pre-commit: installed from this repository as a user's configuration does it."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from commands import REPOSITORY

UGLY = "flags: {reMigrate: true, onlyReSend: false}\nversion: 1\n"
TIDY = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"

pytestmark = [
    pytest.mark.skipif(find_spec("pre_commit") is None, reason="pre-commit is not installed"),
    pytest.mark.skipif(not (REPOSITORY / ".git").exists(), reason="this is no git repository"),
    pytest.mark.timeout(300),
]


def site_packages() -> str:
    """Where this test's own packages are: pip takes build backend and dependencies from there, not from the network."""
    return str(Path(pytest.__file__).parent.parent)


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_DEPS": "1", "PIP_NO_BUILD_ISOLATION": "0", "PYTHONPATH": site_packages()}
    identity = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "PIP_"))}
    return {**kept, **offline, **identity, "PRE_COMMIT_HOME": str(tmp_path_factory.mktemp("pre-commit"))}


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=ann", "-c", "user.email=ann@localhost", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """This repository as it stands, committed or not, and the revision that a configuration names."""
    folder = tmp_path_factory.mktemp("published")
    for path in git(REPOSITORY, "ls-files", "-co", "--exclude-standard").splitlines():
        if (REPOSITORY / path).is_file():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / path, folder / path)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "-m", "Publish")
    return folder, git(folder, "rev-parse", "HEAD").strip()


@pytest.fixture
def repository(tmp_path: Path, published: tuple[Path, str]) -> Path:
    """A team's repository, with its project in a folder that only the arguments name."""
    folder = tmp_path / "ours"
    shutil.copytree(REPOSITORY / "specs", folder / "revenue", ignore=shutil.ignore_patterns(".reconciler", "state"))
    source, revision = published
    hooks = [{"id": f"reconciler-{name}", "args": ["-C", "revenue"]} for name in ("validate", "fmt")]
    configuration = {"repos": [{"repo": str(source), "rev": revision, "hooks": hooks}]}
    (folder / ".pre-commit-config.yaml").write_text(json.dumps(configuration))
    git(folder, "init", "--quiet")
    return folder


def hook(name: str, repository: Path, variables: dict[str, str]) -> subprocess.CompletedProcess[str]:
    git(repository, "add", ".")
    return subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", name, "--all-files", "--color=never"],
        cwd=repository,
        env=variables,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_configuration_that_is_shown_is_one_and_brings_what_the_extra_brings(tmp_path: Path) -> None:
    shown = (REPOSITORY / "specs/README.md").read_text().partition("```yaml\nrepos:")[2].partition("```")[0]
    configuration = tmp_path / "shown.yaml"
    configuration.write_text(f"repos:{shown}")
    command = [sys.executable, "-m", "pre_commit", "validate-config", str(configuration)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    hooks = yaml.safe_load(configuration.read_text())["repos"][0]["hooks"]
    published = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]

    assert {each["id"] for each in hooks} == {each["id"] for each in published}
    assert [each["additional_dependencies"] for each in hooks if "additional_dependencies" in each] == [
        project["optional-dependencies"]["parquet"]
    ]


def test_the_hooks_pass_what_is_valid_and_tidy(repository: Path, variables: dict[str, str]) -> None:
    validated = hook("reconciler-validate", repository, variables)
    formatted = hook("reconciler-fmt", repository, variables)

    assert (validated.returncode, formatted.returncode) == (0, 0), validated.stdout + formatted.stdout
    assert "Passed" in validated.stdout
    assert "Passed" in formatted.stdout


def test_the_fmt_hook_tidies_and_then_passes(repository: Path, variables: dict[str, str]) -> None:
    ugly = repository / "revenue" / "local" / "ugly.yaml"
    ugly.write_text(UGLY)
    first = hook("reconciler-fmt", repository, variables)
    second = hook("reconciler-fmt", repository, variables)

    assert (first.returncode, second.returncode) == (1, 0)
    assert "files were modified by this hook" in first.stdout
    assert ugly.read_text() == TIDY


def test_the_validate_hook_shows_what_is_wrong(repository: Path, variables: dict[str, str]) -> None:
    (repository / "revenue" / "local" / "invalid.yaml").write_text("version: 2\n")
    ended = hook("reconciler-validate", repository, variables)

    assert ended.returncode == 1
    assert "exit code: 3" in ended.stdout
    assert "local/invalid.yaml:1:10: error" in ended.stdout
