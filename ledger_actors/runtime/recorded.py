"""An event as consumers and handlers get it: decoded, with what the store knows of it."""

from __future__ import annotations

from typing import Any

import msgspec

from ledger_actors.runtime.catalog import Event, EventCatalog
from ledger_actors.store.model import RecordedEvent

__all__ = ["Recorded", "StreamEvents", "decode_recorded", "log_fields"]


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """A decoded event, and where it stands: `id` in the whole, `version` in its stream.

    `type` is the event's stable name of today, whatever it was stored under.
    """

    event: Event
    id: int
    stream: str
    version: int
    type: str
    recorded_at: str
    author: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    command_id: str | None = None
    command_index: int = 0


class StreamEvents(msgspec.Struct, frozen=True):
    """New events for one stream: what a handler or a process manager decides."""

    stream: str
    events: tuple[Any, ...]


def log_fields(event: Recorded | RecordedEvent) -> dict[str, object]:
    """Return what a log event about this event carries."""
    told: dict[str, object] = {"event_id": event.id}
    if event.correlation_id is not None:
        told["correlation_id"] = event.correlation_id
    return told


def decode_recorded(row: RecordedEvent, catalog: EventCatalog) -> tuple[Recorded, ...]:
    """Return what a stored row is read as; raises as `EventCatalog.decode`."""
    events = catalog.decode(row)
    if len(events) == 1:  # as a rule, and then without a loop
        return (_recorded(events[0], row),)
    return tuple(_recorded(event, row) for event in events)


def _recorded(event: Event, row: RecordedEvent) -> Recorded:
    return Recorded(
        event,
        row.id,
        row.stream,
        row.version,
        event.event_type,
        row.recorded_at,
        row.author,
        row.correlation_id,
        row.causation_id,
        row.command_id,
        row.command_index,
    )
