"""A table says of each row what the declaration says of itself."""

from hypothesis import given
from hypothesis import strategies as st
from strategies import declarations, flags, names, targets, triggers, versions

from reconciler.core.address import address_order
from reconciler.core.declaration import Declaration, Flags, Spec
from reconciler.core.digest import digest_of
from reconciler.core.table import Declared, Table, Terms, digests_of
from reconciler.core.target import KEY_FORMS, KeyForm

unreserved = st.text("ABCXYZabcxyz0189._~+-", min_size=1, max_size=12)
many = st.lists(declarations(targets()), max_size=6, unique_by=lambda each: each.address)


@given(many)
def test_a_row_is_the_declaration_that_was_added(found: list[Declaration]) -> None:
    table = Table.of("local/a.yaml", found)

    assert [*table] == found
    assert table.addresses == [each.address for each in found]
    assert table.digests == [digest_of(each) for each in found]


@given(st.sampled_from(KEY_FORMS), st.data(), flags, triggers, st.sampled_from([unreserved, names]))
def test_rows_added_together_are_what_each_would_be_alone(
    form: KeyForm, data: st.DataObject, pair: Flags, trigger: str | None, texts: st.SearchStrategy[str]
) -> None:
    values = [versions if field == "subscriptionVersion" else texts for field in form.fields]
    keys = data.draw(st.lists(st.tuples(*values), min_size=1, max_size=4))
    table = Table("local/a.yaml")
    lines = range(3, 3 + len(keys))
    table.add_rows(form, [*zip(*keys, strict=True)], Terms(pair, trigger, "why", "who"), lines, 5)

    alone = Table.of("local/a.yaml", table)
    assert [each.target.key for each in table] == keys
    assert (alone.addresses, alone.digests) == (table.addresses, table.digests)
    assert [(each.place.line, each.place.column) for each in table] == [(line, 5) for line in lines]
    assert {(each.flags, each.trigger, each.reason, each.owner) for each in table} == {(pair, trigger, "why", "who")}


@given(many, st.integers(0, 6))
def test_what_several_files_declare_is_one_mapping_in_the_order_of_addresses(
    found: list[Declaration], cut: int
) -> None:
    declared = Declared([Table.of("local/a.yaml", found[:cut]), Table.of("local/a.yaml", found[cut:])])
    ordered = sorted(found, key=lambda each: address_order(each.address))

    assert [*declared.items()] == [(each.address, each) for each in ordered]
    assert declared.columns == ([each.address for each in found], [digest_of(each) for each in found])
    assert digests_of(Spec(declared)) == digests_of(Spec({each.address: each for each in found}))
    assert not declared.is_doubled


@given(declarations())
def test_an_address_in_two_tables_is_seen(found: Declaration) -> None:
    assert Declared([Table.of("local/a.yaml", [found]), Table.of("local/b.yaml", [found])]).is_doubled
