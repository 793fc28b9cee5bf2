"""Who is told of names that come and go.

A change is noted under the registry's lock and told when the lock is free: so everybody hears of
changes in the order in which they happened, and a listener may use the registry, and any lock of
its own, without a deadlock. One thread tells at a time; what others note meanwhile it tells too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import structlog

from supervision import telemetry
from supervision.execution import shield
from supervision.monitors import Monitor, monitor
from supervision.ref import Ref

if TYPE_CHECKING:
    from supervision.names import Name

__all__ = ["LISTENER_REMOVED", "Change", "Listener", "Listeners", "Registered", "Unregistered"]

LISTENER_REMOVED = telemetry.Event(
    "registry.listener_removed",
    "a listener has raised and is not called again",
    listener="the function",
    change="the `Registered` or `Unregistered` that it was called with",
    exception="what it raised",
)


@dataclass(frozen=True, slots=True)
class Registered:
    """Told to listeners: an actor has a new key."""

    registry: str
    key: Hashable
    ref: Ref
    value: Any


@dataclass(frozen=True, slots=True)
class Unregistered:
    """Told to listeners: an actor has given up a key, or has ended."""

    registry: str
    key: Hashable
    ref: Ref


Change: TypeAlias = Registered | Unregistered
Listener: TypeAlias = "Ref | Name | Callable[[Change], object]"


class _Listening:
    """One listener; added twice it is told twice."""

    __slots__ = ("listener", "watch")

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.watch: Monitor | None = None


class Listeners:
    """The listeners of one registry. Costs a test per change where there are none."""

    __slots__ = ("_all", "_lock", "_telling", "_untold")

    def __init__(self) -> None:
        self._all: tuple[_Listening, ...] = ()
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._untold: deque[Change] = deque()

    def __bool__(self) -> bool:
        return bool(self._all)

    def __len__(self) -> int:
        return len(self._all)

    def add(self, listener: Listener) -> Callable[[], None]:
        """Tell `listener` from now on; return what ends it. An actor's end ends it, too."""
        listening = _Listening(listener)
        with self._lock:
            self._all = (*self._all, listening)
        if isinstance(listener, Ref):
            listening.watch = monitor(listener, lambda _: self._remove(listening))
        return lambda: self._remove(listening)

    def note(self, change: Change) -> None:
        """Take down a change, to be told next; the caller holds the registry's lock."""
        self._untold.append(change)

    def tell(self) -> None:
        """Tell what was noted; the caller holds no lock.

        A kill of the actor on this thread waits meanwhile, so that no listener hears of half.
        """
        while self._untold:
            with shield():
                if not self._telling.acquire(blocking=False):
                    return  # whoever tells, perhaps this thread further up, looks once more
                try:
                    self._tell_untold()
                finally:
                    self._telling.release()

    def _tell_untold(self) -> None:
        while self._untold:
            change = self._untold.popleft()
            for listening in self._all:
                self._tell_one(listening, change)

    def _tell_one(self, listening: _Listening, change: Change) -> None:
        listener = listening.listener
        if not callable(listener):
            if listener.is_alive():
                listener.signal(change)
            return
        try:
            listener(change)
        except Exception as exception:  # noqa: BLE001 - whoever registers must not pay for it
            self._remove(listening)
            structlog.get_logger().exception(LISTENER_REMOVED, listener=repr(listener))
            telemetry.emit(LISTENER_REMOVED, listener=listener, change=change, exception=exception)

    def _remove(self, listening: _Listening) -> None:
        with self._lock:
            self._all = tuple(one for one in self._all if one is not listening)
        if listening.watch is not None:
            listening.watch.cancel()
