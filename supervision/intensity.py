"""How many restarts in how many seconds: a window that slides with the clock.

Source of the idea: `supervisor, Maximum Restart Intensity
<https://www.erlang.org/doc/system/sup_princ.html#maximum-restart-intensity>`_.
"""

from __future__ import annotations

from collections import deque

__all__ = ["RestartIntensity"]


class RestartIntensity:
    """Counts restarts within the last `max_seconds`; says when there were too many.

    It reads no clock: each call brings the time, so it is a function of what it was told. A restart
    exactly `max_seconds` ago still counts, as in OTP. What has left the window is dropped when
    it is next looked at, so a restart costs the same whatever `max_restarts` is.
    """

    __slots__ = ("_restarts", "max_restarts", "max_seconds")

    def __init__(self, max_restarts: int, max_seconds: float) -> None:
        self.max_restarts = max_restarts
        self.max_seconds = max_seconds
        self._restarts: deque[float] = deque()

    def add(self, now: float) -> bool:
        """Count one restart at `now`; return whether the supervisor may go on."""
        self._restarts.append(now)
        return self.count(now) <= self.max_restarts

    def count(self, now: float) -> int:
        """Return how many restarts the window ending at `now` holds."""
        while self._restarts and now - self._restarts[0] > self.max_seconds:
            self._restarts.popleft()
        return len(self._restarts)
