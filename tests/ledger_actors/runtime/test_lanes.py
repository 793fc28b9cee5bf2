"""Lanes: the order of commands for one aggregate, also of those that come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from ledger_actors.runtime.lanes import Lanes
from supervision import KILLED


class Road:
    """Where travellers set out, as the test sees it: nothing moves by itself."""

    def __init__(self) -> None:
        self.out: list[float] = []
        self.later: list[tuple[float, Callable[[], None]]] = []
        self.actor: Any = SimpleNamespace(exit_reason=None)
        self.lanes = Lanes(lambda _key: self.actor, lambda *args: self.later.append(args))

    def enter(self, number: float, **options: Any) -> Traveller:
        traveller = Traveller(self, number, **options)
        self.lanes.enter([traveller])
        return traveller

    def pass_time(self) -> list[float]:
        due, self.later = self.later, []
        for _, action in due:
            action()
        return [pause for pause, _ in due]


@dataclass
class Traveller:
    road: Road
    number: float
    key: str = "a"
    fails_at_once: list[bool] = field(default_factory=list)
    given_up: bool = False
    ready: bool = True

    def is_ready(self) -> bool:
        return self.ready or self.given_up

    def wake(self) -> None:
        self.ready = True
        self.road.lanes.wake(self)

    def go(self, to: object) -> None:
        self.road.out.append(self.number)
        if self.fails_at_once and self.fails_at_once.pop(0):
            self.come_back()

    def gave_up(self) -> bool:
        return self.given_up

    def come_back(self, pause: float = 0.0) -> None:
        self.road.lanes.come_back(self, pause)

    def leave(self) -> None:
        self.road.lanes.leave(self)


@pytest.fixture
def road() -> Road:
    return Road()


def test_those_that_nothing_holds_up_set_out_at_once(road: Road) -> None:
    for traveller in [road.enter(1), road.enter(2), road.enter(3, key="b")]:
        traveller.leave()

    assert road.out == [1, 2, 3]
    assert len(road.lanes) == 0


def test_who_comes_later_waits_behind_one_that_came_back(road: Road) -> None:
    road.enter(1).come_back(0.5)
    road.enter(2)
    road.enter(3, key="b")
    assert road.out == [1, 3]

    assert road.pass_time() == [0.5]
    assert road.out == [1, 3, 1, 2]


def test_none_sets_out_again_while_another_is_under_way(road: Road) -> None:
    """What was sent after it may still be refused, and must then go behind it."""
    first, second = road.enter(1), road.enter(2)
    first.come_back()
    assert road.pass_time() == []
    second.come_back()
    road.pass_time()

    assert road.out == [1, 2, 1, 2]


def test_one_that_was_sent_to_an_actor_being_started_is_not_overtaken_when_that_has_ended(
    road: Road,
) -> None:
    """There was none when it set out; its successor must not be taken for it."""
    actor, successor = SimpleNamespace(exit_reason=None), SimpleNamespace(exit_reason=None)
    road.actor = None
    first = road.enter(1)
    road.lanes.sent("a", actor)
    actor.exit_reason, road.actor = KILLED, successor

    second = road.enter(2)
    assert road.out == [1]
    first.come_back()
    road.pass_time()

    assert road.out == [1, 1, 2]
    for traveller in (first, second):
        traveller.leave()
    road.lanes.sent("a", actor)  # nobody is on the way to it any more
    assert len(road.lanes) == 0


def test_they_set_out_again_in_the_order_in_which_they_came(road: Road) -> None:
    travellers = [road.enter(number) for number in (1, 2, 3)]
    for traveller in reversed(travellers):
        traveller.come_back()
    road.pass_time()

    assert road.out == [1, 2, 3, 1, 2, 3]


def test_one_that_fails_at_once_keeps_those_behind_it_back(road: Road) -> None:
    first, second = road.enter(1, fails_at_once=[False, True]), road.enter(2)
    first.come_back()
    second.come_back()
    road.pass_time()
    assert road.out == [1, 2, 1]
    road.pass_time()

    assert road.out == [1, 2, 1, 1, 2]


def test_a_new_actor_is_not_reached_before_those_that_its_predecessor_had(road: Road) -> None:
    """The first has not heard yet that its actor has ended; the second must not overtake it."""
    first = road.enter(1)
    road.actor.exit_reason = KILLED
    road.actor = SimpleNamespace(exit_reason=None)
    second = road.enter(2)
    assert road.out == [1]
    first.come_back()
    road.pass_time()
    assert road.out == [1, 1, 2]
    first.leave()
    second.leave()

    assert len(road.lanes) == 0


def test_one_that_nobody_waits_for_is_left_out(road: Road) -> None:
    first, second = road.enter(1), road.enter(2)
    first.come_back()
    second.come_back()
    first.given_up = True
    road.pass_time()
    second.leave()

    assert road.out == [1, 2, 2]
    assert len(road.lanes) == 0


def test_one_that_is_not_ready_keeps_those_behind_it_back(road: Road) -> None:
    first, second = road.enter(1, ready=False), road.enter(2)
    road.enter(3, key="b").leave()
    assert (road.out, road.pass_time()) == ([3], [])
    first.wake()
    road.pass_time()
    assert road.out == [3, 1, 2]
    first.leave()
    second.leave()

    assert len(road.lanes) == 0


def test_one_that_is_not_ready_waits_for_nobody_before_it_to_come_back_twice(road: Road) -> None:
    first, second = road.enter(1), road.enter(2, ready=False)
    second.wake()
    assert road.pass_time() == []
    first.leave()
    road.pass_time()
    second.leave()

    assert (road.out, len(road.lanes)) == ([1, 2], 0)


def test_who_belongs_before_one_that_is_not_ready_goes_first(road: Road) -> None:
    later = road.enter(2, ready=False)
    before = road.enter(1.5)
    road.pass_time()
    assert road.out == [1.5]
    before.leave()
    later.wake()
    road.pass_time()
    later.leave()

    assert (road.out, len(road.lanes)) == ([1.5, 2], 0)


def test_one_that_gives_up_before_it_is_ready_holds_up_nobody(road: Road) -> None:
    first, second = road.enter(1, ready=False), road.enter(2)
    first.given_up = True
    road.lanes.wake(first)
    road.pass_time()
    second.leave()

    assert (road.out, len(road.lanes)) == ([2], 0)
