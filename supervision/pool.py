"""Many actors on few threads.

A pooled actor is *queued* from the moment it is handed to the pool until its turn begins, and
*busy* during its turn; the lock that says so is held by the worker, so that an actor is never in
two places. Being queued twice does no harm (a sender may be killed between two steps), not being
queued would: the flag is lowered before the mailbox is looked at, and whoever ends a turn looks
once more.
A turn ends after a number of messages or `TURN_SECONDS`, whichever is first, and the actor goes
to the back of the queue: one that has much to do does not starve the others.
"""

from __future__ import annotations

import queue
import threading
import time
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

__all__ = ["POOLED", "Pool", "SharedPool"]

IDLE_SECONDS = 5.0  # after which a worker that only stood in for a waiting one retires

_pool_numbers = count()


class Pool:
    """`size` threads that take turns at running actors. Threads are started when first needed.

    A worker that waits lends its place to another, so that `size` can always run. One whose actor
    was abandoned is replaced; if it comes back it ends after its turn.
    """

    def __init__(self, size: int = 4, name: str | None = None) -> None:
        if size < 1:
            msg = f"a pool needs one thread or more, not {size}"
            raise ValueError(msg)
        self.size = size
        self.name = name or f"pool-{next(_pool_numbers)}"
        self._ready: queue.SimpleQueue[Ref | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._workers = 0
        self._waiting = 0
        self._closed = False

    def begin(self, actor: Runnable) -> None:
        """Queue the actor's first turn.

        Raises:
            PoolClosed: the pool is closed.
            RuntimeError: the system has no thread left, and the pool has none.
        """
        if self._closed:
            raise PoolClosed(self.name)
        ref = actor.actor_ref
        ref.busy = threading.Lock()
        ref.queued = True
        self._ready.put(ref)
        if self._runners() < self.size:
            self._staff()

    def wake(self, ref: Ref) -> None:
        """Queue a turn for `ref` unless it has one already. On a closed pool it is killed."""
        if not ref.queued:
            ref.queued = True
            self._ready.put(ref)
            if self._runners() < self.size:
                self._staff_if_possible()

    def lend(self) -> None:
        """Let another worker run: one is about to wait.

        Raises:
            RuntimeError: the system has no thread left, and no other worker runs.
        """
        with self._lock:
            self._waiting += 1
        self._staff()

    def take_back(self) -> None:
        """One worker has done waiting; a worker too many retires when it is idle."""
        with self._lock:
            self._waiting -= 1

    def replace(self, executor: Executor) -> None:
        """Start a worker in the place of one whose thread is stuck."""
        if executor.abandon():
            with self._lock:
                self._workers -= 1
            self._staff_if_possible()

    def close(self) -> None:
        """End the workers: the idle ones now, each other one after its turn.

        Actors that are left are killed as soon as there is something for them to do, so that
        whoever asks them has an answer.
        """
        with shield():
            with self._lock:
                self._closed = True
                workers = self._workers
            for _ in range(workers):
                self._ready.put(None)
            self._end_left()

    @property
    def workers(self) -> int:
        """How many threads it has at the moment."""
        return self._workers

    def _runners(self) -> int:
        return self._workers - self._waiting

    def _staff_if_possible(self) -> None:
        try:
            self._staff()
        except RuntimeError as exception:
            # There is nobody to tell; the next message tries again.
            telemetry.log_pool_short(self.name, self._workers, exception)

    def _staff(self) -> None:
        with shield():  # a worker that is counted must be started, whoever is killed over it
            if self._closed:
                self._end_left()
                return
            with self._lock:
                missing = self.size + self._waiting - self._workers
                missing = max(0, min(missing, max(1, self._ready.qsize())))
                self._workers += missing
            for started in range(missing):
                try:
                    self._start_worker()
                except RuntimeError as exception:
                    self._could_not_start(missing - started, exception)
                    return

    def _start_worker(self) -> None:
        threading.Thread(
            target=self._work, name=f"{self.name}-{next(thread_numbers)}", daemon=True
        ).start()

    def _could_not_start(self, number: int, exception: RuntimeError) -> None:
        with self._lock:
            self._workers -= number
        if self._runners() <= 0:
            raise exception
        telemetry.log_pool_short(self.name, self._workers, exception)

    def _work(self) -> None:
        executor = Executor(self)
        executor.bind()
        try:
            while not executor.given_up and self._next_turn(executor):
                pass
        finally:
            self._leave(executor)

    def _next_turn(self, executor: Executor) -> bool:
        """Run one turn; return whether the worker stays."""
        try:
            ref = self._ready.get(timeout=IDLE_SECONDS)
        except queue.Empty:
            return not self._spare()
        if self._closed:
            if ref is not None:
                self._ready.put(ref)
            return False
        if ref is not None:
            self._turn(executor, ref)
        return not self._closed

    def _leave(self, executor: Executor) -> None:
        # One that was given up has been counted out by whoever did so.
        if not executor.finish():
            with self._lock:
                self._workers -= 1
        if self._ready.qsize():
            self._staff_if_possible()

    def _turn(self, executor: Executor, ref: Ref) -> None:
        assert ref.busy is not None
        ref.queued = False
        if not ref.busy.acquire(blocking=False):
            return  # it is on another worker, which looks once more when it has done
        actor = ref.running
        if actor is None:
            return  # it has ended, and keeps its lock: it never runs again
        if actor.run_turn(executor, time.perf_counter() + TURN_SECONDS) is Turn.OVER:
            ref.busy.release()
            if ref.has_work():
                self.wake(ref)

    def _spare(self) -> bool:
        with self._lock:
            return self._workers - self._waiting > self.size

    def _end_left(self) -> None:
        """End the actors that wait for a turn which no worker of this closed pool will run."""
        while self._runners() <= 0:
            try:
                ref = self._ready.get_nowait()
            except queue.Empty:
                return
            if ref is not None and ref.busy is not None:
                ref.queued = False
                if ref.busy.acquire(blocking=False):  # else its worker looks once more
                    ref.end(KILLED)


class SharedPool:
    """The pool that all have who ask for none in particular; made when it is first needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: Pool | None = None

    @property
    def pool(self) -> Pool:
        """The pool itself."""
        if self._pool is None:
            with self._lock:
                if self._pool is None:
                    self._pool = Pool(name="shared-pool")
        return self._pool

    def resize(self, size: int) -> None:
        """Let `size` actors run at once, here and from now on; idle threads retire.

        Raises:
            ValueError: it is below one.
        """
        if size < 1:
            msg = f"a pool needs one thread or more, not {size}"
            raise ValueError(msg)
        self.pool.size = size

    def begin(self, actor: Runnable) -> None:
        """Run the actor on the shared pool from now on."""
        actor.actor_ref.dispatcher = self.pool
        self.pool.begin(actor)

    def wake(self, ref: Ref) -> None:
        """Queue a turn for `ref` unless it has one already."""
        self.pool.wake(ref)

    def replace(self, executor: Executor) -> None:
        """Start a worker in the place of one whose thread is stuck."""
        self.pool.replace(executor)


POOLED = SharedPool()
