"""How fast a run goes lately, and how long it will still take at that.

Answers come in waves: what leaves together comes back together. So the recent past is never shorter than one wave, and
nothing is foretold before a whole one has ended. Times are seconds of a clock that never goes back.
"""

from dataclasses import dataclass, replace

RECENT = 30.0
"""Seconds that count as recent, if a whole wave has ended in them."""


@dataclass(frozen=True, slots=True)
class Tempo:
    """*samples* are moments with the number of changes that had ended by then, each more than the one before."""

    samples: tuple[tuple[float, int], ...] = ()

    def after(self, at: float, ended: int, *, wave: int) -> "Tempo":
        """Return the tempo with one more look; *wave* changes are under way at once."""
        if self.samples and ended <= self.samples[-1][1]:
            return self
        samples = (*self.samples, (at, ended))
        while len(samples) > 2 and at - samples[1][0] >= RECENT and ended - samples[1][1] >= wave:
            samples = samples[1:]
        return replace(self, samples=samples)

    @property
    def ended(self) -> int:
        """How many changes have ended recently."""
        return self.samples[-1][1] - self.samples[0][1] if self.samples else 0

    def rate(self, at: float) -> float | None:
        """Return how many changes end in a second, None as long as nobody knows. It sinks while nothing ends."""
        if not self.ended or at <= self.samples[0][0]:
            return None
        return self.ended / (at - self.samples[0][0])

    def left(self, at: float, total: int, *, wave: int) -> float | None:
        """Return in how many seconds all of *total* will have ended, None as long as nobody knows."""
        rate = self.rate(at)
        return (total - self.samples[-1][1]) / rate if rate and self.ended >= wave else None
