"""The planner: what must be done so that everything declared is regenerated exactly once.

Rule: what is declared as it was applied and settled is unchanged, and nothing else is; every action is decided by
`_Decider`, from one declaration, its entry and the time; only lanes and selection see more than one address. The table,
row by row (digest declared | entry | action):

    any                      none, or only refused calls          regenerate
    any                      forgotten, or moved away             reissue
    any                      none, but another was sent to what
                             the key map names, unanswered        reissue, not earlier than 10 min after the last send
    any                      of a restored state, or none in one,
                             until a person has looked            undecided
    = applied                nothing in doubt                     none (unchanged)
    = the last call in doubt its key is younger than 23 h         resume
    = the last call in doubt a person says that it was not done   resume, whatever the age of its key
    = the last call in doubt its key is spent by a server error,
                             and the project says call_again      reissue, not earlier than 10 min after the last send
    = the last call in doubt older, or its key is spent           undecided
    other                    applied, nothing in doubt            reissue
    other                    calls in doubt                       reissue, not earlier than 10 min after the last send
    not declared             nothing in doubt                     none (undeclared)
    not declared             calls in doubt                       undecided, unless a person says that the last was not
                                                                  done
    any but unchanged        a lower version of its lane is
                             undecided                            blocked

Where the environment was refreshed, an entry has nothing from before it (`refresh.py`); its numbers go on.

Only the *last* call in doubt can be resumed: sending an earlier one again would put the platform back to what was asked
before.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import compress
from operator import eq
from typing import NamedTuple

from reconciler.core.address import Address, address_order, lane_of, lane_of_address, parse_address
from reconciler.core.declaration import Declaration, Spec
from reconciler.core.diagnostics import Diagnostic, Severity
from reconciler.core.diff import FieldChange, changed_fields
from reconciler.core.digest import Digest
from reconciler.core.entry import CallRecord, Entry, Unsettled
from reconciler.core.environment import AfterServerError
from reconciler.core.key import forgotten_at, is_known
from reconciler.core.ledger import Ledger, ledger_of
from reconciler.core.plan import (
    Binding,
    Blocked,
    Change,
    Plan,
    Regenerate,
    Reissue,
    Resume,
    Undecided,
    place_of,
)
from reconciler.core.refresh import Refreshed, since_refresh
from reconciler.core.seen import lanes_of, seen
from reconciler.core.selection import EVERYTHING, Selection, idle_selectors
from reconciler.core.state import State
from reconciler.core.table import columns_of, digests_of
from reconciler.core.timestamp import moment, timestamp

_BY_ID = "/id:"
"""Stands in the address of what is named by an id, and in no other."""

SETTLING_TIME = timedelta(minutes=10)
"""How long a lost request may still land: five times the platform's own time-out of 120 s (guide on error handling)."""

_NEVER = Entry()


def make_plan(
    spec: Spec, state: State | None, binding: Binding, *, now: datetime, selection: Selection = EVERYTHING
) -> Plan:
    """Return the plan that brings *state* to *spec*. It is the same for the same arguments, on every machine."""
    known = since_refresh(state, binding.refreshed_at)
    ledger = ledger_of(known.state.entries if known.state else {})
    compared, others = _compare(spec, ledger), ledger.others
    decide = _Decider(known=known, binding=binding, lost=_Lost(others), now=now)
    needed: list[Change] = [
        decide(address, spec.declared(address), digest) for address, digest in compared.open.items()
    ]
    dropped = [decide.undeclared(address) for address in others if address not in spec.declarations]
    needed += [each for each in dropped if each is not None]
    changes = _block(sorted(needed, key=lambda each: address_order(each.address)))
    taken = tuple(change for change in changes if _is_selected(change, selection))
    return Plan(
        binding=binding,
        changes=taken,
        unchanged=len(compared.unchanged),
        undeclared=compared.undeclared + sum(each is None for each in dropped),
        left_out=len(changes) - len(taken),
        last_applied=ledger.last_applied(compared.unchanged),
        selection=selection,
        lanes=seen(state, lanes_of(change.address for change in taken)),
        warnings=(*_idle_selectors(spec, state, selection), *_mixed_keys(spec), *_skipped_versions(changes, taken)),
    )


class _Compared(NamedTuple):
    """*unchanged* is declared as it was applied and settled, *open* with its digest is not, and *undeclared* counts."""

    unchanged: Sequence[Address]
    open: Mapping[Address, Digest]
    undeclared: int


def _compare(spec: Spec, ledger: Ledger) -> _Compared:
    """Compare what is declared with what is settled: where both say the same in one order, no address is looked up."""
    columns = columns_of(spec)
    if columns is not None and spec.keys is None and columns == ledger.columns and not ledger.mapped:
        return _Compared(columns[0], {}, 0)
    asked, settled = digests_of(spec), ledger.settled
    unchanged = [*compress(asked, map(eq, asked.values(), map(settled.get, asked)))]
    mapped = ledger.mapped
    if spec.keys is not None or mapped:
        unchanged = [each for each in unchanged if spec.sent_as(each) == mapped.get(each)]
    others = asked.keys() - unchanged if len(unchanged) < len(asked) else ()
    return _Compared(unchanged, {each: asked[each] for each in others}, len(settled.keys() - asked.keys()))


class _Lost:
    """What may not have landed yet, and may do so for a while: by lane, as it is declared and as it was sent."""

    def __init__(self, entries: Mapping[Address, Entry]) -> None:
        self._declared: dict[str, datetime] = {}
        self._sent: dict[str, dict[str, datetime]] = {}
        for address, entry in entries.items():
            for call in entry.in_doubt:
                lane, at = lane_of_address(address), moment(call.last_sent) + SETTLING_TIME
                sent = self._sent.setdefault(lane_of_address(call.call.target or address), {})
                self._declared[lane] = max(at, self._declared.get(lane, at))
                sent[lane] = max(at, sent.get(lane, at))

    def landed(self, declaration: Declaration) -> datetime:
        """Return when nothing of the lane of *declaration*, in which something was lost, can land any more."""
        elsewhere, own = self.elsewhere(declaration), self._declared[lane_of(declaration.target)]
        return max(own, elsewhere) if elsewhere else own

    def elsewhere(self, declaration: Declaration) -> datetime | None:
        """Return the same of what declarations of other lanes were sent as: that to which this one is sent now."""
        lane = lane_of(declaration.target)
        times = self._sent.get(lane_of(declaration.as_sent), {})
        return max((at for other, at in times.items() if other != lane), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decider:
    known: Refreshed
    binding: Binding
    lost: _Lost
    now: datetime

    @property
    def state(self) -> State | None:
        return self.known.state

    def undeclared(self, address: Address) -> Undecided | None:
        """Decide about an entry that is not declared; None if there is nothing to do."""
        entry = self._entry(address)
        last = entry.in_doubt[-1] if entry.in_doubt else None
        if last is None or last.resolution is not None:
            return None
        return _undecided(address, None, last, "it is no longer declared")

    def _entry(self, address: Address) -> Entry:
        return self.state.known(address) if self.state else _NEVER

    def __call__(self, address: Address, declaration: Declaration, digest: Digest) -> Change:
        """Decide about a declaration that is not what was applied and settled."""
        entry = self._entry(address)
        last = entry.in_doubt[-1] if entry.in_doubt else None
        if entry.restored:
            return self._unsure(declaration, digest, entry)
        if last is None:
            return self._decide_settled(declaration, digest, entry)
        if (last.call.digest, last.call.target) == (digest, declaration.sent_as):
            return self._decide_unanswered(declaration, digest, entry, last)
        return self._reissue(declaration, digest, entry, last)

    def _unsure(self, declaration: Declaration, digest: Digest, entry: Entry) -> Undecided:
        since = self.state.restored if self.state else None
        what = (
            "the state lists" if self.state and declaration.address in self.state.entries else "the state does not list"
        )
        told = f"the state was restored at {since.at} from serial {since.serial}" if since else "the state was restored"
        return Undecided(
            address=declaration.address,
            declaration=declaration,
            unsettled=None,
            digest=digest,
            flags=declaration.flags,
            call=entry.number_of_new,
            reasons=(
                f"{told}: what was sent since is not known, and {what} it",
                *(
                    f"{_doubt(each)} before that; `not-done` says of it, too, that it was not"
                    for each in entry.in_doubt
                ),
            ),
        )

    def _decide_unanswered(self, declaration: Declaration, digest: Digest, entry: Entry, last: Unsettled) -> Change:
        age = self.now - moment(last.call.sent)
        if last.resolution is not None:
            return _resume(declaration, digest, entry, last, *_said_undone(last))
        if last.saved_error and self.binding.after_server_error is AfterServerError.CALL_AGAIN:
            return self._call_again(declaration, digest, entry, last)
        if last.spent:
            return _undecided(declaration.address, declaration, last, "the same key brings the same answer again")
        if not is_known(last.call.sent, self.now):
            hours = age // timedelta(hours=1)
            old = f"its key is {hours} h old; the platform forgets a key after 24 h"
            why = old if hours > 0 else "that is still to come by this clock, which must be wrong"
            return _undecided(declaration.address, declaration, last, why)
        return _resume(declaration, digest, entry, last)

    def _call_again(self, declaration: Declaration, digest: Digest, entry: Entry, last: Unsettled) -> Reissue:
        """The platform has saved a server error: the project wants another call, though this one may have been done."""
        reason = f"call {last.call.number} met a server error ({last.message}) that its key brings again; "
        return Reissue(
            declaration=declaration,
            digest=digest,
            call=entry.number_of_new,
            fields=(),
            not_before=self.lost.landed(declaration),
            reasons=(f"{reason}the project says after_server_error: {self.binding.after_server_error}",),
        )

    def _decide_settled(self, declaration: Declaration, digest: Digest, entry: Entry) -> Change:
        applied = entry.applied
        elsewhere = self.lost.elsewhere(declaration)
        is_left_behind = entry.is_left_behind and declaration.address not in self.known.void
        if applied is None and (elsewhere or is_left_behind):
            return Reissue(
                declaration=declaration,
                digest=digest,
                call=entry.next_call,
                fields=(),
                not_before=elsewhere,
                reasons=(entry.resolution or "another declaration was sent to its object, and may have been done",),
            )
        if applied is None:
            reason = self._why_new(declaration.address, entry)
            return Regenerate(declaration=declaration, digest=digest, call=entry.next_call, reasons=(reason,))
        fields = _changed(applied.call, declaration)
        return Reissue(
            declaration=declaration,
            digest=digest,
            call=entry.next_call,
            fields=fields,
            not_before=elsewhere,
            reasons=tuple(map(str, fields)),
        )

    def _why_new(self, address: Address, entry: Entry) -> str:
        if entry.refused:
            return f"call {entry.refused.call.number} was refused: {entry.refused.code} {entry.refused.message}"
        if address in self.known.void:
            return f"{self.binding.environment} was refreshed at {self.binding.refreshed_at}: what was before is void"
        return "new"

    def _reissue(self, declaration: Declaration, digest: Digest, entry: Entry, last: Unsettled) -> Reissue:
        fields = _changed(last.call, declaration)
        return Reissue(
            declaration=declaration,
            digest=digest,
            call=entry.number_of_new,
            fields=fields,
            not_before=self.lost.landed(declaration),
            reasons=(*map(str, fields), f"{_doubt(last)} and stays on record as unknown"),
        )


def _changed(before: CallRecord, declaration: Declaration) -> tuple[FieldChange, ...]:
    """Return what of *declaration* is another than it was, and what it is sent as, where the key map has changed."""
    fields = changed_fields((before.flags, before.trigger), (declaration.flags, declaration.trigger))
    was, is_now = (each or declaration.address for each in (before.target, declaration.sent_as))
    return fields if was == is_now else (*fields, FieldChange("key map", was, is_now))


def _resume(declaration: Declaration, digest: Digest, entry: Entry, last: Unsettled, *words: str) -> Resume:
    reasons = (f"{_doubt(last)}; the same key is sent again", *words)
    number = entry.number_of_new
    return Resume(declaration=declaration, digest=digest, unsettled=last, next_call=number, reasons=reasons)


def _said_undone(last: Unsettled) -> Iterator[str]:
    yield f"a person says it was not done: {last.resolution}"
    if last.spent:
        by = timestamp(forgotten_at(last.last_sent))
        yield f"the platform has forgotten the key by {by}; an apply before that may bring the same answer"


def _undecided(address: Address, declaration: Declaration | None, last: Unsettled, why: str) -> Undecided:
    return Undecided(
        address=address,
        declaration=declaration,
        unsettled=last,
        digest=last.call.digest,
        flags=last.call.flags,
        call=last.call.number,
        reasons=(f"{_doubt(last)}; {why}",),
    )


def _doubt(last: Unsettled) -> str:
    return f"call {last.call.number} of {last.call.sent} was not answered ({last.message})"


def _block(changes: Sequence[Change]) -> tuple[Change, ...]:
    """Return *changes*, those behind an undecided one of their lane turned into Blocked."""
    if not any(isinstance(each, Undecided) for each in changes):
        return tuple(changes)
    undecided: dict[str, Address] = {}
    result: list[Change] = []
    for change in changes:
        lane = lane_of(parse_address(change.address))
        if isinstance(change, Undecided):
            undecided.setdefault(lane, change.address)
            result.append(change)
        else:
            result.append(_blocked(change, undecided[lane]) if lane in undecided else change)
    return tuple(result)


def _blocked(change: Regenerate | Reissue | Resume | Blocked, by: Address) -> Blocked:
    return Blocked(
        declaration=change.declaration,
        digest=change.digest,
        call=change.call,
        by=by,
        reasons=(f"{by} comes first and is undecided", *change.reasons),
    )


def _is_selected(change: Change, selection: Selection) -> bool:
    place = place_of(change)
    return selection.takes(
        address=change.address,
        file=place.path if place else "",
        type_name=change.address.partition("/")[0],
        action=change.action,
    )


def _idle_selectors(spec: Spec, state: State | None, selection: Selection) -> Iterator[Diagnostic]:
    """What is no longer declared may be meant, too: a call in doubt, for one."""
    known = state.entries if state else {}
    for option, selectors in (("--only", selection.only), ("--except", selection.excepted)):
        yield from idle_selectors(selectors, spec.declarations.values(), option, known=known)


def _mixed_keys(spec: Spec) -> Iterator[Diagnostic]:
    """Warn where one type is named by ids and by numbers: both may mean one object, and nothing here can tell."""
    columns = columns_of(spec)
    if not any(_BY_ID in address for address in (columns[0] if columns else spec.declarations)):
        return
    by_number = {each.target.type for each in spec.declarations.values() if not each.target.form.by_id}
    by_id = [each for each in spec.declarations.values() if each.target.form.by_id and each.target.type in by_number]
    if by_id:
        types = ", ".join(dict.fromkeys(each.target.type for each in by_id))
        yield Diagnostic(
            code="mixed-keys",
            severity=Severity.WARNING,
            summary=f"named by ids and by numbers: {types}",
            detail="An id and a number may name one object, which would then be regenerated twice.",
            hint="Name all of a type by number: numbers survive promotion and keep versions in order.",
            place=by_id[0].place,
        )


def _skipped_versions(changes: Sequence[Change], taken: Sequence[Change]) -> Iterator[Diagnostic]:
    """Warn where a selection takes a version and leaves out a lower one that has something to do."""
    kept = {change.address for change in taken}
    left_out: dict[str, Address] = {}
    for change in changes if len(taken) < len(changes) else ():
        lane, place = lane_of(parse_address(change.address)), place_of(change)
        if change.address not in kept:
            left_out.setdefault(lane, change.address)
        elif lane in left_out and place:
            yield Diagnostic(
                code="version-left-out",
                severity=Severity.WARNING,
                summary=f"{change.address} is selected and {left_out[lane]} before it is not",
                detail="A later version's booking transactions build on those of the version before it.",
                hint="Select the lower version too, or apply it first.",
                place=place,
            )
