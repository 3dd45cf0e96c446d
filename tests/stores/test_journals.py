"""Journals as files: durable before they say so, private, and abandoned only when their run is over or dead."""

import fcntl
import multiprocessing
import os
import signal
import stat
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from reconciler.errors import StorageError
from reconciler.stores.journal import AppendingFile, FileJournals

FORK = multiprocessing.get_context("fork")
HEAD, LINE = b"head\n", b"line\n"


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def journals_at(folder: Path, state: str = "state.json") -> FileJournals:
    return FileJournals(folder / state, name="state/local.json")


class Calls:
    """Notes system calls as they come, and lets some of them fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *names: str, fails: str | None = None, number: int = 5) -> None:
        self.made: list[str] = []
        self.fails, self._number = fails, number
        for name in names:
            monkeypatch.setattr(os, name, self._noting(name, getattr(os, name)))

    def _noting(self, name: str, act: Callable[..., object]) -> Callable[..., object]:
        def noting(*arguments: object) -> object:
            self.made.append(name)
            if name == self.fails:
                raise OSError(self._number, os.strerror(self._number))
            return act(*arguments)

        return noting


def test_what_is_appended_is_read_back_behind_the_head(tmp_path: Path) -> None:
    journals = journals_at(tmp_path)
    journal = journals.create("run-1", HEAD)
    journal.append(LINE)
    journal.append(LINE)

    assert journals.read(journal.name) == HEAD + LINE + LINE
    assert journal.name == "state.json.run-1.journal"


def test_an_append_returns_after_what_it_wrote_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = journals_at(tmp_path).create("run-1", HEAD)
    calls = Calls(monkeypatch, "write", "fdatasync")
    journal.append(LINE)

    assert calls.made == ["write", "fdatasync"]


def test_a_journal_is_made_with_its_head_and_its_name_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = Calls(monkeypatch, "write", "fdatasync", "fsync")
    journals_at(tmp_path).create("run-1", HEAD)

    assert calls.made == ["write", "fdatasync", "fsync"]


def test_a_short_write_is_carried_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journals = journals_at(tmp_path)
    journal = journals.create("run-1", HEAD)
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: write(descriptor, content[:2]))
    journal.append(LINE)

    assert journals.read(journal.name) == HEAD + LINE


@pytest.mark.parametrize("call", ["write", "fdatasync"])
@pytest.mark.parametrize("number", [28, 5, 122], ids=["ENOSPC", "EIO", "EDQUOT"])
def test_after_a_failed_append_nothing_more_is_accepted_though_the_disk_recovers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, number: int
) -> None:
    journal = journals_at(tmp_path).create("run-1", HEAD)
    calls = Calls(monkeypatch, "write", "fdatasync", fails=call, number=number)
    with pytest.raises(StorageError, match=r"state\.json\.run-1\.journal") as caught:
        journal.append(LINE)
    assert caught.value.hint
    calls.fails, calls.made = None, []

    with pytest.raises(StorageError, match="an earlier write failed"):
        journal.append(LINE)
    assert calls.made == []


@pytest.mark.parametrize("call", ["write", "fdatasync", "fsync", "open"])
def test_a_journal_that_cannot_be_made_is_an_error_and_nothing_that_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    journals = journals_at(tmp_path)
    before = open_files()
    with monkeypatch.context() as patch:
        Calls(patch, "write", "fdatasync", "fsync", fails=call)
        if call == "open":
            (tmp_path / "state.json.run-1.journal").mkdir()
        with pytest.raises(StorageError):
            journals.create("run-1", HEAD)

    assert open_files() == before
    assert journals.abandoned() == ["state.json.run-1.journal"]


def test_a_journal_is_never_begun_twice(tmp_path: Path) -> None:
    journals_at(tmp_path).create("run-1", HEAD).close()

    with pytest.raises(StorageError):
        journals_at(tmp_path).create("run-1", HEAD)
    assert journals_at(tmp_path).read("state.json.run-1.journal") == HEAD


@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_only_the_owner_can_read_it_whatever_the_umask(tmp_path: Path, mask: int) -> None:
    before = os.umask(mask)
    try:
        journal = journals_at(tmp_path).create("run-1", HEAD)
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / journal.name).stat().st_mode) == 0o600


def test_a_journal_is_abandoned_when_its_run_has_closed_it_and_not_before(tmp_path: Path) -> None:
    journals = journals_at(tmp_path)
    journal = journals.create("run-1", HEAD)
    assert journals.abandoned() == []
    journal.close()

    assert journals.abandoned() == [journal.name]


def test_a_closed_journal_accepts_nothing_more_and_writes_nowhere_else(tmp_path: Path) -> None:
    """A thread may still want to append; the descriptor may be another file by then."""
    journal = journals_at(tmp_path).create("run-1", HEAD)
    journal.close()
    with (tmp_path / "other").open("wb"), pytest.raises(StorageError):
        journal.append(LINE)

    assert (tmp_path / "other").read_bytes() == b""


def test_closing_waits_for_an_append_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journals = journals_at(tmp_path)
    journal = journals.create("run-1", HEAD)
    begun, go_on = threading.Event(), threading.Event()
    fdatasync = os.fdatasync

    def slow(descriptor: int) -> None:
        begun.set()
        go_on.wait(20)
        fdatasync(descriptor)

    monkeypatch.setattr(os, "fdatasync", slow)
    appending = threading.Thread(target=journal.append, args=(LINE,))
    closing = threading.Thread(target=journal.close)
    appending.start()
    begun.wait(20)
    closing.start()
    closing.join(0.1)
    assert closing.is_alive()
    assert journals.abandoned() == []
    go_on.set()
    appending.join(20)
    closing.join(20)

    assert journals.read(journal.name) == HEAD + LINE
    assert journals.abandoned() == [journal.name]


def _hold(folder: Path, told: Connection) -> None:
    journals_at(folder).create("run-1", HEAD).append(LINE)
    told.send(None)
    signal.pause()


def test_a_journal_of_a_living_process_is_its_own_until_it_is_killed(tmp_path: Path) -> None:
    listening, telling = FORK.Pipe(duplex=False)
    process = FORK.Process(target=_hold, args=(tmp_path, telling))
    process.start()
    assert listening.poll(20)
    journals = journals_at(tmp_path)
    assert journals.abandoned() == []
    process.kill()
    process.join(20)

    assert journals.abandoned() == ["state.json.run-1.journal"]
    assert journals.read("state.json.run-1.journal") == HEAD + LINE


def test_a_journal_that_is_just_being_made_is_never_met_without_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks between the file and its lock waits until it is there."""
    begun, go_on = threading.Event(), threading.Event()
    flock = fcntl.flock

    def slow(descriptor: int, operation: int) -> None:
        if operation == fcntl.LOCK_EX | fcntl.LOCK_NB:
            begun.set()
            go_on.wait(20)
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", slow)
    made, found = list[AppendingFile](), list[str]()
    journals = journals_at(tmp_path)
    making = threading.Thread(target=lambda: made.append(journals.create("run-1", HEAD)))
    looking = threading.Thread(target=lambda: found.extend(journals.abandoned()))
    making.start()
    begun.wait(20)
    looking.start()
    looking.join(0.1)
    assert looking.is_alive()
    go_on.set()
    making.join(20)
    looking.join(20)

    assert (len(made), found) == (1, [])


def test_journals_of_other_states_in_the_folder_are_not_ours(tmp_path: Path) -> None:
    for state in ("state.json", "other.json", "state.json.old", "xstate.json", "state[1].json"):
        journals_at(tmp_path, state).create("run-1", HEAD).close()
    (tmp_path / "state.json.lock").touch()

    assert journals_at(tmp_path).abandoned() == ["state.json.run-1.journal"]
    assert journals_at(tmp_path, "state[1].json").abandoned() == ["state[1].json.run-1.journal"]


def test_abandoned_journals_come_in_the_order_of_their_runs(tmp_path: Path) -> None:
    journals = journals_at(tmp_path)
    for run in ("b", "c", "a"):
        journals.create(run, HEAD).close()

    assert journals.abandoned() == [f"state.json.{run}.journal" for run in "abc"]


def test_journals_lie_beside_the_document_that_a_link_leads_to(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "state.json").symlink_to(tmp_path / "shared" / "real.json")
    journal = journals_at(tmp_path).create("run-1", HEAD)

    assert (tmp_path / "shared" / journal.name).read_bytes() == HEAD


def test_a_folder_that_cannot_be_listed_is_an_error_and_not_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journals_at(tmp_path).create("run-1", HEAD).close()
    Calls(monkeypatch, "listdir", "scandir", fails="listdir", number=13)

    with pytest.raises(StorageError, match=r"state/local\.json: Permission denied"):
        journals_at(tmp_path).abandoned()


def test_a_close_that_fails_is_no_error_as_all_that_counts_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journals = journals_at(tmp_path)
    journal = journals.create("run-1", HEAD)
    Calls(monkeypatch, "close", fails="close")
    journal.close()

    assert journals.read(journal.name) == HEAD


def test_where_there_is_no_folder_there_is_no_journal(tmp_path: Path) -> None:
    assert journals_at(tmp_path / "none").abandoned() == []


def test_a_journal_that_is_gone_reads_as_empty_and_is_removed_already(tmp_path: Path) -> None:
    journals = journals_at(tmp_path)
    journals.remove("state.json.run-1.journal")

    assert journals.read("state.json.run-1.journal") == b""


def test_a_removed_journal_is_gone(tmp_path: Path) -> None:
    journals = journals_at(tmp_path)
    journal = journals.create("run-1", HEAD)
    journal.close()
    journals.remove(journal.name)

    assert list(tmp_path.iterdir()) == []


def test_a_pipe_in_place_of_a_journal_is_named_and_holds_nobody_up(tmp_path: Path) -> None:
    journals = FileJournals(tmp_path / "state.json", name="state.json")
    os.mkfifo(tmp_path / "state.json.run-1.journal")
    (name,) = journals.abandoned()

    with pytest.raises(StorageError, match="not a regular file"):
        journals.read(name)
