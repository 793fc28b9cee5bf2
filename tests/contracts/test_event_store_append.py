"""What every event store does with an append."""

from __future__ import annotations

from typing import Any

import pytest

from ledger_actors.store import (
    ANY,
    NO_STREAM,
    STREAM_EXISTS,
    Append,
    Appended,
    CommandIdReused,
    EventIdInFuture,
    EventStore,
    ExpectedVersion,
    Guard,
    InvalidAppend,
    NewEvent,
    PositionConflict,
    PositionUpdate,
    StoredCommand,
    StreamExists,
    StreamNotFound,
    StreamWrite,
    WrongExpectedVersion,
)


def write(stream: str, *types: str, expected: ExpectedVersion = ANY) -> StreamWrite:
    return StreamWrite(stream, tuple(NewEvent(kind, "{}") for kind in types), expected)


def append(*writes: StreamWrite, **fields: Any) -> Append:
    return Append(writes, **fields)


def one(store: EventStore, *writes: StreamWrite, **fields: Any) -> Appended:
    (answer,) = store.append([append(*writes, **fields)])
    if isinstance(answer, Exception):
        raise answer
    return answer


class TestExpectedVersion:
    def test_it_advances_with_each_event(self, event_store: EventStore) -> None:
        one(event_store, write("s", "A", expected=0))
        one(event_store, write("s", "B", "C", expected=1))
        answer = one(event_store, write("s", "D", expected=3))
        assert [event.version for event in answer.events] == [4]
        assert event_store.stream_version("s") == 4

    def test_what_was_written_lately_is_known_without_a_look(self, event_store: EventStore) -> None:
        one(event_store, write("s", "A", "B"))
        with pytest.raises(WrongExpectedVersion):
            one(event_store, write("s", "C", expected=7))
        assert event_store.version_written("s") == 2
        assert event_store.version_written("t") == 0

    def test_any_version_takes_a_new_and_an_existing_stream(self, event_store: EventStore) -> None:
        one(event_store, write("s", "A"))
        one(event_store, write("s", "B"))
        assert event_store.stream_version("s") == 2

    def test_no_stream_refuses_an_existing_one(self, event_store: EventStore) -> None:
        one(event_store, write("s", "A", expected=NO_STREAM))
        with pytest.raises(StreamExists, match="'s' exists already, at version 1"):
            one(event_store, write("s", "B", expected=NO_STREAM))

    def test_stream_exists_refuses_a_new_one(self, event_store: EventStore) -> None:
        with pytest.raises(StreamNotFound, match="no stream 's'"):
            one(event_store, write("s", "A", expected=STREAM_EXISTS))
        one(event_store, write("s", "A"))
        one(event_store, write("s", "B", expected=STREAM_EXISTS))

    @pytest.mark.parametrize(("there", "expected"), [(0, 1), (2, 1), (2, 3), (2, 0)])
    def test_a_wrong_version_is_a_conflict(
        self, event_store: EventStore, there: int, expected: int
    ) -> None:
        one(event_store, write("s", *["A"] * there))
        with pytest.raises(WrongExpectedVersion) as caught:
            one(event_store, write("s", "B", expected=expected))
        error = caught.value
        assert (error.stream, error.expected, error.actual) == ("s", expected, there)
        assert event_store.head() == there

    def test_a_stream_that_was_only_read_is_guarded(self, event_store: EventStore) -> None:
        one(event_store, write("read", "A"))
        one(event_store, write("s", "B"), guards=(Guard("read", 1),))
        with pytest.raises(WrongExpectedVersion, match="'read' is at version 1, not at 0"):
            one(event_store, write("s", "C"), guards=(Guard("read", 0),))
        assert event_store.stream_version("s") == 1


class TestSeveralStreams:
    def test_one_append_writes_to_all_of_them(self, event_store: EventStore) -> None:
        answer = one(event_store, write("grant", "G"), write("a", "D"), write("b", "C", "C"))
        assert [(e.id, e.stream, e.version) for e in answer.events] == [
            (1, "grant", 1),
            (2, "a", 1),
            (3, "b", 1),
            (4, "b", 2),
        ]

    def test_one_refused_stream_refuses_the_whole_append(self, event_store: EventStore) -> None:
        with pytest.raises(WrongExpectedVersion):
            one(event_store, write("a", "D"), write("b", "C", expected=7))
        assert event_store.head() == 0
        assert event_store.stream_version("a") == 0

    def test_a_stream_named_twice_sees_its_earlier_write(self, event_store: EventStore) -> None:
        one(event_store, write("a", "A", expected=0), write("b", "B"), write("a", "C", expected=1))
        assert [event.type for event in event_store.read_stream("a")] == ["A", "C"]


class TestBatch:
    def test_an_empty_batch_is_fine(self, event_store: EventStore) -> None:
        assert event_store.append([]) == []

    def test_later_appends_see_the_earlier_ones(self, event_store: EventStore) -> None:
        answers = event_store.append(
            [append(write("s", "A", expected=0)), append(write("s", "B", expected=1))]
        )
        assert [type(answer) for answer in answers] == [Appended, Appended]

    def test_a_refused_append_never_disturbs_its_neighbours(self, event_store: EventStore) -> None:
        bad = append(write("s", "X", expected=9), command_id="bad")
        answers = event_store.append([append(write("s", "A")), bad, append(write("s", "B"))])
        assert isinstance(answers[1], WrongExpectedVersion)
        assert [(e.id, e.version, e.type) for e in event_store.read_all()] == [
            (1, 1, "A"),
            (2, 2, "B"),
        ]
        assert event_store.find_command("bad") is None

    @pytest.mark.parametrize(
        ("bad", "sentence"),
        [
            (append(write("", "A")), "stream is empty"),
            (append(write("s", "")), "event type is empty"),
            (append(write("s\ud800", "A")), "stream is not valid Unicode"),
            (append(StreamWrite("s", (NewEvent("A", b"{}"),))), "payload must be text, not bytes"),
            (append(StreamWrite("s", (NewEvent("A", "{}", 2**70),))), "schema_version must be"),
            (append(write("s", "A"), author=7), "author must be text, not int"),
            (append(write("s", "A"), command_id="\udfff"), "command_id is not valid Unicode"),
            (append(write("s", "A", expected=-1)), "expected version must be from 0"),
            (append(position=PositionUpdate("", 0, None)), "consumer is empty"),
        ],
    )
    def test_a_malformed_append_is_refused_alone(
        self, event_store: EventStore, bad: Append, sentence: str
    ) -> None:
        good = append(write("s", "Good"))
        first, second, third = event_store.append([good, bad, good])
        assert isinstance(first, Appended)
        assert isinstance(second, InvalidAppend)
        assert sentence in str(second)
        assert isinstance(third, Appended)
        assert event_store.verify().ok


class TestCommandId:
    def test_the_same_id_again_gives_the_first_answer(self, event_store: EventStore) -> None:
        first = one(event_store, write("s", "A"), command_id="c", fingerprint="f")
        again = one(event_store, write("s", "A"), command_id="c", fingerprint="f")
        assert again == Appended(first.events, duplicate=True)
        assert event_store.head() == 1

    def test_it_is_found_within_the_same_batch(self, event_store: EventStore) -> None:
        command = append(write("s", "A", expected=0), command_id="c")
        first, again = event_store.append([command, command])
        assert isinstance(first, Appended)
        assert again == Appended(first.events, duplicate=True)

    def test_it_is_found_before_versions_are_looked_at(self, event_store: EventStore) -> None:
        one(event_store, write("s", "A", expected=0), command_id="c")
        one(event_store, write("s", "B"))
        assert one(event_store, write("s", "A", expected=0), command_id="c").duplicate

    @pytest.mark.parametrize("same_batch", [True, False])
    def test_with_another_content_it_is_refused(
        self, event_store: EventStore, same_batch: bool
    ) -> None:
        first = append(write("s", "A"), command_id="c", fingerprint="f")
        other = append(write("s", "B"), command_id="c", fingerprint="g")
        if same_batch:
            answer = event_store.append([first, other])[1]
        else:
            event_store.append([first])
            (answer,) = event_store.append([other])
        assert isinstance(answer, CommandIdReused)
        assert "'c' was used before" in str(answer)

    def test_a_command_without_events_is_remembered(self, event_store: EventStore) -> None:
        one(event_store, command_id="c")
        assert one(event_store, write("s", "A"), command_id="c") == Appended((), duplicate=True)
        assert event_store.head() == 0

    def test_a_refused_command_may_come_again(self, event_store: EventStore) -> None:
        with pytest.raises(WrongExpectedVersion):
            one(event_store, write("s", "A", expected=1), command_id="c")
        assert not one(event_store, write("s", "A", expected=0), command_id="c").duplicate

    def test_a_stored_command_is_found_with_its_events(self, event_store: EventStore) -> None:
        one(event_store, write("other", "X"))
        answer = one(event_store, write("s", "A"), write("t", "B"), command_id="c", fingerprint="f")
        found = event_store.find_command("c")
        assert found is not None
        assert (found.fingerprint, found.events) == ("f", answer.events)
        assert [event.command_index for event in found.events] == [0, 1]
        assert event_store.find_command("d") is None


class TestPosition:
    def test_it_moves_with_the_events(self, event_store: EventStore) -> None:
        one(event_store, write("s", "A"))
        one(event_store, write("fees", "F"), position=PositionUpdate("pm", 1, None))
        assert event_store.position("pm") == 1
        assert event_store.positions() == {"pm": 1}

    def test_a_consumer_without_one_has_none(self, event_store: EventStore) -> None:
        assert event_store.position("pm") is None

    def test_it_moves_without_events(self, event_store: EventStore) -> None:
        one(event_store, position=PositionUpdate("pm", 0, None))
        one(event_store, write("s", "A"))
        one(event_store, position=PositionUpdate("pm", 1, 0))
        assert event_store.position("pm") == 1

    @pytest.mark.parametrize(("expected", "event_id"), [(None, 3), (1, 3), (2, 2), (2, 1)])
    def test_a_conflict_writes_neither_events_nor_position(
        self, event_store: EventStore, expected: int | None, event_id: int
    ) -> None:
        one(event_store, write("s", "A", "B", "C"), position=PositionUpdate("pm", 2, None))
        with pytest.raises(PositionConflict, match="the position of 'pm' is 2"):
            one(event_store, write("x", "X"), position=PositionUpdate("pm", event_id, expected))
        assert event_store.position("pm") == 2
        assert event_store.stream_version("x") == 0

    def test_it_cannot_be_ahead_of_the_log(self, event_store: EventStore) -> None:
        with pytest.raises(EventIdInFuture, match="no event 5 yet: the last one in the store is 0"):
            one(event_store, position=PositionUpdate("pm", 5, None))

    def test_a_repeated_command_leaves_its_position(self, event_store: EventStore) -> None:
        one(event_store, write("s", "A"))
        update = PositionUpdate("pm", 1, None)
        one(event_store, write("f", "F"), command_id="pm:1", position=update)
        assert one(event_store, write("f", "F"), command_id="pm:1", position=update).duplicate
        assert event_store.position("pm") == 1

    def test_a_repeated_command_moves_a_position_that_was_lost(
        self, event_store: EventStore
    ) -> None:
        one(event_store, write("s", "A"))
        one(event_store, write("f", "F"), command_id="pm:1")
        update = PositionUpdate("pm", 1, None)
        assert one(event_store, command_id="pm:1", position=update).duplicate
        assert event_store.position("pm") == 1


class TestLookingForCommands:
    def test_those_that_were_taken_are_found_with_their_events(
        self, event_store: EventStore
    ) -> None:
        taken = one(event_store, write("s", "A"), command_id="taken", fingerprint="f")
        looked = event_store.look_up_commands(["taken", "new"])
        assert looked.found == {"taken": StoredCommand("taken", "f", taken.events)}

    def test_what_was_not_there_is_unseen_until_it_is_taken(self, event_store: EventStore) -> None:
        moment = event_store.look_up_commands(["x"]).moment
        one(event_store, write("s", "A"), command_id="another")
        assert event_store.is_unseen("x", moment)
        one(event_store, write("s", "A"), command_id="x")
        assert not event_store.is_unseen("x", moment)
        assert not event_store.is_unseen("x", event_store.moment())

    def test_one_that_was_unseen_and_is_taken_meanwhile_is_a_repeat(
        self, event_store: EventStore
    ) -> None:
        moment = event_store.moment()
        first = one(event_store, write("s", "A"), command_id="x", unseen_since=moment)
        again = one(event_store, write("s", "A"), command_id="x", unseen_since=moment)
        assert (again.events, again.duplicate) == (first.events, True)

    def test_one_that_was_refused_stays_unseen(self, event_store: EventStore) -> None:
        moment = event_store.moment()
        one(event_store, write("s", "A"), command_id="x", unseen_since=moment)
        with pytest.raises(WrongExpectedVersion):
            one(event_store, write("s", "A", expected=7), command_id="y", unseen_since=moment)
        assert event_store.is_unseen("y", moment)
