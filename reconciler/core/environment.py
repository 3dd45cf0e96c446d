"""A project and its environments, as the project file declares them. Paths are relative to the project folder."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import urlsplit

from reconciler.core.diagnostics import Place, nearest
from reconciler.core.share import FREE_SHARE
from reconciler.core.tenancy import PlatformKind, Tenancy
from reconciler.core.timestamp import Timestamp
from reconciler.errors import UsageError

if TYPE_CHECKING:  # few environments have any
    from reconciler.core.guardrail_limits import Guardrails
    from reconciler.core.promotion import Promotion

PRODUCTION_HOSTS = frozenset({"rest.zuora.com", "rest.na.zuora.com", "rest.eu.zuora.com", "rest.ap.zuora.com"})
SANDBOX_HOSTS = frozenset(
    {
        "rest.apisandbox.zuora.com",
        "rest.sandbox.na.zuora.com",
        "rest.sandbox.eu.zuora.com",
        "rest.test.zuora.com",
        "rest.test.eu.zuora.com",
        "rest.test.ap.zuora.com",
    }
)
"""Base URLs of the platform. Source: developer.zuora.com, API reference, servers (2026-09-11)."""

_LOOPBACK_NUMBER = r"127(\.[0-9]{1,3}){3}"
_LOOPBACK_NAMES = frozenset({"localhost", "::1"})


class TenantType(StrEnum):
    """Kinds of tenant, which differ in their request limits (developer.zuora.com, guide on rate limits)."""

    PRODUCTION = "production"
    CENTRAL_SANDBOX = "central_sandbox"
    DEVELOPER_SANDBOX = "developer_sandbox"
    API_SANDBOX = "api_sandbox"


class Choice(StrEnum):
    """What has named the environment of a command. A default is never production: a variable is somebody's choice."""

    OPTION = "-e"
    VARIABLE = "RECONCILER_ENV"
    DEFAULT = "default"
    ONLY = "the only one"


class AfterServerError(StrEnum):
    """What becomes of a call whose key is spent, because the platform has saved a server error under it."""

    UNDECIDED = "undecided"
    CALL_AGAIN = "call_again"


@dataclass(frozen=True, slots=True)
class FromVariable:
    name: str


@dataclass(frozen=True, slots=True)
class FromFile:
    path: str


@dataclass(frozen=True, slots=True)
class FromCommand:
    arguments: tuple[str, ...]


SecretSource: TypeAlias = FromVariable | FromFile | FromCommand
"""Where a secret is read from when it is needed. The secret itself never stands in a project file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmulatorApi:
    """The embedded emulator; *database* is the file of its world."""

    database: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformApi:
    """A tenant of the platform. None means that the project file does not say.

    *leave_free* is the share of the tenant's limits, from 0 to below 1, that is left to others.
    """

    base_url: str
    client_id: SecretSource
    client_secret: SecretSource
    tenant: str | None = None
    tenant_type: TenantType | None = None
    entity: str | None = None
    orgs: tuple[str, ...] = ()
    leave_free: float = FREE_SHARE

    @property
    def host(self) -> str | None:
        return urlsplit(self.base_url).hostname


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """*guardrails* are None where the project file has none, and then nothing is limited.

    *refreshed_at* is when a sandbox was last wiped, which voids what was applied there before; None if it never was.
    *keys* is the file of its key map, None where every number is sent as written.
    *promotion* is what it asks of the environment before it; None if it takes what is declared as it is.
    *project* is the name of the project that it is one of, which is part of every key.
    """

    name: str
    api: EmulatorApi | PlatformApi
    specs: str
    state_file: str
    place: Place
    after_server_error: AfterServerError = AfterServerError.UNDECIDED
    signing_key: SecretSource | None = None
    guardrails: "Guardrails | None" = None
    refreshed_at: Timestamp | None = None
    promotion: "Promotion | None" = None
    keys: str | None = None
    project: str | None = None

    @property
    def is_production(self) -> bool:
        """Whether an apply needs the environment's name said again. A host that nobody knows counts as production."""
        return isinstance(self.api, PlatformApi) and (
            self.api.tenant_type is TenantType.PRODUCTION or needs_confirmation(self.api.base_url)
        )

    @property
    def platform(self) -> PlatformKind:
        """Who answers. Zuora is on no loopback address."""
        is_zuora = isinstance(self.api, PlatformApi) and not is_loopback(self.api.host)
        return PlatformKind.ZUORA if is_zuora else PlatformKind.EMULATOR

    @property
    def tenant(self) -> str | None:
        return self.api.tenant if isinstance(self.api, PlatformApi) else None

    @property
    def entity(self) -> str | None:
        return self.api.entity if isinstance(self.api, PlatformApi) else None

    @property
    def tenancy(self) -> Tenancy:
        """What the project file says of whose calls these are."""
        return Tenancy(tenant=self.tenant, entity=self.entity, platform=self.platform)

    @property
    def leave_free(self) -> float:
        return self.api.leave_free if isinstance(self.api, PlatformApi) else FREE_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    name: str
    default: str | None
    environments: Mapping[str, Environment]

    def environment(self, asked: str | None) -> Environment:
        """Return the environment *asked* for, else the default, else the only one. Raise UsageError otherwise.

        The only one must be asked for where it is production; the reader refuses a default that is.
        """
        name = asked or self.default or (next(iter(self.environments)) if len(self.environments) == 1 else None)
        names = ", ".join(self.environments)
        if name is None:
            raise UsageError(
                "No environment named", "The project has several and no default.", hint=f"Use -e with one of: {names}."
            )
        if name not in self.environments:
            raise UsageError(
                "Unknown environment",
                f"The project {self.name!r} has no environment {name!r}.",
                hint=nearest(name, self.environments),
            )
        found = self.environments[name]
        if asked is None and found.is_production:
            raise UsageError(
                "Production is never the default",
                f"{name!r}, the project's only environment, is production.",
                hint=f"Name it: -e {name}.",
            )
        return found


def is_loopback(host: str | None) -> bool:
    return host is not None and (host in _LOOPBACK_NAMES or re.fullmatch(_LOOPBACK_NUMBER, host) is not None)


def needs_confirmation(base_url: str) -> bool:
    host = urlsplit(base_url).hostname
    return not (is_loopback(host) or host in SANDBOX_HOSTS)


def base_url_fault(base_url: str) -> str | None:
    """Return why *base_url* cannot be used, or None."""
    try:
        parts = urlsplit(base_url)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return f"it is not a URL ({error})"
    if parts.scheme not in ("https", "http") or not host:
        return "it must look like https://rest.zuora.com"
    if parts.scheme == "http" and not is_loopback(host):
        return "plain http is for loopback only: tokens and secrets would travel unprotected"
    if parts.username is not None or parts.password is not None:
        return "it carries a user or a password; credentials have a key of their own"
    if parts.query or parts.fragment:
        return "it carries a query or a fragment; the paths of the API are added behind it"
    return None
