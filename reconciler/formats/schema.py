"""A spec or project file held against its published JSON Schema, with the place of every violation.

The typed readers are the first statement of what is legal, the schemas the second: `validate` asks both. Editors and
other tools know only the schemas.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from reconciler.formats.fields import plain_value
from reconciler.formats.yaml_reader import Mapping as MappingNode
from reconciler.formats.yaml_reader import Node, Reading, Sequence

SPEC_SCHEMA = "spec.schema.json"
PROJECT_SCHEMA = "project.schema.json"


class SchemaSet:
    """Every published schema, by file name. References stay among them: nothing is fetched."""

    def __init__(self, schemas: Mapping[str, dict[str, Any]]) -> None:
        self._schemas = schemas
        pairs = [(name, DRAFT202012.create_resource(each)) for name, each in schemas.items()]
        self._registry: Registry[Any] = Registry().with_resources(pairs)

    def violations(self, name: str, value: object) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """Yield the path and message of everything in *value* that the schema *name* does not allow."""
        validator = Draft202012Validator(self._schemas[name], registry=self._registry)
        for error in validator.iter_errors(value):
            yield tuple(error.absolute_path), error.message

    def check(self, reading: Reading, name: str) -> None:
        """Report what the schema *name* refuses in a file in which the typed reader found no fault."""
        if reading.root is None or reading.diagnostics:
            return
        for path, message in sorted(self.violations(name, plain_value(reading.root)), key=str):
            reading.report(
                "against-schema",
                f"not allowed by {name}",
                _place(reading.root, path),
                detail=f"{message[:200]}.",
                hint="The schema and the reader disagree, and one of the two is wrong: please report it.",
            )


def _place(root: Node, path: Iterable[str | int]) -> tuple[int, int]:
    node = root
    for step in path:
        if isinstance(node, MappingNode):
            node = node.values[str(step)]
        elif isinstance(node, Sequence):
            node = node.items[int(step)]
    return node.line, node.column
