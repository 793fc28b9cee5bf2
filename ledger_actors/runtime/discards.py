"""Discards: events of the ledger that one consumer is to leave out for ever, and why.

A discard is an event itself, on the stream of its consumer's discards. So it says who left out what
and for which reason, and whoever makes a read model anew leaves out the same.
"""

from __future__ import annotations

from ledger_actors.runtime.catalog import Event, event
from ledger_actors.runtime.system import System
from ledger_actors.store.model import Append, StreamWrite

__all__ = ["ParkedEventDiscarded", "discard", "discarded", "discards_stream"]


@event("ParkedEventDiscarded", version=1)
class ParkedEventDiscarded(Event, frozen=True, kw_only=True):
    """A consumer leaves an event out. Who decided it is the event's author."""

    consumer: str
    event_id: int
    reason: str


def discards_stream(consumer: str) -> str:
    """Return the stream of a consumer's discards."""
    return f"discards-{consumer}"


def discard(system: System, consumer: str, event_id: int, *, reason: str, author: str) -> Append:
    """Return what the journal is to write; pure."""
    happened = ParkedEventDiscarded(consumer=consumer, event_id=event_id, reason=reason)
    write = StreamWrite(discards_stream(consumer), (system.events.encode(happened),))
    return Append(writes=(write,), author=author)


def discarded(system: System, consumer: str) -> set[int]:
    """Return the ids of the events that a consumer leaves out; reads the store."""
    found: set[int] = set()
    for row in system.store.read_stream(discards_stream(consumer)):
        for told in system.events.decode(row):
            if isinstance(told, ParkedEventDiscarded):
                found.add(told.event_id)
    return found
