"""The writer: batches of appends become commits.

Each commit moves the head row from where this writer left it to the end of the batch. If it is
elsewhere, somebody else has written: what the writer remembers is thrown away and the batch is
decided again on what the file holds, once. If somebody else has *opened* the file for writing since
(the epoch), this writer is out for good. The tables' unique constraints are the last lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from ledger_actors.store import validation, writing
from ledger_actors.store.admission import Admitted, Known, admit
from ledger_actors.store.checkpoints import Checkpoints
from ledger_actors.store.command_rows import commands_taken
from ledger_actors.store.errors import (
    CorruptStore,
    StoreError,
    StoreFull,
    StoreTakenOver,
)
from ledger_actors.store.faults import translation
from ledger_actors.store.log_room import LogRoom
from ledger_actors.store.model import Append, Appended
from ledger_actors.store.recent_commands import RecentCommands
from ledger_actors.store.same_file import SameFile
from ledger_actors.store.stream_heads import StreamHeads
from ledger_actors.store.stream_tail import StreamTail
from ledger_actors.store.writing import Tail
from supervision.clock import Clock

__all__ = ["Writer"]

_Batch: TypeAlias = Sequence[Append | StoreError]
"""What is left to decide: the appends that are well formed, and what was wrong with the others."""


class _Overtaken(Exception):
    """The file is not as this writer left it."""


class Writer:
    """Owns the connection that writes. Not thread-safe: its owner calls it one at a time."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        checkpoints: Checkpoints,
        *,
        path: Path | str,
        clock: Clock,
        places: StreamTail,
        reopen_after_fault: bool,
    ) -> None:
        """Open the file with `connect` and take it over from earlier writers.

        Raises:
            CorruptStore: its end is not as the last writer left it.
        """
        self._connect = connect
        self._checkpoints = checkpoints
        self._path = path
        self._clock = clock
        self._reopen_after_fault = reopen_after_fault
        self._heads = StreamHeads()
        self._places = places
        self.recent = RecentCommands()
        self._connection: sqlite3.Connection | None = connect()
        self._room = LogRoom(self._connection)
        self._file = SameFile(path)
        try:
            self._tail = self._take_over(self._connection)
        except BaseException:
            self._connection.close()
            raise
        self._stale = False

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, opened afresh if an error made the last one doubtful."""
        if self._connection is None:
            self._connection = self._connect()
            self._room = LogRoom(self._connection)
        return self._connection

    def append(self, batch: Sequence[Append]) -> list[Appended | StoreError]:
        """Write `batch`; see `EventStore.append`."""
        screened = [validation.screen(append) for append in batch]
        try:
            self._checkpoints.ensure_possible()
            answers = self._append(screened)
            self._checkpoints.committed(self.connection, answers)
            return answers
        except sqlite3.Error as error:
            self._stale = True  # believe the file, not what is remembered of it
            fault = translation(error, self._path)
            if isinstance(fault, StoreFull):
                return [StoreFull(self._path) for _ in batch]
            if self._reopen_after_fault:
                self.close()
            raise fault from error

    def version_of(self, stream: str) -> int:
        """Return the version of a stream that was written lately, else 0; from any thread."""
        return self._heads.version(stream)

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._room.close()
            self._connection.close()
            self._connection = None

    def _append(self, batch: _Batch) -> list[Appended | StoreError]:
        try:
            return self._commit(batch)
        except (_Overtaken, sqlite3.IntegrityError):
            self._stale = True
        try:
            return self._commit(batch)
        except (_Overtaken, sqlite3.IntegrityError) as error:
            self._stale = True
            msg = f"{self._path} does not take event {self._tail.head.event_id + 1}: {error}"
            raise CorruptStore(msg) from error

    def _commit(self, batch: _Batch) -> list[Appended | StoreError]:
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            self._file.check()
            self._room.make()
            if self._stale:
                self._reload(connection)
            # A kill may come at any line, also between the commit and taking it on.
            self._stale = True
            recorded_at = self._clock.now().isoformat(timespec="microseconds")
            known = self._known(connection, batch)
            admitted = admit(batch, known, recorded_at=recorded_at)
            if not admitted.writes_something():
                connection.execute("ROLLBACK")
                self._stale = False
                return admitted.answers
            places, moved = self._places.next_slice(len(admitted.events))
            if not writing.move_head(
                connection, self._tail.head, admitted.head, moved, epoch=self._tail.epoch
            ):
                raise _Overtaken
            writing.write(connection, admitted, places, updated_at=recorded_at)
            self.recent.add(command_id for command_id, *_ in admitted.commands)
            self._places.in_doubt = admitted.streams
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise
        self._take_on(admitted)
        self._stale = False
        return admitted.answers

    def _known(self, connection: sqlite3.Connection, batch: _Batch) -> Known:
        streams, command_ids = self._unknown(batch)
        self._heads.hold(writing.stream_heads(connection, streams, self._places))
        commands = commands_taken(connection, command_ids)
        tail = self._tail
        return Known(
            tail.head, tail.last_stream_id, self._heads, commands, tail.positions, self.recent
        )

    def _unknown(self, batch: _Batch) -> tuple[set[str], set[str]]:
        """Return the streams and commands that a batch speaks of and that must be looked up."""
        held, recent = self._heads.get, self.recent
        streams: set[str] = set()
        command_ids: set[str] = set()
        for append in batch:
            if isinstance(append, StoreError):
                continue
            for write in append.writes:
                if held(write.stream) is None:
                    streams.add(write.stream)
            for guard in append.guards:
                if held(guard.stream) is None:
                    streams.add(guard.stream)
            command_id, since = append.command_id, append.unseen_since
            if command_id is not None and not (
                since is not None and recent.not_taken_since(command_id, since)
            ):
                command_ids.add(command_id)
            for basis in append.rests_on:
                if basis not in recent:
                    command_ids.add(basis)
        return streams, command_ids

    def _take_on(self, admitted: Admitted) -> None:
        self._places.committed(admitted.events, admitted.streams)
        self._heads.update(admitted.streams)
        self._tail = Tail(
            admitted.head,
            self._tail.epoch,
            admitted.last_stream_id,
            {**self._tail.positions, **admitted.positions},
        )

    def _take_over(self, connection: sqlite3.Connection) -> Tail:
        connection.execute("BEGIN IMMEDIATE")
        try:
            writing.take_epoch(connection)
            tail, moved = writing.load_tail(connection, self._path)
            self._places.load(connection, moved)
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise
        return tail

    def _reload(self, connection: sqlite3.Connection) -> None:
        tail, moved = writing.load_tail(connection, self._path)
        if tail.epoch != self._tail.epoch:
            raise StoreTakenOver(self._path)
        self._places.load(connection, moved)
        self._heads.clear()
        self.recent.forget()
        self._tail = tail
        self._stale = False


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
