"""The file of a world over versions of its schema."""

import pathlib
import sqlite3
from contextlib import closing

import pytest

from reconciler.emulator.database import SCHEMA_VERSION, open_database
from reconciler.emulator.fault_rules import list_faults
from reconciler.emulator.ledger import read_ledger


def _as_version_1(database: str) -> None:
    with closing(open_database(database)) as connection:
        for table in ("fault_rules", "fault_counts", "landings"):
            connection.execute(f"DROP TABLE {table}")
        connection.execute("ALTER TABLE tokens DROP COLUMN client_id")
        connection.execute("PRAGMA user_version = 1")


def test_a_world_from_before_there_were_faults_is_read_and_brought_up_to_date(database: str) -> None:
    _as_version_1(database)

    assert (read_ledger(database), list_faults(database)) == ((), ())
    with closing(open_database(database)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (SCHEMA_VERSION,)
        assert connection.execute("SELECT count(*) FROM landings").fetchone() == (0,)


def test_a_world_of_a_later_version_is_refused(database: str) -> None:
    open_database(database).close()
    with closing(sqlite3.connect(database)) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")

    with pytest.raises(ValueError, match=f"has the version {SCHEMA_VERSION + 1}"):
        open_database(database)
    with pytest.raises(ValueError, match=f"has the version {SCHEMA_VERSION + 1}"):
        read_ledger(database)


def test_a_folder_in_the_place_of_a_world_is_no_foreign_database(tmp_path: pathlib.Path) -> None:
    with pytest.raises(OSError, match="unable to open database file") as caught:
        open_database(str(tmp_path))

    assert caught.value.filename == str(tmp_path)
