"""Where an actor runs: the protocol of a dispatcher, and the one with a thread for each actor.

The other, for many actors on few threads, is in `supervision.pool`.
"""

from __future__ import annotations

import threading
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from supervision.executor import Executor
    from supervision.ref import Ref

__all__ = ["OWN_THREAD", "Dispatcher", "OwnThread", "Runnable", "Turn", "thread_numbers"]

TURN_SECONDS = 0.005

thread_numbers = count()
"""For the names of threads: one row of numbers for all of a program's."""


class Turn(Enum):
    """How a turn of an actor went."""

    OVER = "it may have more"
    ENDED = "it has ended"
    LOST = "it had been declared ended before its thread came back"


class Runnable(Protocol):
    """What a dispatcher knows of an actor."""

    use_daemon_thread: ClassVar[bool]

    @property
    def actor_ref(self) -> Ref:
        """The reference to it."""

    def run_alone(self) -> None:
        """Run the whole life on this thread."""

    def run_turn(self, executor: Executor, until: float) -> Turn:
        """Run one turn on a shared thread, until `time.perf_counter()` is `until` at the latest."""


class Dispatcher(Protocol):
    """Starts the loop of an actor and decides on which thread it goes on."""

    def begin(self, actor: Runnable) -> None:
        """Start running `actor`; its `on_start` runs first. Returns at once."""

    def wake(self, ref: Ref) -> None:
        """A message was put into the mailbox of `ref`."""

    def replace(self, executor: Executor) -> None:
        """The thread of `executor` was given up while an actor of this dispatcher was on it."""


class OwnThread:
    """One thread an actor: for those that wait, and for the few that must not be kept waiting."""

    def begin(self, actor: Runnable) -> None:
        """Start a thread named after the actor's class, as Pykka does."""
        threading.Thread(
            target=actor.run_alone,
            name=f"{type(actor).__name__}-{next(thread_numbers)}",
            daemon=actor.use_daemon_thread,
        ).start()

    def wake(self, ref: Ref) -> None:
        """Do nothing: the thread sleeps on the mailbox itself."""

    def replace(self, executor: Executor) -> None:
        """Count the thread; nobody else waits for it."""
        executor.abandon()


OWN_THREAD = OwnThread()
