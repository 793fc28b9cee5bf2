"""The event store in one SQLite file, or in memory: `EventStore` put together from its parts."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

from ledger_actors.store import backup as backups
from ledger_actors.store import schema, verification
from ledger_actors.store.checkpoints import Checkpoints
from ledger_actors.store.connections import (
    FileReaders,
    Readers,
    SharedReader,
    open_reader,
    open_writer,
)
from ledger_actors.store.errors import StoreClosed, StoreError, StoreUnavailable
from ledger_actors.store.faults import translated
from ledger_actors.store.folder_lock import FolderLock
from ledger_actors.store.migrations import EVENTS
from ledger_actors.store.model import (
    Append,
    Appended,
    CommandsFound,
    Heading,
    RecordedEvent,
    Snapshot,
    Standing,
    StoredCommand,
    StreamHistory,
    VerifyReport,
)
from ledger_actors.store.owner_only import make_folder, not_made, warn_if_exposed
from ledger_actors.store.reading import Reading
from ledger_actors.store.snapshots import Snapshots
from ledger_actors.store.stream_tail import StreamTail
from ledger_actors.store.writer import Writer
from supervision.clock import SYSTEM_CLOCK, Clock

__all__ = ["MEMORY", "SqliteEventStore"]

MEMORY = ":memory:"


class SqliteEventStore:
    """An `EventStore` on SQLite (WAL, synchronous=FULL).

    Beside `events.db` are `events.lock`, which one process holds, and `events-snapshots.db`, which
    may be deleted.
    """

    def __init__(
        self, path: Path | str, *, clock: Clock = SYSTEM_CLOCK, read_only: bool = False
    ) -> None:
        """Open the file at `path`; make it and its folder, for their owner alone, if need be.

        With `":memory:"` nothing is on disk, and all is gone at `close`. With `read_only` the file
        must exist, no lock is taken, a damaged end is no obstacle, and writing is refused.

        Raises:
            StoreLocked: another process has it.
            StoreTooNew: it was written by a later release.
            CorruptStore: it is no event store, or its end was cut off.
            StoreUnavailable: it cannot be opened.
            StoreFull: there is no room to make it.
        """
        in_memory = str(path) == MEMORY
        self._path = Path(path)
        self._shown: Path | str = MEMORY if in_memory else self._path
        self._lock = threading.RLock()
        self._closed = False
        self._checkpoints = Checkpoints(self._shown)
        self._places = places = StreamTail()
        self._guard = None if in_memory or read_only else _take_lock(self._path)
        self._writer: Writer | None = None
        try:
            with translated(self._shown):
                if read_only:
                    self._check_readable()
                else:
                    self._writer = self._open_writer(clock, places, in_memory=in_memory)
                    if not in_memory:
                        warn_if_exposed(self._path)
                self._readers = self._open_readers(in_memory=in_memory)
                self._reading = Reading(self._readers, None if read_only else places)
                self._snapshots = self._open_snapshots(in_memory=in_memory, read_only=read_only)
        except BaseException:
            self._release()
            raise

    # -- writing -----------------------------------------------------------------------------------

    def append(self, batch: Sequence[Append]) -> list[Appended | StoreError]:
        """Write a batch in one transaction; see `EventStore.append`."""
        with self._lock:
            return self._open_for_writing().append(batch)

    def ensure_writable(self) -> None:
        """Return if it takes appends; see `EventStore.ensure_writable`."""
        with self._lock:
            self._open_for_writing()
            self._checkpoints.ensure_possible()

    def save_snapshot(self, snapshot: Snapshot) -> None:
        """Keep a snapshot; see `EventStore.save_snapshot`."""
        self._snapshots.save(snapshot)

    def delete_snapshots(self, stream: str) -> None:
        """Forget the snapshots of a stream."""
        self._snapshots.delete(stream)

    # -- reading -----------------------------------------------------------------------------------

    def head(self) -> int:
        """Return the id of the last event, 0 in an empty store."""
        return self._reading.head()

    def hash_at(self, event_id: int) -> str | None:
        """Return an event's hash, `None` if there is no such event."""
        return self._reading.hash_at(event_id)

    def stream_version(self, stream: str) -> int:
        """Return the version of a stream, 0 for one without events."""
        return self._reading.stream_version(stream)

    def version_written(self, stream: str) -> int:
        """Return the version to which a stream was written lately; see the interface."""
        return 0 if self._writer is None else self._writer.version_of(stream)

    def read_stream(
        self,
        stream: str,
        *,
        after_version: int = 0,
        up_to_version: int | None = None,
        up_to_id: int | None = None,
        batch_size: int = 512,
    ) -> Iterator[RecordedEvent]:
        """Iterate over a stream's events; see `EventStore.read_stream`."""
        return self._reading.stream(
            stream,
            after_version=after_version,
            up_to_version=up_to_version,
            up_to_id=up_to_id,
            batch_size=batch_size,
        )

    def read_short_streams(
        self, streams: Collection[str], *, most: int
    ) -> dict[str, StreamHistory]:
        """Return the whole of those streams that are short; see the interface."""
        return self._reading.short_streams(streams, most=most)

    def is_unwritten_since(self, stream: str, event_id: int) -> bool:
        """Return whether a stream is known to have no event behind an id; see the interface."""
        return self._writer is not None and self._places.is_unwritten_since(stream, event_id)

    def read_all(
        self,
        *,
        after: int = 0,
        up_to: int | None = None,
        types: Collection[str] | None = None,
        stream_prefix: str | None = None,
        batch_size: int = 512,
    ) -> Iterator[RecordedEvent]:
        """Iterate over events in order of id; see `EventStore.read_all`."""
        return self._reading.all(
            after=after,
            up_to=up_to,
            types=types,
            stream_prefix=stream_prefix,
            batch_size=batch_size,
        )

    def read_as_json(self, *, after: int, limit: int) -> str | None:
        """Return the next events as JSON; see `EventStore.read_as_json`."""
        return self._reading.as_json(after=after, limit=limit)

    def streams(self, prefix: str | None = None) -> Iterator[str]:
        """Iterate over the names of the streams, sorted."""
        return self._reading.streams(prefix)

    def types(self) -> Sequence[str]:
        """Return the types of the events that are there, sorted."""
        return self._reading.types()

    def find_command(self, command_id: str) -> StoredCommand | None:
        """Return a command that was taken before, or `None`."""
        return self._reading.command(command_id)

    def look_up_commands(self, command_ids: Collection[str]) -> CommandsFound:
        """Look for many commands in one query; see `EventStore.look_up_commands`."""
        moment = self.moment()  # before the query: what is taken meanwhile may be seen, or not
        return CommandsFound(self._reading.commands(command_ids), moment)

    def moment(self) -> int:
        """Return the present moment."""
        return 0 if self._writer is None else self._writer.recent.moment

    def is_unseen(self, command_id: str, since: int) -> bool:
        """Return whether it is certain that a command was not taken after a moment."""
        writer = self._writer
        return writer is not None and writer.recent.not_taken_since(command_id, since)

    def load_snapshot(
        self, stream: str, *, up_to_id: int | None = None, schema_version: int | None = None
    ) -> Snapshot | None:
        """Return the latest snapshot that fits; see `EventStore.load_snapshot`."""
        return self._snapshots.load(stream, up_to_id=up_to_id, schema_version=schema_version)

    def position(self, consumer: str) -> int | None:
        """Return a consumer's position, or `None`."""
        return self._reading.position(consumer)

    def positions(self) -> dict[str, int]:
        """Return the positions of all consumers by name."""
        return self._reading.positions()

    def standing(self, consumer: str) -> Standing:
        """Return what a consumer has dealt with; see `EventStore.standing`."""
        return self._reading.standing(consumer)

    def headings(self, *, after: int, up_to: int) -> Iterator[list[Heading]]:
        """Iterate over id, type and stream of events; see `EventStore.headings`."""
        return self._reading.headings(after=after, up_to=up_to)

    # -- the whole file ----------------------------------------------------------------------------

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyReport:
        """Check every row; see `EventStore.verify`."""
        return verification.verify(self._readers, progress)

    def backup(self, target: Path) -> None:
        """Write a consistent copy to a new file; see `EventStore.backup`."""
        backups.backup(self._readers, target)

    def close(self) -> None:
        """Give the file free. A second call does nothing."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._release()

    def __enter__(self) -> SqliteEventStore:
        return self

    def __exit__(self, *_exc_info: object) -> None:
        self.close()

    # -- opening -----------------------------------------------------------------------------------

    def _open_writer(self, clock: Clock, places: StreamTail, *, in_memory: bool) -> Writer:
        return Writer(
            self._connect,
            self._checkpoints,
            path=self._shown,
            clock=clock,
            places=places,
            reopen_after_fault=not in_memory,
        )

    def _connect(self) -> sqlite3.Connection:
        if self._path.is_dir():
            msg = f"{self._path} is a folder: the events are kept in a file of that name"
            raise StoreUnavailable(msg)
        connection = open_writer(self._shown, checkpoints=False)
        try:
            self._checkpoints.settle(connection, first=self._writer is None)
            schema.upgrade(connection, EVENTS, path=self._shown)
        except BaseException:
            connection.close()
            raise
        return connection

    def _open_readers(self, *, in_memory: bool) -> Readers:
        if in_memory:
            return SharedReader(self._open_for_writing().connection, self._lock)
        return FileReaders(self._path)

    def _open_snapshots(self, *, in_memory: bool, read_only: bool) -> Snapshots:
        kept_on_disk = not in_memory and not read_only
        path = self._path.with_name(f"{self._path.stem}-snapshots.db") if kept_on_disk else None
        return Snapshots(path, self._reading)

    def _check_readable(self) -> None:
        connection = open_reader(self._path)
        try:
            schema.check(connection, EVENTS, path=self._path)
        finally:
            connection.close()

    def _open_for_writing(self) -> Writer:
        if self._closed:
            raise StoreClosed(self._shown)
        if self._writer is None:
            msg = f"{self._shown} was opened for reading only"
            raise StoreUnavailable(msg)
        return self._writer

    def _release(self) -> None:
        for name in ("_snapshots", "_readers", "_writer"):
            part = getattr(self, name, None)
            if part is not None:
                part.close()
        if self._guard is not None:
            self._guard.release()


def _take_lock(path: Path) -> FolderLock:
    try:
        make_folder(path.parent)
        return FolderLock(path.with_suffix(".lock"), guards=path)
    except StoreError:
        raise
    except OSError as error:
        raise not_made(path, error) from error
