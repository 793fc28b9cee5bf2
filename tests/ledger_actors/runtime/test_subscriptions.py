"""Who is told of a commit: consumers of what they want, aggregates of their own stream."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_actors.runtime import Delivery, EventFilter, Subscriptions
from ledger_actors.store import Committed, RecordedEvent
from supervision import Actor, ManualClock, Registry, Timers, TimersKeeper, spawn
from supervision.testing import HANG, wait_for_exit, wait_until


class Hears(Actor):
    """Keeps what it is told, and tells it when asked."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "what?":
            return list(self.told)
        self.told.append(message)
        return None


@pytest.fixture
def hears() -> Any:
    refs = [spawn(Hears), spawn(Hears)]
    yield refs
    for ref in refs:
        ref.kill()
        wait_for_exit(ref)


@pytest.fixture
def names() -> Registry:
    return Registry("names")


@pytest.fixture
def subscriptions(names: Registry) -> Subscriptions:
    return Subscriptions(names, Registry("topics", keys="duplicate"))


def row(event_id: int, stream: str = "counter-a", type_: str = "up") -> RecordedEvent:
    return RecordedEvent(event_id, stream, 1, type_, 1, "{}", None, None, None, None, 0, "", "")


def told(ref: Any) -> list[Any]:
    answer: list[Any] = ref.ask("what?", timeout=HANG)
    return answer


def test_a_consumer_is_told_the_whole_range_and_what_it_wants_of_it(
    subscriptions: Subscriptions, hears: Any
) -> None:
    subscriptions.subscribe(hears[0], EventFilter(["up"]))
    first, second, third = row(4), row(5, type_="down"), row(6)
    subscriptions.publish([Committed((first, second), None), Committed((third,), None)])

    assert told(hears[0]) == [Delivery(3, 6, (first, third))]


def test_a_commit_of_which_it_wants_nothing_moves_it_on_all_the_same(
    subscriptions: Subscriptions, hears: Any
) -> None:
    subscriptions.subscribe(hears[0], EventFilter(["down"]))
    subscriptions.publish([Committed((row(4),), None)])

    assert told(hears[0]) == [Delivery(3, 4, ())]


def test_an_aggregate_is_told_of_its_own_stream_but_not_of_its_own_events(
    subscriptions: Subscriptions, names: Registry, hears: Any
) -> None:
    ours, others = hears
    names.register(("counter", "a-1"), ours)
    names.register(("counter", "b"), others)
    by_us, by_them = row(4, "counter-a-1"), row(5, "counter-a-1")
    subscriptions.publish([Committed((by_us,), ours), Committed((by_them, row(6)), None)])

    assert [one.events for one in told(ours)] == [(by_them,)]
    assert told(others) == []


def test_who_has_left_or_ended_is_told_nothing(subscriptions: Subscriptions, hears: Any) -> None:
    left, ended = hears
    for ref in hears:
        subscriptions.subscribe(ref, EventFilter())
    subscriptions.unsubscribe(left)
    ended.kill()
    wait_for_exit(ended)
    subscriptions.publish([Committed((row(1),), None)])

    assert told(left) == []


def test_listeners_hear_the_last_id_of_each_commit_until_they_stop(
    subscriptions: Subscriptions,
) -> None:
    heard: list[int] = []
    stop = subscriptions.on_commit(heard.append)
    subscriptions.publish([Committed((row(1), row(2)), None)])
    stop()
    subscriptions.publish([Committed((row(3),), None)])

    assert heard == [2]


def test_what_is_committed_within_the_interval_is_told_together(hears: Any) -> None:
    timers = Timers(ManualClock())
    subscriptions = within(timers, seconds=60.0)
    subscriptions.subscribe(hears[0], EventFilter())
    for event_id in (1, 2, 3):
        subscriptions.publish([Committed((row(event_id),), None)])
    at_once = told(hears[0])
    subscriptions.tell_consumers()
    subscriptions.tell_consumers()

    assert [(one.after, one.up_to) for one in at_once] == [(0, 1)]
    assert [(one.after, one.up_to) for one in told(hears[0])] == [(0, 1), (1, 3)]


def test_when_the_interval_is_over_the_rest_is_told_without_another_commit(hears: Any) -> None:
    timers = Timers()
    keeper = spawn(TimersKeeper, [timers])
    subscriptions = within(timers, seconds=0.001)
    subscriptions.subscribe(hears[0], EventFilter())
    for event_id in (1, 2, 3):
        subscriptions.publish([Committed((row(event_id),), None)])
    wait_until(lambda: told(hears[0])[-1].up_to == 3)
    keeper.stop()


def test_what_a_killed_journal_did_not_tell_is_not_covered_up(hears: Any) -> None:
    subscriptions = within(Timers(ManualClock()), seconds=60.0)
    subscriptions.subscribe(hears[0], EventFilter())
    for event_id in (1, 2, 5):
        subscriptions.publish([Committed((row(event_id),), None)])
    subscriptions.tell_consumers()

    ranges = [(one.after, one.up_to) for one in told(hears[0])]
    assert ranges == [(0, 1), (1, 2), (4, 5)]


def within(timers: Timers, *, seconds: float) -> Subscriptions:
    topics = Registry("topics", keys="duplicate")
    return Subscriptions(Registry("names"), topics, timers=timers, interval=seconds)
