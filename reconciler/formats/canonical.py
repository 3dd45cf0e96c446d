"""The canonical form of spec and project files: which order, which shape, and proof that the meaning is the same.

Rule: no text leaves here that the strict reader does not read as it read the file, declaration by declaration and
value by value, with every comment.
"""

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from reconciler.core.guardrail_limits import Rule
from reconciler.core.target import KEY_FORMS, TargetType
from reconciler.errors import UnfaithfulLayout
from reconciler.formats.commented import Tree, read_commented
from reconciler.formats.declarations import LISTS
from reconciler.formats.fields import plain_value
from reconciler.formats.layout import Shape, lay_out
from reconciler.formats.project import read_project
from reconciler.formats.promotion import PROMOTION
from reconciler.formats.spec import read_spec
from reconciler.formats.yaml_reader import Reading, read_yaml

_OWN = ("flags", "trigger", "reason", "owner")
_FLAGS = Shape(("onlyReSend", "reMigrate"))


def _declaration(type_: TargetType) -> Shape:
    key = [name for form in KEY_FORMS if form.type is type_ for name in form.fields]
    return Shape((*key, "subscriptionVersions", *_OWN), inner={"flags": _FLAGS})


_SOURCE = Shape(("csv", "tsv", "jsonl", "parquet", "type", *_OWN), inner={"flags": _FLAGS})
_SPEC = Shape(
    ("version", "name", "reason", "owner", "flags", "trigger", *LISTS, "sources"),
    tall=True,
    inner={
        "flags": _FLAGS,
        **{name: Shape(tall=True, inner={"*": _declaration(type_)}) for name, type_ in LISTS.items()},
        "sources": Shape(tall=True, inner={"*": _SOURCE}),
    },
)
_API = Shape(
    ("emulator", "base_url", "tenant", "tenant_type", "entity", "orgs", "leave_free", "credentials"),
    inner={"credentials": Shape(("client_id", "client_secret"))},
)
_EDGE = Shape(("last", "first"))
_FREEZE = Shape(
    ("month_end", "quarter_end", "periods", "announce"),
    inner={"month_end": _EDGE, "quarter_end": _EDGE, "periods": Shape(inner={"*": Shape(("from", "to", "reason"))})},
)
_GUARDRAILS = Shape(
    (*Rule, "time_zone", "allow"),
    inner={
        "forbidden_flags": Shape(inner={"*": _FLAGS}),
        "freeze": _FREEZE,
        "allow": Shape(tall=True, inner={"*": Shape(("rule", "for", "reason", "until"))}),
    },
)
_ENVIRONMENT = Shape(
    ("api", "specs", "state", "refreshed_at", "promotes_from", "after_server_error", "guardrails", "signing_key"),
    inner={"api": _API, "promotes_from": Shape(PROMOTION), "guardrails": _GUARDRAILS},
)
_PROJECT = Shape(
    ("version", "name", "default", "environments"),
    tall=True,
    inner={"environments": Shape(tall=True, inner={"*": _ENVIRONMENT})},
)


class FileKind(Enum):
    SPEC = "spec"
    PROJECT = "project"


_SHAPES = MappingProxyType({FileKind.SPEC: _SPEC, FileKind.PROJECT: _PROJECT})


@dataclass(frozen=True, slots=True)
class _Meaning:
    """All that a file says: its values, and for a spec its declarations, without their places."""

    values: object
    declarations: tuple[object, ...]
    comments: tuple[str, ...]


def canonical(content: bytes, path: str, kind: FileKind) -> tuple[Reading, str | None]:
    """Return the file laid out anew, or None if it is not valid: then the reading tells why.

    Raise UnfaithfulLayout if the layout would not mean the same, which is a defect.
    """
    reading = read_yaml(content, path)
    before = _declarations(reading, kind)
    if reading.root is None or reading.diagnostics:
        return reading, None
    tree = read_commented(_one_kind_of_break(content))
    meaning = _Meaning(plain_value(reading.root), before, tuple(sorted(tree.comments)))
    text = lay_out(tree, _SHAPES[kind])
    if _meaning(text, path, kind) != meaning:
        raise UnfaithfulLayout(
            "The file cannot be formatted",
            f"{path}: laid out anew it would not mean the same, or lose a comment. It was left as it is.",
            hint="This is a defect of reconciler: please report it with the file.",
        )
    return reading, text


def laid_out(tree: Tree, kind: FileKind) -> str:
    """Return the text of *tree*, which is rearranged."""
    return lay_out(tree, _SHAPES[kind])


def _one_kind_of_break(content: bytes) -> str:
    text = content.decode("utf-8").removeprefix("\ufeff").replace("\r\n", "\n")
    return text if text.endswith("\n") else f"{text}\n"


def _meaning(text: str, path: str, kind: FileKind) -> _Meaning | None:
    """Return what *text* says, or None if it is not valid."""
    reading = read_yaml(text.encode(), path)
    declarations = _declarations(reading, kind)
    if reading.root is None or reading.diagnostics:
        return None
    return _Meaning(plain_value(reading.root), declarations, tuple(sorted(read_commented(text).comments)))


def _declarations(reading: Reading, kind: FileKind) -> tuple[object, ...]:
    if kind is FileKind.PROJECT:
        read_project(reading)
        return ()
    return tuple(
        (each.address, each.flags, each.trigger, each.reason, each.owner) for each in read_spec(reading).declarations
    )
