"""Histories that must come out right, against the emulator itself, whose ledger tells what really happened.

Everything is real but time: engine, state file and journals, client, and the emulator on its database. The platform and
the machine have clocks of their own, and both stand still until somebody waits or a test moves them.
"""

import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import virtual_loop
from builders import A, B, charge, declare, spec_of, subscription
from fakes import HandClock, Listener

from reconciler.core.address import Address
from reconciler.core.declaration import Declaration, Flags
from reconciler.core.diagnostics import Place
from reconciler.core.entry import Entry
from reconciler.core.environment import EmulatorApi, Environment, Project
from reconciler.core.plan import Plan, Resume, Undecided
from reconciler.core.plan_check import plan_violations
from reconciler.core.run import Outcome, Result, Run, exit_status
from reconciler.core.selection import EVERYTHING
from reconciler.core.tenancy import Tenancy
from reconciler.core.timestamp import timestamp
from reconciler.emulator.app import create_app
from reconciler.emulator.fault_rules import clear_faults, load_faults
from reconciler.emulator.ledger import read_ledger
from reconciler.engine.apply import Ports, Request, apply_plan
from reconciler.engine.plan import load_state, plan_environment, platform_time
from reconciler.errors import NeedsDecision
from reconciler.ports import Secret, Version
from reconciler.stores.file import FileStore
from reconciler.stores.journal import FileJournals
from reconciler.zuora.client import Endpoint, HttpPlatform, in_process

FIRST = Address("Subscription/A-S00000001@1")
ENVIRONMENT = Environment(
    name="local", api=EmulatorApi(database="d"), specs="local", state_file="state.json", place=Place("reconciler.yaml")
)
PROJECT = Project(name="test", default=None, environments={"local": ENVIRONMENT})
MINUTES, HOURS = timedelta(minutes=1), timedelta(hours=1)


class Killed(BaseException):
    """The process ends here, and nothing of it tidies up."""


class MortalStore(FileStore):
    """A state file whose writer is killed just before the write that follows the first *survives* ones."""

    survives = 10**6

    def write(self, content: bytes, *, expected: Version | None) -> Version:
        self.survives -= 1
        if self.survives < 0:
            raise Killed
        return super().write(content, expected=expected)


class Story:
    """One environment of one project on one machine, and the platform."""

    def __init__(self, folder: Path, *declarations: Declaration) -> None:
        self.folder = folder
        self.platform_clock = HandClock()
        self.clock = self.platform_clock
        self.machine = "here"
        self.declares(*declarations)
        self.runs = 0
        create_app(database=self.database, now=self.now, new_id=self.new_id).close()

    @property
    def database(self) -> str:
        return str(self.folder / "emulator.db")

    @property
    def state_file(self) -> Path:
        return self.folder / "state.json"

    @property
    def journals(self) -> FileJournals:
        return FileJournals(self.state_file, name="state.json")

    def now(self) -> float:
        return self.platform_clock.now().timestamp()

    def new_id(self) -> str:
        self.runs += 1
        return f"00000000-0000-4000-8000-{self.runs:012}"

    def declares(self, *declarations: Declaration) -> None:
        self.spec = spec_of(*declarations)

    def meets(self, *rules: dict[str, object]) -> None:
        """From now on the platform misbehaves by *rules* and no others."""
        named = [{"name": f"rule {number}", **rule} for number, rule in enumerate(rules)]
        load_faults(self.database, {"version": 1, "rules": named}) if rules else clear_faults(self.database)

    def passes(self, time: timedelta) -> None:
        for clock in {id(each): each for each in (self.clock, self.platform_clock)}.values():
            clock.advance(time)

    def request(self) -> Request:
        """Plan as the command does."""
        stored = load_state(self.store(), self.journals, ENVIRONMENT)
        now = platform_time(self.clock.now(), stored.state, self.machine)
        plan = plan_environment(PROJECT, ENVIRONMENT, self.spec, stored.state, now=now, selection=EVERYTHING)
        assert plan_violations(plan, self.spec, stored.state, now) == ()
        return Request(
            plan=plan,
            stored=stored,
            run=f"run-{self.new_id()[-4:]}",
            machine=self.machine,
            lineage="lineage-1",
            configured=Tenancy(tenant=None, entity=None),
            authorship={},
            concurrency=4,
        )

    def plan(self) -> Plan:
        return self.request().plan

    def store(self, *, survives: int = 10**6) -> MortalStore:
        store = MortalStore(self.state_file, name="state.json")
        store.survives = survives
        return store

    def apply(self, request: Request | None = None, *, survives: int = 10**6) -> Run:
        application = create_app(
            database=self.database, now=self.now, new_id=self.new_id, sleep=self.platform_clock.sleep
        )
        endpoint = Endpoint(
            base_url="http://emulator.localhost", client_id=Secret("local"), client_secret=Secret("local")
        )
        with closing(application):
            platform = HttpPlatform(endpoint, in_process(application, endpoint), clock=self.clock)
            ports = Ports(
                store=self.store(survives=survives),
                journals=self.journals,
                platform=platform,
                clock=self.clock,
                progress=Listener(),
                stop=lambda: None,
            )
            return virtual_loop.run(apply_plan(request or self.request(), ports))

    def is_killed_before_it_saves(self) -> None:
        """Apply; all is sent and answered, and then the process dies. Whatever it knew is in its journal."""
        survives = 0 if self.state_file.exists() else 1
        with pytest.raises(Killed):
            self.apply(survives=survives)

    def loses_its_journals(self) -> None:
        names = self.journals.abandoned()
        assert names
        for name in names:
            self.journals.remove(name)

    def effects(self, address: str = FIRST) -> list[str]:
        """What has happened to *address*: the flags of each effect, in order."""
        return [effect.regenerate_flag for effect in read_ledger(self.database) if effect.target == address]

    def entry(self, address: Address = FIRST) -> Entry:
        state = load_state(self.store(), self.journals, ENVIRONMENT).state
        assert state is not None
        return state.entries[address]


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path, declare())


def once(kind: str, **fault: object) -> dict[str, object]:
    return {"times": 1, "fault": {"kind": kind, **fault}}


LOST_AFTER: dict[str, object] = {"times": 1, "when": "after", "fault": {"kind": "lost"}}


def always(kind: str, **fault: object) -> dict[str, object]:
    return {"fault": {"kind": kind, **fault}}


def outcomes(run: Run) -> list[Outcome]:
    return [result.outcome for result in run.results]


def only(run: Run) -> Result:
    (result,) = run.results
    return result


@pytest.mark.parametrize("first", [once("rate_limit"), once("refused"), once("rate_limit", limit="concurrency")])
def test_an_answer_that_told_nothing_then_success_then_the_journal_is_lost(
    story: Story, first: dict[str, object]
) -> None:
    story.meets(first)
    story.is_killed_before_it_saves()
    story.loses_its_journals()

    assert outcomes(story.apply()) == [Outcome.DONE]
    assert len(story.effects()) == 1
    assert story.plan().changes == ()


@pytest.mark.parametrize(
    "then",
    [
        always("unauthorized"),
        always("rate_limit", retry_after=1),
        always("in_flight"),
        always("in_flight", lock_code=True),
        always("gateway", status=503),
    ],
)
def test_a_lost_answer_followed_by_what_tells_nothing_is_resumed_and_found_done(
    story: Story, then: dict[str, object]
) -> None:
    story.meets(LOST_AFTER, then)
    first = story.apply()
    assert outcomes(first) == [Outcome.IN_DOUBT]
    assert [type(change) for change in story.plan().changes] == [Resume]
    story.meets()

    assert outcomes(story.apply()) == [Outcome.DONE]
    assert len(story.effects()) == 1


def test_a_lost_answer_followed_by_a_mismatch_is_undecided_and_never_sent_again(story: Story) -> None:
    story.meets(LOST_AFTER, always("mismatch"))
    assert exit_status(story.apply()) == 7
    story.meets()

    assert [type(change) for change in story.plan().changes] == [Undecided]
    assert outcomes(story.apply()) == [Outcome.UNDECIDED]
    assert len(story.effects()) == 1


def test_a_lock_after_a_lost_answer_does_not_settle_the_call(story: Story) -> None:
    """The lock is saved under the key: nothing has happened, and the same key would bring the lock for a day."""
    story.meets(once("lost"), once("business", category=50), once("lost"))
    run = story.apply()

    assert only(run).outcome is Outcome.IN_DOUBT
    assert story.effects() == []
    story.passes(25 * HOURS)
    assert [type(change) for change in story.plan().changes] == [Undecided]


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_final_refusal_learned_just_before_a_crash_then_the_data_is_mended(story: Story, is_lost: bool) -> None:  # noqa: FBT001
    """Without the journal the refusal is met once more, from what the platform has saved; then the number moves."""
    story.meets(once("business", category=40))
    story.is_killed_before_it_saves()
    if is_lost:
        story.loses_its_journals()
        assert outcomes(story.apply()) == [Outcome.REFUSED]

    assert outcomes(story.apply()) == [Outcome.DONE]
    assert len(story.effects()) == 1
    assert story.entry().next_call == 2


@pytest.mark.parametrize("is_lost", [False, True])
def test_one_thing_then_another_then_the_first_again_within_a_day(story: Story, is_lost: bool) -> None:  # noqa: FBT001
    """Each is an effect of its own, in this order, and no key of the first stands in for the third."""
    for flags in (A, B, A):
        story.declares(declare(flags=flags))
        story.is_killed_before_it_saves()
        if is_lost:
            story.loses_its_journals()
        assert set(outcomes(story.apply())) <= {Outcome.DONE}

    assert story.effects() == ["Y", "Y", "Y"]
    assert story.entry().next_call == 3
    applied = story.entry().applied
    assert applied is not None
    assert applied.call.flags is A
    keys = [effect.idempotency_key for effect in read_ledger(story.database)]
    assert len(set(keys)) == 3


def test_something_else_is_declared_while_the_first_is_unanswered_and_still_on_its_way(story: Story) -> None:
    story.meets({"when": "late", "late_seconds": 300, "times": 1, "fault": {"kind": "lost"}}, always("in_flight"))
    assert outcomes(story.apply()) == [Outcome.IN_DOUBT]
    story.meets()
    story.declares(declare(flags=Flags.REWRITE))
    assert only(story.apply()).error is not None
    assert story.effects() == []
    story.passes(11 * MINUTES)

    assert outcomes(story.apply()) == [Outcome.DONE]
    assert story.effects() == ["Y", "N"]
    assert story.plan().changes == ()


def test_a_request_in_progress_that_answers_with_a_lock_and_no_request_id_gets_no_second_one_beside_it(
    story: Story,
) -> None:
    """The journal of the one that is on its way is lost: the same key is computed, and must be what is sent."""
    lock = {"code": 58730050, "message": "Operation failed due to a lock competition, please retry later."}
    in_progress = always("answer", status=409, json={"success": False, "reasons": [lock]})
    story.meets({"when": "late", "late_seconds": 300, "times": 1, "fault": {"kind": "lost"}}, in_progress)
    story.is_killed_before_it_saves()
    story.loses_its_journals()
    story.meets({**in_progress, "times": 3})
    story.apply()
    story.passes(10 * MINUTES)
    story.meets()
    story.declares(declare(), declare(charge()))
    story.apply()

    assert len(story.effects()) == 1


def test_back_to_what_was_applied_after_something_else_was_refused(story: Story) -> None:
    story.apply()
    story.declares(declare(flags=B))
    story.meets(once("business", category=30))
    assert outcomes(story.apply()) == [Outcome.REFUSED]
    story.declares(declare())

    assert story.plan().changes == ()
    assert outcomes(story.apply()) == []
    assert len(story.effects()) == 1


def test_back_to_what_is_unanswered_after_something_else_was_refused(story: Story) -> None:
    story.meets(LOST_AFTER, always("in_flight"))
    story.apply()
    story.passes(11 * MINUTES)
    story.declares(declare(flags=B))
    story.meets(once("business", category=30))
    assert outcomes(story.apply()) == [Outcome.REFUSED]
    story.declares(declare())
    story.meets()

    assert outcomes(story.apply()) == [Outcome.DONE]
    assert len(story.effects()) == 1


def test_a_replayed_date_from_yesterday_sets_no_clock_back(story: Story) -> None:
    story.meets(LOST_AFTER, always("in_flight"))
    story.apply()
    story.meets()
    story.passes(22 * HOURS)
    now = story.clock.now()

    assert outcomes(story.apply()) == [Outcome.DONE]
    applied = story.entry().applied
    assert applied is not None
    assert timestamp(now) <= applied.at
    assert len(story.effects()) == 1


def test_an_approval_given_an_hour_before_the_key_expires_and_used_after_it(story: Story) -> None:
    story.meets(LOST_AFTER, always("in_flight"))
    story.apply()
    story.meets()
    story.passes(22 * HOURS + 30 * MINUTES)
    approved = story.request()
    assert [type(change) for change in approved.plan.changes] == [Resume]
    story.passes(HOURS)

    assert outcomes(story.apply(approved)) == [Outcome.UNDECIDED]
    assert len(story.effects()) == 1


def test_a_machine_folds_an_old_journal_after_another_has_gone_on(story: Story, tmp_path: Path) -> None:
    story.meets(LOST_AFTER, always("in_flight"))
    story.is_killed_before_it_saves()
    (name,) = story.journals.abandoned()
    shutil.move(tmp_path / name, tmp_path / "kept")
    story.meets()
    assert outcomes(story.apply()) == [Outcome.DONE]
    story.declares(declare(flags=B))
    assert outcomes(story.apply()) == [Outcome.DONE]
    gone_on = story.entry()
    shutil.move(tmp_path / "kept", tmp_path / name)

    assert story.plan().changes == ()
    story.apply()
    assert story.entry() == gone_on
    assert story.journals.abandoned() == []
    assert len(story.effects()) == 2


def test_a_machine_folds_the_doubt_of_an_old_journal_after_another_was_refused_twice(
    story: Story, tmp_path: Path
) -> None:
    story.meets(LOST_AFTER, always("in_flight"))
    story.is_killed_before_it_saves()
    (name,) = story.journals.abandoned()
    shutil.move(tmp_path / name, tmp_path / "kept")
    for trigger in ("first", "second"):
        story.declares(declare(flags=B, trigger=trigger))
        story.meets(once("business", category=30))
        assert outcomes(story.apply()) == [Outcome.REFUSED]
    story.meets()
    story.declares(declare())
    shutil.move(tmp_path / "kept", tmp_path / name)

    assert outcomes(story.apply()) == [Outcome.DONE]
    assert len(story.effects()) == 1


def test_a_lane_whose_first_version_is_lost(tmp_path: Path) -> None:
    versions = [subscription(version) for version in (1, 2, 3)]
    story = Story(tmp_path, *(declare(each) for each in versions), declare(charge()))
    match = {"target": FIRST}
    story.meets({**LOST_AFTER, "match": match}, {**always("in_flight"), "match": match})
    first = {result.address: result.outcome for result in story.apply().results}
    story.meets()
    story.apply()

    assert [first[Address(f"Subscription/A-S00000001@{n}")] for n in (1, 2, 3)] == [
        Outcome.IN_DOUBT,
        Outcome.NOT_STARTED,
        Outcome.NOT_STARTED,
    ]
    assert first[Address("DynamicUsageCharge/C-00000042")] is Outcome.DONE
    order = [effect.target for effect in read_ledger(story.database) if effect.type == "Subscription"]
    assert order == [f"Subscription/A-S00000001@{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize("wrong", [timedelta(days=2), timedelta(days=-2), timedelta(days=-20_000)])
def test_a_machine_whose_clock_is_wrong_judges_keys_by_the_platforms(story: Story, wrong: timedelta) -> None:
    story.clock = HandClock()
    story.clock.advance(wrong)
    story.meets(LOST_AFTER, always("in_flight"))
    story.apply()
    story.meets()
    story.passes(2 * HOURS)
    assert [type(change) for change in story.plan().changes] == [Resume]
    story.clock, story.machine = story.platform_clock, "there"

    assert outcomes(story.apply()) == [Outcome.DONE]
    assert len(story.effects()) == 1


@contextmanager
def clock_set_back(story: Story, by: timedelta) -> Iterator[None]:
    before = story.clock
    story.clock = replace(before, moment=before.moment - by)
    yield
    story.clock = before


def test_a_plan_on_a_machine_whose_clock_was_set_back_decides_nothing(story: Story) -> None:
    """What was sent in its future may be of any age: a person is asked, and the right clock settles it."""
    story.meets(LOST_AFTER, always("in_flight"))
    story.apply()
    story.meets()
    with clock_set_back(story, timedelta(days=3)):
        assert [type(change) for change in story.plan().changes] == [Undecided]
        assert outcomes(story.apply()) == [Outcome.UNDECIDED]

    assert outcomes(story.apply()) == [Outcome.DONE]
    assert len(story.effects()) == 1


def damage(story: Story, line: int) -> str:
    """Flip a bit in a line of the journal that a killed run has left; return its name."""
    (name,) = story.journals.abandoned()
    path = story.folder / name
    lines = path.read_bytes().splitlines(keepends=True)
    lines[line] = lines[line].replace(b"Subscription", b"Sabscription", 1)
    path.write_bytes(b"".join(lines))
    return name


@pytest.mark.parametrize("line", [1, 2])
def test_a_journal_that_lost_a_line_is_made_good_by_the_same_keys_within_the_day(story: Story, line: int) -> None:
    """Also the last line, where it is whole: what follows nothing is no torn tail for that."""
    story.is_killed_before_it_saves()
    damage(story, line)

    story.apply()
    assert story.entry().applied is not None
    assert story.plan().changes == ()
    assert story.journals.abandoned() == []
    assert len(story.effects()) == 1


def test_a_journal_that_lost_a_line_more_than_a_day_ago_lets_nothing_leave_and_stays(story: Story) -> None:
    story.is_killed_before_it_saves()
    name = damage(story, 1)
    (story.folder / name).write_bytes(b"".join((story.folder / name).read_bytes().splitlines(keepends=True)[:2]))
    story.passes(30 * HOURS)

    with pytest.raises(NeedsDecision, match=name):
        story.apply()
    assert story.journals.abandoned() == [name]
    assert len(story.effects()) == 1
