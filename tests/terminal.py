"""Runs the tool in a pseudo terminal, and tells what was written to it and what is left on the screen."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PARTS = re.compile(r"\x1b\[K|\x1b\[[0-9;]*m|\r|\n|.", flags=re.DOTALL)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a terminal was written, with what stdout got if that was no terminal."""

    status: int
    written: str
    out: str

    @property
    def screen(self) -> list[str]:
        """The lines as they stand at the end, without colour, on a terminal without an edge."""
        lines, column = [""], 0
        for part in _PARTS.findall(self.written):
            if part == "\n":
                lines.append("")
            elif part == "\r":
                column = 0
            elif part == "\x1b[K":
                lines[-1] = lines[-1][:column]
            elif not part.startswith("\x1b"):
                lines[-1] = lines[-1][:column] + part + lines[-1][column + 1 :]
                column += 1
        return lines


def run_in_terminal(
    *arguments: str,
    cwd: Path,
    variables: Mapping[str, str] | None = None,
    columns: int = 100,
    out: Path | None = None,
    typed: str | None = None,
) -> Seen:
    """Run the tool with stderr on a terminal, and stdout too unless it goes to the file *out*.

    Somebody sits there and has *typed* a line, unless it is None.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with (out or Path(os.devnull)).open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=cwd,
            env={**os.environ, "CI": "", "TERM": "xterm", **(variables or {})},
            stdin=subprocess.DEVNULL if typed is None else theirs,
            stdout=file if out else theirs,
            stderr=theirs,
        )
    os.close(theirs)
    if typed is not None:
        os.write(ours, f"{typed}\n".encode())
    written = _read(ours)
    os.close(ours)
    return Seen(process.wait(timeout=60), written.decode(), out.read_text() if out else "")


def _read(terminal: int) -> bytes:
    """Read until the last process has closed the other side, which Linux tells with an error."""
    written = b""
    while True:
        try:
            chunk = os.read(terminal, 65536)
        except OSError:
            return written
        if not chunk:
            return written
        written += chunk
