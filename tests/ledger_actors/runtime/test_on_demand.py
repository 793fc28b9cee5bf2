"""Many aggregates that are wanted at once are started together, and each as if by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from ledger_actors.runtime import CommandTimeout, envelope
from ledger_actors.runtime.on_demand import MANY, MOST_TOGETHER
from ledger_actors.store import StoreUnavailable
from supervision import Registered, Unregistered
from supervision.administration import StartChild, StartChildren
from supervision.testing import HANG, wait_for_exit
from tests.ledger_actors.runtime.counters import Boom, Counter, CrashIt, Increment
from tests.ledger_actors.runtime.test_races import by_others

NAMES = ["a", *(f"c{number}" for number in range(MANY))]


class Reads:
    """Counts what the store is asked, and can do something just after a look at many streams."""

    def __init__(self, world: Any) -> None:
        self.single: list[str] = []
        self.together = 0
        self.then: Callable[[], object] = list
        self._store = store = world.system.store
        self._one, self._many = store.read_stream, store.read_short_streams
        store.read_stream, store.read_short_streams = self._read_one, self._read_many

    def _read_one(self, stream: str, **bounds: Any) -> Any:
        self.single.append(stream)
        return self._one(stream, **bounds)

    def _read_many(self, streams: Any, *, most: int) -> Any:
        found = self._many(streams, most=most)
        self.together += 1
        self.then()
        return found


@pytest.fixture
def written(make_world: Any) -> Any:
    """A world in which each counter stands at its number, and none runs."""
    world = make_world()
    world.send_many([(Increment(name, at), None) for at, name in enumerate(NAMES, 1)])
    return make_world()


def states(world: Any, names: list[str]) -> list[int]:
    return [future.get(timeout=HANG).state for future in world.bus.read_many(Counter, names)]


def test_their_histories_are_read_in_one_look(written: Any) -> None:
    reads = Reads(written)

    assert states(written, NAMES) == list(range(1, len(NAMES) + 1))
    assert (reads.together, reads.single) == (1, [])


def test_their_supervisor_has_one_message(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[type] = []
    real = type(written.system.aggregates).ask

    def ask(name: Any, message: Any, **options: Any) -> Any:
        asked.append(type(message))
        return real(name, message, **options)

    monkeypatch.setattr(type(written.system.aggregates), "ask", ask)
    states(written, NAMES)

    assert asked == [StartChildren]
    states(written, ["one more"])
    assert asked == [StartChildren, StartChild]


def test_one_that_does_not_exist_is_in_its_first_state(world: Any) -> None:
    assert states(world, NAMES) == [0] * len(NAMES)


def test_very_many_are_started_in_parts(world: Any) -> None:
    reads, names = Reads(world), [f"n{number}" for number in range(2 * MOST_TOGETHER + 1)]

    world.send_many([(Increment(name, 1), None) for name in names])

    assert reads.together == 3
    assert states(world, names) == [1] * len(names)


def test_each_is_asked_as_often_as_it_is_named(written: Any) -> None:
    assert states(written, [*NAMES, "a", "a"])[-2:] == [1, 1]


def test_commands_for_one_stay_in_their_order_around_the_start(written: Any) -> None:
    steps = [(name, step) for step in (100, -50, -50) for name in NAMES]
    outcomes = written.send_many([(Increment(name, step), None) for name, step in steps])

    versions = [outcome.events[0].version for outcome in outcomes]
    assert versions == [version for version in (2, 3, 4) for _ in NAMES]


def test_one_that_runs_already_is_left_as_it_is(written: Any) -> None:
    written.send(Increment("a", 1))
    before = written.counter("a")
    reads = Reads(written)

    assert states(written, NAMES)[0] == 2
    assert written.counter("a") is before
    assert (reads.together, reads.single) == (1, [])


def test_what_is_written_between_the_look_and_the_start_is_seen(written: Any) -> None:
    reads = Reads(written)
    reads.then = lambda: by_others(written, 10).get(timeout=HANG)

    assert states(written, NAMES)[:2] == [11, 2]
    assert reads.single == ["counter-a"]


def test_one_that_somebody_else_starts_meanwhile_gets_the_message(written: Any) -> None:
    reads = Reads(written)

    def start_a() -> None:
        reads.then = list
        written.send(Increment("a", 10))

    reads.then = start_a
    with capture_logs() as logs:
        assert states(written, NAMES)[:2] == [11, 2]
    assert logs == []


def test_a_long_one_reads_for_itself(make_world: Any) -> None:
    world = make_world(snapshot_every=3)
    world.send_many([(Increment("a", 1), None)] * 3)
    world.send_many([(Increment("c0", 1), None)] * 2)
    world = make_world(snapshot_every=3)
    reads = Reads(world)

    assert states(world, NAMES)[:2] == [3, 2]
    assert set(reads.single) == {"counter-a"}


def test_where_many_cannot_be_read_each_reads_for_itself(written: Any) -> None:
    def fail() -> None:
        raise StoreUnavailable("no")

    reads = Reads(written)
    reads.then = fail

    assert states(written, NAMES) == list(range(1, len(NAMES) + 1))
    assert len(reads.single) == len(NAMES)


@pytest.mark.parametrize("bad", ["", None, 7])
def test_what_is_no_id_is_refused_before_anything_is_asked(world: Any, bad: Any) -> None:
    with pytest.raises(ValueError, match="the id of counter is a non-empty string, not"):
        world.bus.read_many(Counter, [*NAMES, bad])
    with pytest.raises(ValueError, match="the id of counter is a non-empty string, not"):
        world.bus.read(Counter, bad)
    assert world.counter("a") is None


def test_one_that_crashes_of_its_first_command_hinders_no_other(written: Any) -> None:
    commands = [CrashIt("a"), *(Increment(name, 100) for name in NAMES)]
    crashed, *others = written.bus.dispatch_many(list(map(envelope, commands)))

    with pytest.raises(Boom):
        crashed.get(timeout=HANG)
    for future in others:
        future.get(timeout=HANG)
    assert states(written, NAMES) == [100 + at for at in range(1, len(NAMES) + 1)]


def test_where_their_supervisor_restarts_meanwhile_they_are_started_by_the_next(
    written: Any,
) -> None:
    supervisor = written.system.aggregates.ref()
    reads = Reads(written)

    def kill() -> None:
        reads.then = list
        supervisor.kill()
        wait_for_exit(supervisor)

    reads.then = kill
    assert states(written, NAMES) == list(range(1, len(NAMES) + 1))


@pytest.mark.parametrize("count", [1, 2 * MANY])
def test_a_command_does_not_overtake_those_before_it_where_the_actor_crashes_at_once(
    world: Any, count: int
) -> None:
    """It comes when the name is given, and when it is free again."""
    sent: list[Any] = []
    steps = {Registered: 1, Unregistered: 10}

    def send(change: Any) -> None:
        step = steps.pop(type(change), None) if change.key == ("counter", "a") else None
        if step is not None:
            sent.append(world.send(Increment("a", step), wait=False))

    world.system.names.add_listener(send)
    others = [Increment(f"n{number}", 1) for number in range(count - 1)]
    crashed, *_ = world.bus.dispatch_many(list(map(envelope, [CrashIt("a"), *others])))
    with pytest.raises(Boom):
        crashed.get(timeout=HANG)

    assert [world.outcome(future).events[0].version for future in sent] == [1, 2]


def test_a_class_with_a_constructor_of_its_own_is_started_as_ever(world: Any) -> None:
    class Sealed(Counter):
        category = "sealed"

        def __init__(self, system: Any, identity: str) -> None:
            super().__init__(system, identity)

    assert world.bus.read(Sealed, "a").get(timeout=HANG).state == 0


def test_a_history_is_not_kept_by_the_actor(written: Any) -> None:
    states(written, NAMES)
    ref = written.counter("a")
    assert vars(ref.running)["_history"] is None


def test_when_all_has_ended_all_are_told(written: Any) -> None:
    written.stop()
    for future in written.bus.read_many(Counter, NAMES):
        assert future.exception() is not None
    for future in written.bus.dispatch_many([envelope(Increment(name, 1)) for name in NAMES]):
        assert not isinstance(future.exception(), CommandTimeout)
        assert future.exception() is not None
