"""Connections to the file: one that writes, and as many that read as are needed at once."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Literal, Protocol

from ledger_actors.store.errors import StoreClosed
from ledger_actors.store.faults import translated, translation
from ledger_actors.store.owner_only import make_file, not_made

__all__ = ["FileReaders", "Readers", "SharedReader", "open_reader", "open_writer"]

_TABLES = "SELECT name FROM sqlite_master WHERE name IN ('events', 'stream_events')"
_VIEWS = (
    "CREATE TEMP VIEW stream_events AS SELECT stream_id, version, id AS event_id FROM main.events",
    "CREATE TEMP VIEW head AS SELECT *, event_id AS moved_to FROM main.head",
)
_IDLE_READERS = 8
_STATEMENTS = 256
_BUSY_SECONDS = 30.0
_CHECKPOINT_PAGES = 4000
_WAL_BYTES = 64 * 1024 * 1024
_CACHE_KIB = 64 * 1024


def open_writer(
    path: Path | str,
    *,
    synchronous: str = "FULL",
    checkpoints: bool = True,
    cache_kib: int = _CACHE_KIB,
) -> sqlite3.Connection:
    """Open, and make for its owner alone if need be, the file at `path`; usable from any thread.

    A commit is on disk when it returns, with `synchronous` FULL; with NORMAL the last ones may be
    lost when the machine stops, and the file is whole in any case. Without `checkpoints` SQLite
    never moves the log into the file by itself. Of the file's pages it keeps `cache_kib` in memory.
    """
    if str(path) != ":memory:":
        try:
            make_file(path)
        except OSError as error:
            raise not_made(path, error) from error
    return _configured(
        _connect(str(path)),
        "journal_mode = WAL",
        f"synchronous = {synchronous}",
        f"wal_autocheckpoint = {_CHECKPOINT_PAGES if checkpoints else 0}",
        f"journal_size_limit = {_WAL_BYTES}",
        f"cache_size = -{cache_kib}",
    )


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the existing file at `path` for reading only; usable from any thread.

    It keeps the 2 MB of pages that SQLite does by itself: each commit empties them, and with 16 MB
    or more a look-up among ten million events took longer, since they are not in the processor's
    cache.
    """
    connection = _connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)
    return _configured(connection, "query_only = ON", views=True)


def _configured(
    connection: sqlite3.Connection, *pragmas: str, views: bool = False
) -> sqlite3.Connection:
    """Return the connection so set; one that cannot be, because it is no database, is closed."""
    try:
        if views:
            _show_as_today(connection)
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _show_as_today(connection: sqlite3.Connection) -> None:
    """Let a file of an earlier release be read as one of today; nothing in it is changed."""
    tables = {name for (name,) in connection.execute(_TABLES).fetchall()}
    if "events" in tables and "stream_events" not in tables:  # an index of SQLite has its place
        for view in _VIEWS:
            connection.execute(view)


def _connect(target: str, *, uri: bool = False) -> sqlite3.Connection:
    return sqlite3.connect(
        target,
        uri=uri,
        timeout=_BUSY_SECONDS,
        isolation_level=None,  # transactions begin where the code says so
        check_same_thread=False,
        cached_statements=_STATEMENTS,
    )


class Readers(Protocol):
    """Where reading code gets its connection from, in any thread."""

    def lease(self) -> AbstractContextManager[sqlite3.Connection]:
        """Lend a connection for the time of a `with` block; SQLite's errors are translated."""

    def close(self) -> None:
        """Lend no more."""


class FileReaders:
    """Connections of their own for readers; they never wait for the writer, nor it for them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._closed = False

    def lease(self) -> AbstractContextManager[sqlite3.Connection]:
        """Lend an idle connection, or a new one.

        Raises:
            StoreClosed: the store was closed.
        """
        return _Lease(self)

    def close(self) -> None:
        """Close the idle connections now, and those that are lent when they come back."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def take(self) -> sqlite3.Connection:
        """Return a connection that nobody has."""
        with self._lock:
            if self._closed:
                raise StoreClosed(self.path)
            if self._idle:
                return self._idle.pop()
        with translated(self.path):
            return open_reader(self.path)

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Keep a connection for the next one, or close it."""
        with self._lock:
            if not self._closed and len(self._idle) < _IDLE_READERS:
                self._idle.append(connection)
                return
        connection.close()


class _Lease:
    """One connection of some readers, for a `with` block; a class since each read needs one."""

    __slots__ = ("_connection", "_readers")

    def __init__(self, readers: FileReaders) -> None:
        self._readers = readers

    def __enter__(self) -> sqlite3.Connection:
        self._connection = self._readers.take()
        return self._connection

    def __exit__(
        self, _kind: object, problem: BaseException | None, _traceback: object
    ) -> Literal[False]:
        self._readers.give_back(self._connection)
        if isinstance(problem, sqlite3.Error):
            raise translation(problem, self._readers.path) from problem
        return False


class SharedReader:
    """One connection, lent to one at a time: for a store in memory, which has no second one."""

    def __init__(self, connection: sqlite3.Connection, lock: threading.RLock) -> None:
        self._connection: sqlite3.Connection | None = connection
        self._lock = lock

    @contextmanager
    def lease(self) -> Iterator[sqlite3.Connection]:
        """Lend the connection when nobody else has it.

        Raises:
            StoreClosed: the store was closed.
        """
        with self._lock, translated(":memory:"):
            if self._connection is None:
                raise StoreClosed(":memory:")
            yield self._connection

    def close(self) -> None:
        """Forget the connection; its owner closes it."""
        with self._lock:
            self._connection = None
