"""Many events are projected beside the process of the actors; all that is special, in it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlite_utils import Database

from ledger_actors.runtime import (
    Projector,
    ReadPosition,
    Rebuild,
    Recorded,
    WaitFor,
)
from ledger_actors.runtime import projector as projector_module
from ledger_actors.runtime.batch_size import FEWEST
from ledger_actors.runtime.line_process import LineProcess
from ledger_actors.runtime.projection_child import Projections
from ledger_actors.runtime.projection_messages import (
    Begin,
    Failed,
    Project,
    Projected,
    decode_answer,
    encode,
)
from ledger_actors.runtime.projection_process import CHILD
from ledger_actors.runtime.read_models import ReadModel, standing_of
from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite
from supervision import Actor, get_state
from supervision.testing import HANG, wait_for_exit, wait_until
from tests.ledger_actors.runtime.counters import Boom, Increment, Incremented

POISON = 13
MANY = 20
HERE = os.getpid()


class Places(Projector):
    """Sums up counters, and keeps in which processes that was done."""

    name = "places"
    types = ("counter.incremented",)

    @staticmethod
    def create(db: Database) -> None:
        db.table("sums").create({"stream": str, "total": int}, pk="stream")
        db.table("places").create({"event_id": int, "process": int}, pk="event_id")

    @staticmethod
    def project_all(db: Database, events: Sequence[Recorded]) -> None:
        for one in events:
            assert isinstance(one.event, Incremented)
            if one.event.by == POISON:
                raise Boom
            by = (one.stream, one.event.by, one.event.by)
            db.execute(
                "INSERT INTO sums VALUES (?, ?) ON CONFLICT DO UPDATE SET total = total + ?", by
            )
            db.execute("INSERT INTO places VALUES (?, ?)", (one.id, os.getpid()))


class OneByOne(Places):
    """The same, event by event."""

    name = "one_by_one"
    project_all = Projector.project_all

    @staticmethod
    def project(db: Database, event: Recorded) -> None:
        Places.project_all(db, [event])


class NeedsItsActor(Places):
    name = "needs_its_actor"

    def project_all(self, db: Database, events: Sequence[Recorded]) -> None:
        Places.project_all(db, events)


def increment(world: Any, *steps: int) -> None:
    world.send_many([(Increment("a", step), None) for step in steps])


def settled(world: Any, kind: type[Projector] = Places) -> int:
    """Wait until it has taken in all that there is; return its sum."""
    ref = world.system.names.whereis(("consumer", kind.name))
    ref.ask(WaitFor(world.system.store.head()), timeout=HANG)
    return int(kind.read(world.system, lambda db: db["sums"].get("counter-a")["total"]))


def places(world: Any, kind: type[Projector] = Places) -> dict[int, int]:
    """Return, for each event, in which process it was projected."""
    return kind.read(world.system, lambda db: dict(db.execute("SELECT * FROM places").fetchall()))


def process(world: Any) -> Any:
    return get_state(world.system.projection_process)


def started(world: Any, kind: type[Projector] = Places) -> int:
    """Send as much as makes a projector ask for the process, until there is one; return its id."""
    if world.system.names.whereis(("consumer", kind.name)) is None:
        world.consumer(kind)

    def is_there() -> bool:
        increment(world, *[1] * MANY)
        settled(world, kind)
        return bool(process(world)["ready"])

    wait_until(is_there)
    return int(process(world)["pid"])


@pytest.fixture
def world(make_world: Callable[..., Any]) -> Any:
    return make_world(own_process_from=MANY)


@pytest.mark.parametrize("kind", [Places, OneByOne])
def test_many_events_are_projected_beside_this_process(world: Any, kind: type[Projector]) -> None:
    there = started(world, kind)
    before, head = settled(world, kind), world.system.store.head()
    increment(world, *[2] * MANY)

    assert settled(world, kind) == before + 2 * MANY
    found = places(world, kind)
    assert {found[one] for one in range(head + 1, world.system.store.head() + 1)} <= {HERE, there}
    assert list(found) == list(range(1, world.system.store.head() + 1))
    assert there in found.values()


def test_few_events_are_projected_here(world: Any) -> None:
    started(world)
    increment(world, 5)
    settled(world)

    assert places(world)[world.system.store.head()] == HERE


def test_without_many_events_there_is_no_process(world: Any) -> None:
    world.consumer(Places)
    increment(world, 1, 2, 3)

    assert settled(world) == 6
    assert process(world)["pid"] is None


def test_for_a_little_to_catch_up_with_no_process_is_started(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    increment(world, *[1] * (3 * MANY))
    world.consumer(Places)
    assert settled(world) == 3 * MANY
    assert process(world)["pid"] is None
    monkeypatch.setattr(projector_module, "FAR", 2 * MANY)
    world.consumer(OneByOne)
    assert settled(world, OneByOne) == 3 * MANY

    assert process(world)["pid"] is not None


def test_one_that_needs_its_actor_is_projected_here(world: Any) -> None:
    started(world)
    world.consumer(NeedsItsActor)
    increment(world, *[1] * MANY)
    settled(world, NeedsItsActor)

    assert set(places(world, NeedsItsActor).values()) == {HERE}


def test_what_it_has_taken_in_is_counted_alike(world: Any) -> None:
    """The audit holds both for what was projected there and for what was projected here."""
    started(world)
    increment(world, 1)
    settled(world)
    world.consumer(NeedsItsActor)
    settled(world, NeedsItsActor)

    counted = [kind.read(world.system, standing_of) for kind in (Places, NeedsItsActor)]
    assert counted[0] == counted[1]
    assert sum(block.events for block in counted[0].blocks) == world.system.store.head()


def test_catching_up_is_done_there(world: Any) -> None:
    there = started(world)
    world.consumer(OneByOne)
    settled(world, OneByOne)

    assert set(places(world, OneByOne).values()) == {there}


def test_a_rebuild_is_done_there(world: Any) -> None:
    there = started(world)
    world.system.names.whereis(("consumer", "places")).ask(Rebuild(), timeout=HANG)

    assert set(places(world).values()) == {there}
    increment(world, *[1] * MANY)
    assert settled(world) == world.system.store.head()


def test_an_event_at_which_it_raises_there_is_parked_here(world: Any) -> None:
    started(world)
    increment(world, *[1] * MANY)
    before = settled(world)
    world.send_many([(Increment("b", POISON), None), *[(Increment("a", 1), None)] * (2 * MANY)])

    wait_until(lambda: world.system.parked.get("places") == 1)
    assert settled(world) == before + 2 * MANY


def test_with_something_parked_all_is_projected_here(world: Any) -> None:
    started(world)
    world.send(Increment("b", POISON))
    wait_until(lambda: world.system.parked.get("places") == 1)
    head = world.system.store.head()
    world.send_many([(Increment(name, 1), None) for name in "ab" * MANY])
    settled(world)

    found = places(world)
    assert {where for event_id, where in found.items() if event_id > head} == {HERE}
    assert world.system.parked["places"] == 1 + MANY


def test_where_the_process_is_killed_nothing_is_lost_and_another_is_started(world: Any) -> None:
    first = started(world)
    before = settled(world)
    os.kill(first, signal.SIGKILL)
    increment(world, *[1] * MANY)
    assert settled(world) == before + MANY
    increment(world, *[1] * MANY)
    assert settled(world) == before + 2 * MANY
    assert process(world) == {"pid": None, "ready": False, "failures": 1}
    world.clock.advance(60)

    assert started(world) != first
    assert settled(world) == world.system.store.head()


def test_an_actor_of_it_that_is_killed_leaves_no_process_behind(world: Any) -> None:
    first = started(world)
    ref = world.system.projection_process.ref()
    consumer = world.system.names.whereis(("consumer", "places"))
    ref.kill()
    wait_for_exit(ref)
    # Under this root what comes behind one that has ended is restarted with it.
    wait_until(lambda: world.system.names.whereis(("consumer", "places")) not in {None, consumer})

    assert started(world) != first
    with pytest.raises(ProcessLookupError):
        os.kill(first, 0)


def test_it_ends_with_the_tree(world: Any) -> None:
    there = started(world)
    world.stop()

    with pytest.raises(ProcessLookupError):
        os.kill(there, 0)


class Asked:
    """The process's part, asked here for one batch after the other of one stream."""

    def __init__(self, folder: Path, steps: Sequence[int], clock: Callable[[], float]) -> None:
        self.model = ReadModel(folder / "places.db")
        Places.create(self.model.open_writer())
        self.store = SqliteEventStore(folder / "events.db")
        events = tuple(NewEvent("counter.incremented", f'{{"by":{step}}}') for step in steps)
        self.store.append([Append((StreamWrite("counter-a", events),))])
        self.projections = Projections(self.store, monotonic=clock)
        self.position = 0

    def __call__(self) -> int | None:
        """Return how many events were projected, `None` where that failed."""
        before, path = self.position, str(self.model.path)
        asked = Project(f"{__name__}:Places", 1, path, "1", before, before)
        answer = self.projections.answer(asked)
        if not isinstance(answer, Projected):
            return None
        self.position = answer.up_to
        return self.position - before

    def close(self) -> None:
        self.projections.close()
        self.model.close()
        self.store.close()


def test_a_projector_that_is_slow_gets_smaller_batches(tmp_path: Path) -> None:
    """Until it has answered the others wait, and after half a minute it is taken to hang."""
    clock = iter((0, 0, 0, 1000, 1000, 2000))  # the second batch takes long
    with closing(Asked(tmp_path, [1] * 8 * FEWEST, lambda: next(clock))) as asked:
        assert [asked() for _ in range(3)] == [FEWEST, 4 * FEWEST, FEWEST]


def test_after_a_failure_it_tries_with_few(tmp_path: Path) -> None:
    """Else a large batch fails again and again at one event, as the actor comes nearer to it."""
    steps = [*[1] * 3 * FEWEST, POISON, *[1] * FEWEST]
    with closing(Asked(tmp_path, steps, lambda: 0.0)) as asked:
        assert [asked() for _ in range(4)] == [FEWEST, None, FEWEST, None]


class Forgetful(Actor):
    """Does what is asked, and says that it was not done, as where the process ends in between."""

    calls: ClassVar[list[Project]]

    def __init__(self, store: Any) -> None:
        super().__init__()
        self.projections = Projections(store)

    def on_receive(self, message: Any) -> Any:
        answer = self.projections.answer(message)
        if not isinstance(message, Project):
            return answer
        self.calls.append(message)
        return Failed("the projection process was lost: it has ended")

    def on_stop(self) -> None:
        self.projections.close()


def test_what_was_written_and_not_answered_is_not_projected_again(
    make_world: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(Forgetful, "calls", [], raising=False)
    world = make_world()
    object.__setattr__(world.system.options, "own_process_from", MANY)
    increment(world, *[1] * MANY)
    ref = Forgetful.start(world.system.store)
    world.system.projection_process.register(ref)
    consumer = world.consumer(Places)

    assert settled(world) == MANY
    assert len(Forgetful.calls) == 1
    assert consumer.ask(ReadPosition(), timeout=HANG) == world.system.store.head()
    ref.stop(timeout=HANG)


def test_one_of_another_release_than_the_daemon_is_refused(tmp_path: Path) -> None:
    """The package was upgraded beneath a daemon: the two might read events differently."""
    process = LineProcess(CHILD)
    try:
        process.tell(encode(Begin(str(tmp_path / "events.db"), release="0.0.1")))
        line = process.answer(HANG)
    finally:
        process.kill()

    assert line is not None
    told = decode_answer(line)
    assert isinstance(told, Failed)
    assert "this program is release 0.0.1" in told.error


KILLED_WITH_ITS_PROCESS = """
import os, signal, sys
from ledger_actors import __version__
from ledger_actors.runtime.line_process import LineProcess
from ledger_actors.runtime.projection_messages import Begin, Project, encode
from ledger_actors.runtime.projection_process import CHILD
from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite

store = SqliteEventStore(sys.argv[1])
store.append([Append((StreamWrite("counter-a", (NewEvent("counter.noted", "{}"),)),))])
process = LineProcess(CHILD)
process.tell(encode(Begin(sys.argv[1], release=__version__)))
assert process.answer(60) is not None
process.tell(encode(Project(sys.argv[2], 1, "/nothing", "1", 0, 0)))
assert process.answer(60) is not None  # it has read the events
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_it_leaves_the_log_of_the_events_to_the_next_daemon(tmp_path: Path) -> None:
    """Whoever closes a file last moves its log, and an earlier move may have failed to be synced.

    Both have standard error: it is at its end when neither is there any more.
    """
    path = tmp_path / "events.db"
    done = subprocess.run(
        [sys.executable, "-c", KILLED_WITH_ITS_PROCESS, str(path), f"{__name__}:Places"],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=HANG,
        check=False,
    )

    assert (done.returncode, done.stderr) == (-signal.SIGKILL, b"")
    assert path.with_name("events.db-wal").stat().st_size > 0
