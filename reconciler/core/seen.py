"""What a plan saw of its lanes: a fingerprint of every entry that could change what comes next in one.

Rule: a plan holds for as long as the lanes of its changes are as it saw them. Another lane may move: two plans over one
state can both be applied where their lanes differ.
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping

from reconciler.core.address import Address, lane_of_address
from reconciler.core.digest import canonical_json
from reconciler.core.entry import Entry
from reconciler.core.state import State

_LENGTH = 32
"""Hex digits of a fingerprint: nobody gains by a second entry with the same one."""


def lanes_of(addresses: Iterable[Address]) -> frozenset[str]:
    return frozenset(map(lane_of_address, addresses))


def seen(state: State | None, lanes: Collection[str]) -> Mapping[str, str]:
    """Return the fingerprint of each of *lanes* that has an entry in *state*; the others are absent."""
    if state is None or not state.entries or not lanes:
        return {}
    found: dict[str, list[Address]] = {}
    for address in state.entries:
        lane = lane_of_address(address)
        if lane in lanes:
            found.setdefault(lane, []).append(address)
    return {lane: _fingerprint(state, addresses) for lane, addresses in found.items()}


def _fingerprint(state: State, addresses: Iterable[Address]) -> str:
    told = [[address, *_facts(state.entries[address])] for address in sorted(addresses)]
    return hashlib.sha256(canonical_json(told).encode()).hexdigest()[:_LENGTH]


def _facts(entry: Entry) -> list[object]:
    """Return what decides about the next call. How an entry was learned of, and who says so, does not."""
    doubts = [
        [each.call.number, each.call.key, each.last_sent, each.spent, each.resolution is not None]
        for each in entry.unsettled
    ]
    applied = entry.applied.call if entry.applied else None
    told: list[object] = [entry.next_call, applied.digest if applied else None, entry.restored, doubts]
    return [*told, applied.target] if applied and applied.target else told
