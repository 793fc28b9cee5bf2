"""How a handler comes by the states that a command rests on."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ledger_actors.runtime import Aggregate, CommandBus, Rejection, StreamEvents
from ledger_actors.runtime.command_bus import SHORT_HISTORY
from ledger_actors.store import Append, AppendRequest, NewEvent, StreamWrite
from supervision import ActorDead
from supervision.testing import HANG, wait_until
from tests.ledger_actors.runtime.counters import (
    Counter,
    Increment,
    Move,
    MoveHandler,
    Noted,
    Sticker,
)
from tests.ledger_actors.runtime.test_races import HeldJournal


def glance(world: Any, identity: str) -> Any:
    return world.bus.glance((Counter, identity))


def test_an_aggregate_that_has_nothing_to_do_is_read_without_a_message(world: Any) -> None:
    world.send(Increment("a", 10))
    world.send(Increment("b", 1))
    counters = [world.counter("a"), world.counter("b")]
    wait_until(lambda: all(one.is_idle() for one in counters))
    before = [one.handled for one in counters]
    world.send(Move("a", "b", 3))
    wait_until(lambda: all(one.is_idle() for one in counters))

    # The one message is what was written.
    assert [one.handled - had for one, had in zip(counters, before, strict=True)] == [1, 1]
    assert (world.state("a"), world.state("b")) == (7, 4)


def test_one_about_which_nothing_was_written_is_not_started(world: Any) -> None:
    with pytest.raises(Rejection, match="not enough"):
        world.send(Move("nobody", "nowhere", 1))

    assert world.counter("nobody") is world.counter("nowhere") is None
    assert (glance(world, "nobody").state, glance(world, "nobody").version) == (0, 0)


def test_one_that_does_not_run_and_has_a_short_history_is_read_from_disk(world: Any) -> None:
    world.send(Increment("a", 10))
    world.counter("a").stop(timeout=HANG)
    moved = world.send(Move("a", "b", 3))

    assert len(moved.events) == 2
    assert world.counter("a") is None
    assert (glance(world, "a").state, glance(world, "a").version) == (7, 2)


def test_one_that_does_not_run_and_has_a_long_history_is_started_and_asked(world: Any) -> None:
    world.send_many([(Increment("a", 1), None)] * (SHORT_HISTORY + 1))
    world.counter("a").stop(timeout=HANG)

    assert glance(world, "a") is None
    assert len(world.send(Move("a", "b", 3)).events) == 2
    assert world.counter("a") is not None


def test_one_whose_history_cannot_be_read_says_so_by_its_actor(world: Any) -> None:
    unknown = Append((StreamWrite("counter-a", (NewEvent("of.tomorrow", "{}"),)),))
    world.system.journal.ask(AppendRequest(unknown), timeout=HANG)

    assert glance(world, "a") is None
    with pytest.raises(ActorDead, match="tomorrow"):
        world.send(Move("a", "b", 3))


def test_what_was_sent_to_an_aggregate_before_comes_first(world: Any) -> None:
    world.send(Increment("a", 1))
    gate, counter = threading.Event(), world.counter("a")
    counter.running.used = lambda: gate.wait(HANG)  # holds it in its next message
    before = world.send(Increment("a", 9), wait=False)
    moved = world.send(Move("a", "b", 10), wait=False)
    seen = glance(world, "a")
    gate.set()

    assert seen is None
    assert before.get(timeout=HANG).events[0].id < moved.get(timeout=HANG).events[0].id


def test_what_is_seen_in_flight_is_named_until_it_is_on_disk(world: Any) -> None:
    world.send(Increment("a", 1))
    held = HeldJournal(world)
    written = world.send(Increment("a", 9), command_id="nine", wait=False)
    wait_until(lambda: "nine" in world.counter("a").running._in_flight)
    ahead = world.counter("a").running.ahead()
    held.let_go()
    written.get(timeout=HANG)

    assert (ahead.state, ahead.rests_on) == (10, "nine")
    assert world.counter("a").running.ahead().rests_on is None


class Moved(Aggregate[bool]):
    category = "moved"
    initial_state = False

    @staticmethod
    def evolve(state: bool, event: Any) -> bool:
        return isinstance(event, Noted)


def noted_once(command: Any) -> Any:
    """What a move makes: a note, of which there is one from each counter."""
    return ((Moved, command.source),)


class MoveOnce(MoveHandler):
    """Moves what a counter has, and notes it; a second time is refused."""

    creates = staticmethod(noted_once)

    @staticmethod
    def reads(command: Any) -> Any:
        return (*noted_once(command), *MoveHandler.reads(command))

    @staticmethod
    def decide(command: Any, states: Any) -> Any:
        if states[Moved, command.source]:
            raise Rejection("it was moved")
        note = StreamEvents(Moved.stream(command.source), (Noted("moved"),))
        return [note, *MoveHandler.decide(command, states)]


class TestWhatACommandMakes:
    @pytest.fixture
    def looked_for(self, world: Any, monkeypatch: Any) -> list[str]:
        """The streams that are looked for on disk."""
        world.bus = CommandBus(world.system, [Counter, Sticker, Moved], [MoveOnce])
        world.send(Increment("a", 10))
        world.send(Increment("b", 1))
        wait_until(lambda: all(world.counter(one).is_idle() for one in "ab"))
        looked: list[str] = []
        real = world.system.store.stream_version

        def stream_version(stream: str) -> int:
            looked.append(stream)
            return int(real(stream))

        monkeypatch.setattr(world.system.store, "stream_version", stream_version)
        return looked

    def test_it_is_not_looked_for(self, world: Any, looked_for: list[str]) -> None:
        made = world.send(Move("a", "b", 3))

        assert [event.stream for event in made.events] == ["moved-a", "counter-a", "counter-b"]
        assert looked_for == []

    def test_where_it_is_there_the_command_is_refused(
        self, world: Any, looked_for: list[str]
    ) -> None:
        world.send(Move("a", "b", 3))
        for _ in range(2):
            with pytest.raises(Rejection, match="it was moved"):
                world.send(Move("a", "b", 3))

        assert set(looked_for) == {"moved-a"}
        assert (world.state("a"), world.state("b")) == (7, 4)

    def test_where_it_is_there_and_the_store_has_forgotten_it_the_command_is_refused(
        self, world: Any, looked_for: list[str]
    ) -> None:
        world.send(Move("a", "b", 3))
        world.system.store._writer._heads.clear()

        with pytest.raises(Rejection, match="it was moved"):
            world.send(Move("a", "b", 3))
        assert (world.state("a"), world.state("b")) == (7, 4)

    def test_a_refusal_rests_on_what_was_looked_for(
        self, world: Any, looked_for: list[str]
    ) -> None:
        with pytest.raises(Rejection, match="not enough"):
            world.send(Move("a", "b", 99))

        assert looked_for == ["moved-a"]


def test_many_that_wait_for_one_aggregate_are_refused_one_after_the_other(world: Any) -> None:
    refused = [world.send(Move("empty", "b", 1), wait=False) for _ in range(3000)]

    for one in refused:
        with pytest.raises(Rejection):
            one.get(timeout=HANG)
