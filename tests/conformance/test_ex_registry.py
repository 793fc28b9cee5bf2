"""Elixir's `registry_test.exs`, `unique_test.exs` and `duplicate_test.exs`, but for the locks.

Elixir's run over 1 and 8 partitions; ours, which has none, over both ways of running its owners.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from typing import Any

import pytest

from supervision import (
    Actor,
    AlreadyRegistered,
    AlreadyStarted,
    NoProcess,
    NotRegistered,
    NotSupported,
    Ref,
    Registered,
    Registry,
    Unregistered,
    child_spec,
    current_ref,
    start_child,
)
from supervision.registrations import Registration
from supervision.testing import HANG, Gate, wait_for_exit

Start = Callable[..., Ref]


class Owner(Actor):
    """Calls what it is sent; keeps what it is told that cannot be called."""

    def __init__(self, raises: Exception | None = None) -> None:
        super().__init__()
        if raises is not None:
            raise raises
        self.heard: list[Any] = []

    def on_receive(self, message: Any) -> Any:
        if message == "heard":
            return self.heard
        if callable(message):
            return message()
        self.heard.append(message)
        return None


def heard_by(ref: Ref) -> Any:
    return ref.ask("heard", timeout=HANG)


def run_in(ref: Ref, function: Callable[[], Any]) -> Any:
    return ref.ask(function, timeout=HANG)


def pairs(registry: Registry, key: Hashable) -> list[tuple[Ref, Any]]:
    return [(entry.ref, entry.value) for entry in registry.lookup(key)]


def everything(registry: Registry) -> list[tuple[Hashable, Ref, Any]]:
    return [(key, one.ref, one.value) for key, one in registry.select(lambda *_: True)]


@pytest.fixture
def start(start: Start) -> Start:
    """As everywhere, but always the same kind of actor."""
    return partial(start, Owner)


@pytest.fixture
def me(start: Start) -> Ref:
    """Elixir's test process, which registers itself."""
    return start()


@pytest.fixture
def task(start: Start) -> Ref:
    """Another process that does."""
    return start()


@pytest.fixture
def unique() -> Registry:
    return Registry("unique")


@pytest.fixture
def duplicate() -> Registry:
    return Registry("duplicate", keys="duplicate")


@pytest.fixture(params=["unique", "duplicate"])
def either(request: pytest.FixtureRequest) -> Registry:
    return Registry("either", keys=request.param)


def killed(ref: Ref) -> Ref:
    ref.kill()
    wait_for_exit(ref)
    return ref


# -- registry_test.exs ----------------------------------------------------------------------------


def test_ex_clean_up_registry_on_process_crash(either: Registry, me: Ref, task: Ref) -> None:
    """Both sides are empty: the registry's table, and what the owner kept of it."""
    either.register("hello", me, "value")
    either.register("world", task, "value")

    task.crash(ValueError("oops"))
    wait_for_exit(task)
    killed(me)

    assert either.count() == 0
    assert everything(either) == []
    assert me.registrations() == task.registrations() == ()


# -- what unique and duplicate keys have in common -------------------------------------------------


def test_ex_counts_0_keys_in_an_empty_registry(either: Registry) -> None:
    assert either.count() == 0


def test_ex_unregisters_with_no_entries(either: Registry, me: Ref) -> None:
    either.unregister("hello", me)

    assert either.count() == 0


def test_ex_empty_list_for_empty_registry(either: Registry) -> None:
    assert everything(either) == []


@pytest.mark.parametrize(
    "keys", [(1, 1.0, True), (("a", 1), ("a", 1.0), ("a", True))], ids=["numbers", "in-tuples"]
)
def test_ex_compares_using_matches(either: Registry, me: Ref, keys: tuple[Hashable, ...]) -> None:
    """1, 1.0 and True are one key for a dict, and three here; inside a tuple, too."""
    for key in keys:
        either.register(key, me, repr(key))

    assert [either.values_of(key, me) for key in keys] == [[repr(key)] for key in keys]
    assert list(map(repr, either.keys_of(me))) == list(map(repr, keys))

    either.unregister(keys[0], me)
    assert [either.count_of(key) for key in keys] == [0, 1, 1]


def test_ex_allows_listeners(either: Registry, me: Ref, task: Ref, start: Start) -> None:
    """An actor gets them as messages, a function is called with them, before `register` returns."""
    listener, calls = start(), list[Any]()
    either.add_listener(listener)
    either.add_listener(calls.append)

    either.register("hello", task, "world")
    either.register("world", me, "value")
    either.unregister("world", me)
    killed(task)

    assert calls == [
        Registered("either", "hello", task, "world"),
        Registered("either", "world", me, "value"),
        Unregistered("either", "world", me),
        Unregistered("either", "hello", task),
    ]
    assert heard_by(listener) == calls


def test_ex_links_and_unlinks_on_register_unregister(either: Registry, me: Ref) -> None:
    """The actor's end knows of its names as long as it has one, and of none after the last."""
    either.register("hello", me, "value")
    either.register("world", me, "value")
    assert me.names() == [(either, "hello"), (either, "world")]

    either.unregister("hello", me)
    assert me.names() == [(either, "world")]

    either.unregister("world", me)
    assert me.names() == []


def test_ex_supports_match_patterns(either: Registry, me: Ref) -> None:
    """A function of the value takes the place of match patterns and guards."""
    either.register("hello", me, (1, "atom", 1))
    either.register("world", me, {"a": "a", "b": "b"})

    def found(test: Callable[[Any], bool]) -> list[Any]:
        return [one.value for _, one in either.select(lambda _, one: test(one.value))]

    assert found(lambda value: value[1:2] == ("atom",) if isinstance(value, tuple) else False) == [
        (1, "atom", 1)
    ]
    assert found(lambda value: isinstance(value, dict) and value["b"] == "b") == [
        {"a": "a", "b": "b"}
    ]
    assert found(lambda value: value is None) == []


@pytest.mark.parametrize(
    "key", [None, ..., "", "_", ("_", "topic"), (), b"", frozenset({"b"}), math.nan, 0.0], ids=repr
)
def test_ex_uses_exact_complex_keys_in_lookup_and_match(
    either: Registry, me: Ref, key: Hashable
) -> None:
    """No key is reserved: whatever has a hash is one, and only itself."""
    either.register(key, me, "value")
    either.register((key,), me, "other")

    assert pairs(either, key) == [(me, "value")]
    assert either.count_of(key) == 1
    either.unregister(key, me)
    assert either.count() == 1


def test_ex_select_all(either: Registry, me: Ref, task: Ref) -> None:
    either.register("hello", task)
    either.register("world", me, "value")

    assert everything(either) == [("hello", task, None), ("world", me, "value")]


def test_ex_select_supports_full_match_specs(either: Registry, me: Ref, task: Ref) -> None:
    """By key, by actor, by value, and by all three."""
    either.register("hello", me, 1)
    either.register("world", task, 2)

    def keys(test: Callable[[Any, Any], bool]) -> list[Hashable]:
        return [key for key, _ in either.select(test)]

    assert keys(lambda key, _: key == "hello") == ["hello"]
    assert keys(lambda _, one: one.ref is task) == ["world"]
    assert keys(lambda _, one: one.value > 0) == ["hello", "world"]
    assert keys(lambda key, one: key == "hello" and one.ref is task) == []


def test_ex_unregister_match_supports_patterns(either: Registry, me: Ref) -> None:
    value = (1, "atom", 1)
    either.register("hello", me, value)

    either.unregister_match("hello", me, lambda one: one[0] == 2)
    assert pairs(either, "hello") == [(me, value)]

    either.unregister_match("hello", me, lambda one: one[1] == "atom")
    assert pairs(either, "hello") == []
    assert me.names() == []


# -- unique_test.exs -------------------------------------------------------------------------------


def test_ex_unique_counts_the_number_of_keys_in_a_registry(unique: Registry, me: Ref) -> None:
    unique.register("hello", me, "value")
    unique.register("world", me, "value")

    assert unique.count() == 2


def test_ex_has_unique_registrations(unique: Registry, me: Ref) -> None:
    unique.register("hello", me, "value")
    with pytest.raises(AlreadyRegistered) as caught:
        unique.register("hello", me, "other")

    assert caught.value.ref is me
    assert unique.keys_of(me) == ["hello"]
    assert unique.values_of("hello", me) == ["value"]

    unique.register("world", me, "value")
    assert unique.keys_of(me) == ["hello", "world"]


def test_ex_has_unique_registrations_across_processes(unique: Registry, me: Ref, task: Ref) -> None:
    unique.register("hello", task, "value")
    with pytest.raises(AlreadyRegistered) as caught:
        unique.register("hello", me, "recent")

    assert caught.value.ref is task
    assert (unique.keys_of(me), unique.keys_of(task)) == ([], ["hello"])
    assert (unique.values_of("hello", me), unique.values_of("hello", task)) == ([], ["value"])
    assert me.names() == []


class Delayed(Registry):
    """Its clean-up after an actor's end waits at a gate."""

    gate: Gate

    def forget(self, registration: Registration) -> None:
        self.gate.pass_through()
        super().forget(registration)


@pytest.fixture
def delayed(start: Start) -> Iterator[Delayed]:
    """Its gate opens before the actors that `start` has made are waited for."""
    del start
    registry = Delayed("delayed")
    registry.gate = Gate()
    yield registry
    registry.gate.open()


def test_ex_has_unique_registrations_even_if_partition_is_delayed(
    delayed: Delayed, me: Ref, task: Ref
) -> None:
    """The owner has ended and still stands in the table: the name is free, and stays its heir's."""
    changes: list[Any] = []
    delayed.register("hello", task, "value")
    delayed.add_listener(changes.append)
    with pytest.raises(AlreadyRegistered):
        delayed.register("hello", me, "other")

    task.kill()
    delayed.gate.wait_arrived()
    delayed.register("hello", me, "other")
    assert pairs(delayed, "hello") == [(me, "other")]

    delayed.gate.open()
    wait_for_exit(task)
    assert pairs(delayed, "hello") == [(me, "other")]
    assert me.names() == [(delayed, "hello")]
    assert changes == [
        Unregistered("delayed", "hello", task),
        Registered("delayed", "hello", me, "other"),
    ]


def test_ex_no_look_up_finds_one_that_has_ended_if_partition_is_delayed(
    delayed: Delayed, task: Ref
) -> None:
    delayed.register("hello", task, "value")
    task.kill()
    delayed.gate.wait_arrived()

    assert delayed.whereis("hello") is None
    assert delayed.lookup("hello") == everything(delayed) == []
    assert delayed.values_of("hello", task) == delayed.keys_of(task) == []
    assert delayed.count_of("hello") == 0
    delayed.dispatch("hello", lambda _: pytest.fail("there is nobody to deliver to"))
    with pytest.raises(NoProcess):
        delayed.name("hello").tell("anybody?")


def test_ex_updates_current_process_value(unique: Registry, me: Ref, task: Ref) -> None:
    """Only the owner may, in its own thread."""

    def update() -> Any:
        return unique.update_value("hello", lambda _: pytest.fail("it is not the owner's call"))

    def refused() -> bool:
        with pytest.raises(NotRegistered, match="hello"):
            update()
        return True

    assert refused()
    assert run_in(me, refused)
    unique.register("hello", task, "value")
    assert refused()
    assert run_in(me, refused)

    unique.register("world", task, 1)
    assert run_in(task, lambda: unique.update_value("world", lambda value: value + 1)) == (2, 1)
    assert pairs(unique, "world") == [(task, 2)]
    assert pairs(unique, "hello") == [(task, "value")]


def test_ex_dispatches_to_a_single_key(unique: Registry, me: Ref) -> None:
    unique.dispatch("hello", lambda _: pytest.fail("there is nobody to deliver to"))

    unique.register("hello", me, "value")
    unique.dispatch("hello", lambda entries: [one.ref.tell(one.value) for one in entries])

    assert heard_by(me) == ["value"]


def test_ex_unregisters_process_by_key(unique: Registry, me: Ref) -> None:
    unique.unregister("hello", me)
    unique.register("hello", me, "value")
    unique.register("world", me, "value")
    assert unique.keys_of(me) == ["hello", "world"]

    unique.unregister("hello", me)
    assert unique.keys_of(me) == ["world"]

    unique.unregister("world", me)
    assert unique.keys_of(me) == []


def test_ex_unregister_by_another_than_the_owner_does_nothing(
    unique: Registry, me: Ref, task: Ref
) -> None:
    unique.register("hello", task, "value")
    unique.unregister("hello", me)

    assert unique.whereis("hello") is task


def test_ex_via_callbacks(unique: Registry, start: Start, dynamic: Any) -> None:
    name = unique.name("hello")
    ref = start(name=name)

    name.tell("one")
    assert name.ask("heard", timeout=HANG) == ["one"]
    assert name.whereis() is ref

    with pytest.raises(AlreadyRegistered) as refused:
        start(name=name)
    assert refused.value.ref is ref
    with pytest.raises(AlreadyStarted) as already:
        start_child(dynamic(), child_spec(Owner, id="second", name=name))
    assert already.value.ref is ref


def test_ex_via_start_that_fails_leaves_no_name(unique: Registry, start: Start) -> None:
    name = unique.name("hello")
    with pytest.raises(RuntimeError, match="oops"):
        start(RuntimeError("oops"), name=name)

    assert name.whereis() is None
    assert unique.count() == 0
    assert start(name=name) is name.whereis()


def test_ex_uses_value_provided_in_via(unique: Registry, start: Start) -> None:
    name = unique.name("hello", "value")
    ref = start(name=name)

    assert pairs(unique, "hello") == [(ref, "value")]
    assert name == unique.name("hello")


def test_ex_doesnt_grow_on_already_registered(unique: Registry, me: Ref) -> None:
    unique.register("hello", me, "value")
    unique.register("world", me, "value")
    with pytest.raises(AlreadyRegistered):
        unique.register("hello", me, "value")

    assert unique.count() == len(me.registrations()) == 2


def test_ex_doesnt_grow_on_already_registered_across_processes(
    unique: Registry, me: Ref, task: Ref
) -> None:
    unique.register("hello", task, "value")
    unique.register("world", me, "value")
    with pytest.raises(AlreadyRegistered):
        unique.register("hello", me, "recent")

    assert unique.count() == 2
    assert (len(me.registrations()), len(task.registrations())) == (1, 1)


# -- duplicate_test.exs ----------------------------------------------------------------------------


def test_ex_duplicate_counts_the_number_of_keys_in_a_registry(duplicate: Registry, me: Ref) -> None:
    """It counts entries."""
    duplicate.register("hello", me, "value")
    duplicate.register("hello", me, "value")

    assert duplicate.count() == duplicate.count_of("hello") == 2


def test_ex_has_duplicate_registrations(duplicate: Registry, me: Ref) -> None:
    """One actor may be under one key more than once, each time with a value."""
    duplicate.register("hello", me, 1)
    duplicate.register("hello", me, 2)
    duplicate.register("world", me, 3)

    assert duplicate.keys_of(me) == ["hello", "hello", "world"]
    assert duplicate.values_of("hello", me) == [1, 2]


def test_ex_has_duplicate_registrations_across_processes(
    duplicate: Registry, me: Ref, task: Ref
) -> None:
    duplicate.register("hello", task, "world")
    assert (duplicate.keys_of(me), duplicate.keys_of(task)) == ([], ["hello"])
    assert duplicate.values_of("hello", me) == []
    assert duplicate.values_of("hello", task) == ["world"]

    duplicate.register("hello", me, "value")
    assert duplicate.keys_of(me) == ["hello"]
    assert duplicate.values_of("hello", me) == ["value"]


def test_ex_dispatches_to_multiple_keys_in_serial(duplicate: Registry, me: Ref, task: Ref) -> None:
    threads: list[threading.Thread] = []

    def deliver(entries: Any) -> None:
        threads.append(threading.current_thread())
        for entry in entries:
            entry.ref.tell(entry.value)

    duplicate.dispatch("hello", lambda _: pytest.fail("there is nobody to deliver to"))
    duplicate.register("hello", me, 1)
    duplicate.register("hello", task, 2)
    duplicate.register("world", me, 3)
    duplicate.dispatch("hello", deliver)
    assert (heard_by(me), heard_by(task)) == ([1], [2])

    duplicate.dispatch("world", deliver)
    assert (heard_by(me), heard_by(task)) == ([1, 3], [2])
    assert threads == [threading.current_thread()] * 2

    with pytest.raises(ZeroDivisionError):
        duplicate.dispatch("world", lambda _: 1 // 0)


def test_ex_dispatches_to_multiple_keys_in_parallel(
    duplicate: Registry, me: Ref, task: Ref
) -> None:
    """Each share in a thread of its own, and never the caller's."""
    both = threading.Barrier(2)
    threads: list[threading.Thread] = []
    actors: list[Ref | None] = []

    def deliver(entries: Any) -> None:
        both.wait(HANG)  # so that neither can have done before the other has begun
        threads.append(threading.current_thread())
        actors.append(current_ref())
        for entry in entries:
            entry.ref.tell(entry.value)

    duplicate.dispatch("hello", lambda _: pytest.fail("nobody to deliver to"), parallel=2)
    for value, ref in enumerate((me, task, me, task)):
        duplicate.register("hello", ref, value)
    duplicate.register("world", me, "other")
    duplicate.dispatch("hello", deliver, parallel=2)

    assert len(set(threads)) == 2
    assert threading.current_thread() not in threads
    assert actors == [None, None]
    assert (heard_by(me), heard_by(task)) == ([0, 2], [1, 3])


def test_ex_dispatches_in_parallel_and_a_callback_raises(
    duplicate: Registry, me: Ref, task: Ref
) -> None:
    """It surfaces in the caller, when the others have done their share."""
    duplicate.register("hello", me, ValueError("oops"))
    duplicate.register("hello", task, None)

    def deliver(entries: Any) -> None:
        for entry in entries:
            if entry.value is not None:
                raise entry.value
            entry.ref.tell("delivered")

    with pytest.raises(ExceptionGroup, match="1 of 2") as caught:
        duplicate.dispatch("hello", deliver, parallel=8)

    assert list(map(repr, caught.value.exceptions)) == ["ValueError('oops')"]
    assert heard_by(task) == ["delivered"]


def test_ex_unregisters_by_key(duplicate: Registry, me: Ref) -> None:
    for key in ("hello", "hello", "world"):
        duplicate.register(key, me, "value")

    duplicate.unregister("hello", me)
    assert duplicate.keys_of(me) == ["world"]

    duplicate.unregister("world", me)
    assert duplicate.keys_of(me) == []
    assert duplicate.count() == 0


def test_ex_duplicate_unregister_match_supports_guards(
    duplicate: Registry, me: Ref, task: Ref
) -> None:
    """Only the entries of the one actor that it is about."""
    duplicate.register("hello", me, 1)
    duplicate.register("hello", me, 2)
    duplicate.register("hello", task, 1)
    duplicate.unregister_match("hello", me, lambda value: value < 2)

    assert pairs(duplicate, "hello") == [(me, 2), (task, 1)]
    assert duplicate.keys_of(me) == ["hello"]


def test_ex_raises_if_attempt_to_be_used_on_via(duplicate: Registry) -> None:
    for attempt in (duplicate.name, duplicate.whereis):
        with pytest.raises(NotSupported, match="unique"):
            attempt("hello")


def test_ex_update_value_is_not_supported(duplicate: Registry, me: Ref) -> None:
    def refused() -> bool:
        with pytest.raises(NotSupported, match="update_value"):
            duplicate.update_value("hello", lambda value: value + 1)
        return True

    duplicate.register("hello", me, 1)

    assert run_in(me, refused)
    assert duplicate.values_of("hello", me) == [1]


# -- the doctests ----------------------------------------------------------------------------------


def test_ex_meta() -> None:
    registry = Registry("with meta", meta={"custom_key": "custom_value"})
    assert registry.meta("custom_key") == "custom_value"
    assert registry.meta("unknown_key") is None

    registry.put_meta(("tuple", "key"), "tuple_value")
    assert registry.meta(("tuple", "key")) == "tuple_value"

    registry.delete_meta("custom_key")
    registry.delete_meta("custom_key")
    assert registry.meta("custom_key", "default") == "default"

    registry.clear()
    assert registry.meta("custom_key") == "custom_value"
    assert registry.meta(("tuple", "key")) is None
