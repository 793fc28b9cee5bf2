"""What is promised of a command id: the same again gives the first answer and writes nothing.

A refusal is no answer that is kept: nothing was done, and the same id is decided anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger_actors.runtime import JOURNAL, InvalidCommand, Rejection, envelope
from ledger_actors.store import CommandIdReused
from supervision import KILLED
from supervision.testing import HANG, wait_for_exit, wait_until
from tests.ledger_actors.runtime.counters import Boom, Counter, Increment, Level, Move
from tests.ledger_actors.runtime.test_races import HeldJournal, by_others, heights

KINDS = {
    "one stream": Increment("a", -4),
    "several streams": Move("a", "b", 4),
    "no events": Level("a", 10),
}
each_kind = pytest.mark.parametrize("command", KINDS.values(), ids=KINDS)


def stand(world: Any) -> Any:
    """All that is on disk."""
    return list(world.system.store.read_all())


@each_kind
def test_it_is_known_when_it_was_done(world: Any, command: Any) -> None:
    world.send(Increment("a", 10))
    first = world.send(command, command_id="once")
    world.send(Increment("a", 1))
    before = stand(world)
    again = world.send(command, command_id="once")

    assert (again.events, again.duplicate) == (first.events, True)
    assert stand(world) == before


@each_kind
def test_it_is_known_among_many(world: Any, command: Any) -> None:
    world.send(Increment("a", 10))
    first = world.send(command, command_id="once")
    outcomes = world.send_many([(Increment("b", 1), "new"), (command, "once"), (command, None)])

    assert [one.duplicate for one in outcomes] == [False, True, False]
    assert outcomes[1].events == first.events


@each_kind
def test_it_is_known_among_many_that_are_sent_together(world: Any, command: Any) -> None:
    world.send(Increment("a", 10))
    first, again = world.send_many([(command, "once"), (command, "once")])

    assert (first.duplicate, again.duplicate) == (False, True)
    assert again.events == first.events


def test_what_is_wrong_with_one_of_many_is_its_own_answer(world: Any) -> None:
    world.send(Increment("a", 1), command_id="once")
    commands = [(Increment("a", 2), "once"), (Increment("", 1), None), (Increment("a", 3), None)]
    reused, nobody, done = world.bus.dispatch_many(
        [envelope(command, command_id=given) for command, given in commands]
    )

    with pytest.raises(CommandIdReused):
        reused.get(timeout=HANG)
    with pytest.raises(InvalidCommand, match="non-empty"):
        nobody.get(timeout=HANG)
    assert not done.get(timeout=HANG).duplicate


@each_kind
def test_it_is_known_when_the_first_was_written_after_it_was_looked_for(
    world: Any, command: Any, monkeypatch: Any
) -> None:
    """As by another client, between the look and the decision."""
    world.send(Increment("a", 10))
    store, first = world.system.store, []
    look_up = store.look_up_commands

    def look_up_and_be_overtaken(command_ids: Any) -> Any:
        found = look_up(command_ids)
        monkeypatch.setattr(store, "look_up_commands", look_up)
        first.append(world.send(command, command_id="once"))
        return found

    monkeypatch.setattr(store, "look_up_commands", look_up_and_be_overtaken)
    (again,) = world.send_many([(command, "once")])

    assert (again.events, again.duplicate) == (first[0].events, True)


@each_kind
def test_it_is_known_while_the_first_is_in_flight(world: Any, command: Any) -> None:
    world.send(Increment("a", 10))
    held = HeldJournal(world)
    first, again = (world.send(command, command_id="once", wait=False) for _ in range(2))
    held.let_go()

    assert first.get(timeout=HANG).events == again.get(timeout=HANG).events
    assert (first.get().duplicate, again.get().duplicate) == (False, True)


def killed_when_it_has_answered(monkeypatch: Any) -> None:
    """Each counter, whichever way it answers: at once, or by leaving it to another."""
    for name in ("reply", "reply_exception", "release_reply"):
        monkeypatch.setattr(Counter, name, and_be_killed(getattr(Counter, name)))


def and_be_killed(method: Callable[..., Any]) -> Callable[..., Any]:
    def then_killed(self: Any, *args: Any) -> Any:
        result = method(self, *args)
        self.actor_ref.kill()
        return result

    return then_killed


def test_it_is_answered_by_an_aggregate_that_is_killed_over_it(
    world: Any, monkeypatch: Any
) -> None:
    world.send(Increment("a", 10), command_id="once")
    killed_when_it_has_answered(monkeypatch)

    assert world.send(Increment("a", 10), command_id="once").duplicate
    with pytest.raises(CommandIdReused):
        world.send(Increment("a", 1), command_id="once")


def test_it_is_answered_in_flight_by_an_aggregate_that_is_killed_over_it(
    world: Any, monkeypatch: Any
) -> None:
    world.send(Increment("a", 10))
    counter, held = world.counter("a"), HeldJournal(world)
    first = world.send(Increment("a", 1), command_id="once", wait=False)
    wait_until(lambda: "once" in counter.running._in_flight)
    killed_when_it_has_answered(monkeypatch)
    again = world.send(Increment("a", 1), command_id="once", wait=False)
    assert wait_for_exit(counter) == KILLED
    held.let_go()

    assert (first.get(timeout=HANG).duplicate, again.get(timeout=HANG).duplicate) == (False, True)


@each_kind
def test_it_is_known_after_a_restart(make_world: Callable[..., Any], command: Any) -> None:
    world = make_world()
    world.send(Increment("a", 10))
    first = world.send(command, command_id="once")
    world = make_world()
    again = world.send(command, command_id="once")

    assert (again.events, again.duplicate) == (first.events, True)


@each_kind
def test_it_is_another_commands_for_ever(world: Any, command: Any) -> None:
    world.send(Increment("a", 10))
    world.send(command, command_id="once")
    with pytest.raises(CommandIdReused):
        world.send(Increment("a", 1), command_id="once")


@each_kind
def test_a_journal_that_ends_between_commit_and_answer_leaves_the_first_answer(
    world: Any, command: Any, monkeypatch: Any
) -> None:
    """The command is on disk and its caller does not know: the repeat finds it, by itself."""
    world.send(Increment("a", 10))
    real, crashes = world.system.store.append, [True]

    def append(batch: Any) -> Any:
        answers = real(batch)
        if any(one.command_id == "once" for one in batch) and crashes:
            crashes.clear()
            raise Boom
        return answers

    monkeypatch.setattr(world.system.store, "append", append)
    outcome = world.send(command, command_id="once")

    assert not crashes
    wait_until(lambda: world.system.names.whereis(JOURNAL) is not None, what="the journal's heir")
    found = world.system.store.find_command("once")
    assert (tuple(outcome.events), outcome.duplicate) == (found.events, True)


@pytest.mark.parametrize("command", [Increment("a", -4), Move("a", "b", 4)])
def test_a_refusal_is_decided_anew(world: Any, command: Any) -> None:
    for _ in range(2):
        with pytest.raises(Rejection):
            world.send(command, command_id="once")
    assert world.system.store.find_command("once") is None
    world.send(Increment("a", 4))

    assert not world.send(command, command_id="once").duplicate


def test_a_command_that_does_nothing_does_not_rest_on_what_is_not_so(world: Any) -> None:
    """It finds the counter where it should be, while another's event is on its way to disk."""
    world.send(Increment("a", 10))
    held = HeldJournal(world)
    foreign = by_others(world, -1)
    level = world.send(Level("a", 10), wait=False)
    held.let_go()

    foreign.get(timeout=HANG)
    level.get(timeout=HANG)
    assert heights(world) == [10, 9, 10]
