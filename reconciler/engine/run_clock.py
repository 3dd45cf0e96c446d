"""The clock of one run: the platform's where it has told its own, carried on by what cannot be set back.

Keys age on the platform, so every moment that is written down or compared with one is of its clock. A machine whose own
clock is wrong, or is set in the middle, neither trusts a key too long nor gives up a young one.
"""

from datetime import datetime, timedelta

from reconciler.core.state import ClockOffset
from reconciler.ports import Clock, Platform


class RunClock:
    """A Clock, made when the run has its first token.

    Where the platform has never told the time, it is the machine's at the beginning, carried on.
    """

    def __init__(self, clock: Clock, platform: Platform, *, machine: str) -> None:
        self._clock = clock
        self._platform = platform
        self._machine = machine
        self._began = clock.monotonic()
        self._beginning = clock.now()
        self._latest = platform.server_time() or self._beginning

    def now(self) -> datetime:
        """Return the present moment; never an earlier one than before."""
        carried_on = self._beginning + timedelta(seconds=self._clock.monotonic() - self._began)
        self._latest = max(self._latest, self._platform.server_time() or carried_on)
        return self._latest

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def jitter(self) -> float:
        return self._clock.jitter()

    def offset(self) -> ClockOffset | None:
        """Return how this machine's clock was found to be; None if the platform has not told its own."""
        told = self._platform.server_time()
        return ClockOffset(self._machine, round((told - self._clock.now()).total_seconds())) if told else None
