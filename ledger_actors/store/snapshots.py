"""Snapshots, in a file of their own beside the events.

They are derived: deleting the file costs time only. Apart from the events they cost the journal
nothing, and need no wait for the disk. A snapshot keeps the hash of the event that it rests on; the
chain makes that the fingerprint of the whole history, so that one which belongs to another
history (a restored backup, another file) is known and left out.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

from ledger_actors.store.connections import FileReaders, Readers, SharedReader, open_writer
from ledger_actors.store.errors import StoreClosed
from ledger_actors.store.faults import translated
from ledger_actors.store.migrations import SNAPSHOTS
from ledger_actors.store.model import Snapshot
from ledger_actors.store.reading import Reading
from ledger_actors.store.schema import upgrade

__all__ = ["Snapshots"]

_CACHE_KIB = 1024  # what is written is hardly ever read by who writes it
_SAVE = (
    "INSERT OR REPLACE INTO snapshots"
    " (stream, version, schema_version, event_id, event_hash, type, payload)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_LOAD = (
    "SELECT version, event_id, type, schema_version, payload, event_hash FROM snapshots"
    " WHERE stream = :stream AND version < :below AND event_id <= :last_id"
    " AND (:form IS NULL OR schema_version = :form) ORDER BY version DESC LIMIT 1"
)


class Snapshots:
    """The snapshots of one store; for any thread."""

    def __init__(self, path: Path | None, events: Reading) -> None:
        """Open the file at `path`, or keep them in memory; `events` is what they are checked with.

        Raises:
            StoreTooNew: the file was written by a later release.
        """
        self._path: Path | str = path or ":memory:"
        self._events = events
        self._lock = threading.RLock()
        with translated(self._path):
            connection = open_writer(self._path, synchronous="NORMAL", cache_kib=_CACHE_KIB)
            try:
                upgrade(connection, SNAPSHOTS, path=self._path)
                _shorten_log(connection)
            except BaseException:
                connection.close()
                raise
        self._connection: sqlite3.Connection | None = connection
        self._readers: Readers = (
            SharedReader(connection, self._lock) if path is None else FileReaders(path)
        )

    def save(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; see `EventStore.save_snapshot`."""
        stream, version, event_id = snapshot.stream, snapshot.version, snapshot.event_id
        event_hash = self._events.event_hash(event_id, stream, version)
        if event_hash is None:
            msg = (
                f"a snapshot of {stream!r} at version {version} cannot rest on event {event_id}:"
                " that is not this version of this stream"
            )
            raise ValueError(msg)
        values = (stream, version, snapshot.schema_version, event_id, event_hash)
        self._execute(_SAVE, (*values, snapshot.type, snapshot.payload))

    def load(
        self, stream: str, *, up_to_id: int | None, schema_version: int | None
    ) -> Snapshot | None:
        """Return the latest that fits; see `EventStore.load_snapshot`."""
        largest = 2**63 - 1
        last_id = largest if up_to_id is None else min(up_to_id, largest)
        wanted = {"stream": stream, "below": largest, "last_id": last_id, "form": schema_version}
        while True:
            with self._readers.lease() as connection:
                row = connection.execute(_LOAD, wanted).fetchone()
            if row is None:
                return None
            *fields, event_hash = row
            snapshot = Snapshot(stream, *fields)
            if self._events.event_hash(snapshot.event_id, stream, snapshot.version) == event_hash:
                return snapshot
            wanted["below"] = snapshot.version

    def delete(self, stream: str) -> None:
        """Forget those of a stream."""
        self._execute("DELETE FROM snapshots WHERE stream = ?", (stream,))

    def close(self) -> None:
        """Close the file."""
        self._readers.close()
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _execute(self, statement: str, values: tuple[object, ...]) -> None:
        with self._lock, translated(self._path):
            if self._connection is None:
                raise StoreClosed(self._path)
            try:
                self._connection.execute(statement, values)
            except sqlite3.OperationalError:
                # A write that failed has left its room to the log; the events need it more.
                with suppress(sqlite3.Error):  # the first error is the one to tell
                    _shorten_log(self._connection)
                raise


def _shorten_log(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
