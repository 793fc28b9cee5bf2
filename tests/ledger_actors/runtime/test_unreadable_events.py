"""Events that this program cannot read: a consumer deals with all before it, and stops there."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_actors.runtime import JOURNAL, Rebuild, Recorded, UnknownEventType, WaitFor
from ledger_actors.runtime.projector import Projector
from ledger_actors.runtime.read_models import position_of
from ledger_actors.store import Append, AppendRequest, NewEvent, StreamWrite
from supervision import restart_child
from supervision.testing import HANG, wait_for_exit, wait_until
from tests.ledger_actors.runtime.counters import Congratulate, Increment, Tally, tally

MERGED = NewEvent("counter.merged", "{}")


class Everything(Projector):
    name = "everything"

    def create(self, db: Any) -> None: ...

    def project(self, db: Any, event: Recorded) -> None: ...


class OnlyStickers(Everything):
    name = "only_stickers"
    streams = ("sticker-*",)


def wrote(world: Any, *events: NewEvent, stream: str = "merger-1") -> None:
    """Write as a later release would."""
    append = Append(writes=(StreamWrite(stream, events),))
    world.system.names.name(JOURNAL).ask(AppendRequest(append), timeout=HANG)


def stopped(world: Any, consumer: Any) -> str:
    """Start a consumer, and return why it has ended."""
    reason = wait_for_exit(world.consumer(consumer, wait=False))
    assert not reason.abnormal
    assert world.system.stopped[consumer.name] == reason.detail
    return str(reason)


@pytest.mark.parametrize("consumer", [Tally, Everything], ids=["lists its types", "wants all"])
def test_an_unknown_type_stops_a_consumer_behind_all_that_was_before_it(
    world: Any, consumer: Any
) -> None:
    world.send(Increment("a", 5))
    world.send(Increment("b", 1))
    wrote(world, MERGED)
    world.send(Increment("b", 2))

    why = stopped(world, consumer)
    assert "event 3 is of type 'counter.merged', which this program does not know" in why
    assert "`formerly`" in why
    assert world.system.read_models.model(consumer.name, 1).query(position_of) == 2


def test_what_was_before_it_is_in_the_read_model(world: Any) -> None:
    world.send(Increment("a", 5))
    wrote(world, MERGED)
    world.send(Increment("a", 2))
    stopped(world, Tally)

    assert Tally.read(world.system, tally) == {"counter-a": (5, 1)}


def test_one_of_a_stream_that_it_does_not_want_is_passed_over(world: Any) -> None:
    wrote(world, MERGED)
    world.send(Increment("a", 5))

    assert world.consumer(OnlyStickers).ask(WaitFor(2), timeout=HANG) == 2


def test_the_first_of_many_of_them_is_named(world: Any) -> None:
    wrote(world, *(NewEvent(f"counter.merged{number:02}", "{}") for number in range(40, 0, -1)))

    assert "event 1 is of type 'counter.merged40'" in stopped(world, Tally)


def test_a_process_manager_stops_at_one_after_its_position(world: Any) -> None:
    wrote(world, MERGED)  # before it began
    ref = world.consumer(Congratulate)
    ref.shutdown()
    wait_for_exit(ref)
    world.send(Increment("a", 10))
    wrote(world, MERGED)

    restart_child(world.root, "congratulate", timeout=HANG)
    wait_until(lambda: world.system.stopped)
    why = world.system.stopped["congratulate"]
    assert "event 3 is of type 'counter.merged'" in why
    assert world.system.store.position("congratulate") == 2
    assert [row.causation_id for row in world.system.store.read_all(types=["counter.noted"])] == [
        "2"
    ]


def test_a_rebuild_over_one_fails_and_the_old_rows_stay(world: Any) -> None:
    ref = world.consumer(Tally)
    world.send(Increment("a", 5))
    wrote(world, MERGED)
    ref.ask(WaitFor(2), timeout=HANG)

    with pytest.raises(UnknownEventType, match=r"event 2 is of type 'counter\.merged'"):
        ref.ask(Rebuild(), timeout=HANG)
    assert Tally.read(world.system, tally) == {"counter-a": (5, 1)}


def test_a_schema_version_of_the_future_stops_whoever_wants_the_type_and_nobody_else(
    world: Any,
) -> None:
    world.send(Increment("a", 5))
    wrote(world, NewEvent("counter.noted", "{}", 2), NewEvent("counter.incremented", "{}", 2))

    assert "event 3 is counter.incremented in schema version 2" in stopped(world, Tally)
    assert world.system.read_models.model("tally", 1).query(position_of) == 2
