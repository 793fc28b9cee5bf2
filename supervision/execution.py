"""What code that runs on an actor's thread may say of itself: not now, I wait, who am I.

An actor that is killed must not harm what it shares with others. What it does to them in several
steps (putting a message and waking its reader, settling a future and calling back) is either
*shielded*, so that a kill waits, or is finished by whoever catches `ActorKilled`: there is one kill
in an actor's life, so the second try is undisturbed.

A shield raises at its end the kill that came meanwhile. Whether an injected exception has been
raised yet cannot be known, so a shield inside of `except ActorKilled` raises again at its end: such
a handler does what it must in one shield.
"""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING

from supervision import _cpython
from supervision.executor import THREAD, Executor, current

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = ["blocking", "current_ref", "interruptible", "shield"]


def current_ref() -> Ref | None:
    """Return the actor that runs on the calling thread: Erlang's `self()`."""
    executor = THREAD.executor
    return None if executor is None else executor.current


def interruptible() -> bool:
    """Return whether a kill of the actor on this thread would be raised at once."""
    executor = current()
    return executor is not None and executor.exposed is not None


class blocking:  # noqa: N801 - used as a function
    """Say that this thread is about to wait for something outside its actor.

    On a shared pool another worker stands in meanwhile. `wake` is woken when the actor is killed,
    so that the wait ends. Outside actors it does nothing; within another such block it is the same
    wait.

    Raises:
        RuntimeError: the system has no thread left for the one who would stand in, and nobody else
            of the pool runs.
    """

    __slots__ = ("_before", "_executor", "_lent", "_wake")

    def __init__(self, *, wake: queue.SimpleQueue[object] | None = None) -> None:
        self._wake = wake
        self._before: queue.SimpleQueue[object] | None = None
        self._executor: Executor | None = None
        self._lent = False

    def __enter__(self) -> None:
        executor = current()
        if executor is None:
            return
        try:
            with shield():
                self._before, executor.wake = executor.wake, self._wake
                self._executor = executor
                self._lent = executor.lend()
        except BaseException:
            self._end(executor)
            raise

    def __exit__(self, *_exc_info: object) -> None:
        # Where a kill comes before it is put back, `Executor.tidy` does it.
        if self._executor is not None:
            self._end(self._executor)

    def _end(self, executor: Executor) -> None:
        executor.wake = self._before
        if self._lent:
            with shield():
                executor.take_back()


class shield:  # noqa: N801 - used as a function
    """Put off a kill of the actor on this thread until the block is done.

    For steps on shared things that must all be done or none. Keep it short and wait for nothing.
    Outside actors, and within another shield, it does nothing.

    Raises:
        ActorKilled: at the end of the block, if a kill came meanwhile; whatever the block raised.
    """

    __slots__ = ("_executor", "_ref")

    _executor: Executor
    _ref: Ref | None

    # Many times at each command: so no `__init__`.

    def __enter__(self) -> None:
        executor = THREAD.executor
        if executor is None or executor.exposed is None:
            self._ref = None
        else:
            self._executor = executor
            self._ref = executor.cover()

    def __exit__(self, *_exc_info: object) -> None:
        if self._ref is not None:
            self._executor.uncover(self._ref)


_cpython.guard_thread_starts(shield)
