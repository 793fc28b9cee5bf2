"""What threads meet at, on the scheduler: locks, queues, events, threads, and the clock.

They have the methods of those of the standard library that the packages use, and no more. Outside
of a fiber they never wait.
"""

from __future__ import annotations

import queue
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.simulation.fibers import Fiber, SimulationOver
from tests.simulation.scheduler import Scheduler

__all__ = ["Primitives"]

EPOCH = 1_772_481_600.0 - 1000.0
"""So that a simulation begins at 2026-03-02 20:00 UTC, when its clock shows 1,000 seconds."""


class Lock:
    """As `threading.Lock`."""

    __slots__ = ("_locked", "_scheduler", "_waiting")

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._locked = False
        self._waiting: deque[Fiber] = deque()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        self._scheduler.point()
        seconds = None if timeout < 0 else timeout
        while self._locked:
            if not blocking or not _wait(self._scheduler, self._waiting, seconds):
                return False
        self._locked = True
        return True

    def release(self) -> None:
        if not self._locked and not self._scheduler.over:
            raise RuntimeError("release of a lock that nobody holds")
        self._locked = False
        _wake_first(self._scheduler, self._waiting)
        self._scheduler.between()

    def locked(self) -> bool:
        return self._locked

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class RLock:
    """As `threading.RLock`."""

    __slots__ = ("_count", "_lock", "_owner", "_scheduler")

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._lock = Lock(scheduler)
        self._owner: Fiber | None = None
        self._count = 0

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        fiber = self._scheduler.current
        if self._count and self._owner is fiber:
            self._count += 1
            return True
        if not self._lock.acquire(blocking, timeout):
            return False
        self._owner, self._count = fiber, 1
        return True

    def release(self) -> None:
        self._count -= 1
        if not self._count:
            self._owner = None
            self._lock.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class SimpleQueue:
    """As `queue.SimpleQueue`."""

    __slots__ = ("_items", "_scheduler", "_waiting")

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._items: deque[Any] = deque()
        self._waiting: deque[Fiber] = deque()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        self._scheduler.point()
        self._items.append(item)
        _wake_first(self._scheduler, self._waiting)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        scheduler = self._scheduler
        scheduler.point()
        deadline = None if timeout is None else scheduler.now + timeout
        while not self._items:
            if not block:
                raise queue.Empty
            left = None if deadline is None else max(0.0, deadline - scheduler.now)
            if not _wait(scheduler, self._waiting, left) and not self._items:
                raise queue.Empty
        item = self._items.popleft()
        scheduler.look()  # the first step in Python after a wait
        return item

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def empty(self) -> bool:
        return not self._items

    def qsize(self) -> int:
        return len(self._items)


class Event:
    """As `threading.Event`."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._set = False
        self._waiting: deque[Fiber] = deque()

    def is_set(self) -> bool:
        return self._set

    def set(self) -> None:
        self._scheduler.point()
        self._set = True
        while self._waiting:
            _wake_first(self._scheduler, self._waiting)

    def clear(self) -> None:
        self._set = False

    def wait(self, timeout: float | None = None) -> bool:
        self._scheduler.point()
        return self._set or _wait(self._scheduler, self._waiting, timeout)


class Thread:
    """As `threading.Thread`."""

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        target: Callable[..., object],
        name: str = "thread",
        args: Iterable[Any] = (),
        daemon: bool | None = None,
    ) -> None:
        self._scheduler = scheduler
        self._target = target
        self._args = tuple(args)
        self._fiber: Fiber | None = None
        self.name = name
        self.daemon = daemon

    @property
    def ident(self) -> int | None:
        return None if self._fiber is None else self._fiber.ident

    def start(self) -> None:
        self._scheduler.point()
        self._fiber = self._scheduler.start(self.name, lambda: self._target(*self._args) and None)

    def is_alive(self) -> bool:
        return self._fiber is not None and not self._fiber.done

    def join(self, timeout: float | None = None) -> None:
        self._scheduler.point()
        if self._fiber is not None and not self._fiber.done:
            self._scheduler.wait(self._fiber.joiners, timeout)


class _Instead:
    """A module in the place of another: some of its names are replaced."""

    def __init__(self, module: Any, names: Mapping[str, Any]) -> None:
        self.__dict__.update(names)
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


class Primitives:
    """All of them for one scheduler, by where the packages look for them."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._connections: list[sqlite3.Connection] = []

    def connect(self, *args: Any, **how: Any) -> sqlite3.Connection:
        connection = sqlite3.connect(*args, **how)
        self._connections.append(connection)
        return connection

    def close_files(self) -> None:
        """Close what a program that was killed has left open."""
        for connection in self._connections:
            connection.close()

    def tick(self) -> float:
        return self._scheduler.tick()

    def lock(self) -> Lock:
        return Lock(self._scheduler)

    def rlock(self) -> RLock:
        return RLock(self._scheduler)

    def queue(self) -> SimpleQueue:
        return SimpleQueue(self._scheduler)

    def event(self) -> Event:
        return Event(self._scheduler)

    def thread(self, **how: Any) -> Thread:
        return Thread(self._scheduler, **how)

    def ident(self) -> int:
        return 0 if self._scheduler.current is None else self._scheduler.current.ident

    def current_thread(self) -> Any:
        return self._scheduler.current

    def sleep(self, seconds: float) -> None:
        self._scheduler.point()
        self._scheduler.wait(None, seconds)

    def time(self) -> float:
        return EPOCH + self._scheduler.tick()

    def time_ns(self) -> int:
        return int(self.time() * 1e9)

    def token_hex(self, size: int) -> str:
        return f"{self._scheduler.chance.getrandbits(8 * size):0{2 * size}x}"

    def instead(self, module: Any, **names: Any) -> Any:
        """Return what is put in the place of a module."""
        return _Instead(module, names)


def _wait(scheduler: Scheduler, waiting: deque[Fiber], seconds: float | None) -> bool:
    if scheduler.current is None:
        raise SimulationOver
    return scheduler.wait(waiting, seconds)


def _wake_first(scheduler: Scheduler, waiting: deque[Fiber]) -> None:
    if waiting:
        scheduler.wake(waiting.popleft())
