"""Tenants behind a real socket that give tokens as they are told, and projects whose sandbox they are."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from canned_server import canned, http
from commands import Project

CANARY = "canary-secret-5f3e"
VARIABLES = {"ZUORA_SANDBOX_CLIENT_ID": "some-client", "ZUORA_SANDBOX_CLIENT_SECRET": CANARY}
CREDENTIALS = "{client_id: {env: ZUORA_SANDBOX_CLIENT_ID}, client_secret: {env: ZUORA_SANDBOX_CLIENT_SECRET}}"
DONE = http(200, b'{"success": true, "idList": ["2c98"]}')


class Tenant:
    """A platform that gives tokens of these *scopes*, the last one again and again, and carries out every call.

    A token is refused after *calls* calls, so that the next one is asked for; it lasts *lifetime* seconds and its
    answer has *headers*. All requests are kept in *asked*, by their first line, and the calls in *sent*.
    """

    def __init__(self, *scopes: str, calls: int = 1_000, lifetime: int = 3599, headers: tuple[str, ...] = ()) -> None:
        self.scopes = list(scopes)
        self.calls = calls
        self.lifetime = lifetime
        self.headers = headers
        self.asked: list[str] = []
        self.sent: list[bytes] = []

    def answer(self, request: bytes) -> bytes:
        self.asked.append(request.split(b"\r\n")[0].decode())
        if b"/oauth/token" in request.split(b"\r\n")[0]:
            scope = self.scopes.pop(0) if len(self.scopes) > 1 else self.scopes[0]
            token = {"access_token": "t-1", "expires_in": self.lifetime, "scope": scope}
            return http(200, json.dumps(token).encode(), *self.headers)
        if len(self.sent) >= self.calls:
            return http(401, b'{"message": "Authentication error"}')
        self.sent.append(request)
        return DONE


@contextmanager
def sandbox(project: Project, tenant: Tenant, *, more: str = "") -> Iterator[None]:
    """Let *tenant* be the sandbox of *project*; *more* are fields of api."""
    text = (project.folder / "reconciler.yaml").read_text()
    with canned(tenant.answer) as url:
        configure(project, url, more=more)
        yield
        project.write("reconciler.yaml", text)


def configure(project: Project, url: str, *, more: str = "", credentials: str = CREDENTIALS) -> None:
    """Let the sandbox of *project* be what answers at *url*."""
    before, _, rest = (
        (project.folder / "reconciler.yaml").read_text().partition("base_url: https://rest.test.zuora.com")
    )
    _, _, after = rest.partition("    specs: sandbox")
    api = f"base_url: {url}\n      {more}\n      credentials: {credentials}"
    project.write("reconciler.yaml", f"{before}{api}\n    specs: sandbox{after}")


def declare(project: Project, trigger: str = "first") -> None:
    items = "".join(f"  - {{subscriptionName: A-S00000001, subscriptionVersion: {each}}}\n" for each in (1, 2, 3))
    flags = "{onlyReSend: false, reMigrate: true}"
    project.write(
        "sandbox/q4-backfill.yaml", f"version: 1\nflags: {flags}\ntrigger: {trigger}\nsubscriptions:\n{items}"
    )
