"""Pure: a batch of appends and what the store holds, to the answers and the rows to be written.

The journal is the only writer, so all that an append rests on is known before anything is
inserted: a refused append becomes an error value in its place, and the rows of the others follow
each other without a gap. What the table holds comes in as `Known`; what the batch changes goes out
as `Admitted`, and is taken over by the writer only when it is committed.

All of an append is checked before any of it is taken, so one that is refused leaves nothing.
"""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

import msgspec

from ledger_actors.store.chain import GENESIS, link
from ledger_actors.store.errors import (
    BasisRefused,
    CommandIdReused,
    EventIdInFuture,
    PositionConflict,
    StoreError,
    StreamExists,
    StreamNotFound,
    WrongExpectedVersion,
)
from ledger_actors.store.model import (
    NO_STREAM,
    STREAM_EXISTS,
    Append,
    Appended,
    Dealt,
    ExpectedVersion,
    PositionUpdate,
    RecordedEvent,
    StoredCommand,
    StreamWrite,
)
from ledger_actors.store.stream_heads import MISSING, StreamHead

__all__ = ["EMPTY", "Admitted", "CommandRow", "Head", "Known", "admit"]


class Head(msgspec.Struct, frozen=True, gc=False):
    """The end of the log: the last event's id and hash."""

    event_id: int
    hash: str


EMPTY = Head(0, GENESIS)
"""The head of a store without events."""


CommandRow: TypeAlias = tuple[str, str | None, int, int]
"""A row of the table of commands: id, fingerprint, id of the first event, number of events."""


class Heads(Protocol):
    """The heads of streams, by name."""

    def get(self, stream: str, /) -> StreamHead | None:
        """Return the head of a stream, `None` if it has no events."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store holds, as far as a batch needs it."""

    head: Head = EMPTY
    last_stream_id: int = 0
    streams: Heads = field(default_factory=dict[str, StreamHead])
    commands: Mapping[str, StoredCommand] = field(default_factory=dict)
    positions: Mapping[str, int] = field(default_factory=dict)
    lately_taken: Container[str] = ()


@dataclass(slots=True)
class Admitted:
    """The answers of a batch, in its order, and what it changes."""

    head: Head
    last_stream_id: int
    answers: list[Appended | StoreError] = field(default_factory=list)
    events: list[RecordedEvent] = field(default_factory=list)
    commands: list[CommandRow] = field(default_factory=list)
    new_streams: dict[str, int] = field(default_factory=dict)
    streams: dict[str, StreamHead] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    dealt: list[tuple[str, Dealt]] = field(default_factory=list)

    def writes_something(self) -> bool:
        """Return whether there is anything to commit."""
        return bool(self.events or self.commands or self.positions)


def admit(batch: Sequence[Append | StoreError], known: Known, *, recorded_at: str) -> Admitted:
    """Decide each append of `batch` in turn; later ones see what the earlier ones change.

    A `StoreError` in the batch stands for an append that was refused before, and stays an answer.
    """
    admission = _Admission(known, recorded_at)
    for append in batch:
        try:
            answer: Appended | StoreError = (
                append if isinstance(append, StoreError) else admission.decide(append)
            )
        except StoreError as error:
            answer = error
        admission.admitted.answers.append(answer)
    return admission.closed()


class _Admission:
    def __init__(self, known: Known, recorded_at: str) -> None:
        self._known = known
        self._recorded_at = recorded_at
        self._taken: dict[str, StoredCommand] = {}
        self._event_id, self._hash = known.head.event_id, known.head.hash
        self.admitted = Admitted(known.head, known.last_stream_id)

    def closed(self) -> Admitted:
        """Return what has come of the batch."""
        self.admitted.head = Head(self._event_id, self._hash)
        return self.admitted

    def decide(self, append: Append) -> Appended:
        """Answer one append. All checks come first: where one refuses, nothing has changed."""
        before = self._taken_before(append)
        if before is not None:
            self._repeat_position(append.position)
            return Appended(before.events, duplicate=True)
        for command_id in append.rests_on:
            if not self._is_taken(command_id):
                raise BasisRefused(command_id)
        for guard in append.guards:
            actual = self._stream(guard.stream).version
            if actual != guard.version:
                raise WrongExpectedVersion(guard.stream, guard.version, actual)
        count = self._check_versions(append.writes)
        if append.position is not None:
            self._check_position(append.position, self._event_id + count)
        return self._take(append)

    # -- commands that were taken before -----------------------------------------------------------

    def _taken_before(self, append: Append) -> StoredCommand | None:
        command_id = append.command_id
        if command_id is None:
            return None
        before = self._taken.get(command_id) or self._known.commands.get(command_id)
        if before is not None and _differ(before.fingerprint, append.fingerprint):
            raise CommandIdReused(command_id)
        return before

    def _is_taken(self, command_id: str) -> bool:
        known = self._known
        return (
            command_id in self._taken
            or command_id in known.lately_taken
            or command_id in known.commands
        )

    def _repeat_position(self, update: PositionUpdate | None) -> None:
        """Move the position of a repeated command on, unless it has moved there already.

        It has, as a rule: the two were one append. Not if the position was set back since; the
        consumer would then never get past this command.
        """
        if update is None or self._position(update.consumer) == update.event_id:
            return
        self._check_position(update, self._event_id)
        self._move(update)

    # -- the checks --------------------------------------------------------------------------------

    def _check_versions(self, writes: Sequence[StreamWrite]) -> int:
        """Check each write against what is there after those before it; count the events."""
        if len(writes) == 1:
            write = writes[0]
            _check_version(write.stream, write.expected, self._stream(write.stream).version)
            return len(write.events)
        added: dict[str, int] = {}
        for write in writes:
            name, before = write.stream, added.get(write.stream, 0)
            _check_version(name, write.expected, self._stream(name).version + before)
            added[name] = before + len(write.events)
        return sum(added.values())

    def _check_position(self, update: PositionUpdate, head: int) -> None:
        actual = self._position(update.consumer)
        least = 0 if actual is None else actual + (update.dealt is None)
        if actual != update.expected or update.event_id < least:
            raise PositionConflict(update.consumer, update.expected, actual)
        if update.event_id > head:
            raise EventIdInFuture(update.event_id, head)

    # -- the changes -------------------------------------------------------------------------------

    def _take(self, append: Append) -> Appended:
        admitted = self.admitted
        first = self._event_id + 1
        recorded: list[RecordedEvent] = []
        for write in append.writes:
            if write.events:
                self._record(write, append, recorded)
        events = tuple(recorded)
        admitted.events += events
        command_id, fingerprint = append.command_id, append.fingerprint
        if command_id is not None:
            admitted.commands.append((command_id, fingerprint, first, len(events)))
            self._taken[command_id] = StoredCommand(command_id, fingerprint, events)
        if append.position is not None:
            self._move(append.position)
        return Appended(events)

    def _move(self, update: PositionUpdate) -> None:
        self.admitted.positions[update.consumer] = update.event_id
        if update.dealt is not None:
            self.admitted.dealt.append((update.consumer, update.dealt))

    def _record(self, write: StreamWrite, append: Append, recorded: list[RecordedEvent]) -> None:
        """Give the events of `write` their ids, versions and hashes."""
        name = write.stream
        stream = self._stream(name)
        event_id, previous, version = self._event_id, self._hash, stream.version
        origin = (append.author, append.correlation_id, append.causation_id, append.command_id)
        for event in write.events:
            event_id += 1
            version += 1
            fields = (
                event_id,
                name,
                version,
                event.type,
                event.schema_version,
                event.payload,
                *origin,
                len(recorded),
                self._recorded_at,
            )
            previous = link(previous, fields)
            recorded.append(RecordedEvent(*fields, previous))
        self._event_id, self._hash = event_id, previous
        stream_id = stream.stream_id or self._new_stream(name)
        self.admitted.streams[name] = StreamHead(stream_id, version)

    def _new_stream(self, name: str) -> int:
        self.admitted.last_stream_id += 1
        self.admitted.new_streams[name] = self.admitted.last_stream_id
        return self.admitted.last_stream_id

    # -- what holds at this point of the batch -----------------------------------------------------

    def _stream(self, name: str) -> StreamHead:
        return self.admitted.streams.get(name) or self._known.streams.get(name) or MISSING

    def _position(self, consumer: str) -> int | None:
        position = self.admitted.positions.get(consumer)
        return self._known.positions.get(consumer) if position is None else position


def _check_version(stream: str, expected: ExpectedVersion, actual: int) -> None:
    if isinstance(expected, int):
        if actual != expected:
            raise WrongExpectedVersion(stream, expected, actual)
    elif expected is NO_STREAM and actual:
        raise StreamExists(stream, actual)
    elif expected is STREAM_EXISTS and not actual:
        raise StreamNotFound(stream)


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one != other
