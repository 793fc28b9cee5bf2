"""What becomes of names when the keeper of their registry crashes, and comes back."""

from __future__ import annotations

from typing import Any

import pytest

from supervision import (
    NORMAL,
    REST_FOR_ONE,
    Actor,
    Ref,
    Registry,
    RegistryKeeper,
    Supervisor,
    SupervisorFlags,
    Unregistered,
    child_spec,
    spawn,
)
from supervision.testing import HANG, wait_for_exit
from supervision.testing_children import Script, children_of


@pytest.fixture
def names() -> Registry:
    return Registry("names")


@pytest.fixture
def outsider(start: Any, names: Registry) -> Ref:
    """An actor that is in the registry and not in the tree."""
    ref: Ref = start(Actor, name=names.name("outsider"))
    return ref


def test_under_rest_for_one_whatever_is_registered_is_started_again(
    names: Registry, outsider: Ref
) -> None:
    """Each name goes to its owner's successor when the owner has ended."""
    journal: list[Any] = []
    before, first, second = (Script(name, journal) for name in ("before", "first", "second"))
    root = Supervisor.start(
        [
            before.spec(),
            child_spec(RegistryKeeper, [names], id="registries"),
            first.spec(name=names.name("first")),
            second.spec(name=names.name("second")),
        ],
        SupervisorFlags(strategy=REST_FOR_ONE),
    )
    old = [script.wait_started() for script in (before, first, second)]
    journal.clear()

    children_of(root)["registries"].ref.crash(ValueError("oops"))  # type: ignore[union-attr]
    new = [script.wait_started() for script in (first, second)]

    assert journal == [
        ("stop", "second"),
        ("stop", "first"),
        ("start", "first"),
        ("start", "second"),
    ]
    assert [names.whereis("first"), names.whereis("second")] == new
    assert not {*old[1:]} & {*new}
    assert old[0].is_alive()
    assert names.whereis("outsider") is outsider, "whoever lives keeps its name"
    assert names.count() == 3

    root.stop()
    assert names.count() == 0


def test_while_its_keeper_is_down_a_name_is_still_its_owners(
    names: Registry, outsider: Ref
) -> None:
    """Else another could be started under it, and there would be two."""
    keeper = spawn(RegistryKeeper, [[names]])
    keeper.kill()
    wait_for_exit(keeper)
    assert names.whereis("outsider") is outsider

    successor = spawn(RegistryKeeper, [[names]])
    assert successor.ask("started?", timeout=HANG) is None
    assert names.whereis("outsider") is outsider
    successor.stop()


def test_a_keeper_takes_out_what_the_dead_left_behind(names: Registry) -> None:
    ref = Actor().actor_ref
    names.register("cashier", ref)
    ref.unnamed(*ref.registrations())  # as if its end had been cut short
    ref.end(NORMAL)
    assert names.count() == 1

    keeper = spawn(RegistryKeeper, [[names]])
    assert keeper.ask("started?", timeout=HANG) is None
    assert names.count() == 0
    keeper.stop()


def test_a_keeper_that_is_stopped_leaves_empty_registries(names: Registry, outsider: Ref) -> None:
    changes: list[Any] = []
    names.put_meta("shard", 3)
    names.add_listener(changes.append)
    keeper = spawn(RegistryKeeper, [[names]])
    keeper.stop()

    assert names.count() == 0
    assert outsider.names() == []
    assert names.meta("shard") is None
    assert changes == [Unregistered("names", "outsider", outsider)]
