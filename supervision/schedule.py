"""When something is due for a supervisor's children: a slow start or stop, a restart that waits.

A child has one such time at most. It is the supervisor that asks for what is due, in its thread,
and that knows what it means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

from supervision.clock import Clock
from supervision.shutdown import Deadline, Deadlines

if TYPE_CHECKING:
    from supervision.backoff import Pace

__all__ = ["Schedule", "Scheduled"]


class Scheduled(Protocol):
    """A child as far as the clock is concerned."""

    deadline: Deadline | None
    pace: Pace | None


class Schedule:
    """The times of all children of one supervisor, by its clock."""

    def __init__(self, clock: Clock, draw: Callable[[], float]) -> None:
        self._clock = clock
        self._draw = draw
        self._deadlines = Deadlines()

    def set(self, child: Scheduled, at: float) -> None:
        """Have the child taken as due when the clock shows `at`."""
        child.deadline = self._deadlines.add(at, child)

    def clear(self, child: Scheduled) -> None:
        """Nothing is due for the child any more."""
        self._deadlines.cancel(child.deadline)
        child.deadline = None
        if child.pace is not None:
            child.pace.due = None

    def start_later(self, child: Scheduled) -> float:
        """Have the child taken as due when its backoff is over; return the seconds until then."""
        assert child.pace is not None
        now = self._clock.monotonic()
        delay = child.pace.failed(now, self._draw())
        child.pace.due = self._clock.now() + timedelta(seconds=delay)
        self.set(child, now + delay)
        return delay

    def note_running(self, child: Scheduled) -> None:
        """The child's start has succeeded: it is running from now on."""
        if child.pace is not None:
            child.pace.running(self._clock.monotonic())

    def take_due(self) -> Iterator[tuple[Any, float]]:
        """Yield each child that is due, the earliest first, and what the clock shows."""
        if not self._deadlines:
            return
        now = self._clock.monotonic()
        for child in self._deadlines.take_due(now):
            self.clear(child)
            yield child, now

    def seconds_to_next(self) -> float | None:
        """Return the real seconds until the next child is due; `None`: none is."""
        at = self._deadlines.next_at()
        return None if at is None else self._clock.wait_seconds(at)
