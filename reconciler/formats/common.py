"""What a file, a source or a declaration says besides its targets: flags, trigger, reason, owner."""

from dataclasses import dataclass

from reconciler.core.declaration import Flags
from reconciler.formats.fields import boolean_of, check_keys, mapping_of, text_of
from reconciler.formats.yaml_reader import Mapping, Node, Reading

FLAG_FIELDS = ("onlyReSend", "reMigrate")
TEXT_FIELDS = ("trigger", "reason", "owner")
OWN_FIELDS = ("flags", *TEXT_FIELDS)
FLAT_FIELDS = (*FLAG_FIELDS, *TEXT_FIELDS)
"""The same in a row, where nothing is nested."""

NO_FLAGS = "A call without flags still rewrites data, so nothing is implied."


@dataclass(frozen=True, slots=True)
class Common:
    """*bad_flags*: they are None because what is said was refused already."""

    flags: Flags | None = None
    trigger: str | None = None
    reason: str | None = None
    owner: str | None = None
    bad_flags: bool = False


def common_of(mapping: Mapping, reading: Reading, default: Common, *, flat: bool = False) -> Common:
    """Return what *mapping* says, and *default* for what it does not.

    *flat*: its flags stand beside the other fields.
    """
    values = mapping.values
    says_flags = not mapping.keys.keys().isdisjoint(FLAG_FIELDS if flat else ("flags",))
    flags = default.flags
    if says_flags:
        flags = _pair(mapping, reading) if flat else flags_in(values.get("flags"), reading)

    def text(name: str, otherwise: str | None) -> str | None:
        return text_of(values[name], reading, name) if name in values else otherwise

    return Common(
        flags=flags,
        trigger=text("trigger", default.trigger),
        reason=text("reason", default.reason),
        owner=text("owner", default.owner),
        bad_flags=flags is None and (says_flags or default.bad_flags),
    )


def flags_in(node: Node | None, reading: Reading) -> Flags | None:
    mapping = mapping_of(node, reading, "flags")
    if mapping is None:
        return None
    check_keys(mapping, FLAG_FIELDS, reading, "flags")
    return _pair(mapping, reading)


def _pair(mapping: Mapping, reading: Reading) -> Flags | None:
    pair = [_flag(mapping, reading, name) for name in FLAG_FIELDS]
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
        report_missing_flag(reading, name, (mapping.line, mapping.column))
    return None


def report_missing_flag(reading: Reading, name: str, at: tuple[int, int]) -> None:
    reading.report("missing-flag", f"flags do not say {name}", at, detail=NO_FLAGS, hint="Write both flags.")
