"""Many actors on few threads.

A pooled actor is *queued* from the moment it is handed to the pool until its turn begins, and
*busy* during its turn; the lock that says so is held by the worker, so that an actor is never in
two places. Being queued twice does no harm (a sender may be killed between two steps), not being
queued would: the flag is lowered before the mailbox is looked at, and whoever ends a turn looks
once more.
A turn ends after a number of messages or `TURN_SECONDS`, whichever is first, and the actor goes
to the back of the queue: one that has much to do does not starve the others.

To wake a thread costs more than a turn, so one at a time is woken, as in Go's scheduler: it
*searches* until it has found an actor, and only then, if there is more to do, the next is woken. A
worker that has done with a turn takes the next actor itself. So while there is something to do and
a worker to spare, one is on its way; who rests longest is woken last, and its thread can go.
Whoever queues an actor first puts it in and then looks at `_may_rouse`; who goes to rest first
raises that and then looks at the queue. At least one of the two sees the other.
"""

from __future__ import annotations

import threading
import time
from _thread import allocate_lock
from collections import deque
from itertools import count
from typing import TYPE_CHECKING

from supervision import telemetry
from supervision.dispatch import TURN_SECONDS, Runnable, Turn, thread_numbers
from supervision.errors import PoolClosed
from supervision.execution import shield
from supervision.executor import Executor
from supervision.reasons import KILLED

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = ["Pool"]

IDLE_SECONDS = 5.0  # after which a worker that only stood in for a waiting one retires

_pool_numbers = count()


class _Worker:
    """A thread of a pool; who holds no `gate` rests."""

    __slots__ = ("executor", "gate", "retires", "searching")

    def __init__(self, pool: Pool) -> None:
        self.executor = Executor(pool)
        self.gate = allocate_lock()
        self.gate.acquire()
        self.searching = True
        self.retires = False


class Pool:
    """`size` threads that take turns at running actors. Threads are started when first needed.

    A worker that waits lends its place to another, so that `size` can always run. One whose actor
    was abandoned is replaced; if it comes back it ends after its turn.
    """

    def __init__(self, size: int = 4, name: str | None = None) -> None:
        self._lock = threading.Lock()
        self._ready: deque[Ref] = deque()
        self._resting: list[_Worker] = []
        self._workers = 0
        self._waiting = 0
        self._searching = False
        self._may_rouse = True
        self._closed = False
        self.size = size
        self.name = name or f"pool-{next(_pool_numbers)}"

    @property
    def size(self) -> int:
        """How many may run at once."""
        return self._size

    @size.setter
    def size(self, size: int) -> None:
        if size < 1:
            msg = f"a pool needs one thread or more, not {size}"
            raise ValueError(msg)
        with self._lock:
            self._size = size
            self._note()
            for worker in self._resting:  # to see whether they are too many
                worker.gate.release()
            self._resting.clear()

    @property
    def workers(self) -> int:
        """How many threads it has at the moment."""
        return self._workers

    def begin(self, actor: Runnable) -> None:
        """Queue the actor's first turn.

        Raises:
            PoolClosed: the pool is closed.
            RuntimeError: the system has no thread left, and the pool has none.
        """
        if self._closed:
            raise PoolClosed(self.name)
        ref = actor.actor_ref
        ref.busy = allocate_lock()
        ref.queued = True
        self._ready.append(ref)
        if self._may_rouse:
            self._rouse()

    def wake(self, ref: Ref) -> None:
        """Queue a turn for `ref` unless it has one already. On a closed pool it is killed."""
        if not ref.queued:
            ref.queued = True
            self._ready.append(ref)
            if self._may_rouse:
                self._rouse_if_possible()

    def lend(self) -> None:
        """Let another worker run: one is about to wait.

        Raises:
            RuntimeError: the system has no thread left, and no other worker runs.
        """
        with self._lock:
            self._waiting += 1
            self._note()
        if self._may_rouse and (self._ready or self._runners() <= 0):
            self._rouse()

    def take_back(self) -> None:
        """One worker has done waiting; a worker too many retires when it is idle."""
        with self._lock:
            self._waiting -= 1
            self._note()

    def replace(self, executor: Executor) -> None:
        """Start a worker in the place of one whose thread is stuck, if there is something to do."""
        if executor.abandon():
            self._count_out()

    def close(self) -> None:
        """End the workers: the idle ones now, each other one after its turn.

        Actors that are left are killed as soon as there is something for them to do, so that
        whoever asks them has an answer.
        """
        with shield():
            self._closed = True
            self.size = self._size  # wakes those that rest
            self._end_left()

    # -- who works ---------------------------------------------------------------------------------

    def _runners(self) -> int:
        return self._workers - self._waiting

    def _note(self) -> None:
        """Take note, under the lock, whether there is a worker to wake or to start."""
        missing = bool(self._resting) or self._runners() < self._size
        self._may_rouse = missing and not self._searching

    def _rouse_if_possible(self) -> None:
        try:
            self._rouse()
        except RuntimeError as exception:
            # There is nobody to tell; the next message tries again.
            telemetry.log_pool_short(self.name, self._workers, exception)

    def _rouse(self) -> None:
        """Wake a worker, or start one, unless one searches already or all that may run do."""
        with shield():  # a worker that is counted must be started, whoever is killed over it
            if self._closed:
                self._end_left()
                return
            with self._lock:
                self._note()
                if not self._may_rouse:
                    return
                self._searching, self._may_rouse = True, False
                worker = self._resting.pop() if self._resting else None
                self._workers += worker is None
            if worker is None:
                self._start_worker()
            else:
                worker.searching = True
                worker.gate.release()

    def _start_worker(self) -> None:
        name = f"{self.name}-{next(thread_numbers)}"
        try:
            threading.Thread(target=self._work, name=name, daemon=True).start()
        except RuntimeError as exception:
            with self._lock:
                self._workers -= 1
                self._searching = False
                self._note()
            if self._runners() <= 0:
                raise
            telemetry.log_pool_short(self.name, self._workers, exception)

    def _count_out(self) -> None:
        with self._lock:
            self._workers -= 1
            self._note()
        if self._ready and self._may_rouse:
            self._rouse_if_possible()

    # -- a worker ----------------------------------------------------------------------------------

    def _work(self) -> None:
        worker = _Worker(self)
        executor = worker.executor
        executor.bind()
        try:
            while not executor.given_up and (ref := self._next(worker)) is not None:
                self._turn(executor, ref)
        finally:
            if worker.searching:
                self._has_found(worker)
            # One that was given up has been counted out by whoever did so.
            if not executor.finish() and not worker.retires:
                self._count_out()

    def _next(self, worker: _Worker) -> Ref | None:
        """Return whose turn it is, when there is somebody; `None`: the worker is to end."""
        ready = self._ready
        while not self._closed:
            try:
                ref = ready.popleft()
            except IndexError:
                if self._rest(worker):
                    continue
                return None
            if worker.searching:
                self._has_found(worker)
            return ref
        return None

    def _has_found(self, worker: _Worker) -> None:
        worker.searching = False
        with self._lock:
            self._searching = False
            self._note()
        if self._ready and self._may_rouse:
            self._rouse_if_possible()

    def _rest(self, worker: _Worker) -> bool:
        """Wait for something to do; return whether the worker stays."""
        with self._lock:
            if self._closed:
                return True  # to see that
            if worker.searching:
                worker.searching = self._searching = False
            self._resting.append(worker)
            self._note()
            spare = self._runners() > self._size
        if self._ready and self._may_rouse:
            self._rouse_if_possible()
        if worker.gate.acquire(timeout=IDLE_SECONDS if spare else -1):
            return True
        with self._lock:
            if worker in self._resting:
                self._resting.remove(worker)
                worker.retires = self._runners() > self._size
                self._workers -= worker.retires
                self._note()
                return not worker.retires
        return worker.gate.acquire()  # somebody is just about to open it

    def _turn(self, executor: Executor, ref: Ref) -> None:
        busy = ref.busy
        assert busy is not None
        ref.queued = False
        if not busy.acquire(False):
            return  # it is on another worker, which looks once more when it has done
        actor = ref.running
        if actor is None:
            return  # it has ended, and keeps its lock: it never runs again
        if actor.run_turn(executor, time.perf_counter() + TURN_SECONDS) is Turn.OVER:
            busy.release()
            if ref.has_work():
                self.wake(ref)

    def _end_left(self) -> None:
        """End the actors that wait for a turn which no worker of this closed pool will run."""
        while self._runners() <= 0:
            try:
                ref = self._ready.popleft()
            except IndexError:
                return
            if ref.busy is not None:
                ref.queued = False
                if ref.busy.acquire(False):  # else its worker looks once more
                    ref.end(KILLED)
