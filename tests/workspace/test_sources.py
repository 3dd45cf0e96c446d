"""Where sources are looked for, and where they are not."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from failing_lookup import fail_to_look_up

from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place
from reconciler.core.environment import EmulatorApi, Environment
from reconciler.formats.yaml_reader import MAX_FAULTS
from reconciler.workspace import sources as sources_module
from reconciler.workspace.folder import load_spec, read_spec_files
from reconciler.workspace.lines import lines_of

ENVIRONMENT = Environment(
    name="local", api=EmulatorApi(database="a.db"), specs="local", state_file="a.json", place=Place("reconciler.yaml")
)
HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"
CSV = "chargeNumber\nC-1\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    top = tmp_path / "project"
    write(top / "local/data/a.csv", CSV)
    write(top / "secret.csv", "chargeNumber\nsecret\n")
    write(tmp_path / "outside/a.csv", "chargeNumber\nsecret\n")
    return top


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def name(folder: Path, *paths: str, spec: str = "a.yaml") -> None:
    """Let the spec file *spec* name *paths*: the first stands at 4:11."""
    lines = "".join(f"  - {{csv: {path}, type: DynamicUsageCharge}}\n" for path in paths)
    write(folder / "local" / spec, f"{HEAD}sources:\n{lines}")


def faults(folder: Path) -> list[str]:
    """Every diagnostic as ``place code``; no place is left without a hint."""
    readings, _ = read_spec_files(folder, ENVIRONMENT)
    found = [each for reading in readings for each in reading.diagnostics]
    assert all(each.hint for each in found)
    assert "secret" not in repr([each for each in found if each.code != "unreadable-source"])
    return [f"{each.place} {each.code}" for each in found]


def declared(folder: Path) -> list[str]:
    return [f"{each.address} {each.place}" for each in load_spec(folder, ENVIRONMENT).declarations.values()]


def test_a_path_is_below_the_spec_folder_wherever_the_spec_file_is(folder: Path) -> None:
    name(folder, "data/a.csv", spec="deep/down/b.yaml")

    assert declared(folder) == ["DynamicUsageCharge/C-1 local/data/a.csv:2:1"]


def test_declarations_of_files_and_of_sources_are_one_spec_in_the_order_of_addresses(folder: Path) -> None:
    write(folder / "local/data/b.csv", "chargeNumber\nC-10\nC-2\n")
    name(folder, "data/b.csv", "data/a.csv")
    write(folder / "local/b.yaml", f"{HEAD}dynamicUsageCharges: [{{chargeNumber: C-3}}]\n")

    assert declared(folder) == [
        "DynamicUsageCharge/C-1 local/data/a.csv:2:1",
        "DynamicUsageCharge/C-2 local/data/b.csv:3:1",
        "DynamicUsageCharge/C-3 local/b.yaml:3:23",
        "DynamicUsageCharge/C-10 local/data/b.csv:2:1",
    ]


def test_a_file_of_rows_that_no_spec_file_names_declares_nothing(folder: Path) -> None:
    write(folder / "local/a.yaml", HEAD)

    assert declared(folder) == []


def test_one_address_in_two_sources_and_a_file_names_both_places(folder: Path) -> None:
    write(folder / "local/data/b.csv", 'reason,chargeNumber\n"x, y",C-1\n')
    name(folder, "data/a.csv", "data/b.csv")
    write(folder / "local/b.yaml", f"{HEAD}dynamicUsageCharges: [{{chargeNumber: C-1}}]\n")

    assert faults(folder) == ["local/data/a.csv:2:1 declared-twice", "local/data/b.csv:2:1 declared-twice"]
    with pytest.raises(InvalidInput) as caught:
        load_spec(folder, ENVIRONMENT)
    assert {each.detail for each in caught.value.diagnostics} == {"First at local/b.yaml:3:23."}


def test_a_thousand_doublets_of_a_file_are_told_and_then_that_there_may_be_more(folder: Path) -> None:
    write(folder / "local/data/a.csv", CSV + "C-1\n" * (MAX_FAULTS + 10))
    name(folder, "data/a.csv")

    assert faults(folder)[-2:] == [
        f"local/data/a.csv:{MAX_FAULTS + 2}:1 declared-twice",
        f"local/data/a.csv:{MAX_FAULTS + 3}:1 too-many-faults",
    ]


def test_faults_of_rows_are_told_with_those_of_spec_files_in_one_run(folder: Path) -> None:
    write(folder / "local/data/a.csv", CSV + " C\n")
    name(folder, "data/a.csv", "data/b.csv")
    write(folder / "local/b.yaml", "version: 2\n")

    assert faults(folder) == [
        "local/a.yaml:5:11 unreadable-source",
        "local/b.yaml:1:10 unknown-version",
        "local/data/a.csv:3:1 outer-space",
    ]


def make_fifo(path: Path) -> None:
    os.mkfifo(path)


def make_directory(path: Path) -> None:
    path.mkdir()


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_dangling(path: Path) -> None:
    path.symlink_to("nowhere")


def make_link_out(path: Path) -> None:
    path.symlink_to("../../secret.csv")


def make_link_far_out(path: Path) -> None:
    path.symlink_to(path.parents[3].resolve() / "outside/a.csv")


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(sources_module.MAX_SOURCE + 1)


def make_nothing(path: Path) -> None:
    assert not path.exists()


BAD = [make_fifo, make_directory, make_loop, make_dangling, make_link_out, make_link_far_out, make_device]
BAD += [make_huge, make_nothing]


@pytest.mark.parametrize("make", BAD)
def test_what_is_no_file_below_the_spec_folder_is_refused_and_never_waited_for(
    folder: Path, make: Callable[[Path], None]
) -> None:
    make(folder / "local/data/x.csv")
    name(folder, "data/x.csv")
    before = {each.name for each in Path("/dev/fd").iterdir()}

    assert faults(folder) == ["local/a.yaml:4:11 unreadable-source"]
    assert {each.name for each in Path("/dev/fd").iterdir()} == before


@pytest.mark.parametrize("path", ["data/a.csv/b.csv", "nowhere/a.csv", f"data/{'é' * 200}"])
def test_a_path_through_what_is_no_folder_is_refused(folder: Path, path: str) -> None:
    name(folder, path)

    assert faults(folder) == ["local/a.yaml:4:11 unreadable-source"]


def test_a_folder_that_is_a_link_out_is_refused(folder: Path) -> None:
    (folder / "local/out").symlink_to("../../outside")
    name(folder, "out/a.csv")

    assert "local/a.yaml:4:11 unreadable-source" in faults(folder)


def test_a_link_that_stays_below_the_spec_folder_is_followed(folder: Path) -> None:
    (folder / "local/data/b.csv").symlink_to("a.csv")
    name(folder, "data/b.csv")

    assert declared(folder) == ["DynamicUsageCharge/C-1 local/data/b.csv:2:1"]


def test_a_spec_folder_that_is_a_link_itself_is_searched(folder: Path) -> None:
    name(folder, "data/a.csv")
    (folder / "local").rename(folder / "elsewhere")
    (folder / "local").symlink_to("elsewhere")

    assert declared(folder) == ["DynamicUsageCharge/C-1 local/data/a.csv:2:1"]


def test_a_folder_that_turns_into_a_link_while_it_is_opened_leads_nowhere(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real path is asked first, then the folder is replaced, then the file is opened."""
    name(folder, "data/a.csv")
    ask = os.path.realpath

    def then_replace(path: Path, *, strict: bool) -> str:
        real = ask(path, strict=strict)
        if real.endswith("a.csv"):
            (folder / "local/data").rename(folder / "moved")
            (folder / "local/data").symlink_to(folder.parent / "outside")
        return real

    monkeypatch.setattr(os.path, "realpath", then_replace)

    assert faults(folder) == ["local/a.yaml:4:11 unreadable-source"]


def test_a_source_of_which_nobody_can_tell_where_it_leads_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link out whose own look-up fails, as on a disk with bad blocks, and that would open all the same."""
    link = folder / "local/data/x.csv"
    make_link_out(link)
    name(folder, "data/x.csv")
    fail_to_look_up(link, monkeypatch)

    readings, _ = read_spec_files(folder, ENVIRONMENT)
    (found,) = [each for reading in readings for each in reading.diagnostics]
    assert (found.code, found.summary) == ("unreadable-source", "the source cannot be read: Input/output error")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_may_not_be_read_is_refused(folder: Path) -> None:
    name(folder, "data/a.csv")
    (folder / "local/data/a.csv").chmod(0)

    assert faults(folder) == ["local/a.yaml:4:11 unreadable-source"]


def test_a_file_that_is_missing_is_answered_with_the_nearest_one(folder: Path) -> None:
    name(folder, "data/A.csv")
    readings, _ = read_spec_files(folder, ENVIRONMENT)

    assert [each.hint for reading in readings for each in reading.diagnostics] == ["Did you mean 'a.csv'?"]


def test_a_hint_names_no_file_of_a_folder_that_a_link_leads_out_to(folder: Path) -> None:
    (folder / "local/out").symlink_to(folder.parent / "outside")
    name(folder, "out/b.csv")
    readings, _ = read_spec_files(folder, ENVIRONMENT)
    (found,) = [each for reading in readings for each in reading.diagnostics if each.code == "unreadable-source"]

    assert found.hint == "Put a regular file there, below local, that may be read."


def test_a_hint_names_a_few_files_in_printable_words_however_many_there_are(folder: Path) -> None:
    for number in range(100):
        write(folder / f"local/data/{number:02}\n::error::\x1b[8m.csv", CSV)
    name(folder, "data/zzzzzzzzzzzz")
    readings, _ = read_spec_files(folder, ENVIRONMENT)
    (found,) = [each for reading in readings for each in reading.diagnostics]

    assert found.hint.startswith(r"Known here: '00\n::error::\x1b[8m.csv', ")
    assert found.hint.endswith(" and 81 more.")
    assert found.hint.isprintable()


@pytest.mark.parametrize("again", ["data/a.csv", "data/link.csv", "data/hard.csv", "data/A.CSV", "DATA/a.csv"])
def test_a_file_that_is_named_twice_is_refused_and_its_rows_are_not_told_one_by_one(folder: Path, again: str) -> None:
    """Also where only some systems take both names for one file."""
    (folder / "local/data/link.csv").symlink_to("a.csv")
    (folder / "local/data/hard.csv").hardlink_to(folder / "local/data/a.csv")
    name(folder, "data/a.csv")
    name(folder, again, spec="b.yaml")
    readings, _ = read_spec_files(folder, ENVIRONMENT)
    (found,) = [each for reading in readings for each in reading.diagnostics]

    assert (found.code, str(found.place), found.detail) == (
        "source-twice",
        "local/b.yaml:4:11",
        "First at local/a.yaml:4:11.",
    )


def test_the_line_of_a_row_is_shown_as_it_stands_though_only_a_line_feed_ends_it(folder: Path) -> None:
    write(
        folder / "local/data/a.csv", "\ufeffchargeNumber,reason\r\nC-1,a\u2028b\r\n" + "C-2,\n" * 50_000 + " C-3,é\r\n"
    )
    name(folder, "data/a.csv")
    readings, _ = read_spec_files(folder, ENVIRONMENT)
    found = [each for reading in readings for each in reading.diagnostics]
    lines = lines_of((each for each in found if each.code != "declared-twice"), folder)

    assert {str(place): line for place, line in lines.items()} == {
        "local/data/a.csv:2:5": "C-1,a\u2028b",
        f"local/data/a.csv:{MAX_FAULTS + 2}:1": "C-2,",
        "local/data/a.csv:50003:1": " C-3,é",
    }


def test_no_line_of_parquet_is_shown(folder: Path) -> None:
    (folder / "local/data/a.parquet").write_bytes(b"PAR1\nrow\nrow\n")
    found = Diagnostic(code="missing-key", summary="", place=Place("local/data/a.parquet", 2, 1))

    assert lines_of([found], folder) == {}
