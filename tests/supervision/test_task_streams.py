"""The same function over many items, so many at a time."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supervision import (
    KILLED,
    POOLED,
    Actor,
    ActorDead,
    CallCycle,
    CallTimeout,
    Dispatcher,
    ManualClock,
    MaxChildren,
    Ref,
    TaskSupervisor,
    async_stream,
    count_children,
    spawn,
)
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.testing_children import spin

Keep = Callable[[Ref], Ref]


@pytest.fixture
def tasks(keep: Keep) -> Ref:
    """A task supervisor."""
    return keep(TaskSupervisor.start())


class Crowd:
    """Counts who is inside, and the most there were at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self.most = 0
        self.total = 0

    def visit(self, item: Any) -> Any:
        with self._lock:
            self._inside += 1
            self.total += 1
            self.most = max(self.most, self._inside)
        with self._lock:
            self._inside -= 1
        return item


def results(stream: Iterator[Any]) -> list[Any]:
    return [task.result() for task in stream]


def test_results_come_in_the_order_of_the_items(tasks: Ref, dispatcher: Dispatcher) -> None:
    """Even if the first one takes the longest."""
    others = threading.Semaphore(0)

    def slow_first(item: int) -> int:
        if item == 0:
            assert all(others.acquire(timeout=HANG) for _ in range(2))
        else:
            others.release()
        return item

    stream = async_stream(tasks, slow_first, range(8), max_concurrency=3, dispatcher=dispatcher)

    assert results(stream) == list(range(8))


def test_results_come_as_tasks_end(tasks: Ref) -> None:
    gate = Gate()

    def slow_first(item: int) -> int:
        if item == 0:
            gate.pass_through()
        return item

    stream = async_stream(tasks, slow_first, range(4), max_concurrency=2, ordered=False)
    quick = [next(stream).result() for _ in range(3)]
    gate.open()

    assert quick == [1, 2, 3]
    assert results(stream) == [0]


@settings(max_examples=20, deadline=None)
@given(
    count=st.integers(min_value=0, max_value=25),
    width=st.integers(min_value=1, max_value=6),
    ordered=st.booleans(),
)
def test_there_are_never_more_at_a_time_than_allowed(count: int, width: int, ordered: bool) -> None:
    tasks, crowd = TaskSupervisor.start(max_children=width), Crowd()
    stream = async_stream(
        tasks,
        crowd.visit,
        range(count),
        max_concurrency=width,
        ordered=ordered,
        dispatcher=POOLED,
    )
    found = results(stream)
    tasks.stop()

    assert sorted(found) == list(range(count))
    assert not ordered or found == sorted(found)
    assert crowd.most <= width
    assert crowd.total == count


def test_items_are_read_as_they_are_needed(tasks: Ref) -> None:
    """They may be endless, and results do not pile up while the consumer is busy."""
    read = itertools.count()

    stream = async_stream(tasks, lambda item: item, read, max_concurrency=3)
    first = [next(stream).result() for _ in range(4)]
    stream.close()  # type: ignore[attr-defined]

    assert first == [0, 1, 2, 3]
    assert next(read) == 6


def test_nothing_runs_before_the_first_result_is_wanted(tasks: Ref) -> None:
    crowd = Crowd()

    stream = async_stream(tasks, crowd.visit, range(3))
    assert crowd.total == 0

    assert results(stream) == [0, 1, 2]


def test_a_crash_ends_one_task_alone(tasks: Ref, dispatcher: Dispatcher) -> None:
    made = list(
        async_stream(tasks, lambda n: 6 // n, [1, 0, 3], max_concurrency=2, dispatcher=dispatcher)
    )

    assert [made[0].result(), made[2].result()] == [6, 2]
    with pytest.raises(ZeroDivisionError):
        made[1].result()


def test_a_consumer_that_stops_early_leaves_nothing_running(tasks: Ref) -> None:
    def spin_but_for_the_first(item: int) -> int:
        return spin() if item else item  # type: ignore[func-returns-value]

    for task in async_stream(tasks, spin_but_for_the_first, range(9), max_concurrency=4):
        assert task.result() == 0
        break

    assert count_children(tasks).specs == 0


def test_a_consumer_that_fails_leaves_nothing_running(tasks: Ref) -> None:
    def consume() -> None:
        for _ in async_stream(tasks, lambda item: spin() if item else item, range(3)):
            raise LookupError

    with pytest.raises(LookupError):
        consume()
    assert count_children(tasks).specs == 0


def test_items_that_fail_leave_nothing_running(tasks: Ref) -> None:
    def items() -> Iterator[int]:
        yield 1
        raise LookupError("no more")

    with pytest.raises(LookupError, match="no more"):
        next(async_stream(tasks, lambda _: spin(), items(), max_concurrency=2))
    assert count_children(tasks).specs == 0


def test_a_supervisor_that_is_full(keep: Keep) -> None:
    tasks = keep(TaskSupervisor.start(max_children=1))

    with pytest.raises(MaxChildren):
        next(async_stream(tasks, lambda _: spin(), range(2), max_concurrency=2))
    assert count_children(tasks).specs == 0


def test_a_supervisor_that_ends_meanwhile(tasks: Ref) -> None:
    """The tasks that ran are yielded, with the reason; starting the next one fails."""
    stream = async_stream(tasks, lambda _: spin(), range(5), max_concurrency=1)

    def kill_soon() -> None:
        wait_until(lambda: count_children(tasks).active == 1, what="the first task")
        tasks.kill()

    killer = threading.Thread(target=kill_soon)
    killer.start()
    task = next(stream)
    killer.join(HANG)

    with pytest.raises(ActorDead):
        task.result()
    wait_for_exit(tasks)
    with pytest.raises(ActorDead):
        next(stream)


def test_a_task_that_takes_too_long_is_killed(tasks: Ref, clock: ManualClock) -> None:
    """The others go on; its result says what happened."""
    begun = threading.Semaphore(0)

    def spin_once(item: int) -> int:
        begun.release()
        return spin() if item == 0 else item  # type: ignore[func-returns-value]

    stream = async_stream(tasks, spin_once, range(3), max_concurrency=2, timeout=5, clock=clock)

    def turn() -> None:
        assert all(begun.acquire(timeout=HANG) for _ in range(2))
        clock.advance(5)

    turner = threading.Thread(target=turn)
    turner.start()
    made = list(stream)
    turner.join(HANG)

    with pytest.raises(CallTimeout, match="within 5 seconds"):
        made[0].result()
    assert made[0].exit_reason == KILLED
    assert [made[1].result(), made[2].result()] == [1, 2]


def test_an_actor_that_consumes_and_ends_leaves_nothing_running(tasks: Ref) -> None:
    class Consumer(Actor):
        def on_receive(self, _message: Any) -> None:
            self.stream = async_stream(
                tasks, lambda item: spin() if item else item, range(3), max_concurrency=3
            )
            next(self.stream)

    consumer = spawn(Consumer)
    consumer.ask("go", timeout=HANG)
    wait_until(lambda: count_children(tasks).active == 2, what="the others")

    consumer.kill()

    wait_for_exit(consumer)
    wait_until(lambda: count_children(tasks).specs == 0, what="their ends")


def test_a_task_that_asks_its_consumer_is_a_cycle(tasks: Ref) -> None:
    class Consumer(Actor):
        def on_receive(self, message: Any) -> Any:
            if message != "go":
                return message
            return results(async_stream(tasks, self.actor_ref.ask, ["a"], max_concurrency=1))

    consumer = spawn(Consumer)

    with pytest.raises(CallCycle):
        consumer.ask("go", timeout=HANG)
    wait_for_exit(consumer)


@pytest.mark.parametrize("options", [{"max_concurrency": 0}, {"timeout": -1}])
def test_an_option_that_cannot_be_is_refused_at_once(tasks: Ref, options: Any) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        async_stream(tasks, len, ["a"], **options)
