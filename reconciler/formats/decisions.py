"""A file of decisions: what people have found out about calls in doubt, many at once.

Rule: every fault is found in one pass, and nothing is settled unless all of it can be. JSON is YAML, so that a program
may write one. `schemas/decisions.schema.json` says the same a second time.
"""

import json
import re
from collections.abc import Iterable, Iterator

from reconciler.core.address import Address, parse_address
from reconciler.core.diagnostics import Place, nearest, shown
from reconciler.core.plan import Undecided
from reconciler.core.resolve import Decision, Resolution
from reconciler.formats.fields import check_keys, mapping_of, sequence_of, text_of
from reconciler.formats.spec import check_document_version
from reconciler.formats.yaml_reader import Mapping, Node, Reading, Scalar, TooManyFaults, Unreadable

_TOP = ("version", "reason", "decisions")
_DECISION = ("address", "call", "as", "reason", "ids")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_EXAMPLES = {
    "address": "Write address: and the address as `plan` shows it.",
    "as": "Write as: done or as: not-done.",
    "reason": "Write reason: and how it was found out, here or at the head of the file; it is kept in the state.",
    "decisions": "Write decisions: and a list; `state resolve --template` prints one to fill in.",
}
"""How a field that must be there is written."""


def read_decisions(reading: Reading) -> list[Decision]:
    """Return the decisions in the order written; the list is complete only if nothing was reported."""
    try:
        return _read(reading)
    except TooManyFaults:
        return []


def _read(reading: Reading) -> list[Decision]:
    if reading.root is None and not reading.diagnostics:
        reading.report("empty-file", "the file is empty", (0, 0), hint=_EXAMPLES["decisions"])
    top = mapping_of(reading.root, reading, "a file of decisions")
    if top is None:
        return []
    check_keys(top, _TOP, reading, "a file of decisions")
    check_document_version(top, reading)
    reason = _optional(top, "reason", reading)
    decisions = list(_decisions(top, reason, reading))
    _report_doublets(decisions, reading)
    return decisions


def template_of(changes: Iterable[Undecided]) -> str:
    """Return a file that lacks nothing but what a person has to find out. As it stands it is refused."""
    lines = ["version: 1", "reason:            # how it was found out; a decision may say its own", "decisions:"]
    for change in changes:
        lines += [f"  # {reason}" for reason in change.reasons]
        lines.append(f"  - {{address: {json.dumps(change.address, ensure_ascii=False)}, call: {change.call}, as: }}")
    return "\n".join([*lines, ""])


def _decisions(top: Mapping, reason: str | None, reading: Reading) -> Iterator[Decision]:
    node = _given(top, "decisions", reading)
    sequence = sequence_of(node, reading, "decisions") if node is not None else None
    if sequence is not None and not sequence.items:
        at = (sequence.line, sequence.column)
        reading.report("no-decisions", "decisions is empty", at, hint=_EXAMPLES["decisions"])
    for item in sequence.items if sequence else ():
        mapping = mapping_of(item, reading, "a decision")
        decision = _decision(mapping, reason, "reason" in top.keys, reading) if mapping else None
        if decision is not None:
            yield decision


def _decision(mapping: Mapping, reason: str | None, has_reason: bool, reading: Reading) -> Decision | None:  # noqa: FBT001
    check_keys(mapping, _DECISION, reading, "a decision")
    address, resolution = _address(mapping, reading), _resolution(mapping, reading)
    own = _optional(mapping, "reason", reading) if has_reason else _required(mapping, "reason", reading)
    call, ids = _call(mapping, reading), _ids(mapping, resolution, reading)
    reason = own or reason
    if address is None or resolution is None or reason is None:
        return None
    place = Place(reading.path, mapping.line, mapping.column)
    return Decision(address=address, resolution=resolution, reason=reason, ids=ids, call=call, place=place)


def _address(mapping: Mapping, reading: Reading) -> Address | None:
    text = _required(mapping, "address", reading)
    if text is None:
        return None
    try:
        parse_address(text)
    except ValueError:
        what = f"{shown(text)} is not the address of any target"
        reading.report("not-an-address", what, _at(mapping.values["address"]), hint="Copy it from `plan`.")
        return None
    return Address(text)


def _resolution(mapping: Mapping, reading: Reading) -> Resolution | None:
    text = _required(mapping, "as", reading)
    if text is None or text in set(Resolution):
        return Resolution(text) if text else None
    reading.report(
        "unknown-value", f"as cannot be {shown(text)}", _at(mapping.values["as"]), hint=nearest(text, Resolution)
    )
    return None


def _call(mapping: Mapping, reading: Reading) -> int | None:
    node = mapping.values.get("call")
    if node is None or isinstance(node, Unreadable):
        return None
    if type(node) is Scalar and node.plain and _NUMBER.fullmatch(node.text):
        return int(node.text)
    found = f"{shown(node.text)}{'' if node.plain else ' in quotes'}" if type(node) is Scalar else "several values"
    what = f"call must be the number of a call, not {found}"
    reading.report("not-a-call", what, _at(node), hint="Write digits only, such as 0, as `plan` shows them.")
    return None


def _ids(mapping: Mapping, resolution: Resolution | None, reading: Reading) -> tuple[str, ...]:
    node = mapping.values.get("ids")
    sequence = sequence_of(node, reading, "ids") if node is not None else None
    found = [text_of(item, reading, "ids") for item in sequence.items] if sequence else []
    if "ids" in mapping.keys and resolution is Resolution.NOT_DONE:
        what = "ids stand beside not-done"
        reading.report("ids-of-nothing", what, mapping.keys["ids"], hint="Remove them, or write as: done.")
    return tuple(each for each in found if each is not None)


def _report_doublets(decisions: Iterable[Decision], reading: Reading) -> None:
    first: dict[Address, Place | None] = {}
    for decision in decisions:
        place = decision.place
        if decision.address in first and place is not None:
            what, where = f"{decision.address} is decided twice", f"First at {first[decision.address]}."
            at = (place.line, place.column)
            reading.report("decided-twice", what, at, detail=where, hint="Keep one of the two.")
        first.setdefault(decision.address, place)


def _required(mapping: Mapping, name: str, reading: Reading) -> str | None:
    node = _given(mapping, name, reading)
    return text_of(node, reading, name) if node is not None else None


def _optional(mapping: Mapping, name: str, reading: Reading) -> str | None:
    node = mapping.values.get(name)
    return text_of(node, reading, name) if node is not None else None


def _given(mapping: Mapping, name: str, reading: Reading) -> Node | None:
    """Return the node of a field, or report that it is missing."""
    if name not in mapping.keys:
        at = (mapping.line, mapping.column)
        reading.report("missing-field", f"{name} is missing", at, hint=_EXAMPLES[name])
    return mapping.values.get(name)


def _at(node: Node) -> tuple[int, int]:
    return node.line, node.column
