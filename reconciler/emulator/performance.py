"""Carrying out accepted requests inside the caller's transaction: effect, saved answer, and what a fault makes."""

import sqlite3

from reconciler.emulator import operation
from reconciler.emulator.admission import Accepted, fingerprint_of, saved_answer
from reconciler.emulator.answers import save_answer
from reconciler.emulator.bookings import Occasion
from reconciler.emulator.database import trial
from reconciler.emulator.envelope import Envelope
from reconciler.emulator.fault_answers import answer_of, reply_through
from reconciler.emulator.fault_kinds import Duplicate, Layer, OperationAnswer, layer_of, wait_of
from reconciler.emulator.faults import Moment
from reconciler.emulator.landings import Landing, store_landing
from reconciler.emulator.messages import Reply, Response
from reconciler.emulator.reasons import RefusedError


def carry_out(connection: sqlite3.Connection, envelope: Envelope, accepted: Accepted) -> Reply:
    """Let *accepted* have its effect, unless its key has an answer by now, and return the reply."""
    natural = _operate_once(connection, envelope, accepted)
    fired = accepted.fired
    if fired is None:
        return Reply(answer=natural)
    fault = fired.rule.fault
    if isinstance(fault, OperationAnswer) and layer_of(fault) is Layer.OPERATION:
        return Reply(answer=natural, wait=wait_of(fault))
    if isinstance(fault, Duplicate):
        store_landing(connection, landing_of(accepted, due_at=envelope.at + fault.seconds, holds_key=False))
    return reply_through(fired, envelope, lambda: natural)


def land(connection: sqlite3.Connection, landing: Landing) -> None:
    """Let *landing* have its effect at the time it was due, unless its key has an answer by now."""
    accepted = Accepted(
        request=landing.request,
        request_id=landing.request_id,
        begun_at=landing.begun_at,
        fingerprint=fingerprint_of(landing.request, landing.tenant),
        key=landing.key,
        rate_headers={},
    )
    envelope = Envelope(request=landing.request, request_id=landing.request_id, at=landing.due_at, headers={})
    _operate_once(connection, envelope, accepted)


def landing_of(accepted: Accepted, *, due_at: float, holds_key: bool) -> Landing:
    return Landing(
        request=accepted.request,
        tenant=accepted.tenant,
        key=accepted.key,
        request_id=accepted.request_id,
        begun_at=accepted.begun_at if holds_key else due_at,
        due_at=due_at,
        holds_key=holds_key,
    )


def _operate_once(connection: sqlite3.Connection, envelope: Envelope, accepted: Accepted) -> Response:
    saved = saved_answer(connection, envelope, accepted)
    if saved is not None:
        return saved
    response, is_saved = _operate(connection, envelope, accepted)
    if is_saved and accepted.key is not None:
        save_answer(
            connection,
            accepted.key,
            fingerprint=accepted.fingerprint,
            response=response,
            set_at=accepted.begun_at,
        )
    return response


def _operate(connection: sqlite3.Connection, envelope: Envelope, accepted: Accepted) -> tuple[Response, bool]:
    """Return what the operation answers, and whether that is saved under the key."""
    rule = None if accepted.fired is None else accepted.fired.rule
    fault = None if rule is None else rule.fault
    if rule is None or not isinstance(fault, OperationAnswer) or layer_of(fault) is not Layer.OPERATION:
        return _perform(connection, envelope, accepted), True
    if rule.when is Moment.AFTER:
        natural = _perform(connection, envelope, accepted)
    else:
        with trial(connection):
            natural = _perform(connection, envelope, accepted)
    answer = answer_of(fault, envelope, natural=natural)
    assert isinstance(answer, Response)  # noqa: S101  - the operation always answers
    return answer, fault.saved


def _perform(connection: sqlite3.Connection, envelope: Envelope, accepted: Accepted) -> Response:
    occasion = Occasion(
        tenant=accepted.tenant,
        at=envelope.at,
        request_id=accepted.request_id,
        idempotency_key=accepted.key,
    )
    try:
        return envelope.answer(200, operation.perform(connection, accepted.request, occasion))
    except RefusedError as error:
        return envelope.refusal(error)
