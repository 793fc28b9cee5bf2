"""The audit: what a consumer has processed against what is in the log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.runtime import Projector, Rebuild, Recorded, WaitFor, audit
from ledger_actors.store.tally import MASK, BlockTally, mixed, tallies
from supervision.testing import HANG, wait_for_exit, wait_until
from tests.ledger_actors.runtime.counters import Congratulate, Increment, Tally

IDS = st.lists(st.integers(1, 60_000), unique=True).map(sorted)


def merged(parts: Iterable[BlockTally]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for one in parts:
        events, digest = found.get(one.block, (0, 0))
        found[one.block] = (events + one.events, (digest + one.digest) & MASK)
    return found


@given(IDS, st.lists(st.integers(0, 100), max_size=5))
def test_a_tally_does_not_depend_on_how_ids_are_cut(ids: list[int], cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut < len(ids)), len(ids)]
    cut = [one for a, b in pairwise(edges) for one in tallies(ids[a:b])]
    assert merged(cut) == merged(tallies(ids))
    assert merged(tallies((one,))[0] for one in reversed(ids)) == merged(tallies(ids))


def test_ids_on_the_edge_of_a_block() -> None:
    assert [(one.block, one.events) for one in tallies((1, 10_000, 10_001))] == [(0, 2), (1, 1)]


def test_ids_with_the_same_sum_have_other_digests() -> None:
    assert (mixed(3) + mixed(6)) & MASK != (mixed(4) + mixed(5)) & MASK


def caught_up(world: Any, kind: Any) -> Any:
    ref = world.consumer(kind)
    head = world.system.store.head()
    wait_until(lambda: world.system.reached.get(kind.name, 0) >= head)
    return ref


def change(world: Any, statement: str) -> None:
    """Change the tally's file by hand, while nobody has it."""
    ref = world.system.names.whereis(("consumer", "tally"))
    ref.shutdown()
    wait_for_exit(ref)
    file = world.system.read_models.model("tally", 1).path
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(statement)


def told(world: Any, kind: Any = Tally) -> list[tuple[int, int, str]]:
    (found,) = audit(world.system, [kind])
    return [(one.first, one.last, one.what) for one in found.findings]


def test_what_was_processed_once_is_in_order(world: Any) -> None:
    world.consumer(Congratulate)
    for number in range(20):
        world.send(Increment("a", number))
    caught_up(world, Tally)
    wait_until(lambda: world.system.reached["congratulate"] == world.system.store.head())

    tally_audit, manager = audit(world.system, [Tally, Congratulate])
    assert (tally_audit.findings, manager.findings) == ((), ())
    assert (tally_audit.counted_after, tally_audit.events) == (0, 20)
    assert manager.events == 20


class Skips(Tally):
    """Has the mistake that an audit is for: it moves its position over events."""

    skipped: set[int]

    def take(self, batch: Any) -> None:
        keep = [event for event in batch.events if event.id not in self.skipped]
        ids = [one for one in batch.ids if one not in self.skipped]
        super().take(type(batch)(batch.up_to, keep, ids))


@pytest.mark.parametrize(
    ("skipped", "what"),
    [
        ({3}, "event 3 was skipped"),
        ({3, 4}, "2 events were skipped (3 processed, 5 in the log)"),
    ],
)
def test_a_skip_is_named(world: Any, monkeypatch: Any, skipped: set[int], what: str) -> None:
    monkeypatch.setattr(Skips, "skipped", skipped, raising=False)
    for _ in range(5):
        world.send(Increment("a", 1))
    caught_up(world, Skips)

    assert told(world, Skips) == [(1, 5, what)]


def test_events_that_were_processed_twice_are_named(world: Any) -> None:
    """The position was set back behind the rows."""
    for _ in range(5):
        world.send(Increment("a", 1))
    caught_up(world, Tally)
    change(world, "UPDATE _position SET event_id = 4, event_hash = NULL")
    world.system.reached.clear()
    restart(world)

    assert told(world) == [(1, 5, "event 5 was processed twice, or should not have been")]


def restart(world: Any) -> None:
    from supervision import restart_child

    restart_child(world.root, "tally", timeout=HANG)
    wait_until(lambda: world.system.reached.get("tally") == world.system.store.head())


def test_a_parked_event_that_was_lost_is_named(world: Any, monkeypatch: Any) -> None:
    def project(self: Any, db: Any, event: Recorded) -> None:
        if event.id == 2:
            raise ValueError

    monkeypatch.setattr(Tally, "project", project)
    for name in "abc":
        world.send(Increment(name, 1))
    world.consumer(Tally, wait=False)
    wait_until(lambda: world.system.parked.get("tally") == 1)
    assert told(world) == []
    change(world, "DELETE FROM _parked")

    assert told(world) == [(1, 3, "event 2 was skipped")]


def test_a_skip_and_a_double_that_make_up_for_each_other_are_found(world: Any) -> None:
    for _ in range(5):
        world.send(Increment("a", 1))
    caught_up(world, Tally)
    digest = tallies((1, 2, 3, 5, 5))[0].digest
    change(world, f"UPDATE _processed SET digest = {digest}")

    assert [what[:33] for _, _, what in told(world)] == ["not those that are in the log: so"]


def test_a_model_of_an_earlier_release_is_counted_from_where_it_stands(world: Any) -> None:
    for _ in range(3):
        world.send(Increment("a", 1))
    caught_up(world, Tally)
    change(world, "DROP TABLE _counted")
    change_again = "DROP TABLE _processed"
    file = world.system.read_models.model("tally", 1).path
    with closing(sqlite3.connect(file)) as db, db:
        db.execute(change_again)
        db.execute("DROP TABLE _parked")
    (before,) = audit(world.system, [Tally])
    assert (before.position, before.counted_after) == (3, None)
    restart(world)
    world.send(Increment("a", 1))
    wait_until(lambda: world.system.reached["tally"] == 4)

    (found,) = audit(world.system, [Tally])
    assert (found.counted_after, found.events, found.findings) == (3, 1, ())


def test_one_that_wants_other_events_now_is_counted_anew(world: Any, monkeypatch: Any) -> None:
    world.send(Increment("a", 1))
    ref = caught_up(world, Tally)
    ref.shutdown()
    wait_for_exit(ref)
    monkeypatch.setattr(Tally, "types", ("counter.*",))
    restart(world)

    (found,) = audit(world.system, [Tally])
    assert (found.counted_after, found.findings) == (1, ())


def test_a_rebuild_counts_all(world: Any) -> None:
    for _ in range(3):
        world.send(Increment("a", 1))
    ref = caught_up(world, Tally)
    change(world, "UPDATE _counted SET after_id = 2")
    restart(world)
    ref = world.system.names.whereis(("consumer", "tally"))
    ref.ask(Rebuild(), timeout=HANG)

    (found,) = audit(world.system, [Tally])
    assert (found.counted_after, found.events, found.findings) == (0, 3, ())


def test_one_that_has_never_run_has_nothing_to_say(world: Any) -> None:
    class New(Projector):
        name = "new"

        def create(self, db: Any) -> None: ...

        def project(self, db: Any, event: Recorded) -> None: ...

    world.send(Increment("a", 1))
    (found,) = audit(world.system, [New])
    assert (found.position, found.counted_after, found.findings) == (None, None, ())


def test_the_progress_is_told(world: Any) -> None:
    for _ in range(3):
        world.send(Increment("a", 1))
    caught_up(world, Tally).ask(WaitFor(3), timeout=HANG)
    seen: list[tuple[int, int]] = []
    audit(world.system, [Tally], lambda done, total: seen.append((done, total)))

    assert seen[-1] == (3, 3)
