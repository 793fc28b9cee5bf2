from __future__ import annotations

import threading
from datetime import timedelta

from ledger_actors.demos.clock import STORY_BEGINS, StoryClock
from supervision import Clock, Timers, TimersKeeper, spawn
from supervision.testing import HANG, wait_for_exit


def test_it_shows_the_story_s_time_and_can_be_turned_forward() -> None:
    clock = StoryClock()
    before = clock.now()

    clock.turn(days=5)

    assert isinstance(clock, Clock)
    assert before >= STORY_BEGINS
    assert clock.now() - before >= timedelta(days=5)


def test_a_turn_makes_due_what_waits() -> None:
    clock = StoryClock()
    timers = Timers(clock)
    keeper = spawn(TimersKeeper, (timers,))
    due = threading.Event()
    timers.call_after(3600, due.set)

    clock.turn(hours=1)

    assert due.wait(HANG)
    keeper.shutdown()
    wait_for_exit(keeper)


def test_nothing_becomes_due_while_it_is_held() -> None:
    clock = StoryClock()
    timers = Timers(clock)
    keeper = spawn(TimersKeeper, (timers,))
    due = threading.Event()
    with clock.held():
        stands_at = clock.monotonic()
        timers.call_after(0.001, due.set)
        assert clock.wait_seconds(stands_at + 0.001) is None
        assert clock.wait_seconds(stands_at) == 0
        assert not due.is_set()
        assert clock.monotonic() == stands_at

    assert due.wait(HANG)
    assert clock.monotonic() - stands_at < HANG
    keeper.shutdown()
    wait_for_exit(keeper)
