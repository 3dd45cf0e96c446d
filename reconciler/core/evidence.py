"""What a run has shown: which digests the platform has carried out, for whoever promotes them to a later environment.

Rule: only an answer of the platform is evidence. A run tells of those that it has seen itself, or found in the journal
of one that broke off; the state, of the last ones of all runs, for when no file of a run tells of them any more. A
person's word and an import are none; what was refused or left in doubt is named, because it speaks against what was
shown before.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from reconciler.core.address import Address, address_order, parse_address
from reconciler.core.digest import Digest
from reconciler.core.entry import Applied, CallRecord, Entry, Refused, Unsettled
from reconciler.core.key import KeyScope, idempotency_key
from reconciler.core.run import Outcome, Result, Run
from reconciler.core.state import State
from reconciler.core.tenancy import PlatformKind
from reconciler.core.timestamp import Timestamp

_WORD = "only a person has said how it ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """That the platform has carried out call number *call* of *address*, *at* that time by its own clock if known.

    *target* is the address that was sent, where a key map made that another.
    """

    address: Address
    digest: Digest
    call: int
    ids: tuple[str, ...]
    at: Timestamp
    request_id: str | None
    target: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Against:
    """That call number *call* of *address* was refused *at* that time, or is in doubt since then (*outcome*).

    *said* is how the platform has refused it; of a call in doubt None, or that a person has spoken and no answer has.
    """

    address: Address
    digest: Digest
    call: int
    outcome: Outcome
    at: Timestamp
    said: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one run has *shown*, and which calls were refused or left in doubt in it (*against*).

    *platform* is who has answered; *tool* names program and version. *lineage* and *epoch* are of the state in which
    the calls are numbered; *lineage* is None where nothing could be sent. *run*, its *plan_id* and *commit* are None
    where the state tells, of all runs.
    """

    project: str
    environment: str
    tenant: str | None
    entity: str | None
    platform: PlatformKind
    lineage: str | None
    epoch: int
    run: str | None
    plan_id: str | None
    commit: str | None
    tool: str
    shown: tuple[Shown, ...]
    against: tuple[Against, ...]


def evidence_of(run: Run, project: str, *, platform: PlatformKind, commit: str | None, tool: str) -> Evidence:
    """Return what *run*, an apply in *project*, has shown, with what it has learned of runs that broke off.

    *platform* is who is asked now; who has answered may be known better to the state, of which *run* has learned it.
    """
    tenancy, learned = run.tenancy, _learned(run)
    return Evidence(
        project=project,
        environment=run.environment,
        tenant=tenancy.tenant if tenancy else None,
        entity=tenancy.entity if tenancy else None,
        platform=(tenancy.platform if tenancy else None) or platform,
        lineage=run.lineage,
        epoch=run.epoch,
        run=run.id,
        plan_id=run.plan_id,
        commit=commit,
        tool=tool,
        shown=tuple(_shown(learned)),
        against=tuple(_against(learned)),
    )


def _learned(run: Run) -> list[Result]:
    """Return what is known of each call, the last that became known; addresses in order."""
    last = {
        (each.address, each.record.call.key): each for each in (*run.recovered, *run.results) if each.record is not None
    }
    return sorted(last.values(), key=lambda each: address_order(each.address))


def _shown(learned: Iterable[Result]) -> Iterable[Shown]:
    for each in learned:
        done = each.record
        if isinstance(done, Applied) and done.resolution is None:
            yield _done(each.address, done)


def _done(address: Address, done: Applied) -> Shown:
    call = done.call
    return Shown(
        address=address,
        digest=call.digest,
        call=call.number,
        ids=done.id_list,
        at=done.at,
        request_id=done.request_id,
        target=call.target,
    )


def _against(learned: Iterable[Result]) -> Iterable[Against]:
    for each in learned:
        match each.record:
            case Refused() as known:
                yield _refused(each.address, known)
            case Unsettled() as known:
                yield _in_doubt(each.address, known.call)
            case Applied() | None:
                pass  # shown, or nothing was learned


def _refused(address: Address, known: Refused) -> Against:
    said = f"{known.code} {known.message}"
    return _row(address, known.call, Outcome.REFUSED, known.at, said)


def _in_doubt(address: Address, call: CallRecord, said: str | None = None) -> Against:
    return _row(address, call, Outcome.IN_DOUBT, call.sent, said)


def _row(address: Address, call: CallRecord, outcome: Outcome, at: Timestamp, said: str | None) -> Against:
    return Against(address=address, digest=call.digest, call=call.number, outcome=outcome, at=at, said=said)


def evidence_in(
    state: State, project: str, *, platform: PlatformKind, refreshed_at: Timestamp | None, tool: str
) -> Evidence:
    """Return what *state* knows from the platform's answers to the last calls of each address, whichever run had them.

    Calls that were shown in an earlier epoch are left out: where an older state was restored, nothing in it tells that
    they were the last. *refreshed_at* is when the environment was last refreshed, a part of the keys; *platform* is who
    answers there, for a state that does not say yet who has.
    """
    known = sorted(state.entries, key=address_order)
    scope = KeyScope(
        project=project,
        environment=state.environment,
        tenant=state.tenant,
        entity=state.entity,
        epoch=state.epoch,
        refreshed_at=refreshed_at,
    )
    return Evidence(
        project=project,
        environment=state.environment,
        tenant=state.tenant,
        entity=state.entity,
        platform=state.platform or platform,
        lineage=state.lineage,
        epoch=state.epoch,
        run=None,
        plan_id=None,
        commit=None,
        tool=tool,
        shown=tuple(each for address in known for each in _shown_in(state, address, scope)),
        against=tuple(each for address in known for each in _against_in(state.entries[address], address)),
    )


def _shown_in(state: State, address: Address, scope: KeyScope) -> Iterator[Shown]:
    done = state.entries[address].applied
    if done is not None and done.resolution is None and (state.restored is None or _is_of(scope, address, done.call)):
        yield _done(address, done)


def _is_of(scope: KeyScope, address: Address, call: CallRecord) -> bool:
    """Whether *call* was made in *scope*, which only its key tells."""
    target = parse_address(call.target or address)
    key = idempotency_key(scope, address=address, target=target, digest=call.digest, call=call.number)
    return key == call.key


def _against_in(entry: Entry, address: Address) -> Iterator[Against]:
    """Yield calls that came after the last one that was carried out, and that one if only a person says that it was."""
    done, refused = entry.applied, entry.refused
    if done is not None and done.resolution is not None:
        yield _in_doubt(address, done.call, _WORD)
    if refused is not None and (done is None or refused.call.number > done.call.number):
        is_word = refused.resolution is not None
        yield _in_doubt(address, refused.call, _WORD) if is_word else _refused(address, refused)
    for lost in entry.in_doubt:
        yield _in_doubt(address, lost.call)
