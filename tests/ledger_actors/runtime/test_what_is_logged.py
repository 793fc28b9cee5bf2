"""What consumers, aggregates and handlers log carries the event or the command that they are at."""

from __future__ import annotations

from typing import Any

import pytest
import structlog

from ledger_actors.runtime import (
    JOURNAL,
    Delivery,
    ProcessManager,
    ReadModelFull,
    Recorded,
    StreamEvents,
    WaitFor,
    envelope,
)
from ledger_actors.store import Append, AppendRequest, NewEvent, StreamWrite
from supervision import ActorDead
from supervision.testing import HANG, wait_for_exit, wait_until
from tests.ledger_actors.runtime.counters import (
    Boom,
    Congratulate,
    Counter,
    CrashIt,
    Increment,
    Move,
    MoveHandler,
    Tally,
)

CRASHED = "supervisor.child_crashed"


@pytest.fixture
def logged() -> list[dict[str, Any]]:
    """What is logged in the test."""
    events: list[dict[str, Any]] = []

    def keep(_logger: object, method: str, event: dict[str, Any]) -> Any:
        events.append({**event, "level": method})
        raise structlog.DropEvent

    structlog.configure(processors=[keep], cache_logger_on_first_use=False)
    return events


def only(logged: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """Wait for the one log event of this name."""
    wait_until(lambda: any(one["event"] == name for one in list(logged)))
    (found,) = (one for one in list(logged) if one["event"] == name)
    return found


def once(monkeypatch: Any, cls: Any, method: str) -> None:
    """Have a method crash the first time."""
    real, crashes = getattr(cls, method), [True]

    def crash(*args: Any) -> Any:
        if crashes:
            crashes.pop()
            raise Boom
        return real(*args)

    static = isinstance(vars(cls)[method], staticmethod)
    monkeypatch.setattr(cls, method, staticmethod(crash) if static else crash)


def talk(world: Any, command: Any) -> Any:
    """Dispatch a command of a conversation; return its future."""
    return world.bus.dispatch(envelope(command, command_id="c-1", correlation_id="talk"))


@pytest.mark.parametrize(
    ("consumer", "method"), [(Tally, "project"), (Congratulate, "process")], ids=["projector", "pm"]
)
def test_the_crash_of_a_consumer_names_the_event(
    world: Any, logged: list[dict[str, Any]], monkeypatch: Any, consumer: Any, method: str
) -> None:
    ref = world.consumer(consumer)
    world.send(Increment("a", 1))
    ref.ask(WaitFor(1), timeout=HANG)
    once(monkeypatch, consumer, method)
    talk(world, Increment("a", 2)).get(timeout=HANG)
    wait_for_exit(ref)

    crash = only(logged, CRASHED)
    assert (crash["event_id"], crash["correlation_id"]) == (2, "talk")


def test_the_crash_of_a_consumer_that_missed_an_event_names_the_one_that_came(
    world: Any, logged: list[dict[str, Any]]
) -> None:
    ref = world.consumer(Tally)
    ref.tell(Delivery(7, 8, ()))
    wait_for_exit(ref)

    assert only(logged, CRASHED)["event_id"] == 8


def test_a_consumer_that_stops_at_what_it_cannot_read_names_it(
    world: Any, logged: list[dict[str, Any]]
) -> None:
    later = StreamWrite("counter-a", (NewEvent("counter.incremented", '{"by":1}', 2),))
    append = Append(writes=(later,), correlation_id="talk")
    world.system.names.name(JOURNAL).ask(AppendRequest(append), timeout=HANG)
    wait_for_exit(world.consumer(Tally, wait=False))

    stopped = only(logged, "consumer.stopped")
    assert (stopped["event_id"], stopped["correlation_id"]) == (1, "talk")


class Grumble(ProcessManager):
    """Says of each event that it is there."""

    name = "grumble"
    types = ("counter.incremented",)

    def process(self, event: Recorded) -> list[StreamEvents]:
        self.log.warning("grumble")
        return []


def test_what_a_consumer_says_while_it_handles_an_event_names_it(
    world: Any, logged: list[dict[str, Any]]
) -> None:
    ref = world.consumer(Grumble)
    talk(world, Increment("a", 1)).get(timeout=HANG)
    ref.ask(WaitFor(1), timeout=HANG)
    ref.tell("what is this")

    said = only(logged, "grumble")
    assert (said["event_id"], said["correlation_id"]) == (1, "talk")
    assert said["actor"]
    assert "event_id" not in only(logged, "consumer.not_an_event")


def test_a_wait_for_room_is_said_when_it_begins_and_when_it_is_over(
    make_world: Any, logged: list[dict[str, Any]], monkeypatch: Any
) -> None:
    world = make_world(full_disk_pause=0.001)
    ref = world.consumer(Tally)
    real, refusals = Tally._write, [True] * 5

    def write(*args: Any) -> None:
        if refusals:
            refusals.pop()
            raise ReadModelFull("no room left")
        real(*args)

    monkeypatch.setattr(Tally, "_write", write)
    world.send(Increment("a", 5))
    ref.ask(WaitFor(1), timeout=HANG)

    assert only(logged, "consumer.waits_for_room")["reason"] == "no room left"
    assert only(logged, "consumer.has_room")["tries"] == 5


def test_the_crash_of_an_aggregate_names_the_command(
    world: Any, logged: list[dict[str, Any]]
) -> None:
    with pytest.raises(Boom):
        talk(world, CrashIt("a")).get(timeout=HANG)

    crash = only(logged, CRASHED)
    assert (crash["command"], crash["command_id"]) == ("CrashCounter", "c-1")
    assert crash["correlation_id"] == "talk"


def test_the_crash_of_an_aggregate_that_hydrates_names_the_event(
    world: Any, logged: list[dict[str, Any]], monkeypatch: Any
) -> None:
    talk(world, Increment("a", 1)).get(timeout=HANG)
    ref = world.counter("a")
    ref.shutdown()
    wait_for_exit(ref)
    once(monkeypatch, Counter, "evolve")
    world.send(Increment("a", 1))

    crash = next(one for one in logged if one["level"] == "error")
    assert (crash["event_id"], crash["correlation_id"]) == (1, "talk")


def test_the_crash_of_an_aggregate_over_another_s_event_names_it(
    world: Any, logged: list[dict[str, Any]], monkeypatch: Any
) -> None:
    world.send(Increment("a", 1))
    ref = world.counter("a")
    once(monkeypatch, Counter, "evolve")
    noted = StreamWrite("counter-a", (NewEvent("counter.noted", '{"text":"x"}'),))
    append = Append(writes=(noted,), correlation_id="talk")
    world.system.journal.ask(AppendRequest(append), timeout=HANG)
    wait_for_exit(ref)

    crash = only(logged, CRASHED)
    assert (crash["event_id"], crash["correlation_id"]) == (2, "talk")


@pytest.mark.parametrize("method", ["reads", "decide"])
def test_the_crash_of_a_handler_names_the_command(
    world: Any, logged: list[dict[str, Any]], monkeypatch: Any, method: str
) -> None:
    world.send(Increment("a", 1))
    once(monkeypatch, MoveHandler, method)
    with pytest.raises((Boom, ActorDead)):
        talk(world, Move("a", "b", 1)).get(timeout=HANG)

    crash = only(logged, CRASHED)
    assert (crash["command"], crash["command_id"]) == ("MoveCount", "c-1")
    assert crash["correlation_id"] == "talk"
