"""What goes into the store and what comes out: frozen values, without behaviour.

The fields of `RecordedEvent` are, in this order, what the hash chain covers (see `chain`).
"""

from __future__ import annotations

import enum
from typing import Final, TypeAlias

import msgspec

from ledger_actors.store.tally import BlockTally

__all__ = [
    "ANY",
    "LOG_FIELDS",
    "NO_STREAM",
    "STREAM_EXISTS",
    "Append",
    "Appended",
    "CommandsFound",
    "Counting",
    "Dealt",
    "Expected",
    "ExpectedVersion",
    "Guard",
    "Heading",
    "NewEvent",
    "Parked",
    "PositionUpdate",
    "Problem",
    "RecordedEvent",
    "Snapshot",
    "Standing",
    "StoredCommand",
    "StreamHistory",
    "StreamWrite",
    "VerifyReport",
]


class Expected(enum.Enum):
    """What an append may expect of a stream instead of a version."""

    ANY = "any version"
    NO_STREAM = "no stream"
    STREAM_EXISTS = "an existing stream"


ANY: Final = Expected.ANY
NO_STREAM: Final = Expected.NO_STREAM
STREAM_EXISTS: Final = Expected.STREAM_EXISTS

ExpectedVersion: TypeAlias = int | Expected
"""The version that a stream must have, 0 for a stream without events; or one of `Expected`."""


class NewEvent(msgspec.Struct, frozen=True, gc=False):
    """An event to be written: `type` is a stable name, `payload` is JSON text."""

    type: str
    payload: str
    schema_version: int = 1


class RecordedEvent(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An event as it is on disk; as JSON it is an array, which is how it comes out of SQL.

    `id` counts all events without a gap, `version` those of the stream. `(command_id,
    command_index)` names the event from outside. `hash` is what chains it to the one before.
    """

    id: int
    stream: str
    version: int
    type: str
    schema_version: int
    payload: str
    author: str | None
    correlation_id: str | None
    causation_id: str | None
    command_id: str | None
    command_index: int
    recorded_at: str
    hash: str


LOG_FIELDS: Final = (
    "id",
    "stream",
    "version",
    "type",
    "recorded_at",
    "author",
    "correlation_id",
    "causation_id",
    "command_id",
    "command_index",
)
"""What `EventStore.read_as_json` tells of an event, behind its form and its payload."""


class Heading(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Which event it is, without what it says."""

    id: int
    type: str
    stream: str


class StreamWrite(msgspec.Struct, frozen=True, gc=False):
    """Events for one stream, and the version that the stream must have before them."""

    stream: str
    events: tuple[NewEvent, ...]
    expected: ExpectedVersion = ANY


class Guard(msgspec.Struct, frozen=True, gc=False):
    """A stream that was read but is not written: it must still be at `version`."""

    stream: str
    version: int


class Parked(msgspec.Struct, frozen=True):
    """An event that a consumer has put aside, as `error` says, after so many `attempts`.

    Without attempts it is whole itself: it waits behind an earlier one of the same `key`.
    """

    event_id: int
    key: str
    type: str
    stream: str
    attempts: int
    error: str
    traceback: str
    parked_at: str


class Counting(msgspec.Struct, frozen=True):
    """After which event a consumer counts what it processes, and which events it `wanted` then."""

    after: int
    wanted: str


class Dealt(msgspec.Struct, frozen=True):
    """What a consumer writes of the events that it has dealt with, beside its position.

    `processed` is added to what is there. With `counting`, all that was counted is forgotten first.
    """

    processed: tuple[BlockTally, ...] = ()
    parked: tuple[Parked, ...] = ()
    unparked: tuple[int, ...] = ()
    counting: Counting | None = None


class Standing(msgspec.Struct, frozen=True):
    """How far a consumer has come, and what it has dealt with; all of one moment."""

    position: int | None
    counting: Counting | None
    blocks: tuple[BlockTally, ...]
    parked: tuple[Parked, ...]


class PositionUpdate(msgspec.Struct, frozen=True, gc=False):
    """Move a consumer's position to `event_id`; `expected` is where it must be now.

    With something `dealt`, it may also stay where it is.
    """

    consumer: str
    event_id: int
    expected: int | None
    dealt: Dealt | None = None


class Append(msgspec.Struct, frozen=True, gc=False):
    """All that one command writes: wholly, or not at all.

    `fingerprint` tells a repeated command from another one under the same `command_id`; it is
    compared where both have one. The writes are done in order, each sees those before it; guards
    are checked against what was there before them.

    `rests_on` names the commands whose events were not on disk yet when this was decided: if one of
    them was not taken, this is refused. The versions alone do not tell, since somebody else's event
    in the place of theirs makes the same version.

    `unseen_since` is the moment at which it was looked whether `command_id` is in the store, and it
    was not (`EventStore.look_up_commands`); without it, it is looked for now.
    """

    writes: tuple[StreamWrite, ...] = ()
    guards: tuple[Guard, ...] = ()
    command_id: str | None = None
    fingerprint: str | None = None
    author: str | None = None
    correlation_id: str | None = None
    causation_id: str | None = None
    position: PositionUpdate | None = None
    rests_on: tuple[str, ...] = ()
    unseen_since: int | None = None


class Appended(msgspec.Struct, frozen=True, gc=False):
    """The answer to an append: its events; `duplicate` if they had been written before."""

    events: tuple[RecordedEvent, ...]
    duplicate: bool = False


class StoredCommand(msgspec.Struct, frozen=True, gc=False):
    """A command that was taken, with the events it led to, of which there may be none."""

    command_id: str
    fingerprint: str | None
    events: tuple[RecordedEvent, ...]


class CommandsFound(msgspec.Struct, frozen=True):
    """Those of some commands that were taken before, by id; the others were not, at `moment`.

    A moment is a number of the store object's own; it grows with each commit.
    """

    found: dict[str, StoredCommand]
    moment: int


class StreamHistory(msgspec.Struct, frozen=True, gc=False):
    """All that a stream had when event `as_of` was the last of the log."""

    events: tuple[RecordedEvent, ...]
    as_of: int


class Snapshot(msgspec.Struct, frozen=True, gc=False):
    """A state of a stream at one of its events, as JSON text, so that hydration is short."""

    stream: str
    version: int
    event_id: int
    type: str
    schema_version: int
    payload: str


class Problem(msgspec.Struct, frozen=True, gc=False):
    """Something that `verify` found; `event_id` is the row, if it is about one."""

    event_id: int | None
    what: str


class VerifyReport(msgspec.Struct, frozen=True):
    """What `verify` found.

    `head_hash` stands for the whole history up to event `head`: written down elsewhere, it also
    shows a later change by somebody who recomputed the chain.
    """

    events: int
    ok: bool
    problems: tuple[Problem, ...]
    head: int
    head_hash: str
