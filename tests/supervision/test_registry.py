"""Names: unique and shared, cleaned when their owner ends, usable as addresses."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest

from supervision import (
    SHUTDOWN,
    AlreadyRegistered,
    NoProcess,
    NotSupported,
    Registered,
    Registry,
    RegistryKeeper,
    Unregistered,
    spawn,
)
from supervision.testing import HANG, Gate, wait_for_exit
from tests.supervision.echo import Echo


@pytest.fixture
def names() -> Registry:
    return Registry("names")


@pytest.fixture
def topics() -> Registry:
    return Registry("topics", keys="duplicate")


def test_a_unique_name_finds_its_actor(start: Any, names: Registry) -> None:
    ref = start(Echo, name=names.name("cashier"))

    assert names.whereis("cashier") is ref
    assert ref.label == "cashier"


def test_actors_without_a_name_are_called_by_class_and_number_and_no_two_alike() -> None:
    """Also where one is in the place in memory of another, which has ended."""
    labels = [Echo().actor_ref.label for _ in range(1_000)]
    assert all(re.fullmatch(r"Echo@\d+", label) for label in labels)
    assert len(set(labels)) == 1_000
    ref = Echo().actor_ref
    assert ref.label == ref.label


def test_a_second_registration_says_who_has_the_name(start: Any, names: Registry) -> None:
    first = start(Echo, name=names.name("cashier"))
    with pytest.raises(AlreadyRegistered) as caught:
        start(Echo, name=names.name("cashier"))

    assert caught.value.ref is first
    assert names.count() == 1


def test_a_name_is_free_when_its_owner_has_ended(start: Any, names: Registry) -> None:
    start(Echo, name=names.name("cashier")).stop()
    assert names.whereis("cashier") is None

    successor = start(Echo, name=names.name("cashier"))
    assert names.whereis("cashier") is successor


def test_registering_an_actor_that_has_ended_leaves_nothing(start: Any, names: Registry) -> None:
    ref = start(Echo)
    ref.stop()
    names.register("late", ref)

    assert names.whereis("late") is None
    assert names.count() == 0


def test_registration_that_races_the_end_leaves_nothing(start: Any, names: Registry) -> None:
    for n in range(200):
        ref = start(Echo)
        barrier = threading.Barrier(2)

        def register(ref: Any = ref, n: int = n, barrier: Any = barrier) -> None:
            barrier.wait(HANG)
            names.register(n, ref)

        thread = threading.Thread(target=register)
        thread.start()
        barrier.wait(HANG)
        ref.stop()
        thread.join(HANG)

    assert names.count() == 0


def test_one_and_one_point_zero_and_true_are_three_names(start: Any, names: Registry) -> None:
    keys = (1, 1.0, True)
    refs = [start(Echo, name=names.name(key)) for key in keys]

    assert [names.whereis(key) for key in keys] == refs


def test_several_actors_share_a_duplicate_key_each_with_its_value(
    start: Any, topics: Registry
) -> None:
    first, second = start(Echo), start(Echo)
    topics.register("orders", first, "a")
    topics.register("orders", second, "b")

    assert [(entry.ref, entry.value) for entry in topics.lookup("orders")] == [
        (first, "a"),
        (second, "b"),
    ]
    assert topics.keys_of(first) == ["orders"]


def test_dispatch_reaches_all_under_a_key_and_nobody_under_none(
    start: Any, topics: Registry
) -> None:
    calls: list[int] = []
    topics.register("orders", start(Echo))
    topics.register("orders", start(Echo))
    topics.dispatch("orders", lambda entries: calls.append(len(entries)))
    topics.dispatch("nothing", lambda entries: calls.append(len(entries)))

    assert calls == [2]


def test_unregister_frees_the_name_and_may_be_repeated(start: Any, names: Registry) -> None:
    ref = start(Echo, name=names.name("cashier"))
    names.unregister("cashier", ref)
    names.unregister("cashier", ref)

    assert names.whereis("cashier") is None
    assert names.keys_of(ref) == []


def test_select_filters_registrations(start: Any, names: Registry) -> None:
    for n in range(4):
        names.register(n, start(Echo), n * 10)

    found = names.select(lambda key, entry: entry.value > 15)
    assert sorted(key for key, _ in found) == [2, 3]


def test_listeners_hear_of_names_that_come_and_go(start: Any, names: Registry) -> None:
    heard: list[Any] = []
    remove = names.add_listener(heard.append)
    ref = start(Echo, name=names.name("cashier"))
    ref.stop()
    remove()
    names.register("unheard", start(Echo))

    assert heard == [
        Registered("names", "cashier", ref, None),
        Unregistered("names", "cashier", ref),
    ]


def test_an_address_follows_its_name_through_a_restart(start: Any, names: Registry) -> None:
    cashier = names.name("cashier")
    start(Echo, name=cashier).stop()
    with pytest.raises(NoProcess, match="cashier"):
        cashier.ask("anybody?")

    start(Echo, name=cashier)
    assert cashier.ask("back", timeout=HANG) == "back"


def test_an_address_without_an_actor_fails_the_future(names: Registry) -> None:
    answer = names.name("nobody").ask("anybody?", block=False)

    with pytest.raises(NoProcess):
        answer.get(timeout=HANG)


def test_a_duplicate_registry_gives_no_addresses(topics: Registry) -> None:
    with pytest.raises(NotSupported):
        topics.name("orders")


def test_a_name_passes_an_exit_signal_on(start: Any, names: Registry) -> None:
    name = names.name("cashier")
    ref = start(Echo, name=name)
    name.exit(SHUTDOWN)

    assert wait_for_exit(ref) == SHUTDOWN
    with pytest.raises(NoProcess):
        name.exit(SHUTDOWN)


def test_keys_must_be_unique_or_duplicate() -> None:
    with pytest.raises(ValueError, match="'unique' or 'duplicate'"):
        Registry("odd", keys="some")  # type: ignore[arg-type]


def test_no_look_up_returns_an_actor_that_has_ended(start: Any, names: Registry) -> None:
    """Between the end and the supervisor's hearing of it there is no moment to find it."""
    gate = Gate()

    class Careful(Echo):
        def on_stop(self) -> None:
            gate.pass_through()

    ref = start(Careful, name=names.name("cashier"))
    ref.shutdown()
    gate.wait_arrived()
    assert names.whereis("cashier") is ref, "it is still ending: nobody else may have the name"
    gate.open()
    wait_for_exit(ref)
    assert names.whereis("cashier") is None


def test_registries_are_empty_when_their_keeper_has_ended(start: Any, names: Registry) -> None:
    keeper = spawn(RegistryKeeper, [[names]])
    keeper.ask(lambda: None, block=False)
    ref = start(Echo)
    keeper.stop()
    names.register("after", ref)
    successor = spawn(RegistryKeeper, [[names]])
    successor.stop()

    assert names.count() == 0
