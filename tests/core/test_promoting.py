"""Which declarations are carried to the next environment: what is proven, not there yet, and has a place to stand."""

from dataclasses import replace

import pytest
from builders import A, declare, spec_of, subscription

from reconciler.core.declaration import Declaration, Spec
from reconciler.core.diagnostics import Place
from reconciler.core.keymap import KeyMap
from reconciler.core.promoting import Picked, pick
from reconciler.core.selection import EVERYTHING, Selection, parse_selector

ONE, TWO = (replace(declare(subscription(number)), place=Place("sandbox/a.yaml", number, 5)) for number in (1, 2))


def picked(
    declared: Spec,
    there: Spec | None = None,
    *,
    selection: Selection = EVERYTHING,
    unproven: tuple[Declaration, ...] = (),
    folders: tuple[str, str] = ("sandbox", "production"),
) -> Picked:
    def proves(declaration: Declaration) -> str | None:
        return "it is not proven" if declaration in unproven else None

    return pick(declared, there or spec_of(), selection, proves, folders=folders)


def written(found: Picked) -> dict[tuple[str, str], tuple[Declaration, ...]]:
    return {(each.model, each.path): each.declarations for each in found.additions}


def left_out(found: Picked) -> dict[str, str]:
    return {each.declaration.address: each.why for each in found.left_out}


def test_what_is_proven_is_written_file_by_file_and_what_is_not_is_left_out() -> None:
    other = replace(declare(subscription(3)), place=Place("sandbox/more/b.yml", 1, 5))
    found = picked(spec_of(ONE, TWO, other), unproven=(TWO,))

    assert written(found) == {
        ("sandbox/a.yaml", "production/a.yaml"): (ONE,),
        ("sandbox/more/b.yml", "production/more/b.yml"): (other,),
    }
    assert left_out(found) == {TWO.address: "it is not proven"}


def test_what_is_declared_so_already_is_counted_wherever_it_stands() -> None:
    elsewhere = replace(ONE, place=Place("production/z.yaml", 1, 1), reason="another")
    found = picked(spec_of(ONE, TWO), spec_of(elsewhere), selection=Selection(only=(parse_selector("*@1"),)))

    assert (found.additions, found.present, found.left_out) == ((), 1, ())


@pytest.mark.parametrize(
    "folders", [("./envs//sandbox/", "production"), ("envs/sandbox", "./production/."), ("envs/sandbox", "production")]
)
def test_however_a_folder_is_spelt_a_file_has_the_same_name_below_the_other(folders: tuple[str, str]) -> None:
    found = picked(spec_of(replace(ONE, place=Place("envs/sandbox/x/a.yaml", 1, 1))), folders=folders)

    assert [each.path for each in found.additions] == ["production/x/a.yaml"]


@pytest.mark.parametrize(
    ("path", "there", "why"),
    [
        ("sandbox/a.YAML", None, None),
        ("sandbox/a.csv", None, "it is a row of a source; copy the row, or the file, by hand"),
        ("sandbox/a.yaml", "production/a.yaml", None),
        ("sandbox/a.yaml", "production/b.yaml", "it is declared otherwise at production/b.yaml:7:1; change it there"),
    ],
)
def test_it_is_written_into_the_file_of_the_same_name_or_not_at_all(
    path: str, there: str | None, why: str | None
) -> None:
    each = replace(ONE, place=Place(path, 1, 1))
    known = spec_of(replace(declare(trigger="other"), place=Place(there, 7, 1))) if there else spec_of()

    assert left_out(picked(spec_of(each), known)) == ({each.address: why} if why else {})


def test_what_the_key_map_there_lacks_is_left_out() -> None:
    keys = KeyMap("keys/production.csv", {"subscriptionName": {"A-S00000002": "B"}})
    mapped = replace(declare(subscription(1, "A-S00000002"), A), place=Place("sandbox/a.yaml", 2, 1))
    found = picked(spec_of(ONE, mapped), spec_of(keys=keys))

    assert left_out(found) == {ONE.address: "keys/production.csv does not map subscriptionName 'A-S00000001'"}
    assert written(found) == {("sandbox/a.yaml", "production/a.yaml"): (mapped,)}
