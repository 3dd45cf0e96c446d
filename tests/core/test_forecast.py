"""How long a plan takes, what is known of the rate, and when a day is not enough."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from builders import NOW, B, applied, charge, entry, lost, record, refused, state_of
from hypothesis import given
from hypothesis import strategies as st
from strategies import histories

from reconciler.core.address import Address, format_address
from reconciler.core.diagnostics import Diagnostic, Place, Severity
from reconciler.core.entry import Applied, CallRecord, Entry
from reconciler.core.environment import EmulatorApi, Environment, FromVariable, PlatformApi, TenantType
from reconciler.core.forecast import RATE_LIMITS, Basis, Forecast, RateLimits, daily_limit, forecast_of, known_rate
from reconciler.core.state import ClockOffset, State
from reconciler.core.timestamp import timestamp

HOUR, DAY = 3_600, 86_400
EMULATOR = EmulatorApi(database="d")
PLACE = Place("reconciler.yaml", 11, 3)


def tenant(kind: TenantType | None, *, leave_free: float = 0.0, host: str = "rest.test.zuora.com") -> PlatformApi:
    secret = FromVariable("A")
    return PlatformApi(
        base_url=f"https://{host}", client_id=secret, client_secret=secret, tenant_type=kind, leave_free=leave_free
    )


DEVELOPER = tenant(TenantType.DEVELOPER_SANDBOX)
API = tenant(TenantType.API_SANDBOX)
UNKNOWN = tenant(None)


def run_id(began: datetime) -> str:
    return f"{began:%Y%m%dT%H%M%SZ}-9f86d081"


def call_of_run(number: int, began: datetime, sent: datetime) -> CallRecord:
    return replace(record(0, target=charge(f"C-{number}")), sent=timestamp(sent), run=run_id(began))


def settled(number: int, began: datetime, sent: float, took: float = 0) -> Entry:
    """An applied call of the run that *began* then, sent so many seconds later, answered after *took*."""
    left = began + timedelta(seconds=sent)
    done = applied(call_of_run(number, began, left))
    return entry(replace(done, at=timestamp(left + timedelta(seconds=took))))


def a_run(calls: int, seconds: int, *, began: datetime = NOW, first: int = 0) -> dict[int, Entry]:
    """A run whose *calls* were sent evenly, the last of them answered after *seconds*."""
    return {
        first + n: settled(first + n, began, sent=n * (seconds - 1) / max(1, calls - 1), took=1) for n in range(calls)
    }


def state(*runs: dict[int, Entry]) -> State:
    return state_of({format_address(charge(f"C-{n}")): each for run in runs for n, each in run.items()})


@pytest.mark.parametrize(
    ("calls", "seconds"),
    [
        *((0, 0), (1, 0), (12_500, 0), (12_501, 60), (25_000, 60), (25_001, HOUR), (37_500, HOUR), (37_501, HOUR + 60)),
        *((50_000, HOUR + 60), (50_001, DAY), (75_001, DAY + HOUR), (100_001, 2 * DAY)),
    ],
)
def test_the_windows_of_a_developer_sandbox_hold_a_plan_back(calls: int, seconds: int) -> None:
    assert RATE_LIMITS[TenantType.DEVELOPER_SANDBOX].seconds_for(calls) == seconds


def test_the_table_is_the_guides() -> None:
    assert {str(kind): (each.minute, each.hour, each.day) for kind, each in RATE_LIMITS.items()} == {
        "production": (50_000, 2_250_000, 27_000_000),
        "central_sandbox": (50_000, 2_250_000, 27_000_000),
        "developer_sandbox": (12_500, 25_000, 50_000),
        "api_sandbox": (2_500, 5_000, 10_000),
    }


@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 200))
def test_no_request_may_leave_earlier_than_said_and_the_last_may_leave_then(
    minute: int, hours: int, days: int, requests: int
) -> None:
    """Sent as early as may be, each request leaves when the one a window's limit before it is a window old."""
    limits = RateLimits(minute, minute * hours, minute * hours * days)
    windows = [(limits.minute, 60), (limits.hour, HOUR), (limits.day, DAY)]
    leaves: list[int] = []
    for number in range(requests):
        leaves.append(max([0, *(leaves[number - limit] + window for limit, window in windows if number >= limit)]))

    assert limits.seconds_for(requests) == leaves[-1]


@given(st.sampled_from(TenantType), st.integers(0, 10**8), st.integers(0, 10**6), st.sampled_from([0, 0.2, 0.35, 0.9]))
def test_more_calls_or_more_left_free_never_take_less_time(
    kind: TenantType, calls: int, more: int, leave_free: float
) -> None:
    limits = RATE_LIMITS[kind]

    assert limits.seconds_for(calls) <= limits.seconds_for(calls + more)
    assert limits.seconds_for(calls) <= limits.less(leave_free).seconds_for(calls)


def test_without_a_state_nothing_is_known_but_what_the_limits_allow() -> None:
    assert forecast_of(5_000, None, EMULATOR) == Forecast(calls=5_000)
    assert forecast_of(5_000, None, DEVELOPER) == Forecast(calls=5_000)
    assert forecast_of(50_001, None, DEVELOPER) == Forecast(calls=50_001, seconds=DAY, basis=Basis.RATE_LIMITS)


def test_an_unknown_tenant_is_said_to_take_at_least_what_the_fastest_kind_takes() -> None:
    assert forecast_of(40_000, None, UNKNOWN).seconds is None
    assert forecast_of(100_000, None, UNKNOWN).seconds == 60


def test_the_share_left_free_is_not_counted_with() -> None:
    assert forecast_of(10_000, None, tenant(TenantType.DEVELOPER_SANDBOX, leave_free=0.2)).basis is None
    assert forecast_of(10_001, None, tenant(TenantType.DEVELOPER_SANDBOX, leave_free=0.2)).seconds == 60


@pytest.mark.parametrize("api", [EMULATOR, DEVELOPER, UNKNOWN])
def test_the_rate_of_the_last_run_tells_how_long_the_next_takes(api: EmulatorApi | PlatformApi) -> None:
    known = state(a_run(300, seconds=60))

    assert forecast_of(1_000, known, api) == Forecast(
        calls=1_000, seconds=200, basis=Basis.EARLIER_RUN, calls_per_second=5.0
    )
    assert forecast_of(1_001, known, api).seconds == 201


def test_a_known_rate_is_no_promise_where_the_limits_allow_less() -> None:
    found = forecast_of(50_001, state(a_run(5_000, seconds=10)), DEVELOPER)

    assert (found.seconds, found.basis, found.calls_per_second) == (DAY, Basis.RATE_LIMITS, 500.0)


def test_a_plan_without_calls_has_nothing_to_guess() -> None:
    assert forecast_of(0, state(a_run(300, seconds=60)), API) == Forecast(calls=0)


@pytest.mark.parametrize(("calls", "rate"), [(0, None), (1, None), (19, None), (20, 2.0)])
def test_a_rate_needs_twenty_calls(calls: int, rate: float | None) -> None:
    assert known_rate(state(a_run(calls, seconds=10))) == rate


def test_the_rate_is_that_of_the_newest_run_that_had_enough_calls() -> None:
    slow = a_run(100, seconds=100, began=NOW - timedelta(days=2))
    fast = a_run(100, seconds=10, began=NOW - timedelta(days=1), first=1_000)
    small = a_run(3, seconds=300, began=NOW, first=2_000)

    assert known_rate(state(fast, slow)) == known_rate(state(slow, fast, small)) == 10.0


def test_calls_within_one_second_count_as_one_second() -> None:
    assert known_rate(state({n: settled(n, NOW, sent=0) for n in range(50)})) == 50.0


def test_a_clock_that_was_set_back_gives_no_rate_below_nothing() -> None:
    assert known_rate(state({n: settled(n, NOW, sent=5, took=-3) for n in range(50)})) == 50.0


def test_refused_calls_took_their_time_too() -> None:
    done = a_run(10, seconds=10)
    others = {
        n: entry(replace(refused(call_of_run(n, NOW, NOW)), at=timestamp(NOW + timedelta(seconds=20))))
        for n in range(10, 20)
    }

    assert known_rate(state(done, others)) == 1.0


def test_a_resumed_call_does_not_count_from_its_first_send_in_a_run_before() -> None:
    """Sent at night, the run killed, resumed in the morning: the night is no part of the rate."""
    resumed = {n: settled(n, NOW, sent=-36_000, took=36_000) for n in range(100, 110)}

    assert known_rate(state(a_run(90, seconds=10), resumed)) == 10.0


@pytest.mark.parametrize("offset", [-7_200, -30, 30, 7_200])
def test_a_machine_whose_clock_is_wrong_knows_the_same_rate(offset: int) -> None:
    """Sends and answers are of the platform's clock, the run's id is of the machine's."""
    platform_began = NOW + timedelta(seconds=offset)
    entries = {n: at_platform(settled(n, platform_began, sent=n / 10, took=5)) for n in range(101)}
    resumed = {n: at_platform(settled(n, platform_began, sent=-3_600, took=3_602)) for n in range(200, 219)}

    assert known_rate(replace(state(entries, resumed), clock=ClockOffset(machine="m", seconds=offset))) == 120 / 15


@pytest.mark.parametrize(("offset", "span"), [(-7_200, 95), (-30, 95), (0, 100), (30, 100), (7_200, 100)])
def test_a_clock_of_which_nothing_is_known_changes_no_more_than_the_time_of_the_first_answer(
    offset: int, span: int
) -> None:
    entries = {n: at_platform(settled(n, NOW + timedelta(seconds=offset), sent=n, took=5)) for n in range(96)}

    assert known_rate(state(entries)) == 96 / span


def at_platform(known: Entry) -> Entry:
    return replace(known, applied=named(known, run_id(NOW)))


def test_what_a_person_has_settled_days_later_is_no_part_of_the_rate() -> None:
    late = applied(call_of_run(999, NOW, NOW))
    resolved = {999: entry(replace(late, at=timestamp(NOW + timedelta(days=3)), resolution="seen in Revenue"))}

    assert known_rate(state(a_run(100, seconds=10), resolved)) == 10.0


@pytest.mark.parametrize("run", ["run-1", "2026", "20261122T99", "-", ""])
def test_run_ids_that_tell_no_time_give_the_rate_of_the_answers(run: str) -> None:
    entries = a_run(100, seconds=11)
    renamed = {n: replace(each, applied=named(each, run)) for n, each in entries.items()}

    assert (known_rate(state(entries)), known_rate(state(renamed))) == (100 / 11, 10.0)


def named(known: Entry, run: str) -> Applied:
    assert known.applied is not None
    return replace(known.applied, call=replace(known.applied.call, run=run))


@given(histories(), st.integers(0, 10**6))
def test_every_history_has_a_forecast_that_errs_on_the_careful_side(history: dict[Address, Entry], calls: int) -> None:
    known = state_of(history)
    for api in (EMULATOR, DEVELOPER, API, UNKNOWN):
        found = forecast_of(calls, known, api)

        assert (found.seconds is None) == (found.basis is None)
        assert isinstance(api, EmulatorApi) or (found.seconds or 0) >= _kind(api).seconds_for(calls)


def _kind(api: PlatformApi) -> RateLimits:
    return RATE_LIMITS[api.tenant_type or TenantType.PRODUCTION]


def warnings(calls: int, api: EmulatorApi | PlatformApi, known: State | None = None) -> list[Diagnostic]:
    environment = Environment(name="e", api=api, specs="s", state_file="f", place=PLACE)
    return list(daily_limit(calls, known, environment, now=NOW))


PRODUCTION_HOST = tenant(None, host="rest.eu.zuora.com")

# tenant, the greatest plan without a warning
FITS = {
    "an API sandbox": (API, 9_999),
    "a developer sandbox": (DEVELOPER, 49_999),
    "a central sandbox": (tenant(TenantType.CENTRAL_SANDBOX), 26_999_999),
    "production": (tenant(TenantType.PRODUCTION), 26_999_999),
    "a type that is not known": (UNKNOWN, 9_999),
    "a host that nobody knows": (tenant(None, host="proxy.example.org"), 9_999),
    "a host that is production": (PRODUCTION_HOST, 26_999_999),
    "an API sandbox of which a fifth stays free": (tenant(TenantType.API_SANDBOX, leave_free=0.2), 7_999),
    "an API sandbox of which most stays free": (tenant(TenantType.API_SANDBOX, leave_free=0.95), 499),
}


@pytest.mark.parametrize("case", FITS)
def test_a_plan_that_is_more_than_a_day_takes_is_warned_of(case: str) -> None:
    api, most = FITS[case]

    assert warnings(most, api) == []
    (found,) = warnings(most + 1, api)
    assert (found.code, found.severity, found.place) == ("daily-limit", Severity.WARNING, PLACE)


def test_the_emulator_has_no_daily_limit_and_no_calls_are_never_too_many() -> None:
    assert warnings(10**9, EMULATOR) == []
    assert warnings(0, API, sent_today(10_000)) == []


def sent_today(calls: int) -> State:
    return state(a_run(calls, seconds=60, began=NOW - timedelta(hours=23)))


def test_what_was_sent_in_the_last_24_hours_is_counted() -> None:
    assert warnings(9_000, API, sent_today(999)) == []
    (found,) = warnings(9_000, API, sent_today(1_000))

    assert "9,000 calls are planned, and 1,000 are known of the last 24 h." in found.detail
    assert "--max-calls 8999" in found.hint


def test_what_was_refused_or_lost_today_is_counted_and_what_was_sent_before_is_not() -> None:
    today, before = timedelta(hours=23), timedelta(hours=24)
    both = {
        1: entry(refused(record(0, target=charge("C-1"), age=today)), lost(record(1, B, age=today))),
        2: entry(applied(record(0, target=charge("C-2"), age=before))),
    }

    assert warnings(9_997, API, state(both)) == []
    assert "2 are known" in warnings(9_998, API, state(both))[0].detail


def test_where_nothing_is_left_of_the_day_no_number_is_proposed() -> None:
    (found,) = warnings(1, API, sent_today(10_000))

    assert "--max-calls" not in found.hint
    assert "no room" in found.hint


def test_the_warning_says_limit_and_share_and_where_the_type_is_not_known_how_to_say_it() -> None:
    (known,) = warnings(60_000, tenant(TenantType.DEVELOPER_SANDBOX, leave_free=0.25))
    (unknown,) = warnings(60_000, UNKNOWN)

    assert "developer_sandbox takes 50,000" in known.detail
    assert "leave_free 0.25 leaves 37,500" in known.detail
    assert "tenant_type" not in known.hint
    assert "type is not known" in unknown.detail
    assert "tenant_type:" in unknown.hint
