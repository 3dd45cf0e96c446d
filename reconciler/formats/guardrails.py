"""What the project file says under `guardrails:` of an environment, and under `allow:` of what it lets past them.

Reasons and owners are held against globs, as everything that is selected is: they need no second language, and no
pattern that somebody writes takes longer than its length times that of the text.
"""

import re
from collections.abc import Iterator
from datetime import UTC, date, tzinfo

from reconciler.core.declaration import Flags
from reconciler.core.diagnostics import Place, nearest, shown
from reconciler.core.guardrail_limits import ANNOUNCED, COUNTING, Allowance, Edge, Freeze, Guardrails, Period, Rule
from reconciler.core.selection import Selector, parse_selector
from reconciler.errors import UsageError
from reconciler.formats.common import flags_in
from reconciler.formats.fields import check_keys, mapping_of, sequence_of
from reconciler.formats.settings import choice, count, optional_text, report_missing, required_text, share
from reconciler.formats.yaml_reader import Mapping, Node, Reading

_OTHERS = ("max_reissued_share", "forbidden_flags", "reason", "owner", "freeze", "canary", "time_zone", "allow")
_FREEZE = ("month_end", "quarter_end", "periods", "announce")
_EDGE = ("last", "first")
_PERIOD = ("from", "to", "reason")
_ALLOWANCE = ("rule", "for", "reason", "until")
_MOST_DAYS = 14
"""Of a month, at each of its ends: some days must be left to work on."""

_MOST_AHEAD = 60
_ZONE = r"UTC|(?!posix/|right/)[A-Za-z_]+(?:/[A-Za-z0-9_+-]+)+"
"""Names of IANA: neither the copies with leap seconds nor ``localtime``, which is another on each machine."""

_DATE = r"2[0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_PLAN_ID = r"p[0-9]+-[0-9a-f]{64}"
_LIKE_A_PLAN_ID = r"p[0-9]+-.*"
_HINTS = {
    "from": 'Write the first day as from: "2026-12-20".',
    "to": 'Write the last day as to: "2027-01-04".',
    "until": 'Write the last day on which it holds as until: "2026-12-31".',
    "rule": f"Name the one rule that is lifted: {', '.join(Rule)}.",
    "for": "Write for: and the id of a plan, or a selector such as Subscription/A-* or file:production/q4.yaml.",
    "reason": "Write reason: and why; who reviews and who reads the history wants to know.",
    "time_zone": "Write time_zone: and the tenant's time zone, such as America/New_York: days begin there.",
}


def read_guardrails(node: Node | None, reading: Reading) -> Guardrails | None:
    """Return the guardrails of an environment, None where it has none. A field that cannot be read is reported."""
    mapping = mapping_of(node, reading, "guardrails")
    if mapping is None:
        return None
    check_keys(mapping, (*COUNTING, *_OTHERS), reading, "guardrails")
    if "freeze" in mapping.keys:
        report_missing(mapping, "time_zone", reading, hint=_HINTS["time_zone"])
    limits = {rule: count(mapping, rule, reading) for rule in COUNTING}
    zone_name, zone = _zone(mapping, reading) or ("UTC", UTC)
    return Guardrails(
        place=Place(reading.path, mapping.line, mapping.column),
        limits={rule: limit for rule, limit in limits.items() if limit is not None},
        max_reissued_share=share(mapping, "max_reissued_share", reading, why="It is a share of all declarations."),
        forbidden_flags=frozenset(_forbidden(mapping, reading)),
        reason=optional_text(mapping, "reason", reading),
        owner=optional_text(mapping, "owner", reading),
        freeze=_freeze(mapping.values.get("freeze"), reading),
        canary=count(mapping, "canary", reading, least=1),
        allow=tuple(_allowances(mapping, reading)),
        zone=zone,
        zone_name=zone_name,
    )


def _forbidden(mapping: Mapping, reading: Reading) -> Iterator[Flags]:
    for item in _items(mapping, "forbidden_flags", reading):
        flags = flags_in(item, reading)
        if flags is not None:
            yield flags


def _items(mapping: Mapping, name: str, reading: Reading) -> list[Node]:
    node = mapping.values.get(name)
    sequence = sequence_of(node, reading, name) if node is not None else None
    return sequence.items if sequence else []


def _zone(mapping: Mapping, reading: Reading) -> tuple[str, tzinfo] | None:
    name = optional_text(mapping, "time_zone", reading)
    if name is None or name == "UTC":
        return None
    from zoneinfo import ZoneInfo, available_timezones  # noqa: PLC0415  (few environments name a time zone)

    try:
        if re.fullmatch(_ZONE, name):
            return name, ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        pass  # not there, or no time zone; what is known is asked for below
    node, known = mapping.values["time_zone"], available_timezones()
    at = (node.line, node.column)
    if known:
        near = nearest(name, {each for each in known if re.fullmatch(_ZONE, each)})
        hint = near if near.startswith("Did") else "Name a region and a city, such as America/New_York, or UTC."
        reading.report("unknown-time-zone", f"time_zone {shown(name)} is no time zone", at, hint=hint)
    else:
        why = "Without them it cannot be told on which day it is frozen, so nothing is planned."
        hint = "Install tzdata: the package of the system, or that of Python (pip install tzdata)."
        reading.report("no-time-zones", "this machine knows no time zones", at, detail=why, hint=hint)
    return None


def _freeze(node: Node | None, reading: Reading) -> Freeze | None:
    mapping = mapping_of(node, reading, "freeze")
    if mapping is None:
        return None
    check_keys(mapping, _FREEZE, reading, "freeze")
    if mapping.keys.keys().isdisjoint(_FREEZE[:3]):
        hint = "Write month_end: {last: 3}, quarter_end: {last: 5, first: 3} or periods: with from, to and reason."
        reading.report("missing-field", "freeze names no days", (mapping.line, mapping.column), hint=hint)
    announce = count(mapping, "announce", reading, most=_MOST_AHEAD)
    return Freeze(
        month_end=_edge(mapping, "month_end", reading),
        quarter_end=_edge(mapping, "quarter_end", reading),
        periods=tuple(_periods(mapping, reading)),
        announce=ANNOUNCED if announce is None else announce,
    )


def _edge(freeze: Mapping, name: str, reading: Reading) -> Edge:
    mapping = mapping_of(freeze.values.get(name), reading, name)
    if mapping is None:
        return Edge()
    check_keys(mapping, _EDGE, reading, name)
    if mapping.keys.keys().isdisjoint(_EDGE):
        hint = "Write last: and how many days before the end, first: and how many after it, or both."
        reading.report("missing-field", f"{name} names no days", (mapping.line, mapping.column), hint=hint)
    last, first = (count(mapping, each, reading, most=_MOST_DAYS) or 0 for each in _EDGE)
    return Edge(last=last, first=first)


def _periods(freeze: Mapping, reading: Reading) -> Iterator[Period]:
    for item in _items(freeze, "periods", reading):
        mapping = mapping_of(item, reading, "a period")
        if mapping is None:
            continue
        check_keys(mapping, _PERIOD, reading, "a period")
        begins, ends = _day(mapping, "from", reading), _day(mapping, "to", reading)
        reason = required_text(mapping, "reason", reading, hint=_HINTS["reason"])
        if begins is None or ends is None or reason is None:
            continue
        if ends < begins:
            at = (mapping.values["to"].line, mapping.values["to"].column)
            reading.report("period-backwards", f"to {ends} is before from {begins}", at, hint="Exchange the two days.")
        yield Period(begins, ends, reason)


def _day(mapping: Mapping, name: str, reading: Reading) -> date | None:
    text = required_text(mapping, name, reading, hint=_HINTS[name])
    if text is None:
        return None
    try:
        if re.fullmatch(_DATE, text):
            return date.fromisoformat(text)
    except ValueError:
        pass  # such as the 30th of February
    node = mapping.values[name]
    reading.report("not-a-date", f"{name} is no day: {shown(text)}", (node.line, node.column), hint=_HINTS[name])
    return None


def _allowances(mapping: Mapping, reading: Reading) -> Iterator[Allowance]:
    for item in _items(mapping, "allow", reading):
        allowance = mapping_of(item, reading, "an allowance")
        found = _allowance(allowance, reading) if allowance is not None else None
        if found is not None:
            yield found


def _allowance(mapping: Mapping, reading: Reading) -> Allowance | None:
    check_keys(mapping, _ALLOWANCE, reading, "an allowance")
    report_missing(mapping, "rule", reading, hint=_HINTS["rule"])
    rule = choice(mapping, "rule", list(Rule), reading)
    text = required_text(mapping, "for", reading, hint=_HINTS["for"])
    scope = _scope(mapping, text, reading) if text is not None else None
    reason = required_text(mapping, "reason", reading, hint=_HINTS["reason"])
    until = _day(mapping, "until", reading)
    if rule is None or text is None or scope is None or reason is None or until is None:
        return None
    place = Place(reading.path, mapping.line, mapping.column)
    return Allowance(rule=Rule(rule), scope=scope, text=text, reason=reason, until=until, place=place)


def _scope(mapping: Mapping, text: str, reading: Reading) -> Selector | str | None:
    """Return the id of a plan as it is, or a selector."""
    if re.fullmatch(_PLAN_ID, text):
        return text
    node = mapping.values["for"]
    try:
        if not re.fullmatch(_LIKE_A_PLAN_ID, text):
            return parse_selector(text)
        why = "The id of a plan is p1- and 64 digits and letters from a to f."
    except UsageError as error:
        why = error.detail
    what = f"for names neither a plan nor calls: {shown(text)}"
    reading.report("bad-scope", what, (node.line, node.column), detail=why, hint=_HINTS["for"])
    return None
