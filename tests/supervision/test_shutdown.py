"""The steps of a stop, and the queue of what is due; without actors and without time."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supervision.shutdown import Deadlines, StopPhase, Stopping
from supervision.terms import BRUTAL_KILL, INFINITY


class Recorded:
    """Stands for a ref: notes what is done to it."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def shutdown(self) -> None:
        self.calls.append("shutdown")

    def kill(self) -> None:
        self.calls.append("kill")

    def abandon(self) -> None:
        self.calls.append("abandon")


def stopping(shutdown: Any) -> tuple[Stopping, Recorded]:
    ref = Recorded()
    return Stopping(ref, shutdown, now=100.0, kill_grace=2.0), ref  # type: ignore[arg-type]


def test_a_child_is_asked_then_killed_then_abandoned() -> None:
    stop, ref = stopping(5)
    deadlines = [stop.deadline]
    for now in (105.0, 107.0):
        stop.expire(now)
        deadlines.append(stop.deadline)

    assert ref.calls == ["shutdown", "kill", "abandon"]
    assert deadlines == [105.0, 107.0, None]
    assert stop.phase is StopPhase.ABANDONED


def test_a_child_that_is_killed_brutally_is_not_asked() -> None:
    stop, ref = stopping(BRUTAL_KILL)

    assert (ref.calls, stop.deadline) == (["kill"], 102.0)


def test_a_child_with_infinite_time_is_never_killed() -> None:
    stop, ref = stopping(INFINITY)

    assert (ref.calls, stop.deadline) == (["shutdown"], None)


def test_what_is_due_comes_in_order_and_once() -> None:
    deadlines = Deadlines()
    for at, item in ((3.0, "c"), (1.0, "a"), (2.0, "b"), (2.0, "b2")):
        deadlines.add(at, item)

    assert deadlines.next_at() == 1.0
    assert deadlines.take_due(2.0) == ["a", "b", "b2"]
    assert deadlines.take_due(2.0) == []
    assert len(deadlines) == 1


def test_cancelling_twice_or_after_it_was_due_does_nothing() -> None:
    deadlines = Deadlines()
    first, second = deadlines.add(1.0, "a"), deadlines.add(2.0, "b")
    deadlines.take_due(1.0)
    for _ in range(2):
        deadlines.cancel(first)
        deadlines.cancel(second)
    deadlines.cancel(None)

    assert len(deadlines) == 0
    assert deadlines.next_at() is None


def test_cancelled_deadlines_do_not_pile_up() -> None:
    deadlines = Deadlines()
    for _ in range(10_000):
        deadlines.cancel(deadlines.add(1.0, object()))

    assert len(deadlines._heap) < 200


@pytest.mark.parametrize("now", [0.0, 50.0, 100.0])
@given(
    times=st.lists(st.floats(0, 100), max_size=200),
    cancelled=st.sets(st.integers(0, 199)),
)
def test_it_agrees_with_a_sorted_list(now: float, times: list[float], cancelled: set[int]) -> None:
    deadlines = Deadlines()
    added = [deadlines.add(at, index) for index, at in enumerate(times)]
    for index in cancelled & set(range(len(added))):
        deadlines.cancel(added[index])

    left = sorted((at, i) for i, at in enumerate(times) if i not in cancelled)

    assert len(deadlines) == len(left)
    assert deadlines.next_at() == (left[0][0] if left else None)
    assert deadlines.take_due(now) == [i for at, i in left if at <= now]
