"""Entries by address, and what a plan asks of all of them at once: most are settled, and need not be looked at.

Rule: a ledger answers for all entries what each entry says of itself. One that is read from a document may know it
without having made any entry; tests hold both kinds against each other.
"""

from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from reconciler.core.address import Address
from reconciler.core.digest import Digest
from reconciler.core.entry import Entry
from reconciler.core.timestamp import Timestamp


class Answered(NamedTuple):
    """A call that the platform has answered for good: of which run it is, its first send, its answer."""

    run: str
    sent: Timestamp
    at: Timestamp


class Ledger(Mapping[Address, Entry]):
    """Entries by address, in no order."""

    __slots__ = ()

    @property
    @abstractmethod
    def settled(self) -> Mapping[Address, Digest]:
        """What was last applied under each address that has nothing in doubt."""

    @property
    @abstractmethod
    def mapped(self) -> Mapping[Address, Address]:
        """What the settled calls were sent as, where a key map made that another address than their own."""

    @property
    @abstractmethod
    def others(self) -> Mapping[Address, Entry]:
        """All entries that are not settled."""

    @property
    def columns(self) -> tuple[Sequence[Address], Sequence[Digest]] | None:
        """What `settled` says, in the order written, if all entries are settled and it is at hand in that form."""
        return None

    @abstractmethod
    def last_applied(self, addresses: Collection[Address]) -> Timestamp | None:
        """Return when the last of the settled *addresses* was applied, None without any."""

    @abstractmethod
    def begun_before(self, time: Timestamp) -> Iterator[Address]:
        """Yield the addresses of which anything ended, or was last sent, before *time*."""

    @abstractmethod
    def answered(self) -> Iterator[Answered]:
        """Yield the calls that are known to have ended, and not by a person's word."""

    @abstractmethod
    def with_entries(self, changed: Mapping[Address, Entry]) -> "Ledger":
        """Return the ledger with these entries in place of those it has of the same addresses."""


class EntryLedger(Ledger):
    """A ledger of entries that are all there."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[Address, Entry]) -> None:
        self._entries = entries

    def __getitem__(self, address: Address) -> Entry:
        return self._entries[address]

    def __iter__(self) -> Iterator[Address]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def settled(self) -> Mapping[Address, Digest]:
        settled = ((address, entry.settled) for address, entry in self._entries.items())
        return {address: done.call.digest for address, done in settled if done}

    @property
    def mapped(self) -> Mapping[Address, Address]:
        settled = ((address, entry.settled) for address, entry in self._entries.items())
        return {address: done.call.target for address, done in settled if done and done.call.target}

    @property
    def others(self) -> Mapping[Address, Entry]:
        return {address: entry for address, entry in self._entries.items() if not entry.settled}

    def last_applied(self, addresses: Collection[Address]) -> Timestamp | None:
        applied = (self._entries[address].applied for address in addresses)
        return max((done.at for done in applied if done), default=None)

    def begun_before(self, time: Timestamp) -> Iterator[Address]:
        for address, entry in self._entries.items():
            ends = [each.at for each in (entry.applied, entry.refused) if each]
            if min([*ends, *(each.last_sent for each in entry.unsettled)], default=time) < time:
                yield address

    def answered(self) -> Iterator[Answered]:
        for entry in self._entries.values():
            for call in (entry.applied, entry.refused):
                if call is not None and call.resolution is None:
                    yield Answered(call.call.run, call.call.sent, call.at)

    def with_entries(self, changed: Mapping[Address, Entry]) -> "EntryLedger":
        return EntryLedger({**self._entries, **changed})


def ledger_of(entries: Mapping[Address, Entry]) -> Ledger:
    return entries if isinstance(entries, Ledger) else EntryLedger(entries)
