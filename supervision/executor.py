"""One thread that runs actors, and how a kill reaches the one that is on it.

A thread cannot be killed from outside; CPython can raise an exception in it asynchronously. The
danger is a late one: raised when the thread has already moved on to another actor, or is in the
middle of telling a supervisor of the end. So an exception is only injected while the actor is
exposed on it, and an actor that leaves takes back one that was injected but not yet raised. What
follows cannot be interrupted.

Leaving is done at each message, killing once in a life. So who kills holds the executor's lock, and
says so (`_injected`) before it looks whether the actor is exposed; who leaves first takes the actor
from view and then looks whether somebody kills, and only then takes the lock. The interpreter lock
puts these four steps in one order, so at least one of the two sees the other.

Raised once, then: whoever uncovers an actor looks whether a kill came meanwhile, and either raises
it itself, with nobody else injecting it, or lets it be injected from here on.

A thread that does not come back is counted as abandoned until it ends by itself.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from supervision import _cpython
from supervision.work import Work

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = ["THREAD", "ActorKilled", "Executor", "Spares", "abandoned_threads", "current"]


class ActorKilled(BaseException):
    """Raised in an actor's thread by a kill. Not an `Exception`, so that no handler keeps it."""


class Spares(Protocol):
    """A pool that can stand in for a thread that waits."""

    def lend(self) -> None:
        """Another worker may run: one of this pool's is about to wait."""

    def take_back(self) -> None:
        """The worker has done waiting."""


class _Thread(threading.local):
    executor: Executor | None = None


THREAD = _Thread()
"""What is known of the calling thread: its executor, `None` outside actors."""

_abandoned: dict[Executor, float] = {}


class Executor:
    """One thread that runs actors, its own one or one after the other.

    `current` is the actor that is on it; `exposed` is the same while a kill may be raised.
    """

    __slots__ = (
        "_finished",
        "_injected",
        "_lent",
        "_lock",
        "current",
        "exposed",
        "given_up",
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
        self.exposed: Ref | None = None
        self.wake: queue.SimpleQueue[object] | None = None
        self.given_up = False
        self.work = Work()
        self._lock = threading.Lock()
        self._injected = False
        self._lent = False
        self._finished = False

    def bind(self) -> None:
        """Make this the executor of the calling thread."""
        self.thread = threading.current_thread()
        self.ident = threading.get_ident()
        THREAD.executor = self
        self.work.join()

    def enter(self, ref: Ref) -> None:
        """From here on a kill of `ref` is raised in this thread."""
        ref.executor = self
        self.current = self.exposed = ref

    def leave(self, ref: Ref) -> None:
        """From here on no kill is raised in this thread; one on its way is taken back."""
        self.exposed = None
        if self._injected:
            self.cover()
        self.current = ref.executor = None

    def cover(self) -> Ref | None:
        """Put off a kill until `uncover`; return the actor whose kill that is, if any.

        One that is raised on the way in leaves everything as it was.
        """
        covered, self.exposed = self.exposed, None
        while self._injected:
            try:
                with self._lock:  # whoever is at it has done, or has seen nobody
                    if self._injected:
                        self._injected = False
                        self._take_it_here()
            except ActorKilled:
                continue  # it came before the lock was taken: again, undisturbed
        return covered

    def _take_it_here(self) -> None:
        # To clear an exception that waits leaves CPython looking for one at every step, for ever
        # (3.11: its flag falls only when one is raised). So the one that waits, or if it has been
        # raised a new one, is raised here.
        try:
            _raise_in(self.ident, ActorKilled)
            _cpython.look()
        except ActorKilled:
            return

    def uncover(self, ref: Ref) -> None:
        """Let `ref` be killed again.

        Raises:
            ActorKilled: it was killed meanwhile.
        """
        killed = ref.kill_requested
        if not killed:
            self.exposed = ref
            killed = ref.kill_requested
            if not killed:
                return
            self.cover()  # it came between the two, and may have been injected or not
        raise ActorKilled

    def interrupt(self, ref: Ref) -> bool:
        """Raise `ActorKilled` in this thread if `ref` may be killed on it; return whether so."""
        _cpython.raise_again_when_lost(ActorKilled, _lost)
        with self._lock:
            before, self._injected = self._injected, True
            if self.exposed is not ref:
                self._injected = before
                return False
            _raise_in(self.ident, ActorKilled)
            wake = self.wake
        if wake is not None:
            wake.put(None)
        return True

    def again(self) -> Iterable[object]:
        """Return what raises a kill again that CPython has lost on this thread, when iterated over.

        Nothing, if the actor is shielded: the end of that shield raises it.
        """
        ref, ident = self.exposed, self.ident
        if ref is None or ident is None or not ref.kill_requested:
            return ()
        self._injected = True  # without the lock: the thread that lowers it is this one
        return _cpython.raising_in(ident, ActorKilled)

    def lend(self) -> bool:
        """Let the pool run another worker while this one waits; return whether it was asked to.

        Raises:
            RuntimeError: there is nobody left who could run, and no thread to be had.
        """
        if self.pool is None:
            return False
        with self._lock:
            if self._lent or self.given_up:
                return False
            self._lent = True
        try:
            self.pool.lend()
        except RuntimeError:
            self.take_back()
            raise
        return True

    def take_back(self) -> None:
        """This thread no longer waits. Harmless if it had not said so, or was given up."""
        with self._lock:
            lent, self._lent = self._lent, False
        if lent and self.pool is not None:
            self.pool.take_back()

    def tidy(self) -> None:
        """Its actor has ended: what a kill has kept it from putting back is put back."""
        self.wake = None
        if self._lent:
            self.take_back()

    def abandon(self) -> bool:
        """Count this thread as given up until it ends by itself; return whether it is news.

        It ends after the turn that it is in, and is never again counted as one that waits.
        """
        with self._lock:
            if self.given_up or self._finished:
                return False
            self.given_up = True
            _abandoned[self] = time.monotonic()
        self.take_back()
        return True

    def finish(self) -> bool:
        """The thread is about to end, and is no longer counted; return whether it was given up."""
        with self._lock:
            self._finished = True
            _abandoned.pop(self, None)
        self.work.leave()
        return self.given_up


def current() -> Executor | None:
    """Return the executor of the calling thread, `None` outside actors."""
    return THREAD.executor


def abandoned_threads() -> list[tuple[str, float]]:
    """Return name and age in seconds of each thread that was given up and still runs."""
    now = time.monotonic()
    return [
        (executor.thread.name if executor.thread else "?", now - since)
        for executor, since in list(_abandoned.items())
    ]


def _raise_in(ident: int | None, exception: type[BaseException]) -> None:
    if ident is not None:
        _cpython.raise_in(ident, exception)


def _lost() -> Iterable[object]:
    executor = current()
    return () if executor is None else executor.again()
