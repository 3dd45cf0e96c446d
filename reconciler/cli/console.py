"""The console: data to stdout, the rest to stderr. A reader that went away stops the writing, never the work.

Whatever is written was made visible: names, authors and answers come from outside and may move a cursor or hide text.
On GitHub Actions nothing that came from outside is a workflow command either, such as one that sets an output.
"""

import io
import os
import re
import sys
from collections.abc import Mapping
from typing import TextIO

from reconciler.reports.paint import Paint, Tone, coloured, colourless

_UNSAFE = re.compile(
    "\x1b(?!\\[[0-9]{1,2}m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]"
)
"""Control, bidirectional and zero-width characters, but for line breaks, tabs and our own colours."""

_COMMAND = re.compile(r"##(?=\[)|^(\s*):(?=:)", re.MULTILINE)
"""What begins a workflow command: ``##[`` anywhere, ``::`` at the beginning of a line.

Its escape is the same text in JSON.

Source: actions/runner, src/Runner.Common/ActionCommand.cs, TryParse and TryParseV2.
"""

_ERASE = "\r\x1b[K"
_USUAL_COLUMNS = 80


def _visible(found: re.Match[str]) -> str:
    return found.group().encode("unicode_escape").decode()


class Console:
    """Writes to two streams; *variables* decide about colour (NO_COLOR, FORCE_COLOR, TERM).

    On GitHub Actions (GITHUB_ACTIONS) both streams are searched for workflow commands, and only `commands` writes any.
    *is_live* tells that a status line has somebody to see it: stderr is a terminal, and not that of a CI job.
    *has_failed* tells that something could not be written although somebody was listening, as on a full disk.
    """

    def __init__(self, out: TextIO, err: TextIO, variables: Mapping[str, str]) -> None:
        self._out = out
        self._err = err
        self._broken: set[int] = set()
        self._status = ""
        self._is_searched = variables.get("GITHUB_ACTIONS") == "true"
        self._out_is_terminal = out.isatty()
        self.is_live = err.isatty() and variables.get("TERM") != "dumb" and not variables.get("CI")
        self.has_failed = False
        self.paint = _paint(out, variables)
        self.error_paint = _paint(err, variables)

    def out(self, text: str) -> None:
        if self._status and self._out_is_terminal:
            self._write(self._err, _ERASE)
            self._write(self._out, self._safe(text))
            self._write(self._err, self._status)
        else:
            self._write(self._out, self._safe(text))

    def commands(self, text: str) -> None:
        """Write workflow commands to stdout; whoever made them has escaped what came from outside."""
        self._write(self._out, _UNSAFE.sub(_visible, text))

    def err(self, text: str) -> None:
        self._write(self._err, f"{_ERASE if self._status else ''}{self._safe(text)}{self._status}")

    def status(self, text: str) -> None:
        """Show one line below all others, in place of the one before; none for an empty *text*. Only if `is_live`."""
        if not self.is_live:
            return
        cut = self._safe(text)[: self._columns() - 1]
        status = self.error_paint(Tone.QUIET, cut) if cut else ""
        if status != self._status:
            self._status = status
            self._write(self._err, f"{_ERASE}{status}")

    def close(self) -> None:
        """Flush both streams; one that nobody reads is pointed at nothing, so that the interpreter stays silent."""
        for stream in (self._out, self._err):
            self._write(stream, "")

    def _safe(self, text: str) -> str:
        safe = _UNSAFE.sub(_visible, text)
        return _COMMAND.sub(_no_command, safe) if self._is_searched else safe

    def _columns(self) -> int:
        """Return how wide the terminal is now; a line that is wider would break and could not be erased."""
        try:
            return os.get_terminal_size(self._err.fileno()).columns or _USUAL_COLUMNS
        except (OSError, ValueError):
            return _USUAL_COLUMNS

    def _write(self, stream: TextIO, text: str) -> None:
        if id(stream) in self._broken:
            return
        try:
            stream.write(text)
            stream.flush()
        except (OSError, ValueError) as error:
            self.has_failed = self.has_failed or not isinstance(error, BrokenPipeError)
            self._broken.add(id(stream))
            _silence(stream)


def _no_command(found: re.Match[str]) -> str:
    return "#\\u0023" if found.group(1) is None else f"{found.group(1)}\\u003a"


def standard_console(variables: Mapping[str, str]) -> Console:
    return Console(_stream(sys.stdout), _stream(sys.stderr), variables)


def _stream(standard: TextIO | None) -> TextIO:
    """Return the stream made fit for any text, or nowhere if it was closed when the process began."""
    if standard is None:
        return io.StringIO()
    if isinstance(standard, io.TextIOWrapper):
        standard.reconfigure(errors="backslashreplace")
    return standard


def _silence(stream: TextIO) -> None:
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return


def _paint(stream: TextIO, variables: Mapping[str, str]) -> Paint:
    if variables.get("NO_COLOR"):
        return colourless
    if variables.get("FORCE_COLOR"):
        return coloured
    is_terminal = stream.isatty() and variables.get("TERM") != "dumb"
    return coloured if is_terminal else colourless
