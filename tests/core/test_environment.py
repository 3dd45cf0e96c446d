"""Which environment is meant, which host is production, and what a selector takes."""

import pytest

from reconciler.core.diagnostics import Place
from reconciler.core.environment import (
    EmulatorApi,
    Environment,
    FromVariable,
    PlatformApi,
    Project,
    TenantType,
    base_url_fault,
    needs_confirmation,
)
from reconciler.core.selection import Selection, parse_selector
from reconciler.errors import UsageError


def environment(name: str, base_url: str | None = None, tenant_type: TenantType | None = None) -> Environment:
    secret = FromVariable("ZUORA")
    return Environment(
        name=name,
        api=PlatformApi(base_url=base_url, client_id=secret, client_secret=secret, tenant_type=tenant_type)
        if base_url
        else EmulatorApi(database="d"),
        specs=name,
        state_file=f"{name}.json",
        place=Place("reconciler.yaml", 1, 1),
    )


def project(*names: str, default: str | None = None) -> Project:
    return Project(name="p", default=default, environments={name: environment(name) for name in names})


def test_the_environment_is_the_one_asked_for_else_the_default_else_the_only_one() -> None:
    assert project("a", "b", default="b").environment("a").name == "a"
    assert project("a", "b", default="b").environment(None).name == "b"
    assert project("a").environment(None).name == "a"


def test_the_only_environment_is_not_taken_unasked_where_it_is_production() -> None:
    only = Project(name="p", default=None, environments={"live": environment("live", "https://rest.eu.zuora.com")})

    assert only.environment("live").name == "live"
    with pytest.raises(UsageError, match="Production is never the default") as caught:
        only.environment(None)
    assert caught.value.hint == "Name it: -e live."


def test_without_a_default_several_environments_need_a_name() -> None:
    with pytest.raises(UsageError, match="a, b"):
        project("a", "b").environment(None)


def test_an_unknown_environment_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match="'sandbox'"):
        project("sandbox", "production").environment("sandbx")


HOSTS = {
    "https://rest.zuora.com": True,
    "https://rest.ap.zuora.com": True,
    "https://rest.test.zuora.com": False,
    "https://rest.apisandbox.zuora.com": False,
    "https://zuora-proxy.example.com": True,
    "https://rest.test.zuora.com.example.com": True,
    "http://127.0.0.1:8765": False,
    "http://[::1]:8765": False,
    "http://localhost": False,
    "https://REST.ZUORA.COM": True,
    "https://rest.test.zuora.com.": True,
    "https://rest.zuora.com:8443/gateway": True,
    "https://rest.pt1.zuora.com": True,
}


@pytest.mark.parametrize(("base_url", "asks"), HOSTS.items())
def test_production_and_every_unknown_host_must_be_confirmed(base_url: str, asks: bool) -> None:  # noqa: FBT001
    assert needs_confirmation(base_url) is asks


@pytest.mark.parametrize(("base_url", "asks"), HOSTS.items())
def test_a_tenant_type_makes_production_of_any_host_and_a_sandbox_of_none(base_url: str, asks: bool) -> None:  # noqa: FBT001
    assert environment("e", base_url, TenantType.PRODUCTION).is_production
    assert environment("e", base_url, TenantType.CENTRAL_SANDBOX).is_production is asks


@pytest.mark.parametrize(
    "base_url",
    [
        *("http://rest.zuora.com", "rest.zuora.com", "ftp://rest.zuora.com", "https://", "http://127.evil.example"),
        *(
            "https://user:pw@rest.zuora.com",
            "https://rest.zuora.com?x=1",
            "https://rest.zuora.com:port",
            "https://[::1",
        ),
    ],
)
def test_a_base_url_that_could_leak_or_mislead_is_refused(base_url: str) -> None:
    assert base_url_fault(base_url)


@pytest.mark.parametrize("base_url", [*(host for host in HOSTS), "https://gateway.example.com/zuora"])
def test_a_base_url_may_be_any_https_host_or_loopback(base_url: str) -> None:
    assert base_url_fault(base_url) is None


SUBJECT = {
    "address": "Subscription/A-S00000001@1",
    "file": "local/q4/a.yaml",
    "type_name": "Subscription",
    "action": "reissue",
}


@pytest.mark.parametrize(
    "text",
    ["*", "Subscription/*", "*@1", "Sub*01@1", "file:local/*", "file:*.yaml", "type:Subscription", "action:reissue"],
)
def test_a_selector_takes(text: str) -> None:
    assert Selection(only=(parse_selector(text),)).takes(**SUBJECT)
    assert not Selection(excepted=(parse_selector(text),)).takes(**SUBJECT)


@pytest.mark.parametrize(
    "text", ["Subscription", "*@2", "subscription/*", "file:a.yaml", "type:OrderLineItem", "action:resume"]
)
def test_a_selector_leaves(text: str) -> None:
    assert not Selection(only=(parse_selector(text),)).takes(**SUBJECT)


def test_except_wins_over_only() -> None:
    selection = Selection(only=(parse_selector("*"),), excepted=(parse_selector("*@1"),))

    assert not selection.takes(**SUBJECT)


@pytest.mark.parametrize("text", ["", "type:Subscripton", "action:", "action:send", "file:"])
def test_a_selector_that_can_match_nothing_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="Unknown selector"):
        parse_selector(text)
