"""Which declarations of one environment are carried to the next: those that are proven there and are not there yet.

Rule: nothing is promoted without the proof that the later environment asks for, and whatever is left out is named with
its reason.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from reconciler.core.address import Address
from reconciler.core.declaration import Declaration, Spec
from reconciler.core.digest import digest_of
from reconciler.core.environment import Project
from reconciler.core.promotion import Promotion
from reconciler.core.selection import Selection, Subject, idle_selectors, parse_selector, refuse_idle
from reconciler.errors import UsageError

_ROW = "it is a row of a source; copy the row, or the file, by hand"
_YAML = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A declaration that is not promoted, and *why*."""

    declaration: Declaration
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Addition:
    """What is to be written into one spec file: *path* in the later environment, after *model* in the earlier one."""

    path: str
    model: str
    declarations: tuple[Declaration, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """*additions* are to be written, *present* counts those that are declared so already, *left_out* are neither."""

    additions: tuple[Addition, ...]
    present: int
    left_out: tuple[LeftOut, ...]


def demands_of(project: Project, earlier: str, later: str) -> Promotion:
    """Return what *later* asks of *earlier*: what the project file says, else the strictest.

    Raise UsageError for environments that do not follow on each other.
    """
    if earlier == later:
        raise UsageError("Nothing to promote", f"Both are {earlier!r}.", hint="Name two environments.")
    environment = project.environments[later]
    asked = environment.promotion
    if asked is not None and asked.earlier != earlier:
        detail = f"{later!r} promotes from {asked.earlier!r} and not from {earlier!r}, as the project file says."
        raise UsageError("Not the environment before", detail, hint=f"Use --from {asked.earlier}.")
    return asked or Promotion(earlier=earlier, place=environment.place)


def selection_of(selectors: Sequence[str]) -> Selection:
    """Return what *selectors* take. Raise UsageError for what there is not, and for actions: nothing is planned."""
    found = tuple(map(parse_selector, selectors))
    actions = [each.text for each in found if each.subject is Subject.ACTION]
    if actions:
        detail = f"{actions[0]!r} selects by action, and nothing is planned here."
        raise UsageError("Wrong usage", detail, hint="Select by address, or with file: or type:.")
    return Selection(only=found)


def pick(
    declared: Spec,
    there: Spec,
    selection: Selection,
    proves: Callable[[Declaration], str | None],
    *,
    folders: tuple[str, str],
) -> Picked:
    """Return what of *declared* goes to *there*, in the order of addresses.

    *proves* says why a declaration is not proven, or None. *folders* are those of the two specs. Raise UsageError for a
    selector that matches nothing.
    """
    refuse_idle(idle_selectors(selection.only, declared.declarations.values(), "SEL"))
    known: Mapping[Address, Declaration] = there.declarations
    files, left_out, present = dict[str, list[Declaration]](), list[LeftOut](), 0
    for address, each in declared.declarations.items():
        if not _is_selected(each, selection):
            continue
        other = known.get(address)
        if other is not None and digest_of(other) == digest_of(each):
            present += 1
            continue
        fault = proves(each) or _unmapped(each, there) or _unwritable(each, other, folders)
        if fault is not None:
            left_out.append(LeftOut(each, fault))
        else:
            files.setdefault(each.place.path, []).append(each)
    additions = (
        Addition(path=_moved(path, folders), model=path, declarations=tuple(found)) for path, found in files.items()
    )
    return Picked(additions=tuple(additions), present=present, left_out=tuple(left_out))


def _unwritable(declaration: Declaration, other: Declaration | None, folders: tuple[str, str]) -> str | None:
    """Return why *declaration* cannot be written into the file of the same name; *other* is what is declared there."""
    path = declaration.place.path
    if not path.lower().endswith(_YAML):
        return _ROW
    if other is not None and other.place.path != _moved(path, folders):
        return f"it is declared otherwise at {other.place}; change it there"
    return None


def _moved(path: str, folders: tuple[str, str]) -> str:
    earlier, later = ([step for step in folder.split("/") if step not in ("", ".")] for folder in folders)
    return "/".join([*later, *path.split("/")[len(earlier) :]])


def _unmapped(declaration: Declaration, there: Spec) -> str | None:
    lacks = there.keys.lacks(declaration.address) if there.keys else None
    return f"{there.keys.path} does not map {lacks}" if there.keys and lacks else None


def _is_selected(declaration: Declaration, selection: Selection) -> bool:
    type_name = str(declaration.target.type)
    return selection.takes(address=declaration.address, file=declaration.place.path, type_name=type_name, action="")
