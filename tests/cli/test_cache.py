"""A plan with a cache says what one without says, whatever becomes of the cache; an apply does not read it."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from commands import Project

MANY = 200
HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\nsubscriptions:\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with a spec file and a state that are worth keeping: most of it applied, the last version new."""
    found = Project(tmp_path / "specs")
    found.write("local/many.yaml", spec(MANY))
    assert found.run("apply", "-e", "local", "--yes", "--concurrency", "32").status == 0
    found.write("local/many.yaml", spec(MANY + 1))
    return found


def spec(count: int) -> str:
    items = "".join(
        f"  - {{subscriptionName: A-S{number:08d}, subscriptionVersion: 1}}\n" for number in range(1_000, 1_000 + count)
    )
    return HEAD + items


def variables(project: Project) -> Mapping[str, str]:
    return {"XDG_CACHE_HOME": str(project.folder.parent / "cache")}


def kept(project: Project) -> list[Path]:
    return sorted(path for path in (project.folder.parent / "cache").rglob("*") if path.is_file())


def planned(project: Project, *arguments: str) -> str:
    done = project.run("plan", "-e", "local", "--json", *arguments, variables=variables(project))
    assert done.status == 0, done.err
    return done.out


def test_a_plan_from_the_cache_is_the_same_to_the_byte(project: Project) -> None:
    first = planned(project, "--no-cache")
    assert kept(project) == []

    assert planned(project) == first
    assert {path.name.partition("-")[0] for path in kept(project)} == {"spec", "state"}
    assert planned(project) == first
    assert '"calls": 1' in first


@pytest.mark.parametrize("damage", ["a byte", "the end", "everything", "another's"])
def test_a_damaged_cache_changes_nothing(project: Project, damage: str) -> None:
    first = planned(project)
    for path, other in zip(kept(project), reversed(kept(project)), strict=True):
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(
            {
                "a byte": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
                "the end": content[:middle],
                "everything": b"",
                "another's": b"0" * 64 + other.read_bytes(),
            }[damage]
        )

    assert planned(project) == first


def test_a_file_that_has_changed_is_read_anew(project: Project) -> None:
    assert '"calls": 1' in planned(project)
    project.write("local/many.yaml", spec(MANY + 2))

    assert '"calls": 2' in planned(project)


def test_the_same_file_of_another_path_is_told_as_of_its_own(project: Project) -> None:
    planned(project)
    (project.folder / "local" / "many.yaml").rename(project.folder / "local" / "other.yaml")

    told = planned(project)
    assert "local/other.yaml" in told
    assert "local/many.yaml" not in told


def test_what_is_declared_twice_is_found_in_the_cache_too(project: Project) -> None:
    planned(project)
    project.write("local/copy.yaml", spec(MANY + 1))
    done = project.run("plan", "-e", "local", variables=variables(project))

    assert (done.status, "declared-twice" in done.err) == (3, True)


def test_an_apply_reads_the_files_themselves_and_keeps_nothing(project: Project) -> None:
    planned(project)
    before = {path: path.read_bytes() for path in kept(project)}
    for path in before:
        path.write_bytes(b"")
    done = project.run("apply", "-e", "local", "--yes", variables=variables(project))

    assert done.status == 0
    assert {path: path.read_bytes() for path in kept(project)} == dict.fromkeys(before, b"")
    assert len(project.ledger()) >= MANY + 1
