"""How every event store is read."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from ledger_actors.store import (
    Append,
    EventIdInFuture,
    EventStore,
    NewEvent,
    Snapshot,
    StoreError,
    StreamWrite,
)


def fill(store: EventStore, *rows: tuple[str, str], **fields: Any) -> None:
    """Write events of these (stream, type)s, one append each."""
    appends = [
        Append((StreamWrite(stream, (NewEvent(kind, "{}"),)),), **fields) for stream, kind in rows
    ]
    for answer in store.append(appends):
        assert not isinstance(answer, Exception)


def ids(events: Any) -> list[int]:
    return [event.id for event in events]


class TestTheLog:
    def test_it_is_gapless_and_in_order(self, event_store: EventStore) -> None:
        fill(event_store, *[(f"s-{i % 3}", "A") for i in range(200)])
        assert ids(event_store.read_all(batch_size=7)) == list(range(1, 201))
        assert event_store.head() == 200

    @pytest.mark.parametrize("batch_size", [1, 2, 10, 11, 512])
    def test_the_batch_size_changes_nothing(self, event_store: EventStore, batch_size: int) -> None:
        fill(event_store, *[("s", "A")] * 10)
        events = event_store.read_all(after=3, up_to=8, batch_size=batch_size)
        assert ids(events) == [4, 5, 6, 7, 8]

    def test_what_was_written_comes_back(self, event_store: EventStore) -> None:
        payload = '{"text":"Zażółć 🎈 \\u0000 \\n \\"q\\"","n":1.10}  '
        new = NewEvent("Said", payload, 3)
        (answer,) = event_store.append(
            [
                Append(
                    (StreamWrite("café-\x00\x1f'1", (new,)),),
                    command_id="c'1",
                    author="Zoë",
                    correlation_id="k\n",
                    causation_id='"7"',
                )
            ]
        )
        assert not isinstance(answer, Exception)
        (event,) = event_store.read_all()
        assert (event,) == answer.events
        assert (event.payload, event.schema_version) == (payload, 3)
        assert (event.author, event.correlation_id, event.causation_id) == ("Zoë", "k\n", '"7"')
        assert list(event_store.read_stream("café-\x00\x1f'1")) == [event]

    def test_large_payloads_come_in_smaller_pages(self, event_store: EventStore) -> None:
        large = NewEvent("Large", '"' + "x" * 400_000 + '"')
        event_store.append([Append((StreamWrite("s", (large,)),)) for _ in range(20)])
        assert ids(event_store.read_all()) == list(range(1, 21))

    def test_events_written_while_reading_are_read_too(self, event_store: EventStore) -> None:
        fill(event_store, ("s", "A"), ("s", "A"))
        events = event_store.read_all(batch_size=1)
        assert next(events).id == 1
        fill(event_store, ("s", "A"))
        assert ids(events) == [2, 3]

    def test_each_event_has_the_hash_of_its_history(self, event_store: EventStore) -> None:
        fill(event_store, ("s", "A"), ("t", "B"))
        hashes = [event_store.hash_at(event_id) for event_id in (1, 2)]
        assert hashes == [event.hash for event in event_store.read_all()]
        assert (event_store.hash_at(0), event_store.hash_at(3)) == (None, None)

    def test_beyond_the_head_is_an_error_at_the_call(self, event_store: EventStore) -> None:
        fill(event_store, ("s", "A"))
        assert list(event_store.read_all(after=1)) == []
        for bounds in ({"after": 2}, {"up_to": 2}):
            with pytest.raises(EventIdInFuture, match="no event 2 yet"):
                event_store.read_all(**bounds)  # type: ignore[arg-type]


class TestFilters:
    @pytest.fixture(autouse=True)
    def _log(self, event_store: EventStore) -> None:
        fill(event_store, ("a-1", "A"), ("b-1", "B"), ("a-2", "C"), ("b-2", "A"), ("a-1", "B"))

    @pytest.mark.parametrize(
        ("types", "prefix", "expected"),
        [
            (None, None, [1, 2, 3, 4, 5]),
            (["A"], None, [1, 4]),
            (["B", "A"], None, [1, 2, 4, 5]),
            (["None"], None, []),
            ([], None, []),
            (None, "a-", [1, 3, 5]),
            (None, "a-1", [1, 5]),
            (None, "%", []),
            (["A", "B"], "b", [2, 4]),
            (["A", *[f"T{i}" for i in range(40)]], None, [1, 4]),
            (["A", *[f"T{i}" for i in range(40)]], "b", [4]),
        ],
    )
    @pytest.mark.parametrize("batch_size", [1, 512])
    def test_types_and_prefix(
        self,
        event_store: EventStore,
        types: list[str] | None,
        prefix: str | None,
        expected: list[int],
        batch_size: int,
    ) -> None:
        found = event_store.read_all(types=types, stream_prefix=prefix, batch_size=batch_size)
        assert ids(found) == expected

    def test_a_range_and_a_type(self, event_store: EventStore) -> None:
        assert ids(event_store.read_all(types=["A", "B"], after=1, up_to=4)) == [2, 4]

    def test_names_of_streams(self, event_store: EventStore) -> None:
        assert list(event_store.streams()) == ["a-1", "a-2", "b-1", "b-2"]
        assert list(event_store.streams("a-")) == ["a-1", "a-2"]
        assert list(event_store.streams("z")) == []


class TestStreams:
    def test_one_stream_in_order_of_version(self, event_store: EventStore) -> None:
        fill(event_store, *[("s", "A"), ("t", "A")] * 5)
        events = list(event_store.read_stream("s", batch_size=2))
        assert [(event.version, event.id) for event in events] == [
            (1, 1),
            (2, 3),
            (3, 5),
            (4, 7),
            (5, 9),
        ]

    def test_bounds_by_version_and_by_event(self, event_store: EventStore) -> None:
        fill(event_store, *[("s", "A"), ("t", "A")] * 5)
        assert ids(event_store.read_stream("s", after_version=1, up_to_version=3)) == [3, 5]
        assert ids(event_store.read_stream("s", up_to_id=6)) == [1, 3, 5]

    def test_an_unknown_stream_is_at_version_zero(self, event_store: EventStore) -> None:
        assert event_store.stream_version("s") == 0
        assert list(event_store.read_stream("s")) == []

    def test_an_event_id_in_the_future_is_an_error(self, event_store: EventStore) -> None:
        with pytest.raises(EventIdInFuture):
            event_store.read_stream("s", up_to_id=1)


class TestShortStreams:
    """Many streams in one look; whatever is not certain is left out."""

    @pytest.fixture(autouse=True)
    def _log(self, event_store: EventStore) -> None:
        fill(event_store, *[("a", "A"), ("b", "A"), ("a", "A")], *[("long", "A")] * 4)

    def test_each_is_there_as_a_whole(self, event_store: EventStore) -> None:
        found = event_store.read_short_streams(["a", "b"], most=3)
        for stream in ("a", "b"):
            assert found[stream].events == tuple(event_store.read_stream(stream))
            assert found[stream].as_of == 7

    def test_one_without_events_is_there_too(self, event_store: EventStore) -> None:
        assert event_store.read_short_streams(["none"], most=3)["none"].events == ()
        assert event_store.read_short_streams([], most=3) == {}

    @pytest.mark.parametrize(("most", "there"), [(3, ["a"]), (4, ["a", "long"]), (1, [])])
    def test_one_that_is_longer_is_left_out(
        self, event_store: EventStore, most: int, there: list[str]
    ) -> None:
        assert sorted(event_store.read_short_streams(["a", "long"], most=most)) == there

    def test_one_with_a_large_payload_is_left_out(self, event_store: EventStore) -> None:
        large = NewEvent("Large", '"' + "x" * 100_000 + '"')
        event_store.append([Append((StreamWrite("a", (large,)),))])
        assert list(event_store.read_short_streams(["a", "b"], most=3)) == ["b"]

    def test_so_many_events_are_read_and_no_more(self, event_store: EventStore) -> None:
        names = [f"s-{number}" for number in range(300)]
        fill(event_store, *[(name, "A") for name in names for _ in range(10)])
        found = event_store.read_short_streams(names, most=10)
        assert 100 < len(found) < 300
        assert {len(history.events) for history in found.values()} == {10}

    @pytest.mark.parametrize("name", ["nul-\x00-a", "half-\ud800"])
    def test_a_name_that_sql_could_mistake_is_left_out(
        self, event_store: EventStore, name: str
    ) -> None:
        assert list(event_store.read_short_streams([name, "b"], most=3)) == ["b"]

    def test_it_is_known_whether_one_was_written_since(self, event_store: EventStore) -> None:
        since = {name: event_store.is_unwritten_since(name, 3) for name in ("a", "b", "long", "c")}
        assert since == {"a": True, "b": True, "long": False, "c": True}
        assert not event_store.is_unwritten_since("a", 2)
        fill(event_store, ("b", "A"))
        assert not event_store.is_unwritten_since("b", 7)


class TestSnapshots:
    @pytest.fixture(autouse=True)
    def _log(self, event_store: EventStore) -> None:
        fill(event_store, ("s", "A"), ("t", "A"), ("s", "A"), ("s", "A"))

    def snapshot(self, version: int, event_id: int, schema_version: int = 1) -> Snapshot:
        return Snapshot("s", version, event_id, "State", schema_version, f'{{"v":{version}}}')

    def test_there_is_none_at_first(self, event_store: EventStore) -> None:
        assert event_store.load_snapshot("s") is None

    def test_the_latest_one_is_loaded(self, event_store: EventStore) -> None:
        event_store.save_snapshot(self.snapshot(2, 3))
        event_store.save_snapshot(self.snapshot(1, 1))
        assert event_store.load_snapshot("s") == self.snapshot(2, 3)
        assert event_store.load_snapshot("t") is None

    def test_the_latest_at_an_event_is_loaded(self, event_store: EventStore) -> None:
        event_store.save_snapshot(self.snapshot(1, 1))
        event_store.save_snapshot(self.snapshot(2, 3))
        assert event_store.load_snapshot("s", up_to_id=2) == self.snapshot(1, 1)

    def test_only_the_asked_schema_version_is_loaded(self, event_store: EventStore) -> None:
        event_store.save_snapshot(self.snapshot(1, 1, schema_version=1))
        event_store.save_snapshot(self.snapshot(2, 3, schema_version=2))
        assert event_store.load_snapshot("s", schema_version=1) == self.snapshot(1, 1)
        assert event_store.load_snapshot("s", schema_version=3) is None

    def test_one_at_the_same_version_is_replaced(self, event_store: EventStore) -> None:
        event_store.save_snapshot(self.snapshot(1, 1))
        newer = Snapshot("s", 1, 1, "State", 1, '{"v":"again"}')
        event_store.save_snapshot(newer)
        assert event_store.load_snapshot("s") == newer

    def test_they_can_be_deleted(self, event_store: EventStore) -> None:
        event_store.save_snapshot(self.snapshot(1, 1))
        event_store.delete_snapshots("s")
        assert event_store.load_snapshot("s") is None

    @pytest.mark.parametrize(("version", "event_id"), [(1, 2), (2, 1), (4, 5)])
    def test_one_that_rests_on_no_such_event_is_refused(
        self, event_store: EventStore, version: int, event_id: int
    ) -> None:
        with pytest.raises(ValueError, match=f"cannot rest on event {event_id}"):
            event_store.save_snapshot(self.snapshot(version, event_id))


class TestReadersBesideTheWriter:
    def test_readers_never_see_a_gap(self, event_store: EventStore) -> None:
        """Two readers follow the log while it is written; each sees every event once, in order."""
        total, seen = 600, {0: [0], 1: [0]}
        failed: list[StoreError] = []

        def follow(number: int) -> None:
            try:
                while seen[number][-1] < total:
                    after = seen[number][-1]
                    seen[number] += ids(event_store.read_all(after=after, batch_size=50))
            except StoreError as error:
                failed.append(error)

        readers = [threading.Thread(target=follow, args=(number,)) for number in seen]
        for reader in readers:
            reader.start()
        for _ in range(total // 20):
            fill(event_store, *[("s", "A")] * 20)
        for reader in readers:
            reader.join(60)
        assert not failed
        assert seen == {0: list(range(total + 1)), 1: list(range(total + 1))}


def test_it_is_an_event_store(event_store: EventStore) -> None:
    assert isinstance(event_store, EventStore)


def test_two_stores_know_nothing_of_each_other(event_store: EventStore, tmp_path: Any) -> None:
    fill(event_store, ("s", "A"))
    with type(event_store)(tmp_path / "other.db") as other:  # type: ignore[call-arg]
        assert other.head() == 0


class TestTypes:
    def test_an_empty_store_has_none(self, event_store: EventStore) -> None:
        assert list(event_store.types()) == []

    def test_each_is_named_once_in_order(self, event_store: EventStore) -> None:
        fill(event_store, *[("s", kind) for kind in ("B", "A", "Ä", "B", "a")] * 3)
        assert list(event_store.types()) == ["A", "B", "a", "Ä"]
