"""The decision on a batch, without a store."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_actors.store import (
    ANY,
    NO_STREAM,
    STREAM_EXISTS,
    Append,
    Appended,
    CommandIdReused,
    EventIdInFuture,
    Guard,
    NewEvent,
    PositionConflict,
    PositionUpdate,
    StoredCommand,
    StreamExists,
    StreamNotFound,
    StreamWrite,
    WrongExpectedVersion,
)
from ledger_actors.store.admission import Admitted, Head, Known, admit
from ledger_actors.store.chain import GENESIS, link
from ledger_actors.store.stream_heads import StreamHead

EVENT = NewEvent("A", "{}")
KNOWN = Known(
    head=Head(10, "ab" * 32),
    last_stream_id=4,
    streams={"old": StreamHead(3, 7)},
    commands={"seen": StoredCommand("seen", "f", ())},
    positions={"pm": 5},
)


def write(stream: str, expected: Any = ANY, *, events: int = 1) -> StreamWrite:
    return StreamWrite(stream, (EVENT,) * events, expected)


def decide(*batch: Append, known: Known = KNOWN) -> Admitted:
    return admit(batch, known, recorded_at="2026-01-01T00:00:00.000000+00:00")


@pytest.mark.parametrize(
    ("append", "answer"),
    [
        (Append((write("old", 7),)), Appended),
        (Append((write("old", ANY),)), Appended),
        (Append((write("old", STREAM_EXISTS),)), Appended),
        (Append((write("new", 0),)), Appended),
        (Append((write("new", NO_STREAM),)), Appended),
        (Append((write("old", 6),)), WrongExpectedVersion),
        (Append((write("old", 0),)), WrongExpectedVersion),
        (Append((write("old", NO_STREAM),)), StreamExists),
        (Append((write("new", 1),)), WrongExpectedVersion),
        (Append((write("new", STREAM_EXISTS),)), StreamNotFound),
        (Append((write("old", 6, events=0),)), WrongExpectedVersion),
        (Append((write("a"), write("old", 6))), WrongExpectedVersion),
        (Append((write("a", 0), write("a", 1))), Appended),
        (Append((write("a", 0), write("a", 0))), WrongExpectedVersion),
        (Append(guards=(Guard("old", 7),)), Appended),
        (Append(guards=(Guard("old", 8),)), WrongExpectedVersion),
        (Append(guards=(Guard("new", 0),)), Appended),
        (Append((write("old"),), guards=(Guard("old", 7),)), Appended),
        (Append(command_id="seen"), Appended),
        (Append(command_id="seen", fingerprint="f"), Appended),
        (Append(command_id="seen", fingerprint="g"), CommandIdReused),
        (Append(position=PositionUpdate("pm", 6, 5)), Appended),
        (Append(position=PositionUpdate("pm", 10, 5)), Appended),
        (Append(position=PositionUpdate("pm", 11, 5)), EventIdInFuture),
        (Append((write("a"),), position=PositionUpdate("pm", 11, 5)), Appended),
        (Append(position=PositionUpdate("pm", 5, 5)), PositionConflict),
        (Append(position=PositionUpdate("pm", 6, None)), PositionConflict),
        (Append(position=PositionUpdate("new", 0, None)), Appended),
        (Append(position=PositionUpdate("new", 3, 2)), PositionConflict),
    ],
)
def test_each_append_is_taken_or_refused(append: Append, answer: type) -> None:
    admitted = decide(append)
    assert type(admitted.answers[0]) is answer
    if answer is not Appended:
        assert not admitted.writes_something()
        assert admitted.head == KNOWN.head
        assert not admitted.new_streams


def test_ids_versions_and_hashes_follow_on() -> None:
    admitted = decide(Append((write("old"), write("new"))), Append((write("old"),)))
    assert [(e.id, e.stream, e.version) for e in admitted.events] == [
        (11, "old", 8),
        (12, "new", 1),
        (13, "old", 9),
    ]
    previous = KNOWN.head.hash
    for event in admitted.events:
        fields = tuple(getattr(event, name) for name in event.__struct_fields__[:-1])
        assert event.hash == link(previous, fields)
        previous = event.hash
    assert admitted.head == Head(13, previous)


def test_a_new_stream_gets_the_next_number_once() -> None:
    admitted = decide(Append((write("x"), write("y"))), Append((write("x"),)))
    assert admitted.new_streams == {"x": 5, "y": 6}
    assert admitted.streams == {"x": StreamHead(5, 2), "y": StreamHead(6, 1)}
    assert admitted.last_stream_id == 6


def test_a_refusal_between_two_leaves_no_gap() -> None:
    refused = Append((write("x"), write("old", 0)), command_id="c")
    admitted = decide(Append((write("old"),)), refused, Append((write("old"),)))
    assert [event.id for event in admitted.events] == [11, 12]
    assert admitted.commands == []
    assert admitted.new_streams == {}


def test_an_error_that_was_found_before_stays_an_answer() -> None:
    error = WrongExpectedVersion("s", 1, 2)
    assert admit([error], KNOWN, recorded_at="now").answers == [error]


def test_positions_are_seen_by_later_appends() -> None:
    admitted = decide(
        Append(position=PositionUpdate("pm", 6, 5)), Append(position=PositionUpdate("pm", 7, 6))
    )
    assert admitted.positions == {"pm": 7}


STREAMS = st.sampled_from("ab")
APPENDS = st.builds(
    Append,
    writes=st.lists(
        st.builds(
            StreamWrite,
            STREAMS,
            st.integers(0, 2).map(lambda count: (EVENT,) * count),
            st.sampled_from([ANY, NO_STREAM, STREAM_EXISTS, 0, 1, 2, 3]),
        ),
        max_size=3,
    ).map(tuple),
    guards=st.lists(st.builds(Guard, STREAMS, st.integers(0, 3)), max_size=1).map(tuple),
    command_id=st.sampled_from([None, "1", "2", "3"]),
    fingerprint=st.sampled_from([None, "f", "g"]),
    position=st.none()
    | st.builds(PositionUpdate, st.just("pm"), st.integers(0, 4), st.none() | st.integers(0, 3)),
)


@given(st.lists(APPENDS, max_size=12))
def test_it_does_not_matter_how_appends_are_batched(appends: list[Append]) -> None:
    """All in one batch, or one by one with the state carried over: the same answers and rows."""
    together = decide(*appends, known=Known())
    known, answers, events = Known(), [], []
    for append in appends:
        alone = decide(append, known=known)
        answers += alone.answers
        events += alone.events
        known = Known(
            alone.head,
            alone.last_stream_id,
            {**known.streams, **alone.streams},
            {
                **known.commands,
                **{
                    row[0]: StoredCommand(row[0], row[1], tuple(alone.events))
                    for row in alone.commands
                },
            },
            {**known.positions, **alone.positions},
        )
    assert [str(answer) for answer in together.answers] == [str(answer) for answer in answers]
    assert together.events == events
    assert together.head == known.head
    assert [event.id for event in events] == list(range(1, len(events) + 1))


def test_an_empty_store_begins_with_the_genesis() -> None:
    admitted = decide(Append((write("s"),)), known=Known())
    (event,) = admitted.events
    assert event.hash == link(
        GENESIS, tuple(getattr(event, f) for f in event.__struct_fields__[:-1])
    )
