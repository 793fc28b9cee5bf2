"""How much is read at a time: counted, not timed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from ledger_actors.store import Append, NewEvent, SqliteEventStore, StreamWrite, event_rows

EVENTS = 1000
BATCH = 100


@pytest.fixture
def store() -> Iterator[SqliteEventStore]:
    """A thousand events, every second of type B and on stream b."""
    with SqliteEventStore(":memory:") as store:
        writes = [StreamWrite(name, (NewEvent(name.upper(), "{}"),)) for name in "ab"]
        store.append([Append(writes=(writes[number % 2],)) for number in range(EVENTS)])
        yield store


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the pages that are read from here on."""
    sizes: list[int] = []
    real = event_rows.fetch_text

    def fetch(*args: Any) -> str:
        rows = real(*args)
        sizes.append(len(msgspec.json.decode(rows)))
        return rows

    monkeypatch.setattr(event_rows, "fetch_text", fetch)
    return sizes


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda store: store.read_all(batch_size=BATCH), EVENTS),
        (lambda store: store.read_all(after=500, batch_size=BATCH), EVENTS - 500),
        (lambda store: store.read_all(types=["B"], batch_size=BATCH), EVENTS // 2),
        (lambda store: store.read_all(stream_prefix="b", batch_size=BATCH), EVENTS // 2),
        (lambda store: store.read_stream("b", batch_size=BATCH), EVENTS // 2),
        (lambda store: store.read_stream("b", after_version=400, batch_size=BATCH), 100),
    ],
    ids=["all", "from a position", "by type", "by prefix", "a stream", "a stream from a version"],
)
def test_never_more_than_a_batch_is_ahead_of_the_reader(
    store: SqliteEventStore, fetched: list[int], read: Any, expected: int
) -> None:
    rows = read(store)
    assert fetched == []
    for taken, _row in enumerate(rows):
        assert sum(fetched) - taken <= BATCH

    assert taken + 1 == sum(fetched) == expected


def test_a_reader_that_leaves_has_read_one_page(
    store: SqliteEventStore, fetched: list[int]
) -> None:
    next(store.read_all(batch_size=BATCH))

    assert len(fetched) == 1
    assert fetched[0] <= BATCH


def test_verify_holds_a_page_at_a_time(
    store: SqliteEventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ledger_actors.store import verification

    sizes: list[int] = []
    real = verification.fetch

    def fetch(*args: Any) -> Any:
        rows = real(*args)
        sizes.append(len(rows))
        return rows

    monkeypatch.setattr(verification, "fetch", fetch)
    monkeypatch.setattr(verification, "_PAGE", BATCH)

    assert store.verify().ok
    assert max(sizes) == BATCH
    assert sum(sizes) >= 2 * EVENTS  # the chain, and the versions
