"""The SQLite file of an emulator: its schema, how it is opened, and its transactions.

Rule: whatever one answer means (effect, booking transactions, saved answer) is one transaction, and it is on the disk
(WAL, synchronous=FULL) before the answer leaves. A process may be killed at any point; several may share one file.
"""

import contextlib
import errno
import pathlib
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

IN_MEMORY = ":memory:"

_BUSY_SECONDS = 60.0
_ATTEMPTS = 50

_WORLD = """
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
_FAULTS = """
CREATE TABLE fault_rules (
    position INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, document TEXT NOT NULL
);
CREATE TABLE fault_counts (
    rule TEXT NOT NULL, scope TEXT NOT NULL, matched INTEGER NOT NULL, fired INTEGER NOT NULL, first_fired_at REAL,
    PRIMARY KEY (rule, scope)
) WITHOUT ROWID;
CREATE TABLE landings (
    sequence INTEGER PRIMARY KEY, due_at REAL NOT NULL, tenant TEXT NOT NULL, idempotency_key TEXT,
    holds_key INTEGER NOT NULL, begun_at REAL NOT NULL, request_id TEXT NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, query TEXT NOT NULL, headers TEXT NOT NULL, body BLOB NOT NULL
);
CREATE INDEX landings_by_time ON landings (due_at);
"""
_CLIENTS = """
ALTER TABLE tokens ADD COLUMN client_id TEXT NOT NULL DEFAULT '';
"""
_STEPS = (_WORLD, _FAULTS, _CLIENTS)  # a file of version N has seen the first N; steps are only ever added
SCHEMA_VERSION = len(_STEPS)
_WORLD_TABLES = frozenset(re.findall(r"CREATE TABLE (\w+)", _WORLD))


def open_database(database: str) -> sqlite3.Connection:
    """Open *database* for writing; make it, and its folder, if need be. Raise ValueError if it is something else, which
    is not changed then, and OSError if it cannot be read or written.

    The connection may be used by any thread, one at a time.
    """
    if database != IN_MEMORY:
        pathlib.Path(database).parent.mkdir(parents=True, exist_ok=True)
    with _translated_errors(database):
        _refuse_foreign(database)
        connection = _connect(database)
        try:
            _check_ours(connection, database)
            _use_write_ahead_log(connection)
            connection.execute("PRAGMA synchronous = FULL")
            _make_schema(connection, database)
        except BaseException:
            connection.close()
            raise
    return connection


def open_read_only(database: str) -> sqlite3.Connection:
    """Open *database* without changing it. Raise ValueError if it is no emulator's database, OSError if it cannot be
    read.
    """
    path = pathlib.Path(database)
    if database == IN_MEMORY:
        raise ValueError("An emulator in memory leaves nothing to read: give it a file with --db.")
    if not path.is_file():
        raise ValueError(f"There is no emulator database at {database}.")
    with _translated_errors(database):
        connection = _connect(_read_only(path))
        try:
            _check_ours(connection, database)
            _check_made(connection, database)
        except BaseException:
            connection.close()
            raise
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


@contextmanager
def savepoint(connection: sqlite3.Connection) -> Iterator[None]:
    """Inside a transaction, undo what the block has written if it raises."""
    connection.execute("SAVEPOINT part")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK TO part")
        connection.execute("RELEASE part")
        raise
    connection.execute("RELEASE part")


@contextmanager
def trial(connection: sqlite3.Connection) -> Iterator[None]:
    """Inside a transaction, undo what the block has written, whatever happens."""
    connection.execute("SAVEPOINT trial")
    try:
        yield
    finally:
        connection.execute("ROLLBACK TO trial")
        connection.execute("RELEASE trial")


@contextmanager
def brief_transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction that survives `kill -9` and is not waited for until it is on the disk: a power cut may undo it."""
    connection.execute("PRAGMA synchronous = NORMAL")
    try:
        with transaction(connection):
            yield
    finally:
        connection.execute("PRAGMA synchronous = FULL")


@contextmanager
def _translated_errors(database: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:  # a full disk, no right to write, a lock: the file may well be ours
        raise OSError(errno.EIO, str(error), database) from error
    except sqlite3.DatabaseError as error:
        raise _not_ours(database, str(error)) from error


def _read_only(path: pathlib.Path) -> str:
    return f"{path.absolute().as_uri()}?mode=ro"


def _refuse_foreign(database: str) -> None:
    """Refuse a file that is not ours before it is opened for writing: even closing it then may write to it."""
    path = pathlib.Path(database)
    if database == IN_MEMORY or not path.is_file():
        return
    # What a killed process left may have to be mended by writing: the check is repeated then.
    with contextlib.suppress(sqlite3.OperationalError), closing(_connect(_read_only(path))) as connection:
        _check_ours(connection, database)


def _check_ours(connection: sqlite3.Connection, database: str) -> None:
    """Raise ValueError unless the file is empty or holds our tables, in a version that is known."""
    connection.execute("BEGIN")  # both are read of one moment, though another process makes the schema
    try:
        version = schema_version(connection)
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    finally:
        connection.execute("ROLLBACK")
    if not 0 <= version <= SCHEMA_VERSION or (version == 0 and tables):
        raise _unknown_version(database, version)
    if version and not tables >= _WORLD_TABLES:
        raise _not_ours(database, "it has other tables")


def _check_made(connection: sqlite3.Connection, database: str) -> None:
    version = schema_version(connection)
    if version == 0:
        raise _unknown_version(database, version)


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
        version = schema_version(connection)
        if not 0 <= version <= SCHEMA_VERSION:
            raise _unknown_version(database, version)
        if version == SCHEMA_VERSION:
            return
        for statement in filter(str.strip, "".join(_STEPS[version:]).split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def schema_version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def _unknown_version(database: str, version: int) -> ValueError:
    return _not_ours(database, f"its schema has the version {version}, not 1 to {SCHEMA_VERSION}")


def _not_ours(database: str, why: str) -> ValueError:
    return ValueError(f"{database} is not a database of this emulator: {why}.")
