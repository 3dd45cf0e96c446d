"""The platform's side of the API, without a socket: a request begins, and what was accepted is finished.

Between the two an answer is in flight: it counts against the concurrency limit and holds its Idempotency-Key.
Nothing of that is stored, so a killed process leaves no key behind that is in flight for ever; what `finish`
commits is the effect and the saved answer together. Another process on the same file may finish the same key first:
`finish` looks again under the write lock.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reconciler.emulator import authorization, operation
from reconciler.emulator.answers import Fingerprint, find_answer, payload_digest, save_answer
from reconciler.emulator.bookings import Occasion
from reconciler.emulator.client import Client
from reconciler.emulator.database import transaction
from reconciler.emulator.envelope import Envelope
from reconciler.emulator.header_rules import check_idempotency_key
from reconciler.emulator.limits import InFlight, RateCounter
from reconciler.emulator.messages import Request, Response
from reconciler.emulator.reasons import Category, Reason, RefusedError
from reconciler.emulator.tokens import tenant_of_bearer
from reconciler.emulator.transfer import decoded_body

_IN_PROGRESS = "A request with this Idempotency-Key is still in progress."
_LIMIT_TEXT = (
    "Your total number of concurrent requests have exceeded the limit allowed by the system."
    " Please resubmit your request later."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A request that will be answered: its effect, if any, is still to come."""

    request: Request
    request_id: str
    begun_at: float
    fingerprint: Fingerprint
    key: str | None
    rate_headers: dict[str, str]

    @property
    def tenant(self) -> str:
        return self.fingerprint.tenant


class Service:
    """One emulated platform. Its methods are called by one thread at a time."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        *,
        now: Callable[[], float],
        new_id: Callable[[], str],
        clients: Sequence[Client] = (),
    ) -> None:
        self._connection = connection
        self._now = now
        self._new_id = new_id
        self._clients = tuple(clients)
        self._rates = RateCounter()
        self._in_flight = InFlight()

    def begin(self, request: Request) -> Response | Accepted:
        """Answer what needs no effect; accept the rest, to be given to `finish` and then to `release`, whatever
        happens.
        """
        envelope = self._envelope(request)
        match request.path:
            case authorization.PATH:
                return authorization.answer_token_request(
                    self._connection, envelope, clients=self._clients, new_id=self._new_id
                )
            case operation.PATH:
                return self._accept(envelope)
            case _:
                return envelope.not_implemented()

    def finish(self, accepted: Accepted) -> Response:
        """Let *accepted* have its effect and return the answer, both on the disk."""
        envelope = Envelope(
            request=accepted.request,
            request_id=accepted.request_id,
            at=self._now(),
            headers=accepted.rate_headers | self._in_flight.headers(accepted.tenant, waiting=0),
        )
        with transaction(self._connection):
            saved = self._saved_answer(envelope, accepted.key, accepted.fingerprint)
            if saved is not None:
                return saved
            response = self._perform(envelope, accepted)
            if accepted.key is not None:
                save_answer(
                    self._connection,
                    accepted.key,
                    fingerprint=accepted.fingerprint,
                    response=response,
                    set_at=accepted.begun_at,
                )
        return response

    def release(self, accepted: Accepted) -> None:
        self._in_flight.leave(accepted.tenant, accepted.key)

    def system_error(self, request: Request) -> Response:
        """Return the answer to a request that has broken the emulator."""
        return self._envelope(request).system_error()

    def close(self) -> None:
        self._connection.close()

    def _envelope(self, request: Request) -> Envelope:
        return Envelope(request=request, request_id=self._new_id(), at=self._now(), headers={})

    def _accept(self, envelope: Envelope) -> Response | Accepted:
        request = envelope.request
        tenant = tenant_of_bearer(self._connection, request.headers.get("authorization", ""), now=envelope.at)
        if tenant is None:
            return envelope.unauthorized()
        quota = self._rates.count(tenant, now=envelope.at)
        limited = Envelope(
            request=request,
            request_id=envelope.request_id,
            at=envelope.at,
            headers=quota.headers() | self._in_flight.headers(tenant, waiting=1),
        )
        if quota.is_exceeded:
            return limited.answer(429, {"message": "The rate limit is exceeded."}, Retry_After=str(quota.reset))
        accepted = Accepted(
            request=request,
            request_id=envelope.request_id,
            begun_at=envelope.at,
            fingerprint=_fingerprint(request, tenant),
            key=request.headers.get("idempotency-key"),
            rate_headers=quota.headers(),
        )
        return self._enter(limited, accepted)

    def _enter(self, envelope: Envelope, accepted: Accepted) -> Response | Accepted:
        """Put *accepted* in flight, unless limit or key already answer it."""
        try:
            self._check_concurrency(accepted.tenant)
            if accepted.key is not None:
                check_idempotency_key(accepted.key)
        except RefusedError as error:
            return envelope.refusal(error)
        saved = self._saved_answer(envelope, accepted.key, accepted.fingerprint)
        if saved is not None:
            return saved
        if accepted.key is not None and self._in_flight.holds(accepted.key):
            return envelope.answer(409, {"message": _IN_PROGRESS})
        self._in_flight.enter(accepted.tenant, accepted.key)
        return accepted

    def _check_concurrency(self, tenant: str) -> None:
        if self._in_flight.is_full(tenant):
            reason = Reason(category=Category.REQUEST_LIMIT, message=_LIMIT_TEXT)
            raise RefusedError([reason], headers={"Retry-After": "1"})

    def _saved_answer(self, envelope: Envelope, key: str | None, fingerprint: Fingerprint) -> Response | None:
        saved = None if key is None else find_answer(self._connection, key, now=envelope.at)
        if saved is None:
            return None
        difference = saved.fingerprint.mismatch(fingerprint)
        if difference is None:
            return saved.response
        message = f"This Idempotency-Key belongs to a request with another {difference}."
        return envelope.answer(422, {"message": message})

    def _perform(self, envelope: Envelope, accepted: Accepted) -> Response:
        occasion = Occasion(
            tenant=accepted.tenant,
            at=envelope.at,
            request_id=accepted.request_id,
            idempotency_key=accepted.key,
        )
        try:
            return envelope.answer(200, operation.perform(self._connection, accepted.request, occasion))
        except RefusedError as error:
            return envelope.refusal(error)


def _fingerprint(request: Request, tenant: str) -> Fingerprint:
    try:
        payload = decoded_body(request)
    except RefusedError:
        payload = request.body
    url = f"{request.path}?{request.query}" if request.query else request.path
    return Fingerprint(tenant=tenant, method=request.method, url=url, payload=payload_digest(payload))
