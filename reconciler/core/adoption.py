"""What a person may do to the ledger: adopt what was done by hand, follow a declaration to its new name, forget.

Rule: none of it may let something be sent twice that nobody wants twice. What is in doubt is resolved first, and a call
number that was used stays used.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.core.address import Address, parse_address
from reconciler.core.command import command
from reconciler.core.declaration import Flags, Spec
from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place, nearest, shown
from reconciler.core.digest import digest
from reconciler.core.entry import Applied, CallRecord, Entry
from reconciler.core.state import State
from reconciler.core.table import digests_of
from reconciler.core.timestamp import Timestamp, moment, timestamp
from reconciler.errors import UsageError


def _resolve_first(state: State) -> str:
    return f"Find out what became of it, then `{command('state resolve', state.environment)}`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Adoption:
    """A regeneration of *address* that was done by hand, under *flags*, with the ids it had.

    *trigger* is what the spec says, or will say, of it; None: what is declared now under the same flags, if anything.
    *at* is when it was done, None if nobody knows. *place* is where that is written.
    """

    address: Address
    flags: Flags
    trigger: str | None
    ids: tuple[str, ...]
    at: Timestamp | None
    place: Place


def adopted(
    state: State,
    adoptions: Iterable[Adoption],
    spec: Spec,
    *,
    reason: str,
    now: datetime,
    refreshed_at: Timestamp | None = None,
) -> State:
    """Return *state* with *adoptions* as applied. What it says already is left as it is.

    Raise InvalidInput with all that cannot be: nothing is adopted then.
    """
    changed, faults = dict[Address, Entry](), list[Diagnostic]()
    for each in adoptions:
        entry = state.known(each.address)
        fault = _unready(entry)
        hint = _resolve_first(state)
        if fault is None and each.at is not None and moment(each.at) > now:
            fault, hint = f"it was done at {each.at}, and it is {timestamp(now)}", "Write when it was done, in UTC."
        elif fault is None and each.at is not None and refreshed_at is not None and each.at < refreshed_at:
            fault = f"it was done at {each.at}, and the refresh of {refreshed_at} has wiped it"
            hint = "Leave the row out: what was wiped is to be regenerated."
        lacks = spec.keys.lacks(each.address) if spec.keys else None
        if spec.keys and lacks:
            fault, hint = f"{spec.keys.path} does not map {lacks}", "Add it: otherwise it counts for another object."
        if each.address in changed:
            fault, hint = "it stands in the file twice", "Keep the row of what was done last."
        if fault is not None:
            what = f"{each.address} cannot be adopted: {fault}"
            faults.append(Diagnostic(code="cannot-be-adopted", summary=what, place=each.place, hint=hint))
        else:
            changed[each.address] = _adopt(entry, each, spec, _Word(reason, now, state.epoch))
    if faults:
        raise InvalidInput(faults)
    return state.with_entries({address: new for address, new in changed.items() if new != state.entries.get(address)})


def undeclared(adoptions: Iterable[Adoption], spec: Spec) -> list[Adoption]:
    """Return those of *adoptions* that *spec* does not declare: one that is misspelt keeps nothing from being sent."""
    return [each for each in adoptions if each.address not in spec.declarations]


def declared_otherwise(state: State, adoptions: Iterable[Adoption], spec: Spec) -> list[Adoption]:
    """Return those of *adoptions*, which *state* has, that *spec* declares otherwise: they are planned again."""
    declared = digests_of(spec)
    return [
        each
        for each in adoptions
        if each.address in declared
        and (done := state.known(each.address).applied) is not None
        and (done.call.digest, done.call.target) != (declared[each.address], spec.sent_as(each.address))
    ]


def _unready(entry: Entry) -> str | None:
    if entry.restored:
        return "it comes from a restored state, and what was sent since is not known"
    if entry.in_doubt:
        return f"its call {entry.in_doubt[-1].call.number} is in doubt"
    return None


@dataclass(frozen=True, slots=True)
class _Word:
    """Why a person says so, and when; *epoch* is that of the state."""

    reason: str
    now: datetime
    epoch: int


def _adopt(entry: Entry, each: Adoption, spec: Spec, word: _Word) -> Entry:
    declared = spec.declarations.get(each.address)
    trigger = each.trigger
    if trigger is None and declared is not None and declared.flags is each.flags:
        trigger = declared.trigger
    asked = digest(parse_address(each.address), each.flags, trigger)
    target, known = spec.sent_as(each.address), entry.applied.call if entry.applied else None
    if known is not None and (known.digest, known.target) == (asked, target):
        return entry
    number, at = entry.number_of_new, each.at or timestamp(word.now)
    call = CallRecord(
        number=number,
        digest=asked,
        flags=each.flags,
        trigger=trigger,
        key=f"unknown-{word.epoch}-{number}",
        sent=at,
        run="state import",
        target=target,
    )
    said = f"imported: {word.reason}"
    return entry.with_applied(Applied(call=call, at=at, id_list=each.ids, request_id=None, resolution=said))


def moved(state: State, old: Address, new: Address, spec: Spec, *, reason: str) -> State:
    """Return *state* with what it knows of *old* under *new*: a declaration that is written otherwise now.

    That both name one object is a person's word, and the key map of *spec* says what *new* is sent as. The call numbers
    of *old* stay used. Raise UsageError if it cannot be followed.
    """
    entry = _settled_entry(state, old)
    if entry.applied is None:
        what = f"Nothing is known to have been applied under {old}, so that nothing could be followed."
        raise UsageError("Nothing to move", what, hint="Declare the new name; it is planned as new.")
    try:
        target = parse_address(new)
    except ValueError:
        raise UsageError("Not an address", f"{new!r} is the address of no target.") from None
    if target.type != parse_address(old).type:
        raise UsageError("Another type", f"{old} and {new} name targets of different types.")
    _check_same_object(old, entry.applied.call, new, spec)
    there = state.entries.get(new, Entry())
    if there.applied or there.refused or there.unsettled:
        raise UsageError(
            "The new address is known already",
            f"The state has an entry {new} of its own: two ledgers of one object cannot be joined.",
            hint=f"`{command('state show', state.environment)}` both; if the new one may go, `state forget` it first.",
        )
    follows = replace(
        entry,
        next_call=max(entry.next_call, there.next_call),
        applied=_renamed(entry.applied, new, spec.sent_as(new), f"moved from {old}: {reason}"),
        refused=None,
        unsettled=(),
    )
    kept = Entry(next_call=entry.next_call, resolution=f"moved to {new}: {reason}")
    return state.with_entries({old: kept, new: follows})


def _check_same_object(old: Address, call: CallRecord, new: Address, spec: Spec) -> None:
    """Raise UsageError where the key map says that *new* is another object than the one that *call* of *old* was to."""
    if spec.keys is not None and (lacks := spec.keys.lacks(new)):
        raise UsageError(
            "Not in the key map", f"{spec.keys.path} does not map {lacks}.", hint="Add its row first: what is it here?"
        )
    sent, sends = call.target or old, spec.sent_as(new) or new
    is_mapped = spec.keys is not None or call.target is not None
    if is_mapped and sent != sends and parse_address(sent).form == parse_address(sends).form:
        raise UsageError(
            "Another object",
            f"{old} was sent as {sent}, and {new} is {sends} in this tenant.",
            hint="Correct the key map if both are one; else declare the new name, and it is planned as new.",
        )


def _renamed(applied: Applied, new: Address, target: Address | None, word: str) -> Applied:
    call = applied.call
    asked = digest(parse_address(new), call.flags, call.trigger)
    return replace(applied, call=replace(call, digest=asked, target=target), resolution=word)


def forgotten(state: State, address: Address, *, reason: str) -> State:
    """Return *state* as if nothing had been applied under *address*; the next call has a number of its own.

    Raise UsageError if that is not known, or something about it is in doubt.
    """
    entry = _settled_entry(state, address)
    kept = Entry(next_call=entry.next_call, resolution=f"forgotten: {reason}")
    return state.with_entries({address: kept})


def _settled_entry(state: State, address: Address) -> Entry:
    entry = state.entries.get(address)
    if entry is None:
        hint = nearest(address, state.entries) if state.entries else "Nothing was applied here yet."
        raise UsageError("Unknown address", f"The state has no entry {shown(address)}.", hint=hint)
    fault = _unready(entry)
    if fault is not None:
        raise UsageError("In doubt", f"{address}: {fault}.", hint=_resolve_first(state))
    return entry
