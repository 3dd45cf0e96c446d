"""A wheel, installed elsewhere, works on a copy of `specs/` and brings its schemas along."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from commands import REPOSITORY, Project, run


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel without the network, and unpack it into a folder of its own."""
    top = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", str(top), str(REPOSITORY)], check=True, timeout=100)
    (wheel,) = top.glob("reconciler-*.whl")
    zipfile.ZipFile(wheel).extractall(top / "site")
    return top / "site"


def test_the_wheel_holds_every_schema(installed: Path) -> None:
    shipped = {path.name for path in (installed / "reconciler" / "schemas").glob("*.schema.json")}

    assert shipped == {path.name for path in (REPOSITORY / "schemas").glob("*.schema.json")}


def test_the_wheel_validates_and_plans_a_copy_of_the_specs(installed: Path, project: Project) -> None:
    variables = {"PYTHONPATH": str(installed)}
    origin = subprocess.run(
        [sys.executable, "-c", "import reconciler; print(reconciler.__file__)"],
        env={"PYTHONPATH": str(installed)},
        cwd=project.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert origin.stdout.startswith(str(installed))
    validated = project.run("validate", variables=variables)
    planned = project.run("plan", "--json", variables=variables)

    assert (validated.status, planned.status) == (0, 0)
    assert planned.document["summary"]["calls"] == 12


def test_the_wheel_prints_its_version(installed: Path, tmp_path: Path) -> None:
    assert run("--version", variables={"PYTHONPATH": str(installed)}, cwd=tmp_path).status == 0


def test_the_wheel_makes_a_project_that_is_tidy(installed: Path, tmp_path: Path) -> None:
    variables = {"PYTHONPATH": str(installed)}

    assert run("init", "--ci", "github", "--name", "acme", variables=variables, cwd=tmp_path).status == 0
    assert run("fmt", "--check", variables=variables, cwd=tmp_path).status == 0
