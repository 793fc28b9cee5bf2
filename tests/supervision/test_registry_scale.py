"""Twenty thousand names: what is done for one does not depend on how many there are."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Hashable
from typing import Any

import pytest

from supervision import NORMAL, Actor, Ref, Registry

MANY = 20_000


class CountedKey:
    """A key that counts how often keys are hashed and compared."""

    hashed = compared = 0

    def __init__(self, number: int) -> None:
        self.number = number

    def __hash__(self) -> int:
        CountedKey.hashed += 1
        return hash(self.number)

    def __eq__(self, other: object) -> bool:
        CountedKey.compared += 1
        return isinstance(other, CountedKey) and self.number == other.number


def an_actor() -> Ref:
    """One that does not run, and can have names all the same."""
    return Actor().actor_ref


def effort(work: Callable[[], object]) -> tuple[int, int]:
    """How often keys are hashed and compared."""
    CountedKey.hashed = CountedKey.compared = 0
    work()
    return CountedKey.hashed, CountedKey.compared


STEPS: dict[str, Callable[[Registry, Hashable, Ref], object]] = {
    "register": lambda names, key, ref: names.register(key, ref, "value"),
    "whereis": lambda names, key, _: names.unique and names.whereis(key),
    "lookup": lambda names, key, _: names.lookup(key),
    "values_of": lambda names, key, ref: names.values_of(key, ref),
    "keys_of": lambda names, _, ref: names.keys_of(ref),
    "count": lambda names, *_: names.count(),
    "unregister": lambda names, key, ref: names.unregister(key, ref),
    "register again": lambda names, key, ref: names.register(key, ref, "value"),
    "end": lambda _, __, ref: ref.end(NORMAL),
}


@pytest.mark.parametrize("keys", ["unique", "duplicate"])
def test_the_work_for_a_name_does_not_grow_with_their_number(keys: Any) -> None:
    names = Registry("names", keys=keys)

    def efforts(key: Hashable, ref: Ref) -> dict[str, tuple[int, int]]:
        return {
            name: effort(lambda step=step: step(names, key, ref))  # type: ignore[misc]
            for name, step in STEPS.items()
        }

    alone = efforts(CountedKey(-10), an_actor())
    refs = [an_actor() for _ in range(MANY)]
    for number, ref in enumerate(refs):
        names.register(CountedKey(number), ref)
    assert names.count() == MANY
    among_many = efforts(CountedKey(-10), an_actor())

    assert among_many == alone


@pytest.mark.parametrize("keys", ["unique", "duplicate"])
def test_ten_times_as_many_names_cost_about_ten_times_as_much(keys: Any, cpu_seconds: Any) -> None:
    def actors(count: int) -> list[Ref]:
        return [an_actor() for _ in range(count)]

    def come_and_go(refs: list[Ref]) -> None:
        names = Registry("names", keys=keys)
        for number, ref in enumerate(refs):
            names.register(f"account-{number}", ref)
        for number, ref in enumerate(refs):
            names.lookup(f"account-{number}")
            ref.end(NORMAL)
        assert names.count() == 0

    few, many = (
        cpu_seconds(lambda count=count: actors(count), come_and_go) for count in (500, 5_000)
    )

    assert many < 50 * few


@pytest.mark.parametrize("keys", ["unique", "duplicate"])
def test_the_work_for_a_name_does_not_grow_with_those_of_its_owner(
    keys: Any,
) -> None:
    names, owner = Registry("names", keys=keys), an_actor()
    names.register(CountedKey(-20), owner)
    names.register(CountedKey(-10), owner)

    def again() -> tuple[int, int]:
        return effort(
            lambda: (
                names.unregister(CountedKey(-10), owner),
                names.register(CountedKey(-10), owner),
            ),
        )

    with_few = again()
    for number in range(2_000):
        names.register(CountedKey(number), owner)

    assert again() == with_few


def test_a_million_names_are_affordable() -> None:
    """About a hundred bytes each, besides the actor and the key: a fiftieth of a million, here."""
    names = Registry("names")
    named = [(f"account-{number}", an_actor()) for number in range(20_000)]
    gc.collect()
    tracemalloc.start()
    for key, ref in named:
        names.register(key, ref)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert used / len(named) < 160
