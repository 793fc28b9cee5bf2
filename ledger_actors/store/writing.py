"""The SQL of a commit: what a batch needs to know, and the rows that it leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import astuple

from ledger_actors.store.admission import Admitted, Head
from ledger_actors.store.dealt import DEALT
from ledger_actors.store.errors import CorruptStore
from ledger_actors.store.model import RecordedEvent
from ledger_actors.store.rows import fetch, insert, json_text
from ledger_actors.store.stream_heads import StreamHead
from ledger_actors.store.stream_tail import Moved, Place, StreamTail

__all__ = ["Tail", "load_tail", "move_head", "stream_heads", "take_epoch", "write"]

_HEAD_FIELDS = (
    "s.name",
    "s.id",
    "(SELECT coalesce(max(version), 0) FROM stream_events WHERE stream_id = s.id)",
)
_HEADS_NAMED = "FROM streams AS s WHERE s.name IN (SELECT value FROM json_each(?))"
_MOVE_HEAD = (
    "UPDATE head SET event_id = ?, hash = ?,"
    " moved_to = ?, moving_to = ?, moved_stream = ?, moved_version = ?"
    " WHERE event_id = ? AND hash = ? AND epoch = ?"
)
_HEAD = "SELECT event_id, hash, epoch, moved_to, moving_to, moved_stream, moved_version FROM head"
_SET_POSITION = (
    "INSERT INTO positions (consumer, event_id, updated_at) VALUES (?, ?, ?)"
    " ON CONFLICT (consumer) DO UPDATE"
    " SET event_id = excluded.event_id, updated_at = excluded.updated_at"
)


class Tail(msgspec.Struct, frozen=True):
    """The end of the file, as a writer has to know it before it goes on."""

    head: Head
    epoch: int
    last_stream_id: int
    positions: dict[str, int]


def load_tail(connection: sqlite3.Connection, path: Path | str) -> tuple[Tail, Moved]:
    """Read the end of the file, and how far the index of streams is.

    Raises:
        CorruptStore: the head row and the last event differ: events were cut off, or put there by
            other hands. Ids would be given twice.
    """
    event_id, digest, epoch, *moved = _row(connection, _HEAD)
    last = connection.execute("SELECT id, hash FROM events ORDER BY id DESC LIMIT 1").fetchone()
    if last != (None if event_id == 0 else (event_id, digest)):
        found = "there are none" if last is None else f"the last one is {last[0]}"
        msg = (
            f"{path} was written up to event {event_id}, but "
            f"{found if last is None or last[0] != event_id else f'event {event_id} was replaced'}"
            ": `verify` names the rows"
        )
        raise CorruptStore(msg)
    (last_stream_id,) = _row(connection, "SELECT coalesce(max(id), 0) FROM streams")
    positions = dict(connection.execute("SELECT consumer, event_id FROM positions").fetchall())
    return Tail(Head(event_id, digest), epoch, last_stream_id, positions), Moved(*moved)


def take_epoch(connection: sqlite3.Connection) -> int:
    """Count this opening of the file, and return its number; writers of earlier ones are out."""
    (epoch,) = _row(connection, "UPDATE head SET epoch = epoch + 1 RETURNING epoch")
    return int(epoch)


def stream_heads(
    connection: sqlite3.Connection, streams: Collection[str], tail: StreamTail
) -> dict[str, StreamHead]:
    """Return the heads of those of the streams that are in the table, or in its tail."""
    if not streams:
        return {}
    rows = fetch(connection, _HEAD_FIELDS, _HEADS_NAMED, (json_text(streams),))
    return {
        name: StreamHead(stream_id, max(version, tail.version(name)))
        for name, stream_id, version in rows
    }


def move_head(
    connection: sqlite3.Connection, old: Head, new: Head, moved: Moved, *, epoch: int
) -> bool:
    """Move the head row from `old` to `new`; return whether it was at `old`, and the epoch ours."""
    values = (new.event_id, new.hash, *astuple(moved), old.event_id, old.hash, epoch)
    return connection.execute(_MOVE_HEAD, values).rowcount == 1


def write(
    connection: sqlite3.Connection,
    admitted: Admitted,
    places: Sequence[Place],
    *,
    updated_at: str,
) -> None:
    """Insert the rows of a batch, and `places` into the index of streams."""
    insert(connection, "streams", [(key, name) for name, key in admitted.new_streams.items()])
    insert(connection, "events", _event_rows(admitted.events, admitted.streams))
    insert(connection, "stream_events", places)
    insert(connection, "commands", admitted.commands)
    for consumer, event_id in admitted.positions.items():
        connection.execute(_SET_POSITION, (consumer, event_id, updated_at))
    for consumer, dealt in admitted.dealt:
        DEALT.write(connection, consumer, dealt)


def _event_rows(
    events: list[RecordedEvent], streams: Mapping[str, StreamHead]
) -> list[tuple[object, ...]]:
    return [
        (
            event.id,
            streams[event.stream].stream_id,
            event.version,
            event.type,
            event.schema_version,
            event.payload,
            event.author,
            event.correlation_id,
            event.causation_id,
            event.command_id,
            event.command_index,
            event.recorded_at,
            event.hash,
        )
        for event in events
    ]


def _row(connection: sqlite3.Connection, query: str, *values: object) -> tuple[Any, ...]:
    row: tuple[Any, ...] = connection.execute(query, values).fetchone()
    return row
