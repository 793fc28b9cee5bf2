"""The schema, as the ordered list of steps that lead to it; sqlite-utils records which are done.

A step that was released is never edited: a change is a new step.

Streams have a number, and the events carry that instead of the name: what finds the events of a
stream is then a third of the size. The view `event_log` puts the names back for a person with the
sqlite3 shell.
"""

from __future__ import annotations

from typing import Final

from sqlite_utils import Database, Migrations
from sqlite_utils.db import Table

from ledger_actors.store.chain import GENESIS

__all__ = ["EVENTS", "SNAPSHOTS"]

EVENTS: Final = Migrations("ledger_actors.events")
"""The steps of the file of events."""

SNAPSHOTS: Final = Migrations("ledger_actors.snapshots")
"""The steps of the file of snapshots, which may be deleted at any time."""


@EVENTS(name="0001_events")
def _events(db: Database) -> None:
    streams = _table(db, "streams")
    streams.create({"id": int, "name": str}, pk="id", not_null={"name"})
    streams.create_index(["name"], unique=True, index_name="streams_by_name")
    events = _table(db, "events")
    events.create(
        {
            "id": int,
            "stream_id": int,
            "version": int,
            "type": str,
            "schema_version": int,
            "payload": str,
            "author": str,
            "correlation_id": str,
            "causation_id": str,
            "command_id": str,
            "command_index": int,
            "recorded_at": str,
            "hash": str,
        },
        pk="id",
        foreign_keys=[("stream_id", "streams", "id")],
        not_null={
            "stream_id",
            "version",
            "type",
            "schema_version",
            "payload",
            "command_index",
            "recorded_at",
            "hash",
        },
    )
    events.create_index(["stream_id", "version"], unique=True, index_name="events_by_stream")
    events.create_index(["type"], index_name="events_by_type")


@EVENTS(name="0002_commands")
def _commands(db: Database) -> None:
    # One b-tree instead of two: sqlite-utils has no option for it.
    db.execute(
        "CREATE TABLE commands (command_id TEXT PRIMARY KEY, fingerprint TEXT,"
        " first_event_id INTEGER NOT NULL, event_count INTEGER NOT NULL) WITHOUT ROWID"
    )


@EVENTS(name="0003_positions")
def _positions(db: Database) -> None:
    _table(db, "positions").create(
        {"consumer": str, "event_id": int, "updated_at": str},
        pk="consumer",
        not_null={"event_id", "updated_at"},
    )


@EVENTS(name="0004_head")
def _head(db: Database) -> None:
    head = _table(db, "head")
    head.create(
        {"only": int, "event_id": int, "hash": str, "epoch": int},
        pk="only",
        not_null={"event_id", "hash", "epoch"},
    )
    head.insert({"only": 1, "event_id": 0, "hash": GENESIS, "epoch": 0})


@EVENTS(name="0005_event_log")
def _event_log(db: Database) -> None:
    db.create_view(
        "event_log",
        "SELECT e.id, s.name AS stream, e.version, e.type, e.schema_version, e.payload, e.author,"
        " e.correlation_id, e.causation_id, e.command_id, e.command_index, e.recorded_at, e.hash"
        " FROM events AS e JOIN streams AS s ON s.id = e.stream_id",
    )


@EVENTS(name="0006_dealt")
def _dealt(db: Database) -> None:
    # What process managers have processed and parked. As it was released: `dealt.py` may move on.
    db.execute(
        "CREATE TABLE processed (consumer TEXT, block INTEGER, events INTEGER NOT NULL,"
        " digest INTEGER NOT NULL, PRIMARY KEY (consumer, block)) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE counted (consumer TEXT PRIMARY KEY, after_id INTEGER NOT NULL,"
        " wanted TEXT NOT NULL) WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE parked (consumer TEXT, event_id INTEGER, key TEXT NOT NULL,"
        " type TEXT NOT NULL, stream TEXT NOT NULL, attempts INTEGER NOT NULL,"
        " error TEXT NOT NULL, traceback TEXT NOT NULL, parked_at TEXT NOT NULL,"
        " PRIMARY KEY (consumer, event_id)) WITHOUT ROWID"
    )


@EVENTS(name="0007_stream_events")
def _stream_events(db: Database) -> None:
    # In the place of the index, which SQLite writes with each event: see `stream_tail`.
    db.execute(
        "CREATE TABLE stream_events (stream_id INTEGER, version INTEGER, event_id INTEGER NOT NULL,"
        " PRIMARY KEY (stream_id, version)) WITHOUT ROWID"
    )
    db.execute(
        "INSERT INTO stream_events SELECT stream_id, version, id FROM events"
        " ORDER BY stream_id, version"
    )
    db.execute("DROP INDEX events_by_stream")
    for column in ("moved_to", "moving_to", "moved_stream", "moved_version"):
        db.execute(f"ALTER TABLE head ADD COLUMN {column} INTEGER NOT NULL DEFAULT 0")
    db.execute("UPDATE head SET moved_to = (SELECT coalesce(max(id), 0) FROM events)")


@SNAPSHOTS(name="0001_snapshots")
def _snapshots(db: Database) -> None:
    _table(db, "snapshots").create(
        {
            "stream": str,
            "version": int,
            "schema_version": int,
            "event_id": int,
            "event_hash": str,
            "type": str,
            "payload": str,
        },
        pk=("stream", "version", "schema_version"),
        not_null={"event_id", "event_hash", "type", "payload"},
    )


def _table(db: Database, name: str) -> Table:
    table = db[name]
    assert isinstance(table, Table)
    return table
