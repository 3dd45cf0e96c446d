"""The schemas and the typed readers are two statements of one thing, made apart; here they are held together.

A schema sees values and the reader sees what is written, so the reader may refuse more: text without quotes that older
YAML readers take for something else, and whole numbers in another notation than digits. Documents are therefore
generated in the one notation that both understand; the others have tests of their own below.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from document_strategies import PROJECT_FILE, SPEC_FILE, Value, damaged, neighbours, project_files, spec_files, yaml_of
from hypothesis import event, given
from jsonschema import Draft202012Validator
from reading_outline import PATH, codes_in, faults_of, spec_reading
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from reconciler.core.declaration import Flags
from reconciler.core.target import KEY_FORMS
from reconciler.formats import schema as schema_module
from reconciler.formats.fields import UNSAFE, plain_value
from reconciler.formats.project import read_project
from reconciler.formats.schema import PROJECT_SCHEMA, SPEC_SCHEMA, SchemaSet
from reconciler.formats.yaml_reader import Reading, read_yaml
from reconciler.workspace.schemas import load_schemas, schema_folder

REPOSITORY = Path(__file__).parents[2]
SCHEMAS = load_schemas()
SCHEMA_SET = SchemaSet(SCHEMAS)
LISTS_WITH_SCHEMAS = {
    "subscriptions": "subscription.schema.json",
    "orderLineItems": "order-line-item.schema.json",
    "dynamicUsageCharges": "dynamic-usage-charge.schema.json",
}
DECISIONS_SCHEMA = "decisions.schema.json"
SOURCE_SCHEMA = "source.schema.json"
WRITTEN_BY_PEOPLE = [
    SPEC_SCHEMA,
    SOURCE_SCHEMA,
    PROJECT_SCHEMA,
    DECISIONS_SCHEMA,
    *LISTS_WITH_SCHEMAS.values(),
    "common.schema.json",
]

ONLY_THE_READER_SEES = {
    "unknown-environment",
    "production-by-default",
    "tenant-twice",
    "state-file-twice",
    "bad-base-url",
    "bad-scope",
    "not-a-date",
    "not-a-time",
    "never-proven",
    "signers-outside",
    "promotes-in-a-circle",
    "period-backwards",
    "unknown-time-zone",
}
"""What relates two fields of a project file to each other, and what no pattern says of URLs, selectors and days."""


def violations(name: str, value: Value) -> list[str]:
    return [f"{path}: {message}" for path, message in SCHEMA_SET.violations(name, value)]


def project_reading(content: bytes) -> Reading:
    reading = read_yaml(content, "reconciler.yaml")
    read_project(reading)
    return reading


@given(document=damaged(spec_files))
def test_the_reader_accepts_a_spec_file_exactly_when_its_schema_does(document: Value) -> None:
    faults = faults_of(spec_reading(yaml_of(document))[0])
    event("refused" if faults else "accepted")

    assert bool(faults) == bool(violations(SPEC_SCHEMA, document)), faults


def test_the_reader_and_the_schema_agree_on_every_neighbour_of_a_full_spec_file() -> None:
    disagreements = [
        document
        for document in neighbours(SPEC_FILE)
        if bool(spec_reading(yaml_of(document))[0].diagnostics) != bool(violations(SPEC_SCHEMA, document))
    ]

    assert disagreements == []


def test_the_reader_and_the_schema_agree_on_every_neighbour_of_a_full_project_file() -> None:
    """But for what only the reader sees."""
    for document in neighbours(PROJECT_FILE):
        codes = {each.code for each in project_reading(yaml_of(document)).diagnostics}
        refused = violations(PROJECT_SCHEMA, document)

        assert codes if refused else codes <= ONLY_THE_READER_SEES, (codes, refused, document)


@given(document=spec_files)
def test_a_right_spec_file_is_accepted_by_both(document: Value) -> None:
    reading, _ = spec_reading(yaml_of(document))

    assert faults_of(reading) == violations(SPEC_SCHEMA, plain_value_of(reading)) == []


@given(document=damaged(project_files))
def test_what_the_schema_refuses_in_a_project_file_the_reader_refuses(document: Value) -> None:
    refused = violations(PROJECT_SCHEMA, document)
    event("refused" if refused else "accepted")

    assert project_reading(yaml_of(document)).diagnostics or not refused, refused


@given(document=damaged(project_files))
def test_what_the_reader_alone_refuses_in_a_project_file_no_schema_can_see(document: Value) -> None:
    found = {each.code for each in project_reading(yaml_of(document)).diagnostics}

    assert found <= ONLY_THE_READER_SEES or violations(PROJECT_SCHEMA, document), found


@given(document=damaged(spec_files))
def test_what_the_schema_is_asked_is_what_was_written(document: Value) -> None:
    reading = read_yaml(yaml_of(document), PATH)

    assert reading.diagnostics or plain_value_of(reading) == document


def plain_value_of(reading: Reading) -> Value:
    assert reading.root is not None
    return plain_value(reading.root)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(
            ("~", None),
            ("", None),
            ("null", None),
            ("Null", None),
            ('"null"', "null"),
            ("true", True),
            ("FALSE", False),
        ),
        *(("1", 1), ("-7", -7), ("+1", 1), ("007", 7), ("0o17", 15), ("0x1F", 31), ("1.5", 1.5), ("1e3", 1000.0)),
        *((".inf", float("inf")), ("-.INF", float("-inf")), ("NO", "NO"), ("1_000", "1_000"), ("12:30", "12:30")),
        *(("2026-11-22", "2026-11-22"), ("'1'", "1"), ("9" * 5_000, "9" * 5_000), ("[a, {b: 1}]", ["a", {"b": 1}])),
    ],
)
def test_a_schema_is_asked_for_what_yaml_1_2_reads(written: str, value: Value) -> None:
    reading = read_yaml(f"- {written}\n".encode(), PATH)

    assert plain_value_of(reading) == [value]
    assert type(plain_value_of(reading)[0]) is type(value)


@pytest.mark.parametrize("version", ["1.0", "+1", "01", "0x1", "0o1", "1e0"])
def test_another_notation_of_a_number_is_refused_by_the_reader_though_no_schema_sees_it(version: str) -> None:
    """JSON Schema holds 1.0 and 1 for the same integer: editors let it pass, every command refuses it."""
    reading, _ = spec_reading(f"version: {version}\n")

    assert faults_of(reading) == ["unknown-version 1:10"]
    assert violations(SPEC_SCHEMA, plain_value_of(reading)) == []


@pytest.mark.parametrize("name", ["NO", "1_000", "12:30:45", "2026-11-22"])
def test_text_that_other_readers_convert_is_refused_by_the_reader_though_no_schema_sees_it(name: str) -> None:
    reading, _ = spec_reading(f"version: 1\nname: {name}\n")

    assert faults_of(reading) == ["unquoted-text 2:7"]
    assert violations(SPEC_SCHEMA, plain_value_of(reading)) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_is_valid_2020_12_and_says_so(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])

    assert SCHEMAS[name]["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_schema_has_a_title(name: str) -> None:
    assert SCHEMAS[name]["title"]


def inside(value: Value) -> Iterator[dict[str, Any]]:
    """Every object in *value*, itself included."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inside(each)


REFERENCES = [(name, each["$ref"]) for name in SCHEMAS for each in inside(SCHEMAS[name]) if "$ref" in each]


@pytest.mark.parametrize(("name", "reference"), sorted(set(REFERENCES)))
def test_every_reference_leads_to_another_of_the_schemas(name: str, reference: str) -> None:
    registry: Registry[Any] = Registry().with_resources(
        (each, DRAFT202012.create_resource(schema)) for each, schema in SCHEMAS.items()
    )

    found = registry.resolver(name).lookup(reference).contents

    assert isinstance(found, dict)
    assert not reference.startswith("http")


def properties(schema: Value) -> Iterator[tuple[str, dict[str, Any]]]:
    for each in inside(schema):
        for name, found in each.get("properties", {}).items():
            if isinstance(found, dict) and found.keys() & {"type", "$ref", "enum", "allOf", "anyOf"}:
                yield name, found


@pytest.mark.parametrize("name", WRITTEN_BY_PEOPLE)
def test_every_field_that_people_write_is_described(name: str) -> None:
    undescribed = [field for field, found in properties(SCHEMAS[name]) if "description" not in found]

    assert undescribed == []


EXAMPLES = [
    (f"{name}#/properties/{field}", example)
    for name in SCHEMAS
    for field, found in SCHEMAS[name].get("properties", {}).items()
    for example in found.get("examples", ())
]


@pytest.mark.parametrize(("reference", "example"), EXAMPLES, ids=str)
def test_every_example_is_allowed_where_it_stands(reference: str, example: Value) -> None:
    assert list(SchemaSet({**SCHEMAS, "x": {"$ref": reference}}).violations("x", example)) == []


def test_every_snippet_for_flags_is_a_legal_pair_and_every_legal_pair_has_one() -> None:
    snippets = SCHEMAS["common.schema.json"]["$defs"]["flags"]["defaultSnippets"]
    pairs = [(each["body"]["onlyReSend"], each["body"]["reMigrate"]) for each in snippets]

    assert sorted(pairs) == sorted(each.value for each in Flags)


def test_the_schemas_know_the_fields_that_the_core_knows() -> None:
    lists = dict(zip(("Subscription", "OrderLineItem", "DynamicUsageCharge"), LISTS_WITH_SCHEMAS.values(), strict=True))

    for form in KEY_FORMS:
        assert set(form.fields) <= SCHEMAS[lists[form.type]]["properties"].keys()


def test_the_schemas_refuse_the_same_characters_as_the_reader() -> None:
    assert f"[^{UNSAFE}]" in SCHEMAS["common.schema.json"]["$defs"]["text"]["pattern"]


def test_the_schemas_are_stored_as_they_would_be_written() -> None:
    """So a change of one line is a difference of one line."""
    for path in schema_folder().glob("*.json"):
        content = path.read_text("utf-8")

        assert content == json.dumps(json.loads(content), indent=2, ensure_ascii=False) + "\n", path.name


@pytest.mark.parametrize(
    "path", sorted(REPOSITORY.glob("specs/**/*.yaml")), ids=lambda path: str(path.relative_to(REPOSITORY))
)
def test_the_specs_of_the_repository_name_the_schema_that_they_follow(path: Path) -> None:
    first = path.read_text("utf-8").splitlines()[0]
    _, _, relative = first.partition("# yaml-language-server: $schema=")

    expected = PROJECT_SCHEMA if path.name == "reconciler.yaml" else SPEC_SCHEMA
    assert (path.parent / relative).resolve() == schema_folder().resolve() / expected


STRICTER = {SPEC_SCHEMA: {"properties": {"subscriptions": {"items": {"required": ["reason"]}}}}}
STRICTER_TEXT = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\nsubscriptions:\n  - {subscriptionId: a}\n"


def test_what_only_the_schema_refuses_is_reported_with_its_place() -> None:
    reading, _ = spec_reading(STRICTER_TEXT)
    SchemaSet(STRICTER).check(reading, SPEC_SCHEMA)
    (found,) = reading.diagnostics

    assert faults_of(reading) == ["against-schema 4:5"]
    assert {found.code} == codes_in(schema_module.__file__)
    assert found.detail == "'reason' is a required property."
    assert found.hint


def test_a_file_with_faults_is_not_asked_about_twice() -> None:
    reading, _ = spec_reading(STRICTER_TEXT + "colour: red\n")
    SchemaSet(STRICTER).check(reading, SPEC_SCHEMA)

    assert faults_of(reading) == ["unknown-key 5:1"]
