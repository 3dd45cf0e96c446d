"""Each rule by table: what it refuses, in the words that a person reads, and what it lets pass."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from builders import NOW, A, B, applied, charge, declare, entry, lost, plan_of, record, refused, spec_of, subscription
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.declaration import Declaration, Flags
from reconciler.core.diagnostics import Place
from reconciler.core.entry import Entry
from reconciler.core.environment import EmulatorApi, Environment
from reconciler.core.guardrail_limits import Allowance, Edge, Freeze, Guardrails, Period, Refusal, Rule
from reconciler.core.guardrails import Past
from reconciler.core.history import RunRecord
from reconciler.core.judgement import GUARDRAILS, freeze_begins, judged, kept
from reconciler.core.plan import Plan, Undecided
from reconciler.core.selection import Selection, parse_selector
from reconciler.core.timestamp import timestamp

PLACE = Place("reconciler.yaml", 20, 7)
NOTHING = Past()


def environment(guardrails: Guardrails | None) -> Environment:
    return Environment(
        name="production",
        api=EmulatorApi(database="d"),
        specs="local",
        state_file="s",
        place=Place("reconciler.yaml", 9, 5),
        guardrails=guardrails,
    )


def rails(**limits: object) -> Guardrails:
    """Guardrails with limits by the names of the project file."""
    counts = {Rule(name): value for name, value in limits.items() if name.startswith(("max_calls", "max_remigrate"))}
    others = {name: value for name, value in limits.items() if name not in counts}
    return Guardrails(place=PLACE, limits=counts, **others)  # type: ignore[arg-type]


def refusals(plan: Plan, guardrails: Guardrails, past: Past = NOTHING, now: datetime = NOW) -> tuple[Refusal, ...]:
    return judged(plan, environment(guardrails), past, now).refusals


def told(plan: Plan, guardrails: Guardrails, past: Past = NOTHING, now: datetime = NOW) -> list[str]:
    return [f"{each.rule}: {each.told}" for each in refusals(plan, guardrails, past, now)]


def new(count: int, flags: Flags = A) -> list[Declaration]:
    return [declare(charge(f"C-{number:08}"), flags, line=number) for number in range(1, count + 1)]


def plan(*declarations: Declaration, entries: dict[Address, Entry] | None = None) -> Plan:
    return plan_of(spec_of(*declarations), entries)


def run(age: timedelta, calls: int, remigrate: int = 0, number: int = 1) -> RunRecord:
    at = timestamp(NOW - age)
    return RunRecord(
        run=f"r{number}",
        plan_id="p1-x",
        began=at,
        ended=at,
        who=None,
        commit=None,
        calls=calls,
        done=calls,
        refused=0,
        in_doubt=0,
        remigrate=remigrate,
    )


def resumed() -> Plan:
    declaration = declare()
    return plan(declaration, entries={declaration.address: entry(lost(record()))})


def reissued(count: int, unchanged: int) -> Plan:
    declarations = [declare(charge(f"C-{number}"), B) for number in range(count + unchanged)]
    entries = {
        each.address: entry(applied(record(flags=A if number < count else B, target=each.target)))
        for number, each in enumerate(declarations)
    }
    return plan(*declarations, entries=entries)


LIFT = "under guardrails of production in reconciler.yaml."


def lift(rule: str, scope: str = "PLAN_ID") -> str:
    return f"have allow: [{{rule: {rule}, for: {scope}, reason: WHY, until: DATE}}] reviewed, {LIFT}"


def test_more_calls_than_one_plan_may_make() -> None:
    assert refusals(plan(*new(501)), rails(max_calls=500)) == (
        Refusal(
            rule=Rule.MAX_CALLS,
            figure=501,
            limit=500,
            told="501 calls in this plan, and 500 are allowed",
            hint=f"Take a part of it with --only, or {lift('max_calls')}",
        ),
    )


def test_a_limit_of_one_and_of_none() -> None:
    assert told(plan(*new(2)), rails(max_calls=1)) == ["max_calls: 2 calls in this plan, and 1 is allowed"]
    assert told(plan(*new(1)), rails(max_calls=0)) == ["max_calls: 1 call in this plan, and 0 are allowed"]


def test_more_calls_with_remigrate_than_one_plan_may_make() -> None:
    mixed = plan(*new(3, A), *(declare(subscription(number), B) for number in (1, 2)))

    assert told(mixed, rails(max_remigrate=2)) == [
        "max_remigrate: 3 calls with reMigrate in this plan, and 2 are allowed"
    ]
    assert told(mixed, rails(max_remigrate=3)) == []


def test_ten_small_plans_do_not_slip_through() -> None:
    past = Past(runs=[run(timedelta(hours=number), 50, number=number) for number in range(1, 10)])
    (found,) = refusals(plan(*new(51)), rails(max_calls_per_day=500), past)

    assert found.told == "51 calls in this plan after 450 in the last 24 h, and 500 are allowed"
    assert (found.figure, found.limit) == (501, 500)
    assert found.hint.startswith("Wait until 24 h are over, take a part of it with --only, or have allow:")
    assert told(plan(*new(50)), rails(max_calls_per_day=500), past) == []


@pytest.mark.parametrize(("age", "counts"), [(timedelta(hours=23, minutes=59), True), (timedelta(hours=24), False)])
def test_a_day_is_24_hours(age: timedelta, *, counts: bool) -> None:
    found = told(plan(*new(1)), rails(max_calls_per_day=5), Past(runs=[run(age, 5)]))

    assert bool(found) is counts


def test_a_day_of_24_hours_is_one_also_when_clocks_change() -> None:
    """From 12:00 to 12:00 in Berlin on the day that summer ends are 25 hours."""
    berlin = ZoneInfo("Europe/Berlin")
    now = datetime(2026, 10, 25, 12, tzinfo=berlin)
    ended = timestamp(datetime(2026, 10, 24, 12, tzinfo=berlin))
    before = replace(run(timedelta(), 5), began=ended, ended=ended)

    assert told(plan(*new(1)), rails(max_calls_per_day=5), Past(runs=[before]), now) == []


def test_remigrate_has_a_day_of_its_own() -> None:
    past = Past(runs=[run(timedelta(hours=1), 400, remigrate=40)])

    assert told(plan(*new(11)), rails(max_remigrate_per_day=50), past) == [
        "max_remigrate_per_day: 11 calls with reMigrate in this plan after 40 in the last 24 h, and 50 are allowed"
    ]
    assert told(plan(*new(11, B)), rails(max_remigrate_per_day=50), past) == []


def test_no_limit_of_calls_makes_a_doubt_undecidable() -> None:
    """A resume is sent under the same key and has one effect; kept back it would be undecided after 23 hours."""
    past = Past(runs=[run(timedelta(hours=1), 1, remigrate=1)])
    counting = dict.fromkeys(["max_calls", "max_calls_per_day", "max_remigrate", "max_remigrate_per_day"], 0)

    assert told(resumed(), rails(**counting), past) == []
    with_another = replace(resumed(), changes=(*resumed().changes, *plan(*new(1)).changes))
    assert told(with_another, rails(max_calls=0)) == ["max_calls: 1 call in this plan, and 0 are allowed"]
    assert told(with_another, rails(max_remigrate=1)) == []


def test_a_freeze_holds_a_doubt_back_too() -> None:
    assert len(told(resumed(), rails(freeze=MONTH_END, **NEW_YORK), now=NOW.replace(day=30))) == 1


def test_too_great_a_share_is_regenerated_again() -> None:
    (found,) = refusals(reissued(3, 7), rails(max_reissued_share=0.2))

    assert found.told == ("3 of 10 declarations are to be regenerated again, a share of 0.3, and 0.2 is allowed")
    assert (found.figure, found.limit) == (0.3, 0.2)
    assert told(reissued(3, 7), rails(max_reissued_share=0.3)) == []


def test_ten_small_parts_of_a_share_do_not_slip_through() -> None:
    runs = [replace(run(timedelta(hours=number), 1, number=number), reissued=1) for number in range(1, 5)]
    (found,) = refusals(reissued(1, 9), rails(max_reissued_share=0.4), Past(runs=runs))

    assert found.told == (
        "1 of 10 declarations are to be regenerated again after 4 in the last 24 h, a share of 0.5, and 0.4 is allowed"
    )
    assert (found.figure, found.limit) == (0.5, 0.4)
    assert told(reissued(1, 9), rails(max_reissued_share=0.5), Past(runs=runs)) == []
    assert told(plan(*new(1)), rails(max_reissued_share=0), Past(runs=runs)) == []
    tomorrow = NOW + timedelta(hours=20)
    assert told(reissued(1, 9), rails(max_reissued_share=0.1), Past(runs=runs), tomorrow) != []
    assert told(reissued(1, 9), rails(max_reissued_share=0.1), Past(runs=runs), NOW + timedelta(days=1)) == []


def test_what_is_new_is_not_regenerated_again_and_counts_as_declared() -> None:
    assert told(plan(*new(10)), rails(max_reissued_share=0)) == []


def test_a_selection_does_not_change_of_how_many_it_is_a_share() -> None:
    one = Selection(only=(parse_selector("DynamicUsageCharge/C-1"),))
    declarations = [declare(charge(f"C-{number}"), B) for number in range(10)]
    entries = {each.address: entry(applied(record(flags=A, target=each.target))) for each in declarations}

    selected = plan_of(spec_of(*declarations), entries, selection=one)

    assert told(selected, rails(max_reissued_share=0.1)) == []
    assert len(told(selected, rails(max_reissued_share=0.09))) == 1


def test_a_pair_of_flags_is_forbidden() -> None:
    forbidding = rails(forbidden_flags=frozenset({Flags.REWRITE_AND_RECOLLECT}))
    (found,) = refusals(plan(*new(5), declare(flags=B)), forbidding)

    assert found.told == (
        "5 calls with onlyReSend false, reMigrate true, and none is allowed: DynamicUsageCharge/C-00000001 "
        "[local/a.yaml:1:5], DynamicUsageCharge/C-00000002 [local/a.yaml:2:5], DynamicUsageCharge/C-00000003 "
        "[local/a.yaml:3:5] and 2 more"
    )
    assert (found.figure, found.limit) == (5, 0)
    assert found.hint == f"Declare other flags, or {lift('forbidden_flags')}"
    assert told(plan(declare(flags=B)), forbidding) == []


@pytest.mark.parametrize(
    ("pattern", "reason", "passes"),
    [
        *(("REV-[0-9]*", "REV-1234 prices", True), ("REV-[0-9]*", "rev-1234", False), ("REV-[0-9]*", "REV-", False)),
        *(("*", "anything", True), ("*", None, False), ("REV-???", "REV-12", False), ("REV-???", "REV-123", True)),
        ("*a*a*a*a*a*a*a*a*a*a*a*a*b", "a" * 255, False),
    ],
)  # fmt: skip
def test_a_reason_is_like_the_pattern_or_refused(pattern: str, reason: str | None, *, passes: bool) -> None:
    declaration = replace(declare(), reason=reason)

    assert (told(plan(declaration), rails(reason=pattern)) == []) is passes


def test_a_missing_reason_is_named_with_its_place() -> None:
    (found,) = refusals(plan(declare()), rails(reason="REV-*"))

    assert (
        found.told == "1 call whose reason is missing or unlike 'REV-*': Subscription/A-S00000001@1 [local/a.yaml:1:5]"
    )
    assert (found.figure, found.limit) == (1, "REV-*")
    assert found.hint == f"Write reason: into the spec, for the file or the declaration, or {lift('reason')}"


def test_a_missing_owner_is_named_with_its_place() -> None:
    owned = replace(declare(subscription(2)), owner="revenue-operations")

    assert told(plan(declare(), owned), rails(owner="*")) == [
        "owner: 1 call whose owner is missing or unlike '*': Subscription/A-S00000001@1 [local/a.yaml:1:5]"
    ]


NEW_YORK = {"zone": ZoneInfo("America/New_York"), "zone_name": "America/New_York"}
MONTH_END = Freeze(month_end=Edge(last=2, first=1))


def test_nothing_is_sent_while_it_is_frozen_and_the_plan_says_until_when() -> None:
    (found,) = refusals(
        plan(declare()), rails(freeze=MONTH_END, **NEW_YORK), now=datetime(2026, 12, 1, 4, 59, tzinfo=UTC)
    )

    assert found.told == (
        "it is 2026-11-30 in America/New_York, and nothing is sent from 2026-11-29 to 2026-12-01 (month end 2026-11)"
    )
    assert (found.figure, found.limit) == ("2026-11-30", "2026-11-29 to 2026-12-01")
    assert found.hint == f"Apply from 2026-12-02 on, or {lift('freeze')}"


@pytest.mark.parametrize(
    ("now", "frozen"),
    [
        *(("2026-11-29T04:59:59", False), ("2026-11-29T05:00:00", True)),
        *(("2026-12-02T04:59:59", True), ("2026-12-02T05:00:00", False)),
    ],
)
def test_a_freeze_begins_and_ends_at_midnight_of_the_tenant(now: str, *, frozen: bool) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert bool(told(plan(declare()), rails(freeze=MONTH_END, **NEW_YORK), now=at)) is frozen


def warnings(plan: Plan, guardrails: Guardrails, now: datetime = NOW) -> list[str]:
    return [f"{each.code}: {each.summary}" for each in judged(plan, environment(guardrails), NOTHING, now).warnings]


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("2026-11-21", []),
        ("2026-11-22", ["freeze-ahead: nothing is sent from 2026-11-29, in 7 days"]),
        ("2026-11-28", ["freeze-ahead: nothing is sent from 2026-11-29, tomorrow"]),
        ("2026-11-29", []),
    ],
)
def test_a_freeze_is_announced_days_ahead(day: str, expected: list[str]) -> None:
    noon = datetime.fromisoformat(f"{day}T17:00:00").replace(tzinfo=UTC)

    assert warnings(plan(declare()), rails(freeze=MONTH_END, **NEW_YORK), noon) == expected
    assert warnings(plan(), rails(freeze=MONTH_END, **NEW_YORK), noon) == []


def allowance(rule: Rule, scope: str, until: date = date(2026, 11, 22)) -> Allowance:
    taken = scope if scope.startswith("p1-") else parse_selector(scope)
    return Allowance(rule=rule, scope=taken, text=scope, reason="REV-1300", until=until, place=PLACE)


@pytest.mark.parametrize(
    "scope", ["DynamicUsageCharge/*", "file:local/*", "type:DynamicUsageCharge", "action:regenerate"]
)
def test_calls_that_the_project_file_names_are_let_past_one_rule(scope: str) -> None:
    guardrails = rails(max_calls=1, max_remigrate=1, allow=(allowance(Rule.MAX_CALLS, scope),))

    assert told(plan(*new(3)), guardrails) == ["max_remigrate: 3 calls with reMigrate in this plan, and 1 is allowed"]
    assert warnings(plan(*new(3)), guardrails) == [
        f"guardrail-lifted: max_calls is lifted for {scope} to the end of 2026-11-22"
    ]
    assert kept(plan(*new(3)), environment(guardrails), NOTHING, NOW) == (
        "max_calls 1",
        "max_remigrate 1",
        f"max_calls lifted for {scope}: REV-1300",
    )


def test_a_plan_that_the_project_file_names_is_let_past_and_so_is_its_rest() -> None:
    approved = plan(*new(3))
    guardrails = rails(max_calls=1, allow=(allowance(Rule.MAX_CALLS, approved.id),))
    other = plan(*new(4))

    assert told(approved, guardrails) == []
    assert len(told(other, guardrails)) == 1
    assert told(other, guardrails, Past(approved=frozenset({approved.id}))) == []


def test_what_is_let_past_does_not_take_others_along() -> None:
    guardrails = rails(max_calls=1, allow=(allowance(Rule.MAX_CALLS, "Subscription/*"),))

    assert told(plan(*new(1), declare()), guardrails) == []
    assert told(plan(*new(2), declare()), guardrails) == ["max_calls: 2 calls in this plan, and 1 is allowed"]
    (found,) = refusals(plan(*new(2), declare()), guardrails)
    assert found.hint.endswith(" The line at reconciler.yaml:20:7 is for Subscription/* alone.")


def test_an_allowance_holds_to_the_end_of_its_last_day_where_the_tenant_is() -> None:
    last = date(2026, 11, 21)
    guardrails = rails(max_calls=0, allow=(allowance(Rule.MAX_CALLS, "*", last),), **NEW_YORK)
    ends = datetime(2026, 11, 22, 5, tzinfo=UTC)

    assert refusals(plan(declare()), guardrails, now=ends - timedelta(seconds=1)) == ()
    (found,) = refusals(plan(declare()), guardrails, now=ends)
    assert found.hint.endswith(" The line at reconciler.yaml:20:7 ended with 2026-11-21.")


def nothing_to_send() -> Iterable[Plan]:
    done, doubt = declare(), declare(subscription(2))
    old = lost(record(target=doubt.target, age=timedelta(days=3)))
    yield plan()
    yield plan(done, entries={done.address: entry(applied(record()))})
    yield plan(doubt, declare(subscription(3)), entries={doubt.address: entry(old)})


EVERYTHING = rails(
    **dict.fromkeys(["max_calls", "max_calls_per_day", "max_remigrate", "max_remigrate_per_day"], 0),
    max_reissued_share=0.0,
    forbidden_flags=frozenset(Flags),
    reason="REV",
    owner="REV",
    freeze=Freeze(month_end=Edge(last=14, first=14), quarter_end=Edge(last=14, first=14)),
)
BUSY = Past(runs=[run(timedelta(hours=1), 1_000_000, 1_000_000)])


@pytest.mark.parametrize("plan", list(nothing_to_send()))
@pytest.mark.parametrize("day", range(1, 29))
def test_a_plan_that_calls_nothing_is_refused_by_no_rule(plan: Plan, day: int) -> None:
    now = NOW.replace(day=day)

    assert [rule(plan, environment(EVERYTHING), BUSY, now) for rule in GUARDRAILS] == [None] * len(GUARDRAILS)
    assert all(isinstance(each, Undecided) or each.action == "blocked" for each in plan.changes)


def test_everything_refuses_at_once_each_rule_once_in_a_fixed_order() -> None:
    found = refusals(reissued(1, 0), EVERYTHING, BUSY, NOW.replace(day=28))
    both = refusals(plan(declare()), EVERYTHING, BUSY, NOW.replace(day=28))

    assert [each.rule for each in found] == [
        *("freeze", "forbidden_flags", "max_calls", "max_calls_per_day"),
        *("max_reissued_share", "reason", "owner"),
    ]
    assert [each.rule for each in both] == [
        *("freeze", "forbidden_flags", "max_remigrate", "max_remigrate_per_day", "max_calls", "max_calls_per_day"),
        *("reason", "owner"),
    ]
    assert {each.rule for each in (*found, *both)} == set(Rule) - {Rule.CANARY}


def test_without_guardrails_nothing_is_refused() -> None:
    large = plan(*new(1_000))

    assert judged(large, environment(None), BUSY, NOW) == large
    assert judged(large, environment(Guardrails(place=PLACE)), BUSY, NOW) == large
    assert kept(large, environment(None), BUSY, NOW) == ()


counts = st.integers(0, 30)


@given(
    fresh=counts,
    flags=st.sampled_from(Flags),
    share=st.tuples(st.integers(0, 5), st.integers(0, 5)),
    earlier=counts,
    limits=st.tuples(counts, counts),
)
def test_a_greater_limit_never_refuses_what_a_smaller_one_lets_pass(
    fresh: int, flags: Flags, share: tuple[int, int], earlier: int, limits: tuple[int, int]
) -> None:
    mixed, (limit, more) = reissued(*share), limits
    plan = replace(mixed, changes=(*plan_of(spec_of(*new(fresh, flags))).changes, *mixed.changes))
    past = Past(runs=[run(timedelta(hours=2), earlier, earlier // 2)])

    def rules(limit: int) -> set[str]:
        guardrails = rails(
            **dict.fromkeys(["max_calls", "max_calls_per_day", "max_remigrate", "max_remigrate_per_day"], limit),
            max_reissued_share=limit / 100,
        )
        return {each.rule for each in refusals(plan, guardrails, past)}

    assert rules(limit + more) <= rules(limit)
    assert (Rule.MAX_CALLS in rules(limit)) is (len(plan.calls) > limit)


@given(count=counts, taken=counts)
def test_fewer_calls_are_never_refused_where_more_were_let_pass(count: int, taken: int) -> None:
    guardrails = replace(EVERYTHING, limits=dict.fromkeys(EVERYTHING.limits, 10), freeze=None)

    def rules(number: int) -> set[str]:
        return {each.rule for each in refusals(plan(*new(number)), guardrails)}

    assert rules(min(count, taken)) <= rules(max(count, taken))


def test_a_refused_call_is_a_new_one_when_it_is_called_again() -> None:
    declaration = declare()
    again = plan(declaration, entries={declaration.address: entry(refused(record()))})

    assert told(again, rails(max_calls_per_day=1), Past(runs=[run(timedelta(hours=1), 1)])) == [
        "max_calls_per_day: 1 call in this plan after 1 in the last 24 h, and 1 is allowed"
    ]


@pytest.mark.parametrize(
    ("zone", "now", "begins"),
    [
        ("UTC", "2026-11-20T12:00", "2026-11-29T00:00"),
        ("America/New_York", "2026-10-20T12:00", "2026-10-30T04:00"),  # in summer
        ("America/New_York", "2026-11-20T12:00", "2026-11-29T05:00"),  # in winter
        ("Africa/Cairo", "2027-04-20T12:00", "2027-04-28T22:00"),
    ],
)
def test_a_run_stops_when_a_freeze_begins_where_the_tenant_is(zone: str, now: str, begins: str) -> None:
    guardrails = rails(freeze=MONTH_END, zone=ZoneInfo(zone), zone_name=zone)
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    found = freeze_begins(plan(declare()), environment(guardrails), NOTHING, at)

    assert found == datetime.fromisoformat(begins).replace(tzinfo=UTC)


def test_midnight_that_a_clock_jumps_over_is_the_moment_of_the_jump() -> None:
    """Cairo goes from 00:00 to 01:00 on 2026-04-24, which is 22:00 UTC of the day before."""
    day = date(2026, 4, 24)
    freeze = Freeze(periods=(Period(day, day, "close"),))
    guardrails = rails(freeze=freeze, zone=ZoneInfo("Africa/Cairo"), zone_name="Africa/Cairo")
    begins = datetime(2026, 4, 23, 22, tzinfo=UTC)

    assert freeze_begins(plan(declare()), environment(guardrails), NOTHING, begins - timedelta(days=3)) == begins
    assert told(plan(declare()), guardrails, now=begins - timedelta(seconds=1)) == []
    assert len(told(plan(declare()), guardrails, now=begins)) == 1


def test_a_run_that_is_let_past_a_freeze_is_not_stopped_by_one() -> None:
    guardrails = rails(freeze=MONTH_END, allow=(allowance(Rule.FREEZE, "*"),))

    assert freeze_begins(plan(declare()), environment(guardrails), NOTHING, NOW) is None
    assert freeze_begins(plan(declare()), environment(None), NOTHING, NOW) is None
