"""Deadlines: what is not done in time is told so, without a timer for each."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import Generic, Protocol, TypeVar

from supervision import Timers
from supervision.execution import shield

__all__ = ["Deadlines", "Expiring"]


class Expiring(Protocol):
    """Something that has only so much time."""

    def is_over(self) -> bool:
        """Return whether it is done."""

    def expire(self) -> None:
        """Its time has come; on the timers' thread."""


E = TypeVar("E", bound=Expiring)


class Deadlines(Generic[E]):
    """A queue of things that all have `seconds`. For any thread.

    They are added in the order in which they are due, so one timer is enough: for the first.
    """

    def __init__(self, timers: Timers, seconds: float) -> None:
        self._timers = timers
        self._seconds = seconds
        self._lock = threading.Lock()
        self._queue: deque[tuple[float, E]] = deque()
        self._armed = False

    def add(self, all_expiring: Sequence[E]) -> None:
        """Have each told when its seconds are over and it is not."""
        if not all_expiring:
            return
        with shield():
            with self._lock:
                self._drop_done()
                due = self._timers.clock.monotonic() + self._seconds
                self._queue.extend(zip(repeat(due), all_expiring))
                arm, self._armed = not self._armed, True
            if arm:
                self._timers.call_after(self._seconds, self._look)

    def pending(self) -> Iterator[E]:
        """Return what is not done."""
        with shield(), self._lock:
            return iter([one for _, one in self._queue if not one.is_over()])

    def _look(self) -> None:
        now = self._timers.clock.monotonic()
        due: list[E] = []
        with self._lock:
            self._drop_done()
            while self._queue and self._queue[0][0] <= now:
                due.append(self._queue.popleft()[1])
            wait = self._queue[0][0] - now if self._queue else None
            self._armed = wait is not None
        for one in due:
            if not one.is_over():
                one.expire()
        if wait is not None:
            self._timers.call_after(wait, self._look)

    def _drop_done(self) -> None:
        while self._queue and self._queue[0][1].is_over():
            self._queue.popleft()
