"""What to do about YAML that cannot be parsed: where a parser gives up, people rarely see why."""

import re

_GENERAL = "Check the indentation, brackets and quotes at this place and just before it."
_MERGE_MARKER = r"(?m)^(?:<{7} |={7}$|>{7} )"
_RESERVED = "@`%"
"""Characters with which no plain text begins. Source: YAML 1.2, productions c-reserved and c-directive."""


def syntax_hint(text: str, line: int, column: int, problem: str) -> str:
    """Return what to do about *problem*, which a parser met in *text* at *line* and *column*, from 1; 0 is unknown."""
    if re.search(_MERGE_MARKER, text):
        return "Finish the merge: choose between the two sides and remove the lines <<<<<<<, ======= and >>>>>>>."
    lines = text.splitlines()
    met = lines[line - 1][column - 1 : column] if 0 < line <= len(lines) else ""
    if met == "\t":
        return "Write spaces in place of the tab that stands here."
    if met and met in _RESERVED:
        return f"Put the value between quotes: no text without them begins with {met}."
    if problem.startswith("mapping values are not allowed"):
        return "Put text with a colon in it between quotes; else check the indentation here and in the line before."
    return _GENERAL
