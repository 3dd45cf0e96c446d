"""A life in which everything goes wrong, and no secret of it in any file, any object of git or any line that was told.

The credentials of one environment are read from a variable and a file, those of the other from commands, the key to
sign with from a file and from a variable. Before the platform stands a gateway that knows each token that passes, and
at times quotes what it was sent, in every way in which a server could write it.
"""

import json
import os
import subprocess
import sys
import time
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from threading import Event
from urllib.parse import parse_qsl, quote, quote_plus, urlsplit

import pytest
from canned_server import canned, http
from commands import Ended
from life.company import Checkout, Company, Tenant, tenants
from signers import new_key

PROJECT = """\
version: 1
name: acme-revenue
default: sandbox
environments:
  sandbox:
    api:
      base_url: {url}
      credentials: {{client_id: {{env: CLIENT_ID}}, client_secret: {{file: {vault}/secret}}}}
    specs: sandbox
    state: {{file: state/sandbox.json}}
    signing_key: {{file: {vault}/release}}
  production:
    api:
      base_url: {url}
      tenant: "20002"
      tenant_type: production
      credentials: {{client_id: {{command: [cat, {vault}/id]}}, client_secret: {{command: [printenv, BOTH]}}}}
    specs: production
    state: {{file: state/production.json}}
    promotes_from: {{environment: sandbox, accept_emulator: true}}
    signing_key: {{env: SIGNING_KEY}}
"""
MANY = 150
"""Declarations: as many as a plan keeps in its cache."""

SPEC = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\nsubscriptions:\n" + "".join(
    f"  - {{subscriptionName: A-S{number:08}, subscriptionVersion: 1}}\n" for number in range(1, MANY + 1)
)
FIRST, SECOND = "Subscription/A-S00000001@1", "Subscription/A-S00000002@1"

SECRETS = {
    "client id of the sandbox": "canary-id/one +A=",
    "client secret of the sandbox": 'canary-secret/one +B="é',
    "client id of production": "canary-id/two +C=",
    "client secret of production": "canary-secret/two +D=%&",
    "wrong client secret": "canary-secret/wrong +E=<>",
}
ONE = ("client id of the sandbox", "client secret of the sandbox")
TWO = ("client id of production", "client secret of production")


def spellings(secret: str) -> Iterator[tuple[str, bytes]]:
    """The ways in which a secret may stand in a file: as it is, in JSON, in a URL, in base64 at any place of it."""
    yield "as it is", secret.encode()
    yield "in JSON", json.dumps(secret)[1:-1].encode()
    for written in (quote(secret), quote(secret, safe=""), quote_plus(secret)):
        yield "in a URL", written.encode()
        yield "in a URL", _with_small_digits(written).encode()
    for encode in (b64encode, urlsafe_b64encode):
        for shift in range(3):
            yield "in base64", encode(b"\0" * shift + secret.encode())[4 if shift else 0 : -4]


def _with_small_digits(text: str) -> str:
    parts = text.split("%")
    return parts[0] + "".join(f"%{part[:2].lower()}{part[2:]}" for part in parts[1:])


def found(secrets: Mapping[str, str], places: Mapping[str, bytes]) -> set[str]:
    return {
        f"{name}, {how}: {place}"
        for name, secret in secrets.items()
        for how, spelt in spellings(secret)
        for place, content in places.items()
        if spelt in content
    }


@dataclass
class Gateway:
    """Stands before the platform at *upstream*; *opened* tells by which client id and secret each token was got.

    While it *quotes* ("token" or "calls") it answers such requests itself, with the *status*, the *code* and all
    secrets that it has been sent; with "silence" it answers no call.
    """

    upstream: str
    opened: dict[str, list[str]] = field(default_factory=dict)
    quotes: str = ""
    status: int = 400
    code: str = "53100040"
    waits: Event = field(default_factory=Event)

    def answer(self, request: bytes) -> bytes | None:
        head, _, body = request.partition(b"\r\n\r\n")
        method, path, _ = head.split(b"\r\n")[0].decode().split()
        headers = dict(line.decode().split(": ", 1) for line in head.split(b"\r\n")[1:])
        if path.startswith("/oauth/token"):
            credentials = [value for name, value in parse_qsl(body.decode()) if name != "grant_type"]
            return self._quoting(credentials) if self.quotes == "token" else self._token(headers, body, credentials)
        if self.quotes == "calls":
            token = headers["Authorization"].removeprefix("Bearer ")
            return self._quoting([token, *self.opened[token]])
        if self.quotes == "silence":
            self.waits.set()
            time.sleep(2)
            return None
        return http(*self._forward(method, path, headers, body))

    def _token(self, headers: Mapping[str, str], body: bytes, credentials: list[str]) -> bytes:
        status, content = self._forward("POST", "/oauth/token", headers, body)
        if status == 200:
            self.opened[json.loads(content)["access_token"]] = credentials
        return http(status, content)

    def _forward(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)
        connection.request(method, path, body, {**headers, "Accept-Encoding": "identity"})
        response = connection.getresponse()
        content = response.read()
        connection.close()
        return response.status, content

    def _quoting(self, secrets: list[str]) -> bytes:
        spelt = [text.decode() for each in secrets for how, text in spellings(each) if how != "in base64"]
        in_ascii = " ".join(text for text in spelt if text.isascii())
        reasons = [{"code": self.code, "message": f"I got {text} from you"} for text in spelt]
        quoted = {"success": False, "processId": in_ascii, "requestId": in_ascii, "reasons": reasons}
        return http(self.status, json.dumps(quoted).encode(), f"X-Quoted: {in_ascii}", f"Zuora-Request-Id: {in_ascii}")


@dataclass
class Life:
    """The company, its gateway, one checkout in which everything happens, and all that was *told* in it."""

    company: Company
    tenant: Tenant
    gateway: Gateway
    vault: Path
    here: Checkout
    told: dict[str, bytes] = field(default_factory=dict)

    def applying(self, *more: str) -> tuple[str, ...]:
        """Return an apply with a proof of its own."""
        file = f"{len(self.told)}-proof.json"
        return ("apply", "-e", "sandbox", "--yes", "-v", "--log-file", "run.log", "--proof", file, *more)

    def run(self, status: int, *arguments: str) -> Ended:
        """Run a command, which must end with *status*."""
        ended = self.here.reconciler(*arguments)
        self.told[f"{len(self.told)}: {' '.join(arguments)}"] = f"{ended.out}\n{ended.err}".encode()
        assert ended.status == status, self.told
        return ended


@pytest.fixture
def life(tmp_path: Path) -> Iterator[Life]:
    vault, world, platform = (tmp_path / name for name in ("vault", "world", "platform"))
    for folder in (vault, world, platform):
        folder.mkdir()
    key = new_key(vault, "release").read_text()
    for name, which in (("secret", ONE[1]), ("id", TWO[0])):
        (vault / name).write_text(SECRETS[which])
    clients = tuple(f"{SECRETS[ids]}:{SECRETS[of]}@{tenant}" for (ids, of), tenant in ((ONE, "10001"), (TWO, "20002")))
    tenant, company = Tenant(platform, "platform", clients), Company(world)
    variables = {"CLIENT_ID": SECRETS[ONE[0]], "BOTH": SECRETS[TWO[1]], "SIGNING_KEY": key}
    with tenants(tenant):
        gateway = Gateway(tenant.url)
        with canned(gateway.answer) as url:
            here = company.clone("ann", variables)
            here.reconciler("init", "--name", "acme-revenue")
            here.write("reconciler.yaml", PROJECT.format(url=url, vault=vault))
            here.write("sandbox/first.yaml", SPEC)
            yield Life(company, tenant, gateway, vault, here)


def places(life: Life) -> dict[str, bytes]:
    """Everything that is left of a life: what was told, all files and their names, and all objects of git, unpacked."""
    world = life.company.folder
    return {
        **life.told,
        **files(world),
        "names of files": "\n".join(str(path) for path in world.rglob("*")).encode(),
        **{f"objects of {folder}": objects(folder) for folder in (world / "origin.git", life.here.folder)},
    }


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def objects(folder: Path) -> bytes:
    command = ["git", "cat-file", "--batch-all-objects", "--batch"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=True, timeout=60).stdout


def leaks(life: Life) -> list[str]:
    """Return what is found where; an emulator remembers the ids of its clients, and nothing else of them."""
    key = (life.vault / "release").read_text().splitlines()[1:-1]
    lines = {f"line {number} of the private key": line for number, line in enumerate(key, 1)}
    tokens = {f"token {number}": token for number, token in enumerate(life.gateway.opened, 1)}
    secrets = {**SECRETS, **lines, **tokens}
    but_ids = {name: secret for name, secret in secrets.items() if not name.startswith("client id")}
    return sorted(found(secrets, places(life)) | found(but_ids, files(life.tenant.folder)))


def kill(life: Life, *arguments: str) -> None:
    """Run an apply that gets no answers, and kill it when calls are under way."""
    variables = {**os.environ, **life.here.variables}
    life.gateway.quotes = "silence"
    command = [sys.executable, "-m", "reconciler", *arguments]
    with (
        (life.company.folder / "told before the kill").open("wb") as told,
        subprocess.Popen(command, cwd=life.here.folder, env=variables, stdout=told, stderr=told) as run,
    ):
        assert life.gateway.waits.wait(30)
        run.kill()


def test_a_life_in_which_everything_goes_wrong_leaves_no_secret_anywhere(life: Life) -> None:
    run, gateway, secret = life.run, life.gateway, life.vault / "secret"

    run(0, "validate", "--format", "json")
    run(0, "plan", "--out", "plan.json", "--markdown", "comment.md")
    run(0, "plan", "--json")
    run(0, "show", "plan.json")

    secret.write_text(SECRETS["wrong client secret"])
    run(8, "doctor")
    run(8, "doctor", "--json")
    run(8, *life.applying())
    run(8, "apply", "plan.json", "--json")

    secret.write_text(SECRETS[ONE[1]])
    gateway.quotes, gateway.status = "token", 401
    run(8, "doctor")
    run(8, "doctor", "--json")
    run(8, *life.applying())
    run(8, *life.applying("--json"))
    gateway.status = 503
    run(6, *life.applying())

    gateway.quotes, gateway.status = "calls", 400
    run(1, *life.applying("--only", FIRST))
    assert "***" in run(0, "state", "show", FIRST).out
    gateway.status, gateway.code = 500, "SystemError"
    run(7, *life.applying("--only", SECOND))
    run(0, "plan")
    run(0, "state", "list", "--json")

    kill(life, *life.applying())
    assert list(life.here.folder.glob("state/*.journal")) != []
    assert leaks(life) == []

    gateway.quotes = ""
    run(0, "plan", "--json")
    run(0, "state", "resolve", "--template")
    run(0, "state", "resolve", SECOND, "--as", "not-done", "--reason", "it has not reached the platform")
    run(0, *life.applying("--json"))
    run(0, "doctor", "--json")
    run(0, "promote", "--from", "sandbox", "--to", "production")
    plan = run(0, "plan", "-e", "production", "--json", "--out", "plan.json", "--markdown", "comment.md")
    approved = ("-e", "production", "--expect", plan.document["plan_id"], "--confirm", "production")
    run(0, "apply", *approved, "-v", "--log-file", "run.log", "--proof", "proof.json")
    run(0, "state", "proof", "-e", "sandbox", "state-proof.json")
    run(0, "doctor", "-e", "production", "--json")
    run(0, "state", "history", "-e", "sandbox")
    run(0, "state", "history", "-e", "production", "--json")
    run(0, "state", "list", "-e", "production", "--json")
    life.here.push("Everything there is")

    seen = places(life)
    assert len(gateway.opened) > 3
    for part in ("/cache/reconciler/", "proof.json.sig", "run.log", "plan.json", "comment.md", ".mark"):
        assert any(part in place for place in seen), part
    assert leaks(life) == []


@pytest.mark.parametrize("name", SECRETS)
def test_a_secret_that_somebody_wrote_would_be_found(name: str) -> None:
    for how, spelt in spellings(SECRETS[name]):
        assert len(spelt) >= 16
        assert f"{name}, {how}: a file" in found(SECRETS, {"a file": b"x" + spelt + b"x"})
