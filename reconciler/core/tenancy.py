"""Which tenant and entity a token is good for, and whether those are the ones that were meant."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from reconciler.core.diagnostics import Diagnostic, Place, Severity, shown
from reconciler.errors import WrongTenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a token's scope names: ``tenant.12345 entity.<uuid> ...``. Either may be missing.

    Source: developer.zuora.com, operation createToken, response field ``scope``.
    """

    tenant: str | None
    entities: tuple[str, ...]


class PlatformKind(StrEnum):
    """Who answers."""

    ZUORA = "zuora"
    EMULATOR = "emulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """One tenant and one entity, and who answers for them; None where nobody says."""

    tenant: str | None
    entity: str | None
    platform: PlatformKind | None = None


NOBODY = Tenancy(tenant=None, entity=None)


def departures(found: Tenancy, expected: Tenancy) -> Iterator[str]:
    """Yield, in words, where tenant or entity of what was *found* are not those *expected*, as far as any are."""
    pairs = (("tenant", found.tenant, expected.tenant), ("entity", found.entity, expected.entity))
    for what, there, wanted in pairs:
        if wanted is not None and there != wanted:
            said = f"{what} {shown(there)}" if there is not None else f"no {what}"
            yield f"{said}, and {shown(wanted)} is expected"


def parse_scope(text: str) -> Scope:
    words = text.split()
    tenants = [word.removeprefix("tenant.") for word in words if word.startswith("tenant.")]
    entities = [word.removeprefix("entity.") for word in words if word.startswith("entity.")]
    return Scope(tenant=tenants[0] if len(tenants) == 1 else None, entities=tuple(sorted(set(entities))))


def agree(scope: Scope, *, project: Tenancy, state: Tenancy, plan: Tenancy = NOBODY) -> Tenancy:
    """Return the tenant and entity of this run. Raise WrongTenant unless token, project file, state and plan agree.

    A plan that was just made says what the other two do, so they are named first.
    """
    origins = {"the project file": project, "the state": state, "the plan": plan}
    for origin, wanted in origins.items():
        if wanted.tenant is not None and wanted.tenant != scope.tenant:
            found = f"of tenant {scope.tenant}" if scope.tenant else "without a tenant in their scope"
            said = f"{origin.capitalize()} says tenant {wanted.tenant}"
            raise WrongTenant(
                "Wrong tenant",
                f"{said}, and the credentials are {found}. Nothing was sent.",
                hint="Check which client id and secret this environment reads, and its base_url.",
            )
    return Tenancy(tenant=scope.tenant, entity=_entity(scope, origins), platform=project.platform)


def _entity(scope: Scope, origins: Mapping[str, Tenancy]) -> str | None:
    wanted: dict[str, str] = {}
    for origin, each in origins.items():
        if each.entity is not None:
            wanted.setdefault(each.entity, origin)
    if len(wanted) > 1 or not wanted.keys() <= set(scope.entities):
        told = ", ".join(f"{origin} says entity {entity}" for entity, origin in wanted.items())
        raise WrongTenant(
            "Wrong entity",
            f"{told[0].upper()}{told[1:]}, and the credentials are good for {', '.join(scope.entities) or 'none'}. "
            "Nothing was sent.",
            hint="Name the entity in the project file, under api, and check which client id and secret are read.",
        )
    if not wanted and len(scope.entities) > 1:
        raise WrongTenant(
            "Entity not named",
            f"The credentials are good for several entities: {', '.join(scope.entities)}. Nothing was sent.",
            hint="Name one as entity: in the project file, under api.",
        )
    return next(iter(wanted or scope.entities), None)


def unproven(agreed: Tenancy, place: Place) -> Iterator[Diagnostic]:
    """Warn where nothing tells whose the credentials are; *place* is the environment's in the project file."""
    if agreed.tenant is None:
        yield Diagnostic(
            code="tenant-not-told",
            severity=Severity.WARNING,
            summary="nobody can tell which tenant the credentials belong to",
            place=place,
            detail="The token names no tenant in its scope, and none is written in the project file, so that "
            "credentials of another tenant would not be noticed.",
            hint="Look at the client in the tenant's administration. With tenant: under api: such a token is refused.",
        )


def check_platform(known: PlatformKind | None, asked: PlatformKind, name: str) -> None:
    """Raise WrongTenant if the state *name* is of what somebody else has answered than who is *asked*.

    Tenants of an emulator may be called as any of Zuora's are, so that their ids tell nothing.
    """
    if known not in (None, asked):
        who = {PlatformKind.ZUORA: "Zuora", PlatformKind.EMULATOR: "an emulator"}
        raise WrongTenant(
            "Another platform",
            f"{name} is of what {who[known]} has answered, and under api: stands {who[asked]}. Nothing was sent.",
            hint="A state belongs to one tenant: name another file under state:, or put the api of this one back.",
        )


def check_same(first: Scope, later: Scope) -> None:
    """Raise WrongTenant unless a *later* token is good for what the *first* was, which was checked."""
    if later != first:
        raise WrongTenant(
            "Another tenant in the middle",
            f"A new token is {_told(later)}, and the run began with one {_told(first)}. It was not used.",
            hint="Find out who has changed the credentials; what was sent before is on record.",
        )


def _told(scope: Scope) -> str:
    tenant = f"of tenant {scope.tenant}" if scope.tenant else "without a tenant in its scope"
    return f"{tenant}, good for {', '.join(scope.entities) or 'no entity'}"
