"""What a consumer still has to read of the log, in batches.

Where much is wanted the log is read as it is, and the rest left out here. Where little is, the
index of the types finds it, which costs more for a row and nothing for those between.

Whether it wants an event of a type that the program does not know cannot be told: it may be the one
that it wants, under a name of the future. So the first of those is read whatever is wanted, and
whoever decodes it stops there.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from ledger_actors.runtime.catalog import EventCatalog
from ledger_actors.runtime.delivery import Delivery
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.store.interface import EventStore
from ledger_actors.store.model import RecordedEvent

__all__ = ["backlog"]

STRIDE = 8
"""Ids to a wanted row from which on the index is quicker; and to a batch that it is asked for."""


def backlog(
    store: EventStore, known: EventCatalog, wanted: EventFilter, *, after: int, batch_size: int
) -> Iterator[Delivery]:
    """Yield what is wanted of the log, few enough rows at a time.

    It ends with the store, or with a delivery of the first event of an unknown type. Where little
    is wanted the ids go on in strides, so that whoever reads can soon do something else.
    """
    unknown = _first_unknown(store, known, wanted, after=after)
    types = wanted.plain_types
    dense = types is None
    while after < (end := store.head() if unknown is None else unknown.id - 1):
        read = _as_it_is if dense else _by_type
        rows = ids = 0
        for delivery in read(store, wanted, after=after, end=end, size=batch_size):
            yield delivery
            rows += len(delivery.events)
            ids += delivery.up_to - after
            after = delivery.up_to
            if types is not None and dense is not (rows * STRIDE >= ids):
                dense = not dense
                break
    if unknown is not None:
        yield Delivery(after, unknown.id, (unknown,), unknown.hash)


def _as_it_is(
    store: EventStore, wanted: EventFilter, *, after: int, end: int, size: int
) -> Iterator[Delivery]:
    rows = store.read_all(after=after, up_to=end, batch_size=size)
    while batch := tuple(islice(rows, size)):
        last = batch[-1]
        yield Delivery(after, last.id, wanted.among(batch), last.hash)
        after = last.id


def _by_type(
    store: EventStore, wanted: EventFilter, *, after: int, end: int, size: int
) -> Iterator[Delivery]:
    up_to = min(end, after + STRIDE * size)
    rows = store.read_all(after=after, up_to=up_to, types=wanted.plain_types, batch_size=size)
    while len(batch := tuple(islice(rows, size))) == size:
        yield Delivery(after, batch[-1].id, wanted.among(batch), batch[-1].hash)
        after = batch[-1].id
    if after < up_to:
        yield Delivery(after, up_to, wanted.among(batch))


def _first_unknown(
    store: EventStore, known: EventCatalog, wanted: EventFilter, *, after: int
) -> RecordedEvent | None:
    types = [name for name in store.types() if not known.knows(name)]
    rows = store.read_all(after=after, types=types) if types else iter(())
    return next((row for row in rows if wanted.wants_stream(row.stream)), None)
