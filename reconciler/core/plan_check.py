"""What a legal plan is, said a second time and independently of the planner.

Rule: nothing here calls the planner or shares a decision with it; what is declared both have from the table of the
specs, and the digest of whatever is to be sent is computed anew here. The planner goes from facts to an action; this
file takes each action and asks whether the facts allow it. Tests run both over random histories, and every plan is
checked before it is applied.
"""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import assert_never

from reconciler.core.address import Address, address_order
from reconciler.core.declaration import Declaration, Spec
from reconciler.core.digest import Digest, digest
from reconciler.core.entry import Applied, CallRecord, Entry, Unsettled
from reconciler.core.environment import AfterServerError
from reconciler.core.ledger import ledger_of
from reconciler.core.plan import Blocked, Calling, Change, Plan, Regenerate, Reissue, Resume, Undecided
from reconciler.core.state import State
from reconciler.core.table import digests_of
from reconciler.core.timestamp import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What is known of one address; *asked* is the digest that the spec declares, *sent_as* as its key map says.

    What ended before *since*, when the environment was refreshed, does not count.
    """

    asked: str | None
    entry: Entry
    is_known: bool
    now: datetime
    calls_again: bool
    since: str
    sent_as: Address | None

    def is_asked(self, call: CallRecord) -> bool:
        """Whether *call* did, or would have done, what is declared, to what the tenant knows it as."""
        return call.digest == self.asked and call.target == self.sent_as

    @property
    def is_unsure(self) -> bool:
        """It is declared, and may have been sent in a time of which a restored state knows nothing."""
        return self.asked is not None and not self.is_known

    @property
    def applied(self) -> Applied | None:
        done = self.entry.applied
        return done if done is not None and done.at >= self.since else None

    @property
    def applied_call(self) -> int:
        return self.applied.call.number if self.applied else -1

    @property
    def doubts(self) -> list[Unsettled]:
        return sorted(
            (u for u in self.entry.unsettled if u.call.number > self.applied_call and u.last_sent >= self.since),
            key=lambda u: u.call.number,
        )

    @property
    def next_number(self) -> int:
        """The lowest that no call has used, be it one of which nothing else is known any more."""
        return max([self.entry.next_call, *(each.call.number + 1 for each in self.entry.unsettled)])

    @property
    def is_forgotten(self) -> bool:
        """Numbers were used, and not a word is left of their calls. Those of a restored state a refresh has wiped."""
        known = self.entry
        return known.next_call > 0 and not (known.applied or known.refused or known.unsettled or known.restored)

    @property
    def may_still_replay(self) -> bool:
        """The last call in doubt is what is declared, and its key can still be sent again, or a person wants it to."""
        last = self.doubts[-1]
        young = timedelta(hours=-1) < self.now - moment(last.call.sent) < timedelta(hours=23)
        return self.is_asked(last.call) and ((young and not last.spent) or self.is_said_undone)

    @property
    def may_be_called_again(self) -> bool:
        """The platform answers with a saved server error for ever, and the project accepts a second call."""
        return self.calls_again and self.doubts[-1].saved_error and not self.is_said_undone

    @property
    def is_said_undone(self) -> bool:
        return bool(self.doubts) and self.doubts[-1].resolution is not None


def plan_violations(plan: Plan, spec: Spec, state: State | None, now: datetime) -> tuple[str, ...]:
    """Return what is illegal about *plan* at the time *now*, as sentences; nothing means that it may be applied."""
    entries, declared = state.entries if state else {}, digests_of(spec)
    since = plan.binding.refreshed_at or ""
    restored = state.restored if state is not None and state.restored and state.restored.at >= since else None
    knows_all = restored is None or restored.resolution is not None
    was_wiped = state is not None and state.restored is not None and restored is None

    def is_sure(address: Address) -> bool:
        known = entries.get(address)
        return knows_all if known is None else was_wiped or not known.restored

    def facts(address: Address) -> _Facts:
        return _Facts(
            asked=declared.get(address),
            entry=entries.get(address, Entry()),
            is_known=is_sure(address),
            now=now,
            calls_again=plan.binding.after_server_error is AfterServerError.CALL_AGAIN,
            since=since,
            sent_as=spec.sent_as(address),
        )

    return (
        *_violations_of_order(plan),
        *_violations_of_completeness(plan, declared.keys() | entries.keys(), facts),
        *(
            f"{change.address}: {text}"
            for change in plan.changes
            if not (knows_all and change.address not in entries and _is_plainly_new(change, declared, spec))
            for text in _violations_of_change(change, facts(change.address))
        ),
        *_violations_of_lanes(plan),
        *_violations_of_objects(plan, state, since),
    )


def _is_plainly_new(change: Change, declared: Mapping[Address, Digest], spec: Spec) -> bool:
    """Whether a first call is planned for what is declared so; nearly all changes of a large plan are of this kind."""
    if type(change) is not Regenerate or change.declaration.sent_as != spec.sent_as(change.address):
        return False
    said = change.declaration
    return not change.call and change.digest == declared.get(said.address) == digest(
        said.target, said.flags, said.trigger
    )


def _digest_of(said: Declaration) -> Digest:
    return digest(said.target, said.flags, said.trigger)


def _violations_of_order(plan: Plan) -> Iterator[str]:
    addresses = [change.address for change in plan.changes]
    if len(set(addresses)) < len(addresses):
        yield "an address stands in it twice"
    shapes = "\n".join(addresses).encode().translate(_SHAPES).split(b"\n")
    pairs = zip(pairwise(addresses), pairwise(shapes), strict=True)
    if not all(a < b if x == y else address_order(a) <= address_order(b) for (a, b), (x, y) in pairs):
        yield "its changes are not in the order of addresses"


_SHAPES = bytes.maketrans(b"0123456789", b"0" * 10)
"""Two addresses of one shape differ in digits only, as many of them at the same places: they sort as text does."""


def _violations_of_completeness(
    plan: Plan, everything: AbstractSet[Address], facts: Callable[[Address], _Facts]
) -> Iterator[str]:
    seen = len(plan.changes) + plan.unchanged + plan.undeclared + plan.left_out
    if seen != len(everything):
        yield f"it accounts for {seen} addresses of {len(everything)}"
    if plan.selection:
        return
    changed = {change.address for change in plan.changes}
    for address in everything - changed:
        known = facts(address)
        applied = known.applied
        if known.asked is None:
            at_rest = not known.doubts or known.is_said_undone
        else:
            at_rest = not known.is_unsure and not known.doubts and applied is not None and known.is_asked(applied.call)
        if not at_rest:
            yield f"{address}: it must change and the plan does not say so"


def _violations_of_change(change: Change, facts: _Facts) -> Iterator[str]:
    said = change.declaration
    if (said is None) != (facts.asked is None) or (
        said and (said.address, _digest_of(said), said.sent_as) != (change.address, facts.asked, facts.sent_as)
    ):
        yield "it is not what the spec declares"
    if facts.is_unsure and not isinstance(change, Undecided):
        yield "the state was restored, and nobody has said what was sent since"
    match change:
        case Regenerate() | Reissue():
            yield from _violations_of_new_call(change, facts)
        case Resume():
            if not facts.doubts or facts.doubts[-1] != change.unsettled or not facts.may_still_replay:
                yield "its key may not be sent again"
        case Undecided():
            yield from _violations_of_undecided(facts)
        case Blocked():
            if change.by == change.address:
                yield "it blocks itself"
        case _:
            assert_never(change)


def _violations_of_undecided(facts: _Facts) -> Iterator[str]:
    if facts.is_unsure:
        return
    if not facts.doubts:
        yield "nothing about it is in doubt"
    elif facts.asked is None and facts.is_said_undone:
        yield "a person has decided already"
    elif facts.asked is not None and (
        facts.may_still_replay or facts.may_be_called_again or not facts.is_asked(facts.doubts[-1].call)
    ):
        yield "it can be decided without a person"


def _violations_of_new_call(change: Regenerate | Reissue, facts: _Facts) -> Iterator[str]:
    if change.digest != facts.asked:
        yield "its digest is not that of the declaration"
    if change.call < facts.next_number:
        yield f"call number {change.call} is used already"
    if change.call > facts.next_number:
        yield f"call number {change.call} leaves out {facts.next_number}"
    applied = facts.applied
    if applied and facts.is_asked(applied.call) and not facts.doubts:
        yield "it was applied already"
    if facts.doubts and facts.is_asked(facts.doubts[-1].call) and not facts.may_be_called_again:
        yield "the same was sent and may have been done: a new number would do it twice"
    if isinstance(change, Regenerate) and (applied or facts.doubts or facts.is_forgotten):
        yield "something was sent before: this is a re-issue"
    if isinstance(change, Reissue) and facts.doubts:
        landed = moment(facts.doubts[-1].last_sent) + timedelta(minutes=10)
        if change.not_before is None or change.not_before < landed:
            yield "the lost request could land after it"


def _violations_of_lanes(plan: Plan) -> Iterator[str]:
    if not {Undecided, Blocked} & set(map(type, plan.changes)):
        return
    undecided = [c.address for c in plan.changes if isinstance(c, Undecided)]
    for change in plan.changes:
        lower = [a for a in undecided if _is_lower_version(a, change.address)]
        if lower and isinstance(change, Calling):
            yield f"{change.address}: {lower[0]} of the same subscription is undecided and comes first"
        if isinstance(change, Blocked) and not lower and not plan.selection:
            yield f"{change.address}: nothing blocks it"


def _violations_of_objects(plan: Plan, state: State | None, since: str) -> Iterator[str]:
    """Yield calls to an object that another declaration was sent to, where that may still land after them."""
    lost: dict[str, list[tuple[str, datetime]]] = {}
    for address, entry in ledger_of(state.entries).others.items() if state else ():
        for call in entry.unsettled:
            if call.call.number > (entry.applied.call.number if entry.applied else -1) and call.last_sent >= since:
                landed = moment(call.last_sent) + timedelta(minutes=10)
                lost.setdefault(_object(call.call.target or address), []).append((_object(address), landed))
    for change in plan.changes if lost else ():
        if isinstance(change, Regenerate | Reissue):
            said = change.declaration
            others = lost.get(_object(said.sent_as or said.address), ())
            waits = change.not_before if isinstance(change, Reissue) else None
            if any(who != _object(said.address) and (waits is None or waits < landed) for who, landed in others):
                yield f"{change.address}: a lost request to its object could land after it"


def _object(address: str) -> str:
    return address.rpartition("@")[0] or address


def _is_lower_version(first: str, second: str) -> bool:
    name, at, version = first.rpartition("@")
    other_name, other_at, other_version = second.rpartition("@")
    return bool(at and other_at) and name == other_name and int(version) < int(other_version)
