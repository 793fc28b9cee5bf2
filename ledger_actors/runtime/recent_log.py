"""The newest events, read and decoded once for all read models that want them.

Most are decoded a page by one call (`TypedPages`). A page of which one cannot be is read row by
row, and each row is decoded when it is wanted: so it is told which one is at fault, and only where
somebody wants it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from concurrent.futures import Executor
from itertools import islice
from operator import attrgetter

from ledger_actors.runtime.catalog import EventCatalog
from ledger_actors.runtime.delivery import read_as
from ledger_actors.runtime.errors import UnknownEventType
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.log_pages import LogPages
from ledger_actors.runtime.parking import Batch
from ledger_actors.runtime.recorded import Recorded
from ledger_actors.runtime.typed_pages import TypedPages
from ledger_actors.store.interface import EventStore
from ledger_actors.store.model import RecordedEvent

__all__ = ["RecentLog"]

PAGE = 1024
"""Events that are read at once."""

KEPT = 8192
"""Events that are kept, or two of the largest batches: not all read models are equally far."""

PAGES_BY_ROW = 8
"""Where one page had to be read row by row, so are those behind it: they are often alike."""

_by_id = attrgetter("id")


class RecentLog:
    """A stretch of the log without a gap, that goes on at its end. For one thread."""

    def __init__(
        self,
        store: EventStore,
        known: EventCatalog,
        *,
        executor: Executor | None = None,
        page: int = PAGE,
        kept: int = KEPT,
    ) -> None:
        """With an `executor`, what comes next is read ahead by it."""
        self._store = store
        self._known = known
        self._typed = TypedPages(known)
        self._rows: list[Recorded | RecordedEvent] = []
        self._decoded: dict[int, tuple[Recorded, ...]] = {}
        self._by_row = 0
        self._size, self._kept, self._window = page, kept, kept
        self._pages = LogPages(store, size=page, executor=executor)

    def batch(
        self, after: int, given: EventFilter, wanted: EventFilter, *, most: int
    ) -> Batch | None:
        """Return the next batch behind event `after`; `None` at the head.

        It has, of the next `most` events, those that are `given`, as far as what they are read as
        is `wanted`.

        Raises:
            UnknownEventType: there is an event in it of a type that the program does not know.
            LedgerRuntimeError: an event that is given cannot be read.
        """
        rows = self._behind(after, most)
        if not rows:
            return None
        chosen = given.among(rows)
        return Batch(rows[-1].id, self._read_as(chosen, wanted), [row.id for row in chosen])

    def _read_as(
        self, rows: Sequence[Recorded | RecordedEvent], wanted: EventFilter
    ) -> list[Recorded]:
        events: list[Recorded] = []
        for row in rows:
            if isinstance(row, Recorded):
                events.append(row)
            else:
                events += read_as(row, self._decoded, self._known, wanted)
        return events

    def _behind(self, after: int, most: int) -> list[Recorded | RecordedEvent]:
        rows = self._rows
        if not rows or not rows[0].id <= after + 1 <= rows[-1].id + 1:
            rows.clear()
            self._decoded.clear()
        start = bisect_right(rows, after, key=_by_id)
        while len(rows) - start < most:
            page = self._page(rows[-1].id if rows else after, ahead=most // self._size)
            rows += page
            if len(page) < self._size:
                break
        found = rows[start : start + most]
        # As wide as the widest batch since somebody was at the head: the others need that, too.
        self._window = self._kept if len(found) < most else max(self._window, 2 * most)
        self._drop(min(start, len(rows) - self._window))
        return found

    def _page(self, after: int, *, ahead: int) -> Sequence[Recorded | RecordedEvent]:
        if self._by_row:
            self._by_row -= 1
        elif (page := self._typed_page(after, ahead)) is not None:
            return page
        else:
            self._by_row = PAGES_BY_ROW
        return self._page_by_row(after)

    def _typed_page(self, after: int, ahead: int) -> list[Recorded] | None:
        is_new = False  # one that was read ahead is short where the log ended then
        page: list[Recorded] | None = []
        while page is not None and len(page) < self._size and not is_new:
            text, is_new = self._pages.behind(after)
            page = None if text is None else self._typed.decode(text)
        if page is not None and len(page) == self._size:
            self._pages.go_on(page[-1].id, ahead)
        return page

    def _page_by_row(self, after: int) -> list[RecordedEvent]:
        page = list(islice(self._store.read_all(after=after, batch_size=self._size), self._size))
        for name in {row.type for row in page}:
            if not self._known.knows(name):
                raise UnknownEventType(name, next(row.id for row in page if row.type == name))
        return page

    def _drop(self, count: int) -> None:
        if count > 0:
            first = self._rows[count].id
            for event_id in [one for one in self._decoded if one < first]:
                del self._decoded[event_id]
            del self._rows[:count]
