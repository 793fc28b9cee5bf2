"""What the checks look at: the events in a store's file, and the record that the clients kept.

The file is read with plain SQL, and the record has nothing of the ledger's own structs: a mistake
in the ledger's reading shows, rather than being made twice.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

_FIELDS = (
    "id, stream, version, type, schema_version, payload, author, correlation_id, causation_id,"
    " command_id, command_index, recorded_at"
)


class Event(NamedTuple):
    """A row of the log, or an event as it was acknowledged: `payload` is the text, byte for byte.

    Two are equal when all of it is.
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

    @property
    def data(self) -> dict[str, Any]:
        """The payload, read."""
        found: dict[str, Any] = msgspec.json.decode(self.payload)
        return found


def read_events(file: Path, *, after: int = 0) -> list[Event]:
    """Return the events of a store behind an id, in order of id; also while a daemon has it."""
    connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=rw", uri=True)
    try:
        connection.execute("PRAGMA query_only = ON")
        rows = connection.execute(
            f"SELECT {_FIELDS} FROM event_log WHERE id > ? ORDER BY id", (after,)
        )
        return [Event(*row) for row in rows]
    finally:
        connection.close()


class Intent(msgspec.Struct, frozen=True, tag=True, tag_field="line"):
    """A client is about to send a command, for the first time or again."""

    id: str
    type: str
    data: dict[str, Any]


class Ack(msgspec.Struct, frozen=True, tag=True, tag_field="line"):
    """A command was acknowledged, with these events. `duplicate`: as one that was known."""

    id: str
    duplicate: bool
    events: tuple[Event, ...]


class Refused(msgspec.Struct, frozen=True, tag=True, tag_field="line"):
    """A command was refused: it has changed nothing."""

    id: str
    code: str


class BrokenOff(msgspec.Struct, frozen=True, tag=True, tag_field="line"):
    """Nobody knows what became of a command: it is sent again under the same id."""

    id: str
    why: str


Line = Intent | Ack | Refused | BrokenOff

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


class RecordFile:
    """What one client writes down; each line is on disk when `write` returns."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def write(self, line: Line) -> None:
        """Append a line, and sync it."""
        os.write(self._fd, _encode(line) + b"\n")
        os.fdatasync(self._fd)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


class Record:
    """What all clients have written down, read on from where it was last read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[Path, int] = {}
        self.intents: dict[str, Intent] = {}
        self.acks: dict[str, list[Ack]] = {}
        self.refused: dict[str, Refused] = {}
        self.broken_off = 0

    def read_on(self) -> None:
        """Take in what was written since."""
        for path in sorted(self._folder.glob("*.jsonl")):
            with path.open("rb") as file:
                file.seek(self._read.get(path, 0))
                for line in file:
                    self.take(_decode(line))
                self._read[path] = file.tell()

    def take(self, line: Line) -> None:
        """Take in one line."""
        match line:
            case Intent():
                self.intents[line.id] = line
            case Ack():
                self.acks.setdefault(line.id, []).append(line)
            case Refused():
                self.refused[line.id] = line
            case BrokenOff():
                self.broken_off += 1


@dataclass(frozen=True)
class Evidence:
    """A log, and what was sent and answered while it came about."""

    events: Sequence[Event]
    intents: Mapping[str, Intent] = field(default_factory=dict)
    acks: Mapping[str, Sequence[Ack]] = field(default_factory=dict)
    refused: Iterable[str] = ()

    @classmethod
    def of(cls, events: Sequence[Event], record: Record) -> Evidence:
        """Put a log and a record together."""
        return cls(events, record.intents, record.acks, frozenset(record.refused))

    @cached_property
    def by_command(self) -> Mapping[str, Sequence[Event]]:
        """The events of each command, in order of id."""
        found: dict[str, list[Event]] = {}
        for event in self.events:
            if event.command_id is not None:
                found.setdefault(event.command_id, []).append(event)
        return found
