"""Settling a doubt by a person's word.

Rule: as long as the platform may still know the key, "not done" keeps it. The same key is then what the next apply
sends, whatever its age: if the person is wrong, the platform answers with what it has saved and nothing happens twice;
if its saved answer tells nothing (a spent key), the same comes back and the word goes on to hold; once the platform has
forgotten the key, the call is carried out, as the person wants. A key that is surely forgotten has no such use: then
the call is settled as refused, and the next one gets the next number.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from reconciler.core.address import Address
from reconciler.core.declaration import Declaration, Spec
from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place, nearest
from reconciler.core.digest import digest_of
from reconciler.core.entry import Applied, CallRecord, Entry, Refused, Unsettled
from reconciler.core.key import forgotten_at
from reconciler.core.state import State
from reconciler.core.timestamp import timestamp
from reconciler.errors import UsageError


class Resolution(StrEnum):
    DONE = "done"
    NOT_DONE = "not-done"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a person has found out about *address*, and how (*reason*); *ids* are for DONE.

    *call* is the number of the call that is meant; None means whichever is in doubt. *place* is where it stands in a
    file of decisions.
    """

    address: Address
    resolution: Resolution
    reason: str
    ids: tuple[str, ...] = ()
    call: int | None = None
    place: Place | None = None


def resolve(state: State, decision: Decision, spec: Spec, now: datetime) -> Entry:
    """Return the entry of the decision's address with its last call in doubt settled as a person says.

    Where the state was restored, the word is about everything that was sent since: nothing, or what is declared now.
    Raise UsageError if it cannot be: nothing is in doubt, another call is meant, or ids come with NOT_DONE.
    """
    declaration = spec.declared(decision.address) if decision.address in spec.declarations else None
    entry = state.known(decision.address)
    if entry.restored and declaration is not None:
        return _resolve_restored(state.epoch, entry, decision, declaration, now)
    if decision.address not in state.entries:
        hint = nearest(decision.address, state.entries) if state.entries else "Nothing was applied here yet."
        raise UsageError("Unknown address", f"The state has no entry {decision.address!r}.", hint=hint)
    if not entry.in_doubt:
        raise UsageError("Nothing to resolve", f"{decision.address} has no call in doubt.")
    lost = entry.in_doubt[-1]
    _check(decision, lost.call.number)
    if decision.resolution is Resolution.DONE:
        at = timestamp(now)
        return entry.with_applied(
            Applied(call=lost.call, at=at, id_list=decision.ids, request_id=lost.request_id, resolution=decision.reason)
        )
    if now < forgotten_at(lost.last_sent):
        return entry.with_word(lost, decision.reason)
    return entry.with_refused(_not_done(lost, decision.reason, now))


def resolve_all(state: State, decisions: Iterable[Decision], spec: Spec, now: datetime) -> State:
    """Return *state* with every one of *decisions* carried out. Raise InvalidInput with all that cannot be."""
    changed, faults = dict[Address, Entry](), list[Diagnostic]()
    for decision in decisions:
        try:
            changed[decision.address] = resolve(state, decision, spec, now)
        except UsageError as error:
            faults.append(_fault(decision, error))
    if faults:
        raise InvalidInput(faults)
    return state.with_entries(changed)


def _resolve_restored(epoch: int, entry: Entry, decision: Decision, declaration: Declaration, now: datetime) -> Entry:
    """Nothing was sent since the entry was written, so that it counts as it stands; or what is declared was done.

    What was in doubt then was not carried out either: its key is of an earlier epoch and cannot be sent again.
    """
    number, at = entry.number_of_new, timestamp(now)
    _check(decision, number)
    known = replace(entry, restored=False, resolution=decision.reason)
    if decision.resolution is Resolution.NOT_DONE:
        for lost in entry.in_doubt:
            known = known.with_refused(_not_done(lost, decision.reason, now))
        return known
    call = CallRecord(
        number=number,
        digest=digest_of(declaration),
        flags=declaration.flags,
        trigger=declaration.trigger,
        key=f"unknown-{epoch}-{number}",
        sent=at,
        run="state resolve",
        target=declaration.sent_as,
    )
    done = Applied(call=call, at=at, id_list=decision.ids, request_id=None, resolution=decision.reason)
    return known.with_applied(done)


def _check(decision: Decision, number: int) -> None:
    if decision.call not in (None, number):
        raise UsageError(
            "Another call is in doubt",
            f"The decision is about call {decision.call} of {decision.address}, and call {number} is in doubt.",
            hint="The state has moved since the decision was made: look again.",
        )
    if decision.ids and decision.resolution is Resolution.NOT_DONE:
        raise UsageError("Ids of what was not done", f"{decision.address}: ids are for what was done.")


def _not_done(lost: Unsettled, reason: str, now: datetime) -> Refused:
    return Refused(
        call=lost.call,
        at=timestamp(now),
        code="NotDone",
        message="a person has found that it was not carried out",
        request_id=lost.request_id,
        resolution=reason,
    )


def _fault(decision: Decision, error: UsageError) -> Diagnostic:
    return Diagnostic(
        code="cannot-be-settled",
        summary=f"{decision.address} cannot be settled: {error.summary[0].lower()}{error.summary[1:]}",
        place=decision.place or Place(decision.address),
        detail=error.detail,
        hint=error.hint or "Remove the decision.",
    )
