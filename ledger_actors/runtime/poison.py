"""Poison: an event at which a consumer's own code raises; and what is done about it.

It is tried again a bounded number of times. A restart is the better retry, since it comes with
nothing of what went before; but restarts are what a supervisor counts, and it counts those of all
its children together. So there is one for all consumers in a stretch of time (`Restarts`), which
stays below any intensity; the other retries are done in place, each after the whole of it was
undone. Either waits first, longer each time. So neither one poison event nor a thousand take the
tree down.

An attempt is one at which that code raised. It is counted in the memory that all actors share, and
so outlives restarts of any of them. Kills, a full or failing disk and a stop are none. When the
daemon ends, the counting begins anew.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable

import msgspec

from ledger_actors.runtime.consumer_messages import Stopping
from ledger_actors.runtime.errors import LedgerRuntimeError, NoSuchStream, ReadModelIncomplete
from ledger_actors.runtime.recorded import Recorded
from ledger_actors.store.errors import InvalidAppend, StoreError
from ledger_actors.store.faults import is_of_the_disk
from ledger_actors.store.model import RecordedEvent
from supervision import ActorDead, CallTimeout, Rejection, telemetry

__all__ = ["FAILED", "Failure", "Restarts", "is_poison"]

FAILED = telemetry.Event(
    "consumer.failed",
    "a consumer's own code raised at an event; it is tried again, or parked",
    consumer="its name",
    event_id="the event",
    attempts="how often that has happened",
)

_THE_EVENTS_FAULT = (NoSuchStream, ReadModelIncomplete, InvalidAppend, Rejection)
_NOBODYS_FAULT = (Stopping, LedgerRuntimeError, StoreError, ActorDead, CallTimeout, MemoryError)


class Failure(msgspec.Struct, frozen=True):
    """An event at which a consumer's code raised, how often so far, and the last time's error."""

    event_id: int
    type: str
    stream: str
    attempts: int
    error: str
    traceback: str

    @classmethod
    def of(
        cls, event: Recorded | RecordedEvent, problem: BaseException, *, attempts: int
    ) -> Failure:
        """Put an exception into words that any file and any terminal take."""
        error = f"{type(problem).__name__}: {problem}"
        told = "".join(traceback.format_exception(problem))
        return cls(
            event.id, event.type, event.stream, attempts, _printable(error), _printable(told)
        )

    def __str__(self) -> str:
        times = "once" if self.attempts == 1 else f"{self.attempts} times"
        what = f"event {self.event_id} ({self.type} of {self.stream})"
        return f"{what} was tried {times} and raised {self.error}"


class Restarts:
    """Lets one consumer at a time crash over poison, and then none for `gap` seconds."""

    def __init__(self, gap: float, *, now: Callable[[], float] = time.monotonic) -> None:
        self._gap = gap
        self._now = now
        self._lock = threading.Lock()
        self._last: float | None = None

    def allowed(self) -> bool:
        """Return whether the caller may crash now; who may is counted."""
        with self._lock:
            now = self._now()
            if self._last is not None and now - self._last < self._gap:
                return False
            self._last = now
            return True


def is_poison(problem: BaseException) -> bool:
    """Return whether it is the event's, or the code's, that is to deal with it: not the world's."""
    if isinstance(problem, _THE_EVENTS_FAULT):
        return True
    return not (isinstance(problem, _NOBODYS_FAULT) or is_of_the_disk(problem))


def _printable(text: str) -> str:
    return text.encode(errors="backslashreplace").decode()
