"""Read models at rest: each projector's own SQLite file, and how others read it.

A file is named after its projector and the version of its form, so that two versions can exist side
by side. A rebuild is made in a file beside it and moved over it when it has caught up; whoever
reads sees the old one or the new one, whole.
"""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

__all__ = ["ReadModel", "ReadModels"]

T = TypeVar("T")
_POSITION = "_position"


class ReadModel:
    """One read model's file. Reading is for any thread; `writer` is for its projector."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._idle: list[tuple[int, Database]] = []
        self._generation = 0
        self._writer: Database | None = None

    def query(self, read: Callable[[Database], T]) -> T:
        """Call `read(database)` on a read-only connection, in this thread, and return its result.

        Raises:
            LookupError: the file is not there yet: its projector has never run.
        """
        with self._reader() as db:
            return read(db)

    def open_writer(self, path: Path | None = None) -> Database:
        """Open the file, or one beside it, for the projector; the table of positions is made.

        A projector that was killed has not closed the file, and may have left a transaction open:
        opening it again closes it, whatever thread it was opened in, and so undoes that.
        """
        if path is None:
            self._close_writer()
        connection = sqlite3.connect(
            path or self.path, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA journal_mode=WAL")
        # The model can be made again from the events: a power cut may cost its last moments.
        connection.execute("PRAGMA synchronous=NORMAL")
        db = Database(connection)
        db.execute(
            f"CREATE TABLE IF NOT EXISTS {_POSITION} (one INTEGER PRIMARY KEY, event_id INTEGER)"
        )
        if path is None:
            self._writer = db
        return db

    @property
    def rebuild_path(self) -> Path:
        """Where a rebuild is made."""
        return self.path.with_suffix(".rebuild.db")

    def swap_in(self, rebuilt: Path) -> None:
        """Put a rebuilt file, closed by now, in the place of this one."""
        with self._lock:
            rebuilt.replace(self.path)
            for suffix in ("-wal", "-shm"):
                Path(f"{self.path}{suffix}").unlink(missing_ok=True)
            self._generation += 1
            stale, self._idle = self._idle, []
        for _, db in stale:
            db.close()

    def delete(self, path: Path) -> None:
        """Remove a file of this model, with what SQLite keeps beside it."""
        for suffix in ("", "-wal", "-shm"):
            Path(f"{path}{suffix}").unlink(missing_ok=True)

    def close(self) -> None:
        """Close all idle connections, and the projector's."""
        self._close_writer()
        with self._lock:
            idle, self._idle = self._idle, []
            self._generation += 1
        for _, db in idle:
            db.close()

    def _close_writer(self) -> None:
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()

    @contextmanager
    def _reader(self) -> Iterator[Database]:
        with self._lock:
            generation, db = self._idle.pop() if self._idle else (self._generation, None)
        if db is None:
            db = self._open_reader()
        try:
            yield db
        finally:
            with self._lock:
                keep = generation == self._generation
                if keep:
                    self._idle.append((generation, db))
            if not keep:
                db.close()

    def _open_reader(self) -> Database:
        if not self.path.exists():
            msg = f"there is no read model at {self.path.name} yet: its projector has not run"
            raise LookupError(msg)
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        return Database(connection)


def position_of(db: Database) -> int:
    """Return the last event id that a read model has taken in, 0 for a new one."""
    row = db.execute(f"SELECT event_id FROM {_POSITION}").fetchone()
    return 0 if row is None else int(row[0])


def set_position(db: Database, event_id: int) -> None:
    """Write a read model's position; within the transaction of its rows."""
    db.execute(f"INSERT OR REPLACE INTO {_POSITION} (one, event_id) VALUES (1, ?)", [event_id])


class ReadModels:
    """The folder of all read models; without one, a temporary folder that goes at the end."""

    def __init__(self, folder: Path | None = None) -> None:
        self._temporary = tempfile.TemporaryDirectory() if folder is None else None
        self.folder = Path(self._temporary.name) if self._temporary else Path(folder or ".")
        self._lock = threading.Lock()
        self._models: dict[str, ReadModel] = {}

    def model(self, name: str, version: int) -> ReadModel:
        """Return the read model of a projector in one version of its form."""
        file = f"{name}-v{version}.db"
        with self._lock:
            if file not in self._models:
                self.folder.mkdir(parents=True, exist_ok=True)
                self._models[file] = ReadModel(self.folder / file)
            return self._models[file]

    def close(self) -> None:
        """Close all connections, and remove a temporary folder."""
        for model in self._models.values():
            model.close()
        if self._temporary is not None:
            self._temporary.cleanup()
