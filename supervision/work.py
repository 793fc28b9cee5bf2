"""What a thread does for actors at the moment, and what it has done: written by it, read by all.

Looking from outside must cost the actor next to nothing, and must work when the actor is stuck. So
each thread that runs actors notes in one place which message it is at and since when; what belongs
to the actor (its seconds busy, its longest mailbox) is added up once a turn. An actor on a thread
of its own is busy from a message that it had to wait for until it waits for the next.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = [
    "ON_START",
    "ON_STOP",
    "Hook",
    "Work",
    "coarse_now",
    "messages_handled",
]

COARSE_SECONDS = 0.01

_lock = threading.Lock()
_all: set[Work] = set()
_done_by_ended_threads = 0
_last_time = 0.0


class Hook(str):
    """The name of a hook that runs without a message."""

    __slots__ = ()


ON_START = Hook("on_start")
ON_STOP = Hook("on_stop")


class Work:
    """One thread's. Times are those of `time.perf_counter()`. Written by `Actor` alone.

    Attributes:
        ref: whose turn it is, `None` between turns.
        item: the message, or the `Hook`, that it is at or was at last.
        since: when it began with it.
        busy_since: since when the actor has been busy in this turn, `None` while it waits.
        done: how many messages were handled in the turns before this one.
        handled_before: how many messages `ref` had handled before this turn.
    """

    __slots__ = ("busy_since", "done", "handled_before", "item", "ref", "since")

    def __init__(self) -> None:
        self.ref: Ref | None = None
        self.item: Any = None
        self.since = 0.0
        self.busy_since: float | None = None
        self.done = 0
        self.handled_before = 0

    def pause(self, ref: Ref) -> None:
        """`ref` is about to wait for a message; it was busy until it had done with the last."""
        begun, self.busy_since = self.busy_since, None
        self.item = None
        assert begun is not None
        ref.busy_microseconds += int((self.since - begun) * 1e6 + 0.5)

    def resume(self) -> None:
        """The wait is over."""
        self.since = self.busy_since = time.perf_counter()

    def microseconds(self, ref: Ref) -> float:
        """Return for how long `ref` has been busy in the turn that goes on; from any thread."""
        begun = self.busy_since
        if self.ref is not ref or begun is None:
            return 0.0
        return max(0.0, time.perf_counter() - begun) * 1e6

    def handled(self) -> int:
        """Return how many messages this thread has handled; from any thread."""
        ref = self.ref
        return self.done + (0 if ref is None else max(0, ref.handled - self.handled_before))

    def join(self) -> None:
        """Be counted; called when the thread begins."""
        with _lock:
            _all.add(self)

    def leave(self) -> None:
        """Be counted among the threads that have ended."""
        global _done_by_ended_threads  # noqa: PLW0603 - a sum, changed under the lock
        with _lock:
            _all.discard(self)
            _done_by_ended_threads += self.done


def messages_handled() -> int:
    """Return how many messages all actors together have handled since the program began."""
    with _lock:
        return _done_by_ended_threads + sum(work.handled() for work in _all)


def coarse_now() -> float:
    """Return the time of day to the hundredth of a second; one object for all who ask within it."""
    global _last_time  # noqa: PLW0603 - replaced whole; a race gives two objects for one hundredth
    now = time.time()
    if not 0 <= now - _last_time < COARSE_SECONDS:
        _last_time = now
    return _last_time
