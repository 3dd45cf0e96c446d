"""The emulator's README and its code say the same."""

import json
import pathlib
import re
from collections.abc import Mapping

import pytest
from emulator_harness import REPOSITORY

from reconciler.emulator.fault_document import KINDS as FAULT_KINDS
from reconciler.emulator.fault_document import Kind as FaultKind
from reconciler.emulator.fault_document import read_rules
from reconciler.emulator.faults import Moment
from reconciler.emulator.objects import SPECIAL_OBJECTS
from reconciler.emulator.proxy_rules import KINDS as NETWORK_KINDS
from reconciler.emulator.proxy_rules import Kind as NetworkKind
from reconciler.emulator.proxy_rules import read_proxy_rules
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


def _examples() -> list[dict[str, object]]:
    return [json.loads(part.split("```")[0]) for part in README.split("```json")[1:]]


def test_the_example_of_a_seed_document_is_one(database: str) -> None:
    assert seed_world(database, _examples()[0]) == len(LISTINGS)


def test_the_examples_of_rules_are_some() -> None:
    _, faults, network = _examples()

    assert [len(read_rules(faults)), len(read_proxy_rules(network))] == [5, 2]


@pytest.mark.parametrize(("heading", "kinds"), [("fault", FAULT_KINDS), ("network fault", NETWORK_KINDS)])
def test_the_tables_of_faults_are_complete(heading: str, kinds: Mapping[str, FaultKind | NetworkKind]) -> None:
    assert {row[0].strip("`") for row in _rows(heading)} == {*kinds}
    for row in _rows(heading):
        name = row[0].strip("`")
        assert {field for field in kinds[name].fields if f"`{field}`" not in "".join(row[1:])} <= {"layer"}


@pytest.mark.parametrize("row", _rows("fault"), ids=lambda row: row[0])
def test_the_table_of_faults_says_where_and_when(row: list[str]) -> None:
    kind = FAULT_KINDS[row[0].strip("`")]
    moments = ", ".join(moment.value for moment in kind.moments)

    assert row[2] == ("any" if len(kind.moments) == len(Moment) else moments)
    assert row[5]
