"""Whatever is poison for however long, and wherever it crashes: nothing is lost, or done twice.

After all that was parked is retried or discarded, the read model is the one that results from all
but the discarded events, in order for each key; the audit agrees; and so does a rebuild.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_actors.runtime import (
    DiscardParked,
    ParkedEventDiscarded,
    ParkingOutcome,
    ProcessManager,
    Projector,
    Rebuild,
    Recorded,
    RetryParked,
    StreamEvents,
    audit,
    consumer_key,
    standing_of_consumer,
)
from supervision import ActorDead, restart_child
from supervision.testing import HANG, wait_for_exit, wait_until
from tests.ledger_actors.runtime.conftest import World
from tests.ledger_actors.runtime.counters import Boom, Increment, Noted

EXAMPLES = int(os.environ.get("PARKING_EXAMPLES", "20"))
STREAMS = "abc"


class Killed(BaseException):
    """An end that is nobody's attempt."""


class Plan:
    """How often each event still fails, and at which of the places that it passes it is killed."""

    def __init__(self, fails: dict[int, int], kills: set[int]) -> None:
        self.fails = fails
        self.kills = kills
        self.places = 0

    def place(self) -> None:
        self.places += 1
        if self.places in self.kills:
            raise Killed

    def poison(self, event_id: int) -> None:
        if self.fails.get(event_id, 0) > 0:
            self.fails[event_id] -= 1
            raise Boom(event_id)


class Diary(Projector):
    """Notes for each stream which events it had, in the order in which it had them."""

    name = "diary"
    types = ("counter.incremented",)
    plan: ClassVar[Plan]

    def create(self, db: Any) -> None:
        db.table("diary").create({"stream": str, "ids": str}, pk="stream")

    def project(self, db: Any, event: Recorded) -> None:
        self.plan.place()
        db.execute(
            "INSERT INTO diary VALUES (?, ?) ON CONFLICT (stream) DO UPDATE"
            " SET ids = ids || excluded.ids",
            [event.stream, f" {event.id}"],
        )
        self.plan.poison(event.id)
        self.plan.place()

    def move_to(self, event_id: int) -> None:
        self.plan.place()  # committed, and not known yet
        super().move_to(event_id)

    def give_up(self, event_id: int, append: Any) -> None:
        self.plan.place()
        super().give_up(event_id, append)
        self.plan.place()


def diary(db: Any) -> dict[str, str]:
    return dict(db.execute("SELECT stream, ids FROM diary").fetchall())


class Echo(ProcessManager):
    """Answers each event on its stream, in the order in which it comes to them."""

    name = "echo"
    types = ("counter.incremented",)
    plan: ClassVar[Plan]

    def process(self, event: Recorded) -> list[StreamEvents]:
        self.plan.place()
        self.plan.poison(event.id)
        return [StreamEvents(event.stream, (Noted(f" {event.id}"),))]

    def move_to(self, event_id: int) -> None:
        self.plan.place()
        super().move_to(event_id)

    def give_up(self, event_id: int, append: Any) -> None:
        super().give_up(event_id, append)
        self.plan.place()


def told_by(world: World, kind: Any) -> dict[str, str]:
    """What each stream had, in the order in which it had it."""
    if kind is Diary:
        return Diary.read(world.system, diary)
    found: dict[str, str] = {}
    for row in world.system.store.read_all(types=["counter.noted"]):
        (one,) = world.system.events.decode(row)
        found[row.stream] = found.get(row.stream, "") + one.text  # type: ignore[attr-defined]
    return found


def outcome(world: World, kind: Any, message: Any) -> ParkingOutcome | None:
    """Ask the consumer; None where it ended over it."""
    wait_until(lambda: world.system.names.whereis(consumer_key(kind.name)) is not None)
    ref = world.system.names.whereis(consumer_key(kind.name))
    try:
        return None if ref is None else ref.ask(message, timeout=HANG)
    except (ActorDead, Boom, Killed):
        return None


def settled(world: World, kind: Any) -> None:
    wait_until(lambda: world.system.reached.get(kind.name, 0) >= world.system.store.head())


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    kind=st.sampled_from([Diary, Echo]),
    streams=st.lists(st.sampled_from(STREAMS), min_size=1, max_size=12),
    fails=st.dictionaries(st.integers(1, 12), st.sampled_from([1, 2, 3, 6, 10]), max_size=5),
    kills=st.sets(st.integers(1, 60), max_size=4),
    early=st.integers(0, 12),
    gap=st.sampled_from([0.0, 3600.0]),
    choices=st.integers(0, 2**32).map(random.Random),
)
def test_nothing_is_lost_or_done_twice(
    tmp_path_factory: pytest.TempPathFactory,
    kind: Any,
    streams: list[str],
    fails: dict[int, int],
    kills: set[int],
    early: int,
    gap: float,
    choices: random.Random,
) -> None:
    early = min(early, len(streams))  # events that are there before the consumer runs
    kind.plan = Plan({}, set())
    world = World(tmp_path_factory.mktemp("world"), restart_gap=gap, read_batch=5)
    try:
        expected: dict[str, list[int]] = defaultdict(list)
        start = not_yet_running(world, kind)
        kind.plan = Plan(fails, kills)
        for number, name in enumerate(streams):
            if number == early:
                start()
            event_id = world.send(Increment(name, 1)).events[0].id
            expected[f"counter-{name}"].append(event_id)
        if early == len(streams):
            start()
        settled(world, kind)
        discarded = settle_all(world, kind, choices)
        told = {
            stream: text
            for stream, ids in expected.items()
            if (text := "".join(f" {one}" for one in ids if one not in discarded))
        }
        assert told_by(world, kind) == told
        (found,) = audit(world.system, [kind])
        assert (found.findings, found.events) == ((), len(streams) - len(discarded))
        if kind is Diary:
            kind.plan = Plan({}, set())
            outcome(world, kind, Rebuild())
            assert told_by(world, kind) == told
    finally:
        world.stop()


def not_yet_running(world: World, kind: Any) -> Callable[[], Any]:
    """Return how to start it; a process manager, which begins at the newest event, was there."""
    if kind is Diary:
        return lambda: world.consumer(kind, wait=False)
    ref = world.consumer(kind)
    ref.shutdown()
    wait_for_exit(ref)
    return lambda: restart_child(world.root, kind.name, timeout=HANG)


def settle_all(world: World, kind: Any, choices: random.Random) -> set[int]:
    """Retry or discard until nothing is parked; return what was discarded."""
    while rows := standing_of_consumer(world.system, kind).parked:
        row = choices.choice(rows)
        if choices.random() < 0.5:
            outcome(world, kind, DiscardParked(row.event_id, "it is wrong", "eve"))
        else:
            outcome(world, kind, RetryParked(row.event_id))
        settled(world, kind)
    return {
        told.event_id
        for row in world.system.store.read_all(types=["ParkedEventDiscarded"])
        for told in world.system.events.decode(row)
        if isinstance(told, ParkedEventDiscarded)
    }
