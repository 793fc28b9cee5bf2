"""The newest events are read and decoded once, however many read models want them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ledger_actors.runtime import EVENTS, UnknownEventType
from ledger_actors.runtime import recent_log as recent_log_module
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.recent_log import RecentLog
from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite
from ledger_actors.store.sqlite import MEMORY

ALL = EventFilter()
NOTED = NewEvent("counter.noted", '{"text":"x"}')
INCREMENTED = NewEvent("counter.incremented", '{"by":1}')


@pytest.fixture
def store() -> Iterator[SqliteEventStore]:
    with SqliteEventStore(MEMORY) as opened:
        yield opened


@pytest.fixture
def read(store: SqliteEventStore, monkeypatch: Any) -> list[int]:
    """The ids that were read from the store."""
    monkeypatch.setattr(recent_log_module, "BATCH", 4)
    ids: list[int] = []
    real = store.read_all

    def read_all(**bounds: Any) -> Iterator[Any]:
        for row in real(**bounds):
            ids.append(row.id)
            yield row

    monkeypatch.setattr(store, "read_all", read_all)
    return ids


def write(store: SqliteEventStore, *events: NewEvent) -> None:
    store.append([Append(writes=(StreamWrite("counter-a", events),))])


def ids_of(log: RecentLog, after: int, wanted: EventFilter = ALL) -> list[int]:
    delivery = log.delivery(after, wanted)
    return [] if delivery is None else [row.id for row in delivery.events]


def test_what_several_want_is_read_once(store: Any, read: list[int]) -> None:
    log = RecentLog(store, EVENTS)
    write(store, *[INCREMENTED] * 3)

    assert ids_of(log, 0) == ids_of(log, 0) == [1, 2, 3]
    assert ids_of(log, 1) == [2, 3]
    assert read == [1, 2, 3]


def test_what_is_new_is_read_behind_it(store: Any, read: list[int]) -> None:
    log = RecentLog(store, EVENTS)
    write(store, *[INCREMENTED] * 3)
    assert ids_of(log, 2) == [3]
    write(store, *[INCREMENTED] * 2)

    assert ids_of(log, 3) == [4, 5]
    assert ids_of(log, 2) == [3, 4, 5]
    assert read == [3, 4, 5]


def test_at_the_head_there_is_nothing(store: Any) -> None:
    log = RecentLog(store, EVENTS)
    write(store, INCREMENTED)

    assert log.delivery(1, ALL) is None
    assert ids_of(log, 0) == [1]
    assert log.delivery(1, ALL) is None


def test_it_gives_out_a_batch_at_most_and_keeps_two(store: Any, read: list[int]) -> None:
    log = RecentLog(store, EVENTS)
    write(store, *[INCREMENTED] * 20)

    assert [ids_of(log, after)[-1] for after in (0, 4, 8, 12, 16)] == [4, 8, 12, 16, 20]
    assert ids_of(log, 13) == [14, 15, 16, 17]
    assert read == list(range(1, 21))
    assert ids_of(log, 2) == [3, 4, 5, 6]
    assert read[20:] == [3, 4, 5, 6]


def test_a_delivery_has_what_is_wanted_and_ends_where_the_batch_does(store: Any) -> None:
    log = RecentLog(store, EVENTS)
    write(store, INCREMENTED, NOTED)
    delivery = log.delivery(0, EventFilter(types=["counter.incremented"]))

    assert delivery is not None
    assert [row.id for row in delivery.events] == [1]
    assert (delivery.after, delivery.up_to, delivery.hash) == (0, 2, store.hash_at(2))


def test_what_one_has_decoded_the_next_one_finds(store: Any) -> None:
    log = RecentLog(store, EVENTS)
    write(store, INCREMENTED)
    first, second = log.delivery(0, ALL), log.delivery(0, ALL)

    assert first is not None
    assert second is not None
    assert first.decoded is second.decoded


def test_an_event_of_an_unknown_type_is_named(store: Any) -> None:
    log = RecentLog(store, EVENTS)
    write(store, INCREMENTED, NewEvent("counter.of_the_future", "{}"))

    with pytest.raises(UnknownEventType, match="event 2"):
        log.delivery(0, EventFilter(types=["counter.incremented"]))
