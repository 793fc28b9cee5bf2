"""Listeners hear of every change, in order, and none of them can harm a registration."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from supervision import (
    Actor,
    Ref,
    Registered,
    Registry,
    Unregistered,
    spawn,
    telemetry,
)
from supervision.registry_listeners import LISTENER_REMOVED
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from supervision.undelivered import dead_letters


class Keeps(Actor):
    """Keeps what it is told, and answers with it."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "what?":
            return self.told
        self.told.append(message)
        return None


@pytest.fixture
def names() -> Registry:
    return Registry("names")


@pytest.fixture
def ref() -> Ref:
    """An actor that is made but not run: enough to have names."""
    return Actor().actor_ref


def test_one_that_raises_is_removed_and_the_others_are_told(names: Registry, ref: Ref) -> None:
    told: list[Any] = []
    events: list[Any] = []

    def faulty(change: object) -> None:
        told.append("faulty")
        raise ValueError(change)

    detach = telemetry.attach(lambda event, fields: events.append((event, fields)))
    names.add_listener(faulty)
    names.add_listener(told.append)
    names.register("cashier", ref)
    names.unregister("cashier", ref)
    detach()

    come, gone = Registered("names", "cashier", ref, None), Unregistered("names", "cashier", ref)
    assert told == ["faulty", come, gone]
    ((event, fields),) = events
    assert (event, fields["listener"], fields["change"]) == (LISTENER_REMOVED, faulty, come)


def test_one_that_raises_at_an_actors_end_does_not_hold_up_its_end(
    start: Any, names: Registry
) -> None:
    def faulty(change: object) -> None:
        if isinstance(change, Unregistered):
            raise ValueError(change)

    names.add_listener(faulty)
    cashier = start(Actor, name=names.name("cashier"))
    cashier.stop()

    assert names.whereis("cashier") is None
    assert len(names._listeners) == 0


def test_an_actor_is_removed_when_it_ends(start: Any, names: Registry, ref: Ref) -> None:
    listener = start(Keeps)
    names.add_listener(listener)
    letters = dead_letters.count
    listener.stop()

    names.register("cashier", ref)
    assert len(names._listeners) == 0
    assert dead_letters.count == letters


def test_an_actor_that_listens_is_not_told_of_its_own_end(start: Any, names: Registry) -> None:
    letters = dead_letters.count
    listener = start(Keeps, name=names.name("listener"))
    names.add_listener(listener)
    listener.stop()

    assert dead_letters.count == letters


def test_a_name_that_listens_is_whoever_has_it(start: Any, names: Registry, ref: Ref) -> None:
    listener = Registry("others").name("listener")
    names.add_listener(listener)
    names.register("unheard", ref)
    start(Keeps, name=listener).stop()
    start(Keeps, name=listener)
    names.register("heard", ref)

    assert listener.ask("what?", timeout=HANG) == [Registered("names", "heard", ref, None)]


def test_one_added_twice_is_told_twice_until_each_is_removed(names: Registry, ref: Ref) -> None:
    told: list[Any] = []
    removes = [names.add_listener(told.append) for _ in range(2)]
    names.register("a", ref)
    removes[0]()
    removes[0]()
    names.register("b", ref)
    removes[1]()
    names.register("c", ref)

    assert [change.key for change in told] == ["a", "a", "b"]


def test_a_listener_that_changes_names_itself_keeps_the_order(names: Registry, ref: Ref) -> None:
    """The second listener, too, hears of the name before it hears that it is gone."""
    told: list[Any] = []

    def at_once(change: Any) -> None:
        if isinstance(change, Registered):
            names.unregister(change.key, change.ref)

    names.add_listener(at_once)
    names.add_listener(told.append)
    names.register("cashier", ref)

    assert [type(change) for change in told] == [Registered, Unregistered]


def test_a_slow_listener_holds_up_no_other_thread(names: Registry, ref: Ref) -> None:
    """What others change meanwhile is told by the thread that is at it, in order."""
    gate, told = Gate(), list[Any]()

    def slow(change: Any) -> None:
        if change.key == "first":
            gate.pass_through()
        told.append(change.key)

    names.add_listener(slow)
    first = threading.Thread(target=names.register, args=("first", ref))
    first.start()
    gate.wait_arrived()
    names.register("second", ref)
    assert names.whereis("second") is ref
    assert told == []

    gate.open()
    first.join(HANG)
    assert told == ["first", "second"]


def test_a_listener_may_wait_for_a_thread_that_needs_the_registry(
    names: Registry, ref: Ref
) -> None:
    """No lock of the registry is held while it is told."""

    def wait_for_another(change: Any) -> None:
        if change.key == "first":
            other = threading.Thread(target=names.register, args=("second", ref))
            other.start()
            other.join(HANG)
            assert not other.is_alive()

    names.add_listener(wait_for_another)
    names.register("first", ref)

    assert names.keys_of(ref) == ["first", "second"]
    assert len(names._listeners) == 1


def test_a_kill_waits_until_all_listeners_have_been_told(start: Any, names: Registry) -> None:
    gate, told = Gate(), list[Any]()

    class Registers(Actor):
        def on_receive(self, message: Any) -> None:
            names.register(message, self.actor_ref)

    def first(change: Any) -> None:
        if isinstance(change, Registered):
            gate.pass_through()

    names.add_listener(first)
    names.add_listener(told.append)
    ref = start(Registers)
    ref.tell("cashier")
    gate.wait_arrived()
    ref.kill()
    gate.open()
    wait_for_exit(ref)

    assert [type(change) for change in told] == [Registered, Unregistered]


def test_many_threads_and_kills_leave_listeners_with_the_truth(names: Registry) -> None:
    """Come and gone alternate for each name, whoever registers, ends, or is killed, and when."""
    told: list[Any] = []
    names.add_listener(told.append)

    def work(number: int) -> None:
        for _ in range(30):
            ref = spawn(Actor, name=names.name(number))
            names.register((number, "too"), ref)
            ref.kill()
            wait_for_exit(ref)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)
    wait_until(lambda: len(told) == 4 * 30 * 2 * 2, what="the last changes")

    assert names.count() == 0
    for key in {change.key for change in told}:
        kinds = [type(change) for change in told if change.key == key]
        assert kinds == [Registered, Unregistered] * 30
