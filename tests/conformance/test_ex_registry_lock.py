"""The locks of Elixir's `registry_test.exs`: five cases, and those that threads add."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from supervision import (
    Actor,
    ActorDead,
    CallCycle,
    CallTimeout,
    Future,
    Ref,
    Registry,
)
from supervision.testing import HANG, Gate, wait_for_exit, wait_until

Start = Callable[..., Ref]


class Task(Actor):
    """Calls what it is sent."""

    def on_receive(self, message: Any) -> Any:
        return message()


@pytest.fixture
def start(start: Start) -> Start:
    """As everywhere, but always the same kind of actor."""
    return partial(start, Task)


@pytest.fixture(params=["unique", "duplicate"])
def registry(request: pytest.FixtureRequest) -> Registry:
    return Registry("locked", keys=request.param)


def locking(registry: Registry, key: Any, work: Callable[[], Any] = lambda: "done") -> Any:
    """What an actor is sent to do `work` under the lock of `key`."""

    def run() -> Any:
        with registry.lock(key):
            return work()

    return run


def ask(ref: Ref, function: Callable[[], Any]) -> Future[Any]:
    answer: Future[Any] = ref.ask(function, block=False)
    return answer


def await_waiting(registry: Registry, key: Any, count: int) -> None:
    wait_until(lambda: registry._locks.waiting(key) == count, what="one who waits for the lock")


def assert_free(registry: Registry, key: Any) -> None:
    with registry.lock(key, timeout=0):
        pass
    assert len(registry._locks) == 0, "a lock that nobody has costs nothing"


def test_ex_does_not_lock_when_using_different_keys(registry: Registry, start: Start) -> None:
    gates = Gate(), Gate()
    answers = [
        ask(start(), locking(registry, key, gate.pass_through)) for key, gate in enumerate(gates)
    ]
    for gate in gates:
        gate.wait_arrived()
    for gate in gates:
        gate.open()

    assert [answer.get(timeout=HANG) for answer in answers] == [None, None]
    assert_free(registry, 0)
    assert_free(registry, 1)


def test_ex_locks_when_using_the_same_key(registry: Registry, start: Start) -> None:
    gate, journal = Gate(), list[str]()

    def first() -> None:
        gate.pass_through()
        journal.append("first")

    one = ask(start(), locking(registry, "key", first))
    gate.wait_arrived()
    two = ask(start(), locking(registry, "key", lambda: journal.append("second")))
    await_waiting(registry, "key", 1)
    assert not two.done()

    gate.open()
    one.get(timeout=HANG)
    two.get(timeout=HANG)
    assert journal == ["first", "second"]
    assert_free(registry, "key")


def test_ex_locks_when_the_one_holding_the_lock_raises(registry: Registry, start: Start) -> None:
    gate = Gate()

    def fail() -> None:
        gate.pass_through()
        raise RuntimeError("oops")

    one = ask(start(), locking(registry, "key", fail))
    gate.wait_arrived()
    two = ask(start(), locking(registry, "key"))
    await_waiting(registry, "key", 1)
    gate.open()

    with pytest.raises(RuntimeError, match="oops"):
        one.get(timeout=HANG)
    assert two.get(timeout=HANG) == "done"
    assert_free(registry, "key")


def test_ex_locks_when_the_one_holding_the_lock_terminates(
    registry: Registry, start: Start
) -> None:
    holder, has_it = start(), threading.Event()

    def spin() -> None:
        has_it.set()
        while True:
            pass

    ask(holder, locking(registry, "key", spin))
    assert has_it.wait(HANG)
    two = ask(start(), locking(registry, "key"))
    await_waiting(registry, "key", 1)
    holder.kill()

    assert two.get(timeout=HANG) == "done"
    assert_free(registry, "key")


def test_ex_locks_when_the_one_holding_the_lock_is_abandoned(
    registry: Registry, start: Start
) -> None:
    """Its thread is stuck, its actor has ended: the lock is free, and is not given back twice."""
    stuck, busy, holder = Gate(), Gate(), start()
    ask(holder, locking(registry, "key", stuck.pass_through))
    stuck.wait_arrived()
    two = ask(start(), locking(registry, "key", busy.pass_through))
    await_waiting(registry, "key", 1)

    holder.abandon()
    busy.wait_arrived()
    three = ask(start(), locking(registry, "key"))
    await_waiting(registry, "key", 1)
    stuck.open()  # the abandoned thread leaves its block while another has the lock
    wait_until(lambda: holder.executor is None, what="the abandoned thread")
    assert not three.done()

    busy.open()
    assert two.get(timeout=HANG) is None
    assert three.get(timeout=HANG) == "done"
    assert_free(registry, "key")


def test_ex_locks_when_the_one_waiting_for_the_lock_terminates(
    registry: Registry, start: Start
) -> None:
    gate, waiter = Gate(), start()
    one = ask(start(), locking(registry, "key", gate.pass_through))
    gate.wait_arrived()
    two = ask(waiter, locking(registry, "key"))
    await_waiting(registry, "key", 1)
    three = ask(start(), locking(registry, "key"))
    await_waiting(registry, "key", 2)

    waiter.kill()
    wait_for_exit(waiter)
    gate.open()

    assert one.get(timeout=HANG) is None
    with pytest.raises(ActorDead):
        two.get(timeout=HANG)
    assert three.get(timeout=HANG) == "done"
    assert_free(registry, "key")


def test_ex_lock_that_is_not_free_in_time(registry: Registry, start: Start) -> None:
    gate = Gate()
    one = ask(start(), locking(registry, "key", gate.pass_through))
    gate.wait_arrived()

    with pytest.raises(CallTimeout), registry.lock("key", timeout=0):
        pytest.fail("somebody else has it")
    gate.open()

    one.get(timeout=HANG)
    assert_free(registry, "key")


def test_ex_lock_within_itself_is_an_error(registry: Registry, start: Start) -> None:
    """In Elixir it waits for ever."""
    twice = locking(registry, "key", locking(registry, "key"))

    with pytest.raises(CallCycle):
        twice()
    with pytest.raises(CallCycle):
        ask(start(), twice).get(timeout=HANG)
    assert_free(registry, "key")


def test_ex_lock_in_a_cycle_with_an_ask_is_an_error(registry: Registry, start: Start) -> None:
    """Who has the lock asks one that waits for it, also where it has had it from another."""
    gate, first, second, third = Gate(), start(), start(), start()
    one = ask(first, locking(registry, "key", gate.pass_through))
    gate.wait_arrived()
    two = ask(second, locking(registry, "key", lambda: third.ask(lambda: None, timeout=HANG)))
    await_waiting(registry, "key", 1)
    three = ask(third, locking(registry, "key"))
    await_waiting(registry, "key", 2)
    gate.open()

    one.get(timeout=HANG)
    with pytest.raises(CallCycle):
        two.get(timeout=HANG)
    assert three.get(timeout=HANG) == "done"
    assert_free(registry, "key")


@pytest.fixture
def _threads_take_turns_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    gc.disable()  # CPython loses a kill that hits a callback of the collector, and warns of it
    yield
    gc.enable()
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("_threads_take_turns_often")
def test_ex_lock_under_killing(registry: Registry, start: Start) -> None:
    """Whoever is killed, and where: at most one has the lock, and it is free in the end."""
    room: list[object] = [None]
    intruders: list[object] = []

    def work() -> None:
        me = room[0] = object()
        intruders.extend(me for _ in range(20) if room[0] is not me)

    def work_often() -> None:
        for _ in range(40):
            with registry.lock("key"):
                work()

    for _ in range(20):
        room[0] = None
        victim, *others = refs = [start() for _ in range(3)]
        answers = [ask(ref, work_often) for ref in refs]
        wait_until(lambda: room[0] is not None, what="the first to have it")
        victim.kill()
        wait_for_exit(victim)
        for answer in answers[-len(others) :]:
            answer.get(timeout=HANG)

    assert intruders == []
    assert_free(registry, "key")
