"""What a checkup makes of what it finds, what it tells of settings, and how it ends."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import NOW, state_of

from reconciler.core.checkup import Check, Checkup, Keeping, Verdict, failed, ok, skipped, warning
from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place
from reconciler.core.environment import EmulatorApi, Environment, FromVariable, PlatformApi, TenantType
from reconciler.core.facts import network_facts, without_user
from reconciler.core.outcome import Traffic
from reconciler.core.tenancy import parse_scope
from reconciler.core.timestamp import timestamp
from reconciler.core.verdicts import (
    judge_clock,
    judge_journals,
    judge_keeping,
    judge_limits,
    judge_lock,
    judge_mark,
    judge_refresh,
    judge_state,
    judge_tenant,
    judge_token,
)
from reconciler.errors import AuthenticationError, Locked, ReconcilerError, StaleError, StorageError, Unreachable

PLACE = Place("reconciler.yaml", 12, 5)


def environment(tenant: str | None = None, tenant_type: TenantType | None = None) -> Environment:
    secret = FromVariable("ZUORA")
    url = "https://rest.test.zuora.com"
    api = PlatformApi(base_url=url, client_id=secret, client_secret=secret, tenant=tenant, tenant_type=tenant_type)
    return Environment(name="sandbox", api=api, specs="sandbox", state_file="state.json", place=PLACE)


EMULATED = Environment(name="local", api=EmulatorApi(database="d"), specs="local", state_file="state.json", place=PLACE)
INVALID = InvalidInput([Diagnostic(code="empty-file", summary="the file is empty", place=Place("local/a.yaml"))])
FAILURES = {
    8: AuthenticationError("Credentials refused"),
    5: StaleError("The state is gone"),
    4: Locked("Another run is at work"),
    3: INVALID,
    6: Unreachable("The platform cannot be reached"),
    1: StorageError("The state cannot be read"),
}
"""In the order in which they win."""


def checkup(*checks: Check) -> Checkup:
    return Checkup(environment="sandbox", facts=(), checks=checks)


def test_warnings_and_what_was_not_tried_end_with_0() -> None:
    assert checkup(ok("a", "b"), warning("c", "d"), skipped("e", "f")).exit_status == 0


@pytest.mark.parametrize("status", FAILURES)
def test_the_strongest_status_of_what_failed_wins(status: int) -> None:
    weaker = list(FAILURES)[list(FAILURES).index(status) :]

    assert checkup(ok("a", "b"), *(failed("x", FAILURES[each]) for each in reversed(weaker))).exit_status == status


def test_a_failure_says_what_the_command_would_have_said() -> None:
    error = ReconcilerError("Summary", "Detail.", hint="Hint.")

    assert failed("state", error, place="state.json") == Check(
        name="state",
        verdict=Verdict.FAILED,
        found="Summary",
        place="state.json",
        detail="Detail.",
        hint="Hint.",
        status=1,
    )


def test_a_problem_of_the_state_keeps_its_own_hint() -> None:
    found = InvalidInput(
        [Diagnostic(code="history-rewritten", summary="s", place=Place("state.json"), hint="Get it back.")]
    )

    assert failed("state", found).hint == "Get it back."
    assert "reconciler validate" in failed("specs", found).hint


def test_an_entity_is_told_with_what_names_it() -> None:
    scope = parse_scope("tenant.1 entity.a")
    api = environment("1").api
    assert isinstance(api, PlatformApi)
    named = replace(api, entity="a")

    assert judge_tenant(scope, environment("1"), None).found == (
        "tenant 1, as the project file says, entity a, which nothing names yet"
    )
    assert judge_tenant(scope, replace(environment("1"), api=named), None).found == (
        "tenant 1, entity a, as the project file says"
    )
    known = replace(state_of({}, tenant="1"), entity="a")
    assert judge_tenant(scope, environment("1"), known).found == (
        "tenant 1, as project file and state say, entity a, as the state says"
    )


def test_a_refresh_that_is_still_to_come_fails_and_one_that_is_over_says_nothing() -> None:
    refreshed = replace(EMULATED, refreshed_at=timestamp(NOW))

    assert judge_refresh(refreshed, NOW) == judge_refresh(EMULATED, NOW) == []
    (told,) = judge_refresh(refreshed, NOW - timedelta(seconds=1))
    assert (told.verdict, told.status) == (Verdict.FAILED, 3)
    assert "local is said to have been refreshed at 2026-11-22T12:00:00Z" in told.found


def test_of_many_problems_the_first_are_told_with_their_places() -> None:
    found = [Diagnostic(code="c", summary=f"problem {n}", place=Place("a.yaml", n, 1)) for n in range(1, 6)]
    check = failed("specs", InvalidInput(found), place="sandbox")

    assert (check.found, check.place, check.status) == ("5 problems", "sandbox", 3)
    assert check.detail == "a.yaml:1:1: problem 1. a.yaml:2:1: problem 2. a.yaml:3:1: problem 3."
    assert "validate" in check.hint


CLOCKS = {
    None: (Verdict.WARNING, "the platform did not tell the time"),
    timedelta(seconds=-0.6): (Verdict.OK, "as the platform's"),
    timedelta(seconds=3): (Verdict.OK, "this machine's is 3 s behind the platform's"),
    timedelta(seconds=-60): (Verdict.OK, "this machine's is 1 min 0 s ahead of the platform's"),
    timedelta(seconds=61): (Verdict.WARNING, "this machine's is 1 min 1 s behind the platform's"),
    timedelta(hours=-2, minutes=-5): (Verdict.WARNING, "this machine's is 2 h 5 min ahead of the platform's"),
}


@pytest.mark.parametrize("ahead", CLOCKS)
def test_a_clock_that_is_a_minute_apart_is_a_warning(ahead: timedelta | None) -> None:
    check = judge_clock(ahead)

    assert (check.verdict, check.found) == CLOCKS[ahead]
    assert bool(check.hint) is (check.verdict is Verdict.WARNING)


def test_a_token_that_hardly_lasts_is_a_warning() -> None:
    assert judge_token(3599, "p").found == "accepted: a token for 60 min"
    assert judge_token(119, "p").verdict is Verdict.WARNING


TENANTS = {
    ("tenant.1 entity.a", "1", "1"): (
        Verdict.OK,
        "tenant 1, as project file and state say, entity a, which nothing names yet",
    ),
    ("tenant.1", "1", None): (Verdict.OK, "tenant 1, as the project file says"),
    ("tenant.1", None, "1"): (Verdict.OK, "tenant 1, as the state says"),
    ("tenant.1", None, None): (Verdict.WARNING, "tenant 1, and nothing says that it is the right one"),
    ("user.1f", None, None): (Verdict.WARNING, "nobody can tell which tenant the credentials belong to"),
    ("tenant.1", "2", None): (Verdict.FAILED, "Wrong tenant"),
    ("tenant.1", "1", "2"): (Verdict.FAILED, "Wrong tenant"),
    ("tenant.1 entity.a entity.b", None, None): (Verdict.FAILED, "Entity not named"),
}


@pytest.mark.parametrize(("scope", "configured", "learned"), TENANTS)
def test_what_a_token_is_good_for_is_compared_with_project_file_and_state(
    scope: str, configured: str | None, learned: str | None
) -> None:
    state = state_of({}, tenant=learned) if learned else None
    check = judge_tenant(parse_scope(scope), environment(configured), state)

    assert (check.verdict, check.found) == TENANTS[scope, configured, learned]
    assert check.status == (8 if check.verdict is Verdict.FAILED else 0)


def test_the_tenant_of_the_embedded_emulator_needs_no_proof() -> None:
    assert judge_tenant(parse_scope("tenant.1"), EMULATED, None).verdict is Verdict.OK


def test_limits_are_told_as_far_as_they_are_announced() -> None:
    silent = judge_limits(Traffic(), environment(tenant_type=TenantType.API_SANDBOX))
    told = judge_limits(Traffic(limit=200), environment())
    spent = judge_limits(Traffic(quota=100, left=20, reset=30), environment())

    assert silent.found == "40 calls at once are documented, 32 of them used (leave_free 0.2)"
    assert silent.detail == (
        "What holds for this tenant is told by the first answer of an apply. "
        "api_sandbox: 2,500 requests a minute, 10,000 a day."
    )
    assert (told.verdict, told.found) == (
        Verdict.OK,
        "200 calls at once are announced, 160 of them used (leave_free 0.2)",
    )
    assert (spent.verdict, spent.found) == (Verdict.WARNING, "20 of 100 requests are left in this window")
    assert judge_limits(Traffic(quota=100, left=21), environment()).verdict is Verdict.OK


def test_a_state_of_another_tenant_than_the_configured_one_fails_without_a_token() -> None:
    check = judge_state(state_of({}, tenant="2"), environment("1"))

    assert (check.verdict, check.status) == (Verdict.FAILED, 8)
    assert judge_state(state_of({}, tenant="1"), environment("1")).verdict is Verdict.OK
    assert judge_state(state_of({}), environment("1")).found == "0 entries, serial 0, epoch 0, tenant not learned yet"


def test_a_state_without_a_mark_beside_it_is_a_warning() -> None:
    assert judge_mark(is_marked=True, is_there=True, place="s").verdict is Verdict.OK
    assert judge_mark(is_marked=False, is_there=False, place="s").verdict is Verdict.OK
    assert judge_mark(is_marked=False, is_there=True, place="s").verdict is Verdict.WARNING


def test_journals_left_behind_and_a_lock_that_is_held_are_warnings() -> None:
    (left,) = judge_journals(["state.json.r-1.journal", "state.json.r-2.journal"], [])

    assert (left.verdict, left.found) == (
        Verdict.WARNING,
        "2 runs broke off and left what was sent in a journal",
    )
    assert judge_lock("who Ann, host a", "s").found == "held: who Ann, host a"
    assert judge_lock("who Ann, host a", "s").verdict is Verdict.WARNING
    assert judge_lock(None, "s").verdict is Verdict.OK


@pytest.mark.parametrize("keeping", Keeping)
def test_a_state_that_only_this_machine_has_is_a_warning(keeping: Keeping) -> None:
    is_safe = keeping is Keeping.COMMITTED
    check = judge_keeping(keeping, environment(), is_there=True)

    assert check.verdict is (Verdict.OK if is_safe else Verdict.WARNING)
    assert ("Losing the state is not safe" in check.detail) is not is_safe
    assert judge_keeping(keeping, EMULATED, is_there=True).verdict is Verdict.OK


PROXIES = {
    "http://proxy.example.com:3128": "http://proxy.example.com:3128",
    "proxy.example.com:3128": "http://proxy.example.com:3128",
    "http://ann:canary@proxy.example.com:3128": "http://proxy.example.com:3128 (user and password not shown)",
    "ann:canary@proxy.example.com": "http://proxy.example.com (user and password not shown)",
    "http://canary@[::1]:3128/x?y": "http://[::1]:3128 (user and password not shown)",
    "http://ann:can/ary@proxy.example.com:3128": "set, and no usable URL",
    "http://ann:x@can/ary@proxy.example.com:3128": "set, and no usable URL",
    "http://ann:x@can?ary@proxy.example.com": "set, and no usable URL",
    "http://ann:x@can#ary@proxy.example.com": "set, and no usable URL",
    "http://[canary": "set, and no usable URL",
    "http://": "set, and no usable URL",
}


@pytest.mark.parametrize("url", PROXIES)
def test_of_a_proxy_neither_user_nor_password_are_shown(url: str) -> None:
    assert without_user(url) == PROXIES[url]
    assert "can" not in without_user(url)


NETWORK = [
    ("https://rest.zuora.com", None, {}, ("none: no variable names one", "")),
    ("https://rest.zuora.com", ("https", "http://p:1"), {"HTTPS_PROXY": "http://p:1"}, ("http://p:1", "HTTPS_PROXY")),
    (
        "https://rest.zuora.com",
        ("all", "http://p:1"),
        {"all_proxy": "http://p:1", "ALL_PROXY": "http://q"},
        ("http://p:1", "all_proxy"),
    ),
    (
        "https://rest.zuora.com",
        None,
        {"HTTPS_PROXY": "http://p:1", "NO_PROXY": "zuora.com"},
        ("none: not for this host", "HTTPS_PROXY, NO_PROXY"),
    ),
    ("http://127.0.0.1:1", None, {"ALL_PROXY": "http://p:1"}, ("none: loopback never has one", "ALL_PROXY")),
]


@pytest.mark.parametrize(("base_url", "proxy", "variables", "told"), NETWORK)
def test_the_proxy_that_takes_effect_is_told_with_its_variable(
    base_url: str, proxy: tuple[str, str] | None, variables: dict[str, str], told: tuple[str, str]
) -> None:
    first, _ = network_facts(base_url, proxy, variables)

    assert (first.value, first.origin) == told


def test_of_two_authorities_the_file_takes_effect() -> None:
    _, own = network_facts("https://a.b", None, {"SSL_CERT_DIR": "/d", "SSL_CERT_FILE": "/f"})
    _, built_in = network_facts("https://a.b", None, {})

    assert (own.value, own.origin) == ("/f", "SSL_CERT_FILE")
    assert built_in.origin == "built in"
