"""What abandoned journals know is in the state before anything is planned, whatever shape they are in."""

import zlib
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, applied, declare, entry, lost, record, refused, state_of, subscription
from fakes import MemoryJournals

from reconciler.core.diagnostics import InvalidInput
from reconciler.core.entry import Entry
from reconciler.core.journal import Ended, Event, Opened, Returned, Sending
from reconciler.core.state import State
from reconciler.core.timestamp import timestamp
from reconciler.engine.recover import recover
from reconciler.engine.recovered import DamagedJournal
from reconciler.formats.journal import event_line, opening_line

FIRST, SECOND = (declare(subscription(version)).address for version in (1, 2))
OPENED = Opened(
    run="run-1",
    plan_id="p1-1",
    environment="local",
    lineage="lineage-1",
    epoch=0,
    tenant="1",
    entity="e",
    at=timestamp(NOW),
)
NAME = "state.json.run-1.journal"
LEAVES = Sending(address=FIRST, call=record(0), scheme="k1", at=timestamp(NOW))
DONE = Ended(address=FIRST, record=applied(record(0)))
CAME_BACK = Returned(address=FIRST, number=0)


def lines(*events: Event, opened: Opened = OPENED) -> list[bytes]:
    return [opening_line(opened), *(event_line(event, number) for number, event in enumerate(events, 1))]


def journals(*contents: list[bytes]) -> MemoryJournals:
    return MemoryJournals({f"state.json.run-{n}.journal": b"".join(each) for n, each in enumerate(contents, 1)})


def learned(state: State | None) -> Entry:
    assert state is not None
    return state.entries.get(FIRST, Entry())


def test_a_send_without_an_end_becomes_a_doubt() -> None:
    recovered = recover(state_of({}), journals(lines(LEAVES)))
    (doubt,) = learned(recovered.state).in_doubt

    assert (doubt.call, doubt.scheme, doubt.last_sent) == (LEAVES.call, "k1", LEAVES.at)
    assert (recovered.folded, recovered.warnings) == ((NAME,), ())


def test_an_end_that_was_written_down_is_remembered_as_it_was() -> None:
    recovered = recover(state_of({}), journals(lines(LEAVES, DONE)))

    assert learned(recovered.state) == entry(applied(record(0)))


def test_what_came_back_without_an_effect_leaves_nothing() -> None:
    recovered = recover(state_of({}), journals(lines(LEAVES, CAME_BACK)))

    assert learned(recovered.state) == Entry()


def test_the_tenant_that_the_run_met_is_learned() -> None:
    recovered = recover(state_of({}), journals(lines()))

    assert recovered.state is not None
    assert (recovered.state.tenant, recovered.state.entity) == ("1", "e")


def test_recovering_again_from_what_was_recovered_changes_nothing() -> None:
    found = journals(lines(LEAVES), lines(LEAVES, DONE))
    once = recover(state_of({}), found).state

    assert recover(once, found).state == once


def test_several_journals_are_folded_in_any_order() -> None:
    one, other = lines(LEAVES), lines(LEAVES, DONE)
    found = [recover(state_of({}), journals(*contents)).state for contents in ((one, other), (other, one))]

    assert [learned(state) for state in found] == [entry(applied(record(0)))] * 2


def test_an_old_journal_takes_nothing_back_after_another_machine_has_gone_on() -> None:
    newer = entry(refused(record(0)), applied(record(1)))
    recovered = recover(state_of({FIRST: newer}), journals(lines(LEAVES)))

    assert learned(recovered.state) == newer


def test_a_late_end_settles_a_doubt() -> None:
    recovered = recover(state_of({FIRST: entry(lost(record(0)))}), journals(lines(LEAVES, DONE)))

    assert learned(recovered.state) == entry(applied(record(0)))


def test_a_resumed_call_keeps_the_age_of_its_key() -> None:
    known = lost(record(0, age=timedelta(hours=20)))
    resumed = replace(LEAVES, call=replace(known.call, run="run-1"))
    recovered = recover(state_of({FIRST: entry(known)}), journals(lines(resumed)))
    (doubt,) = learned(recovered.state).in_doubt

    assert (doubt.call.sent, doubt.last_sent) == (known.call.sent, LEAVES.at)


def test_a_journal_of_an_earlier_epoch_still_tells_what_has_happened() -> None:
    recovered = recover(replace(state_of({}), epoch=1), journals(lines(LEAVES)))

    assert len(learned(recovered.state).in_doubt) == 1


@pytest.mark.parametrize(
    "content", [[], [lines()[0][:40]], [lines()[0][:-1]]], ids=["empty", "torn", "torn at its break"]
)
def test_a_journal_that_ends_in_its_head_knows_nothing_and_may_go(content: list[bytes]) -> None:
    recovered = recover(state_of({}), journals(content))

    assert (recovered.state, recovered.folded, recovered.warnings) == (state_of({}), (NAME,), ())


def test_a_journal_without_a_good_line_may_hide_anything() -> None:
    recovered = recover(state_of({}), journals([b"\x00" * 512]))

    assert ([(each.name, each.began) for each in recovered.damaged], recovered.folded) == ([(NAME, None)], ())
    assert [each.code for each in recovered.warnings] == ["damaged-journal"]


def test_a_journal_of_another_state_is_told_used_for_nothing_and_kept() -> None:
    recovered = recover(state_of({}), journals(lines(LEAVES, opened=replace(OPENED, lineage="another"))))

    assert (recovered.state, recovered.folded) == (state_of({}), ())
    assert [(each.code, each.place.path) for each in recovered.warnings] == [("foreign-journal", NAME)]


HEADLESS = {
    "without a head": lines(LEAVES)[1:],
    "with a bad head": [b"x" + lines()[0][1:], *lines(LEAVES)[1:]],
}


@pytest.mark.parametrize("name", HEADLESS)
def test_a_journal_whose_head_is_gone_still_leaves_its_doubts(name: str) -> None:
    recovered = recover(state_of({}), journals(HEADLESS[name]))

    assert len(learned(recovered.state).in_doubt) == 1
    assert ([each.name for each in recovered.damaged], recovered.folded) == ([NAME], ())
    assert [each.code for each in recovered.warnings] == ["damaged-journal"]


def test_a_journal_without_a_state_is_told_and_kept() -> None:
    recovered = recover(None, journals(lines(LEAVES)))

    assert (recovered.state, recovered.folded) == (None, ())
    assert [each.code for each in recovered.warnings] == ["foreign-journal"]


def test_a_damaged_journal_is_told_and_what_it_leaves_open_is_in_doubt() -> None:
    second = replace(LEAVES, address=SECOND)
    whole = lines(LEAVES, CAME_BACK, second, replace(DONE, address=SECOND))
    recovered = recover(state_of({}), journals([*whole[:3], b"x" + whole[3][1:], whole[4]]))

    assert recovered.state is not None
    assert len(recovered.state.entries[FIRST].in_doubt) == 1
    assert recovered.state.entries[SECOND] == entry(applied(record(0)))
    assert [each.code for each in recovered.warnings] == ["damaged-journal"]
    assert (recovered.damaged, recovered.folded) == ((DamagedJournal(NAME, OPENED.at),), ())


def test_a_journal_that_breaks_its_rules_is_read_as_a_damaged_one() -> None:
    recovered = recover(state_of({}), journals(lines(LEAVES, CAME_BACK, CAME_BACK)))

    assert len(learned(recovered.state).in_doubt) == 1


def test_a_journal_of_a_newer_version_stops_everything() -> None:
    newer = opening_line(OPENED).replace(b'"version":1', b'"version":2')
    text = newer[9:-1]
    checksum = f"{zlib.crc32(text):08x}".encode()

    with pytest.raises(InvalidInput, match="version 2"):
        recover(state_of({}), journals([checksum + b" " + text + b"\n"]))
