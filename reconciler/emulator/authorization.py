"""POST /oauth/token: client credentials into a bearer token.

Source: developer.zuora.com, operation createToken; the status and body of wrong requests are inferred from the
official client library, which reads {"message": ...} with a 401.
"""

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl

from reconciler.emulator.client import Client, tenant_of
from reconciler.emulator.envelope import Envelope
from reconciler.emulator.header_rules import is_track_id
from reconciler.emulator.messages import Request, Response
from reconciler.emulator.tokens import issue_token

PATH = "/oauth/token"

_MAX_FIELDS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    client_id: str
    secret: str


def answer_token_request(
    connection: sqlite3.Connection, envelope: Envelope, *, clients: Sequence[Client], new_id: Callable[[], str]
) -> Response:
    fault = _fault(envelope.request)
    if fault is not None:
        status, message = fault
        return envelope.answer(status, {"message": message})
    credentials = _credentials(_form(envelope.request))
    tenant = tenant_of(clients, client_id=credentials.client_id, secret=credentials.secret)
    if tenant is None:
        return envelope.unauthorized()
    document = issue_token(
        connection,
        token=new_id().replace("-", ""),
        tenant=tenant,
        client_id=credentials.client_id,
        now=envelope.at,
    )
    return envelope.answer(200, document, Cache_Control="no-store")


def tenant_of_request(request: Request, clients: Sequence[Client]) -> str | None:
    """Return the tenant whose token *request* asks for, if it would get one."""
    if _fault(request) is not None:
        return None
    credentials = _credentials(_form(request))
    return tenant_of(clients, client_id=credentials.client_id, secret=credentials.secret)


def _fault(request: Request) -> tuple[int, str] | None:
    """Return the status and message for a request that is wrong whatever its credentials are."""
    if request.method != "POST":
        return 405, "Only POST is supported."
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        return 415, "Content-Type must be application/x-www-form-urlencoded."
    if not is_track_id(request.headers.get("zuora-track-id", "absent")):
        return 400, "Zuora-Track-Id is not valid."
    try:
        grant_type = _form(request).get("grant_type")
    except ValueError:
        return 400, "The form cannot be read."
    if grant_type != "client_credentials":
        return 400, "grant_type must be client_credentials."
    return None


def _form(request: Request) -> dict[str, str]:
    text = request.body.decode()
    return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS))


def _credentials(form: dict[str, str]) -> Credentials:
    return Credentials(client_id=form.get("client_id", ""), secret=form.get("client_secret", ""))
