"""Declarations of one type from the mappings that hold them: items of a list in a spec file, or rows of a source.

Rule: what a mapping may hold follows from the key forms of `core/target.py`; `schemas/*.schema.json` say the same a
second time for lists.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from reconciler.core.address import format_address
from reconciler.core.declaration import Declaration
from reconciler.core.diagnostics import Place
from reconciler.core.target import KEY_FORMS, SUBSCRIPTION_NAME, KeyForm, Target, TargetType
from reconciler.formats.common import FLAT_FIELDS, NO_FLAGS, OWN_FIELDS, Common, common_of
from reconciler.formats.fields import check_keys, sequence_of, text_of, version_of
from reconciler.formats.yaml_reader import Mapping, Reading

LISTS = {
    "subscriptions": TargetType.SUBSCRIPTION,
    "orderLineItems": TargetType.ORDER_LINE_ITEM,
    "dynamicUsageCharges": TargetType.DYNAMIC_USAGE_CHARGE,
}
VERSIONS = "subscriptionVersions"
TYPE_OF_FIELD = {field: form.type for form in KEY_FORMS for field in form.fields}
_LIST_OF_TYPE = {type_: name for name, type_ in LISTS.items()}


@dataclass(frozen=True, slots=True)
class Container:
    """What holds the mappings. *flat*: rows, in which flags are fields of their own and a version stands alone."""

    what: str
    flags_hint: str
    elsewhere: Callable[[TargetType], str]
    flat: bool = False


def in_list(name: str) -> Container:
    return Container(
        what=f"a declaration in {name}",
        flags_hint="Write flags: {onlyReSend: false, reMigrate: true} here or at the head of the file.",
        elsewhere=lambda type_: f"Move the declaration to the list {_LIST_OF_TYPE[type_]}.",
    )


IN_ROWS = Container(
    what="a row",
    flags_hint="Write flags: in the spec file that names the source, or give every row onlyReSend and reMigrate.",
    elsewhere=lambda type_: f"Name the file in a source with type: {type_}.",
    flat=True,
)


class DeclarationReader:
    """Reads mappings that declare targets of one type; faults are added to *reading*."""

    def __init__(self, reading: Reading, type_: TargetType, common: Common, container: Container) -> None:
        self._reading = reading
        self._type = type_
        self._common = common
        self._container = container
        self._forms = [form for form in KEY_FORMS if form.type is type_]
        versions = (VERSIONS,) if type_ is TargetType.SUBSCRIPTION and not container.flat else ()
        self._key_fields = (*(field for form in self._forms for field in form.fields), *versions)
        self._own = frozenset(FLAT_FIELDS if container.flat else OWN_FIELDS)
        self._known = frozenset((*self._key_fields, *self._own))
        self._type_of_field = TYPE_OF_FIELD if container.flat else {**TYPE_OF_FIELD, VERSIONS: TargetType.SUBSCRIPTION}

    def read(self, mapping: Mapping) -> Iterator[Declaration]:
        """Yield what *mapping* declares, or nothing if anything in it was reported."""
        reading = self._reading
        faults = len(reading.diagnostics)
        self._check_fields(mapping)
        common = self._common
        if not self._own.isdisjoint(mapping.keys):
            common = common_of(mapping, reading, common, flat=self._container.flat)
        flags = common.flags
        if flags is None and not common.bad_flags:
            self.report_missing_flags((mapping.line, mapping.column))
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

    def form_of(self, mapping: Mapping) -> KeyForm | None:
        """Return the one form that the fields of *mapping* make up, or report what is wrong with them."""
        self._check_fields(mapping)
        return self._form(mapping, [field for field in self._key_fields if field in mapping.keys])

    def report_missing_flags(self, at: tuple[int, int]) -> None:
        what = "the row has no flags" if self._container.flat else "the declaration has no flags"
        self._reading.report("missing-flags", what, at, detail=NO_FLAGS, hint=self._container.flags_hint)

    def _check_fields(self, mapping: Mapping) -> None:
        if self._known.issuperset(mapping.keys):
            return
        unknown = Mapping(mapping.line, mapping.column)
        for key, at in mapping.keys.items():
            if key in self._known:
                continue
            if key in self._type_of_field:
                what, hint = f"{key} does not name a {self._type}", self._container.elsewhere(self._type_of_field[key])
                self._reading.report("field-of-another-type", what, at, hint=hint)
            else:
                unknown.keys[key] = at
        check_keys(unknown, self._known, self._reading, self._container.what)

    def _targets(self, mapping: Mapping) -> Iterator[tuple[Target, tuple[int, int]]]:
        given = [field for field in self._key_fields if field in mapping.keys]
        form = self._form(mapping, given)
        fields = form.fields if form else tuple(given)
        if VERSIONS in given:
            yield from self._many_versions(mapping)
            return
        key = [self._value(mapping, field) for field in fields]
        if form is not None and None not in key:
            yield Target(form, tuple(part for part in key if part is not None)), (mapping.line, mapping.column)

    def _form(self, mapping: Mapping, given: list[str]) -> KeyForm | None:
        """Return the one form that the fields *given* make up, or report why they do not."""
        fields = {"subscriptionVersion" if field == VERSIONS else field for field in given}
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
            what = f"the {'row' if self._container.flat else 'declaration'} names no {self._type}"
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
            sequence_of(mapping.values[VERSIONS], self._reading, VERSIONS) if VERSIONS in mapping.values else None
        )
        if sequence is not None and not sequence.items:
            at = (sequence.line, sequence.column)
            self._reading.report("no-versions", "subscriptionVersions is empty", at, hint="List at least one version.")
        seen: dict[int, tuple[int, int]] = {}
        for item in sequence.items if sequence else ():
            version, at = version_of(item, self._reading, VERSIONS), (item.line, item.column)
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
