import asyncio
import json
import pathlib
import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest
from emulator_harness import DOCUMENTED_BODY, PATH, Clock, Emulator, Ids, SocketServers, process

from reconciler.emulator.app import create_app
from reconciler.emulator.ledger import read_ledger
from reconciler.emulator.server import GRACE_SECONDS, KEEP_ALIVE_SECONDS, base_url, listen, make_server


@pytest.fixture
def served(database: str, clock: Clock, servers: SocketServers) -> Iterator[Emulator]:
    with servers.serving(create_app(database=database, now=clock, new_id=Ids())) as emulator:
        yield emulator


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_curl_sends_the_example_of_the_documentation(served: Emulator, database: str) -> None:
    command = ["curl", "--silent", "--noproxy", "*", "--location", "--request", "POST"]
    options = ["--header", f"Authorization: Bearer {served.log_in()}", "--header", "Content-Type: application/json"]

    done = subprocess.run(
        [*command, served.url + PATH, *options, "--data", json.dumps(DOCUMENTED_BODY)],
        capture_output=True,
        check=True,
        timeout=30,
    )

    answer = json.loads(done.stdout)
    assert answer["success"] is True
    assert answer["idList"] == list(read_ledger(database)[0].id_list)


def test_the_server_does_not_name_itself_and_sends_one_date(served: Emulator) -> None:
    headers = served.regenerate().headers

    assert "server" not in headers
    assert headers.get_list("date") == ["Wed, 18 Nov 2026 11:06:40 GMT"]


def test_a_client_that_leaves_in_the_middle_of_its_request_breaks_nothing(
    served: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    port = int(served.url.rsplit(":", 1)[1])
    for sent in (b"POST ", f"POST {PATH} HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{{".encode()):
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(sent)

    assert served.regenerate().status_code == 200
    assert "broken" not in caplog.text


@pytest.mark.parametrize(("host", "url"), [("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")])
def test_the_base_url_names_the_port_that_was_taken(host: str, url: str) -> None:
    try:
        listener = listen(host, 0)
    except OSError:
        pytest.skip(f"{host} cannot be had here")
    with listener:
        assert base_url(listener) == f"{url}{listener.getsockname()[1]}"


def test_answers_are_not_held_back_until_the_client_has_acknowledged_their_headers() -> None:
    """asyncio switches Nagle's algorithm off only for sockets that name their protocol."""
    with listen("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_ready_is_called_once_a_client_can_connect(database: str) -> None:
    with process(pathlib.Path(database)) as (_, emulator):
        assert emulator.regenerate().status_code == 200


def test_an_idle_connection_is_kept_longer_than_clients_keep_it(database: str, clock: Clock) -> None:
    app = create_app(database=database, now=clock, new_id=Ids())
    app.close()

    assert make_server(app, seconds_left=app.seconds_left).config.timeout_keep_alive == KEEP_ALIVE_SECONDS == 75


def test_the_grace_at_the_end_covers_what_the_answers_still_take(database: str, clock: Clock) -> None:
    latency = 30.0
    app = create_app(database=database, now=clock, new_id=Ids(), latency=latency)
    emulator = Emulator("http://emulator.test", app)
    call = emulator.order

    async def seconds_left() -> tuple[float, float]:
        before = app.seconds_left()
        async with emulator.client() as client:
            order = call()
            headers = {name: str(value) for name, value in order.headers.items()}
            sending = asyncio.create_task(client.post(PATH, headers=headers, json=order.json))
            await asyncio.sleep(0.05)
            sending.cancel()
            return before, app.seconds_left()

    emulator.token = emulator.log_in()
    before, left = asyncio.run(seconds_left())
    app.close()

    assert before == 0
    assert latency - 1 < left <= latency


def test_a_server_that_ends_waits_for_the_answers_and_a_grace(database: str, clock: Clock) -> None:
    app = create_app(database=database, now=clock, new_id=Ids())
    server = make_server(app, seconds_left=lambda: 29.5)

    with listen("127.0.0.1", 0) as listener:
        server.should_exit = True
        server.run(sockets=[listener])

    assert server.config.timeout_graceful_shutdown == GRACE_SECONDS + 30
