"""Colour for a terminal. It never carries a meaning of its own: take it away and nothing is lost."""

from collections.abc import Callable
from enum import Enum
from typing import TypeAlias


class Tone(Enum):
    """What a text is, with the ANSI attributes that show it."""

    HEADING = "1"
    ADD = "32"
    CHANGE = "33"
    ALERT = "31"
    QUIET = "2"


Paint: TypeAlias = Callable[[Tone, str], str]


def colourless(_: Tone, text: str) -> str:
    return text


def coloured(tone: Tone, text: str) -> str:
    return f"\x1b[{tone.value}m{text}\x1b[0m"
