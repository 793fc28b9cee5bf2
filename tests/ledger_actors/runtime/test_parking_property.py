"""Whatever is poison for however long, and wherever it crashes: nothing is lost, or done twice.

After all that was parked is retried or discarded, the read model is the one that results from all
but the discarded events, in order for each key; the audit agrees; and so does a rebuild.
"""

from __future__ import annotations

import os
import random
from collections import defaultdict
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ledger_actors.runtime import (
    DiscardParked,
    ParkingOutcome,
    Projector,
    Rebuild,
    Recorded,
    RetryParked,
    audit,
    consumer_key,
    standing_of_consumer,
)
from supervision import ActorDead
from supervision.testing import HANG, wait_until
from tests.ledger_actors.runtime.conftest import World
from tests.ledger_actors.runtime.counters import Boom, Increment

EXAMPLES = int(os.environ.get("PARKING_EXAMPLES", "25"))
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


def outcome(world: World, message: Any) -> ParkingOutcome | None:
    """Ask the projector; None where it ended over it."""
    wait_until(lambda: world.system.names.whereis(consumer_key("diary")) is not None)
    ref = world.system.names.whereis(consumer_key("diary"))
    try:
        return None if ref is None else ref.ask(message, timeout=HANG)
    except (ActorDead, Boom, Killed):
        return None


def settled(world: World) -> None:
    wait_until(lambda: world.system.reached.get("diary", 0) >= world.system.store.head())


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    streams=st.lists(st.sampled_from(STREAMS), min_size=1, max_size=12),
    fails=st.dictionaries(st.integers(1, 12), st.sampled_from([1, 2, 3, 6, 10]), max_size=5),
    kills=st.sets(st.integers(1, 60), max_size=4),
    early=st.integers(0, 12),
    gap=st.sampled_from([0.0, 3600.0]),
    choices=st.integers(0, 2**32).map(random.Random),
)
def test_nothing_is_lost_or_done_twice(
    tmp_path_factory: pytest.TempPathFactory,
    streams: list[str],
    fails: dict[int, int],
    kills: set[int],
    early: int,
    gap: float,
    choices: random.Random,
) -> None:
    early = min(early, len(streams))  # events that are there before the projector is
    Diary.plan = Plan(fails, kills)
    world = World(tmp_path_factory.mktemp("world"), restart_gap=gap, read_batch=5)
    try:
        expected: dict[str, list[int]] = defaultdict(list)
        for number, name in enumerate(streams):
            if number == early:
                world.consumer(Diary, wait=False)
            world.send(Increment(name, 1))
            expected[f"counter-{name}"].append(number + 1)
        if early == len(streams):
            world.consumer(Diary, wait=False)
        settled(world)
        discarded = settle_all(world, choices)
        told = {
            stream: "".join(f" {one}" for one in ids if one not in discarded)
            for stream, ids in expected.items()
        }
        told = {stream: text for stream, text in told.items() if text}
        assert Diary.read(world.system, diary) == told
        (found,) = audit(world.system, [Diary])
        assert (found.findings, found.events) == ((), len(streams) - len(discarded))
        Diary.plan = Plan({}, set())
        outcome(world, Rebuild())
        assert Diary.read(world.system, diary) == told
    finally:
        world.stop()


def settle_all(world: World, choices: random.Random) -> set[int]:
    """Retry or discard until nothing is parked; return what was discarded."""
    discarded: set[int] = set()
    while rows := standing_of_consumer(world.system, Diary).parked:
        row = choices.choice(rows)
        if choices.random() < 0.5:
            outcome(world, DiscardParked(row.event_id, "it is wrong", "eve"))
            settled(world)
            if row.event_id in _discards(world):
                discarded.add(row.event_id)
        else:
            outcome(world, RetryParked(row.event_id))
            settled(world)
    return discarded


def _discards(world: World) -> set[int]:
    return {
        told.event_id
        for row in world.system.store.read_all(types=["ParkedEventDiscarded"])
        for told in world.system.events.decode(row)
    }
