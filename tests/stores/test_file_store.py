"""The state document as a file: whole or not at all, private, and never overwritten unseen."""

import multiprocessing
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from reconciler.errors import StorageError
from reconciler.ports import StateConflict
from reconciler.stores.file import FileStore
from reconciler.stores.lock import held

OLD, NEW = b'{"serial": 1}' * 5_000, b'{"serial": 2}' * 5_000


def store_at(path: Path) -> FileStore:
    return FileStore(path, name="state/local.json")


def test_what_is_written_is_read_back_with_the_version_of_the_write(tmp_path: Path) -> None:
    store = store_at(tmp_path / "state.json")
    version = store.write(NEW, expected=None)
    stored = store.read()

    assert stored is not None
    assert (stored.content, stored.version) == (NEW, version)


def test_there_is_nothing_before_the_first_write(tmp_path: Path) -> None:
    assert store_at(tmp_path / "state.json").read() is None


def test_missing_folders_are_made(tmp_path: Path) -> None:
    store_at(tmp_path / "a" / "b" / "state.json").write(NEW, expected=None)

    assert (tmp_path / "a" / "b" / "state.json").read_bytes() == NEW


def take_the_lock(path: Path) -> None:
    with held(path, name="x", holder={}, timeout=0.0, monotonic=lambda: 0.0, sleep=lambda _: None):
        pass


def write_the_document(path: Path) -> None:
    store_at(path).write(NEW, expected=None)


@pytest.mark.parametrize("act", [take_the_lock, write_the_document])
def test_each_folder_that_was_made_is_on_the_disk_before_anything_stands_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: Callable[[Path], None]
) -> None:
    """What loses power keeps a file that was synced only if it keeps the way to it."""
    made: list[str] = []
    make, sync = os.mkdir, os.fsync

    def making(path: Path, *arguments: int) -> None:
        make(path, *arguments)
        made.append(f"made {Path(path).relative_to(tmp_path)}")

    def syncing(descriptor: int) -> None:
        sync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path.is_dir():
            made.append(f"synced {path.relative_to(tmp_path)}")

    monkeypatch.setattr(os, "mkdir", making)
    monkeypatch.setattr(os, "fsync", syncing)
    act(tmp_path / "a" / "b" / "state.json")

    assert made[:4] == ["made a", "synced .", "made a/b", "synced a"]


def test_a_folder_that_cannot_be_made_durable_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(_: int) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(os, "fsync", failing)
    with pytest.raises(StorageError, match="Input/output error"):
        take_the_lock(tmp_path / "a" / "state.json")


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_the_owner_can_read_it_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        store_at(tmp_path / "state.json").write(NEW, expected=None)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "state.json").stat().st_mode) == 0o600


def test_a_write_over_something_else_than_expected_is_a_conflict_and_changes_nothing(tmp_path: Path) -> None:
    store = store_at(tmp_path / "state.json")
    first = store.write(OLD, expected=None)
    store.write(NEW, expected=first)

    for expected in (None, first):
        with pytest.raises(StateConflict):
            store.write(b"mine", expected=expected)
    assert (tmp_path / "state.json").read_bytes() == NEW


def test_a_document_that_vanished_is_a_conflict(tmp_path: Path) -> None:
    store = store_at(tmp_path / "state.json")
    first = store.write(OLD, expected=None)
    (tmp_path / "state.json").unlink()

    with pytest.raises(StateConflict):
        store.write(NEW, expected=first)


def test_a_stray_temporary_file_of_a_killed_write_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / ".state.json.new").write_bytes(b"half")
    store_at(tmp_path / "state.json").write(NEW, expected=None)

    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def test_a_link_to_the_document_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "state.json").symlink_to(tmp_path / "shared" / "real.json")
    store_at(tmp_path / "state.json").write(NEW, expected=None)

    assert (tmp_path / "state.json").is_symlink()
    assert (tmp_path / "shared" / "real.json").read_bytes() == NEW


def test_a_folder_in_its_place_is_named_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "state.json").mkdir()

    with pytest.raises(StorageError, match=r"state/local\.json") as caught:
        store_at(tmp_path / "state.json").read()
    assert caught.value.detail == "state/local.json: it is a folder."
    assert "whole" not in caught.value.hint
    assert "regular file" in caught.value.hint


@pytest.mark.parametrize("call", ["fsync", "replace", "open"])
@pytest.mark.parametrize("number", [28, 5, 13, 122], ids=["ENOSPC", "EIO", "EACCES", "EDQUOT"])
def test_a_failing_system_call_leaves_the_old_document_whole_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    store = store_at(tmp_path / "state.json")
    version = store.write(OLD, expected=None)
    real = getattr(os, call)

    def failing(*arguments: object, **named: object) -> object:
        if call == "open" and ".new" not in str(arguments[0]):
            return real(*arguments, **named)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, failing)
    with pytest.raises(StorageError, match="cannot be written"):
        store.write(NEW, expected=version)
    monkeypatch.undo()

    assert (tmp_path / "state.json").read_bytes() == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def _write_and_die(path: Path, call: str, *, after: bool) -> None:
    """Write NEW and be killed at the first *call*, before or after it."""
    real = getattr(os, call)

    def deadly(*arguments: object, **named: object) -> object:
        result = real(*arguments, **named) if after else None
        os.kill(os.getpid(), signal.SIGKILL)
        return result

    store = store_at(path)
    stored = store.read()
    setattr(os, call, deadly)
    store.write(NEW, expected=stored.version if stored else None)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("call", ["fsync", "replace", "close"])
def test_a_reader_sees_the_old_document_or_the_new_one_wherever_the_writer_is_killed(
    tmp_path: Path, call: str, *, after: bool
) -> None:
    path = tmp_path / "state.json"
    store_at(path).write(OLD, expected=None)
    process = multiprocessing.get_context("fork").Process(
        target=_write_and_die, args=(path, call), kwargs={"after": after}
    )
    process.start()
    process.join(timeout=20)

    assert process.exitcode == -signal.SIGKILL
    assert path.read_bytes() in (OLD, NEW)
    stored = store_at(path).read()
    assert stored is not None
    store_at(path).write(b"next", expected=stored.version)
    assert path.read_bytes() == b"next"


def _increment(path: Path, times: int) -> None:
    store = store_at(path)
    for _ in range(times):
        while True:
            stored = store.read()
            count = int(stored.content) if stored else 0
            try:
                store.write(str(count + 1).encode(), expected=stored.version if stored else None)
            except StateConflict:
                continue
            break


def test_writers_in_several_processes_lose_no_write(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_increment, args=(path, 25)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(timeout=60)

    assert path.read_bytes() == b"100"
