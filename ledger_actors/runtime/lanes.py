"""Lanes: the commands for one aggregate stay in their order, also those that are tried again.

A command that failed for a reason of the moment goes back into its aggregate's lane. As long as one
waits there, those that come after it wait behind it; and it sets out again when all that are on
their way have come back, so that what was sent before it is settled. One that is not ready yet
(it is being looked whether there is what it names) holds up those behind it in the same way. A lane
exists only while somebody is in it.
"""

from __future__ import annotations

import threading
from bisect import insort
from collections.abc import Callable, Hashable, Sequence
from functools import partial
from operator import attrgetter
from typing import Protocol

from supervision import Ref
from supervision.execution import shield

__all__ = ["Lanes", "NoLanes", "Traveller"]

_by_number = attrgetter("number")


class Traveller(Protocol):
    """A command or a question on its way."""

    @property
    def number(self) -> float:
        """Its place among all."""

    @property
    def key(self) -> Hashable:
        """Its lane."""

    def go(self, to: Ref | None) -> None:
        """Set out, to the actor of this lane if it runs; must not wait.

        It may have come back when this returns.
        """

    def gave_up(self) -> bool:
        """Return whether nobody waits for it any more."""

    def is_ready(self) -> bool:
        """Return whether it may set out. Whoever makes it ready calls `Lanes.wake`."""


class _Lane:
    __slots__ = ("pause", "ref", "under_way", "waiting")

    def __init__(self, ref: Ref | None) -> None:
        self.ref = ref
        self.under_way = 0
        self.waiting: list[Traveller] | None = None  # in most lanes nobody ever waits
        self.pause = 0.0


class Lanes:
    """All lanes that are in use. For any thread; waits for nothing."""

    def __init__(
        self,
        whereis: Callable[[Hashable], Ref | None],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._whereis = whereis
        self._later = later
        # One that fails at once comes back while others are being sent out: hence reentrant.
        self._lock = threading.RLock()
        self._lanes: dict[Hashable, _Lane] = {}

    def __len__(self) -> int:
        return len(self._lanes)

    def enter(self, travellers: Sequence[Traveller]) -> None:
        """Let each set out now, or when those before it have."""
        lanes, whereis, lock = self._lanes, self._whereis, self._lock
        with shield():
            for traveller in travellers:  # one by one: the first may come back at once
                key = traveller.key
                with lock:
                    lane = lanes.get(key)
                    if lane is None:
                        lane = lanes[key] = _Lane(whereis(key))
                        must_wait = not traveller.is_ready()
                    else:
                        must_wait = self._must_wait(traveller, lane)
                    if must_wait:
                        self._wait(traveller, lane)
                        continue
                    lane.under_way += 1
                traveller.go(lane.ref)

    def _wait(self, traveller: Traveller, lane: _Lane) -> None:
        if lane.waiting is None:
            lane.waiting = []
        insort(lane.waiting, traveller, key=_by_number)
        self._look(traveller.key, lane)

    def sent(self, key: Hashable, ref: Ref) -> None:
        """Note to which actor those under way are sent, where none ran when they set out.

        Else it would not be seen that this one has ended before they have come back.
        """
        with shield(), self._lock:
            lane = self._lanes.get(key)
            if lane is not None and lane.ref is None:
                lane.ref = ref

    def is_in_use(self, key: Hashable) -> bool:
        """Return whether somebody is on the way to it, or waits to be."""
        return key in self._lanes

    def wake(self, traveller: Traveller) -> None:
        """It has become ready, or has given up."""
        with shield(), self._lock:
            lane = self._lanes.get(traveller.key)
            if lane is not None:
                self._look(traveller.key, lane)

    def leave(self, traveller: Traveller) -> None:
        """It has been answered for good."""
        key = traveller.key
        with shield(), self._lock:
            lane = self._lanes[key]
            lane.under_way -= 1
            if not lane.under_way:
                self._look(key, lane)

    def come_back(self, traveller: Traveller, pause: float) -> None:
        """It is to be tried again, `pause` seconds after all that are under way have come back."""
        with shield(), self._lock:
            lane = self._lanes[traveller.key]
            lane.under_way -= 1
            lane.pause = max(lane.pause, pause)
            self._wait(traveller, lane)

    def _must_wait(self, traveller: Traveller, lane: _Lane) -> bool:
        return (
            bool(lane.waiting)
            or not traveller.is_ready()
            or not self._is_as_before(traveller.key, lane)
        )

    def _is_as_before(self, key: Hashable, lane: _Lane) -> bool:
        """Return whether the actor is the one that those under way were sent to.

        If it is another, they are about to come back, and this one must not overtake them.
        """
        if lane.ref is not None and lane.ref.exit_reason is None:
            return True  # while it lives nobody else has its name
        ref = self._whereis(key)
        if lane.ref is None:
            lane.ref = ref  # it was being started
        return lane.ref is ref

    def _look(self, key: Hashable, lane: _Lane) -> None:
        if lane.under_way:
            return
        if lane.waiting:
            if not lane.waiting[0].is_ready():
                return
            pause, lane.pause = lane.pause, 0.0
            lane.under_way = 1  # stands for the release, so that there is only one
            self._later(pause, partial(self._release, key))
        else:
            del self._lanes[key]

    def _release(self, key: Hashable) -> None:
        with shield(), self._lock:
            lane = self._lanes[key]
            waiting, left = lane.waiting or (), list[Traveller]()
            lane.waiting = left
            lane.ref = self._whereis(key)
            for traveller in waiting:
                if traveller.gave_up():
                    continue
                if left or not traveller.is_ready():
                    # One has come back at once, or is not ready: the rest stays behind it.
                    left.append(traveller)
                else:
                    lane.under_way += 1
                    traveller.go(lane.ref)
            lane.under_way -= 1
            self._look(key, lane)


class NoLanes:
    """For commands that have no order among each other: those of handlers."""

    def __init__(self, later: Callable[[float, Callable[[], None]], object]) -> None:
        self._later = later

    def enter(self, travellers: Sequence[Traveller]) -> None:
        """Let them set out."""
        for traveller in travellers:
            traveller.go(None)

    def leave(self, traveller: Traveller) -> None:
        """Nobody waits behind it."""

    def wake(self, traveller: Traveller) -> None:
        """It never waited."""

    def come_back(self, traveller: Traveller, pause: float) -> None:
        """Let it set out again after the pause."""
        self._later(pause, partial(_go_unless_given_up, traveller))


def _go_unless_given_up(traveller: Traveller) -> None:
    if not traveller.gave_up():
        traveller.go(None)
