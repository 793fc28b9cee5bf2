"""Dead letters: each way in which a message is not handled leaves one, and logging cannot flood."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from supervision import ManualClock, NoProcess, Registry, Timers, Undelivered, dead_letters
from supervision.testing import HANG, Gate, wait_for_exit
from supervision.undelivered import DeadLetters
from tests.supervision.echo import Echo


class Letter:
    """A message whose type tells it from others'."""


class Logger:
    def __init__(self, lines: list[dict[str, Any]]) -> None:
        self._lines = lines

    def msg(self, _: str = "", **fields: Any) -> None:
        self._lines.append(fields)

    debug = info = warning = error = msg


@pytest.fixture
def logged() -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    structlog.configure(
        processors=[lambda _, __, fields: ((), fields)], logger_factory=lambda *_: Logger(lines)
    )
    return lines


def letters_of(ref: Any) -> list[tuple[str, Undelivered]]:
    label = getattr(ref, "label", str(ref))
    return [(one.message_type, one.why) for one in dead_letters.recent() if one.actor == label]


ENDED = [("Letter", Undelivered.ENDED)]


def test_what_is_left_in_a_mailbox_at_the_end(start: Any) -> None:
    gate, ref = Gate(), start(Echo)
    ref.tell(lambda _: gate.pass_through())
    gate.wait_arrived()
    ref.tell(Letter())
    ref.kill()
    gate.open()
    wait_for_exit(ref)

    assert letters_of(ref) == ENDED


def test_a_signal_to_an_actor_that_has_ended(start: Any) -> None:
    ref = start(Echo)
    ref.stop()
    ref.signal(Letter())

    assert letters_of(ref) == ENDED


def test_a_forward_that_nobody_waits_for(start: Any) -> None:
    ref = start(Echo)
    ref.stop()
    ref.forward(Letter(), None)

    assert letters_of(ref) == ENDED


def test_a_timer_whose_target_has_ended(start: Any) -> None:
    ref, clock = start(Echo), ManualClock()
    timers = Timers(clock)
    timers.send_after(1, ref, Letter())
    ref.stop()
    clock.advance(1)
    timers.fire_due()

    assert letters_of(ref) == ENDED


def test_a_name_that_nobody_has() -> None:
    name = Registry("names").name(("nobody", "here"))
    name.signal(Letter())
    name.forward(Letter(), None)
    with pytest.raises(NoProcess):
        name.tell(Letter())

    assert letters_of(name) == [("Letter", Undelivered.NOBODY)] * 2, "who tells is told"


def test_the_runtimes_own_messages_and_asks_leave_none(start: Any) -> None:
    ref = start(Echo)
    ref.stop()
    ref.shutdown()
    ref.kill()
    assert ref.ask("late", block=False).exception() is not None

    assert letters_of(ref) == []


def test_the_last_ones_are_kept_and_all_are_counted() -> None:
    letters = DeadLetters(ManualClock(), kept=3)
    for number in range(5):
        letters.record(number, Letter(), Undelivered.FULL)

    assert [letter.actor for letter in letters.recent()] == ["2", "3", "4"]
    assert letters.count == 5
    assert letters.counts()[Undelivered.FULL] == 5
    assert letters.counts()[Undelivered.ENDED] == 0


def test_a_flood_is_logged_in_a_few_lines_that_say_what_they_leave_out(
    logged: list[dict[str, Any]],
) -> None:
    clock = ManualClock()
    letters = DeadLetters(clock, logged=2)
    for _ in range(100):
        letters.record("cashier", Letter(), Undelivered.DROPPED)
    clock.advance(1)
    letters.record("cashier", Letter(), Undelivered.DROPPED)

    assert [line["left_out"] for line in logged] == [0, 0, 98]
    assert logged[0]["actor"] == "cashier"
    assert logged[0]["message"] == "Letter"
    assert logged[0]["why"] == Undelivered.DROPPED.value
    assert logged[2]["total"] == 101


def test_the_log_names_the_actor_that_was_to_get_it(
    start: Any, logged: list[dict[str, Any]]
) -> None:
    ref = start(Echo, name=Registry("names").name("cashier"))
    ref.ask("runs", timeout=HANG)
    ref.stop()
    dead_letters._in_window = 0  # whatever the tests before have logged in this second
    ref.signal(Letter())

    assert [line["actor"] for line in logged] == ["cashier"]
