"""Where each field of an environment stands in the project file."""

from collections.abc import Iterator, Mapping

from reconciler.core.diagnostics import Place
from reconciler.formats.yaml_reader import Mapping as MappingNode
from reconciler.formats.yaml_reader import Node, Reading


def field_places(reading: Reading, environment: str) -> Mapping[str, Place]:
    """Return the places of the values of *environment* by path (``api.base_url``), and of ``name`` and ``default``."""
    top = reading.root
    if not isinstance(top, MappingNode):
        return {}
    environments = top.values.get("environments")
    own = environments.values.get(environment) if isinstance(environments, MappingNode) else None
    nodes = [(name, top.values[name]) for name in ("name", "default") if name in top.values]
    return {name: Place(reading.path, node.line, node.column) for name, node in (*nodes, *_fields(own, ""))}


def _fields(node: Node | None, prefix: str) -> Iterator[tuple[str, Node]]:
    for name, value in node.values.items() if isinstance(node, MappingNode) else ():
        yield f"{prefix}{name}", value
        yield from _fields(value, f"{prefix}{name}.")
