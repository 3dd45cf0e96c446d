"""Reads a great number of bad specs and says which of them the reader did not survive as it promises.

    PYTHONPATH=tests python -m fuzz.spec --inputs 1000000

Every input must be read or refused with known codes, at places inside the file and in printable words, with
no other exception, no signal, within seconds of CPU time and little memory; what is accepted, the published schema
accepts too. Inputs are read in child processes, so that one that ends by a signal is a finding and not the end.
"""

import argparse
import mmap
import os
import resource
import signal
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from fuzz.inputs import REPOSITORY, make_input
from reading_outline import codes_in, spec_reading

from reconciler.formats.fields import plain_value
from reconciler.formats.schema import SPEC_SCHEMA, SchemaSet
from reconciler.workspace.schemas import load_schemas

SECONDS = 2
"""CPU time for one input; an honest one takes about a millisecond."""

MEMORY = 300 * 1024 * 1024
"""Bytes that a reading process may hold at most, the interpreter and schemas included."""

ADDRESSES = 4 * 1024**3
"""Bytes of addresses, so that an input that takes all memory is a finding too."""

BATCH = 10_000
CODES = codes_in(*sorted((REPOSITORY / "reconciler/formats").glob("*.py")))
"""Each of them is explained: tests/workspace/test_catalogue.py."""

SCHEMAS = SchemaSet(load_schemas())

Check: TypeAlias = Callable[[bytes], str]
"""Reads one input and returns what is wrong with the answer, or nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    number: int
    what: str


def wrong_with_reading(content: bytes) -> str:
    reading, _ = spec_reading(content)
    lines = content.count(b"\n") + content.count(b"\r") + content.count(b"\xc2\x85") + content.count(b"\xe2\x80") + 2
    for found in reading.diagnostics:
        if found.code not in CODES:
            return f"the code {found.code} is not known"
        if not (found.summary + found.detail + found.hint).isprintable() or not found.hint:
            return f"{found.code} is told in unprintable words or without a hint"
        if found.place.line > lines:
            return f"{found.code} stands at {found.place}, outside of the file"
    if reading.diagnostics:
        return ""
    if reading.root is None:
        return "nothing was read, and nothing was reported"
    refused = [message for _, message in SCHEMAS.violations(SPEC_SCHEMA, plain_value(reading.root))]
    return f"the schema refuses what the reader accepts: {refused[0]}" if refused else ""


def search(seed: int, inputs: range, check: Check = wrong_with_reading) -> Iterator[Finding]:
    """Yield what is wrong with the inputs of *seed* whose numbers are in *inputs*."""
    place = mmap.mmap(-1, 8)
    start = inputs.start
    while start < inputs.stop:
        batch = range(start, min(start + BATCH, inputs.stop))
        status, told = _in_child(lambda batch=batch: _read_all(seed, batch, check, place))  # type: ignore[misc]
        at = struct.unpack("q", place[:8])[0]
        yield from (Finding(int(number), what) for number, _, what in (line.partition("\t") for line in told))
        if os.WIFSIGNALED(status):
            yield Finding(at, f"the process ended by {signal.Signals(os.WTERMSIG(status)).name}")
        elif status:
            yield Finding(at, "the process ended too early")
        start = at + 1


def _read_all(seed: int, batch: range, check: Check, place: mmap.mmap) -> Iterator[str]:
    for number in batch:
        place[:8] = struct.pack("q", number)
        content = make_input(seed, number)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            wrong = check(content)
        except Exception as error:  # noqa: BLE001  (that is what is looked for)
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            yield f"{number}\t{wrong!r}"
    signal.setitimer(signal.ITIMER_PROF, 0)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if most > MEMORY:
        yield f"{batch.stop - 1}\tthe process held {most // 1024**2} MiB"


def _in_child(work: Callable[[], Iterator[str]]) -> tuple[int, list[str]]:
    """Run *work* in a child, and return how it ended and the lines that it yielded."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            resource.setrlimit(resource.RLIMIT_AS, (ADDRESSES, ADDRESSES))
            for line in work():
                os.write(writing, f"{line}\n".encode("utf-8", "backslashreplace"))
            os._exit(0)
        finally:
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as told:
        lines = told.read().splitlines()
    return os.waitpid(child, 0)[1], lines


def main() -> int:
    parser = argparse.ArgumentParser(description="Read a great number of bad specs.")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument(
        "--first", type=int, default=0, help="the number of the first input, to go on or to see one again"
    )
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    begun, findings = time.monotonic(), 0
    for found in search(arguments.seed, range(arguments.first, arguments.first + arguments.inputs)):
        findings += 1
        print(f"seed {arguments.seed}, input {found.number}: {found.what}")  # noqa: T201
        print(f"  {make_input(arguments.seed, found.number)[:300]!r}")  # noqa: T201
    took = time.monotonic() - begun
    print(f"{arguments.inputs} inputs, {findings} findings, {arguments.inputs / took:.0f}/s")  # noqa: T201
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
