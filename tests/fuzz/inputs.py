"""Inputs for a reader of specs: each follows from a seed and its number, so that any of them can be made again."""

import random
import re
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]

MIXED = """\
# yaml-language-server: $schema=../../schemas/spec.schema.json
version: 1
name: "q4"
reason: |-
  one
trigger: 'again'
flags:
  onlyReSend: true
  reMigrate: false
subscriptions:
- subscriptionName: A-S00000002
  subscriptionVersions:
  - 1
  - 3
- {subscriptionId: 8ad0, flags: {onlyReSend: false, reMigrate: false}, owner: é}
orderLineItems: [{orderNumber: O-7, itemNumber: "1"}, {orderLineItemId: 8ad1}]
? dynamicUsageCharges
: - chargeNumber: >-
      C-42
  - {ratePlanChargeId: "8ad2", trigger: x}
sources:
  - {csv: data/a.csv, type: Subscription, flags: {onlyReSend: true, reMigrate: false}}
  - jsonl: rows.jsonl
    type: OrderLineItem
"""
"""Every field, in every style of YAML that a spec may use."""

SPECS = [MIXED, *(path.read_text("utf-8") for path in sorted(REPOSITORY.glob("specs/*/*.yaml")))]

_TOKEN = re.compile(r"[A-Za-z0-9_.-]+|\n *|\s|.", re.DOTALL)
_FIELDS = [each for each in _TOKEN.findall(MIXED) if len(each) > 3 and each.isalpha()]
_VALUES = [
    *("NO", "yes", "~", "null", "true", "False", "0123", "1_000", "12:30:45", "1e3", ".nan", "-.inf", "2026-11-22"),
    *("1.0", "0", "-1", "9007199254740993", "1" * 400, "''", '""', '" a"', '"\\0"', '"\\ud800"', '"\\U00110000"'),
    *("a\u202eb", "\u200b", "caf\u00e9", "cafe\u0301", "\ufeff", "\x00", "\x85", "\u2028", "\U0001f600", "A" * 256),
]
_MARKS = [
    *(": ", ":", "- ", "-", "? ", ", ", "{", "}", "[", "]", "{}", "[]", "|", ">", "|+\n", ">-\n", "#", " #", "'", '"'),
    *("&x ", "*x", "*x : ", "!!python/name:os ", "!!binary ", "! ", "<<: ", "%YAML 1.1\n---\n", "---\n", "...\n"),
    *("\n", "\n ", "\n  ", "\n      ", "\r\n", "\r", "\t", "\n\t", "@", "`", "\\"),
]
_WORDS = [*_FIELDS, *_VALUES, *_MARKS]


def make_input(seed: int, number: int) -> bytes:
    """Return input *number* of *seed*: a valid spec changed here and there, and now and then bytes without a plan."""
    chance = random.Random(f"{seed}:{number}")
    return chance.choice(_WAYS)(chance)


def _tokens_changed(chance: random.Random) -> bytes:
    tokens = _TOKEN.findall(chance.choice(SPECS))
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(tokens) + 1)
        chance.choice(_CHANGES)(chance, tokens, at)
    return "".join(tokens).encode("utf-8", "surrogatepass")


def _words_changed(chance: random.Random) -> bytes:
    """A word for a word, so that the layout stays whole: other fields, values of other types, both flags true."""
    tokens = _TOKEN.findall(chance.choice(SPECS))
    words = [at for at, token in enumerate(tokens) if token[0].isalnum()]
    for at in chance.sample(words, chance.choice((1, 1, 2, 4, 12))):
        tokens[at] = chance.choice((tokens[chance.choice(words)], chance.choice(_VALUES), chance.choice(_FIELDS)))
    return "".join(tokens).encode()


def _lines_changed(chance: random.Random) -> bytes:
    """Whole lines left out, repeated and moved, also into another list."""
    lines = chance.choice(SPECS).splitlines(keepends=True)
    for _ in range(chance.choice((1, 1, 2, 4))):
        at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
        lines.insert(other, lines.pop(at) if chance.random() < 0.5 else lines[at])
        del lines[at : at + chance.randrange(2)]
    return "".join(lines).encode()


def _left_out(chance: random.Random, tokens: list[str], at: int) -> None:
    del tokens[at : at + chance.choice((1, 1, 2, 10))]


def _put_in(chance: random.Random, tokens: list[str], at: int) -> None:
    tokens.insert(at, chance.choice(_WORDS))


def _replaced(chance: random.Random, tokens: list[str], at: int) -> None:
    tokens[at : at + 1] = [chance.choice(_WORDS)]


def _repeated(chance: random.Random, tokens: list[str], at: int) -> None:
    tokens[at:at] = tokens[at : at + chance.choice((1, 2, 5, 20))] * chance.choice((1, 2, 40))


def _moved(chance: random.Random, tokens: list[str], at: int) -> None:
    part = tokens[at : at + 4]
    del tokens[at : at + 4]
    other = chance.randrange(len(tokens) + 1)
    tokens[other:other] = part


def _spliced(chance: random.Random, tokens: list[str], at: int) -> None:
    other = _TOKEN.findall(chance.choice(SPECS))
    tokens[at:] = other[chance.randrange(len(other)) :]


_CHANGES = (_left_out, _put_in, _replaced, _replaced, _repeated, _moved, _spliced)


def _bytes_changed(chance: random.Random) -> bytes:
    content = bytearray(_tokens_changed(chance))
    for _ in range(chance.choice((1, 2, 8))):
        at = chance.randrange(len(content) + 1)
        content[at : at + chance.randrange(2)] = bytes([chance.randrange(256)])
    return bytes(content[: chance.randrange(len(content) + 1)] if chance.random() < 0.3 else content)


def _words_at_random(chance: random.Random) -> bytes:
    return "".join(chance.choices(_WORDS, k=chance.randrange(40))).encode("utf-8", "surrogatepass")


def _nested(chance: random.Random) -> bytes:
    """Deep, or as deep as is allowed, and perhaps never closed."""
    opening = chance.choice(("[", "{a: ", "- ", "? ", "[[", "{[", "&x [", "!t {? "))
    depth = chance.choice((5, 31, 32, 33, 1_000, 20_000))
    return ("version: 1\nname: " * chance.randrange(2) + opening * depth + chance.choice(("", "]" * depth))).encode()


def _bytes_at_random(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((1, 8, 64, 512)))


_WAYS: tuple[Callable[[random.Random], bytes], ...] = (
    *(_tokens_changed,) * 6,
    *(_words_changed,) * 8,
    *(_lines_changed,) * 4,
    *(_bytes_changed,) * 4,
    *(_words_at_random,) * 3,
    _nested,
    _bytes_at_random,
)
