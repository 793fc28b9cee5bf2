"""Ending a child: ask, wait until its deadline, kill, wait a little, abandon.

A thread cannot be killed from outside, so after a kill comes one more step than in OTP: a child
whose thread does not come back to Python within the grace is declared ended and left behind. The
first two steps lead to the child's `Exited`, which whoever stops it waits for.

`Stopping` reads no clock and waits for nothing: a static supervisor drives one at a time, a dynamic
one as many as it has children, through `Deadlines`.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import TYPE_CHECKING, Any

from supervision.execution import shield
from supervision.reasons import ABANDONED
from supervision.terms import BRUTAL_KILL, INFINITY, ShutdownTime

if TYPE_CHECKING:
    from supervision.reasons import ExitReason
    from supervision.ref import Ref

__all__ = ["KILL_GRACE", "Deadline", "Deadlines", "StopPhase", "Stopping"]

KILL_GRACE = 1.0
"""Seconds between a kill and the abandonment of a thread that does not react to it."""


class StopPhase(Enum):
    """How far the stop of a child has gone."""

    ASKED = "asked"
    KILLED = "killed"
    ABANDONED = "abandoned"


class Stopping:
    """The stop of one child. `deadline` is when `expire` is due; `None` waits as long as it takes.

    The calls on the child do not wait. A kill of the supervisor does not cut them in two.
    """

    __slots__ = ("_kill_grace", "brutal", "deadline", "phase", "ref")

    def __init__(
        self, ref: Ref, shutdown: ShutdownTime, *, now: float, kill_grace: float = KILL_GRACE
    ) -> None:
        self.ref = ref
        self._kill_grace = kill_grace
        self.deadline: float | None = None
        self.brutal = shutdown is BRUTAL_KILL
        if isinstance(shutdown, float | int):
            self.phase = StopPhase.ASKED
            self.deadline = None if shutdown == INFINITY else now + shutdown
            with shield():
                ref.shutdown()
        else:
            self._kill(now)

    def expire(self, now: float) -> None:
        """The deadline has passed and the child has not ended: take the next step."""
        if self.phase is StopPhase.ASKED:
            self._kill(now)
        elif self.phase is StopPhase.KILLED:
            self.phase = StopPhase.ABANDONED
            self.deadline = None
            with shield():
                self.ref.abandon()

    def abandoned_reason(self) -> ExitReason | None:
        """Return the exit reason of a child that was left behind, `None` before that.

        Nobody needs to wait for its `Exited`; and nobody must, because a supervisor that is killed
        at the wrong moment has taken it from its mailbox and not handled it.
        """
        if self.phase is not StopPhase.ABANDONED:
            return None
        return self.ref.exit_reason or ABANDONED

    def _kill(self, now: float) -> None:
        self.phase = StopPhase.KILLED
        self.deadline = now + self._kill_grace
        with shield():
            self.ref.kill()


@dataclass(order=True, slots=True)
class Deadline:
    """One thing that is due at a time, unless it is cancelled."""

    at: float
    number: int
    item: Any = field(compare=False)
    cancelled: bool = field(default=False, compare=False)


class Deadlines:
    """Things that are due at a time; the earliest first. Adding and cancelling are O(log n)."""

    def __init__(self) -> None:
        self._heap: list[Deadline] = []
        self._numbers = count()
        self._cancelled = 0

    def __len__(self) -> int:
        return len(self._heap) - self._cancelled

    def add(self, at: float, item: Any) -> Deadline:
        """Remember `item` until `at`."""
        deadline = Deadline(at, next(self._numbers), item)
        heapq.heappush(self._heap, deadline)
        return deadline

    def cancel(self, deadline: Deadline | None) -> None:
        """Forget one; harmless for `None`, or when it was due or cancelled already."""
        if deadline is None or deadline.cancelled:
            return
        deadline.cancelled = True
        self._cancelled += 1
        if self._cancelled > 64 and self._cancelled > len(self._heap) // 2:
            self._heap = [one for one in self._heap if not one.cancelled]
            heapq.heapify(self._heap)
            self._cancelled = 0

    def next_at(self) -> float | None:
        """Return when the earliest is due, `None` if there is none."""
        while self._heap and self._heap[0].cancelled:
            heapq.heappop(self._heap)
            self._cancelled -= 1
        return self._heap[0].at if self._heap else None

    def take_due(self, now: float) -> list[Any]:
        """Remove and return what is due at `now`, the earliest first."""
        due = []
        at = self.next_at()
        while at is not None and at <= now:
            deadline = heapq.heappop(self._heap)
            deadline.cancelled = True  # so that a later cancel is harmless
            due.append(deadline.item)
            at = self.next_at()
        return due
