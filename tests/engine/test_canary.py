"""Which calls wait for which: whatever goes first and however it ends, all changes have results, no other leaves."""

import asyncio
from dataclasses import dataclass, field

import pytest
from builders import BINDING, charge, declare, spec_of, subscription
from fakes import DONE, HandClock, Listener, MemoryJournals, MemoryStore, ScriptedPlatform
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.declaration import Declaration
from reconciler.core.outcome import Answer, Fault, FaultKind, Reason
from reconciler.core.plan import Plan
from reconciler.core.planner import make_plan
from reconciler.core.run import Outcome, Run, Stop, exit_status
from reconciler.core.tenancy import Tenancy
from reconciler.engine.apply import Ports, Request, apply_plan
from reconciler.engine.plan import StoredState

NOT_FOUND = Answer(status=404, is_business=True, success=False, reasons=(Reason("50000040", "no such object"),))
BUSY = Answer(status=429, is_business=False)
LOST = Fault(FaultKind.LOST, "connection reset")
NOBODY = Tenancy(tenant=None, entity=None)
LANES = [declare(subscription(version)) for version in (1, 2, 3)]
CHARGES = [declare(charge(f"C-{number}")) for number in range(4)]
EVERYTHING = [*CHARGES, *LANES]
ADDRESSES = [each.address for each in EVERYTHING]


def name(declaration: Declaration) -> object:
    return declaration.target.key[-1]


@dataclass
class World:
    """One plan, which is applied to a scripted platform; *first* are the calls that go first."""

    declarations: list[Declaration]
    answers: dict[object, Answer | Fault | Exception | list[Answer | Fault | Exception]] = field(default_factory=dict)
    concurrency: int = 1
    max_calls: int | None = None
    stop: Stop | None = None

    def __post_init__(self) -> None:
        self.clock = HandClock()
        self.plan: Plan = make_plan(spec_of(*self.declarations), None, BINDING, now=self.clock.now())
        self.platform = ScriptedPlatform(dict(self.answers))

    def apply(self, *first: Address) -> Run:
        request = Request(
            plan=self.plan,
            first=frozenset(first),
            stored=StoredState(state=None, document=None),
            run="run-1",
            lineage="lineage-1",
            configured=NOBODY,
            authorship={},
            concurrency=self.concurrency,
            max_calls=self.max_calls,
        )
        ports = Ports(
            store=MemoryStore(),
            journals=MemoryJournals(),
            platform=self.platform,
            clock=self.clock,
            progress=Listener(),
            stop=lambda: self.stop,
        )
        return asyncio.run(apply_plan(request, ports))


def sent(world: World) -> list[object]:
    return [each.body.get("subscriptionVersion", each.body.get("chargeNumber")) for each in world.platform.sent]


@pytest.mark.parametrize("concurrency", [1, 32])
def test_nothing_else_leaves_before_all_that_go_first_have_ended(concurrency: int) -> None:
    world = World(EVERYTHING, concurrency=concurrency)

    run = world.apply(CHARGES[1].address, LANES[1].address)

    assert sorted(map(str, sent(world)[:3])) == ["1", "2", "C-1"]
    assert {each.outcome for each in run.results} == {Outcome.DONE}
    assert exit_status(run) == 0


def test_a_later_version_of_a_lane_waits_for_the_others_that_go_first() -> None:
    """The charge is slow to be refused; meanwhile the first version is done."""
    slow: list[Answer | Fault | Exception] = [BUSY, BUSY, BUSY, NOT_FOUND]
    world = World(EVERYTHING, {"C-1": slow}, concurrency=2)

    run = world.apply(CHARGES[1].address, LANES[0].address)

    assert sorted(map(str, sent(world))) == ["1", *["C-1"] * 4]
    assert (run.stop, exit_status(run)) == (Stop.CANARY, 9)


def test_all_that_go_first_are_sent_even_if_one_of_them_is_refused_early() -> None:
    world = World(CHARGES, {"C-0": NOT_FOUND})

    run = world.apply(*(each.address for each in CHARGES[:3]))

    assert sent(world) == ["C-0", "C-1", "C-2"]
    assert run.summary == {"done": 2, "refused": 1, "in_doubt": 0, "undecided": 0, "not_started": 1}


def test_a_stop_for_another_reason_is_told_as_that_reason() -> None:
    world = World(CHARGES, stop=Stop.INTERRUPTED)

    assert world.apply(CHARGES[0].address).stop is Stop.INTERRUPTED


answers = st.dictionaries(
    st.sampled_from([name(each) for each in EVERYTHING]), st.sampled_from([DONE, NOT_FOUND, LOST])
)


@given(
    first=st.sets(st.sampled_from(ADDRESSES)),
    answers=answers,
    concurrency=st.sampled_from([1, 2, 32]),
    most=st.none() | st.integers(0, 7),
)
def test_every_change_has_a_result_and_others_leave_only_after_a_canary_that_is_done(
    first: set[Address], answers: dict[object, Answer | Fault | Exception], concurrency: int, most: int | None
) -> None:
    world = World(EVERYTHING, {**answers}, concurrency, most)

    run = world.apply(*first)

    outcomes = {each.address: each.outcome for each in run.results}
    assert [each.address for each in run.results] == [each.address for each in world.plan.changes]
    before = {each.address for number, each in enumerate(LANES) if first & {later.address for later in LANES[number:]}}
    others = set(ADDRESSES) - first - before
    is_done = all(outcomes[each] is Outcome.DONE for each in first)
    assert is_done or all(outcomes[each] is Outcome.NOT_STARTED for each in others)
    assert is_done or run.stop is not None
