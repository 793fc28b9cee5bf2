"""What runs on this thread: the link between an actor, its thread, and whoever must kill it.

A thread cannot be killed from outside; CPython can raise an exception in it asynchronously. The
danger is a late one: raised when the thread has already moved on to another actor, or is in the
middle of telling a supervisor of the end. So an exception is only injected under the executor's
lock while the actor is on it, and an actor leaves under the same lock, taking back an exception
that was injected but not yet raised. What follows cannot be interrupted.

An actor that is killed must not harm what it shares with others. What it does to them in several
steps (putting a message and waking its reader, settling a future and calling back) is either
*shielded*, so that a kill waits, or is finished by whoever catches `ActorKilled`: there is one kill
in an actor's life, so the second try is undisturbed.
"""

from __future__ import annotations

import ctypes
import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from supervision.work import Work

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = [
    "ActorExit",
    "ActorKilled",
    "Executor",
    "abandoned_threads",
    "blocking",
    "current",
    "current_ref",
    "shield",
]


class ActorKilled(BaseException):
    """Raised in an actor's thread by a kill. Not an `Exception`, so that no handler keeps it."""


class ActorExit(BaseException):
    """Raised by a wait for a message when an exit signal has come, which ends the actor."""


class Spares(Protocol):
    """A pool that can stand in for a thread that waits."""

    def lend(self) -> None:
        """Another worker may run: one of this pool's is about to wait."""

    def take_back(self) -> None:
        """The worker has done waiting."""


_thread = threading.local()
_abandoned: dict[Executor, float] = {}


class Executor:
    """One thread that runs actors, its own one or one after the other."""

    __slots__ = (
        "_finished",
        "_injected",
        "_lock",
        "current",
        "ident",
        "pool",
        "thread",
        "wake",
        "work",
    )

    def __init__(self, pool: Spares | None = None) -> None:
        self.pool = pool
        self.thread: threading.Thread | None = None
        self.ident: int | None = None
        self.current: Ref | None = None
        self.wake: queue.SimpleQueue[object] | None = None
        self.work = Work()
        self._lock = threading.Lock()
        self._injected = False
        self._finished = False

    def bind(self) -> None:
        """Make this the executor of the calling thread."""
        self.thread = threading.current_thread()
        self.ident = threading.get_ident()
        _thread.executor = self
        self.work.join()

    def enter(self, ref: Ref) -> None:
        """From here on a kill of `ref` is raised in this thread."""
        ref.executor = self
        self.current = ref

    def leave(self, ref: Ref) -> None:
        """From here on no kill is raised in this thread; one on its way is taken back."""
        while True:
            try:
                with self._lock:
                    self.current = None
                    if self._injected:
                        self._injected = False
                        _raise_in(self.ident, None)
                ref.executor = None
            except ActorKilled:
                continue  # it came before the lock was taken: leave again, undisturbed
            return

    def interrupt(self, ref: Ref) -> bool:
        """Raise `ActorKilled` in this thread if `ref` is on it; return whether it was."""
        with self._lock:
            if self.current is not ref:
                return False
            self._injected = True
            _raise_in(self.ident, ActorKilled)
            wake = self.wake
        if wake is not None:
            wake.put(None)
        return True

    def abandon(self) -> None:
        """Count this thread as given up until it ends by itself."""
        with self._lock:
            if not self._finished:
                _abandoned[self] = time.monotonic()

    def finish(self) -> None:
        """The thread is about to end; if it was given up, it is no longer counted."""
        with self._lock:
            self._finished = True
            _abandoned.pop(self, None)
        self.work.leave()


def current() -> Executor | None:
    """Return the executor of the calling thread, `None` outside actors."""
    executor: Executor | None = getattr(_thread, "executor", None)
    return executor


def current_ref() -> Ref | None:
    """Return the actor that runs on the calling thread: Erlang's `self()`."""
    executor = current()
    return None if executor is None else executor.current


@contextmanager
def blocking(*, wake: queue.SimpleQueue[object] | None = None) -> Iterator[None]:
    """Say that this thread is about to wait for something outside its actor.

    On a shared pool another worker stands in meanwhile. `wake` is woken when the actor is killed,
    so that the wait ends. Outside actors it does nothing.
    """
    executor = current()
    if executor is None:
        yield
        return
    lent: list[Spares] = []
    executor.wake = wake
    try:
        if executor.pool is not None:
            with shield():  # a pool that counts a worker and has none is one short for ever
                executor.pool.lend()
                lent.append(executor.pool)
        yield
    finally:
        executor.wake = None
        with shield():
            for pool in lent:
                pool.take_back()


@contextmanager
def shield() -> Iterator[None]:
    """Put off a kill of the actor on this thread until the block is done.

    For steps on shared things that must all be done or none. Keep it short and wait for nothing.
    Outside actors it does nothing.
    """
    executor = current()
    ref = None if executor is None else executor.current
    if executor is None or ref is None:
        yield
        return
    executor.leave(ref)
    try:
        yield
    finally:
        executor.enter(ref)
    if ref.kill_requested:
        raise ActorKilled


def abandoned_threads() -> list[tuple[str, float]]:
    """Return name and age in seconds of each thread that was given up and still runs."""
    now = time.monotonic()
    return [
        (executor.thread.name if executor.thread else "?", now - since)
        for executor, since in list(_abandoned.items())
    ]


def _raise_in(ident: int | None, exception: type[BaseException] | None) -> None:
    if ident is None:
        return
    target = ctypes.py_object(exception) if exception is not None else None
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), target)
