"""What was read, as plain values that a test can write down."""

import ast
from pathlib import Path
from typing import TypeAlias

from reconciler.core.declaration import Declaration
from reconciler.formats.spec import read_spec
from reconciler.formats.yaml_reader import Mapping, Node, Reading, Scalar, Sequence, Unreadable, read_yaml

PATH = "local/x.yaml"

Outline: TypeAlias = "str | tuple[str, ...] | list[Outline] | dict[str, Outline] | None"


def content_of(node: Node | None) -> Outline:
    """What stands there, without places: quoted text as it is, plain text as a tuple of one."""
    match node:
        case None:
            return None
        case Scalar():
            return (node.text,) if node.plain else node.text
        case Sequence():
            return [content_of(item) for item in node.items]
        case Mapping():
            return {key: content_of(value) for key, value in node.values.items()}
        case Unreadable():
            return "unreadable"


def places_of(node: Node | None, name: str = "") -> list[tuple[str, str]]:
    """The place of every key (``k:``) and value, each under its path, in the order written."""
    if node is None:
        return []
    found = [(name, f"{node.line}:{node.column}")]
    if isinstance(node, Mapping):
        for key, (line, column) in node.keys.items():
            found.append((f"{name}.{key}:", f"{line}:{column}"))
            found += places_of(node.values.get(key), f"{name}.{key}")
    if isinstance(node, Sequence):
        for number, item in enumerate(node.items):
            found += places_of(item, f"{name}[{number}]")
    return found


def faults_of(reading: Reading) -> list[str]:
    """Every diagnostic as ``code line:column``, in the order of places."""
    ordered = sorted(reading.diagnostics, key=lambda each: (each.place, each.code))
    return [f"{each.code} {each.place.line}:{each.place.column}" for each in ordered]


def spec_reading(text: str | bytes) -> tuple[Reading, list[Declaration]]:
    content = text if isinstance(text, bytes) else text.encode()
    reading = read_yaml(content, PATH)
    return reading, read_spec(reading).declarations


def codes_in(*modules: str | Path | None) -> frozenset[str]:
    """Every diagnostic code that the source files *modules* can report."""
    trees = [ast.parse(Path(module).read_text("utf-8")) for module in modules if module]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return frozenset(
        code.value for call in calls if isinstance(code := _code_of(call), ast.Constant) and isinstance(code.value, str)
    )


def _code_of(call: ast.Call) -> ast.expr | None:
    """What *call* gives as the code of a diagnostic, if it makes one."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in ("report", "_report", "refuse") and call.args:
        return call.args[0]
    if isinstance(call.func, ast.Name) and call.func.id == "Diagnostic":
        return next((each.value for each in call.keywords if each.arg == "code"), None)
    return None
