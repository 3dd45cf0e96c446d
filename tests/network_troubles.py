"""What can go wrong on the wire, and what becomes of a change that meets it. By hand, after `core/outcome.py`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.run import Outcome


@dataclass(frozen=True, slots=True)
class End:
    """What becomes of a change: its outcome, how often it was sent, and how the run ends."""

    outcome: Outcome
    sends: int
    status: int


DONE = End(Outcome.DONE, 1, 0)
RETRIED = End(Outcome.DONE, 2, 0)
UNSENT = End(Outcome.NOT_STARTED, 5, 6)
IN_DOUBT = End(Outcome.IN_DOUBT, 5, 6)
SPENT = End(Outcome.IN_DOUBT, 2, 7)
BARRED = End(Outcome.NOT_STARTED, 1, 8)
RENEWED = End(Outcome.DONE, 3, 0)
"""The platform has saved a failure that passes; after that was shown, a new call is made."""

FINISHES, STAYS = 0, 7
"""How the next apply ends: with everything done, or with the change undecided, and a person told why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A fault of the emulator, of the proxy, or of the way to it (*detour*), and what comes of it."""

    once: End = RETRIED
    always: End = IN_DOUBT
    then: int = FINISHES
    emulator: Mapping[str, Any] = field(default_factory=dict)
    proxy: Mapping[str, Any] = field(default_factory=dict)
    detour: str = ""
    is_slow: bool = False
    loses_ids: bool = False


def answered(kind: str, *, when: str = "before", **fault: object) -> Mapping[str, Any]:
    return {"when": when, "fault": {"kind": kind, **fault}}


_PAGE = {"content_type": "text/html", "text": "<html>Please sign in</html>"}
TABLE: Mapping[str, Trouble] = {
    # nobody was reached
    "connection refused": Trouble(detour="refused", always=UNSENT),
    "no such name": Trouble(detour="name", always=UNSENT),
    "no TLS": Trouble(detour="tls", always=UNSENT),
    "a certificate that nobody vouches for": Trouble(detour="certificate", always=UNSENT),
    # sent, and nobody knows how far
    "reset before the request": Trouble(proxy={"kind": "reset", "of": "request", "after_bytes": 0}),
    "reset within the request": Trouble(proxy={"kind": "reset", "of": "request", "after_bytes": 60}),
    "reset after the request": Trouble(proxy={"kind": "reset", "of": "request", "after_bytes": None}),
    "reset within the answer": Trouble(proxy={"kind": "reset", "of": "answer", "after_bytes": 30}),
    "closed without an answer": Trouble(emulator=answered("lost", when="after")),
    "half closed": Trouble(proxy={"kind": "half_close", "after_bytes": 40}),
    "time-out before the effect": Trouble(proxy={"kind": "hold", "reaches": False}, is_slow=True),
    "time-out after the effect": Trouble(proxy={"kind": "hold", "reaches": True}, is_slow=True),
    "drip": Trouble(proxy={"kind": "drip", "bytes": 5, "seconds": 0.05}, is_slow=True),
    "truncated head": Trouble(proxy={"kind": "truncate", "after_bytes": 20}),
    "truncated body": Trouble(proxy={"kind": "truncate", "after_bytes": 430}),
    "garbage": Trouble(proxy={"kind": "garbage"}),
    "bad gzip": Trouble(proxy={"kind": "corrupt_gzip"}),
    "gzip bomb": Trouble(emulator=answered("bomb", when="after", megabytes=65)),
    # an answer that is not the platform's
    "not JSON": Trouble(emulator=answered("answer", status=200, text="OK")),
    "a login page": Trouble(emulator=answered("answer", status=200, **_PAGE)),
    "redirect": Trouble(
        emulator=answered("answer", status=302, headers={"Location": "https://login.example.com/"}, **_PAGE),
        once=BARRED,
        always=BARRED,
    ),
    "403 without a code": Trouble(emulator=answered("answer", status=403, **_PAGE), once=BARRED, always=BARRED),
    "502 before the effect": Trouble(emulator=answered("gateway", status=502)),
    "502 after the effect": Trouble(emulator=answered("gateway", when="after", status=502)),
    "503 with Retry-After": Trouble(emulator=answered("gateway", status=503, retry_after=3)),
    "504 after 120 s, and the effect": Trouble(emulator=answered("timeout", when="after")),
    # the platform's own guards
    "401": Trouble(emulator=answered("unauthorized"), always=End(Outcome.NOT_STARTED, 2, 8)),
    "401 of a revoked token": Trouble(
        emulator=answered("unauthorized", revoke=True), always=End(Outcome.NOT_STARTED, 2, 8)
    ),
    "409, the key in flight": Trouble(emulator=answered("in_flight")),
    "409 with a lock code": Trouble(emulator=answered("in_flight", lock_code=True), always=UNSENT),
    "422, another's key": Trouble(
        emulator=answered("mismatch"), once=End(Outcome.IN_DOUBT, 1, 7), always=End(Outcome.IN_DOUBT, 1, 7), then=STAYS
    ),
    "429 with Retry-After": Trouble(emulator=answered("rate_limit", retry_after=7), always=UNSENT),
    "429 for too many at once": Trouble(emulator=answered("rate_limit", limit="concurrency"), always=UNSENT),
    # decoded answers of the operation; what is saved under the key comes again
    "lock, not saved": Trouble(emulator=answered("business", category=50, saved=False), always=UNSENT),
    "lock, saved": Trouble(emulator=answered("business", category=50), once=RENEWED, always=End(Outcome.REFUSED, 4, 1)),
    "500 before the effect, not saved": Trouble(emulator=answered("system_error", saved=False)),
    "500 before the effect, saved": Trouble(emulator=answered("system_error"), once=SPENT, always=SPENT, then=STAYS),
    "500 after the effect, saved": Trouble(
        emulator=answered("system_error", when="after"), once=SPENT, always=SPENT, then=STAYS
    ),
    "success false, and nothing else": Trouble(
        emulator=answered("result", success=False, id_list="missing"), once=SPENT, always=SPENT, then=STAYS
    ),
    "success false with ids, after the effect": Trouble(
        emulator=answered("result", when="after", success=False), once=SPENT, always=SPENT, then=STAYS
    ),
    "success false for a final reason": Trouble(
        emulator=answered("business", category=40, status=200),
        once=End(Outcome.REFUSED, 1, 1),
        always=End(Outcome.REFUSED, 1, 1),
    ),
    "success without ids": Trouble(
        emulator=answered("result", when="after", success=True, id_list="null"),
        once=DONE,
        always=DONE,
        loses_ids=True,
    ),
}
