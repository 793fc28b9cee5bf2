"""Interleavings, each forced by gates: what is in flight may never become true."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pytest

from ledger_actors.runtime import (
    CommandTimeout,
    Rejection,
    envelope,
    event_name,
)
from ledger_actors.store import Append, AppendRequest, NewEvent, StoreFull, StreamWrite
from supervision import ActorDead
from supervision.testing import HANG, Gate, wait_for_exit
from tests.ledger_actors.runtime.counters import Boom, Counter, Increment, Incremented, Move


class HeldJournal:
    """Holds the journal in its next append, until it is let go."""

    def __init__(self, world: Any) -> None:
        self._world, self._gate = world, Gate()
        self.full = False
        self._real = world.system.store.append
        world.system.store.append = self._append
        self._first = world.send(Increment("unrelated", 1), wait=False)
        self._gate.wait_arrived()

    def open(self) -> None:
        self._gate.open()

    def let_go(self) -> None:
        self.open()
        self._first.get(timeout=HANG)

    def _append(self, batch: Sequence[Append]) -> Any:
        self._gate.pass_through()
        if self.full and any(one.writes[0].stream == "counter-a" for one in batch if one.writes):
            self.full = False
            return [StoreFull("the disk") for _ in batch]
        return self._real(batch)


def by_others(world: Any, *steps: int) -> Any:
    """Put increments by somebody else into the journal's mailbox; return the future."""
    made = tuple(NewEvent(event_name(Incremented), f'{{"by":{step}}}') for step in steps)
    request = AppendRequest(Append(writes=(StreamWrite("counter-a", made),)))
    return world.system.journal.ask(request, block=False)


def decided(world: Any) -> int:
    """Wait until the aggregate has decided what it was sent; return its version, ahead of disk."""
    return world.bus.read(Counter, "a", ahead=True).get(timeout=HANG).version


def heights(world: Any) -> list[int]:
    """Return what the counter stood at after each of its events."""
    total, seen = 0, []
    for row in world.system.store.read_stream("counter-a"):
        total += sum(event.by for event in world.system.events.decode(row))
        seen.append(total)
    return seen


def test_nothing_is_written_that_was_decided_on_what_was_refused(world: Any) -> None:
    """The stranger's event makes the versions of the second command fit by accident."""
    world.send(Increment("a", 5))
    held = HeldJournal(world)
    foreign = by_others(world, -1)
    first = world.send(Increment("a", 10), wait=False)
    second = world.send(Increment("a", -12), wait=False)
    assert decided(world) == 3
    held.let_go()

    foreign.get(timeout=HANG)
    world.outcome(first)
    world.outcome(second)
    assert heights(world) == [5, 4, 14, 2]


def test_a_rejection_waits_for_what_it_rests_on(world: Any) -> None:
    """The withdrawal that emptied the counter finds no room on the disk: it never happened."""
    world.send(Increment("a", 10))
    held = HeldJournal(world)
    first = world.send(Increment("a", -10), wait=False)
    second = world.send(Increment("a", -10), wait=False)
    decided(world)
    assert not second.done()
    held.full = True
    held.let_go()

    with pytest.raises(StoreFull):
        first.get(timeout=HANG)
    outcome = second.get(timeout=HANG)
    assert [row.version for row in outcome.events] == [2]


def test_a_rejection_that_rests_on_what_was_written_is_given(world: Any) -> None:
    world.send(Increment("a", 10))
    held = HeldJournal(world)
    world.send(Increment("a", -10), wait=False)
    second = world.send(Increment("a", -10), wait=False)
    decided(world)
    held.let_go()

    with pytest.raises(Rejection, match="a counter of 0"):
        second.get(timeout=HANG)


def test_a_repeat_of_what_is_in_flight_gets_its_answer_and_no_rejection(world: Any) -> None:
    world.send(Increment("a", 10))
    held = HeldJournal(world)
    first = world.send(Increment("a", -6), command_id="once", wait=False)
    again = world.send(Increment("a", -6), command_id="once", wait=False)
    decided(world)
    held.let_go()

    assert again.get(timeout=HANG).events == first.get(timeout=HANG).events
    assert (first.get().duplicate, again.get().duplicate) == (False, True)
    assert world.state("a") == 4


def test_a_repeat_of_what_was_refused_is_decided_for_itself(world: Any) -> None:
    world.send(Increment("a", 10))
    held = HeldJournal(world)
    foreign = by_others(world, -1)
    first = world.send(Increment("a", -6), command_id="once", wait=False)
    again = world.send(Increment("a", -6), command_id="once", wait=False)
    decided(world)
    held.let_go()

    foreign.get(timeout=HANG)
    assert again.get(timeout=HANG).events == first.get(timeout=HANG).events
    assert heights(world) == [10, 9, 3]


def test_a_state_that_never_was_is_not_read_when_others_have_written(world: Any) -> None:
    """Between the news of two events by others and the journal's refusal of our own."""
    world.send(Increment("a", 5))
    held = HeldJournal(world)
    reads: list[Any] = []

    def read(_up_to: int) -> None:  # runs after the aggregate was told, before the refusal
        reads.append(world.bus.read(Counter, "a", ahead=True))
        reads.append(world.bus.read(Counter, "a"))

    foreign = by_others(world, -1, -1)
    ours = world.send(Increment("a", 100), wait=False)
    decided(world)
    end = world.system.subscriptions.on_commit(read)
    held.let_go()
    foreign.get(timeout=HANG)
    world.outcome(ours)
    end()

    truth = {0: 0, 1: 5, 2: 4, 3: 3, 4: 103}
    for one in reads:
        stand = one.get(timeout=HANG)
        assert stand.rests_on is not None or stand.state == truth[stand.version]


def test_commands_for_one_stream_keep_their_order_around_a_crash(world: Any) -> None:
    """As open and deposit: the second is refused if it overtakes the first."""
    world.send(Increment("a", 0))
    for _ in range(20):
        aggregate = world.counter("a")
        if aggregate is not None:
            aggregate.crash(Boom())
        futures = [world.send(Increment("a", step), wait=False) for step in (10, -10)]
        if aggregate is not None:
            wait_for_exit(aggregate)
        futures += [world.send(Increment("a", step), wait=False) for step in (7, -7)]
        for future in futures:
            world.outcome(future)

    assert world.state("a") == 0


def test_a_command_without_an_outcome_fails_at_its_deadline(world: Any, monkeypatch: Any) -> None:
    gate = Gate()
    monkeypatch.setattr(Counter, "decide", staticmethod(lambda *_: gate.pass_through() or []))
    future = world.bus.dispatch(envelope(Increment("a", 1)), timeout=0.02)
    gate.wait_arrived()
    with pytest.raises(CommandTimeout, match="IncrementCounter"):
        future.get(timeout=HANG)
    gate.open()


def test_a_read_that_crosses_the_passivation_is_answered(world: Any) -> None:
    world.send(Increment("a", 5))
    for _ in range(20):
        aggregate = world.counter("a")
        if aggregate is not None:
            aggregate.shutdown()
        assert world.bus.read(Counter, "a").get(timeout=HANG).state == 5


def test_many_handlers_on_one_source_are_all_decided(world: Any) -> None:
    world.send(Increment("a", 60))
    futures = [world.send(Move("a", f"t{n}", 1), wait=False) for n in range(60)]
    for future in futures:
        world.outcome(future)

    assert world.state("a") == 0


def test_a_handlers_rejection_waits_for_what_it_rests_on(world: Any) -> None:
    world.send(Increment("a", 10))
    held = HeldJournal(world)
    first = world.send(Increment("a", -10), wait=False)
    move = world.send(Move("a", "b", 10), wait=False)
    decided(world)
    held.full = True
    held.let_go()

    with pytest.raises(StoreFull):
        first.get(timeout=HANG)
    assert len(move.get(timeout=HANG).events) == 2


def test_a_handler_does_not_rest_on_what_was_refused(world: Any) -> None:
    world.send(Increment("a", 5))
    held = HeldJournal(world)
    foreign = by_others(world, -1)
    first = world.send(Increment("a", 10), wait=False)
    decided(world)
    move = world.send(Move("a", "b", 12), wait=False)
    world.bus.read(Counter, "b", ahead=True).get(timeout=HANG)
    held.let_go()
    foreign.get(timeout=HANG)
    world.outcome(first)
    with contextlib.suppress(Rejection):
        world.outcome(move)
    assert min(heights(world)) >= 0


def test_a_snapshot_that_cannot_be_read_back_is_not_taken(
    make_world: Any, monkeypatch: Any
) -> None:
    """A state of None, or a dict of dates, has a JSON form from which it cannot be made again."""
    world = make_world(snapshot_every=2)
    monkeypatch.setattr(Counter, "initial_state", None)
    monkeypatch.setattr(Counter, "evolve", staticmethod(lambda state, e: (state or 0) + e.by))
    monkeypatch.setattr(Counter, "decide", staticmethod(lambda _state, c: [Incremented(c.by)]))
    for _ in range(5):
        world.send(Increment("a", 1))
    aggregate = world.counter("a")
    aggregate.kill()
    wait_for_exit(aggregate)
    assert world.state("a") == 5


def test_a_command_to_a_ledger_that_has_stopped_fails_and_does_not_wait(make_world: Any) -> None:
    world = make_world()
    world.stop()
    with pytest.raises(ActorDead):
        world.send(Increment("a", 1))


def test_a_command_that_was_under_way_when_the_ledger_stopped_may_be_done_and_says_so(
    world: Any,
) -> None:
    held = HeldJournal(world)
    outcome = world.bus.dispatch(envelope(Increment("a", 1), command_id="once"))
    decided(world)
    world.bus.close()

    with pytest.raises(CommandTimeout, match=r"whether it is done is not known.*'once'"):
        outcome.get(timeout=HANG)
    held.open()
