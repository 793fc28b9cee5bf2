"""Messages for later: any number of timers on one thread, on a clock that can be turned by hand.

After `erlang:send_after/3 <https://www.erlang.org/doc/apps/erts/erlang.html#send_after/3>`_. A
`Timers` is a heap that any thread may add to; `TimersKeeper` is the actor that sleeps until the
next one is due. A timer whose target has ended leaves a dead letter, when it is due at the latest;
in Erlang it leaves nothing.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Callable
from itertools import count
from typing import Any, Protocol

import structlog

from supervision.actor import Actor
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.execution import shield
from supervision.messages import WAKE
from supervision.ref import Ref

__all__ = ["Timer", "Timers", "TimersKeeper"]


class Target(Protocol):
    """Whoever can be sent a message that may be too late: a `Ref` or a `Name`."""

    def signal(self, message: Any) -> None:
        """Put the message into its mailbox, or leave a dead letter."""


class Timer:
    """One action that is due at a reading of the clock."""

    __slots__ = ("_pending", "action", "due", "every", "number", "ref")

    def __init__(
        self,
        due: float,
        number: int,
        action: Callable[[], None],
        *,
        every: float | None = None,
        target: Target | None = None,
    ) -> None:
        self.due = due
        self.number = number
        self.action = action
        self.every = every
        self.ref = target if isinstance(target, Ref) else None  # a name may have another owner
        self._pending = [True]

    def __lt__(self, other: Timer) -> bool:
        return (self.due, self.number) < (other.due, other.number)

    def cancel(self) -> bool:
        """Prevent it; return whether it had not fired. A repeated one is ended."""
        self.every = None
        return self.claim()

    def claim(self) -> bool:
        """Take the right to fire or to cancel; only one caller gets it."""
        try:
            self._pending.pop()
        except IndexError:
            return False
        return True

    def pending(self) -> bool:
        """Return whether it has neither fired nor been cancelled."""
        return bool(self._pending)

    def orphaned(self) -> bool:
        """Return whether it is for an actor that has ended."""
        return self.ref is not None and not self.ref.is_alive()

    def renew(self, due: float) -> None:
        """Make it due again."""
        self.due = due
        self._pending.append(True)


class Timers:
    """All timers of a tree. Without its keeper running, timers wait until it runs again."""

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self.clock = clock
        self._lock = threading.Lock()
        self._heap: list[Timer] = []
        self._numbers = count()
        self._compact_at = 1024
        self._keeper: Ref | None = None

    def __len__(self) -> int:
        """Return how many timers are pending whose target has not ended."""
        with self._lock:
            return sum(timer.pending() and not timer.orphaned() for timer in self._heap)

    def send_after(self, seconds: float, target: Target, message: Any) -> Timer:
        """Send `message` to `target` in `seconds`; return the timer, to cancel it."""
        return self._add(seconds, lambda: target.signal(message), target=target)

    def send_every(self, seconds: float, target: Target, message: Any) -> Timer:
        """Send `message` every `seconds`, counted from the completion of the send before.

        To a `Ref` it ends with the actor; to a `Name` it goes on, whoever has it.
        """
        return self._add(seconds, lambda: target.signal(message), every=seconds, target=target)

    def call_after(self, seconds: float, function: Callable[[], None]) -> Timer:
        """Call `function` in `seconds`, on the timers' thread: it must not wait for anything."""
        return self._add(seconds, function)

    def keeper_is(self, keeper: Ref | None) -> None:
        """Say who sleeps on this heap; called by the keeper itself."""
        self._keeper = keeper

    def seconds_to_next(self) -> float | None:
        """Return the real seconds until the next timer is due; `None`: nothing is coming."""
        with self._lock:
            self._drop_cancelled()
            if not self._heap:
                return None
            return self.clock.wait_seconds(self._heap[0].due)

    def fire_due(self) -> int:
        """Fire what is due, in order of due time; return how many. On the keeper's thread."""
        fired = 0
        while True:
            with shield():  # a kill of the keeper waits: one that is taken out is fired
                timer = self._take_due()
                if timer is None:
                    return fired
                if timer.claim():
                    self._fire(timer)
                    fired += 1

    def _fire(self, timer: Timer) -> None:
        try:
            timer.action()
        except Exception:  # noqa: BLE001 - the others' timers go on
            structlog.get_logger().exception("timer.failed", action=repr(timer.action))
        every = timer.every
        if every is None or timer.orphaned():
            return
        timer.renew(self.clock.monotonic() + every)
        if timer.every is None:
            timer.claim()  # it was cancelled meanwhile
        with self._lock:
            heapq.heappush(self._heap, timer)

    def _add(
        self,
        seconds: float,
        action: Callable[[], None],
        *,
        every: float | None = None,
        target: Target | None = None,
    ) -> Timer:
        if not seconds >= 0:
            msg = f"a timer is due in zero seconds or more, not {seconds!r}"
            raise ValueError(msg)
        due = self.clock.monotonic() + seconds
        timer = Timer(due, next(self._numbers), action, every=every, target=target)
        with shield():
            with self._lock:
                heapq.heappush(self._heap, timer)
                first = self._heap[0] is timer
                orphans = self._compact()
            if first:
                self.wake()
            for orphan in orphans:
                if orphan.claim():
                    self._fire(orphan)
        return timer

    def wake(self) -> None:
        """Have the keeper look at the clock again."""
        keeper = self._keeper
        if keeper is not None:
            keeper.signal(WAKE)

    def _take_due(self) -> Timer | None:
        with self._lock:
            self._drop_cancelled()
            if self._heap and self._heap[0].due <= self.clock.monotonic():
                return heapq.heappop(self._heap)
            return None

    def _compact(self) -> list[Timer]:
        # Those that are cancelled, and those whose target has ended, stay until they are due or the
        # heap has doubled: O(1) a timer. The latter are returned: they leave a dead letter.
        if len(self._heap) < self._compact_at:
            return []
        pending = [timer for timer in self._heap if timer.pending()]
        self._heap = [timer for timer in pending if not timer.orphaned()]
        heapq.heapify(self._heap)
        self._compact_at = max(1024, 2 * len(self._heap))
        return [timer for timer in pending if timer.orphaned()]

    def _drop_cancelled(self) -> None:
        while self._heap and not self._heap[0].pending():
            heapq.heappop(self._heap)


class TimersKeeper(Actor):
    """The child that fires a tree's timers: one thread for all of them."""

    use_daemon_thread = True

    def __init__(self, timers: Timers) -> None:
        super().__init__()
        self._timers = timers
        self._unsubscribe: Callable[[], None] = lambda: None

    def on_start(self) -> None:
        """Begin to sleep on the heap, and hear of a clock that is turned by hand."""
        self._timers.keeper_is(self.actor_ref)
        self._unsubscribe = self._timers.clock.subscribe(self._timers.wake)
        self._look()

    def on_timeout(self) -> None:
        """Fire what is due."""
        self._look()

    def on_wake(self) -> None:
        """Fire what is due: a new timer is the first, or the clock was turned."""
        self._look()

    def on_stop(self) -> None:
        """Leave the heap; what is pending stays for a successor."""
        self._leave()

    def on_failure(self, *_args: Any) -> None:
        """Leave the heap; what is pending stays for a successor."""
        self._leave()

    def _look(self) -> None:
        self._timers.fire_due()
        self.receive_timeout = self._timers.seconds_to_next()

    def _leave(self) -> None:
        self._unsubscribe()
        self._timers.keeper_is(None)
