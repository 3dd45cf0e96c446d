"""The high-water mark as a file: a help, and never in the way."""

import hashlib
import os
import stat
from pathlib import Path

import pytest
from builders import state_of
from fakes import MemoryStore

from reconciler.engine.marked import MarkedStore
from reconciler.formats.mark import mark_of, mark_of_written
from reconciler.formats.state import write_state
from reconciler.ports import StateConflict, Version
from reconciler.stores.file import FileStore
from reconciler.stores.mark import FileMark

DOCUMENT = write_state(state_of({}))


def marked(path: Path) -> MarkedStore:
    return MarkedStore(FileStore(path, name="state.json"), FileMark(path))


def test_a_write_is_marked_beside_the_document_for_its_owner_only(tmp_path: Path) -> None:
    store = marked(tmp_path / "state.json")
    store.write(DOCUMENT, expected=None)

    assert store.mark == mark_of(hashlib.sha256(DOCUMENT).hexdigest(), state_of({})) == mark_of_written(DOCUMENT)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["state.json", "state.json.mark"]
    assert stat.S_IMODE((tmp_path / "state.json.mark").stat().st_mode) == 0o600


def test_a_write_that_fails_is_not_marked(tmp_path: Path) -> None:
    store = marked(tmp_path / "state.json")
    with pytest.raises(StateConflict):
        store.write(DOCUMENT, expected=Version("another"))

    assert store.mark is None


def test_the_mark_is_written_after_the_state_and_never_before() -> None:
    order: list[str] = []

    class Store(MemoryStore):
        def write(self, content: bytes, *, expected: Version | None) -> Version:
            order.append("state")
            return super().write(content, expected=expected)

    class Marks:
        def read(self) -> bytes | None:
            return None

        def write(self, content: bytes) -> None:
            order.append("mark")

    MarkedStore(Store(), Marks()).write(DOCUMENT, expected=None)

    assert order == ["state", "mark"]


@pytest.mark.parametrize("call", ["open", "replace"])
def test_a_mark_that_cannot_be_written_leaves_the_state_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    real = getattr(os, call)

    def failing(*arguments: object, **named: object) -> object:
        if any(".mark" in str(each) for each in arguments):
            raise OSError(28, "No space left on device")
        return real(*arguments, **named)

    monkeypatch.setattr(os, call, failing)
    store = marked(tmp_path / "state.json")
    store.write(DOCUMENT, expected=None)

    assert (tmp_path / "state.json").read_bytes() == DOCUMENT
    assert store.mark is None


def test_whatever_stands_in_place_of_the_mark_is_no_mark(tmp_path: Path) -> None:
    path = tmp_path / "state.json.mark"
    path.mkdir()
    assert marked(tmp_path / "state.json").mark is None
    path.rmdir()
    os.mkfifo(path)
    assert marked(tmp_path / "state.json").mark is None


def test_the_mark_of_a_linked_document_stands_beside_the_document(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "state.json").symlink_to(tmp_path / "shared" / "real.json")
    marked(tmp_path / "state.json").write(DOCUMENT, expected=None)

    assert (tmp_path / "shared" / "real.json.mark").exists()
