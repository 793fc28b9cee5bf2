"""What a command names in other streams is there, or the command is refused."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_actors.runtime import CommandTimeout, DoesNotExist, Rejection
from supervision.testing import HANG, wait_until
from tests.ledger_actors.runtime.counters import Boom, Counter, Increment, PutSticker, RubOff
from tests.ledger_actors.runtime.test_races import HeldJournal


def types(outcome: Any) -> list[str]:
    return [row.type for row in outcome.get(timeout=HANG).events]


def test_a_command_that_names_what_is_not_there_is_refused_and_writes_nothing(world: Any) -> None:
    world.send(Increment("a", 1))
    with pytest.raises(DoesNotExist, match="counter b does not exist") as refused:
        world.send(PutSticker("s", ("a", "b")))

    assert isinstance(refused.value, Rejection)
    assert refused.value.code == "does_not_exist"
    assert world.system.store.head() == 1


def test_one_that_names_what_is_on_disk_starts_nobody(world: Any) -> None:
    world.send(Increment("a", 1))
    world.counter("a").stop(timeout=HANG)
    world.send(PutSticker("s", ("a", "a")))

    assert world.counter("a") is None


def test_a_refusal_is_no_deed_and_the_same_id_is_decided_anew(world: Any) -> None:
    with pytest.raises(DoesNotExist):
        world.send(PutSticker("s", ("a",)), command_id="once")
    world.send(Increment("a", 1))

    assert not world.send(PutSticker("s", ("a",)), command_id="once").duplicate
    assert world.send(PutSticker("s", ("a",)), command_id="once").duplicate


def test_what_is_on_its_way_is_waited_for_and_those_behind_keep_their_order(world: Any) -> None:
    held = HeldJournal(world)
    world.send(Increment("a", 1), wait=False)
    put = world.send(PutSticker("s", ("a",)), wait=False)
    rub = world.send(RubOff("s"), wait=False)
    held.let_go()

    assert (types(put), types(rub)) == (["sticker.put"], ["sticker.rubbed_off"])


def test_commands_that_name_each_others_streams_do_not_wait_for_each_other(world: Any) -> None:
    """A dozen at once, each in a lane of its own, and all behind one counter that is being made."""
    held = HeldJournal(world)
    world.send(Increment("a", 1), wait=False)
    world.send(Increment("b", 1), wait=False)
    puts = [
        world.send(PutSticker(f"s{n}", ("a", "b") if n % 2 else ("b", "a")), wait=False)
        for n in range(12)
    ]
    held.let_go()

    assert [types(put) for put in puts] == [["sticker.put"]] * 12


def test_one_that_learns_nothing_in_time_fails_and_holds_up_nobody(make_world: Any) -> None:
    world = make_world(command_timeout=0.05)
    held = HeldJournal(world)
    making = world.send(Increment("a", 1), wait=False)
    put = world.send(PutSticker("s", ("a",)), wait=False)
    with pytest.raises(CommandTimeout):
        put.get(timeout=HANG)
    wait_until(making.done, what="the counter's deadline")
    held.open()
    wait_until(lambda: world.system.store.head() == 2, what="the counter")

    with pytest.raises(Rejection, match="there is no sticker"):
        world.send(RubOff("s"))


@pytest.mark.parametrize("victim", ["counter", "journal"])
def test_a_crash_of_what_it_waits_for_refuses_nothing(world: Any, victim: str) -> None:
    """Every sticker names a counter that is made right before it, over crashes in between."""
    outcomes = []
    for number in range(100):
        outcomes.append(world.send(Increment(f"c{number}", 1), wait=False))
        outcomes.append(world.send(PutSticker(f"s{number}", (f"c{number}",)), wait=False))
        if number % 10 == 5:
            ref = (
                world.system.names.whereis("journal")
                if victim == "journal"
                else world.counter(f"c{number}")
            )
            if ref is not None:
                ref.crash(Boom())

    assert [len(outcome.get(timeout=HANG).events) for outcome in outcomes] == [1] * 200


def test_a_read_comes_after_what_was_sent_before_it_also_over_a_crash(world: Any) -> None:
    world.send(Increment("a", 1))
    world.counter("a").crash(Boom())
    for _ in range(20):
        world.send(Increment("a", 1), wait=False)

    assert world.state("a") == 21


def test_a_read_of_a_ledger_that_has_stopped_fails_and_does_not_wait(world: Any) -> None:
    world.stop()
    with pytest.raises(Exception, match="the ledger"):
        world.bus.read(Counter, "a").get(timeout=HANG)
