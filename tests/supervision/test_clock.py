"""A clock that is turned by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from supervision import Clock, ManualClock, SystemClock


def test_both_clocks_are_clocks() -> None:
    assert isinstance(SystemClock(), Clock)
    assert isinstance(ManualClock(), Clock)


def test_advancing_moves_the_time_of_day_and_the_durations() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    clock.advance(90)

    assert clock.monotonic() == 90
    assert clock.now() == datetime(2026, 1, 1, 0, 1, 30, tzinfo=UTC)


def test_setting_the_time_of_day_back_moves_no_duration() -> None:
    clock = ManualClock(datetime(2026, 1, 2, tzinfo=UTC))
    clock.set_now(clock.now() - timedelta(days=1))

    assert clock.now() == datetime(2026, 1, 1, tzinfo=UTC)
    assert clock.monotonic() == 0


def test_listeners_hear_of_each_jump_until_they_stop() -> None:
    clock, heard = ManualClock(), []
    stop = clock.subscribe(lambda: heard.append(clock.monotonic()))
    clock.advance(1)
    stop()
    clock.advance(1)

    assert heard == [1]


def test_a_clock_does_not_advance_backwards() -> None:
    with pytest.raises(ValueError, match="zero seconds or more"):
        ManualClock().advance(-1)


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point


def test_no_real_time_reaches_a_deadline_of_a_manual_clock() -> None:
    clock = ManualClock()
    assert clock.wait_seconds(1) is None

    clock.advance(1)
    assert clock.wait_seconds(1) == 0
