"""The token endpoint: credentials to a token and what it is good for. Pure.

Source: developer.zuora.com, API reference of 2026-09-11, operation createToken: a form of client_id, client_secret and
grant_type; the answer has access_token, expires_in (seconds, about an hour) and scope. The body of a refusal is not
documented, so every shape that is in use is read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from reconciler.core.outcome import Traffic
from reconciler.core.tenancy import Scope, parse_scope
from reconciler.errors import AuthenticationError, PlatformError, Unreachable
from reconciler.ports import Secret
from reconciler.zuora.wire import decode, traffic_of

PATH = "/oauth/token"
EARLY = 60.0
"""Seconds before its end at which a token is no longer used: a call may take that long to arrive."""

PATIENCE = 30.0
"""Seconds in which a token is asked for again: the calls that wait for it are written down as about to leave."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """*lifetime* is in seconds from the moment the answer came; *traffic* is what its headers tell of the budget."""

    value: Secret
    lifetime: float
    scope: Scope
    traffic: Traffic


def form(client_id: Secret, client_secret: Secret) -> dict[str, str]:
    return {
        "client_id": client_id.reveal(),
        "client_secret": client_secret.reveal(),
        "grant_type": "client_credentials",
    }


def read_token(status: int, headers: Mapping[str, str], body: bytes, *, base_url: str) -> Token:
    """Return the token of an answer.

    Raise AuthenticationError if the credentials are refused, Unreachable if the platform is busy or down, and
    PlatformError if the answer is none that the platform gives.
    """
    if status == 200:
        return _token(headers, body, base_url)
    answer = decode(status, headers, body)
    told = "; ".join(reason.message for reason in answer.reasons) or f"HTTP {status}"
    if status in (400, 401, 403):
        raise AuthenticationError(
            "Credentials refused",
            f"{base_url} answered: {told}. Nothing was sent.",
            hint="Check the client id and secret of this environment, and that base_url is their tenant's.",
        )
    if status == 429 or status >= 500:
        raise Unreachable(
            "No token to be had now",
            f"{base_url} answered HTTP {status}: {told}. Nothing was sent.",
            hint="Run the same command again later.",
            wait=answer.retry_after,
        )
    raise _not_the_platform(base_url, f"HTTP {status}")


def _token(headers: Mapping[str, str], body: bytes, base_url: str) -> Token:
    try:
        value = json.loads(body)
        token, lifetime, scope = value["access_token"], float(value["expires_in"]), value.get("scope", "")
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        raise _not_the_platform(base_url, "HTTP 200 without a token") from None
    if not isinstance(token, str) or not token.isascii() or not token.isprintable() or not isinstance(scope, str):
        raise _not_the_platform(base_url, "HTTP 200 with a token that cannot be sent")
    return Token(value=Secret(token), lifetime=lifetime, scope=parse_scope(scope), traffic=traffic_of(headers))


def _not_the_platform(base_url: str, found: str) -> PlatformError:
    return PlatformError(
        "Not the platform",
        f"{base_url}{PATH} answered {found}, which is no answer of Zuora's. Nothing was sent.",
        hint="Check base_url and the proxy settings (HTTPS_PROXY, NO_PROXY): a login page in between answers so.",
    )
