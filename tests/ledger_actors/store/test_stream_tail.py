"""Where a stream's events are: the newest in memory, moved into the index in slices.

Whatever has been moved so far, and whoever reads (the store that writes, one that is opened later,
one that only reads), a stream is the same.
"""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.store import (
    Append,
    Appended,
    NewEvent,
    RecordedEvent,
    SqliteEventStore,
    StreamWrite,
    reading,
    stream_tail,
)
from supervision.testing import HANG

RUN = 7
EVENT = NewEvent("A", "{}")
BATCHES = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 3)), min_size=1, max_size=4),
    min_size=1,
    max_size=20,
)


@pytest.fixture(autouse=True)
def _short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_tail, "RUN", RUN)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


def write(store: SqliteEventStore, *writes: tuple[str, int]) -> None:
    """Write so many events to each of these streams, which may be none, by an append each."""
    batch = [
        Append((StreamWrite(stream, (EVENT,) * count),), command_id=secrets.token_hex())
        for stream, count in writes
    ]
    assert all(isinstance(answer, Appended) for answer in store.append(batch))


def by_stream(store: SqliteEventStore) -> dict[str, list[RecordedEvent]]:
    """The streams, from the log."""
    found: dict[str, list[RecordedEvent]] = defaultdict(list)
    for event in store.read_all():
        found[event.stream].append(event)
    return found


def ensure_streams_are_as_the_log_has_them(store: SqliteEventStore) -> None:
    for stream, events in by_stream(store).items():
        assert list(store.read_stream(stream, batch_size=2)) == events
        assert list(store.read_stream(stream)) == events
        assert store.stream_version(stream) == len(events)
        last = events[len(events) // 2]
        part = store.read_stream(stream, after_version=1, up_to_id=last.id)
        assert list(part) == events[1 : last.version]
        part = store.read_stream(stream, after_version=2, up_to_version=4)
        assert list(part) == events[2:4]
    ensure_short_streams_are_as_the_log_has_them(store)


def ensure_short_streams_are_as_the_log_has_them(store: SqliteEventStore) -> None:
    """All of them, or none where it is not certain."""
    streams, most, head = by_stream(store), 5, store.head()
    for stream, history in store.read_short_streams([*streams, "e"], most=most).items():
        assert list(history.events) == [
            event for event in streams[stream] if event.id <= history.as_of
        ]
        assert len(history.events) <= most
        assert history.as_of <= head
    for stream, events in streams.items():
        for event_id in range(head + 1):
            if store.is_unwritten_since(stream, event_id):
                assert events == [event for event in events if event.id <= event_id]


def moved(path: Path) -> tuple[int, int]:
    """Up to which event all is in the index, and how many places that has."""
    with closing(sqlite3.connect(path)) as connection:
        (to,) = connection.execute("SELECT moved_to FROM head").fetchone()
        (places,) = connection.execute("SELECT count(*) FROM stream_events").fetchone()
    return to, places


def test_the_newest_are_in_no_index(path: Path) -> None:
    with SqliteEventStore(path) as store:
        write(store, ("a", 3), ("b", 2))
        assert moved(path) == (0, 0)
        ensure_streams_are_as_the_log_has_them(store)


def test_a_commit_without_events_moves_nothing(path: Path) -> None:
    with SqliteEventStore(path) as store:
        write(store, ("a", RUN))
        write(store, ("a", 0))
        assert moved(path) == (0, 0)
        write(store, ("a", 1), ("a", 0))
        assert moved(path) == (0, 2)


def test_short_streams_are_found_wherever_they_are(path: Path) -> None:
    """Also where one part is in the index, one about to go there, and one not yet."""
    with SqliteEventStore(path) as store:
        for _ in range(10 * RUN):
            write(store, ("a", 1), ("long", 1))
            write(store, (secrets.token_hex(), 1))
            if store.stream_version("a") <= 20:
                assert set(store.read_short_streams(["a", "none"], most=20)) == {"a", "none"}
                assert store.is_unwritten_since("a", store.head())
            ensure_short_streams_are_as_the_log_has_them(store)


def test_what_was_read_long_ago_may_be_written_since(path: Path) -> None:
    with SqliteEventStore(path) as store:
        write(store, ("a", 1))
        for _ in range(4 * RUN):
            write(store, ("b", 1))
        assert not store.is_unwritten_since("a", 1)
        assert store.is_unwritten_since("a", store.head())


def test_a_run_is_moved_with_the_commits_behind_it(path: Path) -> None:
    with SqliteEventStore(path) as store:
        write(store, ("b", 3), ("a", 4))
        for places in (2, 4, 6):
            write(store, ("c", 1))
            assert moved(path) == (0, places)
            ensure_streams_are_as_the_log_has_them(store)
        write(store, ("c", 1))
        assert moved(path) == (7, 7)
        ensure_streams_are_as_the_log_has_them(store)


def test_it_is_moved_in_the_order_of_the_index(path: Path) -> None:
    """So that a slice lies on few pages."""
    with SqliteEventStore(path) as store:
        for _ in range(4):
            write(store, ("b", 1), ("a", 1))
        write(store, ("c", 2))
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT stream_id, version FROM stream_events").fetchall()
    assert rows == [(1, 1), (1, 2), (1, 3), (1, 4)]


@given(batches=BATCHES, reopened=st.sets(st.integers(0, 19)))
def test_streams_are_as_the_log_has_them_at_any_moment(
    tmp_path_factory: pytest.TempPathFactory,
    batches: list[list[tuple[str, int]]],
    reopened: set[int],
) -> None:
    path = tmp_path_factory.mktemp("tail") / "events.db"
    store = SqliteEventStore(path)
    try:
        for number, batch in enumerate(batches):
            if number in reopened:
                store.close()
                store = SqliteEventStore(path)
            write(store, *batch)
            ensure_streams_are_as_the_log_has_them(store)
        with SqliteEventStore(path, read_only=True) as other:
            ensure_streams_are_as_the_log_has_them(other)
        assert store.verify().ok
    finally:
        store.close()


@pytest.mark.parametrize("unknown", [1, 12, 1000])
def test_one_that_only_reads_finds_what_is_written_meanwhile(
    path: Path, monkeypatch: pytest.MonkeyPatch, unknown: int
) -> None:
    monkeypatch.setattr(reading, "_MOST_UNKNOWN", unknown)
    with SqliteEventStore(path) as store:
        write(store, ("a", 1))
        with SqliteEventStore(path, read_only=True) as other:
            for _ in range(3 * RUN):
                write(store, ("a", 1), ("b", 1))
                ensure_streams_are_as_the_log_has_them(other)


class Killed(BaseException):
    """As a kill of the journal."""


@pytest.mark.parametrize("line", ["before", "behind"])
def test_what_a_killed_writer_has_not_taken_over_is_found(
    path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """The commit is on disk, and nobody has taken note of it."""
    real = stream_tail.StreamTail.committed

    def killed(self: stream_tail.StreamTail, *taken: object) -> None:
        if line == "behind":
            real(self, *taken)  # type: ignore[arg-type]
        raise Killed

    with SqliteEventStore(path) as store:
        write(store, ("a", RUN))
        for _ in range(5):
            with monkeypatch.context() as patch:
                patch.setattr(stream_tail.StreamTail, "committed", killed)
                with pytest.raises(Killed):
                    write(store, ("a", 1), ("b", 1))
            ensure_streams_are_as_the_log_has_them(store)
            write(store, ("b", 1))
            ensure_streams_are_as_the_log_has_them(store)
        assert store.verify().ok


def test_a_slice_of_a_commit_that_failed_is_moved_with_the_next(path: Path) -> None:
    with SqliteEventStore(path) as store:
        write(store, ("a", RUN))
        with closing(sqlite3.connect(path)) as connection:
            refuse = "BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END"
            connection.execute(f"CREATE TRIGGER refuse {refuse}")
            with pytest.raises(Exception, match="does not take event 8"):
                write(store, ("b", 1))
            connection.execute("DROP TRIGGER refuse")
        write(store, ("b", 1))
        assert moved(path) == (0, 2)
        ensure_streams_are_as_the_log_has_them(store)


def test_whoever_reads_while_places_are_moved_misses_none(path: Path) -> None:
    rounds, done, wrong = 60 * RUN, threading.Event(), []

    def read() -> None:
        while not done.is_set():
            for stream in "ab":
                least = store.stream_version(stream)
                versions = [event.version for event in store.read_stream(stream, batch_size=5)]
                if versions != list(range(1, len(versions) + 1)) or len(versions) < least:
                    wrong.append((stream, least, versions))

    with SqliteEventStore(path) as store:
        readers = [threading.Thread(target=read) for _ in range(2)]
        for reader in readers:
            reader.start()
        for number in range(rounds):
            write(store, ("ab"[number % 2], 1))
        done.set()
        for reader in readers:
            reader.join(HANG)
    assert wrong == []


@pytest.fixture
def indexed(path: Path) -> Path:
    """Streams a and b, of 12 events; the first run is in the index, and some of what follows."""
    with SqliteEventStore(path) as store:
        for _ in range(2 * RUN + 2):
            write(store, ("a", 1), ("b", 1))
    return path


def test_a_stream_in_whose_place_is_another_is_no_short_stream(indexed: Path) -> None:
    """Whether or not that other one is asked for."""
    with closing(sqlite3.connect(indexed)) as connection, connection:
        connection.execute("UPDATE stream_events SET event_id = 2 WHERE event_id = 3")
    with SqliteEventStore(indexed) as store:
        assert store.read_short_streams(["a"], most=99) == {}
        assert store.read_short_streams(["b"], most=99)["b"].events == tuple(by_stream(store)["b"])
        assert "a" not in store.read_short_streams(["a", "b"], most=99)


@pytest.mark.parametrize(
    ("statement", "event_id", "what"),
    [
        ("DELETE FROM stream_events WHERE event_id = 3", 3, "event 3 is not in its place"),
        ("UPDATE stream_events SET event_id = 5 WHERE event_id = 3", 3, "event 3 is not in its"),
        ("INSERT INTO stream_events VALUES (9, 1, 3)", 3, "has event 3 where it does not belong"),
        ("INSERT INTO stream_events VALUES (9, 1, 99)", 99, "has event 99 where it does not"),
        ("UPDATE stream_events SET stream_id = 9 WHERE event_id = 3", 3, "not in its place"),
        (
            "UPDATE stream_events SET stream_id = 9 WHERE event_id = 3",
            3,
            "where it does not belong",
        ),
        ("UPDATE head SET moved_to = 31", 31, "event 31 is not in its place"),
    ],
)
def test_verify_names_what_is_wrong_in_the_index(
    indexed: Path, statement: str, event_id: int, what: str
) -> None:
    with closing(sqlite3.connect(indexed)) as connection, connection:
        assert connection.execute("SELECT moved_to FROM head").fetchone()[0] >= 8
        connection.execute(statement)
    with SqliteEventStore(indexed, read_only=True) as store:
        problems = store.verify().problems
    assert any(one.event_id == event_id and what in one.what for one in problems), problems
