"""Aggregates: decide, answer after the commit, crash and hydrate, passivate."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ledger_actors.runtime import (
    NoSuchStream,
    Rejection,
    TooManyConflicts,
    UnknownCommand,
    envelope,
    state_at,
)
from ledger_actors.runtime.passivation import IdleLooks
from ledger_actors.store import (
    Append,
    AppendRequest,
    CommandIdReused,
    EventIdInFuture,
    NewEvent,
    Snapshot,
    StreamWrite,
)
from supervision import ActorDead
from supervision.testing import HANG, Gate, wait_for_exit, wait_until
from tests.ledger_actors.runtime.counters import Boom, Counter, CrashIt, Increment, Level, Move
from tests.ledger_actors.runtime.test_races import HeldJournal, by_others
from tests.supervision.echo import Echo


def test_a_command_is_answered_with_its_events_which_are_on_disk(world: Any) -> None:
    outcome = world.send(Increment("a", 5))

    assert [row.type for row in outcome.events] == ["counter.incremented"]
    assert [row.id for row in world.system.store.read_stream("counter-a")] == [1]


def test_a_rejection_is_an_answer_and_writes_nothing(world: Any) -> None:
    world.send(Increment("a", 5))
    with pytest.raises(Rejection, match="cannot go down by 6"):
        world.send(Increment("a", -6))

    assert world.state("a") == 5
    assert world.system.store.head() == 1


def test_many_commands_in_flight_are_decided_in_their_order(world: Any) -> None:
    """Also around the start of the aggregate: the first finds none running."""
    futures = [world.send(Increment("a", n), wait=False) for n in [100, *[-1] * 100]]
    outcomes = [world.outcome(future) for future in futures]

    assert [outcome.events[0].version for outcome in outcomes] == list(range(1, 102))
    assert world.state("a") == 0


def test_commands_from_many_threads_are_all_there_once(world: Any) -> None:
    def send(_: int) -> None:
        futures = [world.send(Increment(f"c{n % 3}", 1), wait=False) for n in range(30)]
        for future in futures:
            future.get(timeout=HANG)

    threads = [threading.Thread(target=send, args=[n]) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG)

    assert [world.state(f"c{n}") for n in range(3)] == [60, 60, 60]


def test_a_crash_reaches_the_caller_and_the_next_command_finds_the_state(world: Any) -> None:
    world.send(Increment("a", 5))
    with pytest.raises(Boom):
        world.send(CrashIt("a"))

    world.send(Increment("a", 2))
    assert world.state("a") == 7


def test_a_command_behind_a_crash_is_done_once(world: Any) -> None:
    world.send(Increment("a", 5))
    crash = world.send(CrashIt("a"), wait=False)
    behind = [world.send(Increment("a", 1), wait=False) for _ in range(20)]
    with pytest.raises(Boom):
        crash.get(timeout=HANG)
    for future in behind:
        world.outcome(future)

    assert world.state("a") == 25


def test_killing_aggregates_under_load_loses_and_doubles_nothing(world: Any) -> None:
    futures = []
    for n in range(300):
        futures.append(world.send(Increment("a", 1), wait=False))
        if n % 25 == 0 and (ref := world.counter("a")) is not None:
            ref.kill()
    for future in futures:
        world.outcome(future)

    assert world.state("a") == 300
    assert state_at(world.system, Counter, "a").version == 300


def test_killing_the_journal_under_load_loses_and_doubles_nothing(world: Any) -> None:
    futures = []
    for n in range(300):
        futures.append(world.send(Increment(f"c{n % 7}", 1), wait=False))
        if n % 60 == 30 and (ref := world.system.journal.whereis()) is not None:
            ref.kill()
    for future in futures:
        world.outcome(future)

    assert sum(world.state(f"c{n}") for n in range(7)) == 300
    assert world.system.store.verify().ok


def test_a_stream_that_cannot_be_read_is_told_at_once(world: Any) -> None:
    """Trying again would change nothing; without the deadline the test itself would hang."""
    later = NewEvent("counter.incremented", '{"by":1}', 2)
    world.system.store.append([Append(writes=(StreamWrite("counter-a", (later,)),))])
    outcome = world.bus.dispatch(envelope(Increment("a", 1)), timeout=10 * HANG)
    with pytest.raises(ActorDead, match=r"event 1 is counter\.incremented in schema version 2"):
        outcome.get(timeout=HANG)
    with pytest.raises(ActorDead, match="schema version 2"):
        world.state("a")


def test_the_same_command_id_gives_the_first_answer_and_writes_nothing(world: Any) -> None:
    first = world.send(Increment("a", 5), command_id="once")
    again = world.send(Increment("a", 5), command_id="once")

    assert again.duplicate
    assert again.events == first.events
    assert world.state("a") == 5


def test_the_same_command_id_sent_twice_at_once_is_done_once(world: Any) -> None:
    futures = [
        world.send(Increment("a", 5), command_id=f"id-{n // 4}", wait=False) for n in range(40)
    ]
    outcomes = [world.outcome(future) for future in futures]

    assert sum(not outcome.duplicate for outcome in outcomes) == 10
    assert world.state("a") == 50


def test_a_command_id_of_another_command_is_refused(world: Any) -> None:
    world.send(Increment("a", 5), command_id="once")
    with pytest.raises(CommandIdReused):
        world.send(Increment("a", 6), command_id="once")

    assert world.state("a") == 5


def test_a_command_that_nobody_decides_is_refused(world: Any) -> None:
    from ledger_actors.runtime import Command, command

    @command("NobodysCommand")
    class Nobodys(Command, frozen=True):
        pass

    with pytest.raises(UnknownCommand, match="NobodysCommand"):
        world.bus.dispatch(envelope(Nobodys()))


def test_an_event_that_somebody_else_wrote_reaches_the_aggregate(world: Any) -> None:
    world.send(Increment("a", 5))
    foreign = StreamWrite("counter-a", (NewEvent("counter.incremented", '{"by":10}'),))
    world.system.journal.ask(AppendRequest(Append(writes=(foreign,))), timeout=HANG)

    assert world.state("a") == 15


def test_a_command_decided_on_a_stale_state_is_decided_again(world: Any) -> None:
    """The foreign event goes in before the aggregate has been told of it."""
    world.send(Increment("a", 5))
    aggregate, gate = world.counter("a"), Gate()
    futures = []
    for n in range(10):
        foreign = StreamWrite("counter-a", (NewEvent("counter.incremented", '{"by":10}'),))
        world.system.journal.forward(AppendRequest(Append(writes=(foreign,))), None)
        futures.append(world.send(Increment("a", 1), wait=False))
        del n
    for future in futures:
        world.outcome(future)
    del aggregate, gate

    assert world.state("a") == 115


def test_a_command_that_conflicts_each_time_is_given_up(make_world: Any) -> None:
    world = make_world(conflict_retries=2)
    store = world.system.store
    world.send(Increment("a", 1))
    real = store.append

    def always_late(batch: Any) -> Any:
        foreign = StreamWrite("counter-a", (NewEvent("counter.noted", '{"text":"late"}'),))
        return real([Append(writes=(foreign,)), *batch])[1:]

    store.append = always_late
    with pytest.raises(TooManyConflicts, match="3 times"):
        world.send(Increment("a", 1))
    store.append = real


def test_a_state_read_from_outside_is_never_ahead_of_the_disk(world: Any) -> None:
    world.send(Increment("a", 1))
    gate, real = Gate(), world.system.store.append

    def slow(batch: Any) -> Any:
        gate.pass_through()
        return real(batch)

    world.system.store.append = slow
    command = world.send(Increment("a", 1), wait=False)
    gate.wait_arrived()
    read = world.bus.read(Counter, "a")
    ahead = world.bus.read(Counter, "a", ahead=True)

    assert ahead.get(timeout=HANG).state == 2
    assert not read.done()
    gate.open()
    assert read.get(timeout=HANG).state == 2
    world.outcome(command)


def test_an_idle_aggregate_ends_and_comes_back_with_the_next_command(world: Any) -> None:
    world.send(Increment("a", 5))
    aggregate = world.counter("a")
    world.clock.advance(61)
    wait_for_exit(aggregate)

    assert world.counter("a") is None
    world.send(Increment("a", 1))
    assert world.state("a") == 6


def test_one_that_does_not_exist_is_not_kept_for_long(world: Any) -> None:
    """There is no end of ids that somebody may ask about."""
    assert world.state("nobody") == 0
    asked = world.counter("nobody")
    world.send(Increment("a", 5))
    world.clock.advance(2)
    wait_for_exit(asked)

    assert world.counter("a") is not None
    world.send(Increment("nobody", 1))
    world.clock.advance(2)
    assert world.state("nobody") == 1
    assert world.counter("nobody") is not None


def test_a_message_that_crosses_the_passivation_is_not_lost(world: Any) -> None:
    for n in range(50):
        world.send(Increment("a", 1))
        world.clock.advance(61)
        world.send(Increment("a", 1))
        assert world.state("a") == 2 * (n + 1)


def test_an_aggregate_in_use_does_not_end(world: Any) -> None:
    world.send(Increment("a", 5))
    aggregate = world.counter("a")
    for _ in range(5):
        world.clock.advance(40)
        world.send(Increment("a", 1))

    assert world.counter("a") is aggregate


def test_aggregates_that_are_started_together_are_looked_at_by_one_timer(world: Any) -> None:
    before = len(world.system.timers)
    for n in range(50):
        world.send(Increment(f"c-{n}", 1))
    aggregates = [world.counter(f"c-{n}") for n in range(50)]

    assert len(world.system.timers) == before + 1
    world.clock.advance(61)
    for aggregate in aggregates:
        wait_for_exit(aggregate)
    assert len(world.system.timers) == before


def test_one_that_was_used_meanwhile_ends_when_it_has_been_idle_for_the_whole_time(
    world: Any,
) -> None:
    world.send(Increment("a", 1))
    aggregate = world.counter("a")
    world.clock.advance(40)
    world.send(Increment("a", 1))
    world.clock.advance(59)
    world.send(Increment("b", 1))
    assert world.counter("a") is aggregate

    world.clock.advance(7)  # it is not looked at again at once
    wait_for_exit(aggregate)


def test_those_that_have_ended_are_not_kept_to_be_looked_at(world: Any) -> None:
    looks = IdleLooks()
    world.send(Increment("a", 1))
    alive, ended = world.counter("a"), Echo.start()
    ended.stop()
    for _ in range(3000):
        looks.add(ended, world.system.timers, 60.0, 60.0)
        looks.add(alive, world.system.timers, 60.0, 60.0)

    kept = [ref for look in looks._looks.values() for ref in look.refs]
    assert kept.count(alive) == 3000
    assert kept.count(ended) < 3000


def test_a_snapshot_shortens_hydration_and_changes_no_state(make_world: Any) -> None:
    world = make_world(snapshot_every=10)
    for _ in range(25):
        world.send(Increment("a", 1))
    wait_until(lambda: world.system.store.load_snapshot("counter-a") is not None)
    snapshot = world.system.store.load_snapshot("counter-a")
    world.counter("a").kill()

    assert snapshot.version in (10, 20)
    assert world.state("a") == 25
    assert state_at(world.system, Counter, "a", 15).state == 15


def test_a_snapshot_is_made_of_an_aggregate_that_always_has_something_in_flight(
    make_world: Any,
) -> None:
    world = make_world(snapshot_every=10)
    world.send(Increment("a", 1))
    held = HeldJournal(world)
    futures = [world.send(Increment("a", 1), wait=False) for _ in range(15)]
    held.let_go()
    futures[-1].get(timeout=HANG)
    wait_until(lambda: world.system.store.load_snapshot("counter-a") is not None)

    assert world.system.store.load_snapshot("counter-a").version == 10


def test_a_command_without_events_holds_no_snapshot_up(make_world: Any) -> None:
    world = make_world(snapshot_every=10)
    store = world.system.store
    world.send(Increment("a", 1))
    held = HeldJournal(world)
    futures = [world.send(Increment("a", 1), wait=False) for _ in range(20)]
    held.let_go()
    futures[-1].get(timeout=HANG)
    wait_until(lambda: (found := store.load_snapshot("counter-a")) and found.version == 10)

    world.send(Level("a", 21))  # it is there already; a snapshot is due
    world.send(Increment("a", 1))
    wait_until(lambda: store.load_snapshot("counter-a").version == 22)


def test_a_snapshot_is_made_of_what_only_others_write_to(make_world: Any) -> None:
    world = make_world(snapshot_every=10)
    world.send(Increment("a", 1))
    by_others(world, *[1] * 12).get(timeout=HANG)
    wait_until(lambda: world.system.store.load_snapshot("counter-a") is not None)
    world.counter("a").kill()

    assert world.state("a") == 13


def test_a_start_that_reads_many_events_leaves_a_snapshot_for_the_next(make_world: Any) -> None:
    world = make_world(snapshot_every=0)
    for _ in range(25):
        world.send(Increment("a", 1))
    world = make_world(snapshot_every=10)
    assert world.system.store.load_snapshot("counter-a") is None

    assert world.state("a") == 25
    assert world.system.store.load_snapshot("counter-a").version == 25


def test_an_aggregate_of_few_events_starts_without_a_look_for_a_snapshot(
    make_world: Any, monkeypatch: Any
) -> None:
    world = make_world(snapshot_every=10)
    for _ in range(9):
        world.send(Increment("a", 1))
    world.counter("a").kill()
    looked: list[str] = []
    monkeypatch.setattr(
        world.system.store, "load_snapshot", lambda stream, **_: looked.append(stream)
    )

    assert world.state("a") == 9
    assert not looked


def versions_read_from(store: Any, monkeypatch: Any) -> list[int]:
    """Return a list of where each read of a stream begins from now on."""
    read, begun = store.read_stream, []

    def read_stream(stream: str, **bounds: Any) -> Any:
        begun.append(bounds["after_version"])
        return read(stream, **bounds)

    monkeypatch.setattr(store, "read_stream", read_stream)
    return begun


def test_an_aggregate_never_gets_another_attribute(make_world: Any) -> None:
    """CPython would keep each that does in a dict of its own: a third more memory."""
    for _ in range(2):  # new, and hydrated
        world = make_world(snapshot_every=3)
        at_first = set(vars(Counter(world.system, "a")))
        held = HeldJournal(world)
        taken = [world.send(Increment("a", 1), wait=False) for _ in range(4)]
        refused = world.send(Increment("a", -100), wait=False)
        held.let_go()
        for future in taken:
            world.outcome(future)
        with pytest.raises(Rejection):
            world.outcome(refused)
        by_others(world, 1).get(timeout=HANG)
        world.state("a")

        assert set(vars(world.counter("a").running)) == at_first


def test_a_snapshot_in_another_form_is_passed_over_for_one_in_todays(
    make_world: Any, monkeypatch: Any
) -> None:
    """A later release has left one, and the program has gone back to this one."""
    world = make_world(snapshot_every=10)
    for _ in range(25):
        world.send(Increment("a", 1))
    store = world.system.store
    wait_until(lambda: (found := store.load_snapshot("counter-a")) and found.version == 20)
    store.save_snapshot(Snapshot("counter-a", 24, 24, "counter", 2, '{"of":"tomorrow"}'))
    world.counter("a").kill()
    begun = versions_read_from(store, monkeypatch)

    assert world.state("a") == 25
    assert state_at(world.system, Counter, "a", 24).state == 24
    assert begun == [20, 20]


def test_one_of_many_events_that_was_not_written_lately_is_looked_at_first(
    make_world: Any, monkeypatch: Any
) -> None:
    """Most aggregates have few events, so a few are read before a snapshot is looked for."""
    world = make_world(snapshot_every=10)
    for _ in range(25):
        world.send(Increment("a", 1))
    wait_until(
        lambda: (found := world.system.store.load_snapshot("counter-a")) and found.version == 20
    )
    world = make_world(snapshot_every=10)
    begun = versions_read_from(world.system.store, monkeypatch)

    assert world.state("a") == 25
    assert begun == [0, 20]


def test_the_state_as_of_an_event_is_what_it_was_then(world: Any) -> None:
    for n in range(1, 6):
        world.send(Increment("a", n))
    world.send(Increment("b", 100))

    assert [state_at(world.system, Counter, "a", n).state for n in range(1, 7)] == [
        1,
        3,
        6,
        10,
        15,
        15,
    ]
    with pytest.raises(NoSuchStream, match="as of event 5"):
        state_at(world.system, Counter, "b", 5)
    with pytest.raises(EventIdInFuture):
        state_at(world.system, Counter, "a", 7)


def test_a_handler_writes_all_its_streams_or_none(world: Any) -> None:
    world.send(Increment("a", 10))
    outcome = world.send(Move("a", "b", 4))
    with pytest.raises(Rejection, match="not enough"):
        world.send(Move("a", "b", 7))

    assert [row.stream for row in outcome.events] == ["counter-a", "counter-b"]
    assert (world.state("a"), world.state("b")) == (6, 4)


def test_handlers_that_race_for_one_source_never_overdraw_it(world: Any) -> None:
    world.send(Increment("a", 10))
    futures = [world.send(Move("a", f"t{n}", 3), wait=False) for n in range(8)]
    done, refused = 0, 0
    for future in futures:
        try:
            world.outcome(future)
            done += 1
        except Rejection:
            refused += 1

    assert (done, refused) == (3, 5)
    assert world.state("a") == 1


def test_many_commands_for_one_source_take_turns_and_none_is_given_up(world: Any) -> None:
    world.send(Increment("a", 100))
    futures = [world.send(Move("a", f"t{n % 3}", 1), wait=False) for n in range(60)]
    for future in futures:
        world.outcome(future)

    assert world.state("a") == 40


def test_a_handler_sees_what_is_in_flight(world: Any) -> None:
    world.send(Increment("a", 10), wait=False)
    outcome = world.send(Move("a", "b", 10))

    assert len(outcome.events) == 2


def test_a_stopped_and_restarted_system_has_every_state(make_world: Any) -> None:
    world = make_world()
    for n in range(20):
        world.send(Increment(f"c{n % 4}", 1))
    world = make_world()

    assert [world.state(f"c{n}") for n in range(4)] == [5, 5, 5, 5]
