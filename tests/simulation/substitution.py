"""Puts the simulated primitives in the place of the real ones, in the packages, for a while.

Nobody else's are touched: what is replaced are the names in the modules of `supervision` and
`ledger_actors`, and the locks that they keep as globals.
"""

from __future__ import annotations

import _thread
import queue
import random
import secrets
import sqlite3
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from types import ModuleType
from typing import Any

import supervision.clock
from ledger_actors.command_ids import new_command_id
from supervision import POOLED, _cpython
from supervision.pool import Pool
from tests.simulation.primitives import Primitives
from tests.simulation.scheduler import Scheduler

__all__ = ["simulated", "substituted", "thread_locals"]

_REAL = (
    threading,
    queue,
    time,
    secrets,
    sqlite3,
    _thread.allocate_lock,
    threading.RLock,
    time.monotonic,
    time.perf_counter,
)
_LOCKS = (type(_thread.allocate_lock()), type(threading.RLock()))


def thread_locals() -> tuple[threading.local, ...]:
    """Return the thread-locals of the packages: each fiber has its own."""
    found = {
        id(value): value
        for module in _modules()
        for value in vars(module).values()
        if isinstance(value, threading.local)
    }
    return tuple(found.values())


@contextmanager
def simulated(scheduler: Scheduler, seed: int) -> Iterator[Primitives]:
    """Within the block the packages run on `scheduler`, and what is random is the seed's."""
    made = Primitives(scheduler)
    before = random.getstate()
    random.seed(seed)
    try:
        with substituted(_in_the_modules(made)), substituted(_in_few_places(made, scheduler)):
            new_command_id.begin()
            yield made
    finally:
        made.close_files()
        random.setstate(before)
        new_command_id.begin()


@contextmanager
def substituted(places: Iterable[tuple[Any, str, Any]]) -> Iterator[None]:
    """Within the block each attribute (of whom, its name) has another value."""
    undo: list[tuple[Any, str, Any]] = []
    try:
        for where, name, value in places:
            undo.append((where, name, vars(where)[name]))
            setattr(where, name, value)
        yield
    finally:
        for where, name, value in reversed(undo):
            setattr(where, name, value)


def _in_the_modules(made: Primitives) -> Iterator[tuple[Any, str, Any]]:
    replaced = _replaced(made)
    for module, name, value in _places(tuple(_modules())):
        if isinstance(value, _LOCKS):
            yield module, name, made.lock() if isinstance(value, _LOCKS[0]) else made.rlock()
        else:
            yield module, name, replaced[id(value)]


@cache
def _places(modules: tuple[ModuleType, ...]) -> list[tuple[ModuleType, str, Any]]:
    """Where in the modules there is something to be replaced; to look for it takes a while."""
    known = {id(one) for one in _REAL}
    return [
        (module, name, value)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, _LOCKS) or id(value) in known
    ]


def _in_few_places(made: Primitives, scheduler: Scheduler) -> Iterator[tuple[Any, str, Any]]:
    yield _cpython, "raise_in", scheduler.raise_in
    yield _cpython, "look", scheduler.look
    yield _cpython, "raise_again_when_lost", lambda *_: None
    yield supervision.clock, "datetime", _datetime(made)
    yield POOLED, "_lock", made.lock()
    yield POOLED, "_pool", _pool(scheduler)


class _AnyOfThem(list[Any]):
    """A pool's queue out of which any one is taken next, as the scheduler draws."""

    def __init__(self, scheduler: Scheduler) -> None:
        super().__init__()
        self._scheduler = scheduler

    def popleft(self) -> Any:
        at = int(self._scheduler.chance.random() * len(self))
        return self.pop(at)


def _pool(scheduler: Scheduler) -> Pool:
    pool = Pool(name="simulated-pool")
    pool._ready = _AnyOfThem(scheduler)  # type: ignore[assignment] # a queue for whoever takes from it
    return pool


def _replaced(made: Primitives) -> dict[int, Any]:
    """What is put in the place of each of `_REAL`, by its identity."""
    ticks = made.tick
    threads = made.instead(
        threading,
        Lock=made.lock,
        RLock=made.rlock,
        Event=made.event,
        Thread=made.thread,
        get_ident=made.ident,
        current_thread=made.current_thread,
    )
    queues = made.instead(queue, SimpleQueue=made.queue)
    clocks = made.instead(
        time,
        monotonic=ticks,
        perf_counter=ticks,
        time=made.time,
        time_ns=made.time_ns,
        sleep=made.sleep,
    )
    numbers = made.instead(secrets, token_hex=made.token_hex)
    files = made.instead(sqlite3, connect=made.connect)
    instead = (threads, queues, clocks, numbers, files, made.lock, made.rlock, ticks, ticks)
    return {id(real): one for real, one in zip(_REAL, instead, strict=True)}


def _datetime(made: Primitives) -> type[datetime]:
    class Datetime(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.fromtimestamp(made.time(), tz or UTC)

    return Datetime


def _modules() -> list[ModuleType]:
    return [
        module
        for name, module in sorted(sys.modules.items())
        if name.partition(".")[0] in ("supervision", "ledger_actors")
    ]
