"""Progress on the console: a line for each change that has ended, and where the run stands.

On a terminal that is a status line below all others, drawn anew when it changes. Elsewhere, as in CI, it is a plain
line every 5 seconds, so that nobody takes a run for dead whose calls take minutes.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from reconciler.cli.console import Console
from reconciler.cli.run_log import RunLog
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.run import Pace, Result, Send
from reconciler.core.tempo import Tempo
from reconciler.reports.diagnostic_text import diagnostic_text
from reconciler.reports.progress_text import progress_text
from reconciler.reports.run_text import result_text

_REDRAWN = 0.1
_PLAIN = 5.0
"""Seconds between two looks, on a terminal and elsewhere."""


class ConsoleProgress:
    """Shows a run while `shown` lasts. Belongs to the event loop that runs then."""

    def __init__(self, console: Console, log: RunLog, *, results_to_stderr: bool) -> None:
        self._console = console
        self._log = log
        self._to_stderr = results_to_stderr
        self._every = _REDRAWN if console.is_live else _PLAIN
        self._pace: Pace | None = None
        self._paced = 0.0
        self._began = 0.0
        self._ticker: asyncio.TimerHandle | None = None
        self._tempo = Tempo()

    def settled(self, result: Result, *, done: int, total: int) -> None:
        console = self._console
        if self._to_stderr:
            console.err(result_text(result, console.error_paint, done=done, total=total) + "\n")
        else:
            console.out(result_text(result, console.paint, done=done, total=total) + "\n")

    def sent(self, send: Send) -> None:
        self._log.sent(send)

    def warned(self, warning: Diagnostic) -> None:
        self._console.err(diagnostic_text(warning, self._console.error_paint))

    def moved(self, pace: Pace) -> None:
        is_first = self._pace is None
        self._pace, self._paced = pace, asyncio.get_running_loop().time()
        if is_first:
            self._tempo = self._tempo.after(self._paced, pace.ended, wave=1)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show where the run stands for as long as this lasts, and leave nothing of it on a terminal."""
        self._began = asyncio.get_running_loop().time()
        self._wait()
        try:
            yield
        finally:
            if self._ticker:
                self._ticker.cancel()
            self._console.status("")

    def _wait(self) -> None:
        self._ticker = asyncio.get_running_loop().call_later(self._every, self._look)

    def _look(self) -> None:
        text = self._text(asyncio.get_running_loop().time())
        if self._console.is_live:
            self._console.status(text)
        else:
            self._console.err(f"{text}\n")
        self._wait()

    def _text(self, now: float) -> str:
        elapsed = now - self._began
        if self._pace is None:
            return progress_text(None, elapsed=elapsed)
        wave = max(1, self._pace.under_way)
        self._tempo = self._tempo.after(now, self._pace.ended, wave=wave)
        return progress_text(
            replace(self._pace, paused=self._pace.paused - (now - self._paced)),
            elapsed=elapsed,
            rate=self._tempo.rate(now),
            left=self._tempo.left(now, self._pace.total, wave=wave),
        )
