"""Which environment is meant, which host is production, which tenant a token is good for."""

import pytest

from reconciler.core.diagnostics import Place
from reconciler.core.environment import (
    EmulatorApi,
    Environment,
    Project,
    base_url_fault,
    needs_confirmation,
)
from reconciler.core.selection import Selection, parse_selector
from reconciler.core.tenancy import Scope, Tenancy, agree, parse_scope
from reconciler.errors import UsageError, WrongTenant

NOBODY = Tenancy(tenant=None, entity=None)


def environment(name: str) -> Environment:
    return Environment(
        name=name,
        api=EmulatorApi(database="d"),
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
}


@pytest.mark.parametrize(("base_url", "asks"), HOSTS.items())
def test_production_and_every_unknown_host_must_be_confirmed(base_url: str, asks: bool) -> None:  # noqa: FBT001
    assert needs_confirmation(base_url) is asks


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


def test_a_scope_names_tenant_and_entities() -> None:
    scope = parse_scope("user.1f entity.b entity.a service.usage.write tenant.12345 platform.read")

    assert scope == Scope(tenant="12345", entities=("a", "b"))


AGREED = [
    (Scope(tenant="1", entities=("a",)), NOBODY, NOBODY, Tenancy(tenant="1", entity="a")),
    (Scope(tenant="1", entities=("a", "b")), Tenancy(tenant="1", entity="b"), NOBODY, Tenancy(tenant="1", entity="b")),
    (Scope(tenant="1", entities=("a", "b")), NOBODY, Tenancy(tenant="1", entity="a"), Tenancy(tenant="1", entity="a")),
    (Scope(tenant=None, entities=()), NOBODY, NOBODY, NOBODY),
]


@pytest.mark.parametrize(("scope", "project_says", "state_says", "agreed"), AGREED)
def test_token_project_and_state_agree(
    scope: Scope, project_says: Tenancy, state_says: Tenancy, agreed: Tenancy
) -> None:
    assert agree(scope, project=project_says, state=state_says) == agreed


REFUSED = [
    (Scope(tenant="1", entities=()), Tenancy(tenant="2", entity=None), NOBODY),
    (Scope(tenant="1", entities=()), NOBODY, Tenancy(tenant="2", entity=None)),
    (Scope(tenant=None, entities=()), Tenancy(tenant="2", entity=None), NOBODY),
    (Scope(tenant="1", entities=("a", "b")), NOBODY, NOBODY),
    (Scope(tenant="1", entities=("a",)), Tenancy(tenant="1", entity="b"), NOBODY),
    (Scope(tenant="1", entities=("a", "b")), Tenancy(tenant="1", entity="b"), Tenancy(tenant="1", entity="a")),
]


@pytest.mark.parametrize(("scope", "project_says", "state_says"), REFUSED)
def test_credentials_of_another_tenant_or_entity_are_refused(
    scope: Scope, project_says: Tenancy, state_says: Tenancy
) -> None:
    with pytest.raises(WrongTenant, match="Nothing was sent"):
        agree(scope, project=project_says, state=state_says)


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
