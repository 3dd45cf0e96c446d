"""Objects that exist by pattern: millions can be addressed, and none is stored before something happens to it.

Ids are reversible: the last 16 digits are the object's serial number, multiplied by an odd constant modulo 2**64. The
origin is chosen so that the subscription id of our own examples names A-S00000011, version 1.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from reconciler.emulator.targets import DYNAMIC_USAGE_CHARGE, ORDER_LINE_ITEM, SUBSCRIPTION, NaturalKey, ObjectId

LAST_NUMBER = 9_999_999
EXAMPLE_ID = ObjectId(type=SUBSCRIPTION, value="8ad0877b7d0e9a5e017d0f2f4b6a0c11")
EXAMPLE_KEY = NaturalKey(type=SUBSCRIPTION, number="A-S00000011", part="1")

_PARTS_PER_NUMBER = 8
_MODULUS = 2**64
_ORIGIN = int(EXAMPLE_ID.value[16:], 16)
_ORIGIN_SERIAL = 11 * _PARTS_PER_NUMBER
_STEP = 0x1_0001_3C2B
_STEP_INVERSE = pow(_STEP, -1, _MODULUS)
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    number_prefix: str
    parts: tuple[str, ...]
    id_prefix: str
    most_segments: int


PATTERNS: Mapping[str, Pattern] = MappingProxyType(
    {
        SUBSCRIPTION: Pattern(
            number_prefix="A-S",
            parts=("1", "2", "3", "4", "5"),
            id_prefix=EXAMPLE_ID.value[:16],
            most_segments=3,
        ),
        ORDER_LINE_ITEM: Pattern(
            number_prefix="O-", parts=("1", "2", "3"), id_prefix="8ad0887e7d0e9a5e", most_segments=1
        ),
        DYNAMIC_USAGE_CHARGE: Pattern(number_prefix="C-", parts=("",), id_prefix="8ad08d297d0e9a5e", most_segments=1),
    }
)


def is_pattern_key(key: NaturalKey) -> bool:
    return _number(key) is not None and key.part in PATTERNS[key.type].parts


def segments_of(key: NaturalKey) -> int:
    """Return how many charge segments an object of a pattern has: 1 to 3 for subscriptions, by their number."""
    return 1 + (_number(key) or 0) % PATTERNS[key.type].most_segments


def id_of(key: NaturalKey) -> str:
    """Return the id of an object that exists by pattern."""
    pattern = PATTERNS[key.type]
    serial = (_number(key) or 0) * _PARTS_PER_NUMBER + pattern.parts.index(key.part)
    return f"{pattern.id_prefix}{(_ORIGIN + (serial - _ORIGIN_SERIAL) * _STEP) % _MODULUS:016x}"


def key_of(object_id: ObjectId) -> NaturalKey | None:
    """Return the natural key of an id, or None if it is no id of an object that exists by pattern."""
    pattern = PATTERNS[object_id.type]
    if _ID.fullmatch(object_id.value) is None or not object_id.value.startswith(pattern.id_prefix):
        return None
    distance = (int(object_id.value[16:], 16) - _ORIGIN) * _STEP_INVERSE
    number, part = divmod((distance + _ORIGIN_SERIAL) % _MODULUS, _PARTS_PER_NUMBER)
    if not 1 <= number <= LAST_NUMBER or part >= len(pattern.parts):
        return None
    return NaturalKey(type=object_id.type, number=f"{pattern.number_prefix}{number:08d}", part=pattern.parts[part])


def _number(key: NaturalKey) -> int | None:
    digits = key.number.removeprefix(PATTERNS[key.type].number_prefix)
    if not (len(digits) == 8 and digits.isascii() and digits.isdecimal()):
        return None
    if key.number != f"{PATTERNS[key.type].number_prefix}{digits}":
        return None
    return int(digits) if 1 <= int(digits) <= LAST_NUMBER else None
