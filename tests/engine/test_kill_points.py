"""An apply that is killed before or after any of its side effects: the next one alone finishes, each effect once.

Each point is a process of its own, forked before any loop runs, that ends itself as ``kill -9`` does. What the journal
of a killed process has not brought to the disk is cut off, as a power cut would. All of it is real but time: engine,
state file, journals, client and, in the same process, the emulator on its database, whose ledger is the oracle.

The journal's thread is run in place and time is virtual, so that every run takes the same steps and a point is the same
in each of them.
By default every so-maniest point is tried; ``KILL_POINTS=all`` tries all. The counts are printed (``pytest -rP``).
"""

import fcntl
import json
import multiprocessing
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Self, TypeVar

import pytest
import virtual_loop
from builders import BINDING, NOW, charge, declare, spec_of, subscription
from fakes import HandClock, Listener

from reconciler.core.diagnostics import InvalidInput, Place
from reconciler.core.environment import EmulatorApi, Environment
from reconciler.core.outcome import Answer, Fault
from reconciler.core.planner import make_plan
from reconciler.core.run import exit_status
from reconciler.core.tenancy import Scope, Tenancy
from reconciler.emulator.app import App, create_app
from reconciler.emulator.ledger import Effect, read_ledger
from reconciler.engine.apply import Ports, Request, apply_plan
from reconciler.engine.plan import StoredState, load_state
from reconciler.errors import ReconcilerError
from reconciler.formats.journal import read_journal
from reconciler.ports import Regeneration, Secret
from reconciler.stores.file import FileStore
from reconciler.stores.journal import FileJournals
from reconciler.zuora.client import Endpoint, HttpPlatform, in_process

SPEC = spec_of(
    *(declare(subscription(version, f"A-S{number:08}")) for number in range(1, 9) for version in (1, 2, 3)),
    *(declare(charge(f"C-{number:08}")) for number in range(1, 17)),
)
CHANGES = 40
T = TypeVar("T")
ENVIRONMENT = Environment(
    name="local", api=EmulatorApi(database="d"), specs="local", state_file="state.json", place=Place("reconciler.yaml")
)
FORK = multiprocessing.get_context("fork")
DEADLINE = 60.0
EVERY = 1 if os.environ.get("KILL_POINTS") == "all" else 9
"""Which share of the points is tried; odd, because points come in pairs of before and after."""

STARTS = 6 if EVERY == 1 else 4
"""How many of the first run's points are followed by kills of the run that recovers."""


class Reaper:
    """Counts side effects and ends the process at the one numbered *at* (from 0)."""

    def __init__(self, at: int | None = None) -> None:
        self.count = 0
        self.names: list[str] = []
        self._at = at
        self._durable: dict[int, int] = {}

    def point(self, name: str) -> None:
        if self.count == self._at:
            self._cut_off()
            os.kill(os.getpid(), signal.SIGKILL)
        self.count += 1
        self.names.append(name)

    def around(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def acting(*arguments: object, **named: object) -> object:
            self.point(f"before {name}")
            result = act(*arguments, **named)
            self.point(f"after {name}")
            return result

        return acting

    def written(self, write: Callable[..., int], descriptor: int, content: bytes) -> int:
        """Write in two halves, as a process may be killed within a write."""
        self._durable.setdefault(descriptor, os.fstat(descriptor).st_size)
        self.point("before write")
        half = write(descriptor, content[: len(content) // 2])
        self.point("within write")
        rest = write(descriptor, content[half:])
        self.point("after write")
        return half + rest

    def synced(self, sync: Callable[[int], None], descriptor: int) -> None:
        sync(descriptor)
        if descriptor in self._durable:
            self._durable[descriptor] = os.fstat(descriptor).st_size

    def closed(self, close: Callable[[int], None], descriptor: int) -> None:
        self._durable.pop(descriptor, None)
        close(descriptor)

    def _cut_off(self) -> None:
        """Take back what was not brought to the disk."""
        for descriptor, size in self._durable.items():
            os.ftruncate(descriptor, size)

    def install(self) -> None:
        """Stand at every system call of this process that changes a file. There is no way back: it is to die."""
        write, sync, datasync, close = os.write, os.fsync, os.fdatasync, os.close
        self._replace(os, "write", lambda descriptor, content: self.written(write, descriptor, bytes(content)))
        self._replace(os, "fsync", self.around("fsync", lambda descriptor: self.synced(sync, descriptor)))
        self._replace(os, "fdatasync", self.around("fdatasync", lambda descriptor: self.synced(datasync, descriptor)))
        self._replace(os, "close", self.around("close", lambda descriptor: self.closed(close, descriptor)))
        for name in ("open", "replace", "unlink", "mkdir"):
            self._replace(os, name, self.around(name, getattr(os, name)))
        opened = os.fdopen
        self._replace(os, "fdopen", lambda fd, mode: Unbuffered(fd) if "w" in mode else opened(fd, mode))
        self._replace(fcntl, "flock", self.around("flock", fcntl.flock))

    @staticmethod
    def _replace(module: object, name: str, act: Callable[..., Any]) -> None:
        setattr(module, name, act)


class Unbuffered:
    """A file as `os.fdopen` gives it, that writes through `os.write`, where the reaper stands."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)

    def fileno(self) -> int:
        return self._descriptor

    def write(self, content: bytes) -> int:
        return os.write(self._descriptor, content)

    def flush(self) -> None:
        pass


class Watched:
    """The platform, with a point before each send and after each answer."""

    def __init__(self, platform: HttpPlatform, reaper: Reaper) -> None:
        self._platform = platform
        self._reaper = reaper

    async def authenticate(self) -> Scope:
        self._reaper.point("before token")
        scope = await self._platform.authenticate()
        self._reaper.point("after token")
        return scope

    def has_token(self) -> bool:
        return self._platform.has_token()

    def use(self, tenancy: Tenancy) -> None:
        self._platform.use(tenancy)

    def server_time(self) -> datetime | None:
        return self._platform.server_time()

    async def regenerate(self, regeneration: Regeneration) -> Answer | Fault:
        self._reaper.point("before send")
        answer = await self._platform.regenerate(regeneration)
        self._reaper.point("after answer")
        return answer


def watched(application: App, reaper: Reaper) -> Callable[..., Any]:
    """The emulator, with a point when a request has arrived and when its effect is there and the answer is not."""

    async def serve(scope: MutableMapping[str, Any], receive: Callable[[], Any], send: Callable[..., Any]) -> None:
        reaper.point("request arrives")

        async def sending(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                reaper.point("answer leaves")
            await send(message)

        await application(scope, receive, sending)

    return serve


@dataclass(frozen=True, slots=True)
class Site:
    """One environment in a folder of its own."""

    folder: Path

    @property
    def database(self) -> str:
        return str(self.folder / "emulator.db")

    @property
    def store(self) -> FileStore:
        return FileStore(self.folder / "state" / "state.json", name="state.json")

    @property
    def journals(self) -> FileJournals:
        return FileJournals(self.folder / "state" / "state.json", name="state.json")

    def ledger(self) -> tuple[Effect, ...]:
        """What has happened; nothing, as long as there is no emulator."""
        return read_ledger(self.database) if Path(self.database).exists() else ()

    def stored(self) -> StoredState:
        return load_state(self.store, self.journals, ENVIRONMENT)

    def litter(self) -> list[str]:
        return sorted(each.name for each in (self.folder / "state").iterdir() if each.name != "state.json")


def apply_in(place: Site, run: str, concurrency: int, reaper: Reaper) -> int:
    """Plan and apply as the command does; return the exit status."""
    stored = place.stored()
    request = Request(
        plan=make_plan(SPEC, stored.state, BINDING, now=NOW),
        stored=stored,
        run=run,
        lineage="lineage-1",
        configured=Tenancy(tenant=None, entity=None),
        authorship={},
        concurrency=concurrency,
    )
    application = create_app(database=place.database, now=NOW.timestamp, new_id=ids_of(run))
    endpoint = Endpoint(base_url="http://emulator.localhost", client_id=Secret("local"), client_secret=Secret("local"))

    async def carry_out() -> int:
        platform = HttpPlatform(endpoint, in_process(watched(application, reaper), endpoint), clock=HandClock())
        ports = Ports(
            store=place.store,
            journals=place.journals,
            platform=Watched(platform, reaper),
            clock=HandClock(),
            progress=Listener(),
            stop=lambda: None,
        )
        return exit_status(await apply_plan(request, ports))

    with closing(application):
        return virtual_loop.run(carry_out())


def ids_of(run: str) -> Callable[[], str]:
    """New ids that every run of the same name makes alike, as the emulator wants them: 36 characters."""
    numbers = iter(range(10**6))
    return lambda: f"{run[-8:]:0>8}-0000-4000-8000-{next(numbers):012}"


def in_child(place: Site, run: str, concurrency: int, at: int | None = None) -> int:
    """Apply in a process that dies at point *at*; return how it ended: its exit status, or minus a signal's number."""

    def live() -> None:
        reaper = Reaper(at)
        reaper.install()
        status = apply_in(place, run, concurrency, reaper)
        (place.folder / f"{run}.json").write_text(json.dumps(reaper.names))
        os._exit(status)

    child = FORK.Process(target=live)
    child.start()
    child.join(DEADLINE)
    code = child.exitcode
    assert code is not None, f"the apply hangs at point {at}"
    return code


def points_of(place: Site, run: str) -> list[str]:
    found: list[str] = json.loads((place.folder / f"{run}.json").read_text())
    return found


@dataclass(slots=True)
class Tally:
    """What became of all kills: how many were survived, and what was found wrong."""

    killed: int = 0
    wrong: list[str] = field(default_factory=list)


def examine(place: Site) -> Iterator[str]:
    """What is wrong in *place* after the apply that had to end clean."""
    state = place.stored().state
    assert state is not None
    ledger = place.ledger()
    times = Counter((effect.type, effect.target) for effect in ledger)
    if len(times) < CHANGES:
        yield f"lost: {CHANGES - len(times)}"
    if len(ledger) > len(times):
        yield f"duplicated: {len(ledger) - len(times)}"
    known = {each.applied.call.key: each.applied.id_list for each in state.entries.values() if each.applied}
    if known != {effect.idempotency_key: effect.id_list for effect in ledger}:
        yield "the ids of the state are not those of the ledger"
    if any(each.unsettled or each.refused for each in state.entries.values()):
        yield "something is left unsettled"
    if place.litter():
        yield f"left behind: {place.litter()}"
    if make_plan(SPEC, state, BINDING, now=NOW).changes:
        yield "a further plan is not empty"


def unreadable(place: Site) -> Iterator[str]:
    """What cannot be read just after a kill, or is not known though it has happened."""
    try:
        stored = place.stored()
        journals = [read_journal(place.journals.read(name), name) for name in place.journals.abandoned()]
    except (ReconcilerError, InvalidInput) as error:
        yield f"unreadable: {error}"
        return
    if stored.warnings or any(journal.damaged for journal in journals):
        yield "unreadable: a journal is damaged"
    entries = stored.state.entries.values() if stored.state else ()
    known = {call.call.key for entry in entries for call in (entry.applied, *entry.unsettled) if call}
    forgotten = {effect.idempotency_key for effect in place.ledger()} - known
    if forgotten:
        yield f"effects of which neither state nor journal knows: {len(forgotten)}"


def survive(place: Site, concurrency: int, points: Sequence[int]) -> list[str]:
    """Kill one apply after another in the same place, at *points*; let the last one live. Return what is wrong."""
    place.folder.mkdir()
    found: list[str] = []
    for number, at in enumerate(points):
        if in_child(place, f"run-{number}", concurrency, at) != -signal.SIGKILL:
            return [f"point {at} of run {number} was never reached"]
        found += unreadable(place)
    if in_child(place, "run-last", concurrency) != 0:
        return [*found, "the last apply did not end with 0"]
    return [*found, *examine(place)]


def survive_all(folder: Path, concurrency: int, runs: Sequence[Sequence[int]]) -> Tally:
    """Survive each of *runs*, on all processors; each names the points at which applies are killed in turn."""
    tally = Tally()
    workers = os.cpu_count() or 1
    shares = [list(enumerate(runs))[worker::workers] for worker in range(workers)]
    reports = [FORK.Pipe(duplex=False) for _ in shares]

    def work(share: Iterable[tuple[int, Sequence[int]]], report: Connection) -> None:
        found = [
            f"{tuple(points)}: {wrong}"
            for number, points in share
            for wrong in survive(Site(folder / str(number)), concurrency, points)
        ]
        report.send(found)

    processes = [
        FORK.Process(target=work, args=(share, report[1])) for share, report in zip(shares, reports, strict=True)
    ]
    for process in processes:
        process.start()
    for _, sending in reports:
        sending.close()
    for share, (receiving, _), process in zip(shares, reports, processes, strict=True):
        assert receiving.poll(30.0 + DEADLINE * len(share)), "a worker hangs"
        tally.wrong += receiving.recv()
        tally.killed += sum(len(points) for _, points in share)
        process.join()
    return tally


def counted(folder: Path, concurrency: int, *, after: int | None = None) -> list[str]:
    """The points of a whole apply, or of one that follows a kill at point *after*."""
    place = Site(folder)
    place.folder.mkdir()
    if after is not None:
        assert in_child(place, "run-0", concurrency, after) == -signal.SIGKILL
    assert in_child(place, "run-1", concurrency) == 0
    assert list(examine(place)) == []
    return points_of(place, "run-1")


CONCURRENCIES = pytest.mark.parametrize("concurrency", [1, 8])


@CONCURRENCIES
def test_every_run_takes_the_same_steps_and_stands_at_every_kind_of_side_effect(
    tmp_path: Path, concurrency: int
) -> None:
    points = counted(tmp_path / "a", concurrency)
    kinds: Mapping[str, int] = Counter(points)

    assert points == counted(tmp_path / "b", concurrency)
    assert kinds["before send"] == kinds["after answer"] == CHANGES
    assert kinds["answer leaves"] == CHANGES + 1
    assert kinds["within write"] == kinds["before fdatasync"] + 2
    assert kinds["after replace"] == 2
    assert set(kinds) >= {"after open", "after flock", "after fsync", "after unlink", "after close", "after mkdir"}


@pytest.mark.timeout(3600)
@CONCURRENCIES
def test_killed_at_any_point_the_next_apply_ends_clean_with_each_effect_once(tmp_path: Path, concurrency: int) -> None:
    points = counted(tmp_path / "counted", concurrency)
    tried = range(concurrency % EVERY, len(points), EVERY)
    tally = survive_all(tmp_path, concurrency, [(at,) for at in tried])

    print(f"{concurrency} in flight: {len(points)} points, {tally.killed} tried, {len(tally.wrong)} wrong")  # noqa: T201
    assert tally.wrong == []
    assert tally.killed == len(tried)


@pytest.mark.timeout(3600)
@CONCURRENCIES
def test_killed_in_the_run_that_recovers_too_the_next_apply_ends_clean_with_each_effect_once(
    tmp_path: Path, concurrency: int
) -> None:
    first = counted(tmp_path / "counted", concurrency)
    starts = [(2 * number + 1) * len(first) // (2 * STARTS) for number in range(STARTS)]
    runs = []
    total = 0
    for start in starts:
        points = len(counted(tmp_path / f"counted-{start}", concurrency, after=start))
        total += points
        runs += [(start, at) for at in range(start % EVERY, points, 2 * EVERY - 1)]
    tally = survive_all(tmp_path, concurrency, runs)

    print(f"{concurrency} in flight, recovering: {total} points, {len(runs)} tried, {len(tally.wrong)} wrong")  # noqa: T201
    assert tally.wrong == []
    assert tally.killed == 2 * len(runs)
