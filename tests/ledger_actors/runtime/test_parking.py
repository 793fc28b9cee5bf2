"""Poison events: tried again a few times, parked with those behind them, retried, discarded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from ledger_actors.runtime import (
    DiscardParked,
    NotParked,
    ParkedEventDiscarded,
    ProcessManager,
    Projector,
    Rebuild,
    Recorded,
    RetryParked,
    StreamEvents,
    WaitFor,
    audit,
    consumer_key,
    discards_stream,
    standing_of_consumer,
)
from ledger_actors.runtime import projector as projector_module
from ledger_actors.runtime.poison import Restarts, is_poison
from ledger_actors.store import Append, AppendRequest, Dealt, StoreUnavailable
from supervision import Crashed, restart_child, telemetry
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from tests.ledger_actors.runtime.counters import (
    Boom,
    Congratulate,
    Increment,
    Noted,
    Tally,
    tally,
)


class Poisoned:
    """Which events are poison at the moment, and how often each was tried."""

    def __init__(self, *ids: int) -> None:
        self.ids = set(ids)
        self.tried: dict[int, int] = {}

    def __call__(self, event: Recorded) -> None:
        self.tried[event.id] = self.tried.get(event.id, 0) + 1
        if event.id in self.ids:
            raise Boom(f"no {event.id}")


@pytest.fixture
def poison(monkeypatch: pytest.MonkeyPatch) -> Poisoned:
    """Make Tally and Congratulate raise at the events that a test names."""
    poisoned, project, process = Poisoned(), Tally.project, Congratulate.process

    def poisoned_project(self: Any, db: Any, event: Recorded) -> None:
        project(self, db, event)
        poisoned(event)

    def poisoned_process(self: Any, event: Recorded) -> list[StreamEvents]:
        poisoned(event)
        return process(self, event)

    monkeypatch.setattr(Tally, "project", poisoned_project)
    monkeypatch.setattr(Congratulate, "process", poisoned_process)
    return poisoned


def ask(world: Any, kind: Any, message: Any) -> Any:
    """Ask a consumer, whoever it is at the moment; again if it crashed meanwhile."""
    while True:
        wait_until(lambda: world.system.names.whereis(consumer_key(kind.name)) is not None)
        ref = world.system.names.whereis(consumer_key(kind.name))
        try:
            return ref.ask(message, timeout=HANG)
        except (AttributeError, LookupError):
            continue


def reached(world: Any, kind: Any, event_id: int | None = None) -> None:
    """Wait until it has dealt with all, through its restarts."""
    up_to = world.system.store.head() if event_id is None else event_id
    wait_until(lambda: world.system.reached.get(kind.name, 0) >= up_to, what=f"event {up_to}")


def parked(world: Any, kind: Any) -> list[tuple[int, int]]:
    """Return the parked events, each with its attempts."""
    rows = standing_of_consumer(world.system, kind).parked
    return [(row.event_id, row.attempts) for row in rows]


def audited(world: Any, kind: Any) -> tuple[str, ...]:
    (found,) = audit(world.system, [kind])
    return tuple(one.what for one in found.findings)


def test_it_is_parked_with_those_behind_it_and_others_go_on(world: Any, poison: Poisoned) -> None:
    poison.ids = {2}
    for name in ("a", "b", "a", "b", "c"):
        world.send(Increment(name, 1))
    world.consumer(Tally, wait=False)
    reached(world, Tally)

    assert Tally.read(world.system, tally) == {"counter-a": (2, 2), "counter-c": (1, 1)}
    head, behind = standing_of_consumer(world.system, Tally).parked
    assert (head.event_id, head.key, head.type) == (2, "counter-b", "counter.incremented")
    assert (head.attempts, head.error) == (3, "Boom: no 2")
    assert "in poisoned_project" in head.traceback
    assert (behind.event_id, behind.attempts, behind.error) == (4, 0, "")
    assert world.system.parked["tally"] == 2
    assert world.system.failing == {}
    assert audited(world, Tally) == ()


def test_one_behind_others_that_are_parked_leaves_none_of_them_out(
    make_world: Callable[..., Any], poison: Poisoned
) -> None:
    """They were parked by the transaction that it broke off."""
    world = make_world(restart_gap=3600.0)
    poison.ids = {1, 3}
    for name in ("a", "a", "b"):
        world.send(Increment(name, 1))
    world.consumer(Tally, wait=False)
    reached(world, Tally)

    assert parked(world, Tally) == [(1, 3), (2, 0), (3, 3)]
    assert audited(world, Tally) == ()


def test_what_comes_later_is_parked_as_well(world: Any, poison: Poisoned) -> None:
    poison.ids = {1}
    world.consumer(Tally, wait=False)
    world.send(Increment("a", 1))
    reached(world, Tally)
    world.send(Increment("a", 1))
    world.send(Increment("b", 1))
    reached(world, Tally)

    assert parked(world, Tally) == [(1, 3), (2, 0)]
    assert Tally.read(world.system, tally) == {"counter-b": (1, 1)}


def test_one_that_goes_well_at_the_second_attempt_is_not_parked(
    world: Any, poison: Poisoned, monkeypatch: Any
) -> None:
    poison.ids = {1}
    monkeypatch.setattr(Tally, "pause", lambda _self, _seconds: poison.ids.clear())
    world.send(Increment("a", 1))
    ref = world.consumer(Tally, wait=False)
    assert isinstance(wait_for_exit(ref), Crashed)
    reached(world, Tally)

    assert Tally.read(world.system, tally) == {"counter-a": (1, 1)}
    assert (parked(world, Tally), world.system.failing) == ([], {})


def test_attempts_are_counted_over_restarts_and_waits_grow(
    make_world: Callable[..., Any], poison: Poisoned, monkeypatch: Any
) -> None:
    world = make_world(attempts=6, retry_delay=1.0, longest_retry_delay=5.0)
    waited: list[float] = []

    def pause(_self: Any, seconds: float) -> None:
        if seconds:
            waited.append(seconds)

    monkeypatch.setattr(Tally, "pause", pause)
    poison.ids = {1}
    world.send(Increment("a", 1))
    world.consumer(Tally, wait=False)
    reached(world, Tally)

    assert parked(world, Tally) == [(1, 6)]
    assert poison.tried == {1: 6}
    assert waited == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_hundred_of_them_are_one_restart(
    make_world: Callable[..., Any], poison: Poisoned
) -> None:
    world = make_world(restart_gap=3600.0)
    poison.ids = set(range(1, 101))
    for number in range(100):
        world.send(Increment(f"c{number}", 1))
    first = world.consumer(Tally, wait=False)
    assert isinstance(wait_for_exit(first), Crashed)
    second = world.system.names.name(consumer_key("tally"))
    reached(world, Tally)

    assert second.ref().is_alive()
    assert len(parked(world, Tally)) == 100
    assert set(poison.tried.values()) == {3, 4}  # some once more, with those before them


def test_two_consumers_do_not_both_crash_within_the_gap() -> None:
    now = [0.0]
    restarts = Restarts(5.0, now=lambda: now[0])
    assert [restarts.allowed(), restarts.allowed()] == [True, False]
    now[0] = 5.0
    assert [restarts.allowed(), restarts.allowed()] == [True, False]


@pytest.mark.parametrize(
    ("problem", "expected"),
    [
        (Boom(), True),
        (KeyError("x"), True),
        (MemoryError(), False),
        (StoreUnavailable("the disk"), False),
    ],
)
def test_what_is_not_the_events_fault_is_no_poison(problem: Exception, expected: bool) -> None:
    assert is_poison(problem) is expected


def test_a_retry_processes_the_key_in_order_and_then_it_flows_again(
    world: Any, poison: Poisoned
) -> None:
    poison.ids = {1}
    for by in (5, 6, 7):
        world.send(Increment("a", by))
    world.consumer(Tally, wait=False)
    reached(world, Tally)
    poison.ids.clear()

    outcome = ask(world, Tally, RetryParked(2))  # any one of the key
    assert (outcome.processed, outcome.left, outcome.error) == (3, 0, None)
    world.send(Increment("a", 1))
    reached(world, Tally)
    assert Tally.read(world.system, tally) == {"counter-a": (19, 4)}
    assert (parked(world, Tally), world.system.parked["tally"]) == ([], 0)
    assert audited(world, Tally) == ()


def test_a_retry_stops_where_it_fails_again(world: Any, poison: Poisoned) -> None:
    poison.ids = {1}
    for by in (5, 6, 7):
        world.send(Increment("a", by))
    world.consumer(Tally, wait=False)
    reached(world, Tally)
    poison.ids = {2}

    outcome = ask(world, Tally, RetryParked(1))
    assert (outcome.processed, outcome.left, outcome.error) == (1, 2, "Boom: no 2")
    assert parked(world, Tally) == [(2, 1), (3, 0)]
    assert Tally.read(world.system, tally) == {"counter-a": (5, 1)}


def test_a_retry_has_its_effect_and_forgets_the_event_at_once_or_not_at_all(
    world: Any, poison: Poisoned, monkeypatch: Any
) -> None:
    poison.ids = {1}
    world.send(Increment("a", 5))
    world.consumer(Tally, wait=False)
    reached(world, Tally)
    poison.ids.clear()
    ref = world.system.names.whereis(consumer_key("tally"))
    with monkeypatch.context() as patch:

        def fail(_db: Any, dealt: Dealt) -> None:
            if dealt.unparked:
                raise MemoryError

        patch.setattr(projector_module, "write_dealt", fail)
        with pytest.raises(MemoryError):
            ref.ask(RetryParked(1), timeout=HANG)
    wait_for_exit(ref)

    assert (parked(world, Tally), Tally.read(world.system, tally)) == ([(1, 3)], {})
    assert ask(world, Tally, RetryParked(1)).processed == 1
    assert Tally.read(world.system, tally) == {"counter-a": (5, 1)}


def test_what_is_not_parked_cannot_be_retried(world: Any) -> None:
    ref = world.consumer(Tally)
    with pytest.raises(NotParked, match="tally has not parked event 7"):
        ref.ask(RetryParked(7), timeout=HANG)
    assert ref.is_alive()


def test_a_discard_is_an_event_and_what_was_behind_it_is_processed(
    world: Any, poison: Poisoned
) -> None:
    poison.ids = {1}
    for by in (5, 6):
        world.send(Increment("a", by))
    world.consumer(Tally, wait=False)
    reached(world, Tally)

    outcome = ask(world, Tally, DiscardParked(1, "entered twice", "eve"))
    assert (outcome.processed, outcome.left) == (1, 0)
    (row,) = world.system.store.read_stream(discards_stream("tally"))
    (told,) = world.system.events.decode(row)
    assert told == ParkedEventDiscarded(consumer="tally", event_id=1, reason="entered twice")
    assert row.author == "eve"
    assert Tally.read(world.system, tally) == {"counter-a": (6, 1)}
    assert audited(world, Tally) == ()


def test_a_rebuild_leaves_out_what_was_discarded_and_parks_anew(
    world: Any, poison: Poisoned
) -> None:
    poison.ids = {1, 3}
    for name in ("a", "a", "b", "b"):
        world.send(Increment(name, 1))
    world.consumer(Tally, wait=False)
    reached(world, Tally)
    ask(world, Tally, DiscardParked(1, "wrong", "eve"))
    poison.ids = {4}
    ask(world, Tally, Rebuild())

    assert Tally.read(world.system, tally) == {"counter-a": (1, 1), "counter-b": (1, 1)}
    assert parked(world, Tally) == [(4, 3)]
    assert world.system.parked["tally"] == 1
    assert audited(world, Tally) == ()


def test_what_is_parked_is_so_after_a_restart(world: Any, poison: Poisoned) -> None:
    poison.ids = {1}
    world.send(Increment("a", 1))
    world.consumer(Tally, wait=False)
    reached(world, Tally)
    ref = world.system.names.whereis(consumer_key("tally"))
    ref.kill()
    wait_for_exit(ref)
    world.send(Increment("a", 1))
    reached(world, Tally)

    assert parked(world, Tally) == [(1, 3), (2, 0)]


def test_a_discard_that_was_broken_off_is_finished_by_the_successor(
    world: Any, poison: Poisoned, monkeypatch: Any
) -> None:
    """It is in the store, and the row is still in the read model."""
    poison.ids = {1}
    world.send(Increment("a", 1))
    world.consumer(Tally, wait=False)
    reached(world, Tally)
    ref = world.system.names.whereis(consumer_key("tally"))
    with monkeypatch.context() as patch:

        def give_up(self: Any, _event_id: int, append: Append) -> None:
            self.system.journal.ask(AppendRequest(append))
            raise Boom

        patch.setattr(Tally, "give_up", give_up)
        with pytest.raises(Boom):
            ref.ask(DiscardParked(1, "wrong", "eve"), timeout=HANG)
    wait_for_exit(ref)
    reached(world, Tally)

    assert (parked(world, Tally), Tally.read(world.system, tally)) == ([], {})
    assert audited(world, Tally) == ()


class Bound(Tally):
    name = "bound"
    order_bound = True


def test_one_that_is_bound_to_the_order_stops_and_the_others_go_on(
    world: Any, poison: Poisoned
) -> None:
    poison.ids = {2}
    world.send(Increment("a", 1))
    world.consumer(Bound, wait=False)
    world.consumer(Tally, wait=False)
    world.send(Increment("a", 1))
    world.send(Increment("b", 1))
    wait_until(lambda: "bound" in world.system.stopped)
    reached(world, Tally)

    why = world.system.stopped["bound"]
    assert "event 2 (counter.incremented of counter-a) was tried 3 times and raised Boom" in why
    assert world.system.failing["bound"].attempts == 3
    assert Bound.read(world.system, tally) == {"counter-a": (1, 1)}
    assert Tally.read(world.system, tally) == {"counter-a": (1, 1), "counter-b": (1, 1)}

    poison.ids.clear()
    wait_until(lambda: world.system.names.whereis(consumer_key("bound")) is None)
    restart_child(world.root, "bound", timeout=HANG)
    reached(world, Bound)
    assert Bound.read(world.system, tally) == {"counter-a": (2, 2), "counter-b": (1, 1)}
    assert world.system.failing == {}


class ByParity(Tally):
    name = "by_parity"

    def parking_key(self, event: Recorded) -> str:
        return "even" if event.id % 2 == 0 else "odd"


def test_a_consumer_says_which_events_belong_together(world: Any, poison: Poisoned) -> None:
    poison.ids = {2}
    for name in ("a", "a", "a", "b", "b"):
        world.send(Increment(name, 1))
    world.consumer(ByParity, wait=False)
    reached(world, ByParity)

    assert parked(world, ByParity) == [(2, 3), (4, 0)]
    assert ByParity.read(world.system, tally) == {"counter-a": (2, 2), "counter-b": (1, 1)}


def causes(world: Any) -> list[str | None]:
    return [row.causation_id for row in world.system.store.read_all(types=["counter.noted"])]


def test_a_process_manager_parks_retries_and_discards_likewise(
    world: Any, poison: Poisoned
) -> None:
    poison.ids = {1, 3}
    world.consumer(Congratulate)
    for name in ("a", "a", "b", "c"):  # what comes of the last one is behind all of them
        world.send(Increment(name, 10))
    wait_until(lambda: world.system.parked.get("congratulate") == 3)
    reached(world, Congratulate)

    assert parked(world, Congratulate) == [(1, 3), (2, 0), (3, 3)]
    assert causes(world) == ["4"]
    poison.ids.clear()
    assert ask(world, Congratulate, RetryParked(1)).processed == 2
    assert ask(world, Congratulate, DiscardParked(3, "no", "eve")).left == 0
    assert causes(world) == ["4", "1", "2"]
    assert parked(world, Congratulate) == []
    reached(world, Congratulate)
    assert audited(world, Congratulate) == ()


def test_a_process_manager_that_reads_many_at_once_parks_those_between(
    world: Any, poison: Poisoned
) -> None:
    poison.ids = {1}
    world.consumer(Congratulate)
    world.send(Increment("a", 10))
    wait_until(lambda: world.system.parked.get("congratulate") == 1)
    ref = world.system.names.whereis(consumer_key("congratulate"))
    ref.shutdown()
    wait_for_exit(ref)
    for name in ("a", "b", "a"):
        world.send(Increment(name, 10))
    restart_child(world.root, "congratulate", timeout=HANG)
    reached(world, Congratulate)

    assert parked(world, Congratulate) == [(1, 3), (2, 0), (4, 0)]
    assert causes(world) == ["3"]
    assert audited(world, Congratulate) == ()


class TellsTotal(ProcessManager):
    name = "tells_total"
    types = ("counter.incremented",)

    def process(self, event: Recorded) -> list[StreamEvents]:
        totals = self.read_model(Tally, tally, up_to=event.id)
        return [StreamEvents(event.stream, (Noted(str(totals[event.stream][0])),))]


def test_it_reads_no_read_model_in_which_something_is_parked(world: Any, poison: Poisoned) -> None:
    """What it decides on that would be wrong, and could not be taken back."""
    poison.ids = {1}
    world.consumer(Tally, wait=False)
    world.consumer(TellsTotal)
    world.send(Increment("a", 1))
    world.send(Increment("b", 7))
    wait_until(lambda: len(parked(world, TellsTotal)) == 2)
    why = standing_of_consumer(world.system, TellsTotal).parked[0].error
    assert "needs the read model of tally, in which event 1 is parked" in why
    assert causes(world) == []

    poison.ids.clear()
    ask(world, Tally, RetryParked(1))
    ask(world, TellsTotal, RetryParked(1))
    ask(world, TellsTotal, RetryParked(2))
    assert causes(world) == ["1", "2"]


def test_a_stop_is_honoured_while_it_waits_to_try_again(
    make_world: Callable[..., Any], poison: Poisoned
) -> None:
    world = make_world(retry_delay=3600.0, longest_retry_delay=3600.0)
    poison.ids = {1}
    world.send(Increment("a", 1))
    ref = world.consumer(Tally, wait=False)
    wait_until(lambda: "tally" in world.system.failing)
    ref.shutdown()

    assert not wait_for_exit(ref).abnormal
    assert world.system.failing["tally"].attempts == 1


def test_telemetry_tells_of_each_attempt_and_of_what_is_parked(
    world: Any, poison: Poisoned
) -> None:
    told: list[tuple[str, Any]] = []
    detach = telemetry.attach(lambda name, fields: told.append((name, dict(fields))))
    poison.ids = {1}
    world.send(Increment("a", 1))
    world.consumer(Tally, wait=False)
    reached(world, Tally)
    detach()
    names = [name for name, _ in told if name.startswith("consumer.")]
    assert names == ["consumer.failed"] * 3 + ["consumer.parked"]


class Gated(Projector):
    """Its read model notes ids only."""

    name = "gated"
    gate: ClassVar[Gate]

    def create(self, db: Any) -> None:
        db.table("seen").create({"id": int})

    def project(self, db: Any, event: Recorded) -> None:
        db.execute("INSERT INTO seen VALUES (?)", [event.id])
        if event.id == 2:
            self.gate.pass_through()
            raise Boom


def test_who_waits_for_an_event_is_answered_when_it_is_parked(world: Any) -> None:
    """It is dealt with: what is missing is told where it is asked for, and nobody hangs."""
    Gated.gate = Gate()
    ref = world.consumer(Gated)
    world.send(Increment("a", 1))
    ref.ask(WaitFor(1), timeout=HANG)
    Gated.gate.open()
    world.send(Increment("a", 1))
    reached(world, Gated)

    assert ask(world, Gated, WaitFor(2)) == 2
    assert parked(world, Gated) == [(2, 3)]
