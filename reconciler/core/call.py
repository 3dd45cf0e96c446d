"""A call is one regeneration under one key, however often it is sent; here it is made, and settled by an answer."""

from dataclasses import dataclass
from functools import partial
from typing import assert_never

from reconciler.core.address import Address
from reconciler.core.declaration import Declaration
from reconciler.core.digest import Digest
from reconciler.core.key import KEY_SCHEME, KeyScope, idempotency_key
from reconciler.core.outcome import Answer, Done, Doubt, Fault, Knowledge, Nothing, Refusal
from reconciler.core.plan import Calling, Regenerate, Reissue, Resume
from reconciler.core.run import CallError, Outcome, Result
from reconciler.core.selection import Action
from reconciler.core.state import Applied, CallRecord, Refused, Unsettled
from reconciler.core.timestamp import Timestamp


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorship:
    """The commit that last touched a spec file, and its author. A commit ending in ``-dirty`` was edited since."""

    commit: str | None = None
    author: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call, ready to be sent. *earlier* is what is known of sends before this run, for a resumed call."""

    address: Address
    action: Action
    declaration: Declaration
    digest: Digest
    number: int
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
        scope, address=change.address, target=change.declaration.target, digest=change.digest, call=number
    )
    if earlier is not None and (earlier.scheme, earlier.call.key) != (KEY_SCHEME, key):
        return KeyMismatch(address=change.address, action=change.action)
    return Call(
        address=change.address,
        action=change.action,
        declaration=change.declaration,
        digest=change.digest,
        number=number,
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
    """One send of a call: in which run, when it left and when its answer (or the lack of one) was known."""

    run: str
    left: Timestamp
    ended: Timestamp


def settle(call: Call, sent: Sent, answer: Answer | Fault, knowledge: Knowledge) -> Result:
    """Return what becomes of the change, with the record for the state. *knowledge* is what *answer* tells."""
    request_id = answer.request_id if isinstance(answer, Answer) else None
    process_id = answer.process_id if isinstance(answer, Answer) else None
    result = partial(Result, address=call.address, action=call.action, sends=1, request_id=request_id)
    record = _record(call, sent)
    match knowledge:
        case Done(id_list=ids, warning=warning):
            done = Applied(call=record, at=sent.ended, id_list=ids, request_id=request_id, process_id=process_id)
            return result(outcome=Outcome.DONE, id_list=ids, warning=warning, record=done)
        case Refusal(code=code, message=message):
            refused = Refused(
                call=record,
                at=sent.ended,
                code=code,
                message=message,
                request_id=request_id,
                process_id=process_id,
            )
            return result(outcome=Outcome.REFUSED, error=CallError(code, message, process_id), record=refused)
        case Nothing(code=code, message=message):
            outcome = Outcome.IN_DOUBT if call.earlier else Outcome.NOT_STARTED
            return result(outcome=outcome, error=CallError(code, message, process_id))
        case Doubt(code=code, message=message, spent=spent):
            lost = Unsettled(
                call=record,
                scheme=KEY_SCHEME,
                last_sent=sent.left,
                message=message,
                request_id=request_id,
                spent=spent,
            )
            return result(outcome=Outcome.IN_DOUBT, error=CallError(code, message, process_id), record=lost)
        case _:
            assert_never(knowledge)


def _record(call: Call, sent: Sent) -> CallRecord:
    return CallRecord(
        number=call.number,
        digest=call.digest,
        flags=call.declaration.flags,
        trigger=call.declaration.trigger,
        key=call.key,
        sent=call.earlier.call.sent if call.earlier else sent.left,
        run=sent.run,
        commit=call.authorship.commit,
        author=call.authorship.author,
    )
