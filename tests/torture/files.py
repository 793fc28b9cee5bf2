"""The checks of files: the hash chain, and the read models against a replay from zero."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from ledger_actors.ledger import PROJECTORS
from ledger_actors.runtime import EVENTS, Projector
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.recorded import decode_recorded
from ledger_actors.store import SqliteEventStore

Rows = Mapping[str, list[tuple[Any, ...]]]
"""The rows of each table, sorted."""


def chain_is_clean(folder: Path) -> Iterator[str]:
    """The store's own check finds nothing: hashes, ids, versions, commands, positions."""
    with SqliteEventStore(folder / "events.db", read_only=True) as store:
        for problem in store.verify().problems:
            yield f"chain_is_clean: {problem.what}"


def read_models_are_as_a_replay(folder: Path) -> Iterator[str]:
    """Every read model has the rows that its projector makes of the events, from the first on."""
    with SqliteEventStore(folder / "events.db", read_only=True) as store:
        for projector in PROJECTORS:
            stored = _stored(folder / "read-models" / f"{projector.name}-v{projector.version}.db")
            replayed = _replayed(store, projector)
            for table in sorted(stored.keys() | replayed.keys()):
                if table not in stored:
                    yield f"read_models_are_as_a_replay: {projector.name}: {table} is missing"
                there, should_be = set(stored.get(table, [])), set(replayed.get(table, []))
                for row in sorted(there ^ should_be, key=repr)[:10]:
                    what = "is there, and not in" if row in there else "is missing; it is in"
                    told = f"{projector.name}: {table}: {row} {what} a replay from zero"
                    yield f"read_models_are_as_a_replay: {told}"


def _stored(path: Path) -> Rows:
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
    try:
        return _rows(connection)
    finally:
        connection.close()


def _replayed(store: SqliteEventStore, projector: type[Projector]) -> Rows:
    db = Database(memory=True)
    wanted = EventFilter(projector.types, projector.streams)
    made = object.__new__(projector)  # without an actor's life: it needs the database alone
    try:
        made.create(db)
        db.execute("BEGIN")
        for row in store.read_all():
            if wanted.wants_type(row.type):
                made.project_all(db, decode_recorded(row, EVENTS))
        db.execute("COMMIT")
        return _rows(db.conn)
    finally:
        db.close()


def _rows(connection: sqlite3.Connection) -> Rows:
    tables = [
        name
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if not name.startswith(("_", "sqlite_"))
    ]
    return {
        name: sorted(connection.execute(f"SELECT * FROM [{name}]").fetchall()) for name in tables
    }
