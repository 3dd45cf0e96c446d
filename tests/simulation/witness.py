"""What must hold, said once more and independently: by what was seen on the wire, in the files and in the ledger.

Nothing here asks the planner, the journal's fold or the outcome table. The names of the invariants are those of the
reliability page: I1 to I12; I9, the confirmation of production, is a question of the command line and has its tests
there. What is promised, precisely:

I1   One key has one effect at most. Two effects of the same declaration have something else between them that was on
     record as about to leave, and may have happened. Both hold though journals are lost, if what was lost is sent again
     within 24 h of its first send, and though two runs are at work without the lock, if neither lasts a day; a state
     that is lost is not survived, and not tried. So the age of a key on record is never less than that of its first
     send that may have had an effect.
I2   Ids on record were answered by the server under the key of the record, or are a person's word.
I3   What is on record as applied was answered with HTTP 200 and success, or is a person's word; what is on record as
     refused was answered so, and has no effect.
I4   The serial grows with each write, and the lineage stays. What was applied stays so, whatever old journals turn up:
     it neither comes back into doubt nor takes the place of a later call. A refusal stays until a later one takes its
     place.
I5   The file holds the old document or the new one, whole.
I6   While the outcome of the last key of an address is unknown, no other key of it is sent; unless a person has said
     so, or the declaration has changed and ten minutes have passed since it was sent without an answer that tells.
I7   Only calls of the plan leave, no more at once and in all than was asked for; in a lane one at a time, upwards, and
     none after one that is not done. The intent of each is durable before.
I8   A run that ends with a stale plan, a lock or the wrong tenant has sent nothing.
I10  The secret and the tokens appear in no state, journal, result or message.
I11  After any crash, plan and apply alone go on: nothing is unreadable, nothing hangs, no doubt vanishes.
I12  A plan sends and writes nothing.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any

import httpx
from simulation.disk import Process
from simulation.misbehaviour import CANARY
from simulation.sightings import DONE, NOTHING, REFUSED, UNKNOWN, Key, Sending, told

from reconciler.core.plan import Plan

CLOCK_ERROR = 60.0
"""Seconds by which the clock of a process may be wrong."""

KEY = re.compile(rb"k1-[0-9a-f]{64}")
_DAY = 86_400.0
_MARGIN = 1_800.0
_SETTLING = 600.0
_FRESH = 35.0
"""Seconds between what is written down and the send, and for whole seconds."""


@dataclass(eq=False)
class Errand:
    """One run: what it may send, and what of that is under way. *began* and *ended* are times."""

    plan: Plan
    concurrency: int
    max_calls: int
    began: float
    ended: float = inf
    intents: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    flying: Counter[str] = field(default_factory=Counter)
    done: set[str] = field(default_factory=set)


class Witness:
    """Reads along; `wrong` is what was found."""

    def __init__(self, now: Callable[[], float], tell: Callable[[str], None]) -> None:
        self._now = now
        self._tell = tell
        self.wrong: list[str] = []
        self.keys: dict[str, Key] = {}
        self.by_address: dict[str, list[Key]] = {}
        self.words: dict[str, str] = {}
        """What persons have said of keys, sent or not."""

        self.errands: dict[str, Errand] = {}
        self.void: set[str] = set()
        """Addresses for which nothing is promised any more: what was lost of them came back too late."""

        self.effects: dict[str, list[tuple[Key, float, list[str]]]] = {}
        self.documents: set[bytes | None] = {None}
        self.written: Mapping[str, Any] | None = None
        self.folded: dict[str, bytes] = {}
        """Journals that were removed."""

        self.settled: set[str] = set()
        """Keys that were on record as applied, where no power cut takes it back."""

        self.applied: dict[str, list[str]] = {}
        """The keys that were on record as the last applied of an address, in that order."""

        self.secrets = {CANARY}
        self.sent = 0
        self.under_way = 0

    def finds(self, text: str, holds: object) -> None:
        if not holds:
            self.wrong.append(text)

    # The wire

    def leaves(self, process: Process, request: httpx.Request) -> Sending | None:
        self.under_way += 1
        self.secrets.add(request.headers.get("Authorization", CANARY).removeprefix("Bearer "))
        if "Idempotency-Key" not in request.headers:
            return None
        self.sent += 1
        name, errand = request.headers["Idempotency-Key"], self.errands[process.name]
        change = self._change(errand, request)
        if change is None:
            self.finds(f"I7 {process.name} sends what is not in its plan", holds=False)
            return None
        address, digest, lane = change
        key = self._key(name, address, digest)
        if not key.sends:
            self._check_new_key(key)
        self.finds(f"I7 one key for two things: {address}", (key.address, key.digest) == (address, digest))
        if key.forgotten and key.sends and self._now() >= key.sends[0].at + _DAY - _MARGIN:
            self.void.add(address)
        sending = Sending(name, self._now(), lane, process.name)
        self._tell(f"{process.name} sends {name[:10]} for {address}")
        key.sends.append(sending)
        self._check_order(process, errand, sending, address)
        return sending

    def returns(self, process: Process, sent: object, status: int | None, body: bytes) -> None:
        self.under_way -= 1
        if not isinstance(sent, Sending):
            return
        errand, key = self.errands[process.name], self.keys[sent.key]
        errand.flying[sent.lane] -= 1
        if not process.alive:
            return
        sent.outcome, value = told(status, body)
        self._tell(f"{process.name} is answered {status}, {sent.outcome}, for {key.address}")
        if sent.outcome == DONE:
            ids = value.get("idList")
            usable = isinstance(ids, list) and all(isinstance(each, str) for each in ids)
            key.answered_ids.append(list(ids) if isinstance(ids, list) and usable else [])
            errand.done.add(key.address)
        request_id = str(value.get("requestId", ""))
        if sent.outcome == NOTHING and request_id:
            is_unknown = any(each.outcome == UNKNOWN and self._may_know(process, key, each) for each in key.sends)
            heard = process.name, request_id
            sent.outcome = REFUSED if heard in key.passing_ids and not is_unknown else NOTHING
            key.passing_ids.append(heard)

    def _may_know(self, process: Process, key: Key, sending: Sending) -> bool:
        """Whether *process* has sent it, or could read of it: not what living runs are about, nor what was damaged."""
        was_over = self.errands[sending.by].ended <= self.errands[process.name].began
        return sending.by == process.name or (was_over and not key.blurred)

    def _change(self, errand: Errand, request: httpx.Request) -> tuple[str, str, str] | None:
        body, flags = json.loads(request.content), dict(request.url.params)
        for change in errand.plan.calls:
            wanted = change.declaration
            spoken = {name: str(value).lower() for name, value in wanted.flags.as_sent.items()}
            if wanted.target.body == body and spoken == flags:
                lane = str(body.get("subscriptionName", change.address))
                return str(change.address), str(change.digest), lane
        return None

    def _key(self, name: str, address: str, digest: str) -> Key:
        if name not in self.keys:
            self.keys[name] = Key(address, digest)
            self.by_address.setdefault(address, []).append(self.keys[name])
        return self.keys[name]

    def _check_new_key(self, key: Key) -> None:
        """The last key that may have had an effect must be known, or be another's and long ago."""
        address, digest = key.address, key.digest
        keys = self.by_address[address]
        standing = [each for each in keys if each.standing in (DONE, UNKNOWN)]
        if not standing or standing[-1].standing == DONE or standing[-1].forgotten or address in self.void:
            return
        last = standing[-1]
        later = keys[keys.index(last) + 1 :]
        if any(each.digest != digest and self._is_about_to_leave(each) for each in later):
            return
        self.finds(f"I6 a new key while the last is unknown: {address}", last.digest != digest)
        if last.blurred:
            return
        quiet = self._now() - max(each.at for each in last.sends if each.outcome == UNKNOWN)
        self.finds(
            f"I6 re-issued {quiet:.0f} s after an unknown send: {address}", quiet >= _SETTLING - 2 * CLOCK_ERROR - 1
        )

    def _check_order(self, process: Process, errand: Errand, sending: Sending, address: str) -> None:
        lane = sending.lane
        self.finds(f"I7 two of one lane at once: {lane}", not errand.flying[lane])
        errand.flying[lane] += 1
        errand.left[sending.key] += 1
        calls = [str(each.address) for each in errand.plan.calls if each.address.startswith(f"Subscription/{lane}@")]
        before = calls[: calls.index(address)] if address in calls else []
        self.finds(f"I7 {address} leaves before {before} are done", errand.done.issuperset(before))
        self.finds(f"I7 {process.name} has too many under way", errand.flying.total() <= errand.concurrency)
        self.finds(f"I7 {process.name} sends more than --max-calls", len(errand.left) <= errand.max_calls)
        self.finds(
            f"I7 {address} leaves before it is on record", errand.left[sending.key] <= errand.intents[sending.key]
        )

    # The files

    def appended(self, process: Process, content: bytes) -> None:
        """*content* is durable in the journal of *process*."""
        self.shown("a journal", content)
        for line in content.splitlines():
            event = json.loads(line[9:])
            if event["event"] == "sending":
                call = event["call"]
                self._key(call["key"], event["address"], call["digest"])
                self.errands[process.name].intents[call["key"]] += 1

    def leaves_behind(self, process: Process, content: bytes) -> None:
        """*process* lets go of its journal, which holds *content*: perhaps more than was durable while it lived.

        That a send came to nothing, and this is not in it, nobody knows any more.
        """
        self.errands[process.name].ended = self._now()
        names: dict[tuple[str, int], str] = {}
        returned = Counter[str]()
        for line in content.split(b"\n")[:-1]:
            event = json.loads(line[9:])
            if event["event"] == "sending":
                call = event["call"]
                self._key(call["key"], event["address"], call["digest"])
                names[event["address"], call["call"]] = call["key"]
            elif event["event"] == "returned":
                returned[names[event["address"], event["number"]]] += 1
        for name in names.values():
            to_nothing = [each for each in self.keys[name].sends if each.by == process.name and each.outcome == NOTHING]
            for unwritten in to_nothing[returned[name] :]:
                unwritten.outcome = UNKNOWN

    def begins_to_write(self, content: bytes) -> None:
        self.documents.add(content)
        self.shown("the state", content)

    def has_written(self, content: bytes, *, is_durable: bool) -> None:
        before, after = self.written, json.loads(content)
        self.reads(content, is_durable=is_durable)
        if before is not None:
            self.finds("I4 the serial does not grow", after["serial"] > before["serial"])
            self.finds("I4 the lineage changes", after["lineage"] == before["lineage"])

    def reads(self, content: bytes | None, *, is_durable: bool) -> None:
        """The file holds *content* now: one of the documents that somebody wanted to write, or none as before.

        Unless it is durable, a power cut may bring back another.
        """
        self.finds("I5 the state is neither old nor new", content in self.documents)
        if is_durable:
            self.documents = {content}
        self.written = None if content is None else json.loads(content)

    def shown(self, where: str, content: bytes | str) -> None:
        text = content if isinstance(content, str) else content.decode()
        self.finds(f"I10 a secret in {where}", not any(secret in text for secret in self.secrets))

    def loses(self, before: bytes, after: bytes, damaged: bytes) -> None:
        """Files held *before* together, and hold *after*: keys that are in none of them any more are forgotten.

        *damaged* is what the one held that was damaged.
        """
        for found in set(KEY.findall(damaged)):
            if found.decode() in self.keys:
                self.keys[found.decode()].blurred = True
        for found in set(KEY.findall(before)) - set(KEY.findall(after)):
            if found.decode() in self.keys:
                self.keys[found.decode()].forgotten = True

    def hears(self, name: str, *, done: bool) -> None:
        """A person says what became of the key *name*."""
        self.words[name] = DONE if done else REFUSED
        if name in self.keys:
            self.keys[name].word = self.words[name]

    # The ledger

    def happens(self, name: str, at: float, ids: list[str]) -> None:
        """The ledger shows an effect under the key *name*."""
        key = self.keys[name]
        key.effects += 1
        earlier = [each for each, _, _ in self.effects.setdefault(key.address, []) if each.digest == key.digest]
        self.effects[key.address].append((key, at, ids))
        if key.address in self.void:
            return
        self.finds(f"I1 a key has two effects: {key.address}", key.effects == 1)
        self.finds(f"I3 refused, and there is an effect: {key.address}", key.standing != REFUSED)
        if earlier and earlier[-1] is not key:
            self.finds(f"I1 the same is done twice: {key.address}", self._has_between(earlier[-1], key))

    def _has_between(self, first: Key, second: Key) -> bool:
        keys = self.by_address[first.address]
        between = keys[keys.index(first) + 1 : keys.index(second)]
        others = [each for each in between if each.digest != first.digest]
        return any(each.standing in (DONE, UNKNOWN) or self._is_about_to_leave(each) for each in others)

    def _is_about_to_leave(self, key: Key) -> bool:
        """Whether it is on record as being sent, and was not: nobody who reads that can know."""
        name = next(name for name, each in self.keys.items() if each is key)
        left = sum(errand.left[name] for errand in self.errands.values())
        return not key.sends or sum(errand.intents[name] for errand in self.errands.values()) > left

    def check_state(self, *, is_all: bool) -> None:
        """What the document says has been answered so. *is_all*: there is no journal besides."""
        for address, entry in (self.written or {"entries": {}})["entries"].items():
            for text in (*self._lies(entry), *self._lowered(address, entry), *(self._young(entry) if is_all else ())):
                self.finds(f"{text}: {address}", address in self.void)
        for address in self._vanished() if is_all else ():
            self.finds(f"I11 a doubt has vanished: {address}", address in self.void)

    def _vanished(self) -> Iterator[str]:
        """Addresses of which the last key that may have had an effect is unknown, and not on record as such."""
        entries = (self.written or {"entries": {}})["entries"]
        for address, keys in self.by_address.items():
            known = {lost["key"] for lost in entries.get(address, {}).get("unsettled", ())}
            standing = [name for name, key in self.keys.items() if key in keys and key.standing in (DONE, UNKNOWN)]
            last = self.keys[standing[-1]] if standing else None
            if last and last.standing == UNKNOWN and not last.forgotten and standing[-1] not in known:
                yield address

    def _lies(self, entry: Mapping[str, Any]) -> Iterator[str]:
        applied, refused = entry.get("applied"), entry.get("refused")
        if applied:
            key = self.keys.get(applied["key"])
            if "resolution" in applied:
                if self.words.get(applied["key"]) != DONE:
                    yield "I3 nobody has said that it is done"
            elif key is None or not key.answered_ids:
                yield "I3 on record as done, and never answered so"
            elif applied["idList"] not in key.answered_ids:
                yield "I2 ids that nobody has answered"
        if refused and self.words.get(refused["key"]) != REFUSED:
            key = self.keys.get(refused["key"])
            if (
                key is None
                or not key.sends
                or key.effects
                or (key.standing not in (REFUSED, NOTHING) and not key.forgotten)
            ):
                yield "I3 on record as refused, and never answered so"

    def _lowered(self, address: str, entry: Mapping[str, Any]) -> Iterator[str]:
        is_durable = len(self.documents) == 1
        if "applied" in entry and is_durable:
            self.settled.add(entry["applied"]["key"])
        on_record = {entry[name]["key"] for name in ("applied", "refused") if name in entry}
        if any(lost["key"] in self.settled | on_record for lost in entry.get("unsettled", ())):
            yield "I4 a settled call is in doubt again"
        if "applied" in entry:
            known, key = self.applied.setdefault(address, []), entry["applied"]["key"]
            if key in known[:-1]:
                yield "I4 an older call takes the place of a newer"
            elif key not in known and is_durable:
                known.append(key)

    def _young(self, entry: Mapping[str, Any]) -> Iterator[str]:
        for lost in entry.get("unsettled", ()):
            key = self.keys.get(lost["key"])
            if key is not None and not key.blurred:
                unknown = [each.at for each in key.sends if each.outcome == UNKNOWN]
                first, last = min(unknown, default=inf), max(unknown, default=-inf)
                if datetime.fromisoformat(lost["sent"]).timestamp() > first + CLOCK_ERROR + 1:
                    yield "I1 a key is on record as younger than it is"
                if datetime.fromisoformat(lost["lastSent"]).timestamp() < last - _FRESH:
                    yield "I6 a send is on record as longer ago than it is"
