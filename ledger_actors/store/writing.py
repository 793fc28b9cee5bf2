"""The SQL of a commit: what a batch needs to know, and the rows that it leaves."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import msgspec

from ledger_actors.store.admission import Admitted, Head
from ledger_actors.store.errors import CorruptStore
from ledger_actors.store.model import RecordedEvent, StoredCommand
from ledger_actors.store.reading import events_of_command
from ledger_actors.store.rows import insert, json_text
from ledger_actors.store.stream_heads import StreamHead

__all__ = ["Tail", "load_tail", "look_up", "move_head", "take_epoch", "write"]

_LOOK_UP = """
SELECT (SELECT json_group_array(json_array(s.name, s.id,
               (SELECT coalesce(max(version), 0) FROM events WHERE stream_id = s.id)))
        FROM streams AS s WHERE s.name IN (SELECT value FROM json_each(?))),
       (SELECT json_group_array(json_array(command_id, fingerprint, first_event_id, event_count))
        FROM commands WHERE command_id IN (SELECT value FROM json_each(?)))
"""
_MOVE_HEAD = "UPDATE head SET event_id = ?, hash = ? WHERE event_id = ? AND hash = ? AND epoch = ?"
_SET_POSITION = (
    "INSERT INTO positions (consumer, event_id, updated_at) VALUES (?, ?, ?)"
    " ON CONFLICT (consumer) DO UPDATE"
    " SET event_id = excluded.event_id, updated_at = excluded.updated_at"
)

_decode_streams = msgspec.json.Decoder(list[tuple[str, int, int]]).decode
_decode_commands = msgspec.json.Decoder(list[tuple[str, str | None, int, int]]).decode


class Tail(msgspec.Struct, frozen=True):
    """The end of the file, as a writer has to know it before it goes on."""

    head: Head
    epoch: int
    last_stream_id: int
    positions: dict[str, int]


def load_tail(connection: sqlite3.Connection, path: Path | str) -> Tail:
    """Read the end of the file.

    Raises:
        CorruptStore: the head row and the last event differ: events were cut off, or put there by
            other hands. Ids would be given twice.
    """
    event_id, digest, epoch = _row(connection, "SELECT event_id, hash, epoch FROM head")
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
    return Tail(Head(event_id, digest), epoch, last_stream_id, positions)


def take_epoch(connection: sqlite3.Connection) -> int:
    """Count this opening of the file, and return its number; writers of earlier ones are out."""
    (epoch,) = _row(connection, "UPDATE head SET epoch = epoch + 1 RETURNING epoch")
    return int(epoch)


def look_up(
    connection: sqlite3.Connection, streams: Collection[str], command_ids: Collection[str]
) -> tuple[dict[str, StreamHead], dict[str, StoredCommand]]:
    """Return those of the streams and commands that are in the tables."""
    if not streams and not command_ids:
        return {}, {}
    found, taken = _row(connection, _LOOK_UP, json_text(streams), json_text(command_ids))
    heads = {name: StreamHead(key, version) for name, key, version in _decode_streams(found)}
    commands = {
        command_id: StoredCommand(
            command_id, fingerprint, events_of_command(connection, first, count)
        )
        for command_id, fingerprint, first, count in _decode_commands(taken)
    }
    return heads, commands


def move_head(connection: sqlite3.Connection, old: Head, new: Head, *, epoch: int) -> bool:
    """Move the head row from `old` to `new`; return whether it was at `old`, and the epoch ours."""
    return (
        connection.execute(
            _MOVE_HEAD, (new.event_id, new.hash, old.event_id, old.hash, epoch)
        ).rowcount
        == 1
    )


def write(connection: sqlite3.Connection, admitted: Admitted, *, updated_at: str) -> None:
    """Insert the rows of a batch."""
    insert(connection, "streams", [(key, name) for name, key in admitted.new_streams.items()])
    insert(connection, "events", _event_rows(admitted.events, admitted.streams))
    insert(connection, "commands", admitted.commands)
    for consumer, event_id in admitted.positions.items():
        connection.execute(_SET_POSITION, (consumer, event_id, updated_at))


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
