"""Selectors: which changes a plan is about.

A selector is a glob over addresses (``*`` crosses ``/``), or ``file:GLOB``, ``type:NAME``, ``action:NAME``. Several
``--only`` add up; an ``--except`` wins over them.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from reconciler.core.declaration import Declaration
from reconciler.core.diagnostics import Diagnostic, Place, Severity, nearest
from reconciler.core.target import TargetType
from reconciler.errors import UsageError


class Action(StrEnum):
    """What apply does about one address."""

    REGENERATE = "regenerate"
    REISSUE = "reissue"
    RESUME = "resume"
    UNDECIDED = "undecided"
    BLOCKED = "blocked"


class Subject(StrEnum):
    ADDRESS = "address"
    FILE = "file"
    TYPE = "type"
    ACTION = "action"


_PREFIXES = frozenset(Subject) - {Subject.ADDRESS}
_NAMES = {Subject.TYPE: frozenset(TargetType), Subject.ACTION: frozenset(Action)}


@dataclass(frozen=True, slots=True)
class Selector:
    subject: Subject
    pattern: str
    text: str

    def matches(self, *, address: str, file: str, type_name: str, action: str) -> bool:
        match self.subject:
            case Subject.ADDRESS:
                return fnmatchcase(address, self.pattern)
            case Subject.FILE:
                return fnmatchcase(file, self.pattern)
            case Subject.TYPE:
                return type_name == self.pattern
            case Subject.ACTION:
                return action == self.pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """*addresses* are all that may be taken, whatever the selectors say; None: any."""

    only: tuple[Selector, ...] = ()
    excepted: tuple[Selector, ...] = ()
    addresses: frozenset[str] | None = None

    def __bool__(self) -> bool:
        return bool(self.only or self.excepted) or self.addresses is not None

    @property
    def options(self) -> tuple[str, ...]:
        """What selects, as options of the command line, in an order of their own."""
        only, excepted = {each.text for each in self.only}, {each.text for each in self.excepted}
        return (*(f"--only {text}" for text in sorted(only)), *(f"--except {text}" for text in sorted(excepted)))

    def takes(self, *, address: str, file: str, type_name: str, action: str) -> bool:
        def hit(selector: Selector) -> bool:
            return selector.matches(address=address, file=file, type_name=type_name, action=action)

        if self.addresses is not None and address not in self.addresses:
            return False
        wanted = not self.only or any(hit(each) for each in self.only)
        return wanted and not any(hit(each) for each in self.excepted)


EVERYTHING = Selection()


def parse_selector(text: str) -> Selector:
    """Raise UsageError for an empty selector or a type or action that does not exist."""
    word, colon, rest = text.partition(":")
    subject = Subject(word) if colon and word in _PREFIXES else Subject.ADDRESS
    pattern = text if subject is Subject.ADDRESS else rest
    known = _NAMES.get(subject)
    if not pattern or (known is not None and pattern not in known):
        raise UsageError(
            "Unknown selector",
            f"{text!r} selects by {subject}, and {pattern!r} is no {subject} there is.",
            hint=nearest(pattern, known or ("Subscription/*", "file:GLOB", "type:NAME", "action:NAME")),
        )
    return Selector(subject, pattern, text)


def idle_selectors(
    selectors: Iterable[Selector], declared: Collection[Declaration], option: str
) -> Iterator[Diagnostic]:
    """Warn of a selector that no declaration matches: most likely it is misspelt. *option* is where they were given."""
    for selector in selectors:
        if selector.subject is not Subject.ACTION and not any(_is_hit(selector, each) for each in declared):
            yield Diagnostic(
                code="nothing-selected",
                severity=Severity.WARNING,
                summary=f"{selector.text!r} matches no declaration",
                hint="A glob matches whole addresses; * crosses /.",
                place=Place(option),
            )


def _is_hit(selector: Selector, declaration: Declaration) -> bool:
    return selector.matches(
        address=declaration.address, file=declaration.place.path, type_name=declaration.target.type, action=""
    )
