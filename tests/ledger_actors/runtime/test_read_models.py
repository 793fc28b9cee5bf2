"""Read models at rest: whole at each moment, for readers and after a power cut."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from ledger_actors.runtime import ReadModel, ReadModelFull, ReadModels
from ledger_actors.runtime.read_models import history_of, position_of, set_position, transaction


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ReadModels]:
    models = ReadModels(tmp_path)
    yield models
    models.close()


@pytest.fixture
def model(models: ReadModels) -> ReadModel:
    return models.model("cups", 1)


def put(db: Database, *cups: int) -> None:
    with transaction(db):
        db.execute("CREATE TABLE IF NOT EXISTS cups (milk INTEGER)")
        for cup in cups:
            db.execute("INSERT INTO cups VALUES (?)", [cup])


def cups(db: Database) -> list[int]:
    return [milk for (milk,) in db.execute("SELECT milk FROM cups ORDER BY milk").fetchall()]


def test_a_model_that_was_never_built_is_told_of(model: ReadModel) -> None:
    with pytest.raises(LookupError, match=r"no read model at cups-v1\.db yet"):
        model.query(cups)


def test_a_query_sees_one_moment_however_many_statements_it_takes(model: ReadModel) -> None:
    """A sum and its parts, while the projector writes between the two."""
    writer = model.open_writer()
    put(writer, 1)

    def twice(db: Database) -> tuple[list[int], list[int]]:
        before = cups(db)
        put(writer, 2)
        return before, cups(db)

    assert model.query(twice) == ([1], [1])
    assert model.query(cups) == [1, 2]


def test_a_query_that_raises_leaves_the_connection_usable(model: ReadModel) -> None:
    put(model.open_writer(), 1)
    with pytest.raises(sqlite3.OperationalError):
        model.query(lambda db: db.execute("SELECT * FROM nowhere"))

    assert model.query(cups) == [1]


def test_a_reader_cannot_write(model: ReadModel) -> None:
    put(model.open_writer(), 1)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        model.query(lambda db: db.execute("DELETE FROM cups"))


def test_a_transaction_that_fails_leaves_nothing(model: ReadModel) -> None:
    db = model.open_writer()
    put(db, 1)
    with suppress(ZeroDivisionError), transaction(db):
        db.execute("INSERT INTO cups VALUES (2)")
        set_position(db, 7, "h")
        raise ZeroDivisionError

    assert (cups(db), position_of(db)) == ([1], 0)


def test_tables_own_writes_are_part_of_the_transaction(model: ReadModel) -> None:
    """sqlite-utils makes savepoints of its own transactions inside ours."""
    db = model.open_writer()
    with suppress(ZeroDivisionError), transaction(db):
        db.table("mugs").insert_all([{"milk": 1}, {"milk": 2}])
        raise ZeroDivisionError

    assert not db.table("mugs").exists()


def test_a_full_disk_is_told_and_leaves_nothing(model: ReadModel) -> None:
    db = model.open_writer()
    put(db, 1)
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ReadModelFull, match=r"disk of cups-v1\.db"):
        put(db, *range(10_000))
    assert cups(db) == [1]
    db.execute("PRAGMA max_page_count = 10000")
    put(db, 2)

    assert cups(db) == [1, 2]


def rebuild(model: ReadModel, *filled: int) -> None:
    rebuilt = model.begin_rebuild()
    put(rebuilt, *filled)
    set_position(rebuilt, 9, "h")
    model.take_over(rebuilt)
    model.end_rebuild(rebuilt)


def test_one_that_an_earlier_release_made_is_opened(models: ReadModels) -> None:
    model = models.model("cups", 1)
    old = model.open_writer()
    old.execute("DROP TABLE _position")
    old.execute("CREATE TABLE _position (one INTEGER PRIMARY KEY, event_id INTEGER)")
    old.execute("INSERT INTO _position VALUES (1, 5)")
    db = model.open_writer()

    assert (position_of(db), history_of(db)) == (5, None)
    set_position(db, 6, "h")
    assert (position_of(db), history_of(db)) == (6, "h")


def test_a_rebuild_replaces_everything_at_once(model: ReadModel, tmp_path: Path) -> None:
    writer = model.open_writer()
    put(writer, 1)

    def during(db: Database) -> list[int]:
        before = cups(db)
        rebuild(model, 7, 8)
        return before + cups(db)

    assert model.query(during) == [1, 1]
    assert model.query(cups) == [7, 8]
    assert position_of(writer) == 9
    put(writer, 9)
    assert model.query(cups) == [7, 8, 9]
    assert not list(tmp_path.glob("*rebuild*"))


def test_a_rebuild_that_was_cut_off_is_begun_anew(model: ReadModel) -> None:
    writer = model.open_writer()
    put(writer, 1)
    cut_off = model.begin_rebuild()
    put(cut_off, 5)
    cut_off.close()
    rebuild(model, 7)

    assert model.query(cups) == [7]


def test_a_rebuilt_model_is_there_after_a_start(tmp_path: Path) -> None:
    models = ReadModels(tmp_path)
    model = models.model("cups", 1)
    put(model.open_writer(), 1)
    rebuild(model, 7)
    models.close()

    again = ReadModels(tmp_path)
    assert again.model("cups", 1).query(cups) == [7]
    again.close()


def test_versions_are_files_of_their_own(models: ReadModels, model: ReadModel) -> None:
    put(model.open_writer(), 1)
    put(models.model("cups", 2).open_writer(), 2)

    assert [models.model("cups", n).query(cups) for n in (1, 2)] == [[1], [2]]
    assert models.model("cups", 1) is model


def test_without_a_folder_they_are_gone_at_the_end() -> None:
    models = ReadModels()
    folder: Any = models.folder
    put(models.model("cups", 1).open_writer(), 1)
    models.close()

    assert not folder.exists()
