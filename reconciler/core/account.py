"""What the earlier environment tells of one address: the same few words, whoever tells them.

Rule: its state and files of what its runs have shown give the same account, and only an account is judged.
"""

from dataclasses import dataclass, replace

from reconciler.core.address import Address
from reconciler.core.declaration import Flags
from reconciler.core.digest import Digest
from reconciler.core.entry import Entry
from reconciler.core.refresh import since_refresh
from reconciler.core.state import State
from reconciler.core.timestamp import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The last call that was carried out.

    *asked* are its flags and trigger, None where only the *digest* tells; *word* is why a person says that it was,
    where no answer does. *target* is the address that was sent, where a key map made that another.
    """

    digest: Digest
    at: Timestamp
    has_ids: bool
    asked: tuple[Flags, str | None] | None = None
    word: str | None = None
    target: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """*against* is, in words, what keeps *done* from being a proof, whatever it says; None if nothing does."""

    done: Done | None = None
    against: str | None = None


def telling(state: State, refreshed_at: Timestamp | None) -> State:
    """Return what of *state* tells anything since the refresh; what was applied last before it is told as such."""
    known = since_refresh(state, refreshed_at)
    if known.state is None:
        return state
    counts = known.state
    void = {
        address: replace(counts.entries[address], applied=state.entries[address].applied)
        for address in known.void
        if counts.entries[address].applied is None
    }
    return counts.with_entries(void)


def account_in_state(state: State, address: Address) -> Account:
    entry = state.known(address)
    done = entry.applied
    if done is None:
        return Account(against=_against(entry))
    return Account(
        done=Done(
            digest=done.call.digest,
            at=done.at,
            has_ids=bool(done.id_list),
            asked=(done.call.flags, done.call.trigger),
            word=done.resolution,
            target=done.call.target,
        ),
        against=_against(entry),
    )


def _against(entry: Entry) -> str | None:
    if entry.restored:
        return "the state there was restored, and nobody has said what was sent since"
    if entry.in_doubt:
        last = entry.in_doubt[-1]
        return f"call {last.call.number} is in doubt there since {last.call.sent}"
    done, refused = entry.applied, entry.refused
    if refused is not None and (done is None or refused.call.number > done.call.number):
        return f"call {refused.call.number} was refused there: {refused.code} {refused.message}"
    return None
