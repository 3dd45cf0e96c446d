"""The emulator's README and its code say the same."""

import json
import pathlib
import re

import pytest
from emulator_harness import REPOSITORY

from reconciler.emulator.objects import SPECIAL_OBJECTS
from reconciler.emulator.seed import LISTINGS, seed_world

README = (REPOSITORY / "reconciler" / "emulator" / "README.md").read_text(encoding="utf-8")
TESTS = "".join(path.read_text(encoding="utf-8") for path in pathlib.Path(__file__).parent.glob("test_*.py"))


def _rows(heading: str) -> list[list[str]]:
    """Return the rows of the table whose first column has this heading."""
    table = README.split(f"\n| {heading} |")[1].split("\n\n")[0]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in table.splitlines()[2:]]


@pytest.mark.parametrize("row", _rows("behaviour"), ids=lambda row: row[0][:40])
def test_every_behaviour_is_marked_and_names_a_test_that_exists(row: list[str]) -> None:
    _, mark, source, name = row

    assert mark in {"documented", "inferred", "invented"}
    assert source or mark == "invented"
    assert f"def {name.strip('`')}(" in TESTS


def test_the_table_of_special_objects_is_complete() -> None:
    named = [
        (row[0].strip("`"), (re.findall(r"version (\d+)|`(.*)`", row[1]) or [("", "")])[0])
        for row in _rows("special object")
    ]

    assert [(number, version or item) for number, (version, item) in named] == [
        (special.key.number, special.key.part) for special in SPECIAL_OBJECTS
    ]


def test_the_example_of_a_seed_document_is_one(database: str) -> None:
    example = json.loads(README.split("```json")[1].split("```")[0])

    assert seed_world(database, example) == len(LISTINGS)
