"""Deadlines: each is told once, in time, and one timer is enough."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from ledger_actors.runtime.deadlines import Deadlines
from supervision import ManualClock, Timers


@dataclass
class Errand:
    over: bool = False
    expired: int = 0

    def is_over(self) -> bool:
        return self.over or self.expired > 0

    def expire(self) -> None:
        self.expired += 1


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def timers(clock: ManualClock) -> Timers:
    return Timers(clock)


def test_what_is_not_done_in_time_is_told_and_what_is_done_is_not(
    clock: ManualClock, timers: Timers
) -> None:
    deadlines: Deadlines[Errand] = Deadlines(timers, 10.0)
    first, done, late = Errand(), Errand(), Errand()
    deadlines.add([first])
    deadlines.add([done])
    clock.advance(4)
    deadlines.add([late])
    done.over = True
    clock.advance(6)
    timers.fire_due()
    assert (first.expired, done.expired, late.expired) == (1, 0, 0)
    clock.advance(4)
    timers.fire_due()

    assert (first.expired, done.expired, late.expired) == (1, 0, 1)
    assert len(timers) == 0


def test_there_is_one_timer_for_all_of_them(timers: Timers) -> None:
    deadlines: Deadlines[Errand] = Deadlines(timers, 10.0)
    for _ in range(100):
        deadlines.add([Errand()])

    assert len(timers) == 1


def test_what_is_done_is_not_kept(timers: Timers) -> None:
    deadlines: Deadlines[Errand] = Deadlines(timers, 10.0)
    for _ in range(100):
        deadlines.add([Errand(over=True)])
    waiting = Errand()
    deadlines.add([waiting])

    assert list(deadlines.pending()) == [waiting]
    assert len(deadlines._queue) == 1
