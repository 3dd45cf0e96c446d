"""What the pure decision promises, for any rules and any requests; and what a document may say."""

from contextlib import suppress
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.fault_document import KINDS, read_rules
from reconciler.emulator.fault_kinds import Gateway, Layer, Scope, layer_of
from reconciler.emulator.fault_rules import clear_faults, list_faults, load_faults
from reconciler.emulator.faults import (
    Count,
    CountKey,
    FaultRule,
    Fired,
    Match,
    Moment,
    Operation,
    Situation,
    Trigger,
    candidates,
    decide,
    dice,
)
from reconciler.emulator.proxy_rules import KINDS as PROXY_KINDS
from reconciler.emulator.proxy_rules import read_proxy_rules

SITUATIONS = st.builds(
    Situation,
    layer=st.sampled_from(Layer),
    operation=st.sampled_from(Operation),
    tenant=st.sampled_from(["", "1", "2"]),
    target=st.sampled_from(["", "Subscription/A@1", "Subscription/B@1"]),
    key=st.sampled_from(["", "a", "b"]),
)
TRIGGERS = st.builds(
    Trigger,
    after=st.integers(0, 3),
    times=st.none() | st.integers(1, 3),
    lasts=st.none() | st.floats(0, 5),
    probability=st.floats(0, 1),
    seed=st.integers(0, 2**63 - 1),
)
MATCHES = st.builds(
    Match,
    operations=st.frozensets(st.sampled_from(Operation), min_size=1),
    target=st.none() | st.sampled_from(["*", "Subscription/*", "*B*"]),
    tenant=st.none() | st.just("1"),
    key=st.none() | st.just("a"),
)
RULES = st.lists(
    st.builds(
        FaultRule,
        name=st.sampled_from("abcd"),
        match=MATCHES,
        trigger=TRIGGERS,
        scope=st.sampled_from(Scope),
        when=st.just(Moment.BEFORE),
        fault=st.just(Gateway()),
    ),
    unique_by=lambda rule: rule.name,
    max_size=4,
)
TRAFFIC = st.lists(SITUATIONS, max_size=30)


class Book:
    """Counts as the database would."""

    def __init__(self) -> None:
        self.counts: dict[CountKey, Count] = {}

    def meet(self, rules: list[FaultRule], situation: Situation, *, now: float = 0.0) -> Fired | None:
        decision = decide(
            candidates(rules, situation), situation, count_of=lambda key: self.counts.get(key, Count()), now=now
        )
        self.counts |= dict(decision.counts)
        return decision.fired


@given(RULES, TRAFFIC)
def test_the_same_requests_meet_the_same_faults(rules: list[FaultRule], traffic: list[Situation]) -> None:
    books = Book(), Book()

    one, other = ([book.meet(rules, situation) for situation in traffic] for book in books)

    assert one == other
    assert books[0].counts == books[1].counts


@given(RULES, TRAFFIC)
def test_a_rule_never_fires_more_often_than_it_may(rules: list[FaultRule], traffic: list[Situation]) -> None:
    book = Book()
    for situation in traffic:
        book.meet(rules, situation)

    triggers = {rule.name: rule.trigger for rule in rules}
    for key, count in book.counts.items():
        trigger = triggers[key.rule]
        assert count.fired <= min(trigger.times or count.matched, max(0, count.matched - trigger.after))


@given(RULES, SITUATIONS)
def test_only_the_first_rule_that_fires_is_met_and_later_ones_do_not_count(
    rules: list[FaultRule], situation: Situation
) -> None:
    book = Book()

    fired = book.meet(rules, situation)

    fired_counts = [count.fired for count in book.counts.values()]
    assert sum(fired_counts) == (fired is not None)
    if fired is not None:
        names = [rule.name for rule in rules]
        assert all(names.index(key.rule) <= names.index(fired.rule.name) for key in book.counts)


@given(RULES, SITUATIONS)
def test_a_fault_behind_the_layer_that_is_reached_is_never_met(rules: list[FaultRule], situation: Situation) -> None:
    fired = Book().meet(rules, situation)

    assert fired is None or layer_of(fired.rule.fault) <= situation.layer


@given(RULES, TRAFFIC, st.randoms(use_true_random=False))
def test_a_rule_that_counts_by_key_does_not_care_how_keys_interleave(
    rules: list[FaultRule], traffic: list[Situation], chance: Random
) -> None:
    by_key = [
        FaultRule(name=r.name, match=r.match, trigger=r.trigger, scope=Scope.KEY, when=r.when, fault=r.fault)
        for r in rules
    ]
    sent = [Situation(layer=Layer.OPERATION, operation=Operation.REGENERATE, key=s.key) for s in traffic]
    mixed = list(sent)
    chance.shuffle(mixed)
    books = Book(), Book()

    for book, order in zip(books, (sent, mixed), strict=True):
        for situation in order:
            book.meet(by_key, situation)

    assert books[0].counts == books[1].counts


@given(st.integers(0, 2**63 - 1), st.text(), st.integers(0, 10**9))
def test_dice_fall_between_0_and_1_and_always_the_same_way(seed: int, name: str, count: int) -> None:
    assert 0 <= dice(seed, name, count) < 1
    assert dice(seed, name, count) == dice(seed, name, count)


def test_a_probability_is_kept_in_the_long_run() -> None:
    rule = {"name": "r", "probability": 0.3, "seed": 1, "fault": {"kind": "gateway"}}
    rules = [*read_rules({"version": 1, "rules": [rule]})]
    book = Book()
    situation = Situation(layer=Layer.OPERATION, operation=Operation.REGENERATE)

    fired = sum(book.meet(rules, situation) is not None for _ in range(4_000))

    assert 1_100 < fired < 1_300


def test_another_seed_is_another_sequence() -> None:
    sequences = {tuple(dice(seed, "r", "", count) < 0.5 for count in range(50)) for seed in range(20)}

    assert len(sequences) == 20


HEADERS = "an object of header names, each with printable ASCII text, or null to leave it out"
LOST: dict[str, Any] = {"name": "r", "fault": {"kind": "lost"}}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ([], "A document of fault rules is a JSON object."),
        ({"rules": []}, "version is missing."),
        ({"version": 2, "rules": []}, "version must be one of 1."),
        ({"version": True, "rules": []}, "version must be one of 1."),
        ({"version": 1}, "rules is missing."),
        ({"version": 1, "rules": {}}, "rules must be a list."),
        ({"version": 1, "rule": [], "rules": []}, "rule is not known; is rules meant?"),
        ({"version": 1, "rules": [7]}, "rules[0] must be an object."),
        ({"version": 1, "rules": [LOST, LOST]}, "rules[1].name: 'r' names an earlier rule too."),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_document_is_told_what_is_wrong_with_it(document: object, sentence: str) -> None:
    with pytest.raises(ValueError) as told:  # noqa: PT011  - the sentence is compared
        read_rules(document)

    assert str(told.value).splitlines() == [sentence]


@pytest.mark.parametrize(
    ("part", "sentence"),
    [
        ({"name": ""}, "rules[0].name must be text of 1 to 80 characters."),
        ({"times": 0}, "rules[0].times must be an integer from 1 to 1000000000."),
        ({"after": True}, "rules[0].after must be an integer from 0 to 1000000000."),
        ({"probability": 1.5}, "rules[0].probability must be a number from 0 to 1."),
        ({"probability": float("nan")}, "rules[0].probability must be a number from 0 to 1."),
        ({"per": "run"}, "rules[0].per must be one of all, target, key."),
        ({"match": {"traget": "*"}}, "rules[0].match.traget is not known; is target meant?"),
        ({"match": []}, "rules[0].match must be an object."),
        ({"when": "soon"}, "rules[0].when must be one of before, after, late."),
        ({"when": "late"}, "rules[0].late_seconds is missing: how much later does the effect happen?"),
        ({"holds_key": True}, 'rules[0].holds_key has a meaning only with "when": "late".'),
        (
            {"fault": {"kind": "lots"}},
            f"rules[0].fault must be an object whose kind is one of {', '.join(KINDS)}.",
        ),
        ({"fault": {"kind": "lost", "status": 1}}, "rules[0].fault.status is not known; known are kind, seconds."),
        ({"fault": {"kind": "gateway", "status": 404}}, "rules[0].fault.status must be an integer from 500 to 599."),
        ({"fault": {"kind": "business"}}, "rules[0].fault.category is missing."),
        (
            {"fault": {"kind": "headers", "headers": {"a": "b\r\nc"}}},
            f"rules[0].fault.headers must be {HEADERS}.",
        ),
        (
            {"when": "before", "fault": {"kind": "duplicate"}},
            "rules[0].when: duplicate can only be after.",
        ),
        (
            {"when": "late", "late_seconds": 1, "fault": {"kind": "system_error", "saved": True}},
            "rules[0].fault.saved: the answer of a request that lands late is the one saved when it lands.",
        ),
        (
            {"fault": {"kind": "answer", "saved": True}},
            'rules[0].fault.saved: only an answer of the "layer" "operation" is saved.',
        ),
        (
            {"fault": {"kind": "answer", "json": 1, "text": "1"}},
            "rules[0].fault must not have both json and text.",
        ),
        (
            {"match": {"operation": "token"}, "fault": {"kind": "mismatch"}},
            "rules[0].match.operation: mismatch cannot meet a token request.",
        ),
        (
            {"match": {"operation": "token", "key": "*"}},
            "rules[0].match: a token request has neither target nor key.",
        ),
    ],
    ids=lambda value: str(value)[:60],
)
def test_a_rule_is_told_what_is_wrong_with_it_and_where(part: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as told:  # noqa: PT011  - the sentence is compared
        read_rules({"version": 1, "rules": [LOST | part]})

    assert str(told.value).splitlines() == [sentence]


def test_everything_that_is_wrong_is_said_at_once_and_nothing_is_loaded(database: str) -> None:
    load_faults(database, {"version": 1, "rules": [LOST]})

    with pytest.raises(ValueError) as told:  # noqa: PT011  - the sentences are counted
        load_faults(database, {"version": 1, "rules": [{"times": 0}, {"name": 7, "fault": None}]})

    assert len(str(told.value).splitlines()) == 5
    assert [report.name for report in list_faults(database)] == ["r"]


def test_rules_are_listed_as_written_and_cleared(database: str) -> None:
    rule = {**LOST, "match": {"target": "*"}, "times": 3}

    assert load_faults(database, {"version": 1, "rules": [rule]}) == 1
    assert [report.document() for report in list_faults(database)] == [
        {"name": "r", "matched": 0, "fired": 0, "rule": rule}
    ]
    assert (clear_faults(database), list_faults(database)) == (1, ())


def test_a_world_in_memory_or_nowhere_has_no_rules_to_share(database: str) -> None:
    for call in (lambda: load_faults(":memory:", {}), lambda: list_faults(database), lambda: clear_faults(database)):
        with pytest.raises(ValueError, match=r"memory|no emulator database"):
            call()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
FIELDS = [*(kind.fields for kind in KINDS.values()), *(kind.fields for kind in PROXY_KINDS.values())]
WORDS = sorted(
    {"name", "match", "when", "late_seconds", "per", "target", "operation"}
    | {field for fields in FIELDS for field in fields}
)
FAULTS = st.dictionaries(st.sampled_from(["kind", *WORDS]), JSON | st.sampled_from([*KINDS, *PROXY_KINDS]), max_size=6)
DOCUMENTS = JSON | st.fixed_dictionaries(
    {
        "version": st.just(1) | JSON,
        "rules": JSON
        | st.lists(
            st.dictionaries(st.sampled_from(WORDS), JSON) | st.fixed_dictionaries({"name": st.text(), "fault": FAULTS})
        ),
    }
)


@given(DOCUMENTS)
def test_any_document_is_read_or_refused_in_sentences(document: object) -> None:
    for read in (read_rules, read_proxy_rules):
        with suppress(ValueError):
            read(document)
