"""The driver: sends what `wire` encodes, over httpx, and translates what httpx raises into what is known.

Proxies (HTTPS_PROXY, NO_PROXY; through httpx's own transport) and certificate authorities of one's own
(SSL_CERT_FILE, SSL_CERT_DIR) work. Loopback never goes through a proxy. Redirects are not followed: our headers are for
the platform only.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import quote, quote_plus, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from reconciler.core.environment import is_loopback
from reconciler.core.outcome import Again, Answer, Cause, Fault, FaultKind
from reconciler.core.retry import Wait, decide
from reconciler.core.tenancy import NOBODY, Scope, Tenancy, check_same
from reconciler.errors import PlatformError, ReconcilerError, Unreachable
from reconciler.ports import Clock, Granted, Regeneration, Secret
from reconciler.zuora import oauth
from reconciler.zuora.transport import StreamTransport
from reconciler.zuora.wire import MAX_BODY, BadBody, clean, date_of, decode, decompress, encode

_TOTAL = 150.0
"""Seconds for one send, all in all. The platform itself gives up after 120 s (guide on error handling)."""

_SHORTEST_SECRET = 8
"""Characters below which a secret is no secret, and replacing it would only garble answers."""

_PHASES = httpx.Timeout(130.0, connect=15.0)
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.LocalProtocolError,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where and as whom to call. *entity* is the one the project file names.

    An entity is sent as a header where the project names one or the credentials are good for several.
    """

    base_url: str
    client_id: Secret
    client_secret: Secret
    entity: str | None = None
    orgs: tuple[str, ...] = ()


def network(endpoint: Endpoint) -> httpx.AsyncClient:
    """Return an HTTP client for the platform itself. Raise PlatformError if the machine's settings are unusable."""
    try:
        if proxy_of(endpoint.base_url):
            return httpx.AsyncClient(base_url=endpoint.base_url, timeout=_PHASES)
        transport = StreamTransport(httpx.create_ssl_context)
        return httpx.AsyncClient(base_url=endpoint.base_url, timeout=_PHASES, transport=transport)
    except (OSError, ValueError, ImportError, httpx.InvalidURL) as error:
        told = clean(str(error)) if isinstance(error, OSError | ImportError) else "a proxy variable holds no usable URL"
        raise PlatformError(
            "The connection cannot be set up",
            f"{told}. Nothing was sent.",
            hint="Check SSL_CERT_FILE, SSL_CERT_DIR, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY.",
        ) from error


def proxy_of(base_url: str) -> tuple[str, str] | None:
    """Return the kind (``https``, ``all``) and URL of the proxy that the environment names for *base_url*.

    Loopback never has one.
    """
    parts = urlsplit(base_url)
    proxies = getproxies()
    kind = next((kind for kind in (parts.scheme, "all") if proxies.get(kind)), None)
    is_bypassed = kind is None or is_loopback(parts.hostname) or proxy_bypass(parts.netloc)
    return None if kind is None or is_bypassed else (kind, proxies[kind])


def in_process(application: Callable[..., object], endpoint: Endpoint) -> httpx.AsyncClient:
    """Return an HTTP client for an ASGI *application* in this process, such as the embedded emulator."""
    transport = httpx.ASGITransport(app=application)  # type: ignore[arg-type]
    return httpx.AsyncClient(base_url=endpoint.base_url, transport=transport, timeout=_PHASES)


@dataclass(frozen=True, slots=True)
class _Response:
    status: int
    headers: Mapping[str, str]
    body: bytes


class HttpPlatform:
    """The platform over HTTP. *clock* counts the seconds of its tokens, and waits before one is asked for again."""

    def __init__(self, endpoint: Endpoint, client: httpx.AsyncClient, *, clock: Clock) -> None:
        self._endpoint = endpoint
        self._client = client
        self._clock = clock
        self._tenancy = NOBODY
        self._token: oauth.Token | None = None
        self._token_ends = 0.0
        self._dated: tuple[datetime, float] | None = None
        self._scope: Scope | None = None
        self._fetching = asyncio.Lock()
        self._refused = 0
        self._refusal: ReconcilerError | None = None
        self._urls: dict[str, httpx.URL] = {}
        self._secrets: tuple[Secret, ...] = (endpoint.client_id, endpoint.client_secret)
        self._hidden = _spellings(*self._secrets)

    async def authenticate(self) -> Scope:
        return (await self._fresh_token()).scope

    async def ask(self) -> Granted:
        token = await self._fresh_token()
        return Granted(scope=token.scope, lifetime=token.lifetime, traffic=token.traffic)

    def has_token(self) -> bool:
        return self._good_token() is not None

    def use(self, tenancy: Tenancy) -> None:
        self._tenancy = tenancy

    async def regenerate(self, regeneration: Regeneration) -> Answer | Fault:
        token = await self._fresh_token()
        request = encode(
            regeneration,
            tenancy=self._tenancy,
            send_entity=self._endpoint.entity is not None or len(token.scope.entities) > 1,
            orgs=self._endpoint.orgs,
        )
        headers = {**request.headers, "Authorization": f"Bearer {token.value.reveal()}"}
        try:
            response = await self._post(request.path, request.query, headers, request.body, hidden=self._hidden)
        except _NOT_SENT as error:
            return Fault(FaultKind.NOT_SENT, self._told(error))
        except ConnectionRefusedError as error:
            return Fault(FaultKind.NOT_SENT, self._told(error))
        except (httpx.HTTPError, OSError, BadBody) as error:
            return Fault(FaultKind.LOST, self._told(error))
        if response.status == 401 and self._token is token:
            self._token = None
        return decode(response.status, response.headers, response.body)

    def server_time(self) -> datetime | None:
        if self._dated is None:
            return None
        date, at = self._dated
        return date + timedelta(seconds=self._clock.monotonic() - at)

    async def close(self) -> None:
        await self._client.aclose()

    async def _fresh_token(self) -> oauth.Token:
        """Return a token that is good now, fetched by one for all who wait; that none is to be had is theirs, too."""
        good = self._good_token()
        if good is not None:
            return good
        refused = self._refused
        async with self._fetching:
            if self._refusal is not None and refused < self._refused:
                raise self._refusal
            return self._good_token() or await self._renew()

    def _good_token(self) -> oauth.Token | None:
        return self._token if self._clock.monotonic() <= self._token_ends else None

    async def _renew(self) -> oauth.Token:
        token = await self._ask_for_token()
        self._secrets = (*self._secrets, token.value)
        self._hidden = _spellings(*self._secrets)
        self._token, self._token_ends = token, self._clock.monotonic() + token.lifetime - oauth.EARLY
        return token

    async def _ask_for_token(self) -> oauth.Token:
        """Return a new token. Without one at all nothing is lost yet and a person is told at once; later it is asked
        for again, because a run that ends in the middle leaves work behind.
        """
        began, tries = self._clock.monotonic(), 0
        while True:
            tries += 1
            try:
                token = await self._fetch_token()
                self._scope = self._scope or token.scope
                check_same(self._scope, token.scope)
            except ReconcilerError as error:
                pause = self._pause(error, tries, self._clock.monotonic() - began) if self._scope else None
                if pause is None:
                    self._refused, self._refusal = self._refused + 1, error
                    raise
                await self._clock.sleep(pause)
            else:
                return token

    def _pause(self, error: ReconcilerError, tries: int, elapsed: float) -> float | None:
        """Return how long to wait before the token is asked for again, or None if it is not to be."""
        if not isinstance(error, Unreachable):
            return None
        busy = Again(code="NoToken", message=error.detail, cause=Cause.PASSING, wait=error.wait)
        left, jitter = oauth.PATIENCE - elapsed, self._clock.jitter()
        decision = decide(busy, sends=tries, in_a_row=tries, elapsed=elapsed, remaining=left, jitter=jitter)
        return decision.seconds if isinstance(decision, Wait) else None

    async def _fetch_token(self) -> oauth.Token:
        base_url = self._endpoint.base_url
        form = oauth.form(self._endpoint.client_id, self._endpoint.client_secret)
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept-Encoding": "gzip"}
        body = str(httpx.QueryParams(form)).encode()
        try:
            response = await self._post(oauth.PATH, {}, headers, body, hidden=_spellings(self._endpoint.client_secret))
        except (httpx.HTTPError, OSError, BadBody) as error:
            raise Unreachable(
                "The platform cannot be reached",
                f"{base_url}: {self._told(error)}. Nothing was sent.",
                hint="Check base_url, the network, the proxy (HTTPS_PROXY) and, for TLS, SSL_CERT_FILE.",
            ) from error
        body = response.body if response.status == HTTPStatus.OK else _without(self._hidden, response.body)
        token = oauth.read_token(response.status, response.headers, body, base_url=base_url)
        self._set_clock(date_of(response.headers.get("date", "")))
        return token

    def _set_clock(self, date: datetime | None) -> None:
        """Learn the platform's time; it never goes back."""
        before = self.server_time()
        if date is not None and (before is None or date > before):
            self._dated = date, self._clock.monotonic()

    async def _post(
        self, path: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes, *, hidden: tuple[bytes, ...]
    ) -> _Response:
        """Send, and return the answer without what is *hidden*: a server may quote what it was sent.

        What an answer says is shown, logged and remembered. A new token may be an old one that is given once more, and
        the client id may be a part of it.
        """
        request = httpx.Request("POST", self._url(path, query), headers=headers, content=body)
        request.extensions["timeout"] = _PHASES.as_dict()
        async with asyncio.timeout(_TOTAL):
            response = await self._client.send(request, stream=True)
            try:
                raw = b"".join([chunk async for chunk in _bounded(response)])
            finally:
                await response.aclose()
        fields = _fields(response, hidden)
        plain = decompress(raw, fields.get("content-encoding", "").lower())
        return _Response(response.status_code, fields, _without(hidden, _plainly_spelt(plain)))

    def _url(self, path: str, query: Mapping[str, str]) -> httpx.URL:
        """Return an address; there are few, and making one costs as much as all the rest of a request."""
        target = f"{path}?{urlencode(query)}" if query else path
        if target not in self._urls:
            self._urls[target] = self._client.build_request("POST", target).url
        return self._urls[target]

    def _told(self, error: Exception) -> str:
        text = _without(self._hidden, str(error).encode(errors="backslashreplace")).decode()
        return clean(text) or type(error).__name__


def _spellings(*secrets: Secret) -> tuple[bytes, ...]:
    """Return the ways in which a server may write what it was sent, also where its JSON quotes a text that is JSON.

    The longest are first: one may be the beginning of another.
    """
    spelt = set[str]()
    for secret in (each.reveal() for each in secrets):
        in_urls = (quote(secret), quote(secret, safe=""), quote_plus(secret))
        in_json = json.dumps(secret)[1:-1]
        spelt |= {secret, *in_urls, *map(_with_small_digits, in_urls), in_json, json.dumps(in_json)[1:-1]}
    return tuple(each.encode() for each in sorted(spelt, key=len, reverse=True) if len(each) >= _SHORTEST_SECRET)


def _with_small_digits(in_url: str) -> str:
    return re.sub("%..", lambda escape: escape[0].lower(), in_url)


def _plainly_spelt(body: bytes) -> bytes:
    r"""Return JSON with escapes spelt as in `_spellings`: others write ``\/`` or ``\u003d`` for a sign."""
    if b"\\" not in body:
        return body
    try:
        return json.dumps(json.loads(body)).encode()
    except (ValueError, RecursionError):
        return body


def _without(hidden: tuple[bytes, ...], text: bytes) -> bytes:
    for written in hidden:
        text = text.replace(written, b"***")
    return text


def _fields(response: httpx.Response, hidden: tuple[bytes, ...]) -> Mapping[str, str]:
    """Return the headers by lower-case name; several of one name are one list (RFC 9110)."""
    fields: dict[str, str] = {}
    for name, value in response.headers.raw:
        key, text = name.decode("latin-1").lower(), _without(hidden, value).decode("latin-1")
        fields[key] = f"{fields[key]}, {text}" if key in fields else text
    return fields


async def _bounded(response: httpx.Response) -> AsyncIterator[bytes]:
    size = 0
    async for chunk in response.aiter_raw():
        size += len(chunk)
        if size > MAX_BODY:
            raise BadBody(f"the answer is larger than {MAX_BODY} bytes")
        yield chunk
