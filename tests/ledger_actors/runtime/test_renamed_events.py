"""Events that were stored under names and in forms of the past, as everybody sees them today."""

from __future__ import annotations

from typing import Any

from ledger_actors.runtime import EventFilter, Projector, Recorded, WaitFor, consumer_key, state_at
from ledger_actors.store import Append, AppendRequest, NewEvent, StreamWrite
from supervision.testing import HANG
from tests.ledger_actors.runtime.counters import Congratulate, Counter, Tally, tally


def wrote(world: Any, *events: NewEvent) -> None:
    """Write as an earlier release did."""
    writes = (StreamWrite("counter-a", events),)
    world.system.journal.ask(AppendRequest(Append(writes=writes)), timeout=HANG)


BUMPED = NewEvent("counter.bumped", '{"by":1}')
OFTEN = NewEvent("counter.bumped_often", '{"steps":[10,20]}')


def caught_up(world: Any, consumer: Any) -> None:
    address = world.system.names.name(consumer_key(consumer.name))
    address.ask(WaitFor(world.system.store.head()), timeout=HANG)


def test_a_projector_that_wants_an_event_has_those_of_its_earlier_names(world: Any) -> None:
    wrote(world, BUMPED, OFTEN)
    world.consumer(Tally)
    wrote(world, BUMPED)
    caught_up(world, Tally)

    assert Tally.read(world.system, tally) == {"counter-a": (32, 4)}


def test_it_is_told_of_them_by_todays_name_and_of_nothing_that_it_does_not_want(
    world: Any,
) -> None:
    seen: list[tuple[int, str]] = []

    class Notes(Projector):
        name = "notes"
        types = ("counter.noted",)

        def create(self, db: Any) -> None: ...

        def project(self, db: Any, event: Recorded) -> None:
            seen.append((event.id, event.type))

    wrote(world, BUMPED, OFTEN)
    world.consumer(Notes)
    caught_up(world, Notes)

    assert seen == [(2, "counter.noted")]


def test_a_wildcard_finds_what_is_read_as_a_name_that_it_fits(world: Any) -> None:
    wants = EventFilter(["*.incremented"]).wants_type
    assert set(world.system.events.aliases(wants)) == {"counter.bumped", "counter.bumped_often"}


def test_an_aggregate_takes_all_parts_of_one_as_one_version(world: Any) -> None:
    wrote(world, BUMPED, OFTEN)
    assert world.state("a") == 31
    wrote(world, OFTEN)

    assert world.state("a") == 61
    assert state_at(world.system, Counter, "a", 2).state == 31
    assert state_at(world.system, Counter, "a").version == 3


def test_a_process_manager_reacts_to_all_parts_of_one_in_one_append(world: Any) -> None:
    world.consumer(Congratulate)
    wrote(world, OFTEN)
    caught_up(world, Congratulate)

    notes = list(world.system.store.read_all(types=["counter.noted"]))
    assert [(note.command_id, note.command_index) for note in notes] == [
        ("congratulate:1", 0),
        ("congratulate:1", 1),
    ]
    assert world.system.store.position("congratulate") == 1
