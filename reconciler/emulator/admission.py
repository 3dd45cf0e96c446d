"""How far a request gets on its way to the operation: token, limits, Idempotency-Key; and what is in flight.

Rule: following a request changes nothing but the rates it counts against; it is in flight once it has entered.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reconciler.emulator.answers import Fingerprint, find_answer, payload_digest
from reconciler.emulator.client import Client
from reconciler.emulator.envelope import Envelope
from reconciler.emulator.fault_answers import IN_PROGRESS, LIMIT_TEXT, RATE_TEXT, wait_after
from reconciler.emulator.fault_kinds import Layer
from reconciler.emulator.faults import Fired
from reconciler.emulator.header_rules import check_idempotency_key, idempotency_key
from reconciler.emulator.landings import is_on_its_way
from reconciler.emulator.limits import InFlight, RateCounter, Window
from reconciler.emulator.messages import Request, Response
from reconciler.emulator.reasons import Category, Reason, RefusedError
from reconciler.emulator.tokens import tenant_of_bearer
from reconciler.emulator.transfer import decoded_body


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A request that will be answered: its effect, if any, is still to come, *wait* seconds after it has begun."""

    request: Request
    request_id: str
    begun_at: float
    fingerprint: Fingerprint
    key: str | None
    rate_headers: dict[str, str]
    fired: Fired | None = None
    wait: float = 0.0

    @property
    def tenant(self) -> str:
        return self.fingerprint.tenant

    @property
    def longest_wait(self) -> float:
        """How many seconds the answer may take, before the effect and after it."""
        return self.wait + (0.0 if self.fired is None else wait_after(self.fired))


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """Where a request gets without faults: the last layer it reaches, and what becomes of it there."""

    layer: Layer
    envelope: Envelope
    tenant: str
    natural: Response | Accepted


class Admission:
    """The way to the operation, and what is on it. Of one process only, but for tokens and saved answers."""

    def __init__(self, connection: sqlite3.Connection, *, clients: Sequence[Client], windows: Sequence[Window]) -> None:
        self._connection = connection
        self._clients = clients
        self._rates = RateCounter(windows)
        self._in_flight = InFlight()

    def follow(self, envelope: Envelope) -> Followed:
        request = envelope.request
        authorization = request.headers.get("authorization", "")
        tenant = tenant_of_bearer(self._connection, authorization, clients=self._clients, now=envelope.at)
        if tenant is None:
            return Followed(layer=Layer.GATEWAY, envelope=envelope, tenant="", natural=envelope.unauthorized())
        quota = self._rates.count(tenant, now=envelope.at)
        limited = replace(envelope, headers=quota.headers() | self._in_flight.headers(tenant, waiting=1))
        if quota.is_exceeded:
            answer = limited.answer(429, {"message": RATE_TEXT}, Retry_After=str(quota.reset))
            return Followed(layer=Layer.GUARD, envelope=limited, tenant=tenant, natural=answer)
        accepted = Accepted(
            request=request,
            request_id=envelope.request_id,
            begun_at=envelope.at,
            fingerprint=fingerprint_of(request, tenant),
            key=idempotency_key(request),
            rate_headers=quota.headers(),
        )
        guarded = self._guard(limited, accepted)
        if guarded is not None:
            return Followed(layer=Layer.GUARD, envelope=limited, tenant=tenant, natural=guarded)
        return Followed(layer=Layer.OPERATION, envelope=limited, tenant=tenant, natural=accepted)

    def enter(self, accepted: Accepted) -> Accepted:
        self._in_flight.enter(accepted.tenant, accepted.key)
        return accepted

    def leave(self, accepted: Accepted) -> None:
        self._in_flight.leave(accepted.tenant, accepted.key)

    def headers(self, accepted: Accepted) -> dict[str, str]:
        """Return the limit headers of the answer to *accepted*."""
        return accepted.rate_headers | self._in_flight.headers(accepted.tenant, waiting=0)

    def _guard(self, envelope: Envelope, accepted: Accepted) -> Response | None:
        """Return the answer that limit or key already give to *accepted*, or None."""
        try:
            self._check_concurrency(accepted.tenant)
            if accepted.key is not None:
                check_idempotency_key(accepted.key)
        except RefusedError as error:
            return envelope.refusal(error)
        saved = saved_answer(self._connection, envelope, accepted)
        if saved is None and accepted.key is not None and self._is_in_flight(accepted.key):
            return envelope.answer(409, {"message": IN_PROGRESS})
        return saved

    def _is_in_flight(self, key: str) -> bool:
        return self._in_flight.holds(key) or is_on_its_way(self._connection, key)

    def _check_concurrency(self, tenant: str) -> None:
        if self._in_flight.is_full(tenant):
            reason = Reason(category=Category.REQUEST_LIMIT, message=LIMIT_TEXT)
            raise RefusedError([reason], headers={"Retry-After": "1"})


def saved_answer(connection: sqlite3.Connection, envelope: Envelope, accepted: Accepted) -> Response | None:
    """Return what the key of *accepted* answers by now: the saved answer, or that it belongs to something else."""
    saved = None if accepted.key is None else find_answer(connection, accepted.key, now=envelope.at)
    if saved is None:
        return None
    difference = saved.fingerprint.mismatch(accepted.fingerprint)
    if difference is None:
        return saved.response
    message = f"This Idempotency-Key belongs to a request with another {difference}."
    return envelope.answer(422, {"message": message})


def fingerprint_of(request: Request, tenant: str) -> Fingerprint:
    try:
        payload = decoded_body(request)
    except RefusedError:
        payload = request.body
    url = f"{request.path}?{request.query}" if request.query else request.path
    return Fingerprint(tenant=tenant, method=request.method, url=url, payload=payload_digest(payload))
