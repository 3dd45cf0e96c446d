"""The document of a saved plan, format 1.0: one change a line, ASCII, a SHA-256 over all before it at the end.

Rule: whoever has the same plan writes the same bytes. The id is computed anew from what is read, and what does not
follow from it (places, reasons, times) is under the hash: a document with one other byte is refused.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import cache
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from reconciler.core.declaration import Flags
from reconciler.core.diagnostics import Diagnostic
from reconciler.core.digest import SCHEME
from reconciler.core.forecast import Forecast
from reconciler.core.plan import Blocked, Change, Plan, Regenerate, Reissue, Resume, Undecided, flags_of, place_of
from reconciler.core.saved import LIFETIME
from reconciler.core.timestamp import timestamp
from reconciler.formats.seal import sealed
from reconciler.formats.state import unsettled_object

FORMAT_VERSION = "1.0"

BEGINNING = b'{\n "format_version": "1.'
"""What every saved plan begins with."""

BOUND = ("project", "environment", "tenant", "entity", "refreshed_at", "lineage", "serial", "epoch")


def write_plan(plan: Plan, *, made: datetime, lifetime: timedelta = LIFETIME) -> bytes:
    """Return the document of *plan*, *made* then and good for *lifetime*."""
    bound = plan.binding
    head = {
        "format_version": FORMAT_VERSION,
        "plan_id": plan.id,
        "digest_scheme": SCHEME,
        **{name: getattr(bound, name) for name in BOUND},
        "after_server_error": bound.after_server_error,
        "made": timestamp(made),
        "expires": timestamp(made + lifetime),
        "only": [each.text for each in plan.selection.only],
        "except": [each.text for each in plan.selection.excepted],
        "summary": plan.summary,
        "left_out": plan.left_out,
        "last_applied": plan.last_applied,
        "warnings": [diagnostic_object(each) for each in plan.warnings],
        "forecast": forecast_object(plan.forecast) if plan.forecast else None,
        "lanes": dict(sorted(plan.lanes.items())),
    }
    lines = ",\n".join(f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items())
    rows = ",\n".join(_rows(plan.changes))
    changes = f"[\n{rows}\n ]" if rows else "[]"
    return sealed(f'{{\n{lines},\n "changes": {changes}'.encode())


def change_object(change: Change) -> dict[str, Any]:
    """Return the JSON object of *change*, from which it can be made again."""
    place, declared = place_of(change), change.declaration
    value: dict[str, Any] = {
        "address": change.address,
        "action": change.action,
        "flags": flags_of(change).as_sent,
        "trigger": declared.trigger if declared else None,
        "call": change.call,
        "digest": change.digest,
        "reasons": list(change.reasons),
        "reason": declared.reason if declared else None,
        "owner": declared.owner if declared else None,
        "place": str(place) if place else None,
    }
    if declared and declared.sent_as:
        value["target"] = declared.sent_as
    match change:
        case Reissue():
            value["fields"] = [{"field": f.field, "before": f.before, "after": f.after} for f in change.fields]
            if change.not_before is not None:
                value["not_before"] = timestamp(change.not_before)
        case Resume():
            value["next_call"] = change.next_call
            value["unsettled"] = unsettled_object(change.unsettled)
        case Undecided():
            value["unsettled"] = unsettled_object(change.unsettled) if change.unsettled else None
        case Blocked():
            value["by"] = change.by
        case Regenerate():
            pass
    return value


def _rows(changes: Sequence[Change]) -> Iterator[str]:
    """Yield each change as `json.dumps` would write it: plain ones, of which there may be 100,000, by their parts."""
    paths: dict[str, str] = {}
    for change in changes:
        if type(change) is not Regenerate or change.declaration.mapped:
            yield f"  {json.dumps(change_object(change))}"
            continue
        said, place = change.declaration, change.declaration.place
        path = paths.get(place.path) or paths.setdefault(place.path, quoted(place.path)[:-1])
        at = f":{place.line}:{place.column}" if place.line else ""
        yield (
            f'  {{"address": {quoted(said.address)}, "action": "regenerate", {_asked(said.flags, said.trigger)}, '
            f'"call": {change.call}, "digest": "{change.digest}", {_told(change.reasons, said.reason, said.owner)}, '
            f'"place": {path}{at}"}}'
        )


@cache
def _asked(flags: Flags, trigger: str | None) -> str:
    return json.dumps({"flags": flags.as_sent, "trigger": trigger})[1:-1]


@cache
def _told(reasons: tuple[str, ...], reason: str | None, owner: str | None) -> str:
    return json.dumps({"reasons": reasons, "reason": reason, "owner": owner})[1:-1]


def diagnostic_object(found: Diagnostic) -> dict[str, str]:
    return {
        "code": found.code,
        "severity": str(found.severity),
        "summary": found.summary,
        "detail": found.detail,
        "hint": found.hint,
        "place": str(found.place),
    }


def forecast_object(forecast: Forecast) -> dict[str, Any]:
    rate = forecast.calls_per_second
    return {
        "calls": forecast.calls,
        "seconds": forecast.seconds,
        "basis": forecast.basis,
        "calls_per_second": round(rate, 3) if rate is not None else None,
    }
