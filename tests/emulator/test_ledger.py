import json
import pathlib
import sqlite3
from contextlib import closing

import pytest
from emulator_harness import Clock, Emulator, Ids, in_process

from reconciler.emulator.app import create_app
from reconciler.emulator.ledger import read_ledger


def test_an_effect_says_all_there_is_to_say(emulator: Emulator, database: str) -> None:
    response = emulator.regenerate(params={"reMigrate": "true"}, headers={"idempotency-key": "k"})

    [effect] = read_ledger(database)
    assert json.loads(json.dumps(effect.document())) == {
        "tenant": "12345",
        "type": "Subscription",
        "target": "Subscription/A-S00000001@1",
        "onlyReSend": False,
        "reMigrate": True,
        "regenerateFlag": "Y",
        "overridden": True,
        "idList": response.json()["idList"],
        "at": "2026-11-18T11:06:40Z",
        "requestId": response.headers["zuora-request-id"],
        "idempotencyKey": "k",
    }


def test_effects_are_sorted_by_target_and_then_by_time(emulator: Emulator, database: str) -> None:
    for number, flag in (("C-00000002", "true"), ("C-00000001", "true"), ("C-00000002", "false")):
        emulator.regenerate({"type": "DynamicUsageCharge", "chargeNumber": number}, params={"reMigrate": flag})

    rows = [(effect.target[-1], effect.re_migrate) for effect in read_ledger(database)]
    assert rows == [("1", True), ("2", True), ("2", False)]


def test_the_ledger_can_be_read_after_the_server_has_ended(database: str, clock: Clock) -> None:
    with in_process(create_app(database=database, now=clock, new_id=Ids())) as emulator:
        emulator.regenerate()

    assert len(read_ledger(database)) == 1


def test_reading_needs_a_database(tmp_path: pathlib.Path) -> None:
    with pytest.raises(ValueError, match="There is no emulator database at"):
        read_ledger(str(tmp_path / "absent.db"))


def test_reading_needs_a_file() -> None:
    with pytest.raises(ValueError, match="in memory leaves nothing to read"):
        read_ledger(":memory:")


def test_a_file_of_another_kind_is_neither_read_nor_overwritten(tmp_path: pathlib.Path, clock: Clock) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are no tables\n" * 100)

    for use in (read_ledger, lambda name: create_app(database=name, now=clock, new_id=Ids())):
        with pytest.raises(ValueError, match="is not a database of this emulator"):
            use(str(path))

    assert path.read_text().startswith("these are no tables")


@pytest.mark.parametrize("version", [0, 1, 99])
def test_somebody_elses_database_is_left_alone(tmp_path: pathlib.Path, clock: Clock, version: int) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (a)")
        connection.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()

    for use in (read_ledger, lambda name: create_app(database=name, now=clock, new_id=Ids())):
        with pytest.raises(ValueError, match="is not a database of this emulator"):
            use(str(path))

    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["other.db"]


def test_a_name_with_unusual_characters_is_a_path_like_any_other(tmp_path: pathlib.Path, clock: Clock) -> None:
    database = str(tmp_path / "a ?mode=x #1 %41.db")
    with in_process(create_app(database=database, now=clock, new_id=Ids())) as emulator:
        emulator.regenerate()

    assert len(read_ledger(database)) == 1


def test_a_world_in_memory_works_without_a_file(clock: Clock) -> None:
    with in_process(create_app(database=":memory:", now=clock, new_id=Ids())) as emulator:
        assert emulator.regenerate().status_code == 200
