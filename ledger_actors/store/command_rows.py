"""Rows of the commands that were taken, with the events that each has led to."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from ledger_actors.store.event_rows import FROM_EVENTS, read_events
from ledger_actors.store.model import RecordedEvent, StoredCommand
from ledger_actors.store.rows import fetch, json_text

__all__ = ["commands_taken"]

_COMMAND = ("command_id", "fingerprint", "first_event_id", "event_count")
_TAKEN = f"SELECT {', '.join(_COMMAND)} FROM commands WHERE command_id = ?"
_ALL_TAKEN = "FROM commands WHERE command_id IN (SELECT value FROM json_each(?))"
_EVENTS = f"{FROM_EVENTS} WHERE e.id >= ? AND e.id < ? ORDER BY e.id"


def commands_taken(
    connection: sqlite3.Connection, command_ids: Collection[str]
) -> dict[str, StoredCommand]:
    """Return those of the commands that are in the table, in one step if there are none."""
    if not command_ids:
        return {}
    if len(command_ids) == 1:  # as it is most often: without JSON it takes half as long
        rows: Iterable[Sequence[Any]] = connection.execute(_TAKEN, (*command_ids,)).fetchall()
    else:
        rows = fetch(connection, _COMMAND, _ALL_TAKEN, (json_text(command_ids),))
    return {
        command_id: StoredCommand(command_id, fingerprint, _events(connection, first, count))
        for command_id, fingerprint, first, count in rows
    }


def _events(connection: sqlite3.Connection, first: int, count: int) -> tuple[RecordedEvent, ...]:
    """Return a command's events: `count` of them from `first` on."""
    return (
        tuple(read_events(connection, _EVENTS, (first, first + count), key="id")) if count else ()
    )
