"""The cache is a courtesy: what it cannot do is as good as not done, and it does not grow for ever."""

import os
import stat
from pathlib import Path

import pytest

from reconciler.workspace import cache as cache_module
from reconciler.workspace.cache import FolderCache, cache_folder

NOW = 1_795_000_000.0
DAY = 86_400
NAME = f"spec-{'0' * 62}ab"


def cache(folder: Path, now: float = NOW) -> FolderCache:
    return FolderCache(folder / "cache", now=now)


def kept(folder: Path) -> list[Path]:
    return [path for path in (folder / "cache").rglob("*") if path.is_file()]


def test_what_was_put_is_got_whole_and_by_its_owner_only(tmp_path: Path) -> None:
    cache(tmp_path).put(NAME, b"content")
    (path,) = kept(tmp_path)

    assert cache(tmp_path).get(NAME) == b"content"
    assert cache(tmp_path).get(NAME.replace("spec", "state")) is None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_what_is_put_again_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        cache(tmp_path).put(NAME, content)

    assert cache(tmp_path).get(NAME) == b"two"
    assert len(kept(tmp_path)) == 1


@pytest.mark.parametrize("obstacle", ["a file", "a folder without an end", "nothing there"])
def test_a_cache_that_cannot_be_used_is_an_empty_one(tmp_path: Path, obstacle: str) -> None:
    if obstacle == "a file":
        (tmp_path / "cache").write_text("no folder")
    folder = tmp_path / ("x" * 300) if obstacle == "a folder without an end" else tmp_path
    cache(folder).put(NAME, b"content")

    assert cache(folder).get(NAME) == (b"content" if obstacle == "nothing there" else None)


def test_what_nobody_asks_for_in_a_month_goes_when_something_is_put(tmp_path: Path) -> None:
    old, used, new = (NAME[:-2] + end for end in ("01", "02", "03"))
    for name in (old, used):
        cache(tmp_path).put(name, b"content")
    for path in kept(tmp_path):
        os.utime(path, (NOW - 29 * DAY, NOW - 29 * DAY))
    assert cache(tmp_path, now=NOW).get(used) == b"content"
    for path in kept(tmp_path):
        if path.name == old:
            os.utime(path, (NOW - 31 * DAY, NOW - 31 * DAY))
    cache(tmp_path, now=NOW).put(new, b"content")

    assert sorted(path.name for path in kept(tmp_path)) == sorted([used, new])


def test_the_oldest_go_where_it_would_be_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_MOST_BYTES", 20)
    names = [NAME[:-2] + end for end in ("01", "02", "03")]
    for age, name in zip((3, 2, 1), names, strict=True):
        cache(tmp_path).put(name, b"x" * 10)
        path = next(path for path in kept(tmp_path) if path.name == name)
        os.utime(path, (NOW - age * DAY / 2, NOW - age * DAY / 2))
    cache(tmp_path).put(NAME, b"")

    assert names[0] not in {path.name for path in kept(tmp_path)}
    assert {names[1], names[2], NAME} == {path.name for path in kept(tmp_path)}


def test_what_others_have_put_there_stays(tmp_path: Path) -> None:
    names = ("notes.txt", f"{NAME}.bak", NAME[:-1], f".{NAME}", f".{NAME}.7")
    (tmp_path / "cache" / "ab").mkdir(parents=True)
    for name in names:
        path = tmp_path / "cache" / "ab" / name
        path.write_text("mine")
        os.utime(path, (NOW - 99 * DAY, NOW - 99 * DAY))
    cache(tmp_path).put(NAME, b"content")

    assert {path.name for path in kept(tmp_path)} == {NAME, *names[:-1]}


def test_what_may_be_read_and_not_touched_is_got(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cache of a build, of another user, on a file system that is mounted for reading only."""

    def refuse(path: Path) -> None:
        raise PermissionError(path)

    cache(tmp_path).put(NAME, b"content")
    (path,) = kept(tmp_path)
    os.utime(path, (NOW - 2 * DAY, NOW - 2 * DAY))
    monkeypatch.setattr(os, "utime", refuse)

    assert cache(tmp_path).get(NAME) == b"content"


@pytest.mark.parametrize("made", ["a pipe", "a device", "a folder", "a link to nothing", "more than is ever kept"])
def test_what_stands_in_the_place_of_a_kept_file_is_as_good_as_nothing(tmp_path: Path, made: str) -> None:
    path = tmp_path / "cache" / NAME[-2:] / NAME
    path.parent.mkdir(parents=True)
    match made:
        case "a pipe":
            os.mkfifo(path)
        case "a device":
            path.symlink_to("/dev/zero")
        case "a folder":
            path.mkdir()
        case "a link to nothing":
            path.symlink_to("nothing")
        case _:
            path.touch()
            os.truncate(path, cache_module._MOST_BYTES + 1)

    assert cache(tmp_path).get(NAME) is None


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"XDG_CACHE_HOME": "/c", "HOME": "/h"}, "/c/reconciler"),
        ({"HOME": "/h"}, "/h/.cache/reconciler"),
        ({"XDG_CACHE_HOME": "", "HOME": "/h"}, "/h/.cache/reconciler"),
        ({"XDG_CACHE_HOME": "c", "HOME": "/h"}, "/h/.cache/reconciler"),
        ({"HOME": ""}, None),
        ({}, None),
    ],
)
def test_the_folder_is_the_one_of_the_xdg_specification(variables: dict[str, str], folder: str | None) -> None:
    assert cache_folder(variables) == (Path(folder) if folder else None)
