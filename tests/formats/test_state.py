import json
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from builders import NOW, B, applied, charge, declare, entry, lost, record, refused, state_of, subscription
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import entries, few_targets, targets

from reconciler.core.address import Address, format_address
from reconciler.core.diagnostics import Diagnostic, InvalidInput
from reconciler.core.entry import Applied, CallRecord, Entry, Refused, Unsettled
from reconciler.core.state import ClockOffset, Restored, State
from reconciler.core.target import SUBSCRIPTION_NAME, Target
from reconciler.core.tenancy import PlatformKind
from reconciler.core.timestamp import timestamp
from reconciler.formats import state_lines
from reconciler.formats.schema import SchemaSet
from reconciler.formats.state import RESTORE, _read_whole, read_state, write_state
from reconciler.formats.state_lines import entry_lines, read_lines, without_plain
from reconciler.workspace.schemas import load_schemas

SCHEMA_SET = SchemaSet(load_schemas())
STATE_SCHEMA = "state.schema.json"
PATH = "state/local.json"
ADDRESS = "Subscription/A-S00000001@1"

anything = st.text(st.characters(), max_size=8).filter(
    lambda text: text == text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
)
"""Text with lone surrogates, but without two of them side by side that mean one character."""

maybe = st.none() | anything


restorations = st.builds(Restored, at=st.just(timestamp(NOW)), serial=st.integers(0), reason=anything, resolution=maybe)


@st.composite
def states(draw: st.DrawFn) -> State:
    found = draw(st.lists(few_targets | targets(), unique_by=format_address, max_size=6))
    return State(
        environment="local",
        project=draw(st.sampled_from([None, "acme-revenue"])),
        lineage=draw(anything),
        serial=draw(st.integers(0)),
        epoch=draw(st.integers(0, 3)),
        clock=draw(st.none() | st.builds(ClockOffset, st.text(), st.integers(-(10**10), 10**10))),
        tenant=draw(maybe),
        entity=draw(maybe),
        platform=draw(st.none() | st.sampled_from(PlatformKind)),
        restored=draw(st.none() | restorations),
        entries={format_address(each): told(draw, draw(entries(each))) for each in found},
    )


def told(draw: st.DrawFn, known: Entry) -> Entry:
    """*known*, with whatever words the platform and git may have had for it."""

    def call(old: CallRecord) -> CallRecord:
        words = {name: draw(maybe) for name in ("commit", "author")}
        return CallRecord(
            number=old.number,
            digest=old.digest,
            flags=old.flags,
            trigger=draw(maybe),
            key=old.key,
            sent=old.sent,
            run=draw(anything),
            target=draw(st.none() | targets().map(format_address)),
            **words,
        )

    def done(old: Applied) -> Applied:
        ids = tuple(draw(st.lists(anything, max_size=3)))
        return Applied(call=call(old.call), at=old.at, id_list=ids, request_id=draw(maybe), process_id=draw(maybe))

    def denied(old: Refused) -> Refused:
        return Refused(
            call=call(old.call),
            at=old.at,
            code=draw(anything),
            message=draw(anything),
            request_id=draw(maybe),
            process_id=draw(maybe),
        )

    def doubted(old: Unsettled) -> Unsettled:
        return Unsettled(
            call=call(old.call),
            scheme=old.scheme,
            last_sent=old.last_sent,
            message=draw(anything),
            request_id=draw(maybe),
            spent=old.spent,
            saved_error=old.saved_error,
            resolution=draw(maybe),
        )

    return Entry(
        next_call=known.next_call,
        applied=done(known.applied) if known.applied else None,
        refused=denied(known.refused) if known.refused else None,
        unsettled=tuple(doubted(each) for each in known.unsettled),
        restored=known.restored,
        resolution=draw(maybe),
    )


def read(content: bytes) -> State:
    return read_state(content, PATH, environment="local", project="acme-revenue")


def refusal(content: bytes) -> Diagnostic:
    with pytest.raises(InvalidInput) as caught:
        read(content)
    (found,) = caught.value.diagnostics
    return found


@given(state=states())
def test_what_is_written_is_read_back(state: State) -> None:
    assert read(write_state(state)) == state


@given(state=states())
def test_writing_what_was_read_changes_no_byte(state: State) -> None:
    content = write_state(state)

    assert write_state(read(content)) == content


@given(state=states())
def test_every_written_state_follows_its_schema(state: State) -> None:
    assert [*SCHEMA_SET.violations(STATE_SCHEMA, json.loads(write_state(state)))] == []


@given(state=states(), data=st.data())
def test_the_order_in_which_entries_were_learned_changes_no_byte(state: State, data: st.DataObject) -> None:
    shuffled = dict(data.draw(st.permutations([*state.entries.items()])))
    other = replace(state, entries=shuffled)

    assert write_state(other) == write_state(state)


@given(state=states())
def test_every_entry_has_a_line_of_its_own(state: State) -> None:
    lines = write_state(state).decode().split("\n")
    found = [json.loads(f"{{{line.rstrip(',')}}}") for line in lines if line.startswith("  ")]

    assert [len(each) for each in found] == [1] * len(state.entries)
    assert {key for each in found for key in each} == set(state.entries)


def test_the_document_is_as_published() -> None:
    call = record(1, trigger="t")
    state = state_of(
        {
            Address(ADDRESS): entry(applied(call)),
            Address("OrderLineItem/O-00000007#1"): entry(refused(record())),
            Address("DynamicUsageCharge/C-00000042"): entry(lost(record(), spent=True)),
        }
    )

    digest = call.digest
    other = record().digest
    assert write_state(state).decode() == (
        "{\n"
        ' "version": 1,\n'
        ' "environment": "local",\n'
        ' "tenant": null,\n'
        ' "entity": null,\n'
        ' "lineage": "lineage-1",\n'
        ' "serial": 0,\n'
        ' "epoch": 0,\n'
        ' "entries": {\n'
        '  "DynamicUsageCharge/C-00000042": {"next_call": 0, "unsettled": [{"call": 0, '
        f'"digest": "{other}", "flags": {{"onlyReSend": false, "reMigrate": true}}, "trigger": null, "key": "k1-0", '
        '"sent": "2026-11-22T11:00:00Z", "run": "run-1", "scheme": "k1", "lastSent": "2026-11-22T11:00:00Z", '
        '"message": "no answer", "spent": true}]},\n'
        '  "OrderLineItem/O-00000007#1": {"next_call": 1, "refused": {"call": 0, '
        f'"digest": "{other}", "flags": {{"onlyReSend": false, "reMigrate": true}}, "trigger": null, "key": "k1-0", '
        '"sent": "2026-11-22T11:00:00Z", "run": "run-1", "at": "2026-11-22T11:00:00Z", "code": "50000040", '
        '"message": "not found", "requestId": "r-2"}},\n'
        '  "Subscription/A-S00000001@1": {"next_call": 2, "applied": {"call": 1, '
        f'"digest": "{digest}", "flags": {{"onlyReSend": false, "reMigrate": true}}, "trigger": "t", "key": "k1-1", '
        '"sent": "2026-11-22T11:00:00Z", "run": "run-1", "at": "2026-11-22T11:00:00Z", "idList": ["2c98"], '
        '"requestId": "r-1"}}\n'
        " }\n"
        "}\n"
    )


def test_versions_stand_in_the_order_of_numbers() -> None:
    found = {format_address(Target(SUBSCRIPTION_NAME, ("A", version))): Entry() for version in (10, 9, 2, 100)}

    assert [*read(write_state(state_of(found))).entries] == [
        "Subscription/A@2",
        "Subscription/A@9",
        "Subscription/A@10",
        "Subscription/A@100",
    ]


def test_a_lone_surrogate_in_an_answer_can_be_recorded() -> None:
    """JSON may say half of a surrogate pair, UTF-8 may not; it must never cost the record of a call."""
    done = Applied(call=record(), at=record().sent, id_list=("2c98\ud83d",), request_id=None)
    state = state_of({Address(ADDRESS): entry(done)})

    assert read(write_state(state)) == state
    assert b"2c98\\ud83d" in write_state(state)


def test_other_scripts_stay_readable() -> None:
    state = state_of({format_address(subscription(name="Zürich-東京")): Entry()})

    assert "Subscription/Zürich-東京@1" in write_state(state).decode()


GOOD_STATE = state_of(
    {
        Address(ADDRESS): entry(applied(record(0)), refused(record(1, B)), lost(record(2))),
        Address("DynamicUsageCharge/C-00000042"): entry(applied(record(0))),
    }
)
GOOD = write_state(GOOD_STATE)


def changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(GOOD)
    change(document)
    return json.dumps(document).encode()


def in_call(kind: str, **values: object) -> bytes:
    def change(document: dict[str, Any]) -> None:
        found = document["entries"][ADDRESS][kind]
        (found[0] if isinstance(found, list) else found).update(values)

    return changed(change)


def without(kind: str, field: str) -> bytes:
    return changed(lambda document: document["entries"][ADDRESS][kind].pop(field))


def in_entry(**values: object) -> bytes:
    return changed(lambda document: document["entries"][ADDRESS].update(values))


def in_head(**values: object) -> bytes:
    return changed(lambda document: document.update(values))


def renamed(address: str) -> bytes:
    return changed(lambda document: document["entries"].update({address: document["entries"].pop(ADDRESS)}))


MARKERS = b"<<<<<<< ours\n" + GOOD + b"=======\n" + GOOD + b">>>>>>> theirs\n"

BAD: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty-document"),
    "blank": (b" \n\t\r\n", "empty-document"),
    "NULs": (b"\0" * 4096, "empty-document"),
    "not UTF-8": (GOOD.replace(b"lineage-1", b"lineage\xff1"), "not-utf-8"),
    "UTF-16": (GOOD.decode().encode("utf-16"), "not-utf-8"),
    "a byte order mark": (b"\xef\xbb\xbf" + GOOD, "not-json"),
    "truncated": (GOOD[:-40], "not-json"),
    "one character": (b"{", "not-json"),
    "something behind it": (GOOD + b"x", "not-json"),
    "two of them": (GOOD + GOOD, "not-json"),
    "an array": (b"[]", "not-json"),
    "a text": (b'"state"', "not-json"),
    "null": (b"null", "not-json"),
    "NaN": (in_head(serial=float("nan")), "not-json"),
    "nested too deep": (b'{"a":' * 100_000, "not-json"),
    "a number of 5,000 digits": (GOOD.replace(b'"serial": 0', b'"serial": ' + b"9" * 5_000), "not-json"),
    "merge markers": (MARKERS, "merge-markers"),
    "half of the merge markers": (GOOD + b">>>>>>> theirs\n", "merge-markers"),
    "a key twice": (b'{"version": 1, "version": 1}', "duplicate-key"),
    "an address twice": (GOOD.replace(b"DynamicUsageCharge/C-00000042", ADDRESS.encode()), "duplicate-key"),
    "nothing in it": (b"{}", "unknown-version"),
    "no version": (changed(lambda document: document.pop("version")), "unknown-version"),
    "version 0": (in_head(version=0), "unknown-version"),
    "version true": (in_head(version=True), "unknown-version"),
    "version 1.0": (in_head(version=1.0), "unknown-version"),
    "version in quotes": (in_head(version="1"), "unknown-version"),
    "a newer version": (in_head(version=2), "newer-version"),
    "a newer version with unknown keys": (in_head(version=2, new=1), "newer-version"),
    "an unknown key": (in_head(new=1), "unknown-key"),
    "an unknown key of an entry": (in_entry(new=1), "unknown-key"),
    "an unknown key of a call": (in_call("applied", new=1), "unknown-key"),
    "an unknown key of a refusal": (in_call("refused", new=1), "unknown-key"),
    "an unknown key of a doubt": (in_call("unsettled", new=1), "unknown-key"),
    "an unknown flag": (in_call("applied", flags={"onlyReSend": True, "reMigrate": False, "x": 1}), "unknown-key"),
    "another environment": (in_head(environment="production"), "other-environment"),
    "another project": (in_head(project="another"), "other-project"),
    "a project that is a number": (in_head(project=1), "wrong-field"),
    "no environment": (changed(lambda document: document.pop("environment")), "wrong-field"),
    "no lineage": (changed(lambda document: document.pop("lineage")), "wrong-field"),
    "a serial in quotes": (in_head(serial="1"), "wrong-field"),
    "a serial that is true": (in_head(serial=True), "wrong-field"),
    "a serial with a point": (in_head(serial=1.0), "wrong-field"),
    "a negative serial": (in_head(serial=-1), "wrong-field"),
    "a negative epoch": (in_head(epoch=-1), "wrong-field"),
    "a clock that is no object": (in_head(clock=3), "wrong-field"),
    "a clock without a machine": (in_head(clock={"offset": 3}), "wrong-field"),
    "a clock of another age": (in_head(clock={"machine": "m", "offset": 10**10 + 1}), "wrong-field"),
    "a clock with more": (in_head(clock={"machine": "m", "offset": 3, "zone": "Z"}), "unknown-key"),
    "a tenant that is a number": (in_head(tenant=1), "wrong-field"),
    "entries that are a list": (in_head(entries=[]), "wrong-field"),
    "no entries": (changed(lambda document: document.pop("entries")), "wrong-field"),
    "an entry that is a list": (in_head(entries={ADDRESS: []}), "wrong-field"),
    "no next call": (in_head(entries={ADDRESS: {}}), "wrong-field"),
    "a next call too small": (in_entry(next_call=1, unsettled=None), "wrong-field"),
    "a next call less than a doubt": (in_entry(next_call=0, applied=None, refused=None), "wrong-field"),
    "a negative next call": (in_head(entries={ADDRESS: {"next_call": -1}}), "wrong-field"),
    "a doubt that is no object": (in_entry(unsettled=[1]), "wrong-field"),
    "doubts that are an object": (in_entry(unsettled={}), "wrong-field"),
    "an id list of numbers": (in_call("applied", idList=[1]), "wrong-field"),
    "an id list of nothing": (in_call("applied", idList=None), "wrong-field"),
    "a call that is negative": (in_call("applied", call=-1), "wrong-field"),
    "no key": (without("applied", "key"), "wrong-field"),
    "no code": (without("refused", "code"), "wrong-field"),
    "both flags": (in_call("applied", flags={"onlyReSend": True, "reMigrate": True}), "wrong-field"),
    "flags that are numbers": (in_call("applied", flags={"onlyReSend": 1, "reMigrate": 0}), "wrong-field"),
    "one flag": (in_call("applied", flags={"onlyReSend": True}), "wrong-field"),
    "spent in quotes": (in_call("unsettled", spent="true"), "wrong-field"),
    "another digest scheme": (in_call("applied", digest=f"d2:{'0' * 64}"), "newer-digest"),
    "a short digest": (in_call("applied", digest="d1:0"), "wrong-field"),
    "a digest of something else": (in_call("applied", digest="sha256"), "wrong-field"),
    "no time": (in_call("applied", at=None), "wrong-field"),
    "a time of another zone": (in_call("applied", at="2026-11-22T10:00:00+01:00"), "wrong-field"),
    "a time in parts of seconds": (in_call("applied", at="2026-11-22T10:00:00.5Z"), "wrong-field"),
    "a time without zeros": (in_call("applied", at="2026-11-2T1:00:00Z"), "wrong-field"),
    "a time in other digits": (in_call("applied", at="\uff12026-11-22T10:00:00Z"), "wrong-field"),
    "a day that is none": (in_call("applied", sent="2026-02-30T10:00:00Z"), "wrong-field"),
    "a time that is a number": (in_call("unsettled", lastSent=0), "wrong-field"),
    "an address of nothing": (renamed(""), "bad-address"),
    "an address of an unknown type": (renamed("Invoice/1"), "bad-address"),
    "an address without a version": (renamed("Subscription/A-S00000001"), "bad-address"),
    "an address that is not in its one form": (renamed("Subscription/A-S00000001@01"), "bad-address"),
    "an address with a control character": (renamed("Subscription/A\u001b[1m@1"), "bad-address"),
    "an address of 100,000 characters": (renamed("A" * 100_000), "bad-address"),
    "a version of 5,000 digits": (renamed(f"Subscription/A@{'9' * 5_000}"), "bad-address"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_document_is_refused_in_one_clear_message(case: str) -> None:
    content, code = BAD[case]

    found = refusal(content)

    assert (found.code, found.place.path) == (code, PATH)
    assert 0 < len(found.summary) < 250
    assert found.hint
    assert (found.summary + found.detail + found.hint).isprintable()


@pytest.mark.parametrize("case", ["empty", "truncated", "an array", "a key twice", "a serial in quotes"])
def test_a_broken_document_is_to_be_restored_and_never_begun_anew(case: str) -> None:
    assert refusal(BAD[case][0]).hint == RESTORE


@pytest.mark.parametrize("case", ["a newer version", "another digest scheme"])
def test_a_newer_document_asks_for_a_newer_reconciler(case: str) -> None:
    assert refusal(BAD[case][0]).hint.startswith("Upgrade reconciler")


def test_broken_json_is_placed_by_line_and_column() -> None:
    broken = GOOD.replace(b'"serial": 0', b'"serial": ,')

    assert str(refusal(broken).place) == f"{PATH}:7:12"


def test_merge_markers_are_placed_by_line() -> None:
    lines = GOOD.count(b"\n")

    assert str(refusal(GOOD + b"=======\n").place) == f"{PATH}:{lines + 1}:1"


def test_a_state_of_no_entries_is_a_state() -> None:
    state = state_of({})

    assert read(write_state(state)) == state


@given(content=st.binary())
def test_no_bytes_raise_anything_but_invalid_input(content: bytes) -> None:
    assert refusal(content).hint


junk = st.sampled_from(
    [None, True, False, 0, 1, -1, 2, 10**400, 1.5, "", "x", "d1:", "\ud800", [], [None], {}, {"a": 1}, "2026-11-22"]
)
PATHS = [
    *[(name,) for name in ("version", "environment", "tenant", "lineage", "serial", "epoch", "entries")],
    *[("entries", ADDRESS, name) for name in ("next_call", "applied", "refused", "unsettled")],
    *[("entries", ADDRESS, "applied", name) for name in ("call", "digest", "flags", "trigger", "key", "sent", "run")],
    *[("entries", ADDRESS, "applied", name) for name in ("at", "idList", "requestId", "commit", "processId")],
    *[("entries", ADDRESS, "unsettled", 0, name) for name in ("scheme", "lastSent", "message", "spent", "call")],
    ("entries", ADDRESS, "unsettled", 0),
]


@given(path=st.sampled_from(PATHS), value=junk, remove=st.booleans())
def test_a_document_with_one_wrong_value_is_read_or_refused(
    path: tuple[str | int, ...], value: object, *, remove: bool
) -> None:
    document = json.loads(GOOD)
    parent = document
    for step in path[:-1]:
        parent = parent[step]
    if remove:
        with suppress(KeyError):
            del parent[path[-1]]
    else:
        parent[path[-1]] = value

    assert is_read_or_refused(json.dumps(document).encode())


@given(start=st.integers(0, len(GOOD)), length=st.integers(0, 30), put=st.binary(max_size=3) | st.just(b"}"))
def test_a_damaged_document_is_read_or_refused(start: int, length: int, put: bytes) -> None:
    assert is_read_or_refused(GOOD[:start] + put + GOOD[start + length :])


def is_read_or_refused(content: bytes) -> bool:
    try:
        state = read(content)
    except InvalidInput as error:
        return [each.place.path for each in error.diagnostics] == [PATH]
    return read(write_state(state)) == state


@given(cut=st.integers(0, len(GOOD) - 2))
def test_no_part_of_a_document_passes_for_the_whole(cut: int) -> None:
    """But for the line break at its end."""
    assert refusal(GOOD[:cut]).code in {"empty-document", "not-json"}


def whole(content: bytes) -> State | list[str]:
    """What the reader of whole documents makes of *content*: the state, or what it says is wrong."""
    try:
        return _read_whole(content, "state.json", "local")
    except InvalidInput as error:
        return [str(each) for each in error.diagnostics]


def quick(content: bytes) -> State | list[str]:
    try:
        return read_state(content, "state.json", environment="local")
    except InvalidInput as error:
        return [str(each) for each in error.diagnostics]


PLAIN = write_state(
    state_of({each.address: entry(applied(record(2, target=each.target))) for each in (declare(), declare(charge()))})
)
"""A document of which every line is the plain one of an applied address."""


def test_plain_lines_are_taken_by_themselves() -> None:
    text = entry_lines(PLAIN)
    assert text is not None
    lines = read_lines(text)
    assert lines is not None

    rest = without_plain(text, lines)
    assert rest is not None

    assert (len(lines.addresses), lines.odd) == (2, [])
    assert json.loads(rest)["entries"] == {}
    assert quick(PLAIN) == whole(PLAIN)


@given(state=states())
def test_the_fast_way_into_a_state_means_what_the_slow_one_means(state: State) -> None:
    content = write_state(state)

    assert quick(content) == whole(content)


@given(
    at=st.integers(0, len(PLAIN) - 1),
    cut=st.integers(0, 3),
    put=st.sampled_from(['"', "x", "0", "9", "\n", ",", " ", "}", "T", "\\", "\x1f", "\x7f", "é"]),
)
@example(at=0, cut=0, put="\ufeff")
def test_a_plain_document_that_was_damaged_is_read_or_refused_as_it_always_was(at: int, cut: int, put: str) -> None:
    content = PLAIN[:at] + put.encode() + PLAIN[at + cut :]

    assert quick(content) == whole(content)


*HEAD, FIRST, LAST, _, _ = PLAIN.splitlines(keepends=True)
FOOT = [b" }\n", b"}\n"]
HALVES = b'  "Subscription/A@1": {"next_call": 0,\n', b' "restored": true},\n'
"""One entry, which spans two lines: an entry that stands between them is none."""


@pytest.mark.parametrize(
    "content",
    [
        b"".join([*HEAD, FIRST, FIRST, LAST, *FOOT]),
        b"".join([*HEAD, FIRST, *FOOT]),
        b"".join([*HEAD, FIRST, b",\n", LAST, *FOOT]),
        b"".join([*HEAD, HALVES[0], FIRST, HALVES[1], LAST, *FOOT]),
        PLAIN.replace(b"2026-11-22T11", b"2026-13-22T11"),
        PLAIN.replace(b'"sent": "2026', b'"sent": "226'),
        re.sub(b'"d1:.', b'"d1:G', PLAIN),
        re.sub(b'"d1:.', b'"d1::', PLAIN),
        PLAIN.replace(b'"run": "', b'"run": "\n'),
        PLAIN.replace(b'"run": "', b'"run": "\x01'),
        PLAIN.replace(b'"run": "', b'"run": "\\ '),
        PLAIN.replace(b'"next_call": 3', b'"next_call": 2'),
        PLAIN.replace(b"@1", b"@01"),
        PLAIN.replace(b'"onlyReSend": false, "reMigrate": true', b'"onlyReSend": true, "reMigrate": true'),
        PLAIN.replace(b"},\n", b"}\n", 1),
        PLAIN.replace(b'"entries"', b'"serial": 1, "entries"'),
        PLAIN[:-3],
        PLAIN + b"{}",
    ],
)
def test_what_a_plain_line_may_not_say_is_refused_as_it_always_was(content: bytes) -> None:
    assert content != PLAIN
    assert isinstance(quick(content), list)
    assert quick(content) == whole(content)


@pytest.mark.parametrize("put", ["\\n", "\\u0041", "\x7f", "é", "\u2028"])
def test_what_one_text_holds_changes_nothing_of_how_the_other_lines_are_read(put: str) -> None:
    content = b"".join([*HEAD, FIRST.replace(b'"run": "', f'"run": "{put}'.encode()), LAST, *FOOT])
    text = entry_lines(content)
    assert text is not None
    lines = read_lines(text)

    assert lines is not None
    assert lines.odd == ([0] if "\\" in put else [])
    assert quick(content) == whole(content)


@pytest.mark.parametrize("size", [1, 500, 4 * 1024 * 1024])
@pytest.mark.parametrize("lines", [[FIRST.replace(b",\n", b",,\n"), LAST], [FIRST, LAST.replace(b"\n", b",\n")]])
def test_a_comma_too_many_is_refused_wherever_a_document_is_taken_apart(
    size: int, lines: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be all that tells of a line that was lost."""
    monkeypatch.setattr(state_lines, "_PIECE", size)
    content = b"".join([*HEAD, *lines, *FOOT])

    assert isinstance(quick(content), list)
    assert quick(content) == whole(content)
