"""What the store says when it cannot do what it was asked. One root: `StoreError`."""

from __future__ import annotations

import errno
from pathlib import Path

__all__ = [
    "BasisRefused",
    "CommandIdReused",
    "CorruptStore",
    "EventIdInFuture",
    "InvalidAppend",
    "PositionConflict",
    "StoreClosed",
    "StoreError",
    "StoreFull",
    "StoreLocked",
    "StoreReplaced",
    "StoreTakenOver",
    "StoreTooNew",
    "StoreUnavailable",
    "StreamExists",
    "StreamNotFound",
    "WrongExpectedVersion",
]


class StoreError(Exception):
    """The root of the store's errors."""


class WrongExpectedVersion(StoreError):
    """A stream has moved on, or is not there yet: decide again on what it holds now.

    Nothing of the append was written.
    """

    def __init__(self, stream: str, expected: object, actual: int) -> None:
        super().__init__(f"stream {stream!r} is at version {actual}, not at {expected} as expected")
        self.stream = stream
        self.expected = expected
        self.actual = actual


class StreamExists(WrongExpectedVersion):
    """An append expected no such stream, and there is one."""

    def __init__(self, stream: str, actual: int) -> None:
        super().__init__(stream, "no stream", actual)
        self.args = (f"stream {stream!r} exists already, at version {actual}",)


class StreamNotFound(WrongExpectedVersion, LookupError):
    """An append expected the stream to exist, and there is none."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream, "an existing stream", 0)
        self.args = (f"there is no stream {stream!r}",)


class BasisRefused(WrongExpectedVersion):
    """An append rests on a command that was not taken: decide again, on what is there.

    Nothing of the append was written.
    """

    def __init__(self, command_id: str) -> None:
        super().__init__("", "the events of a command", 0)
        self.args = (f"this was decided after command {command_id!r}, which was refused since",)
        self.command_id = command_id


class CommandIdReused(StoreError, ValueError):
    """A command id came back with another command: ids are for one command each."""

    def __init__(self, command_id: str) -> None:
        super().__init__(
            f"command id {command_id!r} was used before, for another command: "
            "give each command an id of its own, and repeat an id only with the same content"
        )
        self.command_id = command_id


class PositionConflict(StoreError):
    """A consumer's position is not what its append rests on: two of it run, or it was moved."""

    def __init__(self, consumer: str, expected: int | None, actual: int | None) -> None:
        super().__init__(
            f"the position of {consumer!r} is {_or_none(actual)}, "
            f"not {_or_none(expected)} as expected; positions only move forward"
        )
        self.consumer = consumer
        self.expected = expected
        self.actual = actual


class InvalidAppend(StoreError, ValueError):
    """An append that no store could take: a field is of the wrong type, or empty."""


class EventIdInFuture(StoreError, LookupError):
    """Something names an event that has not happened: the store's last one is before it."""

    def __init__(self, event_id: int, head: int) -> None:
        super().__init__(f"there is no event {event_id} yet: the last one in the store is {head}")
        self.event_id = event_id
        self.head = head


class StoreFull(StoreError, OSError):
    """There is no room on the disk. Nothing of the batch was written; the store goes on."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(f"no room left on the disk of {path}: nothing was written")
        self.errno = errno.ENOSPC
        self.path = path


class StoreUnavailable(StoreError, OSError):
    """The file cannot be opened, read or written: permissions, a device error, another writer."""


class StoreClosed(StoreUnavailable):
    """The store was closed."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(f"the store {path} is closed")
        self.path = path


class StoreLocked(StoreUnavailable):
    """Another daemon has this store: one daemon to a data folder."""

    def __init__(self, path: Path | str, holder: str) -> None:
        super().__init__(
            f"{path} is in use by {holder}: one daemon to a data folder. "
            "Stop that one first, or use another folder."
        )
        self.path = path
        self.holder = holder


class StoreTakenOver(StoreUnavailable):
    """Another daemon opened the store after this one did; this one may not write any more."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"{path} was opened by another daemon after this one: this one must not write to it "
            "any more, and has to be stopped"
        )
        self.path = path


class StoreNotSynced(StoreUnavailable):
    """The disk did not take what was to be moved into the file. The next process does it anew."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(
            f"{path} could not be synced to the disk: nothing is lost, but this process must not "
            "write to it any more; it has to be started again"
        )
        self.path = path


class StoreReplaced(StoreUnavailable):
    """Another file is in the store's place, or none: what would be written would be lost."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is not the file any more that this daemon opened: it was moved, deleted or "
            "replaced. Stop the daemon before a backup is put in its place"
        )
        self.path = path


class StoreTooNew(StoreError):
    """The file was written by a later release, with a schema that this one does not know."""

    def __init__(self, path: Path | str, unknown: list[str]) -> None:
        super().__init__(
            f"{path} has the schema of a later release (unknown here: {', '.join(unknown)}): "
            "open it with that release or a newer one"
        )
        self.path = path
        self.unknown = unknown


class CorruptStore(StoreError):
    """The file is damaged or was changed by hand; `verify` names the rows."""


def _or_none(position: int | None) -> str:
    return "not set" if position is None else str(position)
