"""Watching an actor: one `Down`, whenever it ends, also if it has ended already.

Source of the idea: `erlang:monitor/2 <https://www.erlang.org/doc/apps/erts/erlang.html#monitor/2>`_.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from supervision import telemetry
from supervision.messages import RuntimeMessage

if TYPE_CHECKING:
    from supervision.reasons import ExitReason
    from supervision.ref import Ref

__all__ = ["Down", "Ended", "Monitor", "monitor"]


@dataclass(frozen=True, slots=True)
class Down(RuntimeMessage):
    """The monitored actor has ended, for this reason."""

    ref: Ref
    reason: ExitReason
    monitor: Monitor


class Monitor:
    """A watch on one actor. It reports once, or never after `cancel`."""

    __slots__ = ("_pending", "_watcher", "ref")

    def __init__(self, ref: Ref, watcher: Ref | Callable[[Down], None]) -> None:
        self.ref = ref
        self._watcher = watcher
        # list.pop is atomic: whoever pops is the one that reports or cancels.
        self._pending = [self]

    def cancel(self) -> bool:
        """Stop watching. Return whether the report had not been made."""
        self.ref.unwatch(self)
        return self._claim()

    def fire(self, reason: ExitReason) -> None:
        """Report once; runs in the thread that ended the actor, or in the one that began to watch.

        A watcher that is an actor and has itself ended is not told. What a function raises is
        logged and goes no further: there are others who must hear of the end.
        """
        if not self._claim():
            return
        down = Down(self.ref, reason, self)
        if not callable(self._watcher):
            self._watcher.signal(down)
            return
        try:
            self._watcher(down)
        except Exception:  # noqa: BLE001 - the actor that ends must not pay for it
            telemetry.log_faulty_callback(self._watcher)

    def _claim(self) -> bool:
        try:
            self._pending.pop()
        except IndexError:
            return False
        return True


def monitor(ref: Ref, watcher: Ref | Callable[[Down], None]) -> Monitor:
    """Watch `ref`: a watching actor gets a `Down` message, a function is called with it.

    The `Down` is given exactly once, when the actor's loop has really ended and its names are free;
    at once, in this thread, if it had ended before.
    """
    watch = Monitor(ref, watcher)
    ref.watch(watch)
    return watch


class Ended:
    """What Pykka's `actor_stopped` event is asked for, without an event for each actor."""

    __slots__ = ("_ref",)

    def __init__(self, ref: Ref) -> None:
        self._ref = ref

    def is_set(self) -> bool:
        """Return whether the actor's loop has ended."""
        return self._ref.exit_reason is not None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; return whether it came."""
        down: queue.SimpleQueue[object] = queue.SimpleQueue()
        watch = monitor(self._ref, down.put)
        try:
            down.get(timeout=timeout)
        except queue.Empty:
            watch.cancel()
        return self.is_set()
