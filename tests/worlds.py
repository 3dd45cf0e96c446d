"""One environment over days: a platform that remembers keys as the real one does, and operators between the applies."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from builders import spec_of
from fakes import DONE, HandClock, Listener, MemoryJournals, MemoryMark, MemoryStore

from reconciler.core.declaration import Declaration
from reconciler.core.diagnostics import Place
from reconciler.core.entry import Entry
from reconciler.core.environment import EmulatorApi, Environment, Project
from reconciler.core.history import RunRecord, act_record
from reconciler.core.outcome import Answer, Fault, FaultKind, Reason
from reconciler.core.plan import Plan
from reconciler.core.plan_check import plan_violations
from reconciler.core.resolve import Decision, Resolution, resolve_all
from reconciler.core.run import Outcome, Run
from reconciler.core.selection import EVERYTHING
from reconciler.core.state import State
from reconciler.core.tenancy import Scope, Tenancy
from reconciler.core.timestamp import timestamp
from reconciler.engine.apply import Ports, Request, apply_plan
from reconciler.engine.marked import MarkedStore
from reconciler.engine.plan import StoredState, load_state, plan_environment
from reconciler.engine.restore import Backup, restore_state
from reconciler.formats.state import read_state, write_state
from reconciler.ports import Regeneration

ENVIRONMENT = Environment(
    name="local", api=EmulatorApi(database="d"), specs="local", state_file="state.json", place=Place("reconciler.yaml")
)
LOST = Fault(FaultKind.LOST, "connection reset")
A_DAY = timedelta(hours=24)


def server_error(request_id: str) -> Answer:
    return Answer(status=500, is_business=True, reasons=(Reason("SystemError", "internal"),), request_id=request_id)


@dataclass
class RememberingPlatform:
    """Carries out what is new under its key and answers from what it has saved for 24 hours.

    *loses* answers on their way back; *fails* new calls with a server error, which it saves too.
    """

    clock: HandClock
    loses: int = 0
    fails: int = 0
    effects: list[Regeneration] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    saved: dict[str, tuple[Answer, datetime]] = field(default_factory=dict)
    before_answer: Callable[[], None] = lambda: None

    async def authenticate(self) -> Scope:
        return Scope(tenant="1", entities=("e",))

    def has_token(self) -> bool:
        return True

    def use(self, tenancy: Tenancy) -> None:
        pass

    def server_time(self) -> datetime | None:
        return None

    async def regenerate(self, regeneration: Regeneration) -> Answer | Fault:
        self.keys.append(regeneration.key)
        answer = self._answer(regeneration)
        self.before_answer()
        self.loses -= 1
        return LOST if self.loses >= 0 else answer

    def _answer(self, regeneration: Regeneration) -> Answer:
        now, number = self.clock.now(), len(self.saved)
        saved = self.saved.get(regeneration.key)
        if saved is not None and now - A_DAY < saved[1]:
            return saved[0]
        self.fails -= 1
        answer = server_error(f"r-{now}-{number}") if self.fails >= 0 else replace(DONE, request_id=f"r-{number}")
        if self.fails < 0:
            self.effects.append(regeneration)
        self.saved[regeneration.key] = (answer, now)
        return answer


class World:
    """One environment; `apply` plans and applies as the command does, and checks every plan."""

    def __init__(self, *declarations: Declaration) -> None:
        self.environment = ENVIRONMENT
        self.declare(*declarations)
        self.clock = HandClock()
        self.platform = RememberingPlatform(self.clock)
        self.document = MemoryStore()
        self.mark = MemoryMark()
        self.store = MarkedStore(self.document, self.mark)
        self.journals = MemoryJournals()
        self.runs = 0

    def declare(self, *declarations: Declaration) -> None:
        self.spec = spec_of(*declarations)

    def wait(self, **time: float) -> None:
        self.clock.advance(timedelta(**time))

    @property
    def state(self) -> State:
        assert self.document.content is not None
        return read_state(self.document.content, self.store.name, environment="local")

    def entry(self, declared: Declaration) -> Entry:
        return self.state.entries[declared.address]

    def edit(self, change: Callable[[State], State]) -> None:
        """Write the state as an operator's command does."""
        changed = change(self.state)
        self.document.content = write_state(replace(changed, serial=changed.serial + 1))

    def act(self, act: str) -> RunRecord:
        at = timestamp(self.clock.now())
        return act_record(f"{act} {at}", act, reason="a test", who=None, at=at, entries=1)

    def restore(self, content: bytes | None) -> State:
        """Accept *content* as the state; None: an empty one."""
        backup = Backup(content=content, name="backup.json") if content is not None else None
        return restore_state(
            self.store,
            self.journals,
            self.environment,
            backup=backup,
            lineage="lineage-2",
            reason="the disk was lost",
            act=self.act("restore"),
            now=self.clock.now(),
        )

    def decide(self, declared: Declaration, resolution: Resolution, *ids: str) -> None:
        word = Decision(address=declared.address, resolution=resolution, reason="looked it up", ids=ids)
        self.edit(lambda state: resolve_all(state, [word], self.spec, self.clock.now()))

    def stored(self) -> StoredState:
        mark = self.store.mark
        return load_state(self.store, self.journals, self.environment, mark)

    def plan(self, stored: StoredState | None = None) -> Plan:
        state, now = (stored or self.stored()).state, self.clock.now()
        project = Project(name="test", default=None, environments={})
        plan = plan_environment(project, self.environment, self.spec, state, now=now, selection=EVERYTHING)
        assert plan_violations(plan, self.spec, state, now) == ()
        return plan

    def actions(self) -> list[str]:
        return [str(change.action) for change in self.plan().changes]

    def apply(self) -> Run:
        self.runs += 1
        stored = self.stored()
        request = Request(
            plan=self.plan(stored),
            stored=stored,
            concurrency=1,
            run=f"run-{self.runs}",
            lineage="lineage-1",
            configured=Tenancy(tenant=None, entity=None),
            authorship={},
        )
        ports = Ports(
            store=self.store,
            journals=self.journals,
            platform=self.platform,
            clock=self.clock,
            progress=Listener(),
            stop=lambda: None,
        )
        return asyncio.run(apply_plan(request, ports))

    def apply_and_die(self) -> None:
        """Apply, and leave what a kill leaves that comes while the first answer is under way."""
        left: list[tuple[bytes | None, bytes | None, dict[str, bytes]]] = []

        def now() -> None:
            left.append((self.document.content, self.mark.content, dict(self.journals.contents)))

        self.platform.before_answer = now
        self.apply()
        self.platform.before_answer = lambda: None
        self.document.content, self.mark.content, self.journals.contents = left[0]

    def outcomes(self) -> list[Outcome]:
        """Apply and return what became of each change."""
        return [result.outcome for result in self.apply().results]
