"""Process managers: effect and position in one append, no event twice, nothing from before."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

from ledger_actors.runtime import (
    JOURNAL,
    ProcessManager,
    Recorded,
    StreamEvents,
    WaitFor,
    envelope,
)
from ledger_actors.runtime import consumer as consumer_module
from ledger_actors.store import (
    Append,
    AppendRequest,
    NewEvent,
    RecordedEvent,
    StoreFull,
    StreamWrite,
)
from supervision import ActorDead, Shutdown, restart_child
from supervision.messages import is_stop
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from tests.ledger_actors.runtime.counters import (
    Boom,
    Congratulate,
    Increment,
    Noted,
    Tally,
    tally,
)


def notes(world: Any) -> list[RecordedEvent]:
    return list(world.system.store.read_all(types=["counter.noted"]))


def caught_up(world: Any, event_id: int) -> None:
    """Wait until the process manager, or the successor of one that crashes, has dealt with it."""
    name = world.system.names.name(("consumer", "congratulate"))
    while True:
        wait_until(name.is_alive)
        try:
            assert name.ask(WaitFor(event_id), timeout=HANG) >= event_id
        except ActorDead:
            continue
        return


def test_it_never_reacts_to_what_was_before_it(world: Any) -> None:
    world.send(Increment("a", 10))
    world.consumer(Congratulate)
    world.send(Increment("a", 20))
    caught_up(world, 2)

    assert [row.causation_id for row in notes(world)] == ["2"]


def test_its_start_at_the_newest_event_is_kept(world: Any) -> None:
    """What happens while it is down is for it to do when it is back."""
    world.send(Increment("a", 10))
    ref = world.consumer(Congratulate)
    assert world.system.store.position("congratulate") == 1
    ref.kill()
    wait_for_exit(ref)
    world.send(Increment("a", 20))
    caught_up(world, 2)

    assert [row.causation_id for row in notes(world)] == ["2"]


def test_children_carry_the_parents_correlation_and_its_id_as_their_cause(world: Any) -> None:
    world.consumer(Congratulate)
    sent = envelope(Increment("a", 10), command_id="c-1", correlation_id="talk")
    world.bus.dispatch(sent).get(timeout=HANG)
    caught_up(world, 1)

    (note,) = notes(world)
    assert (note.correlation_id, note.causation_id) == ("talk", "1")
    assert (note.command_id, note.command_index) == ("congratulate:1", 0)
    assert note.author == "congratulate"


def test_a_command_from_outside_under_its_id_does_not_stand_for_its_own(world: Any) -> None:
    world.consumer(Congratulate)
    world.send(Increment("b", 1), command_id="congratulate:2")
    world.send(Increment("a", 10))
    caught_up(world, 2)

    (note,) = notes(world)
    assert (note.causation_id, note.command_id) == ("2", "congratulate:2:congratulate")


def test_a_live_aggregate_hears_of_an_event_that_it_wrote(world: Any) -> None:
    world.consumer(Congratulate)
    world.send(Increment("a", 10))
    caught_up(world, 1)
    outcome = world.send(Increment("a", 1))

    assert outcome.events[0].version == 3


@pytest.mark.parametrize("victim", ["consumer", JOURNAL])
def test_crashes_lose_and_double_nothing(world: Any, victim: str) -> None:
    """Of itself, and of the journal that writes its effects."""
    world.consumer(Congratulate)
    names = world.system.names
    key = ("consumer", "congratulate") if victim == "consumer" else victim
    for number in range(40):
        world.send(Increment(f"c{number % 3}", 10))
        if number % 8 == 3 and (ref := names.whereis(key)) is not None:
            ref.crash(Boom())
    causes = [row.id for row in world.system.store.read_all(types=["counter.incremented"])]
    caught_up(world, causes[-1])

    assert [int(row.causation_id or 0) for row in notes(world)] == causes


def test_a_crash_in_the_middle_leaves_neither_effect_nor_position(
    world: Any, monkeypatch: Any
) -> None:
    real, crashes = Congratulate._append, [True]

    def append(self: Any, one: Any) -> None:
        if one.writes and crashes:
            crashes.pop()
            raise Boom
        real(self, one)

    ref = world.consumer(Congratulate)
    monkeypatch.setattr(Congratulate, "_append", append)
    world.send(Increment("a", 10))
    wait_for_exit(ref)
    caught_up(world, 1)

    assert [row.causation_id for row in notes(world)] == ["1"]


class Sees(ProcessManager):
    name = "congratulate"
    types = ("counter.incremented",)
    seen: ClassVar[list[int]] = []

    def process(self, event: Recorded) -> list[StreamEvents]:
        self.seen.append(event.id)
        return []


@pytest.fixture
def seen(monkeypatch: Any) -> list[int]:
    fresh: list[int] = []
    monkeypatch.setattr(Sees, "seen", fresh)
    return fresh


def test_an_event_that_led_to_nothing_is_not_processed_again(world: Any, seen: list[int]) -> None:
    ref = world.consumer(Sees)
    world.send(Increment("a", 1))
    caught_up(world, 1)
    ref.kill()
    wait_for_exit(ref)
    world.send(Increment("a", 1))
    caught_up(world, 2)

    assert seen == [1, 2]


def test_a_stop_is_honoured_between_two_events(world: Any, monkeypatch: Any) -> None:
    ref, gate = world.consumer(Congratulate), Gate()
    real = Congratulate.process

    def process(self: Any, event: Recorded) -> list[StreamEvents]:
        gate.pass_through()
        return real(self, event)

    monkeypatch.setattr(Congratulate, "process", process)
    for _ in range(3):
        world.send(Increment("a", 10))
    gate.wait_arrived()
    ref.shutdown()
    gate.open()

    assert wait_for_exit(ref) == Shutdown()
    assert [row.causation_id for row in notes(world)] == ["1"]
    assert world.system.store.position("congratulate") == 1


def test_its_start_does_not_wait_for_what_it_has_to_catch_up_with(
    world: Any, monkeypatch: Any
) -> None:
    """But for its position: whatever is started behind it comes after that."""
    world.consumer(Sees).shutdown()
    wait_until(lambda: world.system.names.whereis(("consumer", "congratulate")) is None)
    for _ in range(3):
        world.send(Increment("a", 1))
    gate = Gate()

    def process(self: Any, event: Recorded) -> list[StreamEvents]:
        if event.id == 2:
            gate.pass_through()
        return []

    monkeypatch.setattr(Sees, "process", process)
    restart_child(world.root, "congratulate", timeout=HANG)
    gate.wait_arrived()
    assert world.system.reached == {"congratulate": 1}
    gate.open()
    caught_up(world, 3)
    assert world.system.reached == {"congratulate": 3}


def test_a_new_one_has_its_position_when_it_has_started(make_world: Any) -> None:
    """Also where it then waits before it reads."""
    world = make_world(hydration_delay=1000.0)
    world.send(Increment("a", 1))
    world.consumer(Sees)
    assert world.system.store.position("congratulate") == 1


def test_a_long_mailbox_is_not_gone_over_for_each_event(world: Any, monkeypatch: Any) -> None:
    """What waits is looked at once, to see whether it is a request to stop."""
    looks: list[Any] = []

    def look(message: Any) -> bool:
        looks.append(message)
        return is_stop(message)

    monkeypatch.setattr(consumer_module, "is_stop", look)
    gate, real = Gate(), Sees.process

    def process(self: Any, event: Recorded) -> list[StreamEvents]:
        if event.id == 1:
            gate.pass_through()
        return real(self, event)

    monkeypatch.setattr(Sees, "process", process)
    ref = world.consumer(Sees)
    for _ in range(30):
        world.send(Increment("a", 1))
    gate.wait_arrived()
    for _ in range(100):
        ref.tell("hello")
    gate.open()
    caught_up(world, 30)

    assert len(looks) <= 2 * (30 + 100)


def test_a_stop_that_its_own_receive_has_put_aside_is_honoured_between_two_events(
    world: Any, monkeypatch: Any
) -> None:
    gate = Gate()

    def process(self: Any, event: Recorded) -> list[StreamEvents]:
        self.stop_if_asked()
        gate.pass_through()
        self.receive(lambda message: message == "go on", timeout=HANG, system=True)
        return []

    monkeypatch.setattr(Sees, "process", process)
    ref = world.consumer(Sees)
    world.send(Increment("a", 1))
    gate.wait_arrived()
    world.send(Increment("a", 1))
    ref.shutdown()
    ref.tell("go on")
    gate.open()

    assert wait_for_exit(ref) == Shutdown()
    assert world.system.store.position("congratulate") == 1


def test_where_there_is_no_room_it_waits_and_goes_on(make_world: Any) -> None:
    world = make_world(full_disk_pause=0.001)
    ref = world.consumer(Congratulate)
    real, refusals = world.system.store.append, [True, True]

    def append(batch: Any) -> Any:
        if any(one.position for one in batch) and refusals:
            refusals.pop()
            return [StoreFull("the disk") for _ in batch]
        return real(batch)

    world.system.store.append = append
    world.send(Increment("a", 10))
    caught_up(world, 1)

    assert [row.causation_id for row in notes(world)] == ["1"]
    assert ref.is_alive()


class TellsTotal(ProcessManager):
    """Reads what the tally says as of the event that it reacts to."""

    name = "congratulate"
    types = ("counter.incremented",)

    def process(self, event: Recorded) -> list[StreamEvents]:
        totals = self.read_model(Tally, tally, up_to=event.id)
        total, _ = totals[event.stream]
        return [StreamEvents(event.stream, (Noted(f"{total}"),))]


def test_it_waits_for_a_read_model_whoever_is_scheduled_first(world: Any, monkeypatch: Any) -> None:
    gate, real = Gate(), Tally.project

    def project(self: Any, db: Any, event: Recorded) -> None:
        gate.pass_through()
        real(self, db, event)

    monkeypatch.setattr(Tally, "project", project)
    world.consumer(Tally)
    world.consumer(TellsTotal)
    world.send(Increment("a", 7))
    gate.wait_arrived()
    assert notes(world) == []
    gate.open()
    caught_up(world, 1)

    assert [row.payload for row in notes(world)] == ['{"text":"7"}']


def test_it_waits_for_a_projector_that_is_being_restarted(world: Any) -> None:
    tally_ref = world.consumer(Tally)
    world.consumer(TellsTotal)
    tally_ref.kill()
    world.send(Increment("a", 7))
    caught_up(world, 1)

    assert [row.payload for row in notes(world)] == ['{"text":"7"}']


class TellsTotalOfNotes(TellsTotal):
    types = ("counter.noted",)


def test_it_stops_with_a_projector_that_has_stopped_for_good(world: Any) -> None:
    """No restart would change it; and neither is the ledger brought down over it."""
    world.consumer(Tally)
    ref = world.consumer(TellsTotalOfNotes)
    later = NewEvent("counter.incremented", '{"by":1}', 2)
    noted = NewEvent("counter.noted", '{"text":"x"}')
    both = Append(writes=(StreamWrite("counter-a", (later, noted)),))
    world.system.journal.ask(AppendRequest(both), timeout=HANG)

    reason = wait_for_exit(ref)
    assert not reason.abnormal
    assert "read model of tally, which has stopped: event 1" in str(reason)
    assert set(world.system.stopped) == {"tally", "congratulate"}
    assert world.system.store.position("congratulate") == 0


def test_a_stop_is_honoured_while_it_waits_for_a_read_model(world: Any, monkeypatch: Any) -> None:
    gate = Gate()
    monkeypatch.setattr(Tally, "project", lambda *_: gate.pass_through())
    world.consumer(Tally)
    ref = world.consumer(TellsTotal)
    world.send(Increment("a", 7))
    gate.wait_arrived()
    ref.shutdown()

    assert wait_for_exit(ref) == Shutdown()
    gate.open()
