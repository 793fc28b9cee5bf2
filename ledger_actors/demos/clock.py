"""The clock of the demos: it begins on the story's day, runs, and can be turned forward."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from supervision.clock import SYSTEM_CLOCK

STORY_BEGINS = datetime(2026, 3, 2, 20, 0, tzinfo=UTC)
"""A Monday at noon in Los Angeles."""


class StoryClock:
    """Shows the story's time. It goes on by itself, so that what waits a moment has it pass.

    All methods may be called from any thread. `turn` tells its listeners, as `ManualClock` does,
    and whatever has become due happens soon after.
    """

    def __init__(self, start: datetime = STORY_BEGINS) -> None:
        self._lock = threading.Lock()
        self._start = start
        self._began = SYSTEM_CLOCK.monotonic()
        self._turned = 0.0
        self._listeners: list[Callable[[], None]] = []

    def monotonic(self) -> float:
        """The seconds that have passed in the story."""
        return SYSTEM_CLOCK.monotonic() - self._began + self._turned

    def now(self) -> datetime:
        """The story's time of day."""
        return self._start + timedelta(seconds=self.monotonic())

    def turn(self, **forward: float) -> None:
        """Turn it forward: `turn(days=5)`, `turn(hours=1)`."""
        with self._lock:
            self._turned += timedelta(**forward).total_seconds()
            listeners = list(self._listeners)
        for listener in listeners:
            listener()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each turn, in the turner's thread; returns how to end that."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = [one for one in self._listeners if one is not listener]

        return unsubscribe

    def wait_seconds(self, deadline: float) -> float | None:
        """How long to sleep for it; a turn wakes whoever sleeps, through its listener."""
        return max(0.0, deadline - self.monotonic())
