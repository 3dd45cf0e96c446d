"""One world from one seed: the platform, one machine with its disk and its clock, and who works there."""

import asyncio
import json
import shutil
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from random import Random

from builders import charge, declare, subscription
from simulation.disk import Disk, Process
from simulation.misbehaviour import CANARY
from simulation.witness import CLOCK_ERROR, Witness
from virtual_loop import VirtualLoop

from reconciler.core.address import Address
from reconciler.core.declaration import Declaration, Flags, Spec
from reconciler.core.diagnostics import Place
from reconciler.core.environment import EmulatorApi, Environment, Project
from reconciler.core.target import ORDER_LINE_ITEM_NUMBER, Target
from reconciler.emulator.app import App, create_app
from reconciler.emulator.client import Client
from reconciler.ports import Secret
from reconciler.zuora.client import Endpoint

ENVIRONMENT = Environment(
    name="local", api=EmulatorApi(database="d"), specs="local", state_file="state.json", place=Place("reconciler.yaml")
)
PROJECT = Project(name="simulated", environments={"local": ENVIRONMENT}, default="local")
TARGETS = (
    *(subscription(version, "A-S00000001") for version in (1, 2, 3)),
    *(subscription(version, "A-S00000002") for version in (1, 2)),
    charge("C-00000001"),
    charge("C-00000002"),
    Target(ORDER_LINE_ITEM_NUMBER, ("O-00000001", "1")),
)
TRIGGERS = (None, "a", "b")
BEGINNING = 1_795_000_000.0
OWN, FOREIGN = "own", "foreign"
"""Two clients of the platform: of the tenant that is meant, and of another."""

_EFFECTS = "SELECT sequence, id_list, at, idempotency_key FROM effects WHERE sequence > ? ORDER BY sequence"


@dataclass(frozen=True, slots=True)
class Chances:
    """A stream of chance for each part, so that one that asks more often does not change what the others get."""

    history: Random
    network: Random
    disk: Random
    clock: Random

    @classmethod
    def of(cls, seed: int) -> "Chances":
        return cls(*(Random(f"{part} {seed}") for part in cls.__slots__))


class World:
    def __init__(self, seed: int, folder: Path, loop: VirtualLoop) -> None:
        self.chances = Chances.of(seed)
        self.folder = folder
        self.loop = loop
        self.disk = Disk(self.chances.disk)
        self.witness = Witness(self.wall, self.tell)
        self.trace: list[str] = []
        self.spec = Spec({})
        self._slept = 0.0
        self._ids = 0
        self._seen = 0
        self.app: App = create_app(
            database=":memory:",
            now=self.wall,
            new_id=self.new_id,
            clients=[
                Client(client_id=OWN, secret=CANARY, tenant="1"),
                Client(client_id=FOREIGN, secret=CANARY, tenant="2"),
            ],
        )

    def wall(self) -> float:
        """The right time, in Unix seconds."""
        return BEGINNING + self.monotonic()

    def monotonic(self) -> float:
        """Seconds that never go back, and go on while the machine sleeps."""
        return self._slept + self.loop.elapsed

    def suspend(self, seconds: float) -> None:
        """Let the machine sleep: time passes, and its timers stand still.

        Not while something is on its way to the disk or the platform: a client that sleeps between the last look at the
        clock and the send cannot know better. Nor while the platform is at work, which does not sleep.
        """
        if self.loop.at_work or self.witness.under_way or self.app._unfinished:
            return
        self._slept += seconds
        self.tell(f"the machine sleeps for {seconds:.0f} s")

    async def passes(self, seconds: float) -> None:
        self.tell(f"{seconds:.0f} s pass")
        await asyncio.sleep(seconds)

    def new_id(self) -> str:
        self._ids += 1
        return f"00000000-0000-4000-8000-{self._ids:012}"

    def tell(self, text: str) -> None:
        self.trace.append(f"{self.wall() - BEGINNING:12.3f}  {text}")

    def load_faults(self, document: object) -> None:
        self.app._service.load_faults(document)

    @property
    def next_landing(self) -> float | None:
        return self.app._service.next_landing

    def start(self, **traits: object) -> Process:
        """Start a process on the machine, with the traits of `disk.Process`."""
        name = f"run{len(self.disk.processes) + 1}"
        return self.disk.start(name=name, **traits)

    def clock_error(self) -> float:
        """By how much the clock of a process is wrong: the platform's counts, so that even hours do no harm."""
        chance = self.chances.clock
        return chance.uniform(-CLOCK_ERROR, CLOCK_ERROR) if chance.random() < 0.9 else chance.uniform(-9000.0, 9000.0)

    def endpoint(self, client: str) -> Endpoint:
        return Endpoint(base_url="http://emulator.localhost", client_id=Secret(client), client_secret=Secret(CANARY))

    def look(self) -> None:
        """Let the witness see what has happened since, and what is on record now."""
        self.app._service.land_due()
        for sequence, ids, at, key in self.app._service._connection.execute(_EFFECTS, (self._seen,)).fetchall():
            self._seen = sequence
            self.witness.happens(key, at, json.loads(ids))
            self.tell(f"effect of {key[:10]} at {at - BEGINNING:.3f} on {self.witness.keys[key].address}")
        self.witness.reads(self.document(), is_durable=self.disk.is_settled)
        self.witness.check_state(is_all=not self.journals())

    def document(self) -> bytes | None:
        path = self.folder / "state.json"
        return path.read_bytes() if path.exists() else None

    def journals(self) -> list[Path]:
        return sorted(self.folder.glob("*.journal"))

    def everything(self) -> bytes:
        """All that is on record anywhere."""
        return b"".join([self.document() or b"", *(path.read_bytes() for path in self.journals())])

    def digest(self) -> str:
        return sha256("\n".join(self.trace).encode()).hexdigest()


def declared(target: Target, chance: Random) -> Declaration:
    return declare(target, chance.choice(list(Flags)), chance.choice(TRIGGERS))


def sorted_spec(declarations: dict[Address, Declaration]) -> Spec:
    return Spec({address: declarations[address] for address in sorted(declarations)})


@contextmanager
def world_of(seed: int) -> Iterator[World]:
    """Make the world of *seed*, in memory where the machine has a folder that is."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=memory if memory.is_dir() else None))
    loop = VirtualLoop(partial(Random(f"threads {seed}").uniform, 0.0002, 0.02))
    world = World(seed, folder, loop)
    try:
        with world.disk.installed():
            yield world
    finally:
        world.app.close()
        loop.close()
        shutil.rmtree(folder, ignore_errors=True)


def what_is_readable(world: World) -> bytes:
    """Everything on record but the lines that no longer are what was written."""
    lines = [line for path in world.journals() for line in path.read_bytes().split(b"\n")[:-1] if _is_whole(line)]
    return b"\n".join([world.document() or b"", *lines])


def _is_whole(line: bytes) -> bool:
    return line[:8] == b"%08x" % zlib.crc32(line[9:])
