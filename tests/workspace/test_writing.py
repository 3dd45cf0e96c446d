"""Files that people own are replaced whole, and only while they are what was read."""

from pathlib import Path

import pytest

from reconciler.errors import StorageError
from reconciler.workspace.writing import replace_file


def test_a_file_that_is_as_it_was_is_replaced_and_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_bytes(b"before")
    path.chmod(0o640)
    replace_file(path, b"after", before=b"before", name="a.yaml")

    assert path.read_bytes() == b"after"
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_file_is_made_with_its_folders_where_nothing_was(tmp_path: Path) -> None:
    replace_file(tmp_path / "x/y/a.yaml", b"after", before=None, name="a.yaml")

    assert [path.name for path in (tmp_path / "x/y").iterdir()] == ["a.yaml"]
    assert (tmp_path / "x/y/a.yaml").read_bytes() == b"after"


@pytest.mark.parametrize(
    ("was", "stands"), [(b"before", b"saved"), (None, b"saved"), (b"before", None)], ids=["changed", "new", "gone"]
)
def test_what_somebody_did_meanwhile_stays(tmp_path: Path, was: bytes | None, stands: bytes | None) -> None:
    path = tmp_path / "a.yaml"
    if stands is not None:
        path.write_bytes(stands)
    with pytest.raises(StorageError) as caught:
        replace_file(path, b"after", before=was, name="production/a.yaml")

    assert caught.value.detail == "production/a.yaml: it was changed meanwhile. It was left as it is."
    assert {each: each.read_bytes() for each in tmp_path.iterdir()} == ({path: stands} if stands else {})
