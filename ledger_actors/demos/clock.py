"""The clock of the demos: it begins on the story's day, runs, can be turned forward and held."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
        self._held_at: float | None = None
        self._listeners: list[Callable[[], None]] = []

    def monotonic(self) -> float:
        """The seconds that have passed in the story."""
        with self._lock:
            return self._passed()

    def now(self) -> datetime:
        """The story's time of day."""
        return self._start + timedelta(seconds=self.monotonic())

    def turn(self, **forward: float) -> None:
        """Turn it forward: `turn(days=5)`, `turn(hours=1)`."""
        with self._lock:
            self._turned += timedelta(**forward).total_seconds()
        self._tell()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let it stand still: whoever waits for a time waits until the block is left."""
        with self._lock:
            self._held_at = SYSTEM_CLOCK.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._began += SYSTEM_CLOCK.monotonic() - self._held_at
                self._held_at = None
            self._tell()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each turn, in the turner's thread; returns how to end that."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                self._listeners = [one for one in self._listeners if one is not listener]

        return unsubscribe

    def wait_seconds(self, deadline: float) -> float | None:
        """How long to sleep for it; a turn wakes whoever sleeps, through its listener.

        None while it is held: until it is told to go on.
        """
        with self._lock:
            left = max(0.0, deadline - self._passed())
            return left if self._held_at is None or left == 0 else None

    def _passed(self) -> float:
        now = SYSTEM_CLOCK.monotonic() if self._held_at is None else self._held_at
        return now - self._began + self._turned

    def _tell(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()
