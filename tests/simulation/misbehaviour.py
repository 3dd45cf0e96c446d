"""Fault rules by chance, as the emulator reads them: everything that a platform may do that keeps its own word.

Not among them is what no client can survive: a platform that forgets a key on which it has acted, acts and says that
it has not, or lets a request lie for more than the ten minutes that a re-issue waits.
"""

from random import Random
from typing import Any

CANARY = "canary-7f3a9c51"
"""The client's secret; it may appear in nothing that is stored or shown."""

Rule = dict[str, Any]
LONGEST_FLIGHT = 400.0
"""Seconds after which whatever is late has landed."""

_FINAL = (10, 20, 21, 22, 30, 40, 45, 90)
_PASSING = (50, 61, 70)
_SERVER = (60, 99)


def misbehaviour(chance: Random) -> dict[str, Any]:
    """Return a document of up to five rules."""
    count = chance.choice((0, 1, 1, 2, 3, 5))
    rules = [{"name": f"{number}", **_how_often(chance), **_rule(chance)} for number in range(count)]
    return {"version": 1, "rules": rules}


def outage(chance: Random) -> dict[str, Any]:
    """Return the document of a platform that is not there."""
    fault = chance.choice(({"kind": "refused"}, {"kind": "gateway", "status": 503}, {"kind": "lost"}))
    return {"version": 1, "rules": [{"name": "outage", "match": {"operation": "any"}, "fault": fault}]}


def _how_often(chance: Random) -> Rule:
    rule: Rule = {"per": chance.choice(("all", "key", "key", "target")), "seed": chance.randrange(2**32)}
    if chance.random() < 0.7:
        rule["times"] = chance.choice((1, 1, 1, 2, 3, 6))
    if chance.random() < 0.5:
        rule["probability"] = chance.choice((0.2, 0.5, 0.8))
    if chance.random() < 0.2:
        rule["lasts"] = chance.choice((5, 60, 900))
    if chance.random() < 0.2:
        rule["after"] = chance.randint(1, 3)
    return rule


def _rule(chance: Random) -> Rule:
    made = chance.choice((_lost, _lost, _lost, _gateway, _guard, _passing, _final, _server, _odd, _slow, _token))
    return made(chance)


def _moment(chance: Random) -> Rule:
    when = chance.choice(("before", "after", "after", "late", "late"))
    if when != "late":
        return {"when": when}
    seconds = round(chance.uniform(0.1, chance.choice((2.0, 30.0, LONGEST_FLIGHT))), 1)
    return {"when": when, "late_seconds": seconds, "holds_key": chance.random() < 0.5}


def _lost(chance: Random) -> Rule:
    if chance.random() < 0.2:
        return {"fault": {"kind": "refused"}}
    return {**_moment(chance), "fault": {"kind": "lost", "seconds": chance.choice((0, 0, 3, 200))}}


def _gateway(chance: Random) -> Rule:
    fault = chance.choice(
        (
            {"kind": "gateway", "status": chance.choice((500, 502, 503, 504)), "retry_after": _retry_after(chance)},
            {"kind": "gateway", "status": 503, "body": chance.choice(("text", "empty"))},
            {"kind": "timeout"},
            {"kind": "answer", "status": 302, "headers": {"Location": "https://login.example"}},
            {"kind": "answer", "status": 403, "text": f"Forbidden {CANARY}"},
            {"kind": "answer", "status": 200, "text": "<html>log in</html>", "content_type": "text/html"},
            {"kind": "answer", "status": 200, "json": {"success": "true"}},
        )
    )
    if fault.get("status") in (302, 403):
        return {"when": "before", "fault": fault}
    return {**_moment(chance), "fault": fault}


def _guard(chance: Random) -> Rule:
    return {
        "when": "before",
        "fault": chance.choice(
            (
                {"kind": "unauthorized", "revoke": chance.random() < 0.5, "message": f"not {CANARY}"},
                {"kind": "rate_limit", "retry_after": _retry_after(chance)},
                {"kind": "rate_limit", "limit": "concurrency"},
                {"kind": "in_flight", "lock_code": chance.random() < 0.5},
                {"kind": "mismatch"},
            )
        ),
    }


def _passing(chance: Random) -> Rule:
    fault = {"kind": "business", "category": chance.choice(_PASSING), "saved": chance.random() < 0.5}
    return {"when": "before", "fault": {**fault, "retry_after": _retry_after(chance)}}


def _final(chance: Random) -> Rule:
    fault = {"kind": "business", "category": chance.choice(_FINAL), "message": f"No. {CANARY}"}
    return {"when": "before", "fault": fault}


def _server(chance: Random) -> Rule:
    """An effect that the platform has forgotten would be its own fault: what comes after one is saved."""
    when = chance.choice(("before", "after"))
    saved = when == "after" or chance.random() < 0.5
    fault = chance.choice(({"kind": "system_error"}, {"kind": "business", "category": chance.choice(_SERVER)}))
    return {"when": when, "fault": {**fault, "saved": saved}}


def _odd(chance: Random) -> Rule:
    fault = chance.choice(
        (
            {"kind": "result", "success": chance.choice((False, "missing", None, "true", 1))},
            {"kind": "result", "success": False, "category": chance.choice(_FINAL + _PASSING + _SERVER)},
            {"kind": "result", "id_list": chance.choice(("missing", "null", "empty", "numbers", "text", "repeated"))},
            {"kind": "headers", "headers": {"Concurrency-Limit-Limit": chance.choice(("2", "-1", "many"))}},
            {"kind": "headers", "headers": {"Date": "Thu, 01 Jan 1970 00:00:00 GMT"}},
            {"kind": "duplicate", "seconds": chance.choice((0, 1, 90))},
        )
    )
    return {"when": "after", "fault": fault}


def _slow(chance: Random) -> Rule:
    fault = {"kind": "latency", "seconds": 0.1, "most": chance.choice((1, 30, 200))}
    return {"when": chance.choice(("before", "after")), "fault": fault}


def _token(chance: Random) -> Rule:
    fault = chance.choice(
        (
            {"kind": "unauthorized", "message": f"not {CANARY}"},
            {"kind": "gateway", "status": 503},
            {"kind": "rate_limit"},
            {"kind": "latency", "seconds": 5},
            {"kind": "refused"},
        )
    )
    return {"match": {"operation": "token"}, "when": "before", "fault": fault}


def _retry_after(chance: Random) -> object:
    return chance.choice((None, None, 1, 5, 40, 120, 4000, -5, "soon", {"date_in": 30}))
