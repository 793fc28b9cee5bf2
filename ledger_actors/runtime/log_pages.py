"""Pages of the log as JSON, read ahead where there is a thread for it.

SQLite does not need Python's lock to make such a text: so the pages of the next batch are read
while the last one is dealt with. On one processor that gains nothing.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Executor, Future
from functools import partial

from ledger_actors.store.interface import EventStore

__all__ = ["LogPages"]


class LogPages:
    """Gives out pages of `size` events, most often one behind the other. For one thread.

    With an `executor`, whose threads read the store, pages are read ahead.
    """

    def __init__(self, store: EventStore, *, size: int, executor: Executor | None = None) -> None:
        self._size = size
        self._store = store
        self._executor = executor
        self._coming: deque[tuple[int, Future[str | None]]] = deque()

    def behind(self, after: int) -> tuple[str | None, bool]:
        """Return the page behind an event, as `EventStore.read_as_json`, and whether it is new.

        One that was read ahead is no more than what was there then: if it is not full, ask again.
        """
        if self._coming and self._coming[0][0] == after:
            _, page = self._coming.popleft()
            return page.result(), False
        for _, page in self._coming:
            page.cancel()
        self._coming.clear()
        return self._store.read_as_json(after=after, limit=self._size), True

    def go_on(self, after: int, ahead: int) -> None:
        """Begin to read what is behind a page that was full and ended with event `after`.

        Of that, `ahead` pages are to be on their way.
        """
        if self._executor is None:
            return
        start = self._coming[-1][0] + self._size if self._coming else after
        while len(self._coming) < ahead:
            read = partial(self._store.read_as_json, after=start, limit=self._size)
            self._coming.append((start, self._executor.submit(read)))
            start += self._size
