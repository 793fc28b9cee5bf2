"""The DailyCycler: each date once, in order, none left out; time is turned by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest

from ledger_actors.daily_cycler import DailyCycler, Look, business_date, next_missed
from ledger_actors.ledger.aggregates.system import SystemState, decide, evolve
from ledger_actors.ledger.commands.system import CycleSystem
from supervision import ManualClock, Ref, Timers, TimersKeeper
from supervision.testing import HANG, wait_for_exit

NOON = datetime(2026, 3, 2, 20, tzinfo=UTC)  # a Monday at noon in Los Angeles
HOUR = 3600.0


class Dates:
    """The system's stream, as several daemons see it: each append expects the version it read."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._state = SystemState()
        self.cycled: list[date] = []
        self.looks = 0
        self.fail_next: BaseException | None = None

    def went_down_on(self, last: date) -> None:
        self._state = SystemState(business_date=last)

    def last_cycled(self) -> date | None:
        with self._changed:
            self.looks += 1
            self._changed.notify_all()
            return self._state.business_date

    def cycle(self, new_date: date) -> None:
        with self._changed:
            failure, self.fail_next = self.fail_next, None
            if failure is not None:
                raise failure
            for event in decide(self._state, CycleSystem(new_date=new_date)):
                self._state = evolve(self._state, event)
            self.cycled.append(new_date)
            self._changed.notify_all()

    def wait(self, what: str, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, HANG), what

    def wait_cycled(self, count: int) -> None:
        self.wait(f"{count} dates", lambda: len(self.cycled) >= count)


@dataclass(frozen=True, slots=True)
class Stage:
    dates: Dates
    clock: ManualClock
    timers: Timers

    @contextmanager
    def cycler(self) -> Iterator[Ref]:
        ref = DailyCycler.start(self.dates, timers=self.timers, clock=self.clock)
        yield ref
        if ref.is_alive():
            ref.stop()

    def settle(self, ref: Ref) -> None:
        """Return when the actor has nothing more to do now: its next look is a timer."""
        while len(self.timers) == 0:
            ref.ask(Look(), timeout=HANG)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def stage(clock: ManualClock) -> Iterator[Stage]:
    timers = Timers(clock)
    keeper = TimersKeeper.start(timers)
    yield Stage(Dates(), clock, timers)
    keeper.stop()


def days(first: date, count: int) -> list[date]:
    return [first + timedelta(days=day) for day in range(count)]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (datetime(2026, 3, 3, 7, 59, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 3, 3, 8, 0, tzinfo=UTC), date(2026, 3, 3)),
        (datetime(2026, 7, 3, 6, 59, tzinfo=UTC), date(2026, 7, 2)),
        (datetime(2026, 7, 3, 7, 0, tzinfo=UTC), date(2026, 7, 3)),
        (datetime(2026, 3, 8, 7, 59, tzinfo=UTC), date(2026, 3, 7)),
        (datetime(2026, 3, 9, 6, 59, tzinfo=UTC), date(2026, 3, 8)),  # a day of 23 hours
        (datetime(2026, 3, 9, 7, 0, tzinfo=UTC), date(2026, 3, 9)),
        (datetime(2026, 11, 1, 7, 0, tzinfo=UTC), date(2026, 11, 1)),
        (datetime(2026, 11, 2, 7, 59, tzinfo=UTC), date(2026, 11, 1)),  # a day of 25 hours
        (datetime(2026, 11, 2, 8, 0, tzinfo=UTC), date(2026, 11, 2)),
        (datetime(2028, 3, 1, 7, 59, tzinfo=UTC), date(2028, 2, 29)),
    ],
)
def test_the_business_date_is_the_date_in_los_angeles(now: datetime, expected: date) -> None:
    assert business_date(now) == expected


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        (None, date(2026, 3, 2)),
        (date(2026, 3, 2), None),
        (date(2026, 3, 1), date(2026, 3, 2)),
        (date(2025, 3, 2), date(2025, 3, 3)),
        (date(2026, 3, 5), None),
    ],
)
def test_the_next_date_is_the_one_after_the_last(last: date | None, expected: date | None) -> None:
    assert next_missed(last, date(2026, 3, 2)) == expected


def test_a_leap_day_is_a_date_like_any_other() -> None:
    before, leap_day, after = date(2028, 2, 28), date(2028, 2, 29), date(2028, 3, 1)

    assert next_missed(before, after) == leap_day
    assert next_missed(leap_day, after) == after


def test_a_new_ledger_begins_with_todays_date(stage: Stage) -> None:
    with stage.cycler() as ref:
        stage.dates.wait_cycled(1)
        stage.settle(ref)
        assert stage.dates.cycled == [date(2026, 3, 2)]


def test_it_looks_again_an_hour_after_it_is_done(stage: Stage) -> None:
    with stage.cycler() as ref:
        stage.dates.wait_cycled(1)
        stage.settle(ref)
        looks = stage.dates.looks
        stage.clock.advance(HOUR)
        stage.dates.wait("a look", lambda: stage.dates.looks > looks)
        assert stage.dates.cycled == [date(2026, 3, 2)]


def test_the_next_date_is_cycled_once_its_day_has_come(stage: Stage) -> None:
    with stage.cycler() as ref:
        stage.dates.wait_cycled(1)
        for expected in days(date(2026, 3, 3), 3):
            stage.settle(ref)
            stage.clock.advance(24 * HOUR)
            stage.dates.wait_cycled((expected - date(2026, 3, 2)).days + 1)
        assert stage.dates.cycled == days(date(2026, 3, 2), 4)


@pytest.mark.parametrize("first", [date(2026, 3, 7), date(2026, 10, 31)])
def test_hour_by_hour_over_a_change_of_the_clocks_each_date_is_cycled_once(
    stage: Stage, first: date
) -> None:
    stage.clock.set_now(datetime(first.year, first.month, first.day, 20, tzinfo=UTC))
    with stage.cycler() as ref:
        for _hour in range(3 * 24):
            stage.settle(ref)
            looks = stage.dates.looks
            stage.clock.advance(HOUR)
            stage.dates.wait("a look", lambda looks=looks: stage.dates.looks > looks)
        stage.settle(ref)
        assert stage.dates.cycled == days(first, 4)


@pytest.mark.parametrize("missed", [5, 365])
def test_after_downtime_every_missed_date_follows_in_order(stage: Stage, missed: int) -> None:
    today = date(2026, 3, 2)
    stage.dates.went_down_on(today - timedelta(days=missed))
    with stage.cycler():
        stage.dates.wait_cycled(missed)
        assert stage.dates.cycled == days(today - timedelta(days=missed - 1), missed)


def test_two_cyclers_on_one_store_cycle_no_date_twice(stage: Stage) -> None:
    today = date(2026, 3, 2)
    stage.dates.went_down_on(today - timedelta(days=50))
    with stage.cycler(), stage.cycler():
        stage.dates.wait_cycled(50)
        stage.clock.advance(24 * HOUR)
    assert stage.dates.cycled[:50] == days(today - timedelta(days=49), 50)
    assert len(set(stage.dates.cycled)) == len(stage.dates.cycled)


def test_a_clock_that_is_set_back_cycles_nothing(stage: Stage) -> None:
    with stage.cycler() as ref:
        stage.dates.wait_cycled(1)
        stage.settle(ref)
        stage.clock.set_now(NOON - timedelta(days=30))
        ref.ask(Look(), timeout=HANG)
        assert stage.dates.cycled == [date(2026, 3, 2)]


@pytest.mark.parametrize("failure", [OSError("disk full"), TimeoutError("no answer")])
def test_a_date_that_cannot_be_written_now_is_tried_again_in_an_hour(
    stage: Stage, failure: Exception
) -> None:
    stage.dates.fail_next = failure
    with stage.cycler() as ref:
        stage.settle(ref)
        assert ref.is_alive()
        if not stage.dates.cycled:
            stage.clock.advance(HOUR)
        stage.dates.wait_cycled(1)
    assert stage.dates.cycled == [date(2026, 3, 2)]


def test_anything_else_is_a_crash_and_its_successor_cycles_the_date(stage: Stage) -> None:
    stage.dates.fail_next = RuntimeError("the journal is gone")
    with stage.cycler() as ref:
        assert wait_for_exit(ref).abnormal
    assert len(stage.timers) == 0
    with stage.cycler():
        stage.dates.wait_cycled(1)
    assert stage.dates.cycled == [date(2026, 3, 2)]


def test_a_stop_leaves_no_look_behind(stage: Stage) -> None:
    with stage.cycler() as ref:
        stage.settle(ref)
    assert len(stage.timers) == 0
