"""The four things that are done to a node. None of them is a part of the product."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

from ledger_actors.runtime import Aggregate, Consumer
from supervision import Ref
from supervision.messages import SystemMessage
from tests.simulation.substitution import substituted

__all__ = ["Fault", "Hangs", "Hydrations"]

HANGS_SECONDS = 0.3
SLOW_SECONDS = 0.3


class Fault(StrEnum):
    """What is done."""

    KILL = "kill"
    CRASH = "crash"
    HANG = "hang"
    SLOW = "slow hydration"


class InjectedCrash(Exception):
    """An actor was made to raise it."""


class _Hang(SystemMessage):
    """Waits in C for a lock, where no kill reaches it."""

    def __init__(self, lock: threading.Lock, begun: threading.Event) -> None:
        self._lock = lock
        self._begun = begun

    def handle(self, actor: Any) -> None:
        del actor
        self._begun.set()
        with self._lock:
            pass


class Hangs:
    """Makes actors hang. Their threads are let go at the end, when all has long gone on."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lock.acquire()
        self.count = 0

    def hang(self, ref: Ref, seconds: float) -> bool:
        """Have an actor hang for `seconds`, and then give it up as an operator would.

        Return whether it came to that: it may have ended before.
        """
        begun = threading.Event()
        ref.signal(_Hang(self._lock, begun))
        if not begun.wait(seconds + 1.0):
            return False
        time.sleep(seconds)
        ref.abandon()
        self.count += 1
        return True

    def let_go(self) -> None:
        """Let all that hang go on: they find that they were given up."""
        self._lock.release()


class Hydrations:
    """Makes the next hydrations slow, when it is told to."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._slow_until = 0.0
        self.slowed = 0

    def slow_down(self, seconds: float) -> None:
        """Within the next `seconds` each hydration takes its time first."""
        self._slow_until = time.monotonic() + seconds

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within the block `slow_down` has its effect."""

        def slow(on_start: Callable[[Any], None]) -> Callable[[Any], None]:
            def on_start_slowly(actor: Any) -> None:
                if time.monotonic() < self._slow_until:
                    self.slowed += 1
                    time.sleep(self._chance.random() * SLOW_SECONDS)
                on_start(actor)

            return on_start_slowly

        kinds: tuple[Any, ...] = (Aggregate, Consumer)
        with substituted([(kind, "on_start", slow(kind.on_start)) for kind in kinds]):
            yield
