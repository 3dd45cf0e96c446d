"""The catalogue of diagnostics, and one explanation with its examples, for a terminal."""

import textwrap
from collections.abc import Collection, Iterator

from reconciler.core.catalogue.explanation import Explanation, Shows
from reconciler.reports.excerpt import visible
from reconciler.reports.paint import Paint, Tone

_WIDTH = 100


def catalogue_text(told: Collection[Explanation]) -> str:
    """Return a line for each code."""
    width = max(len(each.code) for each in told)
    return "".join(f"{each.code:<{width}}  {each.title}\n" for each in told)


def explanation_text(told: Explanation, paint: Paint) -> str:
    head = f"{paint(Tone.HEADING, told.code)}: {told.title}"
    return "\n".join([head, "", textwrap.fill(told.text, _WIDTH), "", *_examples(told, paint)]) + "\n"


def _examples(told: Explanation, paint: Paint) -> Iterator[str]:
    where = "" if told.shows is Shows.SITUATION else f", in {told.shows}"
    yield paint(Tone.ALERT, f"Refused{where}:") if told.shows is not Shows.SITUATION else paint(Tone.ALERT, "Such as:")
    yield from _indented(told.bad)
    yield ""
    yield paint(Tone.ADD, "Right:")
    yield from _indented(told.good)


def _indented(example: str) -> Iterator[str]:
    for line in example.rstrip("\n").split("\n"):
        yield f"    {visible(line)}" if len(line) <= _WIDTH else f"    {visible(line[: _WIDTH - 3])}..."
