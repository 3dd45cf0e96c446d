"""A saved plan, read back: by its hash it is whole, by its id it says what was approved.

Rule: changes are made when they are looked at. Carrying a plan out needs of nearly all of them no more than address,
call number and digest.
"""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import compress
from types import NoneType
from typing import Any, NamedTuple, overload

from reconciler.core.address import Address, parse_address
from reconciler.core.declaration import Declaration, Flags
from reconciler.core.diagnostics import Diagnostic, Place, Severity
from reconciler.core.diff import FieldChange
from reconciler.core.digest import SCHEME, Digest, digest_of
from reconciler.core.entry import Unsettled
from reconciler.core.environment import AfterServerError
from reconciler.core.forecast import Basis, Forecast
from reconciler.core.plan import (
    PLAN_SCHEME,
    Binding,
    Blocked,
    Change,
    Effect,
    Plan,
    Regenerate,
    Reissue,
    Resume,
    Undecided,
    plan_id,
)
from reconciler.core.saved import SavedPlan
from reconciler.core.selection import Action, Selection, parse_selector
from reconciler.core.state import ApprovedCall
from reconciler.core.timestamp import Timestamp, moment
from reconciler.errors import ReconcilerError, StalePlan, TamperedPlan
from reconciler.formats.json_reader import JsonDocument
from reconciler.formats.plan_document import BOUND
from reconciler.formats.seal import BrokenSeal, unsealed
from reconciler.formats.state import read_unsettled

_PLACE = re.compile(r"(.+?)(?::([1-9][0-9]{0,9}):([1-9][0-9]{0,9}))?", re.DOTALL)
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, RecursionError, ReconcilerError)
_AGAIN = "Plan and review again."


_CALLS = frozenset({Action.REGENERATE, Action.REISSUE, Action.RESUME})
_NEW = frozenset({Action.REGENERATE, Action.REISSUE, Action.BLOCKED})
_ACTIONS = frozenset(Action)


class _Columns(NamedTuple):
    """What carrying a plan out needs of its changes."""

    actions: tuple[str, ...]
    addresses: tuple[Address, ...]
    digests: tuple[Digest, ...]
    numbers: tuple[int, ...]
    targets: tuple[Address | None, ...]

    @property
    def effects(self) -> list[Effect]:
        kinds = ["call" if action in _NEW else "unsettled" for action in self.actions]
        plain = zip(kinds, self.addresses, self.digests, self.numbers, strict=True)
        if not any(self.targets):
            return list(plain)
        return [(*each, target) if target else each for each, target in zip(plain, self.targets, strict=True)]

    @property
    def calls(self) -> dict[Address, ApprovedCall]:
        known = zip(self.addresses, map(ApprovedCall, self.numbers, self.digests, self.targets), strict=True)
        return dict(compress(known, [action in _CALLS for action in self.actions]))


def read_plan(content: bytes, path: str) -> SavedPlan:
    """Return the saved plan of a document; *path* is what messages call it.

    Raise TamperedPlan unless it is exactly what `write_plan` wrote, StalePlan for another scheme of digests or of ids,
    InvalidInput for a newer format.
    """
    value = _whole(content, path)
    _check_schemes(value, path)
    try:
        columns = _columns(value["changes"])
        saved = _saved(value, columns, path)
        is_same = plan_id(saved.plan.binding, columns.effects, saved.plan.lanes) == saved.id
    except _MALFORMED as error:
        raise tampered(path, f"it is no plan ({type(error).__name__})") from None
    if not is_same:
        raise tampered(path, "its id does not follow from what it says")
    return saved


def tampered(path: str, why: str) -> TamperedPlan:
    return TamperedPlan(
        "Not the plan that was written",
        f"{path}: {why}. Nothing was sent.",
        hint="Get the file anew from where it was made (line ends and spaces count), or plan and review again.",
    )


def _whole(content: bytes, path: str) -> Mapping[str, Any]:
    """Return the value of a document whose hash holds."""
    try:
        value = json.loads(unsealed(content))
        version = value["format_version"]
    except BrokenSeal as error:
        raise tampered(path, str(error)) from None
    except _MALFORMED as error:
        raise tampered(path, f"it is no plan ({type(error).__name__})") from None
    if not (isinstance(version, str) and version.startswith("1.")):
        document = JsonDocument(path, restore=_AGAIN)
        document.refuse("newer-version", f"the plan has format {version}, and this reconciler reads format 1")
    return dict(value)


def _check_schemes(value: Mapping[str, Any], path: str) -> None:
    scheme, id_scheme = value.get("digest_scheme"), str(value.get("plan_id")).partition("-")[0]
    for what, found, known in (("digests", scheme, SCHEME), ("plan ids", id_scheme, PLAN_SCHEME)):
        if found != known:
            raise StalePlan(
                "Stale plan",
                f"{path}: it was made with the scheme {found} of {what}, and this reconciler has {known}. "
                "Nothing was sent.",
                hint=_AGAIN,
            )


def _saved(value: Mapping[str, Any], columns: _Columns, path: str) -> SavedPlan:
    made, expires = Timestamp(value["made"]), Timestamp(value["expires"])
    moment(made), moment(expires)
    counts = value["summary"]
    _check_kinds(value, counts)
    plan = Plan(
        binding=Binding(
            **{name: value[name] for name in BOUND}, after_server_error=AfterServerError(value["after_server_error"])
        ),
        changes=_Rows(value["changes"], path),
        unchanged=counts["unchanged"],
        undeclared=counts["undeclared"],
        left_out=value["left_out"],
        last_applied=value["last_applied"],
        selection=Selection(
            only=tuple(map(parse_selector, value["only"])), excepted=tuple(map(parse_selector, value["except"]))
        ),
        warnings=tuple(map(_diagnostic, value["warnings"])),
        forecast=_forecast(value["forecast"]),
        lanes=value["lanes"],
    )
    calls = columns.calls
    idle = frozenset(each for each in columns.addresses if each not in calls)
    return SavedPlan(plan=plan, id=value["plan_id"], made=made, expires=expires, calls=calls, idle=idle)


def _columns(rows: Sequence[Mapping[str, Any]]) -> _Columns:
    """Raise TypeError or ValueError unless each of *rows* says in the right form what a change does."""
    facts = [(row["action"], row["address"], row["digest"], row["call"], row.get("target")) for row in rows]
    columns = _Columns(*zip(*facts, strict=True)) if facts else _Columns((), (), (), (), ())
    *kinds, targets = [set(map(type, column)) for column in columns]
    if facts and (kinds != [{str}, {str}, {str}, {int}] or not targets <= {str, NoneType}):
        raise TypeError(kinds)
    if not _ACTIONS.issuperset(columns.actions) or len(set(columns.addresses)) < len(facts):
        raise ValueError(facts)
    return columns


def _check_kinds(value: Mapping[str, Any], counts: Mapping[str, Any]) -> None:
    """Raise TypeError unless what stands beside the changes is of the right kind; the id does not tell of all of it."""
    kinds = {
        ("project", "environment", "plan_id"): (str,),
        ("tenant", "entity", "refreshed_at", "lineage", "last_applied"): (str, NoneType),
        ("serial", "epoch", "left_out"): (int,),
        ("lanes",): (dict,),
    }
    found = [type(value[name]) for names in kinds for name in names]
    wanted = [kind for names, kind in kinds.items() for _ in names]
    is_good = all(each in kind for each, kind in zip(found, wanted, strict=True))
    is_counted = all(type(counts[name]) is int for name in ("unchanged", "undeclared"))
    if not (is_good and is_counted and {type(each) for each in value["lanes"].values()} <= {str}):
        raise TypeError(found)


class _Rows(Sequence[Change]):
    """Changes, each made when it is looked at. Raise TamperedPlan for one that cannot be."""

    def __init__(self, rows: Sequence[Mapping[str, Any]], path: str) -> None:
        self._rows = rows
        self._path = path

    def __len__(self) -> int:
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> Change: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Change]: ...
    def __getitem__(self, index: int | slice) -> Change | Sequence[Change]:
        if isinstance(index, slice):
            return _Rows(self._rows[index], self._path)
        row = self._rows[index]
        try:
            return _change(row, self._path)
        except _MALFORMED as error:
            raise tampered(self._path, f"change {index + 1} is none ({type(error).__name__})") from None


def _change(row: Mapping[str, Any], path: str) -> Change:
    address, digest, call, reasons = Address(row["address"]), Digest(row["digest"]), row["call"], tuple(row["reasons"])
    flags = Flags((row["flags"]["onlyReSend"], row["flags"]["reMigrate"]))
    declared = _declaration(address, flags, row)
    if declared is not None and digest_of(declared) != digest:
        raise ValueError(row)
    action = Action(row["action"])
    if action is Action.UNDECIDED:
        unsettled = _unsettled(row["unsettled"], path)
        return Undecided(
            address=address,
            declaration=declared,
            unsettled=unsettled,
            digest=digest,
            flags=flags,
            call=call,
            reasons=reasons,
        )
    if declared is None:
        raise ValueError(row)
    match action:
        case Action.REGENERATE:
            return Regenerate(declaration=declared, digest=digest, call=call, reasons=reasons)
        case Action.REISSUE:
            fields = tuple(FieldChange(each["field"], each["before"], each["after"]) for each in row["fields"])
            after = _moment(row.get("not_before"))
            return Reissue(
                declaration=declared, digest=digest, call=call, fields=fields, not_before=after, reasons=reasons
            )
        case Action.RESUME:
            lost = _unsettled(row["unsettled"], path)
            if lost is None:
                raise ValueError(row)
            return Resume(
                declaration=declared, digest=digest, unsettled=lost, next_call=row["next_call"], reasons=reasons
            )
        case Action.BLOCKED:
            by = Address(row["by"])
            return Blocked(declaration=declared, digest=digest, call=call, by=by, reasons=reasons)


def _declaration(address: Address, flags: Flags, row: Mapping[str, Any]) -> Declaration | None:
    if row["place"] is None:
        return None
    if not {type(row[name]) for name in ("trigger", "reason", "owner")} <= {str, NoneType}:
        raise TypeError(row)
    return Declaration(
        address=address,
        target=parse_address(address),
        flags=flags,
        trigger=row["trigger"],
        place=_place(row["place"]),
        reason=row["reason"],
        owner=row["owner"],
        mapped=parse_address(row["target"]) if row.get("target") else None,
    )


def _place(text: str) -> Place:
    found = _PLACE.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return Place(found[1], int(found[2] or 0), int(found[3] or 0))


def _moment(text: Timestamp | None) -> datetime | None:
    return None if text is None else moment(text)


def _unsettled(value: object, path: str) -> Unsettled | None:
    return None if value is None else read_unsettled(JsonDocument(path, restore=_AGAIN), value, "a change")


def _diagnostic(value: Mapping[str, Any]) -> Diagnostic:
    texts = {name: str(value[name]) for name in ("code", "summary", "detail", "hint")}
    return Diagnostic(**texts, place=_place(value["place"]), severity=Severity(value["severity"]))


def _forecast(value: Mapping[str, Any] | None) -> Forecast | None:
    if value is None:
        return None
    basis = Basis(value["basis"]) if value["basis"] is not None else None
    rate, seconds = value["calls_per_second"], value["seconds"]
    if (
        type(value["calls"]) is not int
        or type(seconds) not in (int, NoneType)
        or type(rate) not in (float, int, NoneType)
    ):
        raise TypeError(value)
    return Forecast(calls=value["calls"], seconds=seconds, basis=basis, calls_per_second=rate)
