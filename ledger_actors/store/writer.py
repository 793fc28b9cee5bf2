"""The writer: batches of appends become commits.

Each commit moves the head row from where this writer left it to the end of the batch. If it is
elsewhere, somebody else has written: what the writer remembers is thrown away and the batch is
decided again on what the file holds, once. If somebody else has *opened* the file for writing since
(the epoch), this writer is out for good. The tables' unique constraints are the last lock.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Container, Sequence
from pathlib import Path
from typing import TypeAlias

from ledger_actors.store import validation, writing
from ledger_actors.store.admission import Admitted, Known, admit
from ledger_actors.store.errors import (
    CorruptStore,
    StoreError,
    StoreFull,
    StoreTakenOver,
)
from ledger_actors.store.faults import translation
from ledger_actors.store.model import Append, Appended
from ledger_actors.store.same_file import SameFile
from ledger_actors.store.stream_heads import StreamHeads
from ledger_actors.store.writing import Tail
from supervision.clock import Clock

__all__ = ["Writer"]

REMEMBERED_COMMANDS = 16_384
"""Commands that were taken lately: what is decided in a pipeline rests on one of them."""

_Batch: TypeAlias = Sequence[Append | StoreError]
"""What is left to decide: the appends that are well formed, and what was wrong with the others."""


class _Overtaken(Exception):
    """The file is not as this writer left it."""


class Writer:
    """Owns the connection that writes. Not thread-safe: its owner calls it one at a time."""

    def __init__(
        self,
        connect: Callable[[], sqlite3.Connection],
        *,
        path: Path | str,
        clock: Clock,
        reopen_after_fault: bool,
    ) -> None:
        """Open the file with `connect` and take it over from earlier writers.

        Raises:
            CorruptStore: its end is not as the last writer left it.
        """
        self._connect = connect
        self._path = path
        self._clock = clock
        self._reopen_after_fault = reopen_after_fault
        self._heads = StreamHeads()
        self._lately_taken: dict[str, None] = {}
        self._connection: sqlite3.Connection | None = connect()
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
        return self._connection

    def append(self, batch: Sequence[Append]) -> list[Appended | StoreError]:
        """Write `batch`; see `EventStore.append`."""
        screened = [validation.screen(append) for append in batch]
        try:
            return self._append(screened)
        except sqlite3.Error as error:
            self._stale = True  # believe the file, not what is remembered of it
            fault = translation(error, self._path)
            if isinstance(fault, StoreFull):
                return [StoreFull(self._path) for _ in batch]
            if self._reopen_after_fault:
                self.close()
            raise fault from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
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
            if not writing.move_head(
                connection, self._tail.head, admitted.head, epoch=self._tail.epoch
            ):
                raise _Overtaken
            writing.write(connection, admitted, updated_at=recorded_at)
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise
        self._take_on(admitted)
        self._stale = False
        return admitted.answers

    def _known(self, connection: sqlite3.Connection, batch: _Batch) -> Known:
        streams, command_ids = _named(batch, self._lately_taken)
        heads = self._heads.known(streams)
        found, commands = writing.look_up(connection, streams - heads.keys(), command_ids)
        heads.update(found)
        tail = self._tail
        return Known(
            tail.head, tail.last_stream_id, heads, commands, tail.positions, self._lately_taken
        )

    def _take_on(self, admitted: Admitted) -> None:
        self._heads.update(admitted.streams)
        lately = self._lately_taken
        lately.update(dict.fromkeys(command_id for command_id, *_ in admitted.commands))
        while len(lately) > REMEMBERED_COMMANDS:
            del lately[next(iter(lately))]
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
            tail = writing.load_tail(connection, self._path)
            connection.execute("COMMIT")
        except BaseException:
            _roll_back(connection)
            raise
        return tail

    def _reload(self, connection: sqlite3.Connection) -> None:
        tail = writing.load_tail(connection, self._path)
        if tail.epoch != self._tail.epoch:
            raise StoreTakenOver(self._path)
        self._heads.clear()
        self._lately_taken.clear()
        self._tail = tail
        self._stale = False


def _named(batch: _Batch, lately_taken: Container[str]) -> tuple[set[str], set[str]]:
    """Return the streams and the command ids that a batch speaks of, and that must be looked up."""
    streams: set[str] = set()
    command_ids: set[str] = set()
    for append in batch:
        if isinstance(append, StoreError):
            continue
        for write in append.writes:
            streams.add(write.stream)
        for guard in append.guards:
            streams.add(guard.stream)
        if append.command_id is not None:
            command_ids.add(append.command_id)
        for command_id in append.rests_on:
            if command_id not in lately_taken:
                command_ids.add(command_id)
    return streams, command_ids


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")
