"""The newest events, read and decoded once for all read models that want them."""

from __future__ import annotations

from bisect import bisect_right
from itertools import islice
from operator import attrgetter

from ledger_actors.runtime.catalog import EventCatalog
from ledger_actors.runtime.delivery import Delivery
from ledger_actors.runtime.errors import UnknownEventType
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.recorded import Recorded
from ledger_actors.store.interface import EventStore
from ledger_actors.store.model import RecordedEvent

__all__ = ["BATCH", "RecentLog"]

BATCH = 4096
"""Events that are read, and given out, at once."""


class RecentLog:
    """A stretch of the log without a gap, that goes on at its end. For one thread."""

    def __init__(self, store: EventStore, known: EventCatalog) -> None:
        self._store = store
        self._known = known
        self._rows: list[RecordedEvent] = []
        self._decoded: dict[int, tuple[Recorded, ...]] = {}

    def delivery(self, after: int, wanted: EventFilter) -> Delivery | None:
        """Return what is wanted of the next batch behind event `after`; `None` at the head.

        Raises:
            UnknownEventType: there is an event in it of a type that the program does not know.
        """
        rows = self._behind(after)
        if not rows:
            return None
        for name in {row.type for row in rows}:
            if not self._known.knows(name):
                raise UnknownEventType(name, next(row.id for row in rows if row.type == name))
        last = rows[-1]
        return Delivery(after, last.id, wanted.among(rows), last.hash, self._decoded)

    def _behind(self, after: int) -> list[RecordedEvent]:
        rows = self._rows
        if not rows or not rows[0].id <= after + 1 <= rows[-1].id + 1:
            rows.clear()
            self._decoded.clear()
        newest = rows[-1].id if rows else after
        start = bisect_right(rows, after, key=attrgetter("id"))
        if len(rows) - start < BATCH:
            rows.extend(islice(self._store.read_all(after=newest, batch_size=BATCH), BATCH))
        found = rows[start : start + BATCH]
        self._drop(len(rows) - 2 * BATCH)
        return found

    def _drop(self, count: int) -> None:
        if count > 0:
            for row in self._rows[:count]:
                self._decoded.pop(row.id, None)
            del self._rows[:count]
