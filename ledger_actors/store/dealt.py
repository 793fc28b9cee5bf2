"""What a consumer has dealt with, as tables beside its position; each change is in its transaction.

A projector has them in its read model's file, process managers in the file of events, all in one.

- `processed`: for each block of ids how many events it has processed, and their digest;
- `counted`: since which event that is counted, and which events it wanted;
- `parked`: the events that were put aside.
"""

from __future__ import annotations

import sqlite3

from ledger_actors.store.model import Counting, Dealt, Parked, Standing
from ledger_actors.store.tally import MASK, BlockTally

__all__ = ["DEALT", "DealtTables"]

_CREATE = """
CREATE TABLE IF NOT EXISTS {0}processed (
    consumer TEXT, block INTEGER, events INTEGER NOT NULL, digest INTEGER NOT NULL,
    PRIMARY KEY (consumer, block)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS {0}counted (
    consumer TEXT PRIMARY KEY, after_id INTEGER NOT NULL, wanted TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS {0}parked (
    consumer TEXT, event_id INTEGER, key TEXT NOT NULL, type TEXT NOT NULL, stream TEXT NOT NULL,
    attempts INTEGER NOT NULL, error TEXT NOT NULL, traceback TEXT NOT NULL,
    parked_at TEXT NOT NULL, PRIMARY KEY (consumer, event_id)
) WITHOUT ROWID;
"""
_PROCESSED = (
    "INSERT INTO {0}processed VALUES (?, ?, ?, ?) ON CONFLICT (consumer, block) DO UPDATE"
    f" SET events = events + excluded.events, digest = (digest + excluded.digest) & {MASK}"
)
_BLOCKS = "SELECT block, events, digest FROM {0}processed WHERE consumer = ? ORDER BY block"
_ROWS = (
    "SELECT event_id, key, type, stream, attempts, error, traceback, parked_at"
    " FROM {0}parked WHERE consumer = ? ORDER BY event_id"
)


class DealtTables:
    """The statements on these tables, whose names begin with `prefix`."""

    def __init__(self, prefix: str = "") -> None:
        self._create = _CREATE.format(prefix)
        self._there = f"SELECT 1 FROM sqlite_master WHERE name = '{prefix}parked'"
        self._processed = _PROCESSED.format(prefix)
        self._blocks = _BLOCKS.format(prefix)
        self._rows = _ROWS.format(prefix)
        self._parked = f"INSERT OR REPLACE INTO {prefix}parked VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
        self._unparked = f"DELETE FROM {prefix}parked WHERE consumer = ? AND event_id = ?"
        self._count = f"INSERT OR REPLACE INTO {prefix}counted VALUES (?, ?, ?)"
        self._forget = f"DELETE FROM {prefix}processed WHERE consumer = ?"
        self._counted = f"SELECT after_id, wanted FROM {prefix}counted WHERE consumer = ?"

    def create(self, connection: sqlite3.Connection) -> None:
        """Make those that are not there."""
        connection.executescript(self._create)

    def are_in(self, connection: sqlite3.Connection) -> bool:
        """Return whether they are there."""
        return connection.execute(self._there).fetchone() is not None

    def write(self, connection: sqlite3.Connection, consumer: str, dealt: Dealt) -> None:
        """Write a change; within the transaction of the position."""
        if dealt.counting is not None:
            connection.execute(self._forget, (consumer,))
            connection.execute(self._count, (consumer, *_values(dealt.counting)))
        for tally in dealt.processed:
            connection.execute(self._processed, (consumer, *_values(tally)))
        for parked in dealt.parked:
            connection.execute(self._parked, (consumer, *_values(parked)))
        for event_id in dealt.unparked:
            connection.execute(self._unparked, (consumer, event_id))

    def read(self, connection: sqlite3.Connection, consumer: str, position: int | None) -> Standing:
        """Return what is there, for a consumer at `position`; all within one transaction."""
        key = (consumer,)
        counted = connection.execute(self._counted, key).fetchone()
        return Standing(
            position,
            None if counted is None else Counting(*counted),
            tuple(BlockTally(*row) for row in connection.execute(self._blocks, key).fetchall()),
            self.parked(connection, consumer),
        )

    def parked(self, connection: sqlite3.Connection, consumer: str) -> tuple[Parked, ...]:
        """Return the events that were put aside, in order of id."""
        return tuple(Parked(*row) for row in connection.execute(self._rows, (consumer,)).fetchall())


DEALT = DealtTables()
"""Those of the store's own file, where the process managers' are."""


def _values(struct: Counting | BlockTally | Parked) -> tuple[object, ...]:
    return tuple(getattr(struct, name) for name in struct.__struct_fields__)
