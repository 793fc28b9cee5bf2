"""The journal: what waits goes into one commit, is published in order, then answered."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import structlog

from ledger_actors.store import (
    Append,
    Appended,
    AppendRequest,
    Committed,
    EventStore,
    Journal,
    NewEvent,
    PositionUpdate,
    SqliteEventStore,
    StoreError,
    StoreFull,
    StoreUnavailable,
    StreamWrite,
    WrongExpectedVersion,
)
from ledger_actors.store.journal import COMMITTED
from supervision import telemetry
from supervision.errors import ActorDead, Rejection
from supervision.ref import Ref
from supervision.testing import HANG, Gate, wait_for_exit


class Watched:
    """A store that stops at a gate before each append, and keeps what it was given."""

    def __init__(self, store: EventStore) -> None:
        self._store = store
        self.gate = Gate()
        self.batches: list[int] = []
        self.fault: Callable[[Sequence[Append]], Any] | None = None

    def append(self, batch: Sequence[Append]) -> list[Appended | StoreError]:
        if not batch:  # the look of a journal that starts
            return self._store.append(batch)
        self.batches.append(len(batch))
        self.gate.pass_through()
        if self.fault is not None:
            answers: list[Appended | StoreError] = self.fault(batch)
            return answers
        return self._store.append(batch)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class World:
    """A journal on a watched store, and all that it published."""

    def __init__(self, store: EventStore) -> None:
        self.store = Watched(store)
        self.published: list[Committed] = []
        self.on_publish: Callable[[Sequence[Committed]], None] = self.published.extend
        self.journal: Ref = Journal.start(self.store, self.publish, max_batch=8)

    def publish(self, committed: Sequence[Committed]) -> None:
        self.on_publish(committed)

    def ask(self, append: Append, origin: Ref | None = None) -> Any:
        return self.journal.ask(AppendRequest(append, origin), block=False)

    def pile_up(self, *appends: Append) -> list[Any]:
        """Ask for all of them while the journal is busy with the first."""
        first = self.ask(appends[0])
        self.store.gate.wait_arrived()
        rest = [self.ask(append) for append in appends[1:]]
        return [first, *rest]


@pytest.fixture
def world() -> Iterator[World]:
    with SqliteEventStore(":memory:") as store:
        world = World(store)
        yield world
        world.store.gate.open()
        world.journal.stop(timeout=HANG)


def append(stream: str = "s", *, expected: int | None = None, **fields: Any) -> Append:
    event = (NewEvent("A", "{}"),)
    write = StreamWrite(stream, event) if expected is None else StreamWrite(stream, event, expected)
    return Append((write,), **fields)


def test_an_answer_is_what_was_written(world: World) -> None:
    world.store.gate.open()
    answer = world.ask(append()).get(timeout=HANG)
    assert [event.id for event in answer.events] == [1]
    assert world.store.head() == 1


def test_what_waits_goes_into_one_commit(world: World) -> None:
    answers = world.pile_up(*[append() for _ in range(6)])
    world.store.gate.open()
    assert [answer.get(timeout=HANG).events[0].id for answer in answers] == [1, 2, 3, 4, 5, 6]
    assert world.store.batches == [1, 5]


def test_a_batch_has_a_limit(world: World) -> None:
    answers = world.pile_up(*[append() for _ in range(20)])
    world.store.gate.open()
    assert [answer.get(timeout=HANG).events[0].id for answer in answers] == list(range(1, 21))
    assert world.store.batches == [1, 8, 8, 3]


def test_a_refusal_is_the_answer_of_one(world: World) -> None:
    good, bad, more = world.pile_up(append(), append(expected=7), append())
    world.store.gate.open()
    assert good.get(timeout=HANG).events[0].version == 1
    with pytest.raises(WrongExpectedVersion):
        bad.get(timeout=HANG)
    assert more.get(timeout=HANG).events[0].version == 2
    assert world.journal.is_alive()


def test_it_publishes_in_order_and_before_it_answers(world: World) -> None:
    order: list[str] = []
    world.on_publish = lambda all_: order.extend(f"event {one.events[0].id}" for one in all_)
    answers = world.pile_up(append(), append(), append())
    for number, answer in enumerate(answers, 1):
        answer.add_done_callback(lambda _, number=number: order.append(f"answer {number}"))
    world.store.gate.open()
    answers[-1].get(timeout=HANG)
    expected = ["event 1", "answer 1", "event 2", "event 3", "answer 2", "answer 3"]
    assert order == expected


def test_it_publishes_with_the_origin_and_only_what_is_new(world: World) -> None:
    world.store.gate.open()
    first = world.ask(append(command_id="c"), origin=world.journal).get(timeout=HANG)
    world.ask(append(command_id="c")).get(timeout=HANG)
    world.ask(Append(position=PositionUpdate("pm", 1, None))).get(timeout=HANG)
    assert world.published == [Committed(first.events, world.journal)]


def test_a_request_may_be_told(world: World) -> None:
    world.store.gate.open()
    world.journal.tell(AppendRequest(append()))
    assert world.ask(append()).get(timeout=HANG).events[0].id == 2


def test_a_refusal_of_a_told_request_is_logged(world: World) -> None:
    said: list[Any] = []

    def keep(_logger: object, _method: str, event: Any) -> str:
        said.append(event)
        return ""

    structlog.configure(processors=[keep])
    world.store.gate.open()
    world.journal.tell(AppendRequest(append(expected=7)))
    world.ask(append()).get(timeout=HANG)
    assert [(one["event"], one["reason"]) for one in said] == [
        ("journal.refused", "stream 's' is at version 0, not at 7 as expected")
    ]


@pytest.mark.parametrize("alone", [True, False])
def test_what_is_no_request_is_rejected_and_harms_nobody(world: World, alone: bool) -> None:
    before = world.pile_up(append())
    if not alone:
        before.append(world.ask(append()))
    stray = world.journal.ask("hello", block=False)
    after = world.ask(append())
    world.store.gate.open()
    with pytest.raises(Rejection, match="the journal takes AppendRequest, not str"):
        stray.get(timeout=HANG)
    for answer in (*before, after):
        assert isinstance(answer.get(timeout=HANG), Appended)


def test_a_full_disk_is_an_answer(world: World) -> None:
    world.store.fault = lambda batch: [StoreFull("data/events.db") for _ in batch]
    answers = world.pile_up(append(), append())
    world.store.gate.open()
    for answer in answers:
        with pytest.raises(StoreFull, match="no room left"):
            answer.get(timeout=HANG)
    world.store.fault = None
    assert world.ask(append()).get(timeout=HANG).events[0].id == 1
    assert world.published[0].events[0].id == 1


def test_an_error_of_the_disk_is_a_crash_that_answers_everybody(world: World) -> None:
    """Two batches: one goes well, the other, of three, fails in the store."""

    def fail_on_three(batch: Sequence[Append]) -> Any:
        if len(batch) == 3:
            msg = "disk I/O error"
            raise StoreUnavailable(msg)
        return world.store._store.append(batch)

    world.store.fault = fail_on_three
    first, *others = world.pile_up(append(), append(), append(), append())
    world.store.gate.open()
    assert isinstance(first.get(timeout=HANG), Appended)
    for answer in others:
        with pytest.raises((StoreUnavailable, ActorDead)):
            answer.get(timeout=HANG)
    assert "disk I/O error" in str(wait_for_exit(world.journal))


def test_a_crash_while_publishing_answers_what_was_written_with_a_death(world: World) -> None:
    """The outcome is unknown to the asker: repeated under its command id, it is a duplicate."""

    def fail(_events: Sequence[Committed]) -> None:
        msg = "a subscriber's fault"
        raise RuntimeError(msg)

    world.on_publish = fail
    world.store.gate.open()
    answer = world.ask(append(command_id="c"))
    with pytest.raises((RuntimeError, ActorDead)):
        answer.get(timeout=HANG)
    wait_for_exit(world.journal)
    (again,) = world.store.append([append(command_id="c")])
    assert isinstance(again, Appended)
    assert again.duplicate


def test_a_stop_comes_after_what_waits_before_it(world: World) -> None:
    answers = world.pile_up(append(), append())
    world.journal.shutdown()
    late = world.ask(append())
    world.store.gate.open()
    assert [answer.get(timeout=HANG).events[0].id for answer in answers] == [1, 2]
    with pytest.raises(ActorDead):
        late.get(timeout=HANG)
    wait_for_exit(world.journal)


def test_a_restarted_journal_goes_on_with_the_same_store(tmp_path: Path) -> None:
    with SqliteEventStore(tmp_path / "events.db") as store:
        for expected_id in (1, 2):
            journal = Journal.start(store, lambda _: None)
            answer = journal.ask(AppendRequest(append()), timeout=HANG)
            assert answer.events[0].id == expected_id
            journal.stop(timeout=HANG)


def test_each_commit_is_told_to_telemetry(world: World) -> None:
    told: list[dict[str, Any]] = []
    detach = telemetry.attach(lambda name, fields: told.append({"name": name, **fields}))
    answers = world.pile_up(append(), append(), append(expected=9))
    world.store.gate.open()
    answers[1].get(timeout=HANG)
    world.journal.stop(timeout=HANG)
    detach()
    commits = [fields for fields in told if fields["name"] == COMMITTED]
    counts = [(one["requests"], one["events"], one["refused"]) for one in commits]
    assert counts == [(1, 1, 0), (2, 1, 1)]
