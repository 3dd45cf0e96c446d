import pathlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

import pytest
from emulator_harness import SOCKET, WAYS, Clock, Emulator, Ids, SocketServers, in_process

from reconciler.emulator.app import create_app

Start: TypeAlias = Callable[..., Emulator]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(tmp_path: pathlib.Path) -> str:
    return str(tmp_path / "emulator.db")


@pytest.fixture(scope="session")
def servers() -> Iterator[SocketServers]:
    servers = SocketServers()
    yield servers
    servers.stop()


@pytest.fixture(params=WAYS)
def start(request: pytest.FixtureRequest, clock: Clock, database: str, servers: SocketServers) -> Iterator[Start]:
    """Start emulators on one database, either in this process or behind a socket."""
    run = servers.serving if request.param == SOCKET else in_process
    new_id = Ids()
    with ExitStack() as stack:

        def start_one(**options: Any) -> Emulator:  # noqa: ANN401  - whatever create_app takes
            app = create_app(database=database, now=clock, new_id=new_id, **options)
            return stack.enter_context(run(app))

        yield start_one


@pytest.fixture
def emulator(start: Start) -> Emulator:
    return start()
