"""The platform's side of the API, without a socket and without waiting: a request begins, and what was accepted is
finished.

Between the two an answer is in flight: it counts against the concurrency limit and holds its Idempotency-Key.
Nothing of that is stored, so a killed process leaves no key behind that is in flight for ever; what `finish`
commits is the effect and the saved answer together. Another process on the same file may finish the same key first:
`finish` looks again under the write lock. Waiting is the caller's: the service says how long, by any clock.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import replace

from reconciler.emulator import authorization, operation
from reconciler.emulator.admission import Accepted, Admission, Followed
from reconciler.emulator.client import Client
from reconciler.emulator.database import savepoint, transaction
from reconciler.emulator.envelope import Envelope
from reconciler.emulator.fault_answers import answer_of, latency_of, reply_through
from reconciler.emulator.fault_kinds import (
    Duplicate,
    Latency,
    Layer,
    OtherHeaders,
    Unauthorized,
    layer_of,
    wait_of,
)
from reconciler.emulator.fault_rules import FaultReport, active_rules, clear_rules, meet, report_rules, store_rules
from reconciler.emulator.faults import FaultRule, Fired, Moment, Operation, Situation
from reconciler.emulator.header_rules import idempotency_key
from reconciler.emulator.landings import next_due, store_landing, take_due
from reconciler.emulator.limits import PRODUCTION_WINDOWS, Window
from reconciler.emulator.messages import Reply, Request, Response
from reconciler.emulator.performance import carry_out, land, landing_of
from reconciler.emulator.tokens import revoke_bearer


class Service:
    """One emulated platform. Its methods are called by one thread at a time."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        clients: Sequence[Client] = (),
        windows: Sequence[Window] = PRODUCTION_WINDOWS,
    ) -> None:
        self._connection = connection
        self._now = now
        self._new_id = new_id
        self._clients = tuple(clients)
        self._admission = Admission(connection, clients=self._clients, windows=windows)
        self._next_landing = next_due(connection)

    def begin(self, request: Request) -> Reply | Accepted:
        """Reply to what needs no effect; accept the rest, to be given to `finish` and then to `release`, whatever
        happens. What was due has landed before.
        """
        self.land_due()
        envelope = self._envelope(request)
        rules = active_rules(self._connection)
        match request.path:
            case authorization.PATH:
                return self._begin_token(envelope, rules)
            case operation.PATH:
                return self._begin_regeneration(envelope, rules)
            case _:
                fired = self._meet(rules, Situation(layer=Layer.GATEWAY, operation=Operation.OTHER), envelope)
                return reply_through(fired, envelope, envelope.not_implemented)

    def finish(self, accepted: Accepted) -> Reply:
        """Let *accepted* have its effect and return the reply, both on the disk."""
        [reply] = self.finish_all([accepted])
        if isinstance(reply, Exception):
            raise reply
        return reply

    def finish_all(self, accepted: Sequence[Accepted]) -> list[Reply | Exception]:
        """Finish all of *accepted* with one commit. The one that breaks has no effect, and is no other's concern."""
        with transaction(self._connection):
            replies = [self._finish_part(one) for one in accepted]
        if any(one.fired is not None for one in accepted):
            self._next_landing = next_due(self._connection)
        return replies

    def release(self, accepted: Accepted) -> None:
        self._admission.leave(accepted)

    def exchange(self, request: Request) -> Reply:
        """Begin, finish and release *request* at one moment of the clock; `wait` tells how long it would have taken."""
        begun = self.begin(request)
        if isinstance(begun, Reply):
            return begun
        try:
            reply = self.finish(begun)
        finally:
            self.release(begun)
        return replace(reply, wait=begun.wait + reply.wait)

    @property
    def next_landing(self) -> float | None:
        """When the next request lands that is on its way, by the service's clock; None if there is none."""
        return self._next_landing

    def land_due(self) -> int:
        """Carry out what is due by now of that which lands late, and return how many requests it was."""
        now = self._now()
        self._next_landing = next_due(self._connection)
        if self._next_landing is None or self._next_landing > now:
            return 0
        with transaction(self._connection):
            landings = take_due(self._connection, now=now)
            for landing in landings:
                land(self._connection, landing)
        self._next_landing = next_due(self._connection)
        return len(landings)

    def now(self) -> float:
        return self._now()

    def load_faults(self, document: object) -> int:
        """Put the rules of *document* in the place of all there were. Raise ValueError."""
        return store_rules(self._connection, document)

    def list_faults(self) -> tuple[FaultReport, ...]:
        return report_rules(self._connection)

    def clear_faults(self) -> int:
        return clear_rules(self._connection)

    def system_error(self, request: Request) -> Response:
        """Return the answer to a request that has broken the emulator."""
        return self._envelope(request).system_error()

    def close(self) -> None:
        self._connection.close()

    def _envelope(self, request: Request) -> Envelope:
        return Envelope(request=request, request_id=self._new_id(), at=self._now(), headers={})

    def _begin_token(self, envelope: Envelope, rules: Sequence[FaultRule]) -> Reply:
        def issue() -> Response:
            return authorization.answer_token_request(
                self._connection, envelope, clients=self._clients, new_id=self._new_id
            )

        tenant = authorization.tenant_of_request(envelope.request, self._clients) if rules else None
        layer = Layer.GUARD if tenant is None else Layer.OPERATION
        situation = Situation(layer=layer, operation=Operation.TOKEN, tenant=tenant or "")
        return reply_through(self._meet(rules, situation, envelope), envelope, issue)

    def _begin_regeneration(self, envelope: Envelope, rules: Sequence[FaultRule]) -> Reply | Accepted:
        followed = self._admission.follow(envelope)
        fired = self._meet(rules, self._situation(followed), followed.envelope) if rules else None
        natural = followed.natural
        if isinstance(natural, Response):
            return reply_through(fired, followed.envelope, lambda: natural)
        if fired is None:
            return self._admission.enter(natural)
        return self._accept_with(fired, natural, followed.envelope)

    def _situation(self, followed: Followed) -> Situation:
        request = followed.envelope.request
        return Situation(
            layer=followed.layer,
            operation=Operation.REGENERATE,
            tenant=followed.tenant,
            target=operation.target_of(self._connection, request, followed.tenant),
            key=idempotency_key(request) or "",
        )

    def _meet(self, rules: Sequence[FaultRule], situation: Situation, envelope: Envelope) -> Fired | None:
        fired = meet(self._connection, rules, situation, now=envelope.at) if rules else None
        if fired is not None and isinstance(fired.rule.fault, Unauthorized) and fired.rule.fault.revoke:
            revoke_bearer(self._connection, envelope.request.headers.get("authorization", ""))
        return fired

    def _accept_with(self, fired: Fired, accepted: Accepted, envelope: Envelope) -> Reply | Accepted:
        """Accept a request that meets a fault, or reply to it where its effect does not come now."""
        rule, fault = fired.rule, fired.rule.fault
        if isinstance(fault, Latency) and rule.when is Moment.BEFORE:
            return self._admission.enter(replace(accepted, wait=latency_of(fault, fired)))
        if isinstance(fault, Latency | OtherHeaders | Duplicate) or rule.when is Moment.AFTER:
            return self._admission.enter(replace(accepted, fired=fired))
        if rule.when is Moment.LATE:
            landing = landing_of(accepted, due_at=accepted.begun_at + rule.late_seconds, holds_key=rule.holds_key)
            with transaction(self._connection):
                store_landing(self._connection, landing)
            self._next_landing = next_due(self._connection)
        elif layer_of(fault) is Layer.OPERATION:
            return self._admission.enter(replace(accepted, fired=fired))
        return Reply(answer=answer_of(fault, envelope, natural=None), wait=wait_of(fault))

    def _finish_part(self, accepted: Accepted) -> Reply | Exception:
        envelope = Envelope(
            request=accepted.request,
            request_id=accepted.request_id,
            at=self._now(),
            headers=self._admission.headers(accepted),
        )
        try:
            with savepoint(self._connection):
                return carry_out(self._connection, envelope, accepted)
        except Exception as error:
            if not self._connection.in_transaction:  # SQLite has rolled back what was finished before, too
                raise
            return error
