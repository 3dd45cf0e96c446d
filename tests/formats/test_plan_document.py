"""The document of a saved plan says all that the plan says, in one way, and not one byte of it may differ."""

import hashlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import BINDING, NOW, declare, entry, lost, record, refused, said_undone, spec_of, state_of, subscription
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import histories, specs, targets

from reconciler.core.address import Address
from reconciler.core.declaration import Flags, Spec
from reconciler.core.diagnostics import InvalidInput, Place
from reconciler.core.digest import canonical_json, digest, digest_of
from reconciler.core.entry import Entry
from reconciler.core.environment import EmulatorApi
from reconciler.core.forecast import forecast_of
from reconciler.core.plan import Plan, Regenerate
from reconciler.core.planner import make_plan
from reconciler.core.saved import LIFETIME
from reconciler.core.selection import Selection, parse_selector
from reconciler.core.target import Target
from reconciler.core.timestamp import timestamp
from reconciler.errors import StalePlan, TamperedPlan
from reconciler.formats.plan_document import change_object, write_plan
from reconciler.formats.plan_reader import read_plan
from reconciler.formats.schema import SchemaSet
from reconciler.workspace.schemas import load_schemas

SCHEMAS = SchemaSet(load_schemas())
OLD = timedelta(days=2)
EVERY_ACTION = make_plan(
    spec_of(*(declare(subscription(version, name)) for name in ("A-S1", "A-S2", "A-S3", "A-S4") for version in (1, 2))),
    state_of(
        {
            Address("Subscription/A-S1@1"): entry(lost(record(target=subscription(1, "A-S1"), age=OLD))),
            Address("Subscription/A-S2@1"): entry(lost(record(target=subscription(1, "A-S2")))),
            Address("Subscription/A-S3@1"): entry(lost(record(target=subscription(1, "A-S3"), trigger="before"))),
            Address("Subscription/A-S4@1"): said_undone(lost(record(target=subscription(1, "A-S4"), age=OLD))),
            Address("Subscription/A-S4@2"): entry(refused(record(target=subscription(2, "A-S4")))),
            Address("Subscription/A-S5@1"): entry(lost(record(target=subscription(1, "A-S5")))),
        }
    ),
    BINDING,
    now=NOW,
)


def written(plan: Plan) -> bytes:
    return write_plan(plan, made=NOW)


def content_of(value: object) -> bytes:
    """A document that says *value*, with a hash that holds."""
    body = json.dumps(value)[:-1].encode()
    return body + f',\n "sha256": "{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode()


def test_every_kind_of_change_is_in_the_example() -> None:
    actions = {each.action for each in EVERY_ACTION.changes}

    assert actions == {"regenerate", "reissue", "resume", "undecided", "blocked"}


def same(read: Plan, plan: Plan) -> None:
    assert tuple(read.changes) == tuple(plan.changes)
    assert replace(read, changes=()) == replace(plan, changes=(), lanes=dict(plan.lanes))
    assert read.summary == plan.summary


def test_what_is_read_is_the_plan_that_was_written() -> None:
    plan = replace(
        EVERY_ACTION,
        selection=Selection(only=(parse_selector("Sub*"),), excepted=(parse_selector("file:x/*"),)),
        forecast=forecast_of(5, None, EmulatorApi(database="x")),
        warnings=make_plan(
            spec_of(), None, BINDING, now=NOW, selection=Selection(only=(parse_selector("z"),))
        ).warnings,
    )
    read = read_plan(written(plan), "plan.json")

    same(read.plan, plan)
    assert (read.id, read.made) == (plan.id, timestamp(NOW))
    assert read.expires == timestamp(NOW + LIFETIME)
    assert {address: call.number for address, call in read.calls.items()} == {c.address: c.call for c in plan.calls}
    assert read.idle == {c.address for c in plan.changes} - {c.address for c in plan.calls}


@given(specs(), histories())
def test_any_plan_is_read_back(spec: Spec, history: dict[Address, Entry]) -> None:
    plan = make_plan(spec, state_of(history), BINDING, now=NOW)
    content = written(plan)

    same(read_plan(content, "plan.json").plan, plan)
    assert written(read_plan(content, "plan.json").plan) == content
    assert list(SCHEMAS.violations("plan.schema.json", json.loads(content))) == []


texts = st.none() | st.text(max_size=20)


@st.composite
def plain_changes(draw: st.DrawFn) -> Regenerate:
    place = Place(draw(st.text(min_size=1, max_size=10)), draw(st.integers(0, 10)), 7)
    said = declare(draw(targets()), draw(st.sampled_from(Flags)), draw(texts))
    said = replace(said, reason=draw(texts), owner=draw(texts), place=place)
    return Regenerate(declaration=said, digest=digest_of(said), call=draw(st.integers(0, 9)), reasons=("new", "x"))


@given(plain_changes())
def test_a_plain_change_is_written_as_any_other(change: Regenerate) -> None:
    content = written(replace(EVERY_ACTION, changes=(change,)))

    assert json.loads(content)["changes"] == [change_object(change)]
    assert f"\n  {json.dumps(change_object(change))}\n".encode() in content


@given(targets(), st.sampled_from(Flags), texts)
def test_a_digest_is_that_of_the_canonical_text(target: Target, flags: Flags, trigger: str | None) -> None:
    text = canonical_json([target.body, flags.only_re_send, flags.re_migrate, trigger])

    assert digest(target, flags, trigger) == f"d1:{hashlib.sha256(text.encode()).hexdigest()}"


CONTENT = written(EVERY_ACTION)


def test_not_one_byte_may_differ() -> None:
    for place in range(len(CONTENT)):
        other = bytearray(CONTENT)
        other[place] ^= 1
        with pytest.raises(TamperedPlan, match="Not the plan that was written"):
            read_plan(bytes(other), "plan.json")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"\xff\xfe",
        CONTENT[:-1],
        CONTENT[1:],
        CONTENT + b"\n",
        CONTENT.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + CONTENT,
        CONTENT * 2,
        CONTENT[: len(CONTENT) // 2],
        b'"sha256": ' * 1000,
    ],
)
def test_nothing_else_is_taken_for_a_plan(content: bytes) -> None:
    with pytest.raises(TamperedPlan):
        read_plan(content, "plan.json")


def edited(**fields: object) -> bytes:
    value = json.loads(CONTENT)
    del value["sha256"]
    return content_of({**value, **fields})


def row(**fields: object) -> list[object]:
    first, *others = json.loads(CONTENT)["changes"]
    return [{**first, **fields}, *others]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("project", "other"),
        ("environment", "production"),
        ("tenant", "5"),
        ("lineage", None),
        ("epoch", 1),
        ("lanes", {}),
        ("changes", []),
        ("changes", row(call=7)),
        ("changes", row(address="Subscription/A-S9@1")),
        ("changes", row(digest=f"d1:{'0' * 64}")),
    ],
)
def test_a_hash_made_anew_hides_no_other_effect(field: str, value: object) -> None:
    with pytest.raises(TamperedPlan, match="its id does not follow from what it says"):
        read_plan(edited(**{field: value}), "plan.json")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("changes", None),
        ("changes", [1]),
        ("changes", {}),
        ("changes", row(action="explode")),
        ("changes", row(call="1")),
        ("changes", row(address=None)),
        ("changes", json.loads(CONTENT)["changes"] * 2),
        ("summary", {}),
        ("made", "yesterday"),
        ("expires", 5),
        ("only", ["type:Nothing"]),
        ("warnings", [{}]),
        ("forecast", {"calls": 1}),
        ("after_server_error", "shrug"),
        ("lanes", 5),
        ("lanes", []),
        ("left_out", "x"),
        ("serial", [1]),
        ("last_applied", 5),
        ("forecast", {"calls": 1, "seconds": "x", "basis": None, "calls_per_second": None}),
        ("summary", {"unchanged": None, "undeclared": 0}),
    ],
)
def test_a_malformed_document_is_refused_and_never_a_traceback(field: str, value: object) -> None:
    with pytest.raises(TamperedPlan):
        read_plan(edited(**{field: value}), "plan.json")


@pytest.mark.parametrize(
    "fields", [{"flags": {"onlyReSend": True, "reMigrate": False}}, {"trigger": "other"}, {"trigger": 7}, {"owner": []}]
)
def test_what_is_shown_is_what_the_digest_says(fields: dict[str, object]) -> None:
    """A reviewer sees no flags but those that would be sent, whoever has made the hash anew."""
    number = [each["action"] for each in json.loads(CONTENT)["changes"]].index("regenerate")
    rows = json.loads(CONTENT)["changes"]
    rows[number] |= fields
    read = read_plan(edited(changes=rows), "plan.json")
    with pytest.raises(TamperedPlan, match=f"change {number + 1} is none"):
        list(read.plan.changes)


def test_a_malformed_change_is_refused_when_it_is_looked_at() -> None:
    read = read_plan(edited(changes=row(flags={"onlyReSend": True, "reMigrate": True})), "plan.json")
    with pytest.raises(TamperedPlan, match="change 1 is none"):
        list(read.plan.changes)


def test_another_scheme_is_stale_and_is_named() -> None:
    with pytest.raises(StalePlan, match="the scheme d9 of digests, and this reconciler has d1"):
        read_plan(edited(digest_scheme="d9"), "plan.json")
    with pytest.raises(StalePlan, match="the scheme p9 of plan ids, and this reconciler has p1"):
        read_plan(edited(plan_id="p9-00"), "plan.json")


def test_a_newer_format_is_told_from_a_damaged_one() -> None:
    with pytest.raises(InvalidInput, match=r"format 2\.0"):
        read_plan(edited(format_version="2.0"), "plan.json")


@settings(max_examples=300)
@given(st.binary(max_size=200) | st.builds(lambda a, b: CONTENT[:a] + b, st.integers(0, 300), st.binary(max_size=99)))
def test_no_bytes_at_all_end_in_a_traceback(content: bytes) -> None:
    with pytest.raises(TamperedPlan):
        read_plan(content, "plan.json")
