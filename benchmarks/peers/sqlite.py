"""SQLite itself: WAL, synchronous=FULL, rows prepared beforehand, nothing computed.

Two tables. *Plain* has the events' columns and the rowid, and nothing else: the most that the disk
and SQLite give, and what "SQLite's own rate" means in the targets. *With the index* has the unique
index over stream and version as well, without which it is no event store: what ours could reach.
"""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path

import msgspec

from benchmarks.measuring import rate

PLAIN, INDEXED = "SQLite", "SQLite with the unique index"
_PAYLOAD = '{"account_uuid":"bench-1","amount":"0.01","reason":"deposit","text":""}'
_COLUMNS = (
    "id INTEGER PRIMARY KEY, stream TEXT, version INTEGER, type TEXT, schema_version INTEGER,"
    " payload TEXT, author TEXT, correlation_id TEXT, causation_id TEXT, command_id TEXT,"
    " command_index INTEGER, recorded_at TEXT, hash TEXT"
)
_INSERT = f"INSERT INTO events VALUES ({','.join('?' * 13)})"


def appends(place: Path, *, events: int, streams: int, batch: int, indexed: bool = False) -> float:
    """Write events, `batch` in a transaction; return how many a second."""
    rows = [_row(number, streams) for number in range(events)]

    def write() -> None:
        for start in range(0, events, batch):
            connection.execute("BEGIN")
            connection.executemany(_INSERT, rows[start : start + batch])
            connection.execute("COMMIT")

    with closing(sqlite3.connect(place / "peer.db", isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"CREATE TABLE events ({_COLUMNS})")
        if indexed:
            connection.execute("CREATE UNIQUE INDEX one ON events (stream, version)")
        return rate(events, write)


def reads(database: Path, *, batch: int = 512) -> float:
    """Read all events of one of our stores, decode each payload; return how many a second."""
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        (head,) = connection.execute("SELECT max(id) FROM events").fetchone()
        columns = connection.execute("SELECT * FROM events LIMIT 0").description
        payload = [name for name, *_ in columns].index("payload")

        def read() -> None:
            for start in range(0, head, batch):
                rows = connection.execute(
                    "SELECT * FROM events WHERE id > ? ORDER BY id LIMIT ?", (start, batch)
                )
                for row in rows.fetchall():
                    msgspec.json.decode(row[payload])

        return rate(head, read)


def _row(number: int, streams: int) -> tuple[object, ...]:
    return (
        *(number + 1, f"account-bench-{number % streams}", number // streams + 1),
        *("AccountCredited", 1, _PAYLOAD, None, str(uuid.uuid4()), None, str(uuid.uuid4()), 0),
        *("2026-11-23T12:00:00.000000+00:00", f"{number:064x}"),
    )
