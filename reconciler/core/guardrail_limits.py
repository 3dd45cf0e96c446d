"""What protects an environment, as the project file says it: limits, freezes, and what is let past them.

Rule: nothing is limited that the file does not name, in production neither, and nothing but the file lifts a limit: a
change of it is reviewed, an option of a command is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from enum import StrEnum

from reconciler.core.declaration import Flags
from reconciler.core.diagnostics import Place
from reconciler.core.selection import Selector


class Rule(StrEnum):
    """Every rule there is, by the name of its field in the project file."""

    MAX_CALLS = "max_calls"
    MAX_CALLS_PER_DAY = "max_calls_per_day"
    MAX_REMIGRATE = "max_remigrate"
    MAX_REMIGRATE_PER_DAY = "max_remigrate_per_day"
    MAX_REISSUED_SHARE = "max_reissued_share"
    FORBIDDEN_FLAGS = "forbidden_flags"
    REASON = "reason"
    OWNER = "owner"
    FREEZE = "freeze"
    CANARY = "canary"


COUNTING = (Rule.MAX_CALLS, Rule.MAX_CALLS_PER_DAY, Rule.MAX_REMIGRATE, Rule.MAX_REMIGRATE_PER_DAY)
"""The rules whose limit is a number of calls."""


ANNOUNCED = 7
"""How many days ahead a plan warns of a freeze if the project file does not say."""


@dataclass(frozen=True, slots=True)
class Edge:
    """Days around the end of a month or quarter: the *last* ones of it and the *first* ones of the next."""

    last: int = 0
    first: int = 0


@dataclass(frozen=True, slots=True)
class Period:
    """Days from *begins* to *ends*, both included; *reason* says why nothing is to be sent."""

    begins: date
    ends: date
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """When nothing is to be sent, in days of the tenant's time zone; *announce* is how many days ahead a plan warns."""

    month_end: Edge = Edge()
    quarter_end: Edge = Edge()
    periods: tuple[Period, ...] = ()
    announce: int = ANNOUNCED


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """Lets what *scope* names past *rule*, to the end of the day *until*.

    The scope is the id of a plan, or a selector of calls; *text* is how it is written.
    """

    rule: Rule
    scope: Selector | str
    text: str
    reason: str
    until: date
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrails:
    """What the project file sets for one environment; a rule that is not set is None or empty and refuses nothing.

    *limits* are the numbers of calls, by rule; *max_reissued_share* is from 0 to below 1; *reason* and *owner* are
    globs over what a declaration says of them; *canary* is how many calls go first. Days begin and end in *zone*, an
    IANA time zone called *zone_name*.
    """

    place: Place
    limits: Mapping[Rule, int] = field(default_factory=dict)
    max_reissued_share: float | None = None
    forbidden_flags: frozenset[Flags] = frozenset()
    reason: str | None = None
    owner: str | None = None
    freeze: Freeze | None = None
    canary: int | None = None
    allow: tuple[Allowance, ...] = ()
    zone: tzinfo = UTC
    zone_name: str = "UTC"

    def day(self, now: datetime) -> date:
        """Return the day that it is in the tenant's time zone."""
        return now.astimezone(self.zone).date()

    def remembering(self) -> tuple[Rule, ...]:
        """Return the rules that are set and count on what other runs have done: one run at a time keeps them."""
        days = (Rule.MAX_CALLS_PER_DAY, Rule.MAX_REMIGRATE_PER_DAY)
        others = ((Rule.MAX_REISSUED_SHARE, self.max_reissued_share), (Rule.CANARY, self.canary))
        return (
            *(each for each in days if each in self.limits),
            *(rule for rule, limit in others if limit is not None),
        )

    def words(self) -> tuple[str, ...]:
        """Return every rule that is set, with its limit, for the record of a run."""
        others = (
            (Rule.MAX_REISSUED_SHARE, self.max_reissued_share),
            (Rule.FORBIDDEN_FLAGS, "; ".join(sorted(map(flags_words, self.forbidden_flags))) or None),
            (Rule.REASON, self.reason),
            (Rule.OWNER, self.owner),
            (Rule.FREEZE, self.zone_name if self.freeze else None),
            (Rule.CANARY, self.canary),
        )
        return tuple(f"{rule} {limit}" for rule, limit in (*self.limits.items(), *others) if limit is not None)


def flags_words(flags: Flags) -> str:
    return ", ".join(f"{name} {'true' if value else 'false'}" for name, value in flags.as_sent.items())


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """That *rule*, named as its field in the project file, refuses a plan.

    It comes to *figure*, and *limit* is what the file allows; *told* is both in one sentence, *hint* says what next.
    """

    rule: str
    figure: int | float | str
    limit: int | float | str
    told: str
    hint: str
