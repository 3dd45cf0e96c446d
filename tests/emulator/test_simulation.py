"""The bare service under a virtual clock: no socket, no sleep, no loop."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from emulator_harness import PATH, VERSION, Clock, Ids
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.database import IN_MEMORY, open_database
from reconciler.emulator.messages import NoAnswer, Reply, Request, Response
from reconciler.emulator.service import Service

RULES: dict[str, Any] = {
    "version": 1,
    "rules": [
        {"name": "lost", "probability": 0.2, "seed": 1, "when": "after", "fault": {"kind": "lost"}},
        {"name": "late", "probability": 0.2, "seed": 2, "when": "late", "late_seconds": 9, "fault": {"kind": "lost"}},
        {"name": "gone", "probability": 0.2, "seed": 3, "fault": {"kind": "timeout"}},
        {"name": "busy", "probability": 0.2, "seed": 4, "fault": {"kind": "business", "category": 50, "saved": False}},
    ],
}


class Simulation:
    def __init__(self, rules: object = None) -> None:
        self.clock = Clock()
        self.connection = open_database(IN_MEMORY)
        self.service = Service(self.connection, now=self.clock, new_id=Ids())
        self.token = self._log_in()
        if rules is not None:
            self.service.load_faults(rules)

    def send(self, number: int, *, key: str | None = None) -> Reply:
        return self.service.exchange(self.request(number, key=key))

    def request(self, number: int, *, key: str | None = None) -> Request:
        body = {"type": "DynamicUsageCharge", "chargeNumber": f"C-{number:08d}"}
        headers = {"authorization": f"Bearer {self.token}", "content-type": "application/json"}
        keyed = {} if key is None else {"idempotency-key": key}
        return Request(
            method="POST",
            path=PATH,
            query="",
            headers={**headers, "zuora-version": VERSION, **keyed},
            body=json.dumps(body).encode(),
        )

    def effects(self) -> list[str]:
        return [key for (key,) in self.connection.execute("SELECT idempotency_key FROM effects ORDER BY sequence")]

    def _log_in(self) -> str:
        form = b"grant_type=client_credentials&client_id=a&client_secret=b"
        headers = {"content-type": "application/x-www-form-urlencoded"}
        reply = self.service.exchange(Request(method="POST", path="/oauth/token", query="", headers=headers, body=form))
        assert isinstance(reply.answer, Response)
        token: str = json.loads(reply.answer.body)["access_token"]
        return token


@pytest.fixture
def closing() -> Iterator[list[Simulation]]:
    made: list[Simulation] = []
    yield made
    for simulation in made:
        simulation.service.close()


def test_a_reply_says_how_long_it_would_have_taken(closing: list[Simulation]) -> None:
    rules = [
        {"name": "slow", "times": 1, "fault": {"kind": "latency", "seconds": 3}},
        {"name": "gone", "times": 1, "fault": {"kind": "timeout"}},
        {"name": "lost", "times": 1, "fault": {"kind": "lost", "seconds": 5}},
    ]
    simulation = Simulation({"version": 1, "rules": rules})
    closing.append(simulation)

    replies = [simulation.send(number) for number in (1, 2, 3, 4)]

    assert [reply.wait for reply in replies] == [3, 120, 5, 0]
    assert replies[2].answer is NoAnswer.LOST


def test_what_lands_late_is_carried_out_when_the_clock_has_come_there(closing: list[Simulation]) -> None:
    late = {"name": "late", "when": "late", "late_seconds": 9, "fault": {"kind": "lost"}}
    simulation = Simulation({"version": 1, "rules": [late]})
    closing.append(simulation)
    for number in (1, 2):
        simulation.send(number, key=f"k{number}")
        simulation.clock.seconds += 1

    assert (simulation.service.next_landing, simulation.service.land_due()) == (1_795_000_009, 0)
    simulation.clock.seconds = 1_795_000_009
    assert (simulation.service.land_due(), simulation.effects()) == (1, ["k1"])
    simulation.clock.seconds += 100
    assert (simulation.service.land_due(), simulation.service.next_landing) == (1, None)
    assert simulation.effects() == ["k1", "k2"]


def test_finishing_together_is_finishing_each_with_one_commit(closing: list[Simulation]) -> None:
    simulation = Simulation()
    closing.append(simulation)
    begun = [simulation.service.begin(simulation.request(number, key=f"k{number}")) for number in range(1, 6)]
    accepted = [one for one in begun if not isinstance(one, Reply)]

    statements: list[str] = []
    simulation.connection.set_trace_callback(statements.append)

    replies = simulation.service.finish_all(accepted)

    answers = [reply.answer for reply in replies if isinstance(reply, Reply)]
    assert [answer.status for answer in answers if isinstance(answer, Response)] == [200] * 5
    assert statements.count("COMMIT") == 1
    assert simulation.effects() == [f"k{number}" for number in range(1, 6)]


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 12)), max_size=25))
def test_whatever_is_lost_or_late_a_key_has_one_effect_within_its_day(steps: list[tuple[int, int]]) -> None:
    """And the same steps meet the same faults in another world."""
    seen = []
    for _ in range(2):
        simulation = Simulation(RULES)
        replies = []
        for number, seconds in steps:
            simulation.clock.seconds += seconds
            replies.append(simulation.send(number, key=f"k{number}"))
        simulation.clock.seconds += 60
        simulation.service.land_due()
        effects = simulation.effects()
        simulation.service.close()

        assert len(effects) == len(set(effects))
        for (number, _), reply in zip(steps, replies, strict=True):
            if isinstance(reply.answer, Response) and reply.answer.status == 200:
                assert f"k{number}" in effects
        seen.append((effects, [reply.answer for reply in replies]))

    assert seen[0] == seen[1]
