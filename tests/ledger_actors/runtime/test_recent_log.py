"""The newest events are read and decoded once, however many read models want them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from typing import Any

import pytest

from ledger_actors.runtime import EVENTS, InvalidEvent, UnknownEventType
from ledger_actors.runtime import recent_log as recent_log_module
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.recent_log import RecentLog
from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite
from ledger_actors.store.sqlite import MEMORY
from tests.ledger_actors.runtime.counters import Incremented

ALL = EventFilter()
INCREMENTS = EventFilter(types=["counter.incremented"])
NOTED = NewEvent("counter.noted", '{"text":"x"}')
INCREMENTED = NewEvent("counter.incremented", '{"by":1}')
OLD = NewEvent("counter.bumped", '{"by":7}')  # as it was called before


class AtOnce(Executor):
    """Does what it is given when it is given it."""

    def submit(self, do: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(do(*args, **kwargs))
        return done


class Later(Executor):
    """Does nothing yet."""

    def __init__(self) -> None:
        self.futures: list[Future[Any]] = []

    def submit(self, do: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.futures.append(Future())
        return self.futures[-1]


@pytest.fixture
def store() -> Iterator[SqliteEventStore]:
    with SqliteEventStore(MEMORY) as opened:
        yield opened


@pytest.fixture
def read(store: SqliteEventStore, monkeypatch: Any) -> list[int]:
    """The ids behind which a page was read from the store."""
    pages: list[int] = []
    real = store.read_as_json

    def read_as_json(*, after: int, limit: int) -> str | None:
        pages.append(after)
        return real(after=after, limit=limit)

    monkeypatch.setattr(store, "read_as_json", read_as_json)
    return pages


def write(store: SqliteEventStore, *events: NewEvent) -> None:
    store.append([Append(writes=(StreamWrite("counter-a", events),))])


def opened(store: Any, executor: Executor | None = None) -> RecentLog:
    return RecentLog(store, EVENTS, executor=executor, page=2, kept=8)


def ids_of(log: RecentLog, after: int, wanted: EventFilter = ALL) -> Sequence[int]:
    batch = log.batch(after, wanted, wanted, most=4)
    return [] if batch is None else batch.ids


def test_what_several_want_is_read_once(store: Any, read: list[int]) -> None:
    log = opened(store)
    write(store, *[INCREMENTED] * 3)

    assert ids_of(log, 0) == [1, 2, 3]
    assert read == [0, 2]
    log.batch(0, ALL, ALL, most=4)
    assert ids_of(log, 1) == [2, 3]
    assert read == [0, 2, 3, 3]  # only what is new


def test_what_is_new_is_read_behind_it(store: Any, read: list[int]) -> None:
    log = opened(store)
    write(store, *[INCREMENTED] * 3)
    assert ids_of(log, 2) == [3]
    write(store, *[INCREMENTED] * 2)

    assert ids_of(log, 3) == [4, 5]
    assert ids_of(log, 2) == [3, 4, 5]
    assert read == [2, 3, 5, 5]


def test_at_the_head_there_is_nothing(store: Any) -> None:
    log = opened(store)
    write(store, INCREMENTED)

    assert log.batch(1, ALL, ALL, most=4) is None
    assert ids_of(log, 0) == [1]
    assert log.batch(1, ALL, ALL, most=4) is None


def test_it_gives_out_a_batch_at_most_and_keeps_the_last(store: Any, read: list[int]) -> None:
    log = opened(store)
    write(store, *[INCREMENTED] * 20)

    assert [ids_of(log, after)[-1] for after in (0, 4, 8, 12, 16)] == [4, 8, 12, 16, 20]
    assert ids_of(log, 13) == [14, 15, 16, 17]
    assert read == list(range(0, 20, 2))
    assert ids_of(log, 2) == [3, 4, 5, 6]
    assert read[10:] == [2, 4]


def test_a_batch_that_is_smaller_than_a_page_leaves_the_rest_for_the_next(
    store: Any, read: list[int]
) -> None:
    log = opened(store)
    write(store, *[INCREMENTED] * 6)

    assert [log.batch(after, ALL, ALL, most=1).ids for after in range(4)] == [[1], [2], [3], [4]]
    assert read == [0, 2]


def test_one_that_is_behind_finds_what_the_largest_batches_had(store: Any, read: list[int]) -> None:
    log = opened(store)
    write(store, *[INCREMENTED] * 24)
    for after in (0, 8, 16):
        log.batch(after, ALL, ALL, most=8)
    before = len(read)

    assert [log.batch(after, ALL, ALL, most=1).ids for after in (8, 9)] == [[9], [10]]
    assert log.batch(16, ALL, ALL, most=8).ids == list(range(17, 25))
    assert len(read) == before


def test_at_the_head_no_more_is_kept_than_usual(store: Any, read: list[int]) -> None:
    log = opened(store)
    write(store, *[INCREMENTED] * 24)
    for after in (0, 8, 16, 24):
        log.batch(after, ALL, ALL, most=8)
    before = len(read)

    assert log.batch(16, ALL, ALL, most=8).ids == list(range(17, 25))
    assert len(read) == before
    log.batch(15, ALL, ALL, most=1)
    assert len(read) == before + 1


def test_a_batch_has_what_is_wanted_and_ends_where_it_was_cut(store: Any) -> None:
    log = opened(store)
    write(store, INCREMENTED, NOTED)
    batch = log.batch(0, INCREMENTS, INCREMENTS, most=4)

    assert batch is not None
    assert ([one.id for one in batch.events], batch.ids, batch.up_to) == ([1], [1], 2)


def test_events_are_decoded_once_for_all_who_want_them(store: Any) -> None:
    log = opened(store)
    write(store, INCREMENTED, OLD)
    first, second = log.batch(0, ALL, ALL, most=4), log.batch(0, ALL, ALL, most=4)

    assert first is not None
    assert second is not None
    assert [one.event for one in first.events] == [Incremented(1), Incremented(7)]
    assert all(one is other for one, other in zip(first.events, second.events, strict=True))


def test_the_pages_behind_one_that_has_an_older_form_are_read_by_row(
    store: Any, read: list[int], monkeypatch: Any
) -> None:
    """Those are often alike, and a page that is decoded in vain costs as much as any other."""
    monkeypatch.setattr(recent_log_module, "PAGES_BY_ROW", 2)
    log = opened(store)
    write(store, OLD, *[INCREMENTED] * 9)

    assert [one for after in (0, 4, 8) for one in ids_of(log, after)] == list(range(1, 11))
    assert read == [0, 6, 8, 10]  # not behind 2 and 4


def test_an_event_of_an_unknown_type_is_named(store: Any) -> None:
    log = opened(store)
    write(store, INCREMENTED, NewEvent("counter.of_the_future", "{}"))

    with pytest.raises(UnknownEventType, match="event 2"):
        log.batch(0, INCREMENTS, INCREMENTS, most=4)


def test_an_event_that_cannot_be_read_stops_only_who_wants_it(store: Any) -> None:
    log = opened(store)
    write(store, INCREMENTED, NewEvent("counter.noted", '{"text":5}'))

    assert ids_of(log, 0, INCREMENTS) == [1]
    with pytest.raises(InvalidEvent, match="event 2"):
        log.batch(0, ALL, ALL, most=4)


def test_the_pages_of_the_next_batch_are_read_ahead(store: Any, read: list[int]) -> None:
    log = opened(store, AtOnce())
    write(store, *[INCREMENTED] * 20)

    assert ids_of(log, 0) == [1, 2, 3, 4]
    assert read == [0, 2, 4, 6]
    assert ids_of(log, 4) == [5, 6, 7, 8]
    assert read == [0, 2, 4, 6, 8, 10]


def test_a_page_that_was_not_full_when_it_was_read_ahead_is_read_again(store: Any) -> None:
    log = opened(store, AtOnce())
    write(store, *[INCREMENTED] * 5)
    assert ids_of(log, 0) == [1, 2, 3, 4]
    write(store, *[INCREMENTED] * 3)

    assert ids_of(log, 4) == [5, 6, 7, 8]


def test_what_is_to_be_read_ahead_for_another_place_is_called_off(store: Any) -> None:
    waiting = Later()
    log = opened(store, waiting)
    write(store, *[INCREMENTED] * 30)
    log.batch(0, ALL, ALL, most=2)
    log.batch(20, ALL, ALL, most=2)

    assert [one.cancelled() for one in waiting.futures] == [True, False]


def test_what_was_read_ahead_for_another_place_is_left(store: Any) -> None:
    log = opened(store, AtOnce())
    write(store, *[INCREMENTED] * 30)

    assert ids_of(log, 0) == [1, 2, 3, 4]
    assert ids_of(log, 20) == [21, 22, 23, 24]
    assert ids_of(log, 24) == [25, 26, 27, 28]
