"""Selectors: which changes a plan is about.

A selector is a glob over addresses (``*`` crosses ``/``), or ``file:GLOB``, ``type:NAME``, ``action:NAME``. Several
``--only`` add up; an ``--except`` wins over them.
"""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from reconciler.core.address import Address
from reconciler.core.declaration import Declaration
from reconciler.core.diagnostics import Diagnostic, Place, Severity, likely, nearest
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
    selectors: Iterable[Selector],
    declared: Collection[Declaration],
    option: str,
    *,
    known: Collection[Address] = (),
) -> Iterator[Diagnostic]:
    """Warn of a selector that matches no declaration: most likely it is misspelt. *option* is where they were given.

    *known* are addresses that may be meant although they are not declared.
    """
    for selector in selectors:
        if selector.subject is Subject.ACTION or any(_is_hit(selector, each) for each in declared):
            continue
        if not any(_is_known(selector, each) for each in known):
            yield Diagnostic(
                code="nothing-selected",
                severity=Severity.WARNING,
                summary=f"{selector.text!r} matches no declaration",
                hint=_meant(selector, declared),
                place=Place(option),
            )


def refuse_idle(warnings: Iterable[Diagnostic]) -> None:
    """Raise UsageError if one of *warnings* is of a selector that matches nothing.

    A misspelt --except would let through what it was to leave out.
    """
    idle = [each for each in warnings if each.code == "nothing-selected"]
    if idle:
        raise UsageError(
            "Nothing is selected",
            f"{'; '.join(f'{each.place} {each.summary}' for each in idle)}. Nothing was done.",
            hint=" ".join(dict.fromkeys(each.hint for each in idle)),
        )


def _meant(selector: Selector, declared: Collection[Declaration]) -> str:
    """Return what *selector* is held against, with what comes nearest to it."""
    match selector.subject:
        case Subject.TYPE:
            types = ", ".join(sorted({each.target.type for each in declared}))
            return f"Declared here: {types or 'nothing'}."
        case Subject.FILE:
            what, names = "path", {each.place.path for each in declared}
        case _:
            what, names = "address", {str(each.address) for each in declared}
    if not names:
        return "Nothing is declared here."
    from difflib import get_close_matches  # noqa: PLC0415  (only what is wrong needs it)

    near = get_close_matches(selector.pattern, likely(selector.pattern, sorted(names)), n=1, cutoff=0.0)
    return f"A glob matches a whole {what}, such as {near[0]}; * crosses /."


def _is_known(selector: Selector, address: Address) -> bool:
    return selector.matches(address=address, file="", type_name=address.partition("/")[0], action="")


def _is_hit(selector: Selector, declaration: Declaration) -> bool:
    return selector.matches(
        address=declaration.address, file=declaration.place.path, type_name=declaration.target.type, action=""
    )
