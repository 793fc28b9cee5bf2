"""Projectors: every event once in effect, from the first on; rebuilt beside what serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import pytest
from sqlite_utils import Database

from ledger_actors.runtime import (
    Delivery,
    MissedEventError,
    Projector,
    ReadModelFull,
    ReadPosition,
    Rebuild,
    Recorded,
    WaitFor,
)
from ledger_actors.runtime import projector as projector_module
from ledger_actors.runtime.read_models import set_position
from ledger_actors.store import Append, AppendRequest, NewEvent, RecordedEvent, StreamWrite
from supervision import Crashed, Shutdown, restart_child, spawn
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from tests.ledger_actors.runtime.counters import Boom, Increment, Tally, tally


def read(world: Any) -> dict[str, tuple[int, int]]:
    """What the tally says once it has taken in all that is in the store."""
    current(world).ask(WaitFor(world.system.store.head()), timeout=HANG)
    return Tally.read(world.system, tally)


NOTED = NewEvent("counter.noted", '{"text":"x"}')


def wrote(world: Any, *events: NewEvent) -> None:
    """Write events in one commit."""
    append = Append(writes=(StreamWrite("counter-a", events),))
    world.system.journal.ask(AppendRequest(append), timeout=HANG)


def current(world: Any) -> Any:
    wait_until(lambda: world.system.names.whereis(("consumer", "tally")) is not None)
    return world.system.names.whereis(("consumer", "tally"))


def test_it_begins_at_the_first_event_and_goes_on_with_what_comes(world: Any) -> None:
    world.send(Increment("a", 5))
    world.consumer(Tally)
    world.send(Increment("b", 2))
    world.send(Increment("a", 1))

    assert read(world) == {"counter-a": (6, 2), "counter-b": (2, 1)}


def test_a_filter_makes_no_gap(world: Any) -> None:
    """Events that it does not want are before, between and behind those that it does."""
    ref = world.consumer(Tally)
    noted = StreamWrite("counter-a", (NewEvent("counter.noted", '{"text":"x"}'),))
    for _ in range(2):
        world.system.journal.ask(AppendRequest(Append(writes=(noted,))), timeout=HANG)
        world.send(Increment("b", 1))
    world.system.journal.ask(AppendRequest(Append(writes=(noted,))), timeout=HANG)

    assert ref.ask(WaitFor(5), timeout=HANG) == 5
    assert read(world) == {"counter-b": (2, 2)}


def test_an_event_at_or_below_the_position_is_skipped(world: Any) -> None:
    ref = world.consumer(Tally)
    world.send(Increment("a", 5))
    read(world)
    for row in world.system.store.read_all():
        ref.tell(row)

    assert ref.ask(ReadPosition(), timeout=HANG) == 1
    assert read(world) == {"counter-a": (5, 1)}


def test_an_event_out_of_sequence_crashes_it_and_its_successor_catches_up(world: Any) -> None:
    ref = world.consumer(Tally)
    world.send(Increment("a", 5))
    read(world)
    ref.tell(Delivery(7, 8, ()))

    reason = wait_for_exit(ref)
    assert isinstance(reason, Crashed)
    assert isinstance(reason.exception, MissedEventError)
    world.send(Increment("a", 1))
    assert read(world) == {"counter-a": (6, 2)}


def test_what_is_no_event_is_ignored(world: Any) -> None:
    ref = world.consumer(Tally)
    ref.tell("hello")

    assert ref.ask(ReadPosition(), timeout=HANG) == 0


def test_a_crash_undoes_the_whole_transaction(world: Any, monkeypatch: Any) -> None:
    """Rows and position go back together, so the successor applies each event once."""
    real, failing = Tally.project, [True, True]  # with those before it, and alone

    def project(self: Any, db: Database, event: Recorded) -> None:
        real(self, db, event)
        if event.id == 3 and failing:
            failing.pop()
            raise Boom

    for step in (1, 2, 3):
        world.send(Increment("a", step))
    monkeypatch.setattr(Tally, "project", project)
    wait_for_exit(world.consumer(Tally, wait=False))

    assert not failing
    assert read(world) == {"counter-a": (6, 3)}


def test_whoever_waits_for_an_event_is_answered_when_it_is_there(world: Any) -> None:
    ref = world.consumer(Tally)
    waiting = ref.ask(WaitFor(2), block=False)
    world.send(Increment("a", 1))
    ref.ask(WaitFor(1), timeout=HANG)
    assert not waiting.done()
    world.send(Increment("a", 1))

    assert waiting.get(timeout=HANG) == 2


def test_it_waits_the_hydration_delay_on_the_clock(make_world: Any) -> None:
    world = make_world(hydration_delay=1.0)
    world.send(Increment("a", 1))
    ref = world.consumer(Tally, wait=False)
    wait_until(lambda: len(world.system.timers) >= 2)  # the aggregate's and its own
    assert ref.mailbox_length() == 0
    world.clock.advance(1.0)

    assert read(world) == {"counter-a": (1, 1)}


@pytest.mark.parametrize("pykkas_own", [False, True])
def test_a_stop_during_the_hydration_delay_is_honoured(make_world: Any, pykkas_own: bool) -> None:
    world = make_world(hydration_delay=1000.0)
    ref = world.consumer(Tally, wait=False)
    if pykkas_own:
        assert ref.stop(timeout=HANG)
    else:
        ref.shutdown()

    assert not wait_for_exit(ref).abnormal


def test_a_stop_during_hydration_is_honoured(make_world: Any, monkeypatch: Any) -> None:
    world = make_world(read_batch=1)
    for _ in range(30):
        world.send(Increment("a", 1))
    gate, real = Gate(), Tally.take

    def take(self: Any, batch: Any) -> None:
        gate.pass_through()
        real(self, batch)

    monkeypatch.setattr(Tally, "take", take)
    ref = world.consumer(Tally, wait=False)
    gate.wait_arrived()
    ref.shutdown()
    gate.open()

    assert wait_for_exit(ref) == Shutdown()
    assert world.system.read_models.model("tally", 1).query(projector_module.position_of) < 30


@pytest.mark.parametrize("rebuild", [False, True], ids=["hydration", "rebuild"])
def test_what_happens_while_it_has_much_to_read_does_not_pile_up_in_its_mailbox(
    world: Any, monkeypatch: Any, rebuild: bool
) -> None:
    world.send(Increment("a", 1))
    gate, real = Gate(), Tally.project
    if rebuild:
        ref = world.consumer(Tally)

    def project(self: Any, db: Database, event: Recorded) -> None:
        gate.pass_through()
        real(self, db, event)

    monkeypatch.setattr(Tally, "project", project)
    if rebuild:
        ref.tell(Rebuild())
    else:
        ref = world.consumer(Tally, wait=False)
    gate.wait_arrived()
    for _ in range(20):
        world.send(Increment("a", 1))
    assert ref.mailbox_length() == 0
    gate.open()

    assert read(world) == {"counter-a": (21, 21)}
    world.send(Increment("a", 1))
    assert read(world) == {"counter-a": (22, 22)}


def test_it_catches_up_in_batches_and_holds_few_rows_at_a_time(
    make_world: Any, monkeypatch: Any
) -> None:
    world = make_world(read_batch=4)
    for number in range(50):
        world.send(Increment("a" if number % 3 else "b", 1))
    real, take, handed_out, ahead = world.system.store.read_all, Tally.take, [], []

    def read_all(**bounds: Any) -> Iterator[RecordedEvent]:
        for row in real(**bounds):
            handed_out.append(row.id)
            yield row

    def count(self: Any, batch: Any) -> None:
        ahead.append(len(handed_out) - self.position)
        take(self, batch)

    monkeypatch.setattr(world.system.store, "read_all", read_all)
    monkeypatch.setattr(Tally, "take", count)
    world.consumer(Tally)

    assert Tally.read(world.system, tally) == {"counter-a": (33, 33), "counter-b": (17, 17)}
    assert handed_out == list(range(1, 51))
    assert max(ahead) == 4


def test_a_position_ahead_of_the_store_stops_it_with_a_sentence(world: Any) -> None:
    model = world.system.read_models.model("tally", 1)
    db = model.open_writer()
    set_position(db, 99, "x")
    ref = world.consumer(Tally, wait=False)

    reason = wait_for_exit(ref)
    assert not reason.abnormal
    assert "stands at event 99, but the store ends at 0" in str(reason)
    assert "tally-v1.db* and start again" in str(reason)
    assert world.system.stopped == {"tally": str(reason).removeprefix("shutdown: ")}


def test_a_model_of_another_history_is_not_gone_on_with(world: Any) -> None:
    """The store was replaced by a backup, and has grown past where the model stands."""
    db = world.system.read_models.model("tally", 1).open_writer()
    set_position(db, 2, "the hash of an event that is not there any more")
    for _ in range(3):
        world.send(Increment("a", 1))
    ref = world.consumer(Tally, wait=False)

    reason = wait_for_exit(ref)
    assert not reason.abnormal
    assert "stands at event 2, which is another event in this store" in str(reason)
    assert "tally-v1.db* and start again" in str(reason)


def test_a_damaged_file_stops_it_and_says_what_to_do(world: Any) -> None:
    path = world.system.read_models.model("tally", 1).path
    path.write_bytes(b"this is no database" * 1000)
    reason = wait_for_exit(world.consumer(Tally, wait=False))
    assert not reason.abnormal
    assert "tally-v1.db is damaged (file is not a database): delete" in str(reason)

    path.unlink()
    world.send(Increment("a", 5))
    restart_child(world.root, "tally", timeout=HANG)
    assert read(world) == {"counter-a": (5, 1)}
    assert world.system.stopped == {}


def test_a_model_keeps_the_hash_of_the_event_it_stands_at(world: Any) -> None:
    """Also where the last event of a commit is one that it does not want."""
    world.consumer(Tally)
    both = (NewEvent("counter.incremented", '{"by":1}'), NOTED)
    wrote(world, *both)
    wrote(world, *both)
    read(world)

    kept = world.system.read_models.model("tally", 1).query(projector_module.history_of)
    assert kept == world.system.store.hash_at(4)


def test_events_that_it_does_not_want_are_written_with_the_next_or_when_they_are_many(
    world: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(projector_module, "KEEP_POSITION_EVERY", 3)
    stored = world.system.read_models.model("tally", 1)
    ref = world.consumer(Tally)
    world.send(Increment("a", 1))
    assert ref.ask(WaitFor(1), timeout=HANG) == 1  # else it may come with the next
    seen = []
    for count in range(2, 5):
        wrote(world, NOTED)
        assert ref.ask(WaitFor(count), timeout=HANG) == count
        seen.append(stored.query(projector_module.position_of))
    world.send(Increment("a", 1))
    read(world)

    assert seen == [1, 1, 4]
    assert stored.query(projector_module.position_of) == 5


class Upfront(Tally):
    """Takes all that is there at once, and shows in what portions that was."""

    name = "upfront"
    portions: ClassVar[list[list[int]]]

    def project_all(self, db: Database, events: Sequence[Recorded]) -> None:
        self.portions.append([event.id for event in events])
        for event in events:
            if event.event.by == POISON:
                raise Boom
            self.project(db, event)


POISON = 13


def test_what_waits_in_the_mailbox_is_one_transaction(world: Any, monkeypatch: Any) -> None:
    gate, real = Gate(), Upfront.project
    monkeypatch.setattr(Upfront, "portions", [], raising=False)

    def project(self: Any, db: Database, event: Recorded) -> None:
        gate.pass_through()
        real(self, db, event)

    monkeypatch.setattr(Upfront, "project", project)
    ref = world.consumer(Upfront)
    world.send(Increment("a", 1))
    gate.wait_arrived()
    for _ in range(3):
        world.send(Increment("a", 1))
        wrote(world, NOTED)
    waiting = ref.ask(WaitFor(7), block=False)
    world.send(Increment("a", 1))
    gate.open()

    assert waiting.get(timeout=HANG) == 7
    assert ref.ask(WaitFor(8), timeout=HANG) == 8
    assert Upfront.portions == [[1], [2, 4, 6], [8]]
    assert Upfront.read(world.system, tally) == {"counter-a": (5, 5)}


def test_of_a_batch_that_fails_what_was_before_the_event_at_fault_is_kept(
    world: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(Upfront, "portions", [], raising=False)
    for by in (1, 2, POISON, 4):
        world.send(Increment("a", by))
    reason = wait_for_exit(world.consumer(Upfront, wait=False))

    assert isinstance(reason, Crashed)
    assert isinstance(reason.exception, Boom)
    assert Upfront.portions[:4] == [[1, 2, 3, 4], [1], [2], [3]]
    assert Upfront.read(world.system, tally) == {"counter-a": (3, 2)}


def test_one_that_projects_nothing_is_refused(world: Any) -> None:
    class Neither(Projector):
        name = "neither"

        def create(self, db: Database) -> None: ...

    with pytest.raises(TypeError, match="Neither needs `project`, or `project_all`"):
        Neither(world.system)


def test_one_that_can_start_again_has_not_stopped(world: Any) -> None:
    world.system.stopped["tally"] = "it had met an event from the future"
    world.consumer(Tally)

    assert world.system.stopped == {}


def test_an_event_type_from_the_future_stops_it_and_nothing_is_skipped(world: Any) -> None:
    later = StreamWrite("counter-a", (NewEvent("counter.incremented", '{"by":1}', 2),))
    ref = world.consumer(Tally)
    world.send(Increment("b", 1))
    world.system.journal.ask(AppendRequest(Append(writes=(later,))), timeout=HANG)

    reason = wait_for_exit(ref)
    assert not reason.abnormal
    assert "schema version 2" in str(reason)
    assert world.system.read_models.model("tally", 1).query(projector_module.position_of) == 1


def test_where_there_is_no_room_it_waits_and_goes_on(make_world: Any, monkeypatch: Any) -> None:
    world = make_world(full_disk_pause=0.001)
    ref = world.consumer(Tally)
    real, refusals = Tally._write, [True, True]

    def write(self: Any, db: Database, batch: Any) -> None:
        if refusals:
            refusals.pop()
            raise ReadModelFull
        real(self, db, batch)

    monkeypatch.setattr(Tally, "_write", write)
    world.send(Increment("a", 5))

    assert read(world) == {"counter-a": (5, 1)}
    assert ref.is_alive()


def test_a_stop_is_honoured_while_there_is_no_room(make_world: Any, monkeypatch: Any) -> None:
    world = make_world(full_disk_pause=1000.0)
    ref, full = world.consumer(Tally), Gate()

    def write(*_: Any) -> None:
        full.pass_through()
        raise ReadModelFull

    full.open()
    monkeypatch.setattr(Tally, "_write", write)
    world.send(Increment("a", 5))
    full.wait_arrived()
    ref.shutdown()

    assert wait_for_exit(ref) == Shutdown()


def test_a_rebuild_serves_the_old_rows_until_it_has_caught_up(world: Any, monkeypatch: Any) -> None:
    ref = world.consumer(Tally)
    world.send(Increment("a", 5))
    read(world)
    gate, real = Gate(), Tally.project

    def twice(self: Any, db: Database, event: Recorded) -> None:
        gate.pass_through()
        real(self, db, event)
        real(self, db, event)

    monkeypatch.setattr(Tally, "project", twice)
    rebuilt = ref.ask(Rebuild(), block=False)
    gate.wait_arrived()
    assert Tally.read(world.system, tally) == {"counter-a": (5, 1)}
    gate.open()

    assert rebuilt.get(timeout=HANG) == 1
    assert Tally.read(world.system, tally) == {"counter-a": (10, 2)}
    world.send(Increment("a", 1))
    assert read(world) == {"counter-a": (12, 4)}


def test_a_rebuild_that_crashes_leaves_the_old_rows(world: Any, monkeypatch: Any) -> None:
    ref = world.consumer(Tally)
    world.send(Increment("a", 5))
    read(world)
    with monkeypatch.context() as patch:
        patch.setattr(Tally, "project", lambda *_: (_ for _ in ()).throw(MemoryError()))
        with pytest.raises(MemoryError):
            ref.ask(Rebuild(), timeout=HANG)
        wait_for_exit(ref)

    world.send(Increment("a", 1))
    assert read(world) == {"counter-a": (6, 2)}


class TallyOfAnotherForm(Tally):
    version = 2

    def project(self, db: Database, event: Recorded) -> None:
        super().project(db, event)
        super().project(db, event)


def test_two_versions_of_a_read_model_exist_side_by_side(world: Any) -> None:
    world.send(Increment("a", 5))
    old = world.consumer(Tally)
    old.shutdown()
    wait_for_exit(old)
    second = spawn(TallyOfAnotherForm, (world.system,))
    second.ask(WaitFor(1), timeout=HANG)

    assert Tally.read(world.system, tally) == {"counter-a": (5, 1)}
    assert TallyOfAnotherForm.read(world.system, tally) == {"counter-a": (10, 2)}
    second.stop(timeout=HANG)
