"""How long an apply takes, journal on, against the latency floor and a bare probe; what it costs; how often it syncs.

Run: PYTHONPATH=tests python -m bench.apply [--calls 1000] [--rounds 3]; for the memory of a large one
--calls 100000 --rounds 1 --only 0. The floor is calls / 40 x latency. The probe sends the same over bare asyncio
streams in this run, without a journal: what the machine could do just then. Start-up and plan are taken off by an apply
with nothing to do. Syncs are counted in a run of their own.
"""

import argparse
import asyncio
import os
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import trustme
from bench.transport import serving

IN_FLIGHT = 40
PROJECT = """\
version: 1
name: bench
environments:
  bench:
    api: {base_url: "%s", credentials: {client_id: {env: BENCH}, client_secret: {env: BENCH}}}
    specs: bench
    state: {file: state.json}
"""
COUNTING = """\
import os, sys
from reconciler.__main__ import main
counts = {"fsync": 0, "fdatasync": 0}
def counted(name):
    sync = getattr(os, name)
    def syncing(descriptor):
        counts[name] += 1
        sync(descriptor)
    setattr(os, name, syncing)
for name in counts:
    counted(name)
try:
    main()
finally:
    print(sum(counts.values()), file=sys.stderr)
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """Wall and CPU seconds of a process, and the most memory it had, in MiB."""

    wall: float
    cpu: float
    memory: float


def write_project(folder: Path, url: str, calls: int) -> None:
    (folder / "bench").mkdir(parents=True)
    (folder / "reconciler.yaml").write_text(PROJECT % url)
    for first in range(0, calls, 10_000):
        lines = ["version: 1", "flags: {onlyReSend: false, reMigrate: true}", "subscriptions:"]
        numbers = range(first + 1, min(first + 10_000, calls) + 1)
        lines += [f"  - {{subscriptionName: A-S{number:08d}, subscriptionVersion: 1}}" for number in numbers]
        (folder / "bench" / f"{first:08}.yaml").write_text("\n".join(lines) + "\n")


def command(*python: str) -> list[str]:
    return [sys.executable, *python, "apply", "--yes", "--concurrency", str(IN_FLIGHT)]


def apply(folder: Path, variables: Mapping[str, str]) -> Spent:
    started = time.perf_counter()
    process = subprocess.Popen(
        command("-m", "reconciler"),
        cwd=folder,
        env={**os.environ, "BENCH": "bench", **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    return Spent(time.perf_counter() - started, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def syncs(folder: Path, variables: Mapping[str, str]) -> int:
    """Apply once more, and return how often something was brought to the disk."""
    counted = subprocess.run(
        command("-c", COUNTING),
        cwd=folder,
        env={**os.environ, "BENCH": "bench", **variables},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    return int(counted.stderr.split()[-1])


async def probe(url: str, calls: int, context: ssl.SSLContext | None) -> float:
    """Return the seconds that the same requests take over bare streams."""
    parts = urlsplit(url)
    numbers = iter(range(calls))
    body = b'{"subscriptionName":"A-S00000001","subscriptionVersion":1,"type":"Subscription"}'
    head = b"POST /v1/uno-regenerate/booking-transaction?onlyReSend=false&reMigrate=true HTTP/1.1\r\nHost: x\r\n"
    request = head + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)

    async def work() -> None:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, ssl=context)
        for _ in numbers:
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
        writer.transport.abort()

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return time.perf_counter() - started


def measure(seconds: float, calls: int, rounds: int, *, tls: bool) -> str:
    floor = calls / IN_FLIGHT * seconds
    measured = []
    with tempfile.TemporaryDirectory() as top:
        authority, certificate = trustme.CA(), Path(top, "server.pem")
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(certificate)
        authority.cert_pem.write_to_path(Path(top, "authority.pem"))
        variables = {"SSL_CERT_FILE": str(Path(top, "authority.pem"))}
        context = ssl.create_default_context(cafile=variables["SSL_CERT_FILE"]) if tls else None
        with serving(seconds, certificate if tls else None) as url:
            for round_ in range(rounds):
                folder = Path(top, str(round_))
                write_project(folder, url, calls)
                whole, idle = apply(folder, variables), apply(folder, variables)
                bare = asyncio.run(probe(url, calls, context))
                measured.append((whole.wall - idle.wall, whole, idle, bare))
            folder = Path(top, "counted")
            write_project(folder, url, calls)
            count = syncs(folder, variables)
    net, whole, idle, bare = sorted(measured, key=lambda each: each[0])[rounds // 2]
    to_floor = f"{net / floor:4.2f} x the floor, " if floor else ""
    return (
        f"{seconds * 1000:3.0f} ms{', TLS' if tls else '':5}: {whole.wall:6.2f} s; without start-up {net:6.2f} s, "
        f"{to_floor}{net / bare:4.2f} x the probe, {calls / net:5.0f} calls/s, "
        f"{(whole.cpu - idle.cpu) / calls * 1000:4.2f} ms CPU a call; {whole.memory:4.0f} MiB; {count} syncs"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=("50", "tls", "0"))
    asked = parser.parse_args(arguments)
    for name, seconds in {"50": 0.05, "tls": 0.05, "0": 0.0}.items():
        if asked.only in (None, name):
            print(measure(seconds, asked.calls, asked.rounds, tls=name == "tls"), flush=True)


if __name__ == "__main__":
    main()
