"""The log of a run: one line for each send, between one when it begins and one when it ends.

A line is a moment, an event and ``name=value`` pairs (logfmt) in a fixed order; a value that is not known is ``-``.
Rule: no value breaks its line, hides or looks like another pair, whatever the platform answers: what is not plain is
written as a JSON text in ASCII. A token or secret has no name here.
"""

import json
from collections.abc import Mapping

from reconciler.core.run import Outcome, Run, Send
from reconciler.core.timestamp import Timestamp

_NOT_PLAIN = frozenset(' "=\\')


def log_line(at: Timestamp, event: str, fields: Mapping[str, object]) -> str:
    """Return one line without its end."""
    return " ".join((at, event, *(f"{name}={_value(value)}" for name, value in fields.items())))


def begin_line(at: Timestamp, fields: Mapping[str, object]) -> str:
    return log_line(at, "begin", fields)


def send_line(at: Timestamp, send: Send) -> str:
    return log_line(
        at,
        "send",
        {
            "address": send.address,
            "attempt": send.attempt,
            "told": send.told,
            "status": send.status,
            "code": send.code,
            "took": _seconds(send.took),
            "wait": _seconds(send.wait),
            "track": send.track_id,
            "request": send.request_id,
            "process": send.process_id,
            "key": send.key,
        },
    )


def end_line(at: Timestamp, run: str, *, status: int, finished: Run | None, error: str | None) -> str:
    """Return the line of an end: *finished* is None if nothing was sent, *error* what stood against it then."""
    counts = finished.summary if finished else dict.fromkeys(map(str, Outcome))
    failure = finished.error.code if finished and finished.error else error
    stop = finished.stop if finished else None
    return log_line(at, "end", {"run": run, "exit": status, **counts, "stop": stop, "error": failure})


def _seconds(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"


def _value(value: object) -> str:
    if value is None:
        return "-"
    text = str(value)
    is_plain = text not in ("", "-") and text.isprintable() and not _NOT_PLAIN & set(text)
    return text if is_plain else json.dumps(text)
