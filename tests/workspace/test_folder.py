import os
from collections.abc import Callable
from pathlib import Path

import pytest
from failing_lookup import fail_to_look_up

from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place
from reconciler.core.environment import EmulatorApi, Environment
from reconciler.workspace import folder as folder_module
from reconciler.workspace.folder import find_folder, load_project, load_spec, read_spec_files
from reconciler.workspace.lines import lines_of

PROJECT = """\
version: 1
name: x
environments:
  local: {api: {emulator: a.db}, specs: local, state: {file: a.json}}
"""
EMPTY = "version: 1\n"


def declaring(*numbers: int) -> str:
    items = "".join(f"  - {{chargeNumber: C-{number}}}\n" for number in numbers)
    return f"version: 1\nflags: {{onlyReSend: false, reMigrate: true}}\ndynamicUsageCharges:\n{items}"


def environment(specs: str = "local") -> Environment:
    return Environment(
        name="local", api=EmulatorApi(database="a.db"), specs=specs, state_file="a.json", place=Place("reconciler.yaml")
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "local").mkdir()
    (tmp_path / "reconciler.yaml").write_text(PROJECT)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def faults(folder: Path, specs: str = "local") -> list[str]:
    """Every diagnostic of the spec as ``place code``; no place is left without a hint."""
    readings, _ = read_spec_files(folder, environment(specs))
    found = [each for reading in readings for each in reading.diagnostics]
    assert all(each.hint for each in found)
    return [f"{each.place} {each.code}" for each in found]


def files(folder: Path) -> list[str]:
    """The files that were read, in this order."""
    readings, _ = read_spec_files(folder, environment())
    return [reading.path for reading in readings][1:]


def project_faults(folder: Path) -> list[str]:
    with pytest.raises(InvalidInput) as caught:
        load_project(folder)
    assert all(each.hint for each in caught.value.diagnostics)
    return [f"{each.place} {each.code}" for each in caught.value.diagnostics]


def make_directory(path: Path) -> None:
    path.mkdir()


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def test_the_project_is_found_in_the_folder_asked_for(folder: Path) -> None:
    write(folder / "inner/reconciler.yaml", PROJECT)

    assert find_folder(Path("inner"), folder) == folder / "inner"


def test_an_absolute_folder_may_be_asked_for(folder: Path) -> None:
    assert find_folder(folder, Path("/")) == folder


def test_the_project_is_found_here(folder: Path) -> None:
    write(folder / "specs/reconciler.yaml", PROJECT)

    assert find_folder(None, folder) == folder


def test_the_project_is_found_in_specs(tmp_path: Path) -> None:
    write(tmp_path / "specs/reconciler.yaml", PROJECT)

    assert find_folder(None, tmp_path) == tmp_path / "specs"


def test_who_asks_for_a_folder_gets_no_other(folder: Path) -> None:
    with pytest.raises(InvalidInput):
        find_folder(Path("local"), folder)


@pytest.mark.parametrize("asked", [None, Path("nowhere"), Path("x" * 5_000), Path("reconciler.yaml/x")])
def test_without_a_project_every_folder_that_was_tried_is_named(asked: Path | None, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as caught:
        find_folder(asked, tmp_path)
    (found,) = caught.value.diagnostics

    tried = [tmp_path / asked] if asked else [tmp_path, tmp_path / "specs"]
    assert found.code == "no-project"
    assert all(str(each) in found.detail for each in tried)
    assert "-C" in found.hint


def test_an_empty_project_file_is_refused(folder: Path) -> None:
    write(folder / "reconciler.yaml", "")

    assert project_faults(folder) == ["reconciler.yaml empty-file"]


@pytest.mark.parametrize("make", [make_directory, make_fifo, make_loop, make_dangling])
def test_a_project_file_that_is_no_file_is_refused_and_never_waited_for(
    folder: Path, make: Callable[[Path], None]
) -> None:
    (folder / "reconciler.yaml").unlink()
    make(folder / "reconciler.yaml")

    assert project_faults(folder) == ["reconciler.yaml unreadable"]


def test_faults_of_yaml_and_of_fields_are_reported_in_one_run(folder: Path) -> None:
    write(folder / "reconciler.yaml", PROJECT + "name: y\ncolour: red\n")

    assert project_faults(folder) == ["reconciler.yaml:5:1 duplicate-key", "reconciler.yaml:6:1 unknown-key"]


def two_states(folder: Path, second: str) -> None:
    more = f"  b: {{api: {{emulator: b.db}}, specs: b, state: {{file: {second}}}}}\n"
    write(folder / "reconciler.yaml", PROJECT + more)


@pytest.mark.parametrize("is_there", [True, False])
@pytest.mark.parametrize("second", ["FOLDER/a.json", "link.json", "linked/a.json", "./a.json", "local/../a.json"])
def test_two_environments_whose_state_is_one_file_are_a_fault(folder: Path, second: str, *, is_there: bool) -> None:
    (folder / "link.json").symlink_to("a.json")
    (folder / "linked").symlink_to(".")
    if is_there:
        write(folder / "a.json", "")
    two_states(folder, second.replace("FOLDER", str(folder)))

    assert project_faults(folder) == ["reconciler.yaml:5:6 state-file-twice"]


def test_two_names_of_one_file_are_one_state(folder: Path) -> None:
    write(folder / "a.json", "")
    (folder / "b.json").hardlink_to(folder / "a.json")
    two_states(folder, "b.json")

    assert project_faults(folder) == ["reconciler.yaml:5:6 state-file-twice"]


@pytest.mark.parametrize("second", ["b.json", "local/a.json", "link.json", "a.json/a.json", "FOLDER/../a.json"])
def test_states_in_files_of_their_own_are_none(folder: Path, second: str) -> None:
    (folder / "link.json").symlink_to("b.json")
    write(folder / "a.json", "")
    two_states(folder, second.replace("FOLDER", str(folder)))

    assert [*load_project(folder).environments] == ["local", "b"]


@pytest.mark.parametrize("specs", ["nowhere", "reconciler.yaml", "local/nowhere", "é" * 255])
def test_a_spec_folder_that_is_none_is_refused(folder: Path, specs: str) -> None:
    assert faults(folder, specs) == [f"{specs} no-folder"]


def test_an_empty_spec_folder_is_refused(folder: Path) -> None:
    assert faults(folder) == ["local no-spec-files"]


def test_a_folder_of_other_files_is_an_empty_spec_folder(folder: Path) -> None:
    write(folder / "local/README.md", "")
    write(folder / "local/.hidden.yaml", "")

    assert faults(folder) == ["local no-spec-files"]


@pytest.mark.parametrize("make", [make_fifo, make_loop, make_dangling])
def test_a_spec_file_that_is_no_file_is_refused_and_never_waited_for(
    folder: Path, make: Callable[[Path], None]
) -> None:
    make(folder / "local/x.yaml")

    assert faults(folder) == ["local/x.yaml unreadable"]


@pytest.mark.parametrize(("link", "leads_to"), [("local/x.yaml", "outside/x.yaml"), ("local/inner", "outside")])
def test_a_name_of_which_nobody_can_tell_where_it_leads_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch, link: str, leads_to: str
) -> None:
    """A link out whose own look-up fails, as on a disk with bad blocks, and that would open all the same."""
    write(folder.parent / "outside/x.yaml", declaring(1))
    (folder / link).symlink_to(folder.parent / leads_to)
    fail_to_look_up(folder / link, monkeypatch)

    assert faults(folder) == [f"{link} unreadable"]


def test_a_spec_folder_of_which_nobody_can_tell_where_it_leads_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(folder / "local/a.yaml", declaring(1))
    fail_to_look_up(folder / "local", monkeypatch)

    assert faults(folder) == ["local unreadable"]


@pytest.mark.parametrize("leads_to", ["../reconciler.yaml", "../sandbox/x.yaml", "../../outside/x.yaml", "../x.txt"])
def test_a_link_to_what_is_no_spec_of_this_environment_is_refused(folder: Path, leads_to: str) -> None:
    for name in ("sandbox/x.yaml", "../outside/x.yaml", "x.txt"):
        write(folder / name, declaring(1))
    (folder / "local/x.yaml").symlink_to(leads_to)

    assert faults(folder) == ["local/x.yaml unreadable"]


def test_a_link_to_a_file_below_the_spec_folder_is_read(folder: Path) -> None:
    write(folder / "local/kept/x.txt", declaring(1))
    (folder / "local/x.yaml").symlink_to("kept/x.txt")
    (folder / "local/y.yaml").symlink_to(folder / "local/x.yaml")

    assert faults(folder) == ["local/y.yaml:4:5 declared-twice"]


def test_a_spec_folder_may_be_a_link_within_the_project(folder: Path) -> None:
    write(folder / "kept/x.yaml", declaring(1))
    (folder / "kept/y.yaml").symlink_to("x.yaml")
    (folder / "linked").symlink_to("kept")

    assert faults(folder, "linked") == ["linked/y.yaml:4:5 declared-twice"]


@pytest.mark.parametrize("name", ["reconciler.yaml", "./reconciler.yaml", "inner/reconciler.yaml", "link.yaml"])
def test_no_line_of_a_project_file_is_shown_by_whatever_name_it_is_read(folder: Path, name: str) -> None:
    write(folder / "inner/reconciler.yaml", PROJECT)
    write(folder / "spec.yaml", PROJECT)
    (folder / "link.yaml").symlink_to("inner/reconciler.yaml")
    found = [
        Diagnostic(code="unknown-key", summary="x", place=Place(path, 2, 1), hint="x") for path in (name, "spec.yaml")
    ]

    assert lines_of(found, folder) == {Place("spec.yaml", 2, 1): "name: x"}


def test_a_spec_folder_that_is_a_link_out_of_the_project_is_refused(folder: Path) -> None:
    write(folder.parent / "outside/x.yaml", declaring(1))
    (folder / "out").symlink_to(folder.parent / "outside")

    assert faults(folder, "out") == ["out specs-outside"]


def test_a_spec_folder_that_is_a_link_to_the_project_folder_is_refused(folder: Path) -> None:
    (folder / "all").symlink_to(".")

    assert faults(folder, "all") == ["all specs-everywhere"]


def test_a_folder_named_like_a_file_is_a_folder(folder: Path) -> None:
    write(folder / "local/x.yaml/y.yaml", EMPTY)

    assert files(folder) == ["local/x.yaml/y.yaml"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize("name", ["local/x.yaml", "local/inner"])
def test_what_may_not_be_read_is_refused(folder: Path, name: str) -> None:
    write(folder / "local/x.yaml", EMPTY)
    write(folder / "local/inner/y.yaml", EMPTY)
    (folder / name).chmod(0)

    assert faults(folder) == [f"{name} unreadable"]


def test_a_file_that_is_too_large_is_refused_without_being_read(folder: Path) -> None:
    with (folder / "local/x.yaml").open("wb") as file:
        file.truncate(folder_module.MAX_FILE + 1)

    assert faults(folder) == ["local/x.yaml unreadable"]


def open_descriptors() -> set[str]:
    return {each.name for each in Path("/dev/fd").iterdir()}


def test_a_refused_file_leaves_nothing_open(folder: Path) -> None:
    make_fifo(folder / "local/x.yaml")
    (folder / "reconciler.yaml").unlink()
    make_directory(folder / "reconciler.yaml")
    before = open_descriptors()

    faults(folder)
    project_faults(folder)

    assert open_descriptors() == before


def test_files_of_nested_folders_are_read_and_hidden_ones_are_not(folder: Path) -> None:
    for name in ("a.yaml", "b.yml", "c/d.yaml", "c/e/f.yml", ".g/h.yaml", "c/.i.yaml", "j.yaml.bak", "k.json"):
        write(folder / "local" / name, EMPTY)

    assert files(folder) == ["local/a.yaml", "local/b.yml", "local/c/d.yaml", "local/c/e/f.yml"]


@pytest.mark.parametrize("order", [1, -1])
def test_files_are_read_in_the_order_of_their_paths(folder: Path, order: int) -> None:
    names = ["a.yaml", "a/z.yaml", "b.yaml", "c.yaml", "z/a.yaml", "é.yaml", "名前 1.yaml"]
    for name in names[::order]:
        write(folder / "local" / name, EMPTY)

    assert files(folder) == sorted(f"local/{name}" for name in names)


@pytest.mark.parametrize("other", ["B/c.yaml", "b/C.YAML", "b/c.yaml", "ü.yaml", "u\u0308.yaml"])
def test_two_spec_files_that_are_one_on_some_systems_are_refused(folder: Path, other: str) -> None:
    """Where they are one to this test as well, there is nothing to refuse."""
    for name in ("a.yaml", "b/c.yaml", "ü.yaml", other):
        write(folder / "local" / name, EMPTY)
    names = [Path(each).relative_to("local") for each in files(folder)]

    expected = [f"local/{max(other, 'b/c.yaml' if other[0] in 'bB' else 'ü.yaml')} same-name"]
    assert faults(folder) == (expected if len(names) == 4 else [])


def test_a_file_whose_name_is_not_utf_8_is_read(folder: Path) -> None:
    path = os.fsencode(folder / "local") + b"/caf\xe9.yaml"
    Path(os.fsdecode(path)).write_text(EMPTY)

    assert faults(folder) == []


def test_a_spec_is_in_the_order_of_addresses_whatever_the_files_are(folder: Path) -> None:
    write(folder / "local/a.yaml", declaring(10, 3))
    write(folder / "local/b.yaml", declaring(9, 1))

    spec = load_spec(folder, environment())

    assert [*spec.declarations] == [f"DynamicUsageCharge/C-{number}" for number in (1, 3, 9, 10)]


def test_one_address_in_two_files_names_both_places(folder: Path) -> None:
    write(folder / "local/a.yaml", declaring(1, 2))
    write(folder / "local/b/c.yaml", declaring(3, 2))

    readings, _ = read_spec_files(folder, environment())
    (found,) = [each for reading in readings for each in reading.diagnostics]

    assert (found.code, str(found.place), found.detail) == (
        "declared-twice",
        "local/b/c.yaml:5:5",
        "First at local/a.yaml:5:5.",
    )


def test_one_address_three_times_is_two_faults(folder: Path) -> None:
    write(folder / "local/a.yaml", declaring(1, 1))
    write(folder / "local/b.yaml", declaring(1))

    assert faults(folder) == ["local/a.yaml:5:5 declared-twice", "local/b.yaml:4:5 declared-twice"]


def test_all_faults_of_all_files_are_reported_in_one_run(folder: Path) -> None:
    write(folder / "local/a.yaml", "")
    write(folder / "local/b.yaml", "version: 2\n")
    write(folder / "local/c.yaml", declaring(1, 1))
    make_fifo(folder / "local/d.yaml")

    with pytest.raises(InvalidInput) as caught:
        load_spec(folder, environment())

    assert [f"{each.place} {each.code}" for each in caught.value.diagnostics] == [
        "local/a.yaml empty-file",
        "local/b.yaml:1:10 unknown-version",
        "local/c.yaml:5:5 declared-twice",
        "local/d.yaml unreadable",
    ]
