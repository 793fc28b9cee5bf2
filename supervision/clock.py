"""Time, passed in: a monotonic reading for durations and a wall clock for dates."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol, runtime_checkable

__all__ = ["SYSTEM_CLOCK", "Clock", "ManualClock", "SystemClock"]


@runtime_checkable
class Clock(Protocol):
    """What the packages read time from. `scale` of all durations is seconds."""

    def monotonic(self) -> float:
        """Return seconds since some fixed moment; it never goes back."""

    def now(self) -> datetime:
        """Return the time of day, aware and in UTC; it may be set back."""

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` after each jump of a clock that is turned by hand.

        Returns a function that ends the subscription. A clock that runs by itself never calls.
        """

    def wait_seconds(self, deadline: float) -> float | None:
        """Return how many real seconds a thread may sleep for `deadline` to be reached.

        `deadline` is a `monotonic` reading. `None`: only a jump of the clock reaches it.
        """


class SystemClock:
    """The machine's own clocks."""

    def monotonic(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def now(self) -> datetime:
        """Return the current UTC time."""
        return datetime.now(UTC)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Never call: this clock does not jump by hand."""
        del listener
        return lambda: None

    def wait_seconds(self, deadline: float) -> float | None:
        """Return the seconds left until `deadline`, never negative."""
        return max(0.0, deadline - time.monotonic())


class ManualClock:
    """A clock that stands still until it is turned; for tests, demos and simulations.

    After `trio.testing.MockClock`. Timers fire inside no `advance` call: they fire on the
    timers' own thread soon after it, in order of their due times.

    Example:
        >>> clock = ManualClock()
        >>> clock.advance(3600)
        >>> clock.monotonic()
        3600.0
    """

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        if start.tzinfo is None:
            msg = "ManualClock needs an aware datetime, such as datetime(2026, 1, 1, tzinfo=UTC)"
            raise ValueError(msg)
        self._lock = threading.Lock()
        self._monotonic = 0.0
        self._now = start.astimezone(UTC)
        self._listeners: list[Callable[[], None]] = []

    def monotonic(self) -> float:
        """Return the seconds that this clock has been advanced."""
        return self._monotonic

    def now(self) -> datetime:
        """Return the time that this clock shows."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Turn the clock forward by `seconds` and tell its listeners.

        Raises:
            ValueError: `seconds` is negative; use `set_now` to move the time of day back.
        """
        if seconds < 0:
            msg = f"a clock advances by zero seconds or more, not {seconds}"
            raise ValueError(msg)
        with self._lock:
            self._monotonic += seconds
            self._now += timedelta(seconds=seconds)
        self._jumped()

    def set_now(self, now: datetime) -> None:
        """Set the time of day, forward or back, as an administrator does; durations do not move."""
        with self._lock:
            self._now = now.astimezone(UTC)
        self._jumped()

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Call `listener` in the thread that turns the clock, after each jump."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock:
                if listener in self._listeners:
                    self._listeners.remove(listener)

        return unsubscribe

    def wait_seconds(self, deadline: float) -> float | None:
        """Return 0 for a deadline that is reached, else `None`: no real time reaches it."""
        return 0.0 if deadline <= self._monotonic else None

    def _jumped(self) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            listener()


SYSTEM_CLOCK = SystemClock()
