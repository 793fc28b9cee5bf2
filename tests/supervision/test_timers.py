"""Messages for later, on a clock that the test turns."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from typing import Any

import pytest

from supervision import (
    POOLED,
    Actor,
    ManualClock,
    Ref,
    SystemClock,
    Timers,
    TimersKeeper,
    dead_letters,
    spawn,
)
from supervision.testing import HANG, wait_for_exit


class Mailbox:
    """Stands in for an actor: a test reads what it was sent."""

    def __init__(self) -> None:
        self.messages: queue.SimpleQueue[Any] = queue.SimpleQueue()

    def signal(self, message: Any) -> None:
        self.messages.put(message)

    def next(self) -> Any:
        return self.messages.get(timeout=HANG)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def timers(clock: ManualClock) -> Iterator[Timers]:
    timers = Timers(clock)
    keeper = spawn(TimersKeeper, [timers])
    yield timers
    keeper.stop()


def settled(timers: Timers) -> None:
    """Wait until the timers' thread has handled all that it was woken for."""
    keeper: Ref = timers._keeper
    keeper.ask("anything", block=False)
    box = Mailbox()
    timers.send_after(0, box, "now")
    box.next()


def test_a_message_is_sent_when_its_time_has_come_and_not_before(
    timers: Timers, clock: ManualClock
) -> None:
    box = Mailbox()
    timers.send_after(10, box, "ring")
    clock.advance(9.9)
    settled(timers)
    assert box.messages.empty()

    clock.advance(0.2)
    assert box.next() == "ring"


def test_messages_are_sent_in_order_of_their_times(timers: Timers, clock: ManualClock) -> None:
    box = Mailbox()
    for seconds in (3, 1, 2):
        timers.send_after(seconds, box, seconds)
    clock.advance(10)

    assert [box.next() for _ in range(3)] == [1, 2, 3]


def test_a_cancelled_message_is_not_sent(timers: Timers, clock: ManualClock) -> None:
    box = Mailbox()
    timer = timers.send_after(1, box, "ring")
    assert timer.cancel() is True
    assert timer.cancel() is False
    clock.advance(2)
    settled(timers)

    assert box.messages.empty()
    assert len(timers) == 0


def test_cancelling_what_was_sent_says_so(timers: Timers, clock: ManualClock) -> None:
    box = Mailbox()
    timer = timers.send_after(1, box, "ring")
    clock.advance(1)
    box.next()

    assert timer.cancel() is False


def test_a_repeated_message_comes_until_it_is_cancelled(timers: Timers, clock: ManualClock) -> None:
    box = Mailbox()
    timer = timers.send_every(5, box, "tick")
    for _ in range(3):
        clock.advance(5)
        assert box.next() == "tick"
        settled(timers)
    timer.cancel()
    clock.advance(50)
    settled(timers)

    assert box.messages.empty()


def test_timers_survive_a_crash_of_their_keeper(clock: ManualClock) -> None:
    timers, box = Timers(clock), Mailbox()
    first = spawn(TimersKeeper, [timers])
    timers.send_after(1, box, "ring")
    first.kill()
    wait_for_exit(first)
    clock.advance(2)
    second = spawn(TimersKeeper, [timers])

    assert box.next() == "ring"
    second.stop()


def test_a_failing_action_does_not_harm_the_others(timers: Timers, clock: ManualClock) -> None:
    def fail() -> None:
        raise RuntimeError

    box = Mailbox()
    timers.call_after(1, fail)
    timers.send_after(2, box, "ring")
    clock.advance(3)

    assert box.next() == "ring"


def test_a_timer_on_the_machines_clock_fires_by_itself() -> None:
    timers, box = Timers(SystemClock()), Mailbox()
    keeper = spawn(TimersKeeper, [timers])
    timers.send_after(0.001, box, "ring")

    assert box.next() == "ring"
    keeper.stop()


def test_thousands_of_timers_share_one_thread(timers: Timers, clock: ManualClock) -> None:
    box = Mailbox()
    started = [timers.send_after(1 + n % 100, box, n) for n in range(5_000)]
    for timer in started[::2]:
        timer.cancel()
    clock.advance(100)

    assert sorted(box.next() for _ in range(2_500)) == list(range(1, 5_000, 2))


def test_a_delay_below_zero_is_refused(timers: Timers) -> None:
    with pytest.raises(ValueError, match="zero seconds or more"):
        timers.send_after(-1, Mailbox(), "ring")


def test_timers_of_actors_that_have_ended_are_not_kept(clock: ManualClock) -> None:
    """An actor that sets one at each start does not fill the heap by crashing."""
    timers, letters = Timers(clock), dead_letters.count
    for _ in range(3000):
        ref = spawn(Actor, dispatcher=POOLED)
        timers.send_after(3600, ref, "too late")
        ref.stop()
    kept = len(timers._heap)

    assert len(timers) == 0
    assert kept < 1100
    assert dead_letters.count - letters == 3000 - kept


def test_a_repeated_message_to_an_actor_ends_with_it(timers: Timers, clock: ManualClock) -> None:
    ref = spawn(Actor)
    timers.send_every(10, ref, "tick")
    ref.stop()

    clock.advance(10)
    settled(timers)

    assert timers._heap == []
