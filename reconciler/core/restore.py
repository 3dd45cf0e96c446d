"""Accepting an older state, or an empty one, as the state.

Rule: what was sent after it was written is not known, and no key can tell: a call number may have been used for
something else since. So the epoch is raised, which gives every later call a key of its own, and nothing is sent until a
person has decided: not what the state lists (an entry may be out of date), and not what it does not list (it may have
been sent first since then).
"""

from dataclasses import replace
from datetime import datetime

from reconciler.core.mark import Mark
from reconciler.core.state import Restored, State
from reconciler.core.timestamp import timestamp
from reconciler.errors import UsageError


def restored(state: State, mark: Mark | None, *, reason: str, now: datetime) -> State:
    """Return *state* as the one that counts from now on, above *mark*, the last state that is known of.

    The epoch is a moment in seconds, so that two machines that restore and know nothing of each other differ in it.
    Plans that were approved before rely on what is not known any more: none is left.
    """
    serial, epoch = (mark.serial, mark.epoch) if mark else (0, 0)
    return replace(
        state,
        serial=max(state.serial, serial) + 1,
        epoch=max(state.epoch + 1, epoch + 1, int(now.timestamp())),
        approvals={},
        restored=Restored(at=timestamp(now), serial=state.serial, reason=reason),
        entries={address: replace(entry, restored=True) for address, entry in state.entries.items()},
    )


def with_nothing_unlisted(state: State, reason: str) -> State:
    """Return *state* with a person's word, for *reason*, that what it does not list was never sent.

    Raise UsageError if that is known already.
    """
    if state.restored is None or not state.doubts_unlisted:
        raise UsageError("Nothing to resolve", "What this state does not list is known not to have been sent.")
    return replace(state, restored=replace(state.restored, resolution=reason))
