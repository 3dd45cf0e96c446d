"""Our transport against httpx's own, 40 in flight, answers after 50 and 0 ms. Run: python tests/bench/transport.py"""

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from reconciler.cli.wiring import SystemClock
from reconciler.core.outcome import Answer
from reconciler.core.tenancy import Tenancy
from reconciler.ports import Regeneration, Secret
from reconciler.zuora.client import Endpoint, HttpPlatform
from reconciler.zuora.transport import StreamTransport

CALLS, IN_FLIGHT = 1_000, 40
TRANSPORTS: dict[str, Callable[[], httpx.AsyncBaseTransport]] = {
    "httpx": lambda: httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=IN_FLIGHT)),
    "ours": lambda: StreamTransport(httpx.create_ssl_context),
}


@contextmanager
def serving(seconds: float, certificate: Path | None = None) -> Iterator[str]:
    """Serve answers after *seconds*, over TLS with *certificate* of localhost, and yield the URL."""
    command = [sys.executable, str(Path(__file__).with_name("server.py")), str(seconds)]
    command += [str(certificate)] if certificate else []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            server = "https://localhost" if certificate else "http://127.0.0.1"
            yield f"{server}:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def regeneration(number: int) -> Regeneration:
    body: dict[str, str | int] = {
        "type": "Subscription",
        "subscriptionName": f"A-S{number:08d}",
        "subscriptionVersion": 1,
    }
    flags = {"onlyReSend": False, "reMigrate": True}
    return Regeneration(body=body, flags=flags, key=f"k1-{number:064d}", track_id=f"bench.{number}")


async def send_all(url: str, transport: httpx.AsyncBaseTransport) -> tuple[float, float]:
    """Return wall and CPU seconds for CALLS sends."""
    endpoint = Endpoint(base_url=url, client_id=Secret("id"), client_secret=Secret("secret"))
    platform = HttpPlatform(
        endpoint, httpx.AsyncClient(base_url=url, transport=transport, timeout=30), clock=SystemClock()
    )
    platform.use(Tenancy(tenant="1", entity=None))
    await platform.authenticate()
    numbers = iter(range(CALLS))

    async def work() -> None:
        for number in numbers:
            answer = await platform.regenerate(regeneration(number))
            assert isinstance(answer, Answer)
            assert answer.success

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    spent = time.perf_counter() - wall, time.process_time() - cpu
    await platform.close()
    return spent


def main() -> None:
    for seconds in (0.05, 0.0):
        floor = CALLS / IN_FLIGHT * seconds
        for name, make in TRANSPORTS.items():
            with serving(seconds) as url:
                wall, cpu = min(asyncio.run(send_all(url, make())) for _ in range(3))
            ratio = f", {wall / floor:5.2f} x the floor" if floor else ""
            each = cpu / CALLS * 1000
            print(f"{name:6} {seconds * 1000:3.0f} ms: {CALLS / wall:6.0f}/s, {each:5.2f} ms CPU a call{ratio}")


if __name__ == "__main__":
    main()
