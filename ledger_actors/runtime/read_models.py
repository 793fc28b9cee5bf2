"""Read models at rest: each projector's own SQLite file, and how others read it.

A file is named after its projector and the version of its form, so that two versions can exist side
by side. A rebuild is made in a file beside it, and copied over it in one transaction when it has
caught up: whoever reads sees the old one or the new one, whole, and so does a start after a power
cut. (To rename a file over one that is open leaves the log of the old one beside the new one.)
"""

from __future__ import annotations

import errno
import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from ledger_actors.runtime.errors import ReadModelDamaged, ReadModelFull, WrittenByAnother
from ledger_actors.store.dealt import DealtTables
from ledger_actors.store.errors import CorruptStore, StoreFull
from ledger_actors.store.faults import translation
from ledger_actors.store.model import Dealt, Standing
from ledger_actors.store.owner_only import make_file, make_folder

__all__ = [
    "Database",
    "ReadModel",
    "ReadModels",
    "history_of",
    "open_made",
    "path_of",
    "position_of",
    "set_position",
    "standing_of",
    "step",
    "transaction",
    "write_dealt",
]

T = TypeVar("T")
_CACHE_KIB = 32 * 1024  # a row's page is written again with each event: to read it first costs more
_POSITION = "_position"
DEALT = DealtTables("_")
"""Of the one projector whose file it is: its name is left empty."""

_NO_ROOM = "no room left on the disk of {}: nothing was written"


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

        All that it reads is of one moment, however many statements it takes.

        Raises:
            LookupError: the file is not there yet: its projector has never run.
        """
        with self._reader() as db:
            db.execute("BEGIN")
            try:
                return read(db)
            finally:
                db.execute("ROLLBACK")

    def open_writer(self, path: Path | None = None) -> Database:
        """Open the file, or one beside it, for the projector; the table of positions is made.

        A projector that was killed has not closed the file, and may have left a transaction open:
        opening it again closes it, whatever thread it was opened in, and so undoes that.

        Raises:
            ReadModelFull: there is no room on the disk.
            ReadModelDamaged: the file is no database any more.
        """
        if path is None:
            self._close_writer()
        target = path or self.path
        with _faults(target):
            make_file(target)
        db = _opened(target)
        if path is None:
            self._writer = db
        return db

    def begin_rebuild(self) -> Database:
        """Open an empty file beside this one."""
        self._delete(self._rebuild_path)
        return self.open_writer(self._rebuild_path)

    def take_over(self, rebuilt: Database) -> None:
        """Make this file what `rebuilt` is, in one transaction."""
        assert self._writer is not None, "its projector has it open"
        with _faults(self.path):
            rebuilt.conn.backup(self._writer.conn)

    def end_rebuild(self, rebuilt: Database) -> None:
        """Close the file of a rebuild and delete it."""
        rebuilt.close()
        self._delete(self._rebuild_path)

    @property
    def _rebuild_path(self) -> Path:
        return self.path.with_suffix(".rebuild.db")

    @staticmethod
    def _delete(path: Path) -> None:
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


@contextmanager
def transaction(db: Database) -> Iterator[None]:
    """Do what the block does as one transaction, or nothing of it.

    Raises:
        ReadModelFull: there is no room on the disk.
        ReadModelDamaged: the file is no database any more.
    """
    connection = db.conn
    with _faults(connection):
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:  # SQLite ends it by itself where the disk is full
                connection.execute("ROLLBACK")
            raise


@contextmanager
def step(
    db: Database, projector: str, *, stored: int, up_to: int, digest: Callable[[int], str | None]
) -> Iterator[None]:
    """Do what the block does, and move the position from `stored` to `up_to`, as one transaction.

    `digest` returns an event's hash.

    Raises:
        WrittenByAnother: the position is another one than `stored`.
        ReadModelFull: there is no room on the disk.
        ReadModelDamaged: the file is no database any more.
    """
    with transaction(db):
        if (found := position_of(db)) != stored:
            raise WrittenByAnother(projector, expected=stored, found=found)
        yield
        if up_to != stored:
            set_position(db, up_to, digest(up_to))


def position_of(db: Database) -> int:
    """Return the last event id that a read model has taken in, 0 for a new one."""
    row = db.execute(f"SELECT event_id FROM {_POSITION}").fetchone()
    return 0 if row is None else int(row[0])


def history_of(db: Database) -> str | None:
    """Return the hash of the last event that a read model has taken in, `None` for a new one."""
    row = db.execute(f"SELECT event_hash FROM {_POSITION}").fetchone()
    return None if row is None else row[0]


def set_position(db: Database, event_id: int, event_hash: str | None) -> None:
    """Write a read model's position; within the transaction of its rows."""
    values = (event_id, event_hash)
    db.conn.execute(f"INSERT OR REPLACE INTO {_POSITION} VALUES (1, ?, ?)", values)


def standing_of(db: Database) -> Standing:
    """Return what a read model has taken in and what was parked; within one transaction.

    Of a file that an earlier release made, and its projector has not opened since, no more than the
    position; of one that is just being made, nothing.
    """
    if not DEALT.are_in(db.conn):
        position = position_of(db) if _POSITION in db.table_names() else None
        return Standing(position, None, (), ())
    return DEALT.read(db.conn, "", position_of(db))


def write_dealt(db: Database, dealt: Dealt) -> None:
    """Write what was taken in and what was parked; within the transaction of the rows."""
    DEALT.write(db.conn, "", dealt)


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
                make_folder(self.folder)
                self._models[file] = ReadModel(self.folder / file)
            return self._models[file]

    def close(self) -> None:
        """Close all connections, and remove a temporary folder."""
        with self._lock:
            models = list(self._models.values())
        for model in models:
            model.close()
        if self._temporary is not None:
            self._temporary.cleanup()


def open_made(path: Path) -> Database:
    """Open the file of a read model for writing beside its projector, which has made it.

    Raises:
        ReadModelFull: there is no room on the disk.
        ReadModelDamaged: the file is no database any more, or gone.
    """
    return _opened(f"{path.absolute().as_uri()}?mode=rw", path, uri=True)


def _opened(target: Path | str, path: Path | None = None, *, uri: bool = False) -> Database:
    with _faults(path or Path(target)):
        connection = sqlite3.connect(target, isolation_level=None, check_same_thread=False, uri=uri)
        try:
            return _prepared(connection)
        except BaseException:
            connection.close()
            raise


def _prepared(connection: sqlite3.Connection) -> Database:
    connection.execute("PRAGMA journal_mode=WAL")
    # The model can be made again from the events: a power cut may cost its last moments.
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    db = Database(connection)
    db.execute(
        f"CREATE TABLE IF NOT EXISTS {_POSITION} "
        "(one INTEGER PRIMARY KEY, event_id INTEGER, event_hash TEXT)"
    )
    if "event_hash" not in db.table(_POSITION).columns_dict:
        db.table(_POSITION).add_column("event_hash", str)  # made by an earlier release
    DEALT.create(connection)
    return db


@contextmanager
def _faults(where: Path | sqlite3.Connection) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        path = where if isinstance(where, Path) else path_of(where)
        fault = translation(error, path)
        if isinstance(fault, CorruptStore):
            raise ReadModelDamaged(path, error) from error
        if not isinstance(fault, StoreFull):
            raise
        raise ReadModelFull(_NO_ROOM.format(path.name)) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        path = where if isinstance(where, Path) else path_of(where)
        raise ReadModelFull(_NO_ROOM.format(path.name)) from error


def path_of(connection: sqlite3.Connection) -> Path:
    """Return the file that a connection is to."""
    return Path(connection.execute("PRAGMA database_list").fetchone()[2])
