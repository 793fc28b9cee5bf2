"""The same function over many items, so many at a time: tasks that are started as others end.

Source of the idea: `Task.Supervisor.async_stream_nolink
<https://hexdocs.pm/elixir/Task.Supervisor.html#async_stream_nolink/4>`_. Elixir's yields tagged
values; this one yields the tasks themselves, so that one failure is the consumer's to look at and
ends nothing else.
"""

from __future__ import annotations

import os
import queue
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from supervision.calls import waiting_for
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.errors import CallTimeout
from supervision.execution import blocking, current_ref
from supervision.monitors import monitor
from supervision.tasks import Task, start_owned
from supervision.terms import BRUTAL_KILL, ShutdownTime

if TYPE_CHECKING:
    from supervision.administration import Address
    from supervision.dispatch import Dispatcher

__all__ = ["async_stream"]

I = TypeVar("I")  # noqa: E741 - an item
T = TypeVar("T")


def async_stream(
    supervisor: Address,
    function: Callable[[I], T],
    items: Iterable[I],
    *,
    max_concurrency: int | None = None,
    ordered: bool = True,
    timeout: float | None = None,
    shutdown: ShutdownTime | None = None,
    dispatcher: Dispatcher | None = None,
    clock: Clock = SYSTEM_CLOCK,
) -> Iterator[Task[T]]:
    """Run `function(item)` for each item as a task, and yield each task when it has ended.

    Everything happens in the consumer's thread while it waits for the next task. No more than
    `max_concurrency` tasks are started and not yet yielded, so results do not pile up, and `items`
    may be endless. A consumer that stops early, with `break` or by an exception, leaves nothing
    running: what still runs is killed, and its end is waited for. So it is, without the waiting,
    when the consumer is an actor and ends.

    Args:
        supervisor: the ref or name of a `TaskSupervisor`.
        function: what to run.
        items: what it gets, one by one; read as tasks are started.
        max_concurrency: how many run at once; by default as many as the machine has processors.
        ordered: whether to yield in the order of `items`, or else as they end.
        timeout: the seconds each task has; one that takes longer is killed when the consumer waits
            next, and its `result` raises `CallTimeout`.
        shutdown: as for `start_task`; so is `dispatcher`.
        dispatcher: where the tasks run.
        clock: what `timeout` is measured by.

    Raises:
        ValueError: `max_concurrency` is below one, or `timeout` below zero.
        MaxChildren: the supervisor is full; raised by the iteration, as all that follow.
        ActorDead: the supervisor has ended.
        CallCycle: a task that is waited for waits for the actor that consumes.

    Example:
        >>> from supervision import TaskSupervisor, async_stream
        >>> tasks = TaskSupervisor.start()
        >>> [task.result() for task in async_stream(tasks, abs, [-1, 2, -3], max_concurrency=2)]
        [1, 2, 3]
        >>> tasks.stop()
        True
    """
    width = os.cpu_count() or 1 if max_concurrency is None else max_concurrency
    if width < 1:
        msg = f"max_concurrency: 1 or more, not {max_concurrency!r}"
        raise ValueError(msg)
    if timeout is not None and timeout < 0:
        msg = f"timeout: zero seconds or more, or None, not {timeout!r}"
        raise ValueError(msg)

    def begin(item: I) -> Task[T]:
        return start_owned(
            supervisor, current_ref(), function, item, shutdown=shutdown, dispatcher=dispatcher
        )

    return _Stream(begin, items, width, ordered=ordered, timeout=timeout, clock=clock).tasks()


@dataclass(slots=True, eq=False)
class _Open(Generic[T]):
    """A task that was started and not yet yielded."""

    task: Task[T]
    due: float | None
    ended: bool = False


class _Stream(Generic[I, T]):
    """One run through the items. Used by one thread; the ends of tasks come in by a queue."""

    def __init__(
        self,
        begin: Callable[[I], Task[T]],
        items: Iterable[I],
        width: int,
        *,
        ordered: bool,
        timeout: float | None,
        clock: Clock,
    ) -> None:
        self._begin = begin
        self._items = iter(items)
        self._width = width
        self._ordered = ordered
        self._timeout = timeout
        self._clock = clock
        self._open: list[_Open[T]] = []
        self._ended: deque[_Open[T]] = deque()
        self._news: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def tasks(self) -> Iterator[Task[T]]:
        """Yield the tasks; kill what is left when the consumer does not come back."""
        unsubscribe = self._clock.subscribe(lambda: self._news.put(None))
        try:
            self._fill()
            while self._open:
                yield self._next()
                self._fill()
        finally:
            unsubscribe()
            self._stop()

    def _fill(self) -> None:
        while len(self._open) < self._width:
            try:
                item = next(self._items)
            except StopIteration:
                return
            task = self._begin(item)
            due = None if self._timeout is None else self._clock.monotonic() + self._timeout
            one = _Open(task, due)
            self._open.append(one)
            monitor(task.ref, lambda _, one=one: self._news.put(one))  # type: ignore[misc]

    def _next(self) -> Task[T]:
        while not (self._open[0].ended if self._ordered else self._ended):
            self._wait()
        one = self._open[0] if self._ordered else self._ended.popleft()
        self._open.remove(one)
        return one.task

    def _wait(self) -> None:
        due = self._end_overdue()
        seconds = None if due is None else self._clock.wait_seconds(due)
        try:
            with waiting_for(self._open[0].task.ref), blocking(wake=self._news):
                news = self._news.get(timeout=seconds)
        except queue.Empty:
            return
        if news is not None:
            news.ended = True
            if not self._ordered:
                self._ended.append(news)

    def _end_overdue(self) -> float | None:
        """Give up the tasks whose time is over; return when the next one's is."""
        now = self._clock.monotonic()
        for one in self._open:
            if one.due is None or one.ended:
                continue
            if one.due > now:
                return one.due
            one.due = None
            msg = f"the task did not end within {self._timeout:g} seconds"
            one.task.fail(CallTimeout(msg))
        return None

    def _stop(self) -> None:
        left = [one.task for one in self._open if one.task.exit_reason is None]
        for task in left:
            task.cancel()
        for task in left:
            task.shutdown(BRUTAL_KILL)
