"""Waiting for the disk, and for a turn: one write serves all that wait, and what waited too long does not leave."""

import asyncio
import threading
from datetime import timedelta

import pytest
from builders import BINDING, NOW, applied, charge, declare, record, spec_of
from fakes import DONE, HandClock, Listener, MemoryJournals, ScriptedPlatform

from reconciler.core.address import Address
from reconciler.core.entry import Applied
from reconciler.core.journal import Ended, Event, Returned, Sending, records_of
from reconciler.core.key import KeyScope
from reconciler.core.limiter import Limiter
from reconciler.core.outcome import Answer, Fault
from reconciler.core.planner import make_plan
from reconciler.core.run import Stop
from reconciler.core.timestamp import timestamp
from reconciler.engine.group_commit import LINGER, GroupCommit
from reconciler.engine.sending import Sender, Sends
from reconciler.errors import StorageError
from reconciler.formats.journal import event_line, read_journal
from reconciler.ports import Regeneration

FULL = StorageError("The journal cannot be written", "no space left on device.")


class SlowJournal:
    """A journal that keeps what it is given and writes nothing before it may; *fails* ends a write with an error."""

    name = "state.json.run-1.journal"

    def __init__(self, *, fails: bool = False) -> None:
        self.fails = fails
        self.written: list[bytes] = []
        self.is_closed = False
        self.may_write = threading.Event()

    def append(self, content: bytes) -> None:
        assert self.may_write.wait(20)
        if self.fails:
            raise FULL
        self.written.append(content)

    def close(self) -> None:
        self.is_closed = True


def event(number: int) -> Event:
    return Returned(address=Address(f"DynamicUsageCharge/C-{number}"), number=number)


async def waiting(commit: GroupCommit, *numbers: int) -> list[asyncio.Task[None]]:
    """A task for each of *numbers*, that has noted an event of its own and waits for it."""

    async def note(number: int) -> None:
        commit.note(event(number))
        await commit.commit()

    tasks = [asyncio.create_task(note(number)) for number in numbers]
    for _ in range(5):
        await asyncio.sleep(0)
    return tasks


def lines(*numbers: int) -> bytes:
    return b"".join(event_line(event(number), number + 1) for number in numbers)


def test_forty_that_wait_while_one_write_is_under_way_cost_one_more() -> None:
    journal = SlowJournal()

    async def run() -> GroupCommit:
        commit = GroupCommit(journal)
        tasks = await waiting(commit, 0)
        tasks += await waiting(commit, *range(1, 41))
        journal.may_write.set()
        await asyncio.gather(*tasks)
        return commit

    commit = asyncio.run(run())

    assert journal.written == [lines(0), lines(*range(1, 41))]
    assert (commit.writes, commit.noted, commit.durable) == (2, 41, 41)


def test_forty_events_noted_together_cost_one_write_in_the_order_in_which_they_were_noted() -> None:
    journal = SlowJournal()
    journal.may_write.set()

    async def run() -> None:
        commit = GroupCommit(journal)
        for number in range(40):
            commit.note(event(number))
        await asyncio.gather(*(commit.commit() for _ in range(40)))

    asyncio.run(run())

    assert journal.written == [lines(*range(40))]


def test_nobody_goes_on_before_what_was_noted_is_durable() -> None:
    journal = SlowJournal()

    async def run() -> tuple[list[bool], list[bool]]:
        commit = GroupCommit(journal)
        tasks = await waiting(commit, 0, 1, 2)
        before = [task.done() for task in tasks]
        journal.may_write.set()
        await asyncio.gather(*tasks)
        return before, [task.done() for task in tasks]

    assert asyncio.run(run()) == ([False] * 3, [True] * 3)


def test_a_commit_with_nothing_new_writes_nothing() -> None:
    journal = SlowJournal()

    async def run() -> None:
        await GroupCommit(journal).commit()

    asyncio.run(run())

    assert journal.written == []


def test_an_error_reaches_every_waiter_of_this_write_and_of_the_next() -> None:
    journal = SlowJournal(fails=True)

    async def run() -> tuple[list[BaseException | None], int]:
        commit = GroupCommit(journal)
        tasks = await waiting(commit, *range(40))
        journal.may_write.set()
        return await asyncio.gather(*tasks, return_exceptions=True), commit.durable

    assert asyncio.run(run()) == ([FULL] * 40, 0)


def test_after_an_error_nothing_is_written_though_the_disk_recovers() -> None:
    """What the failed write took with it would be missing before what follows."""
    journal = SlowJournal(fails=True)
    journal.may_write.set()

    async def run() -> None:
        commit = GroupCommit(journal)
        for fails in (True, False):
            journal.fails = fails
            commit.note(event(0))
            with pytest.raises(StorageError):
                await commit.commit()

    asyncio.run(run())

    assert journal.written == []


def test_a_machine_that_gives_no_thread_to_write_in_is_a_failing_journal() -> None:
    def starts_none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    async def run() -> None:
        commit = GroupCommit(SlowJournal())
        commit.note(event(0))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(threading.Thread, "start", starts_none)
            with pytest.raises(StorageError, match="start new thread"):
                await asyncio.wait_for(commit.commit(), 5)
        await commit.close()

    asyncio.run(run())


def test_lines_are_numbered_through_from_one() -> None:
    journal = SlowJournal()
    journal.may_write.set()
    found = (
        Sending(address=declare().address, call=record(0), scheme="k1", at=timestamp(NOW)),
        Ended(address=declare().address, record=applied(record(0))),
    )

    async def run() -> None:
        commit = GroupCommit(journal)
        for each in found:
            commit.note(each)
            await commit.commit()

    asyncio.run(run())
    whole = b"".join(journal.written)

    assert whole == event_line(found[0], 1) + event_line(found[1], 2)


class Held(ScriptedPlatform):
    """A platform whose answers wait until they may come."""

    may_answer: asyncio.Event
    arrived: asyncio.Event

    async def regenerate(self, regeneration: Regeneration) -> Answer | Fault:
        self.sent.append(regeneration)
        self.arrived.set()
        await self.may_answer.wait()
        return DONE


def sends_of(platform: Held, clock: HandClock, stop: list[Stop], journals: MemoryJournals) -> Sends:
    """Three changes for two workers, of which only one may send at a time."""
    plan = make_plan(spec_of(*(declare(charge(f"C-{n}")) for n in range(3))), None, BINDING, now=NOW)
    return Sends(
        plan,
        run="run-1",
        scope=KeyScope(project="test", environment="local", tenant="1", entity="e", epoch=0),
        authorship={},
        limiter=Limiter(cap=2, allowed=1),
        journal=GroupCommit(journals.create("run-1", b"")),
        sender=Sender(
            platform=platform,
            clock=clock,
            progress=Listener(),
            stop=lambda: stop[0] if stop else None,
            deadline=60.0,
        ),
    )


@pytest.mark.parametrize("why", [Stop.INTERRUPTED, Stop.DEADLINE])
def test_what_waits_for_its_turn_does_not_leave_after_a_stop(why: Stop) -> None:
    platform, clock, stop, journals = Held(), HandClock(), list[Stop](), MemoryJournals()

    async def run() -> Sends:
        platform.may_answer, platform.arrived = asyncio.Event(), asyncio.Event()
        sends = sends_of(platform, clock, stop, journals)
        sending = asyncio.create_task(sends.send_all())
        await platform.arrived.wait()
        if why is Stop.DEADLINE:
            clock.advance(timedelta(seconds=61))
        else:
            stop.append(why)
        platform.may_answer.set()
        await sending
        return sends

    sends = asyncio.run(run())

    assert len(platform.sent) == 1
    assert sends.stopped is why
    assert sorted(str(each.outcome) for each in sends.results.values()) == ["done", "not_started", "not_started"]
    (content,) = journals.contents.values()
    (known,) = records_of(read_journal(content, "j").events)
    assert isinstance(known[1], Applied)


def test_what_nobody_waits_for_is_written_soon_all_the_same() -> None:
    journal = SlowJournal()
    journal.may_write.set()

    async def run() -> None:
        commit = GroupCommit(journal)
        commit.note(event(0))
        commit.note(event(1))
        while commit.durable < 2:  # noqa: ASYNC110  (nothing tells: that is the point)
            await asyncio.sleep(LINGER / 5)

    asyncio.run(asyncio.wait_for(run(), 20))

    assert journal.written == [lines(0, 1)]


def test_closing_writes_what_is_left_and_waits_for_a_write_under_way() -> None:
    journal = SlowJournal()

    async def run() -> None:
        commit = GroupCommit(journal)
        (task,) = await waiting(commit, 0)
        task.cancel()
        commit.note(event(1))
        closing = asyncio.create_task(commit.close())
        await asyncio.sleep(0)
        assert not closing.done()
        journal.may_write.set()
        await closing

    asyncio.run(run())

    assert journal.written == [lines(0), lines(1)]
    assert journal.is_closed


def test_closing_after_an_error_writes_nothing_and_raises_nothing() -> None:
    journal = SlowJournal(fails=True)
    journal.may_write.set()

    async def run() -> None:
        commit = GroupCommit(journal)
        commit.note(event(0))
        await commit.close()

    asyncio.run(run())

    assert journal.written == []
    assert journal.is_closed
