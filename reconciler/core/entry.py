"""An entry is what is known of the calls of one address.

It keeps the last applied call apart from calls that are unsettled and from the last one that was refused. `next_call`
is the number that a new call would have; it passes a call's number when that call is settled or superseded, so that a
runner which knows only this document arrives at the same number, and so at the same Idempotency-Key.

Rule: recording an outcome is idempotent and never lowers an entry: `next_call` only grows, an older Done never replaces
a newer.
"""

from dataclasses import dataclass, replace
from typing import NamedTuple

from reconciler.core.address import Address
from reconciler.core.declaration import Flags
from reconciler.core.digest import Digest
from reconciler.core.timestamp import Timestamp


class Asked(NamedTuple):
    """What a call asks for, and of which object: *target* is its address where a key map makes that another."""

    digest: Digest
    target: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """What is remembered of a call however it ended. *sent* is the time of the first send under its key.

    *target* is the address of what the request named, where a key map made that another than the one declared.
    """

    number: int
    digest: Digest
    flags: Flags
    trigger: str | None
    key: str
    sent: Timestamp
    run: str
    commit: str | None = None
    author: str | None = None
    target: Address | None = None

    @property
    def asked(self) -> Asked:
        return Asked(self.digest, self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Applied:
    """A call that the platform has carried out. *id_list* is as returned, and may be empty.

    *resolution* is why a person says so, where no answer does.
    """

    call: CallRecord
    at: Timestamp
    id_list: tuple[str, ...]
    request_id: str | None
    process_id: str | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A call that the platform has refused for good: it had no effect. *resolution* as in Applied."""

    call: CallRecord
    at: Timestamp
    code: str
    message: str
    request_id: str | None
    process_id: str | None = None
    resolution: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsettled:
    """A call that was sent and whose end is not known. *scheme* names how *key* was computed.

    *spent*: the platform has saved an answer under the key that tells nothing, so sending it again cannot help.
    *saved_error*: what it has saved is a server error. *resolution* is why a person says that none of these sends was
    carried out: the same key is then what is sent next.
    """

    call: CallRecord
    scheme: str
    last_sent: Timestamp
    message: str
    request_id: str | None = None
    spent: bool = False
    saved_error: bool = False
    resolution: str | None = None

    @property
    def ages_from(self) -> Timestamp | None:
        """Since when the key ages: its first send; None once a person's word lets it be sent however old it is."""
        return None if self.resolution is not None else self.call.sent


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """*restored*: it comes from a restored state, and what was sent since is not known.

    *resolution* is why a person says that nothing was, or what.
    """

    next_call: int = 0
    applied: Applied | None = None
    refused: Refused | None = None
    unsettled: tuple[Unsettled, ...] = ()
    restored: bool = False
    resolution: str | None = None

    @property
    def settled(self) -> Applied | None:
        """The last applied call, if it is known to be the last effect."""
        return None if self.restored or self.in_doubt else self.applied

    @property
    def number_of_new(self) -> int:
        """The number that a new call has when one in doubt is superseded by it."""
        return max([self.next_call, *(each.call.number + 1 for each in self.in_doubt)])

    @property
    def in_doubt(self) -> tuple[Unsettled, ...]:
        """The unsettled calls that may be the last effect: those later than the applied call, ascending.

        An earlier one stays on record, but the applied call has overwritten whatever it did.
        """
        after = self.applied.call.number if self.applied else -1
        return tuple(each for each in self.unsettled if each.call.number > after)

    @property
    def is_left_behind(self) -> bool:
        """Whether calls were made of which nothing is kept: a person has moved or forgotten what they did."""
        return self.next_call > 0 and not (self.applied or self.refused or self.unsettled)

    def with_applied(self, done: Applied) -> "Entry":
        """Record a call that was carried out."""
        kept = self._kept(done.call)
        done = done if kept is done.call else replace(done, call=kept)
        number = done.call.number
        newest = done if self.applied is None or number >= self.applied.call.number else self.applied
        is_later = self.refused is not None and self.refused.call.number > newest.call.number
        return replace(
            self,
            next_call=max(self.next_call, number + 1),
            applied=newest,
            refused=self.refused if is_later else None,
            unsettled=_without(self.unsettled, done.call.key),
        )

    def with_refused(self, refused: Refused) -> "Entry":
        """Record a call that the platform has decided against."""
        refused = replace(refused, call=self._kept(refused.call))
        number = refused.call.number
        later = max((each.call.number for each in (self.applied, self.refused) if each), default=-1)
        return replace(
            self,
            next_call=max(self.next_call, number + 1),
            refused=refused if number >= later else self.refused,
            unsettled=_without(self.unsettled, refused.call.key),
        )

    def with_unsettled(self, lost: Unsettled) -> "Entry":
        """Record a doubt. What is known of the call already wins: a settled call is never in doubt again.

        Nor is one that a later applied call has overwritten. A call that was refused and then forgotten behind another
        refusal is, if it is told anew: it looks like one that another run has sent and that nobody has settled.
        """
        key = lost.call.key
        known = next((each for each in self.unsettled if each.call.key == key), None)
        kept = replace(lost, call=self._kept(lost.call))
        is_settled = any(each.call.key == key for each in (self.applied, self.refused) if each)
        is_overwritten = self.applied is not None and kept.call.number < self.applied.call.number
        if known is None and (is_settled or is_overwritten):
            return self
        others = _without(self.unsettled, key)
        return replace(
            self,
            next_call=max(self.next_call, kept.call.number),
            unsettled=tuple(
                sorted((*others, _joined(known, kept) if known else kept), key=lambda each: each.call.number)
            ),
        )

    def with_word(self, lost: Unsettled, reason: str) -> "Entry":
        """Record that a person says, for *reason*, that *lost*, one of the unsettled calls, was not carried out."""
        said = replace(lost, resolution=reason)
        return replace(self, unsettled=tuple(said if each is lost else each for each in self.unsettled))

    def _kept(self, call: CallRecord) -> CallRecord:
        """Return *call* under the number by which it is known here.

        A call of another key under a number that is taken gets the next one: two runs that knew nothing of each other
        have both sent, and neither may vanish behind the other.
        """
        known = [each.call for each in (self.applied, self.refused, *self.unsettled) if each]
        same = next((each.number for each in known if each.key == call.key), None)
        if same is not None:
            return replace(call, number=same)
        if all(each.number != call.number for each in known):
            return call
        return replace(call, number=max(self.next_call, *(each.number + 1 for each in known)))


def _without(calls: tuple[Unsettled, ...], key: str) -> tuple[Unsettled, ...]:
    return tuple(each for each in calls if each.call.key != key)


def _joined(known: Unsettled, lost: Unsettled) -> Unsettled:
    """Two sends of one call: the age of its key runs from the first, a lost request may land after the last.

    A person's word, and that what is unknown is but a server error, hold for the sends there were, and no longer once
    there is a later one.
    """
    first = min(known.call.sent, lost.call.sent)
    is_same_send = (known.last_sent, known.call.run) == (lost.last_sent, lost.call.run)
    later = lost if lost.last_sent >= known.last_sent else known
    return replace(
        later,
        call=replace(later.call, sent=first),
        request_id=later.request_id or known.request_id or lost.request_id,
        spent=known.spent or lost.spent,
        saved_error=known.saved_error or lost.saved_error if is_same_send else later.saved_error,
        resolution=later.resolution or (known.resolution if is_same_send else None),
    )
