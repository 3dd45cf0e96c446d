"""Wiring of what sends: the HTTP client of a tenant, or of the embedded emulator. `apply` and `doctor` import it."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import NoReturn

from reconciler.cli.project import OpenProject
from reconciler.cli.wiring import World
from reconciler.core.environment import EmulatorApi, PlatformApi
from reconciler.core.tenancy import Tenancy
from reconciler.errors import StorageError
from reconciler.ports import Platform, Regeneration, Secret
from reconciler.workspace.secrets import read_secret
from reconciler.zuora.client import Endpoint, HttpPlatform, in_process, network

_EMULATOR_URL = "http://emulator.localhost"


@asynccontextmanager
async def open_platform(opened: OpenProject, world: World) -> AsyncIterator[HttpPlatform]:
    """Yield the platform of an environment. Raise AuthenticationError if its credentials cannot be read."""
    api = opened.environment.api
    async with AsyncExitStack() as opening:
        platform = _emulated(api, opened, world, opening) if isinstance(api, EmulatorApi) else _real(api, opened, world)
        opening.push_async_callback(platform.close)
        yield platform


class _Nobody:
    """The platform of a run that has nothing to send: it needs no credentials, and being asked is a defect."""

    async def authenticate(self) -> NoReturn:
        raise AssertionError("a run without calls asks for a token")

    def has_token(self) -> NoReturn:
        raise AssertionError("a run without calls wants a token")

    def use(self, tenancy: Tenancy) -> NoReturn:
        raise AssertionError(tenancy)

    def server_time(self) -> None:
        return None

    async def regenerate(self, regeneration: Regeneration) -> NoReturn:
        raise AssertionError(regeneration)


@asynccontextmanager
async def nobody() -> AsyncIterator[Platform]:
    yield _Nobody()


def _real(api: PlatformApi, opened: OpenProject, world: World) -> HttpPlatform:
    def secret(name: str) -> Secret:
        source = api.client_id if name == "client_id" else api.client_secret
        return read_secret(source, name=name, folder=opened.folder, variables=world.variables)

    endpoint = Endpoint(
        base_url=api.base_url,
        client_id=secret("client_id"),
        client_secret=secret("client_secret"),
        entity=api.entity,
        orgs=api.orgs,
    )
    return HttpPlatform(endpoint, network(endpoint), clock=world.clock)


def _emulated(api: EmulatorApi, opened: OpenProject, world: World, opening: AsyncExitStack) -> HttpPlatform:
    from reconciler.emulator.app import create_app  # noqa: PLC0415  (a real tenant does not pay for it)

    try:
        application = create_app(database=str(opened.folder / api.database), now=world.unix_time, new_id=world.new_id)
    except (OSError, ValueError) as error:
        told = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise StorageError(
            "The emulator's world cannot be opened",
            f"{api.database}: {told}",
            hint="Check rights and disk space, or name another file under api: in the project file.",
        ) from error
    opening.callback(application.close)
    endpoint = Endpoint(base_url=_EMULATOR_URL, client_id=Secret("local"), client_secret=Secret("local"))
    return HttpPlatform(endpoint, in_process(application, endpoint), clock=world.clock)
