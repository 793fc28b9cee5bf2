"""A start that fails leaves no name behind, whatever had been registered by then."""

from __future__ import annotations

from typing import Any

import pytest

from supervision import (
    Actor,
    AlreadyRegistered,
    AlreadyStarted,
    DynamicSupervisor,
    Ignore,
    Ref,
    Registry,
    StartFailed,
    SupervisorFlags,
    child_spec,
    start_child,
)
from supervision.testing import wait_for_exit


@pytest.fixture
def names() -> Registry:
    return Registry("names")


class Registers(Actor):
    """Takes a name in `__init__`; then raises, if it is to."""

    def __init__(self, names: Registry, problem: BaseException | None = None) -> None:
        super().__init__()
        names.register("own", self.actor_ref)
        if problem is not None:
            raise problem


@pytest.mark.parametrize("problem", [ValueError("oops"), Ignore()], ids=["crash", "ignore"])
def test_what_init_registered_before_it_raised_is_free(
    start: Any, names: Registry, problem: BaseException
) -> None:
    with pytest.raises(type(problem)):
        start(Registers, names, problem)

    assert names.count() == 0
    assert start(Registers, names) is names.whereis("own")


def test_what_init_registered_is_free_when_the_name_of_the_start_is_taken(
    start: Any, names: Registry
) -> None:
    taken = names.name("cashier")
    first: Ref = start(Actor, name=taken)
    with pytest.raises(AlreadyRegistered) as caught:
        start(Registers, names, name=taken)

    assert caught.value.ref is first
    assert names.whereis("own") is None
    assert names.count() == 1


def test_what_is_sent_to_one_that_never_ran_is_refused(start: Any, names: Registry) -> None:
    """Somebody found it by the name that it took too early."""
    found: list[Any] = []

    class Found(Registers):
        def __init__(self) -> None:
            super().__init__(names)
            found.append(names.name("own").ask("hello?", block=False))
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - it is the one above
        start(Found)

    (answer,) = found
    assert "never started" in str(answer.exception())


def test_a_start_that_fails_in_on_start_frees_its_name(names: Registry) -> None:
    class Fails(Actor):
        def on_start(self) -> None:
            raise ValueError("oops")

    root = DynamicSupervisor.start()
    with pytest.raises(StartFailed):
        start_child(root, child_spec(Fails, name=names.name("cashier")))
    assert names.count() == 0

    second = start_child(root, child_spec(Actor, name=names.name("cashier")))
    assert names.whereis("cashier") is second
    with pytest.raises(AlreadyStarted) as caught:
        start_child(root, child_spec(Actor, name=names.name("cashier")))
    assert caught.value.ref is second
    root.stop()


def test_a_name_is_free_before_its_owners_successor_starts(names: Registry) -> None:
    """So each of a hundred restarts finds it so."""
    name = names.name("cashier")
    starts: list[Ref] = []

    class Cashier(Actor):
        def __init__(self) -> None:
            super().__init__()
            assert name.whereis() is None
            starts.append(self.actor_ref)

    root = DynamicSupervisor.start(SupervisorFlags(max_restarts=1000))
    first = start_child(root, child_spec(Cashier, name=name))
    assert first is not None
    for _ in range(100):
        owner = starts[-1]
        owner.crash(ValueError("oops"))
        wait_for_exit(owner)
        start_child(root, child_spec(Actor))  # answered when the restart has been seen to
        assert name.whereis() is starts[-1] is not owner
    root.stop()
    assert names.count() == 0
