"""The SQLite file of an emulator: its schema, how it is opened, and its transactions.

Rule: whatever one answer means (effect, booking transactions, saved answer) is one transaction, and it is on the disk
(WAL, synchronous=FULL) before the answer leaves. A process may be killed at any point; several may share one file.
"""

import pathlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

IN_MEMORY = ":memory:"
SCHEMA_VERSION = 1

_BUSY_SECONDS = 60.0
_ATTEMPTS = 50

_SCHEMA = """
CREATE TABLE objects (
    tenant TEXT NOT NULL, type TEXT NOT NULL, number TEXT NOT NULL, part TEXT NOT NULL,
    id TEXT NOT NULL, state TEXT NOT NULL, segments INTEGER NOT NULL,
    PRIMARY KEY (tenant, type, number, part), UNIQUE (tenant, type, id)
) WITHOUT ROWID;
CREATE TABLE booking_transactions (
    Id TEXT PRIMARY KEY, tenant TEXT NOT NULL, type TEXT NOT NULL, target TEXT NOT NULL, ChargeSegment INTEGER NOT NULL,
    RegenerateFlag TEXT, CreatedDate TEXT NOT NULL, UpdatedDate TEXT NOT NULL,
    overrides INTEGER NOT NULL, resends INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE effects (
    sequence INTEGER PRIMARY KEY, tenant TEXT NOT NULL, type TEXT NOT NULL, target TEXT NOT NULL,
    only_re_send INTEGER NOT NULL, re_migrate INTEGER NOT NULL, regenerate_flag TEXT NOT NULL,
    overridden INTEGER NOT NULL, id_list TEXT NOT NULL, at REAL NOT NULL, request_id TEXT NOT NULL, idempotency_key TEXT
);
CREATE TABLE answers (
    idempotency_key TEXT PRIMARY KEY, tenant TEXT NOT NULL, method TEXT NOT NULL, url TEXT NOT NULL,
    payload TEXT NOT NULL, status INTEGER NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL, set_at REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX answers_by_age ON answers (set_at);
CREATE TABLE tokens (
    digest TEXT PRIMARY KEY, tenant TEXT NOT NULL, expires_at REAL NOT NULL
) WITHOUT ROWID;
"""


def open_database(database: str) -> sqlite3.Connection:
    """Open *database* for writing; make it, and its folder, if need be. Raise ValueError if it is something else.

    The connection may be used by any thread, one at a time.
    """
    if database != IN_MEMORY:
        pathlib.Path(database).parent.mkdir(parents=True, exist_ok=True)
    connection = _connect(database)
    try:
        _use_write_ahead_log(connection)
        connection.execute("PRAGMA synchronous = FULL")
        _make_schema(connection, database)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _not_ours(database, str(error)) from error
    except ValueError:
        connection.close()
        raise
    return connection


def open_read_only(database: str) -> sqlite3.Connection:
    """Open *database* without changing it. Raise ValueError if it is no emulator's database."""
    path = pathlib.Path(database)
    if database == IN_MEMORY:
        raise ValueError("An emulator in memory leaves nothing to read: give it a file with --db.")
    if not path.is_file():
        raise ValueError(f"There is no emulator database at {database}.")
    connection = _connect(f"{path.absolute().as_uri()}?mode=ro")
    try:
        version = _schema_version(connection)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise _not_ours(database, str(error)) from error
    if version != SCHEMA_VERSION:
        connection.close()
        raise _not_ours(database, f"its schema has the version {version}, not {SCHEMA_VERSION}")
    return connection


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Hold the write lock of the database throughout; commit at the end, or roll everything back on an exception."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _connect(name: str) -> sqlite3.Connection:
    return sqlite3.connect(
        name, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False, uri=name.startswith("file:")
    )


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch to WAL. SQLite does not wait for this lock, so another process that makes the same file is waited for."""
    for _ in range(_ATTEMPTS):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            with transaction(connection):
                pass
        else:
            return
    raise sqlite3.OperationalError("the database stays locked")


def _make_schema(connection: sqlite3.Connection, database: str) -> None:
    with transaction(connection):
        version = _schema_version(connection)
        if version == SCHEMA_VERSION:
            return
        if version or connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise _not_ours(database, f"its schema has the version {version}, not {SCHEMA_VERSION}")
        for statement in filter(str.strip, _SCHEMA.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _schema_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _not_ours(database: str, why: str) -> ValueError:
    return ValueError(f"{database} is not a database of this emulator: {why}.")
