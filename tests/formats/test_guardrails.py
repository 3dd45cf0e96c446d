"""Guardrails as the project file says them: what is read, and every fault with its place."""

import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, date

import pytest
from reading_outline import codes_in, faults_of

from reconciler.core.declaration import Flags
from reconciler.core.diagnostics import Place
from reconciler.core.guardrail_limits import Allowance, Edge, Freeze, Guardrails, Period, Rule
from reconciler.core.selection import parse_selector
from reconciler.formats import guardrails as guardrails_module
from reconciler.formats.project import read_project
from reconciler.formats.yaml_reader import Reading, read_yaml

HEAD = "version: 1\nname: x\nenvironments:\n  a: {api: {emulator: a.db}, specs: a, state: {file: a.json}, guardrails: "
PLAN_ID = f"p1-{'a' * 64}"


def read(text: str) -> tuple[Reading, Guardrails | None]:
    """Read guardrails in braces, whose first field stands at 4:76."""
    reading = read_yaml(f"{HEAD}{{{text}}}}}\n".encode(), "reconciler.yaml")
    project = read_project(reading)
    return reading, project.environments["a"].guardrails if project else None


def good(text: str) -> Guardrails:
    reading, guardrails = read(text)
    assert reading.diagnostics == []
    assert guardrails is not None
    return guardrails


def allowing(text: str) -> str:
    return f"allow: [{{{text}}}]"


def test_what_is_not_said_is_not_limited() -> None:
    assert good("") == Guardrails(place=Place("reconciler.yaml", 4, 75), zone=UTC, zone_name="UTC")
    assert good("").words() == ()


def test_every_limit_is_read_and_told_in_words() -> None:
    guardrails = good(
        "max_calls: 500, max_remigrate: 0, max_reissued_share: 0.25, reason: 'REV-[0-9]*', owner: '*', "
        "canary: 10, forbidden_flags: [{onlyReSend: false, reMigrate: true}]"
    )

    assert guardrails.limits == {Rule.MAX_CALLS: 500, Rule.MAX_REMIGRATE: 0}
    assert guardrails.forbidden_flags == {Flags.REWRITE_AND_RECOLLECT}
    assert guardrails.words() == (
        "max_calls 500",
        "max_remigrate 0",
        "max_reissued_share 0.25",
        "forbidden_flags onlyReSend false, reMigrate true",
        "reason REV-[0-9]*",
        "owner *",
        "canary 10",
    )


def test_a_freeze_is_read_with_its_time_zone() -> None:
    guardrails = good(
        "time_zone: America/New_York, freeze: {month_end: {last: 3}, quarter_end: {last: 5, first: 2}, announce: 10, "
        "periods: [{from: '2026-12-20', to: '2027-01-04', reason: close}]}"
    )

    assert guardrails.freeze == Freeze(
        month_end=Edge(last=3, first=0),
        quarter_end=Edge(last=5, first=2),
        periods=(Period(date(2026, 12, 20), date(2027, 1, 4), "close"),),
        announce=10,
    )
    assert guardrails.zone == zoneinfo.ZoneInfo("America/New_York")


@pytest.mark.parametrize("scope", [PLAN_ID, "Subscription/A-*", "file:production/q4.yaml", "type:Subscription", "*"])
def test_an_allowance_is_for_a_plan_or_for_calls(scope: str) -> None:
    (allowance,) = good(allowing(f"rule: max_calls, for: '{scope}', reason: r, until: '2026-12-01'")).allow

    assert allowance == Allowance(
        rule=Rule.MAX_CALLS,
        scope=PLAN_ID if scope == PLAN_ID else parse_selector(scope),
        text=scope,
        reason="r",
        until=date(2026, 12, 1),
        place=Place("reconciler.yaml", 4, 84),
    )


FROZEN = "time_zone: UTC, freeze: "
FAULTS = {
    "a list": ("]", ["yaml-syntax 4:76"]),
    "an unknown rule": ("max_cals: 1", ["unknown-key 4:76"]),
    "a limit below nothing": ("max_calls: -1", ["not-a-count 4:87"]),
    "a limit in quotes": ("max_calls: '1'", ["not-a-count 4:87"]),
    "a limit with an exponent": ("max_remigrate: 1e3", ["not-a-count 4:91"]),
    "a limit of nothing": ("max_calls_per_day: ", ["not-a-count 4:95"]),
    "a limit that is too great": ("max_remigrate_per_day: 1000000000", ["not-a-count 4:99"]),
    "a limit that is a list": ("max_calls: [1]", ["not-a-count 4:87"]),
    "a canary of nothing": ("canary: 0", ["not-a-count 4:84"]),
    "a share of everything": ("max_reissued_share: 1", ["not-a-share 4:96"]),
    "flags that exclude each other": (
        "forbidden_flags: [{onlyReSend: true, reMigrate: true}]",
        ["flags-exclude-each-other 4:94"],
    ),
    "half a pair of flags": ("forbidden_flags: [{onlyReSend: true}]", ["missing-flag 4:94"]),
    "flags that are no list": ("forbidden_flags: {onlyReSend: true, reMigrate: false}", ["wrong-shape 4:93"]),
    "a reason of nothing": ("reason: ''", ["empty-text 4:84"]),
    "an owner without quotes that is none": ("owner: true", ["unquoted-text 4:83"]),
    "a freeze without a time zone": ("freeze: {month_end: {last: 1}}", ["missing-field 4:75"]),
    "a freeze of no days": (f"{FROZEN}{{announce: 3}}", ["missing-field 4:100"]),
    "an end of month of no days": (f"{FROZEN}{{month_end: {{}}}}", ["missing-field 4:112"]),
    "an unknown end": (f"{FROZEN}{{year_end: {{last: 1}}}}", ["missing-field 4:100", "unknown-key 4:101"]),
    "most of the month": (f"{FROZEN}{{month_end: {{last: 15}}}}", ["not-a-count 4:119"]),
    "announced for ever": (f"{FROZEN}{{month_end: {{last: 1}}, announce: 61}}", ["not-a-count 4:133"]),
    "a period without a reason": (
        f"{FROZEN}{{periods: [{{from: '2026-12-20', to: '2026-12-20'}}]}}",
        ["missing-field 4:111"],
    ),
    "a period without an end": (
        f"{FROZEN}{{periods: [{{from: '2026-12-20', reason: r}}]}}",
        ["missing-field 4:111"],
    ),
    "a period backwards": (
        f"{FROZEN}{{periods: [{{from: '2026-12-20', to: '2026-12-19', reason: r}}]}}",
        ["period-backwards 4:136"],
    ),
    "a day that is none": (
        f"{FROZEN}{{periods: [{{from: '2027-02-29', to: '2027-03-01', reason: r}}]}}",
        ["not-a-date 4:118"],
    ),
    "a day without quotes": (
        f"{FROZEN}{{periods: [{{from: 2026-12-20, to: '2027-01-01', reason: r}}]}}",
        ["unquoted-text 4:118"],
    ),
    "a time zone that is none": ("time_zone: Europe/Nowhere", ["unknown-time-zone 4:87"]),
    "a region": ("time_zone: America", ["unknown-time-zone 4:87"]),
    "the machine's time zone": ("time_zone: localtime", ["unknown-time-zone 4:87"]),
    "a path for a time zone": ("time_zone: ../../etc/passwd", ["unknown-time-zone 4:87"]),
    "leap seconds": ("time_zone: right/UTC", ["unknown-time-zone 4:87"]),
    "an allowance with nothing in it": (allowing(""), ["missing-field 4:84"] * 4),
    "an allowance for an unknown rule": (
        allowing("rule: time_zone, for: '*', reason: r, until: '2026-12-01'"),
        ["unknown-value 4:91"],
    ),
    "an allowance without an end": (allowing("rule: max_calls, for: '*', reason: r"), ["missing-field 4:84"]),
    "an allowance for half a plan id": (
        allowing("rule: max_calls, for: p1-abc, reason: r, until: '2026-12-01'"),
        ["bad-scope 4:107"],
    ),
    "an allowance for no type": (
        allowing("rule: max_calls, for: 'type:A', reason: r, until: '2026-12-01'"),
        ["bad-scope 4:107"],
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_is_reported_with_its_place_and_nothing_else_is(case: str) -> None:
    text, expected = FAULTS[case]
    reading, guardrails = read(text)

    assert faults_of(reading) == sorted(expected, key=lambda each: int(each.rpartition(":")[2]))
    assert guardrails is None


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_says_what_to_do_in_a_few_printable_words(case: str) -> None:
    for found in read(FAULTS[case][0])[0].diagnostics:
        assert 0 < len(found.hint) < 300, found
        assert (found.summary + found.detail + found.hint).isprintable(), found


def test_the_table_covers_every_code_of_the_reader() -> None:
    covered = {fault.partition(" ")[0] for _, faults in FAULTS.values() for fault in faults}

    assert codes_in(guardrails_module.__file__) <= covered | {"no-time-zones"}


@pytest.fixture
def without_time_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As on a machine without tzdata, and without the package of that name, which others may bring along."""
    for name in [each for each in sys.modules if each.startswith("tzdata.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.ZoneInfo.clear_cache()
    zoneinfo.reset_tzpath(())
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


@pytest.mark.usefixtures("without_time_zones")
@pytest.mark.parametrize("zone", ["America/New_York", "Europe/Nowhere"])
def test_a_machine_without_time_zones_says_so_and_how_to_get_them(zone: str) -> None:
    reading, _ = read(f"time_zone: {zone}")
    (found,) = reading.diagnostics

    assert (found.code, str(found.place)) == ("no-time-zones", "reconciler.yaml:4:87")
    assert "tzdata" in found.hint


@pytest.mark.usefixtures("without_time_zones")
def test_utc_needs_no_data() -> None:
    assert good("time_zone: UTC").zone is UTC
