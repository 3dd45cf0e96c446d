"""Which tenant and entity a token is good for, and whether those are the ones that were meant."""

from dataclasses import dataclass

from reconciler.errors import WrongTenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a token's scope names: ``tenant.12345 entity.<uuid> ...``. Either may be missing.

    Source: developer.zuora.com, operation createToken, response field ``scope``.
    """

    tenant: str | None
    entities: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenancy:
    """One tenant and one entity; None where nobody says."""

    tenant: str | None
    entity: str | None


def parse_scope(text: str) -> Scope:
    words = text.split()
    tenants = [word.removeprefix("tenant.") for word in words if word.startswith("tenant.")]
    entities = [word.removeprefix("entity.") for word in words if word.startswith("entity.")]
    return Scope(tenant=tenants[0] if len(tenants) == 1 else None, entities=tuple(sorted(set(entities))))


def agree(scope: Scope, *, project: Tenancy, state: Tenancy) -> Tenancy:
    """Return the tenant and entity of this run. Raise WrongTenant unless token, project file and state agree."""
    for origin, wanted in (("the project file", project.tenant), ("the state", state.tenant)):
        if wanted is not None and wanted != scope.tenant:
            found = f"of tenant {scope.tenant}" if scope.tenant else "without a tenant in their scope"
            raise WrongTenant(
                "Wrong tenant",
                f"{origin.capitalize()} says tenant {wanted}, and the credentials are {found}. Nothing was sent.",
                hint="Check which client id and secret this environment reads, and its base_url.",
            )
    return Tenancy(tenant=scope.tenant, entity=_entity(scope, project=project, state=state))


def _entity(scope: Scope, *, project: Tenancy, state: Tenancy) -> str | None:
    wanted = project.entity or state.entity
    if wanted is not None and (wanted not in scope.entities or state.entity not in (None, wanted)):
        raise WrongTenant(
            "Wrong entity",
            f"Entity {project.entity or 'not named'} is in the project file, {state.entity or 'none'} in the state, "
            f"and the credentials are good for {', '.join(scope.entities) or 'none'}. Nothing was sent.",
            hint="Name the entity in the project file, under api.",
        )
    if wanted is None and len(scope.entities) > 1:
        raise WrongTenant(
            "Entity not named",
            f"The credentials are good for several entities: {', '.join(scope.entities)}. Nothing was sent.",
            hint="Name one as entity: in the project file, under api.",
        )
    return wanted or (scope.entities[0] if scope.entities else None)
