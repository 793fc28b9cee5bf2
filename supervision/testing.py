"""For tests of actors, ours and our users': no sleeps, no guesses.

`ManualClock` makes time pass when it is told to, `Gate` holds a thread where a test wants it,
`Sequencer` forces an order between threads, and `leaked_threads` tells what was left running.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from supervision.clock import ManualClock
from supervision.monitors import Down, monitor
from supervision.reasons import ExitReason
from supervision.ref import Ref

__all__ = [
    "HANG",
    "Gate",
    "ManualClock",
    "Sequencer",
    "leaked_threads",
    "wait_for_exit",
    "wait_until",
]

HANG = 20.0
"""Seconds after which a test is taken to hang. Generous: nothing that passes waits for it."""


class Gate:
    """A place in code where a thread waits until a test lets it pass."""

    def __init__(self) -> None:
        self._arrived = threading.Semaphore(0)
        self._open = threading.Event()

    def pass_through(self) -> None:
        """Say that this thread has arrived, and wait until the gate is open."""
        self._arrived.release()
        if not self._open.wait(HANG):
            msg = "nobody opened the gate"
            raise TimeoutError(msg)

    def wait_arrived(self) -> None:
        """Wait until one more thread has arrived."""
        if not self._arrived.acquire(timeout=HANG):
            msg = "nobody arrived at the gate"
            raise TimeoutError(msg)

    def open(self) -> None:
        """Let all pass, now and later."""
        self._open.set()


class Sequencer:
    """Forces steps in several threads into one order, as `trio.testing.Sequencer` does.

    Example:
        >>> order = Sequencer()
        >>> with order(0):
        ...     pass
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._next = 0

    @contextmanager
    def __call__(self, step: int) -> Iterator[None]:
        """Run the block as step number `step`, after all lower ones."""
        with self._condition:
            if not self._condition.wait_for(lambda: self._next == step, HANG):
                msg = f"step {step} waited in vain: the sequence stands at {self._next}"
                raise TimeoutError(msg)
        yield
        with self._condition:
            self._next += 1
            self._condition.notify_all()


def wait_for_exit(ref: Ref, *, timeout: float = HANG) -> ExitReason:
    """Wait until `ref` has ended and return the reason.

    Its parent and all who watched it before this call have been told by then.

    Raises:
        TimeoutError: it has not ended within `timeout` seconds.
    """
    ended = threading.Event()
    reasons: list[ExitReason] = []

    def note(down: Down) -> None:
        reasons.append(down.reason)
        ended.set()

    monitor(ref, note)
    if not ended.wait(timeout):
        msg = f"{ref.label} has not ended within {timeout} seconds"
        raise TimeoutError(msg)
    # A watch on one that is ending reports at once, maybe before those that were there first.
    wait_until(lambda: ref.watchers_told, timeout=timeout, what=f"who watches {ref.label}")
    return reasons[0]


def wait_until(condition: Callable[[], bool], *, timeout: float = HANG, what: str = "") -> None:
    """Wait for a condition that nothing announces, such as a thread that ends; polls.

    Raises:
        TimeoutError: it did not become true within `timeout` seconds.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            msg = f"waited {timeout} seconds in vain" + (f" for {what}" if what else "")
            raise TimeoutError(msg)
        time.sleep(0.001)


def leaked_threads(before: set[threading.Thread], *, patience: float = 5.0) -> list[str]:
    """Return the names of threads that were not there before and do not end within `patience`.

    Workers of pools are not counted: they stay for the next actor.
    """
    deadline = time.monotonic() + patience
    while True:
        left = [
            thread
            for thread in threading.enumerate()
            if thread not in before and thread.is_alive() and "pool" not in thread.name
        ]
        if not left or time.monotonic() > deadline:
            return [thread.name for thread in left]
        left[0].join(max(0.0, deadline - time.monotonic()))
