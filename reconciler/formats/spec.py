"""A spec file: nodes to declarations, with every fault found in one pass.

Rule: what a list accepts follows from `LISTS` and the key forms of `core/target.py`; `schemas/*.schema.json` say the
same a second time, and `validate` holds every file against both.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from reconciler.core.address import format_address
from reconciler.core.declaration import Declaration, Flags
from reconciler.core.diagnostics import Place
from reconciler.core.target import (
    KEY_FORMS,
    SUBSCRIPTION_NAME,
    KeyForm,
    Target,
    TargetType,
)
from reconciler.formats.fields import boolean_of, check_keys, mapping_of, sequence_of, text_of, version_of
from reconciler.formats.yaml_reader import Mapping, Node, Reading, Scalar

LISTS = {
    "subscriptions": TargetType.SUBSCRIPTION,
    "orderLineItems": TargetType.ORDER_LINE_ITEM,
    "dynamicUsageCharges": TargetType.DYNAMIC_USAGE_CHARGE,
}
_FILE_KEYS = ("version", "name", "reason", "owner", "flags", "trigger", *LISTS)
_OWN_KEYS = ("flags", "trigger", "reason", "owner")
_VERSIONS = "subscriptionVersions"
_LIST_OF_FIELD = {
    **{
        field: name
        for name, type_ in LISTS.items()
        for form in KEY_FORMS
        if form.type is type_
        for field in form.fields
    },
    _VERSIONS: "subscriptions",
}
_NO_FLAGS = "A call without flags still rewrites data, so nothing is implied."
_FLAGS_HINT = "Write flags: {onlyReSend: false, reMigrate: true} here or at the head of the file."


@dataclass(frozen=True, slots=True)
class _Common:
    """What a file or a declaration says besides its targets."""

    flags: Flags | None
    trigger: str | None
    reason: str | None
    owner: str | None
    bad_flags: bool = False


def read_spec(reading: Reading) -> list[Declaration]:
    """Return the declarations of one file in the order written; faults are added to *reading*.

    A declaration with a fault is left out, so the list is complete only if nothing was reported.
    """
    root = reading.root
    if root is None:
        _report_empty(reading)
        return []
    top = mapping_of(root, reading, "a spec file")
    if top is None:
        return []
    check_keys(top, _FILE_KEYS, reading, "a spec file")
    check_document_version(top, reading)
    if "name" in top.values:
        text_of(top.values["name"], reading, "name")
    common = _common(top, reading, _Common(None, None, None, None))
    return [
        declaration
        for name, type_ in LISTS.items()
        if name in top.values
        for declaration in _ListReader(reading, name, type_, common).read(top.values[name])
    ]


def check_document_version(top: Mapping, reading: Reading) -> None:
    """Report unless the file says ``version: 1``, the only one there is."""
    node = top.values.get("version")
    if node is None:
        if "version" not in top.keys:
            hint = "Write version: 1 as the first line."
            reading.report("missing-field", "the file does not say its version", (top.line, top.column), hint=hint)
    elif not (type(node) is Scalar and node.plain and node.text == "1"):
        hint = "Write version: 1. A file of a newer version needs a newer reconciler."
        reading.report("unknown-version", "the file's version is not 1", (node.line, node.column), hint=hint)


def _report_empty(reading: Reading) -> None:
    if not reading.diagnostics:
        hint = "Begin with version: 1, or delete the file."
        reading.report("empty-file", "the file is empty", (0, 0), hint=hint)


def _common(mapping: Mapping, reading: Reading, default: _Common) -> _Common:
    values = mapping.values
    flags = _flags(values["flags"], reading) if "flags" in values else default.flags

    def text(name: str, otherwise: str | None) -> str | None:
        return text_of(values[name], reading, name) if name in values else otherwise

    return _Common(
        flags=flags,
        trigger=text("trigger", default.trigger),
        reason=text("reason", default.reason),
        owner=text("owner", default.owner),
        bad_flags=flags is None and ("flags" in mapping.keys or default.bad_flags),
    )


def _flags(node: Node, reading: Reading) -> Flags | None:
    mapping = mapping_of(node, reading, "flags")
    if mapping is None:
        return None
    check_keys(mapping, ("onlyReSend", "reMigrate"), reading, "flags")
    pair = [_flag(mapping, reading, name) for name in ("onlyReSend", "reMigrate")]
    if pair == [True, True]:
        reading.report(
            "flags-exclude-each-other",
            "onlyReSend and reMigrate are both true",
            (mapping.line, mapping.column),
            detail="The platform refuses the pair: re-sending keeps what is stored, migrating overrides it.",
            hint="Set one of the two to false.",
        )
        return None
    only_re_send, re_migrate = pair
    return None if only_re_send is None or re_migrate is None else Flags((only_re_send, re_migrate))


def _flag(mapping: Mapping, reading: Reading, name: str) -> bool | None:
    node = mapping.values.get(name)
    if node is not None:
        return boolean_of(node, reading, name)
    if name not in mapping.keys:
        at = (mapping.line, mapping.column)
        reading.report("missing-flag", f"flags do not say {name}", at, detail=_NO_FLAGS, hint="Write both flags.")
    return None


class _ListReader:
    """Reads one list of a spec file, whose declarations are all of one type."""

    def __init__(self, reading: Reading, name: str, type_: TargetType, common: _Common) -> None:
        self._reading = reading
        self._name = name
        self._type = type_
        self._common = common
        self._forms = [form for form in KEY_FORMS if form.type is type_]
        versions = (_VERSIONS,) if type_ is TargetType.SUBSCRIPTION else ()
        self._key_fields = (*(field for form in self._forms for field in form.fields), *versions)
        self._known = frozenset((*self._key_fields, *_OWN_KEYS))
        self._own = frozenset(_OWN_KEYS)

    def read(self, node: Node) -> Iterator[Declaration]:
        sequence = sequence_of(node, self._reading, self._name)
        for item in sequence.items if sequence else ():
            mapping = mapping_of(item, self._reading, f"a declaration in {self._name}")
            if mapping is not None:
                yield from self._declarations(mapping)

    def _declarations(self, mapping: Mapping) -> Iterator[Declaration]:
        reading = self._reading
        faults = len(reading.diagnostics)
        if not self._known.issuperset(mapping.keys):
            self._report_unknown(mapping)
        common = self._common if self._own.isdisjoint(mapping.keys) else _common(mapping, reading, self._common)
        flags = common.flags
        if flags is None and not common.bad_flags:
            at = (mapping.line, mapping.column)
            reading.report("missing-flags", "the declaration has no flags", at, detail=_NO_FLAGS, hint=_FLAGS_HINT)
        targets = list(self._targets(mapping))
        if flags is None or len(reading.diagnostics) > faults:
            return
        for target, (line, column) in targets:
            yield Declaration(
                address=format_address(target),
                target=target,
                flags=flags,
                trigger=common.trigger,
                place=Place(reading.path, line, column),
                reason=common.reason,
                owner=common.owner,
            )

    def _report_unknown(self, mapping: Mapping) -> None:
        for key in mapping.keys:
            if key not in self._known and key in _LIST_OF_FIELD:
                self._reading.report(
                    "field-of-another-type",
                    f"{key} does not name a {self._type}",
                    mapping.keys[key],
                    hint=f"Move the declaration to the list {_LIST_OF_FIELD[key]}.",
                )
        own = {key: at for key, at in mapping.keys.items() if key not in _LIST_OF_FIELD}
        if not self._known.issuperset(own):
            foreign = Mapping(mapping.line, mapping.column)
            foreign.keys = own
            check_keys(foreign, self._known, self._reading, f"a declaration in {self._name}")

    def _targets(self, mapping: Mapping) -> Iterator[tuple[Target, tuple[int, int]]]:
        given = [field for field in self._key_fields if field in mapping.keys]
        form = self._form(mapping, given)
        fields = form.fields if form else tuple(given)
        if _VERSIONS in given:
            yield from self._many_versions(mapping)
            return
        key = [self._value(mapping, field) for field in fields]
        if form is not None and None not in key:
            yield Target(form, tuple(part for part in key if part is not None)), (mapping.line, mapping.column)

    def _form(self, mapping: Mapping, given: list[str]) -> KeyForm | None:
        """Return the one form that the fields *given* make up, or report why they do not."""
        fields = {"subscriptionVersion" if field == _VERSIONS else field for field in given}
        if len(fields) == len(given):
            for form in self._forms:
                if fields == set(form.fields):
                    return form
        if self._known.issuperset(mapping.keys):
            self._report_key(mapping, given, fields)
        return None

    def _report_key(self, mapping: Mapping, given: list[str], fields: set[str]) -> None:
        ways = " or ".join(" with ".join(form.fields) for form in self._forms)
        touched = [form for form in self._forms if fields & set(form.fields)]
        if not given:
            at = (mapping.line, mapping.column)
            what = f"the declaration names no {self._type}"
            self._reading.report("missing-key", what, at, hint=f"Name it by {ways}.")
        elif len(touched) > 1 or len(fields) < len(given):
            what = f"{' and '.join(given)} exclude each other"
            why = "Each names the target by itself, and they could disagree."
            at = mapping.keys[given[-1]]
            self._reading.report("named-twice", what, at, detail=why, hint=f"Name it by {ways}.")
        else:
            missing = " and ".join(field for field in touched[0].fields if field not in fields)
            what = f"{given[0]} alone names no {self._type}"
            self._reading.report("incomplete-key", what, mapping.keys[given[0]], hint=f"Add {missing}.")

    def _many_versions(self, mapping: Mapping) -> Iterator[tuple[Target, tuple[int, int]]]:
        name = self._value(mapping, "subscriptionName")
        sequence = (
            sequence_of(mapping.values[_VERSIONS], self._reading, _VERSIONS) if _VERSIONS in mapping.values else None
        )
        if sequence is not None and not sequence.items:
            at = (sequence.line, sequence.column)
            self._reading.report("no-versions", "subscriptionVersions is empty", at, hint="List at least one version.")
        seen: dict[int, tuple[int, int]] = {}
        for item in sequence.items if sequence else ():
            version, at = version_of(item, self._reading, _VERSIONS), (item.line, item.column)
            if version in seen:
                first = Place(self._reading.path, *seen[version])
                what = f"version {version} is listed twice"
                self._reading.report(
                    "version-twice", what, at, detail=f"First at {first}.", hint="Keep one of the two."
                )
            elif version is not None and isinstance(name, str):
                seen[version] = at
                yield Target(SUBSCRIPTION_NAME, (name, version)), at

    def _value(self, mapping: Mapping, field: str) -> str | int | None:
        node = mapping.values.get(field)
        if node is None:
            return None
        if field == "subscriptionVersion":
            return version_of(node, self._reading, field)
        return text_of(node, self._reading, field)
