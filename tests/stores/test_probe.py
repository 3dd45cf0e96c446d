"""Trying out the place of a state document, and asking who is at work, leaves everything as it was."""

import os
import time
from pathlib import Path

import pytest

from reconciler.errors import StorageError
from reconciler.stores.lock import held
from reconciler.stores.probe import FileProbe


def content_of(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def test_the_trial_leaves_nothing_and_touches_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    state.write_text("{}")
    before = content_of(tmp_path)

    assert FileProbe(state, name="state.json").prove() == str(tmp_path)
    assert content_of(tmp_path) == before


def test_folders_that_are_missing_are_not_made_and_the_nearest_is_tried(tmp_path: Path) -> None:
    assert FileProbe(tmp_path / "a" / "b" / "state.json", name="a/b/state.json").prove() == str(tmp_path)
    assert content_of(tmp_path) == {}


def test_a_linked_state_is_tried_where_it_is_replaced(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "state.json").symlink_to(elsewhere / "state.json")

    assert FileProbe(tmp_path / "state.json", name="state.json").prove() == str(elsewhere)


def test_a_place_where_nothing_can_be_written_is_told_by_the_name_of_the_state(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where a folder should be")
    with pytest.raises(StorageError) as caught:
        FileProbe(tmp_path / "state" / "sandbox.json", name="state/sandbox.json").prove()

    assert caught.value.detail == "state/sandbox.json: Not a directory."
    assert caught.value.hint


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_step_that_fails_is_told_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(StorageError, match="No space left"):
        FileProbe(tmp_path / "state.json", name="state.json").prove()

    assert content_of(tmp_path) == {}


def test_the_holder_of_a_lock_is_told_and_a_free_one_stays_free(tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    probe = FileProbe(state, name="state.json")
    assert probe.holder() is None
    assert content_of(tmp_path) == {}
    with held(
        state,
        name="state.json",
        holder={"who": "ann", "host": "a"},
        timeout=0,
        monotonic=time.monotonic,
        sleep=time.sleep,
    ):
        assert probe.holder() == "who ann, host a"

    assert probe.holder() is None
