"""Fault rules in the database: loaded and cleared by any process, counted by those that serve.

Rules are read again for every request, so a change takes effect at once beside a running server. What a rule has
counted is stored with it: a restart changes nothing.
"""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache

from reconciler.emulator.database import (
    IN_MEMORY,
    brief_transaction,
    open_database,
    open_read_only,
    schema_version,
    transaction,
)
from reconciler.emulator.fault_document import read_rule, read_rules
from reconciler.emulator.faults import Count, CountKey, Decision, FaultRule, Fired, Situation, candidates, decide

_FIRST_WITH_FAULTS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultReport:
    """One rule as it was written, how many requests it has counted, and how many of them have met it."""

    name: str
    rule: Mapping[str, object]
    matched: int
    fired: int

    def document(self) -> dict[str, object]:
        return {"name": self.name, "matched": self.matched, "fired": self.fired, "rule": dict(self.rule)}


def load_faults(database: str, document: object) -> int:
    """Put the rules of *document* in the place of all there were, counted from nothing, and return how many they are.

    Raise ValueError with one sentence a line if anything is wrong; then nothing changes.
    """
    _refuse_memory(database)
    read_rules(document)
    with closing(open_database(database)) as connection:
        return store_rules(connection, document)


def list_faults(database: str) -> tuple[FaultReport, ...]:
    """Return the rules in their order. Raise ValueError if there is no such database."""
    _refuse_memory(database)
    with closing(open_read_only(database)) as connection:
        return report_rules(connection) if schema_version(connection) >= _FIRST_WITH_FAULTS else ()


def clear_faults(database: str) -> int:
    """Remove all rules and return how many they were. What is on its way lands all the same. Raise ValueError."""
    open_read_only(database).close()  # clearing makes no database
    with closing(open_database(database)) as connection:
        return clear_rules(connection)


def store_rules(connection: sqlite3.Connection, document: object) -> int:
    rules = read_rules(document)
    assert isinstance(document, dict)  # noqa: S101  - read above
    texts = [json.dumps(rule, ensure_ascii=True) for rule in document["rules"]]
    with transaction(connection):
        _remove_all(connection)
        connection.executemany(
            "INSERT INTO fault_rules VALUES (?, ?, ?)",
            [(position, rule.name, text) for position, (rule, text) in enumerate(zip(rules, texts, strict=True))],
        )
    return len(rules)


def report_rules(connection: sqlite3.Connection) -> tuple[FaultReport, ...]:
    rows = connection.execute(
        "SELECT name, document, coalesce(sum(matched), 0), coalesce(sum(fired), 0)"
        " FROM fault_rules LEFT JOIN fault_counts ON rule = name GROUP BY position ORDER BY position"
    )
    return tuple(
        FaultReport(name=name, rule=json.loads(document), matched=matched, fired=fired)
        for name, document, matched, fired in rows
    )


def clear_rules(connection: sqlite3.Connection) -> int:
    with transaction(connection):
        return _remove_all(connection)


def active_rules(connection: sqlite3.Connection) -> tuple[FaultRule, ...]:
    rows = connection.execute("SELECT document FROM fault_rules ORDER BY position").fetchall()
    return tuple(_parsed(text) for (text,) in rows)


def meet(
    connection: sqlite3.Connection, rules: Sequence[FaultRule], situation: Situation, *, now: float
) -> Fired | None:
    """Count *situation* and return the rule that it meets."""
    matching = candidates(rules, situation)
    if not matching:
        return None
    with brief_transaction(connection):
        decision = decide(matching, situation, count_of=lambda key: _count_of(connection, key), now=now)
        _remember(connection, decision)
    return decision.fired


@lru_cache(maxsize=1_024)
def _parsed(text: str) -> FaultRule:
    return read_rule(json.loads(text))


def _count_of(connection: sqlite3.Connection, key: CountKey) -> Count:
    row = connection.execute(
        "SELECT matched, fired, first_fired_at FROM fault_counts WHERE rule = ? AND scope = ?", (key.rule, key.scope)
    ).fetchone()
    return Count() if row is None else Count(matched=row[0], fired=row[1], first_fired_at=row[2])


def _remember(connection: sqlite3.Connection, decision: Decision) -> None:
    connection.executemany(
        "INSERT OR REPLACE INTO fault_counts VALUES (?, ?, ?, ?, ?)",
        [(key.rule, key.scope, count.matched, count.fired, count.first_fired_at) for key, count in decision.counts],
    )


def _remove_all(connection: sqlite3.Connection) -> int:
    connection.execute("DELETE FROM fault_counts")
    return connection.execute("DELETE FROM fault_rules").rowcount


def _refuse_memory(database: str) -> None:
    if database == IN_MEMORY:
        raise ValueError("An emulator in memory shares its fault rules with nobody: give it a file with --db.")
