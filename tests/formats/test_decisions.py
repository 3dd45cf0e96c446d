"""A file of decisions: every fault with its place, and the same files refused by its schema."""

import json
from datetime import timedelta

import pytest
from builders import declare, entry, lost, plan_of, record, spec_of, subscription
from document_strategies import neighbours, yaml_of
from reading_outline import codes_in, faults_of

from reconciler.core.address import Address
from reconciler.core.diagnostics import Place
from reconciler.core.plan import Undecided
from reconciler.core.resolve import Decision, Resolution
from reconciler.core.target import ORDER_LINE_ITEM_NUMBER, Target
from reconciler.formats import decisions as decisions_module
from reconciler.formats.decisions import read_decisions, template_of
from reconciler.formats.schema import SchemaSet
from reconciler.formats.yaml_reader import Reading, read_yaml
from reconciler.workspace.schemas import load_schemas

SCHEMAS = SchemaSet(load_schemas())
SCHEMA = "decisions.schema.json"
FIRST, SECOND = "Subscription/A-S00000001@1", "OrderLineItem/O-00000007#1"
GOOD = f"""\
version: 1
reason: compared with Revenue
decisions:
  - {{address: {FIRST}, call: 0, as: done, ids: [2c98, "2c99"]}}
  - {{address: {SECOND}, as: not-done, reason: the order was cancelled}}
"""


def read(text: str) -> tuple[Reading, list[Decision]]:
    reading = read_yaml(text.encode(), "decisions.yaml")
    return reading, read_decisions(reading)


def one(decision: str, head: str = "reason: r\n") -> str:
    """A file with one decision, in line 4 from column 5."""
    return f"version: 1\n{head}decisions:\n  - {decision}\n"


def test_a_decision_says_its_own_reason_or_takes_that_of_the_file() -> None:
    reading, decisions = read(GOOD)

    assert reading.diagnostics == []
    assert decisions == [
        Decision(
            address=Address(FIRST),
            resolution=Resolution.DONE,
            reason="compared with Revenue",
            ids=("2c98", "2c99"),
            call=0,
            place=Place("decisions.yaml", 4, 5),
        ),
        Decision(
            address=Address(SECOND),
            resolution=Resolution.NOT_DONE,
            reason="the order was cancelled",
            place=Place("decisions.yaml", 5, 5),
        ),
    ]


FAULTS: dict[str, tuple[str, list[str]]] = {
    "an empty file": ("", ["empty-file 0:0"]),
    "a list at the top": (f"- {{address: {FIRST}, as: done}}\n", ["wrong-shape 1:1"]),
    "no decisions": ("version: 1\nreason: r\n", ["missing-field 1:1"]),
    "an empty list": ("version: 1\ndecisions: []\n", ["no-decisions 2:12"]),
    "another version": (one(f"{{address: {FIRST}, as: done}}").replace("1", "2", 1), ["unknown-version 1:10"]),
    "an unknown field": (one(f"{{address: {FIRST}, as: done, at: now}}"), ["unknown-key 4:53"]),
    "no address": (one("{as: done}"), ["missing-field 4:5"]),
    "an address that is none": (one("{address: Subscription, as: done}"), ["not-an-address 4:15"]),
    "no answer": (one(f"{{address: {FIRST}}}"), ["missing-field 4:5"]),
    "an answer left open": (one(f"{{address: {FIRST}, as: }}"), ["missing-value 4:47"]),
    "another answer": (one(f"{{address: {FIRST}, as: undone}}"), ["unknown-value 4:47"]),
    "no reason anywhere": (one(f"{{address: {FIRST}, as: done}}", head=""), ["missing-field 3:5"]),
    "a reason left open": (one(f"{{address: {FIRST}, as: done}}", head="reason:\n"), ["missing-value 2:8"]),
    "a call in quotes": (one(f'{{address: {FIRST}, as: done, call: "0"}}'), ["not-a-call 4:59"]),
    "a negative call": (one(f"{{address: {FIRST}, as: done, call: -1}}"), ["not-a-call 4:59"]),
    "calls": (one(f"{{address: {FIRST}, as: done, call: [0]}}"), ["not-a-call 4:59"]),
    "ids of nothing": (one(f"{{address: {FIRST}, as: not-done, ids: [a]}}"), ["ids-of-nothing 4:57"]),
    "one address twice": (GOOD.replace(SECOND, FIRST), ["decided-twice 5:5"]),
    "all at once": (
        one("{address: x, call: y, as: z}", head=""),
        [
            "missing-field 3:5",
            "not-a-call 3:24",
            "not-an-address 3:15",
            "unknown-value 3:31",
        ],
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_is_reported_with_its_place_and_nothing_else_is(case: str) -> None:
    text, expected = FAULTS[case]
    reading, _ = read(text)

    assert sorted(faults_of(reading)) == sorted(expected)
    assert all(each.hint for each in reading.diagnostics)


def test_every_code_is_met_here() -> None:
    covered = {fault.partition(" ")[0] for _, expected in FAULTS.values() for fault in expected}

    assert codes_in(decisions_module.__file__) <= covered


ONLY_THE_READER_SEES = {"not-an-address", "decided-twice"}


def test_the_reader_and_the_schema_agree_on_every_neighbour_of_a_full_file() -> None:
    """But for what no schema can say: addresses, and one address in two places."""
    reading, _ = read(GOOD)
    full = {
        "version": 1,
        "reason": "r",
        "decisions": [
            {"address": FIRST, "call": 0, "as": "done", "reason": "r", "ids": ["a", "b"]},
            {"address": SECOND, "as": "not-done"},
        ],
    }
    refused = 0
    for document in neighbours(full):
        read_decisions(reading := read_yaml(yaml_of(document), "decisions.yaml"))
        codes, violated = {each.code for each in reading.diagnostics}, [*SCHEMAS.violations(SCHEMA, document)]
        refused += bool(violated)

        assert codes if violated else codes <= ONLY_THE_READER_SEES, (codes, violated, document)
    assert refused


def undecided() -> list[Undecided]:
    item = Target(ORDER_LINE_ITEM_NUMBER, ("O-00000007", "1"))
    declared = [declare(), declare(subscription(1, "Zürich")), declare(item)]
    lost_long_ago = {d.address: entry(lost(record(2, target=d.target, age=timedelta(days=2)))) for d in declared}
    return [each for each in plan_of(spec_of(*declared), lost_long_ago).changes if isinstance(each, Undecided)]


def test_a_template_lacks_nothing_but_what_a_person_has_to_find_out() -> None:
    text = template_of(undecided())
    reading, _ = read(text)
    filled, decisions = read(text.replace("as: }", "as: done}").replace("reason: ", "reason: seen in Revenue"))

    assert {fault.partition(" ")[0] for fault in faults_of(reading)} == {"missing-value"}
    assert filled.diagnostics == []
    assert [(each.address, each.call) for each in decisions] == [(each.address, 2) for each in undecided()]
    assert "not answered" in text


def test_a_program_may_write_json() -> None:
    value = {"version": 1, "decisions": [{"address": FIRST, "call": 0, "as": "not-done", "reason": "r"}]}
    reading, decisions = read(json.dumps(value, indent=2))

    assert reading.diagnostics == []
    assert len(decisions) == 1
