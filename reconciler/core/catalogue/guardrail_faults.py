"""What is wrong with the guardrails of an environment."""

from collections.abc import Iterator

from reconciler.core.catalogue.explanation import Explanation, Shows


def _guarded(*lines: str) -> str:
    return (
        "version: 1\nname: acme-revenue\nenvironments:\n  local:\n    api: {emulator: local.db}\n    specs: local\n"
        "    state: {file: local.json}\n    guardrails:\n" + "".join(f"      {line}\n" for line in lines)
    )


def _fault(code: str, title: str, text: str, *, bad: tuple[str, ...], good: tuple[str, ...]) -> Explanation:
    return Explanation(code=code, title=title, text=text, bad=_guarded(*bad), good=_guarded(*good), shows=Shows.PROJECT)


def _frozen(period: str, zone: str = "America/New_York") -> tuple[str, ...]:
    return (f"time_zone: {zone}", f"freeze: {{periods: [{{{period}, reason: close of the year}}]}}")


def _allowed(scope: str) -> tuple[str, ...]:
    line = f'{{rule: max_calls, for: {scope}, reason: REV-1300 the whole book, until: "2026-12-01"}}'
    return ("max_calls: 500", "allow:", f"  - {line}")


def _faults() -> Iterator[Explanation]:
    yield _fault(
        "bad-scope",
        "an allowance names neither a plan nor calls",
        "What is let past a guardrail is one plan, by its whole id as plan shows it, or the calls that a selector "
        "takes: a glob over addresses, file:GLOB, type:NAME or action:NAME.",
        bad=_allowed("type:Subscriptions"),
        good=_allowed("type:Subscription"),
    )
    yield _fault(
        "not-a-count",
        "a limit is not a whole number that it can be",
        "Limits of calls are written in digits; 0 allows none. Days of a freeze are at most 14 at each side of the end "
        "of a month, so that some are left to work on.",
        bad=("max_calls: 1e3",),
        good=("max_calls: 1000",),
    )
    yield _fault(
        "not-a-date",
        "a day is not a date",
        "It is written as year, month and day, in quotes because older readers of YAML make a date of it and newer "
        "ones do not.",
        bad=_frozen('from: "2026-12-20", to: "2026-12-32"'),
        good=_frozen('from: "2026-12-20", to: "2026-12-31"'),
    )
    yield _fault(
        "period-backwards",
        "a period ends before it begins",
        "Both days belong to it, so that one of a single day names that day twice.",
        bad=_frozen('from: "2027-01-04", to: "2026-12-20"'),
        good=_frozen('from: "2026-12-20", to: "2027-01-04"'),
    )
    yield _fault(
        "unknown-time-zone",
        "a time zone does not exist",
        "Days begin where the tenant is, so it is named as IANA does: a region and a city, or UTC. Abbreviations such "
        "as EST mean several things, or stay in winter the whole year.",
        bad=_frozen('from: "2026-12-20", to: "2026-12-31"', zone="America/New_Yrok"),
        good=_frozen('from: "2026-12-20", to: "2026-12-31"'),
    )


GUARDRAIL_FAULTS = tuple(_faults())
