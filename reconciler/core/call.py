"""A call is one regeneration under one key, however often it is sent; here it is made, and settled by an answer."""

from dataclasses import dataclass, replace
from functools import partial

from reconciler.core.address import Address
from reconciler.core.declaration import Declaration
from reconciler.core.digest import Digest
from reconciler.core.entry import Applied, CallRecord, Refused, Unsettled
from reconciler.core.key import KEY_SCHEME, KeyScope, idempotency_key
from reconciler.core.outcome import Answer, Done, Doubt, Fault, Knowledge, Refusal
from reconciler.core.plan import Calling, Regenerate, Reissue, Resume
from reconciler.core.run import CallError, Outcome, Result
from reconciler.core.selection import Action
from reconciler.core.timestamp import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorship:
    """The commit that last touched a spec file, and its author. A commit ending in ``-dirty`` was edited since."""

    commit: str | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, ready to be sent. *earlier* is what is known of sends before this run, for a resumed call.

    *following* is the number that a new call of the same declaration would have.
    """

    address: Address
    action: Action
    declaration: Declaration
    digest: Digest
    number: int
    following: int
    key: str
    authorship: Authorship
    earlier: Unsettled | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyMismatch:
    """A call that may not be resumed: computed today, its key is not the one that was sent."""

    address: Address
    action: Action


def call_of(change: Calling, scope: KeyScope, authorship: Authorship) -> Call | KeyMismatch:
    """Return the call that *change* asks for. A resumed one must arrive at the key that was sent before."""
    number, earlier = _number(change)
    key = idempotency_key(
        scope, address=change.address, target=change.declaration.as_sent, digest=change.digest, call=number
    )
    if earlier is not None and (earlier.scheme, earlier.call.key) != (KEY_SCHEME, key):
        return KeyMismatch(address=change.address, action=change.action)
    return Call(
        address=change.address,
        action=change.action,
        declaration=change.declaration,
        digest=change.digest,
        number=number,
        following=change.next_call if isinstance(change, Resume) else number + 1,
        key=key,
        authorship=authorship,
        earlier=earlier,
    )


def _number(change: Calling) -> tuple[int, Unsettled | None]:
    match change:
        case Regenerate() | Reissue():
            return change.call, None
        case Resume():
            return change.unsettled.call.number, change.unsettled


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """The sends of a call in one run: how many, when the first and the last left, when the last end was known."""

    run: str
    sends: int
    first: Timestamp
    last: Timestamp
    ended: Timestamp


def settle(call: Call, sent: Sent, answer: Answer | Fault, knowledge: Knowledge, *, doubtful: bool) -> Result:
    """Return what becomes of the change, with the record for the state. *knowledge* is what *answer* tells.

    *doubtful*: a send of this call, now or before, may have had an effect that nobody knows of.
    """
    request_id = answer.request_id if isinstance(answer, Answer) else None
    process_id = answer.process_id if isinstance(answer, Answer) else None
    result = partial(Result, address=call.address, action=call.action, sends=sent.sends, request_id=request_id)
    record = record_of(call, run=sent.run, left=sent.first)
    if isinstance(knowledge, Done):
        ids = knowledge.id_list
        done = Applied(call=record, at=sent.ended, id_list=ids, request_id=request_id, process_id=process_id)
        return result(outcome=Outcome.DONE, id_list=ids, warning=knowledge.warning, record=done)
    error = CallError(knowledge.code, knowledge.message, process_id)
    if isinstance(knowledge, Refusal):
        refused = Refused(
            call=record,
            at=sent.ended,
            code=knowledge.code,
            message=knowledge.message,
            request_id=request_id,
            process_id=process_id,
        )
        return result(outcome=Outcome.REFUSED, error=error, record=refused)
    if not doubtful:
        return result(outcome=Outcome.NOT_STARTED, error=error)
    lost = Unsettled(
        call=record,
        scheme=KEY_SCHEME,
        last_sent=sent.last,
        message=knowledge.message,
        request_id=request_id,
        spent=isinstance(knowledge, Doubt) and knowledge.spent,
        saved_error=isinstance(knowledge, Doubt) and knowledge.saved_error,
        resolution=_word_that_holds(call.earlier, request_id),
    )
    return result(outcome=Outcome.IN_DOUBT, error=error, record=lost)


def _word_that_holds(earlier: Unsettled | None, request_id: str | None) -> str | None:
    """Return a person's "not done" if the answer is the one that was saved before: then nothing has happened since."""
    if earlier is None or request_id is None or request_id != earlier.request_id:
        return None
    return earlier.resolution


def record_of(call: Call, *, run: str, left: Timestamp) -> CallRecord:
    """Return what is remembered of *call*; *left* is when its first send in this run left."""
    return CallRecord(
        number=call.number,
        digest=call.digest,
        flags=call.declaration.flags,
        trigger=call.declaration.trigger,
        key=call.key,
        sent=call.earlier.call.sent if call.earlier else left,
        run=run,
        commit=call.authorship.commit,
        author=call.authorship.author,
        target=call.declaration.sent_as,
    )


def next_call(call: Call, scope: KeyScope) -> Call:
    """Return the call that follows a settled one for the same declaration, under a number and key of its own."""
    number = call.following
    key = idempotency_key(scope, address=call.address, target=call.declaration.as_sent, digest=call.digest, call=number)
    return replace(call, number=number, following=number + 1, key=key, earlier=None)
