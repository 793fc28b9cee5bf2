"""Registrations, ends, kills and look-ups from many threads at once."""

from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from supervision import Actor, AlreadyRegistered, Ref, Registry, monitor, spawn
from supervision.testing import HANG, Gate, wait_for_exit, wait_until


@pytest.fixture(autouse=True)
def _threads_take_turns_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    gc.disable()  # CPython loses a kill that hits a callback of the collector, and warns of it
    yield
    gc.enable()
    sys.setswitchinterval(before)


@pytest.fixture(params=["unique", "duplicate"])
def registry(request: pytest.FixtureRequest) -> Registry:
    return Registry("raced", keys=request.param)


def at_once(*works: Callable[[], object]) -> None:
    """Run all at once and wait; an exception in one of them fails the test."""
    barrier, failures = threading.Barrier(len(works)), list[BaseException]()

    def run(work: Callable[[], object]) -> None:
        try:
            barrier.wait(HANG)
            work()
        except BaseException as exception:  # noqa: BLE001 - raised below
            failures.append(exception)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)
    if failures:
        raise failures[0]


def test_of_many_who_want_one_unique_name_one_gets_it() -> None:
    names = Registry("names")
    for _ in range(50):
        refs = [Actor().actor_ref for _ in range(4)]
        refused: list[Ref] = []

        def want(ref: Ref, refused: list[Ref] = refused) -> None:
            try:
                names.register("cashier", ref)
            except AlreadyRegistered as error:
                refused.append(error.ref)

        at_once(*(lambda ref=ref: want(ref) for ref in refs))  # type: ignore[misc]
        winner = names.whereis("cashier")
        assert winner is not None
        assert refused == [winner] * 3
        assert [len(ref.registrations()) for ref in refs].count(1) == 1
        names.unregister("cashier", winner)


def test_an_actor_that_is_registered_here_and_there_at_once_gives_up_both() -> None:
    """Its own side is changed under the locks of two registries."""
    here, there = Registry("here"), Registry("there")
    for _ in range(100):
        ref = spawn(Actor)
        at_once(
            lambda ref=ref: here.register("a", ref),  # type: ignore[misc]
            lambda ref=ref: there.register("b", ref),  # type: ignore[misc]
        )
        assert {registry.registry_name for registry, _ in ref.names()} == {"here", "there"}
        ref.kill()
        wait_for_exit(ref)
        assert here.count() == there.count() == 0


def test_one_that_is_killed_while_it_takes_and_gives_up_names_leaves_none(
    start: Any, registry: Registry
) -> None:
    class Busy(Actor):
        def on_receive(self, message: Any) -> None:
            while True:
                for key in range(5):
                    registry.register((key, id(self)), self.actor_ref, "value")
                for key in range(5):
                    registry.unregister((key, id(self)), self.actor_ref)

    for _ in range(20):
        ref = start(Busy)
        ref.tell("go")
        wait_until(lambda: registry.count() > 0, what="a name")
        ref.kill()
        wait_for_exit(ref)
        assert registry.count() == 0
        assert ref.registrations() == ()


def test_a_monitor_that_comes_while_an_actor_ends_hears_when_its_names_are_free() -> None:
    gate, downs = Gate(), list[Any]()

    class Delayed(Registry):
        def forget(self, registration: Any) -> None:
            gate.pass_through()
            super().forget(registration)

    names = Delayed("delayed")
    ref = spawn(Actor, name=names.name("cashier"))
    ref.kill()
    gate.wait_arrived()
    monitor(ref, lambda down: downs.append((down.ref, names.count())))
    assert downs == []

    gate.open()
    wait_for_exit(ref)
    assert downs == [(ref, 0)]


def test_a_name_that_changes_hands_is_at_no_time_two_owners(registry: Registry) -> None:
    """Readers see one or none; and what they see had not ended when they began to look."""
    going = threading.Event()
    most: list[int] = []

    def look() -> None:
        while not going.is_set():
            ended = {ref for ref in (current[0],) if not ref.is_alive()}
            entries = registry.lookup("cashier")
            registry.select(lambda *_: True)
            assert not ended & {entry.ref for entry in entries}
            most.append(len(entries))

    def change_hands() -> None:
        try:
            for _ in range(150):
                registry.register("cashier", current[0])
                current[0].kill()
                wait_for_exit(current[0])
                current[0] = spawn(Actor)
        finally:
            going.set()

    current = [spawn(Actor)]
    at_once(look, look, change_hands)
    current[0].kill()
    wait_for_exit(current[0])

    assert max(most) <= 1
    assert registry.count() == 0
