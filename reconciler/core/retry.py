"""Whether and when a call is sent again under the same key. Pure: the driver brings time and chance.

Formula, after the platform's guide on error handling: full jitter, ``random(0, min(60, 1 * 2**attempt))`` seconds, and
never less than what Retry-After asks for. A Retry-After that nobody can wait for ends the attempts instead.
"""

from dataclasses import dataclass
from math import isnan
from typing import TypeAlias

from reconciler.core.outcome import Again, Cause, Doubt

BASE, CAP = 1.0, 60.0
ATTEMPTS = 5
LONGEST_WAIT = 300.0
"""Seconds that one answer may ask for; a longer pause is a stop, and the next apply goes on."""

TOTAL = 600.0
"""Seconds in which one call is tried, from its first send in this run."""


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class GiveUp:
    pass


Decision: TypeAlias = Wait | GiveUp

_AT_MOST = {Cause.TOKEN: 2, Cause.BARRED: 1}


def decide(
    known: Again | Doubt, *, sends: int, in_a_row: int, elapsed: float, remaining: float, jitter: float
) -> Decision:
    """Return what to do after the *sends*-th send (from 1), *elapsed* seconds after the first.

    *in_a_row* counts the last sends with the same cause, *remaining* is what is left of the run in seconds, *jitter* a
    number from 0 to 1.
    """
    if isinstance(known, Doubt) and known.spent:
        return GiveUp()
    most = _AT_MOST.get(known.cause, ATTEMPTS) if isinstance(known, Again) else ATTEMPTS
    if sends >= ATTEMPTS or in_a_row >= most:
        return GiveUp()
    is_token = isinstance(known, Again) and known.cause is Cause.TOKEN
    asked = 0.0 if is_token or known.wait is None or isnan(known.wait) else max(0.0, known.wait)
    backoff = 0.0 if is_token else jitter * min(CAP, BASE * 2 ** (sends - 1))
    seconds = max(asked, backoff)
    if asked > LONGEST_WAIT or elapsed + seconds > TOTAL or seconds > remaining:
        return GiveUp()
    return Wait(seconds)
