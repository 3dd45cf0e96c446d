"""Runs `reconciler emulator serve`, and its other commands that go on, as processes of their own."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def serving(folder: Path, *arguments: str) -> Iterator[str]:
    """Run `emulator serve` on a free port and yield its URL."""
    with command(folder, "serve", "--port", "0", *arguments) as line:
        yield line.split()[4]


@contextmanager
def command(folder: Path, *arguments: str) -> Iterator[str]:
    """Run an emulator command that goes on, and yield its first line; it must end in order."""
    with subprocess.Popen(
        [sys.executable, "-m", "reconciler", "emulator", *arguments], cwd=folder, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()
    assert process.returncode == 0
