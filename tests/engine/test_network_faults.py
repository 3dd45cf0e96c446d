"""Everything that can go wrong on the wire, at the first, a middle and the last change of a plan: what comes of it.

Real are the engine, its files, the client and its connections, the emulator behind a socket and, where the fault is
below HTTP, the faulty proxy in between. Time is by hand, so that no pause is waited for. The ledger is the oracle.

`network_troubles.TABLE` says for each fault what becomes of the change when one of its sends meets it, when all do, and
what the next apply makes of that without the fault.
"""

import asyncio
import socket
import ssl
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import trustme
from builders import BINDING, declare, spec_of, subscription
from canned_server import canned
from emulator_harness import PATH, SocketServers
from fakes import HandClock, Listener
from network_troubles import BARRED, STAYS, TABLE, End, Trouble

from reconciler.core.diagnostics import Place
from reconciler.core.environment import EmulatorApi, Environment
from reconciler.core.outcome import Answer, Fault
from reconciler.core.planner import make_plan
from reconciler.core.retry import ATTEMPTS
from reconciler.core.run import Outcome, Run, Stop, exit_status
from reconciler.core.tenancy import Tenancy
from reconciler.emulator.app import create_app
from reconciler.emulator.fault_rules import clear_faults, load_faults
from reconciler.emulator.ledger import read_ledger
from reconciler.emulator.proxy_rules import read_proxy_rules
from reconciler.emulator.tcp_proxy import tcp_proxy
from reconciler.engine.apply import Ports, Request, apply_plan
from reconciler.engine.plan import load_state
from reconciler.ports import Regeneration, Secret
from reconciler.stores.file import FileStore
from reconciler.stores.journal import FileJournals
from reconciler.zuora import client
from reconciler.zuora.client import Endpoint, HttpPlatform
from reconciler.zuora.transport import StreamTransport

CHANGES = 5
SPEC = spec_of(*(declare(subscription(1, f"A-S{number:08}")) for number in range(1, CHANGES + 1)))
POSITIONS = {"first": 0, "middle": CHANGES // 2, "last": CHANGES - 1}
ENVIRONMENT = Environment(
    name="local", api=EmulatorApi(database="d"), specs="local", state_file="state.json", place=Place("reconciler.yaml")
)
PATIENCE = 0.15
"""Seconds that a send waits which is meant to have none left; all others have the client's own."""

NOWHERE = "nowhere.invalid"


class Detour(httpx.AsyncBaseTransport):
    """The client's own transport, that takes some requests to another *origin*."""

    def __init__(self, origin: httpx.URL | None) -> None:
        self._inner = StreamTransport(httpx.create_ssl_context)
        self._origin = origin
        self.is_due = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.is_due and self._origin:
            origin = self._origin
            request.url = request.url.copy_with(scheme=origin.scheme, host=origin.host, port=origin.port)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class Troubled(HttpPlatform):
    """The client, that knows which of its sends are to meet trouble on their way: those numbered *due*."""

    def __init__(self, url: str, detour: Detour, clock: HandClock, *, due: range, is_slow: bool) -> None:
        endpoint = Endpoint(base_url=url, client_id=Secret("local-id"), client_secret=Secret("local-secret"))
        super().__init__(endpoint, httpx.AsyncClient(base_url=url, transport=detour, timeout=60), clock=clock)
        self._detour = detour
        self._due = due
        self._is_slow = is_slow
        self._sends = 0

    async def regenerate(self, regeneration: Regeneration) -> Answer | Fault:
        self._detour.is_due = self._sends in self._due
        self._sends += 1
        with pytest.MonkeyPatch.context() as patch:
            if self._detour.is_due and self._is_slow:
                patch.setattr(client, "_TOTAL", PATIENCE)
            return await super().regenerate(regeneration)


@dataclass(slots=True)
class Site:
    """One environment: files in *folder*, an emulator at *url* on a database there, and a clock by hand."""

    folder: Path
    url: str
    clock: HandClock
    runs: int = 0

    @property
    def database(self) -> str:
        return database_in(self.folder)

    @property
    def store(self) -> FileStore:
        return FileStore(self.folder / "state.json", name="state.json")

    @property
    def journals(self) -> FileJournals:
        return FileJournals(self.folder / "state.json", name="state.json")

    def apply(self, trouble: Trouble, *, due: range, origin: httpx.URL | None = None) -> Run:
        """Plan and apply; the sends numbered *due* meet *trouble* on their way."""
        self.runs += 1
        stored = load_state(self.store, self.journals, ENVIRONMENT)
        request = Request(
            plan=make_plan(SPEC, stored.state, BINDING, now=self.clock.now()),
            stored=stored,
            run=f"run-{self.runs}",
            lineage="lineage-1",
            configured=Tenancy(tenant=None, entity=None),
            authorship={},
            concurrency=1,
        )
        rule = {"name": "r", "path": f"{PATH}*", "after": due.start, "times": max(1, len(due)), "fault": trouble.proxy}
        rules = read_proxy_rules({"version": 1, "rules": [rule] if trouble.proxy and due else []})

        async def carry_out() -> Run:
            async with tcp_proxy(self.url, rules) as proxy:
                platform = Troubled(proxy.url, Detour(origin), self.clock, due=due, is_slow=trouble.is_slow)
                ports = Ports(
                    store=self.store,
                    journals=self.journals,
                    platform=platform,
                    clock=self.clock,
                    progress=Listener(),
                    stop=lambda: None,
                )
                try:
                    return await apply_plan(request, ports)
                finally:
                    await platform.close()

        return asyncio.run(carry_out())

    def effects(self) -> dict[str | None, tuple[str, ...]]:
        """The ids of every effect by its key. Fail if a target has more than one."""
        found = read_ledger(self.database)
        assert len({effect.target for effect in found}) == len(found)
        return {effect.idempotency_key: effect.id_list for effect in found}

    def applied(self) -> dict[str | None, tuple[str, ...]]:
        state = load_state(self.store, self.journals, ENVIRONMENT).state
        assert state is not None
        return {each.applied.call.key: each.applied.id_list for each in state.entries.values() if each.applied}


def database_in(folder: Path) -> str:
    return str(folder / "emulator.db")


@pytest.fixture(scope="module")
def servers() -> Iterator[SocketServers]:
    servers = SocketServers()
    yield servers
    servers.stop()


@pytest.fixture
def site(tmp_path: Path, servers: SocketServers) -> Iterator[Site]:
    clock = HandClock()
    numbers = iter(range(10**6))

    async def no_wait(seconds: float) -> None:
        clock.advance(timedelta(seconds=seconds))

    app = create_app(
        database=database_in(tmp_path),
        now=lambda: clock.now().timestamp(),
        new_id=lambda: str(uuid.UUID(int=next(numbers))),
        sleep=no_wait,
    )
    with servers.serving(app) as emulator:
        yield Site(tmp_path, emulator.url, clock)


@pytest.fixture
def origins(site: Site, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], httpx.URL | None]]:
    """Where a detour leads: to nobody, to a name that nobody knows, to no TLS, to a certificate of a stranger."""
    look_up = socket.getaddrinfo

    def knowing(host: object, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401  (as the system's)
        if host == NOWHERE:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", knowing)
    with ExitStack() as serving:

        def origin(detour: str) -> httpx.URL | None:
            match detour:
                case "refused":
                    with socket.create_server(("127.0.0.1", 0)) as listener:
                        return httpx.URL(f"http://127.0.0.1:{listener.getsockname()[1]}")
                case "name":
                    return httpx.URL(f"http://{NOWHERE}:80")
                case "tls":
                    return httpx.URL(site.url.replace("http:", "https:"))
                case "certificate":
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
                    return httpx.URL(serving.enter_context(canned(lambda _: None, tls=context)))
                case _:
                    return None

        yield origin


@pytest.mark.parametrize("often", ["once", "always"])
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("name", TABLE)
def test_a_fault_comes_to_what_the_table_says_and_the_next_apply_has_each_effect_once(
    site: Site, origins: Callable[[str], httpx.URL | None], name: str, position: str, often: str
) -> None:
    trouble, place = TABLE[name], POSITIONS[position]
    expected = trouble.once if often == "once" else trouble.always
    times = 1 if often == "once" else expected.sends
    target = f"Subscription/A-S{place + 1:08}@1"
    if trouble.emulator:
        limited = {"times": times} if often == "once" else {}
        rule = {"name": "r", "match": {"target": target}, **limited, **trouble.emulator}
        load_faults(site.database, {"version": 1, "rules": [rule]})
    run = site.apply(trouble, due=range(place, place + times), origin=origins(trouble.detour))
    met = run.results[place]
    others = [each for each in run.results if each is not met]

    assert End(met.outcome, met.sends, exit_status(run)) == expected, met
    is_stopped = expected.status == BARRED.status
    assert [each.outcome for each in others] == [
        Outcome.NOT_STARTED if is_stopped and number >= place else Outcome.DONE for number in range(len(others))
    ]
    if met.outcome is not Outcome.DONE:
        assert met.error is not None
        assert met.error.message
    assert bool(met.warning) is trouble.loses_ids
    clear_faults(site.database)
    following = site.apply(trouble, due=range(0))
    if trouble.then == STAYS:
        assert exit_status(following) == STAYS
        assert [each.outcome for each in following.results] == [Outcome.UNDECIDED]
        assert len(site.applied()) == CHANGES - 1
    else:
        assert exit_status(following) == 0
        assert len(site.effects()) == CHANGES
        assert site.applied().keys() == site.effects().keys()
    lost = {key for key, ids in site.applied().items() if ids != site.effects()[key]}
    assert len(lost) == trouble.loses_ids


@pytest.mark.parametrize(
    ("fault", "when"),
    [
        ({"kind": "gateway", "status": 503}, "before"),
        ({"kind": "gateway", "status": 503, "retry_after": 3}, "before"),
        ({"kind": "rate_limit", "retry_after": 3}, "before"),
        ({"kind": "lost"}, "before"),
        ({"kind": "lost"}, "after"),
    ],
)
@pytest.mark.parametrize("times", [1, 2, ATTEMPTS])
def test_a_new_token_in_the_middle_of_a_run_is_asked_for_again_until_it_is_clear_that_none_is_to_be_had(
    site: Site, fault: dict[str, object], when: str, times: int
) -> None:
    revoked = {"name": "revoked", "after": 2, "times": 1, "fault": {"kind": "unauthorized", "revoke": True}}
    meets = {"match": {"operation": "token"}, "after": 1, "times": times, "when": when, "fault": fault}
    load_faults(site.database, {"version": 1, "rules": [revoked, {"name": "no token", **meets}]})
    run = site.apply(Trouble(), due=range(0))

    if times < ATTEMPTS:
        assert (exit_status(run), run.summary["done"]) == (0, CHANGES)
    else:
        assert (run.stop, run.summary["done"]) == (Stop.NOT_REACHED, 2)
        clear_faults(site.database)
        assert exit_status(site.apply(Trouble(), due=range(0))) == 0
    assert site.applied().keys() == site.effects().keys()
    assert len(site.effects()) == CHANGES
