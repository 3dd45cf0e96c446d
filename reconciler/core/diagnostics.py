"""A diagnostic is one problem told to a person: which, where, why, and what to do next."""

from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from reconciler.errors import ReconcilerError


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where something stands: *path* relative to the project folder, *line* and *column* from 1; 0 is the file."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}" if self.line else self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One problem. *code* is stable and kebab-case; *summary* is one line; *detail* and *hint* may be empty."""

    code: str
    summary: str
    place: Place
    detail: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR


MOST_SHOWN = 50
"""How many problems a person is shown at once; the rest is counted."""


class InvalidInput(ReconcilerError):
    """Input that cannot be used; carries every diagnostic found, each once, sorted by place.

    *lines* is the text of the lines that diagnostics point to, as far as it may be shown; *most* is how many of the
    diagnostics a person is to be shown.
    """

    exit_status = 3

    def __init__(
        self,
        diagnostics: Iterable[Diagnostic],
        *,
        lines: Mapping[Place, str] | None = None,
        most: int = MOST_SHOWN,
    ) -> None:
        self.diagnostics = in_order(diagnostics)
        self.lines: Mapping[Place, str] = lines or {}
        self.most = most
        super().__init__("Invalid input", "\n".join(f"{d.place}: {d.summary}" for d in self.diagnostics))


def in_order(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return each once: two environments that share a folder find the same faults in it."""
    return tuple(sorted(set(diagnostics), key=lambda each: (each.place, each.code, each.summary, each.detail)))


_MOST_NAMED = 20
"""How many known words a hint names: a folder or a state may hold a hundred thousand."""

_MOST_COMPARED = 1_000
"""How many known words are held against a wrong one letter by letter, which takes 25 microseconds for each."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the known word nearest to *word*, or the first of them when none is near."""
    from difflib import get_close_matches  # noqa: PLC0415  (only what is wrong needs it)

    names = sorted(map(str, known))
    close = get_close_matches(word, likely(word, names), n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    named = ", ".join(each if each.isprintable() else shown(each) for each in names[:_MOST_NAMED])
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return f"Known here: {named}{more}."


def likely(word: str, names: Sequence[str]) -> Sequence[str]:
    """Return those of the sorted *names* that a slip may well have made into *word*; all of them where they are few.

    They begin like *word* or end like it, and so stand around it among the names sorted forwards or backwards.
    """
    if len(names) <= _MOST_COMPARED:
        return names
    backwards = sorted(name[::-1] for name in names)
    return sorted({*_around(word, names), *(name[::-1] for name in _around(word[::-1], backwards))})


def _around(word: str, names: Sequence[str]) -> Sequence[str]:
    at, reach = bisect(names, word), _MOST_COMPARED // 4
    return names[max(0, at - reach) : at + reach]


def shown(text: str, *, most: int = 60) -> str:
    """Return foreign *text* quoted, made visible and cut, so that it can stand in a message."""
    return repr(text if len(text) <= most else text[: most - 1] + "…")
