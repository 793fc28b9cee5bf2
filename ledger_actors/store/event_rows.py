"""Rows of the events: their columns in SQL, and the values that they are."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from operator import attrgetter
from typing import Any

import msgspec

from ledger_actors.store.errors import CorruptStore
from ledger_actors.store.model import RecordedEvent
from ledger_actors.store.rows import fetch_text

__all__ = ["FIELDS", "FROM_EVENTS", "columns", "read_events"]

FROM_EVENTS = "FROM events AS e JOIN streams AS s ON s.id = e.stream_id"

_decode = msgspec.json.Decoder(list[RecordedEvent]).decode


def columns(fields: Iterable[str]) -> tuple[str, ...]:
    """Return the columns for fields of `RecordedEvent`, of events `e` and their streams `s`."""
    return tuple("s.name" if field == "stream" else f"e.{field}" for field in fields)


FIELDS = columns(RecordedEvent.__struct_fields__)
"""What makes a `RecordedEvent`, in order."""


def read_events(
    connection: sqlite3.Connection, source: str, values: Any, *, key: str
) -> list[RecordedEvent]:
    """Return the events of `source`, which goes from its `FROM` on, in order of `key`.

    Raises:
        CorruptStore: a row is no event.
    """
    try:
        events = _decode(fetch_text(connection, FIELDS, source, values))
    except msgspec.ValidationError as error:  # by other hands: a text where a number belongs
        msg = f"a row of the events is none: {error}; `verify` names the rows"
        raise CorruptStore(msg) from error
    events.sort(key=attrgetter(key))  # they are, but SQL promises it for no aggregate
    return events
