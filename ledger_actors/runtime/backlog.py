"""What a consumer still has to read of the log, in batches.

Whether it wants an event of a type that the program does not know cannot be told: it may be the one
that it wants, under a name of the future. So the first of those is read whatever is wanted, and
whoever decodes it stops there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from ledger_actors.runtime.catalog import EventCatalog
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.store.interface import EventStore
from ledger_actors.store.model import RecordedEvent

__all__ = ["backlog"]

STRIDE = 8
"""Ids to a batch for each row of it, at most: of a rare type, many are passed over at once."""


def backlog(
    store: EventStore, known: EventCatalog, wanted: EventFilter, *, after: int, batch_size: int
) -> Iterator[tuple[Sequence[RecordedEvent], int]]:
    """Yield what is wanted of the log, few enough rows at a time, and up to which id it goes.

    It ends with the store, or with a batch of the first event of an unknown type. Where little is
    wanted the ids go on in strides, so that whoever reads can soon do something else.
    """
    unknown = _first_unknown(store, known, wanted, after=after)
    while after < (end := store.head() if unknown is None else unknown.id - 1):
        up_to = min(end, after + STRIDE * batch_size)
        rows = store.read_all(
            after=after, up_to=up_to, types=wanted.plain_types, batch_size=batch_size
        )
        found = filter(wanted.wants, rows)
        while len(batch := tuple(islice(found, batch_size))) == batch_size:
            after = batch[-1].id
            yield batch, after
        if after < up_to:
            after = up_to
            yield batch, after
    if unknown is not None:
        yield (unknown,), unknown.id


def _first_unknown(
    store: EventStore, known: EventCatalog, wanted: EventFilter, *, after: int
) -> RecordedEvent | None:
    types = [name for name in store.types() if not known.knows(name)]
    rows = store.read_all(after=after, types=types) if types else iter(())
    return next((row for row in rows if wanted.wants_stream(row.stream)), None)
