"""Which tenant and entity a token is good for, and what a person is told where others were meant."""

import pytest

from reconciler.core.diagnostics import Place
from reconciler.core.tenancy import (
    NOBODY,
    PlatformKind,
    Scope,
    Tenancy,
    agree,
    check_platform,
    check_same,
    parse_scope,
    unproven,
)
from reconciler.errors import WrongTenant

PLACE = Place("reconciler.yaml", 11, 3)


def says(tenant: str | None = None, entity: str | None = None) -> Tenancy:
    return Tenancy(tenant=tenant, entity=entity)


def test_a_scope_names_tenant_and_entities() -> None:
    scope = parse_scope("user.1f entity.b entity.a service.usage.write tenant.12345 platform.read")

    assert scope == Scope(tenant="12345", entities=("a", "b"))


def test_a_scope_of_several_tenants_names_none() -> None:
    assert parse_scope("tenant.1 tenant.2").tenant is None


AGREED = [
    ("tenant.1 entity.a", NOBODY, NOBODY, NOBODY, says("1", "a")),
    ("tenant.1 entity.a entity.b", says("1", "b"), NOBODY, NOBODY, says("1", "b")),
    ("tenant.1 entity.a entity.b", NOBODY, says("1", "a"), NOBODY, says("1", "a")),
    ("tenant.1 entity.a entity.b", NOBODY, NOBODY, says("1", "b"), says("1", "b")),
    ("tenant.1 entity.a entity.b", says("1", "a"), says("1", "a"), says("1", "a"), says("1", "a")),
    ("user.1f", NOBODY, NOBODY, NOBODY, NOBODY),
]


@pytest.mark.parametrize(("scope", "project", "state", "plan", "agreed"), AGREED)
def test_token_project_state_and_plan_agree(
    scope: str, project: Tenancy, state: Tenancy, plan: Tenancy, agreed: Tenancy
) -> None:
    assert agree(parse_scope(scope), project=project, state=state, plan=plan) == agreed


REFUSED = {
    "The project file says tenant 2, and the credentials are of tenant 1": ("tenant.1", {"project": says("2")}),
    "The state says tenant 2, and the credentials are of tenant 1": ("tenant.1", {"state": says("2")}),
    "The plan says tenant 2, and the credentials are of tenant 1": ("tenant.1", {"plan": says("2")}),
    "The project file says tenant 2, and the credentials are without a tenant in their scope": (
        "user.1f",
        {"project": says("2")},
    ),
    "The state says tenant 2, and the credentials are without a tenant in their scope": ("", {"state": says("2")}),
    "The plan says tenant 2, and the credentials are without a tenant in their scope": ("", {"plan": says("2")}),
    "The credentials are good for several entities: a, b": ("tenant.1 entity.a entity.b", {}),
    "The project file says entity b, and the credentials are good for a": (
        "tenant.1 entity.a",
        {"project": says("1", "b")},
    ),
    "The state says entity b, and the credentials are good for none": ("tenant.1", {"state": says("1", "b")}),
    "The plan says entity b, and the credentials are good for a": ("tenant.1 entity.a", {"plan": says("1", "b")}),
    "The project file says entity b, the state says entity a, and the credentials are good for a, b": (
        "tenant.1 entity.a entity.b",
        {"project": says("1", "b"), "state": says("1", "a")},
    ),
    "The project file says entity b, the plan says entity a, and the credentials are good for a, b": (
        "tenant.1 entity.a entity.b",
        {"project": says("1", "b"), "plan": says("1", "a")},
    ),
}


@pytest.mark.parametrize("told", REFUSED)
def test_credentials_of_another_tenant_or_entity_are_refused_and_the_origin_is_named(told: str) -> None:
    scope, origins = REFUSED[told]
    with pytest.raises(WrongTenant) as caught:
        agree(parse_scope(scope), **{"project": NOBODY, "state": NOBODY, **origins})

    assert caught.value.detail == f"{told}. Nothing was sent."
    assert caught.value.hint
    assert caught.value.exit_status == 8


LATER = {
    "tenant.2 entity.a": "A new token is of tenant 2, good for a, and the run began with one of tenant 1, good for a. "
    "It was not used.",
    "tenant.1 entity.b": "A new token is of tenant 1, good for b, and the run began with one of tenant 1, good for a. "
    "It was not used.",
    "tenant.1": "A new token is of tenant 1, good for no entity, and the run began with one of tenant 1, good for a. "
    "It was not used.",
    "entity.a": "A new token is without a tenant in its scope, good for a, and the run began with one of tenant 1, "
    "good for a. It was not used.",
}


def test_a_state_is_of_zuora_or_of_an_emulator_and_the_other_is_refused() -> None:
    zuora, emulator = PlatformKind.ZUORA, PlatformKind.EMULATOR
    for known, asked in ((None, zuora), (zuora, zuora), (emulator, emulator)):
        check_platform(known, asked, "state.json")
    with pytest.raises(WrongTenant) as told:
        check_platform(emulator, zuora, "state.json")
    assert told.value.detail == (
        "state.json is of what an emulator has answered, and under api: stands Zuora. Nothing was sent."
    )
    with pytest.raises(WrongTenant):
        check_platform(zuora, emulator, "state.json")


@pytest.mark.parametrize("scope", LATER)
def test_a_later_token_must_be_good_for_the_same(scope: str) -> None:
    first = parse_scope("tenant.1 entity.a")
    check_same(first, parse_scope("entity.a user.2e tenant.1"))
    with pytest.raises(WrongTenant) as caught:
        check_same(first, parse_scope(scope))

    assert caught.value.detail == LATER[scope]


def test_a_tenant_that_nobody_tells_is_warned_of_at_the_place_of_the_environment() -> None:
    (warning,) = unproven(NOBODY, PLACE)

    assert (warning.code, warning.place, str(warning.severity)) == ("tenant-not-told", PLACE, "warning")
    assert list(unproven(says("1"), PLACE)) == []
