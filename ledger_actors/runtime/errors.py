"""What the runtime raises beside the store's errors and `supervision`'s."""

from __future__ import annotations

from supervision import Rejection

__all__ = [
    "CommandTimeout",
    "DoesNotExist",
    "DuplicateName",
    "FutureSchemaVersion",
    "InvalidCommand",
    "InvalidEvent",
    "LedgerRuntimeError",
    "MissedEventError",
    "NoSuchStream",
    "NotParked",
    "OtherHistory",
    "PoisonEvent",
    "PositionAhead",
    "ProjectorGone",
    "ProjectorStopped",
    "ReadModelDamaged",
    "ReadModelFull",
    "ReadModelIncomplete",
    "StreamGap",
    "TooManyConflicts",
    "UnknownCommand",
    "UnknownEventType",
    "WrittenByAnother",
    "is_unreadable",
]


class LedgerRuntimeError(Exception):
    """Root of the errors of this package."""


class DuplicateName(LedgerRuntimeError, ValueError):
    """Two classes want one stable name."""

    def __init__(self, kind: str, name: str, first: type, second: type) -> None:
        super().__init__(
            f"the {kind} name {name!r} is taken by {first.__module__}.{first.__qualname__}: "
            f"give {second.__module__}.{second.__qualname__} another"
        )


class InvalidCommand(LedgerRuntimeError, ValueError):
    """What came in is no command, or one with a field that cannot be; the sentence names it."""


class UnknownCommand(InvalidCommand):
    """There is no command of this type."""

    def __init__(self, name: str, near: str | None) -> None:
        hint = f"; did you mean {near}?" if near else ""
        super().__init__(f"there is no command {name!r}{hint}")
        self.name = name


class InvalidEvent(LedgerRuntimeError, ValueError):
    """A stored payload does not fit its event type."""


class UnknownEventType(LedgerRuntimeError, LookupError):
    """The store holds an event type that this program does not know."""

    def __init__(self, name: str, event_id: int) -> None:
        super().__init__(
            f"event {event_id} is of type {name!r}, which this program does not know: "
            "it was written by a newer one, which is to read it; or its definition was renamed or "
            "removed: then name it in `formerly`, or put it aside with `EVENTS.replace`"
        )
        self.name = name
        self.event_id = event_id


class FutureSchemaVersion(LedgerRuntimeError, ValueError):
    """The store holds an event in a newer form than this program knows."""

    def __init__(self, name: str, event_id: int, found: int, known: int) -> None:
        super().__init__(
            f"event {event_id} is {name} in schema version {found}; this program knows versions "
            f"up to {known}: it was written by a newer one, which is to read it"
        )
        self.name = name
        self.event_id = event_id


def is_unreadable(problem: BaseException) -> bool:
    """Return whether it is an event that this program cannot read: trying again changes nothing."""
    return isinstance(problem, UnknownEventType | FutureSchemaVersion | InvalidEvent)


class MissedEventError(LedgerRuntimeError):
    """A consumer was given an event that is not the next one. Its restart catches up."""

    def __init__(self, consumer: str, expected: int, got: int) -> None:
        super().__init__(f"{consumer} expected event {expected} next and was given {got}")
        self.expected = expected
        self.got = got


class WrittenByAnother(LedgerRuntimeError):
    """A read model is not where its projector left it. The projector's restart reads on from there.

    Another daemon has the folder, and this one does not know it yet; or somebody wrote by hand.
    """

    def __init__(self, consumer: str, *, expected: int, found: int) -> None:
        super().__init__(
            f"{consumer} left its read model at event {expected} and finds it at {found}: "
            "another daemon has written to it"
        )


class PositionAhead(LedgerRuntimeError):
    """A consumer's position is behind the end of the store: one of the two was replaced."""

    def __init__(self, consumer: str, position: int, head: int, *, remedy: str) -> None:
        super().__init__(
            f"{consumer} stands at event {position}, but the store ends at {head}: one of the two "
            f"was replaced; bring the right store back{remedy}"
        )
        self.position = position
        self.head = head


class OtherHistory(LedgerRuntimeError):
    """A read model rests on an event that is another one in this store."""

    def __init__(self, consumer: str, position: int, *, remedy: str) -> None:
        super().__init__(
            f"{consumer} stands at event {position}, which is another event in this store: one of "
            f"the two was replaced; bring the right store back{remedy}"
        )


class ProjectorGone(LedgerRuntimeError):
    """A process manager needs a read model whose projector does not run any more."""

    def __init__(self, consumer: str, projector: str) -> None:
        super().__init__(f"{consumer} needs the read model of {projector}, which does not run")


class ProjectorStopped(ProjectorGone):
    """A process manager needs a read model whose projector has stopped for good."""

    def __init__(self, consumer: str, projector: str, why: str) -> None:
        super().__init__(consumer, projector)
        self.args = (f"{consumer} needs the read model of {projector}, which has stopped: {why}",)


class ReadModelIncomplete(LedgerRuntimeError):
    """A process manager needs a read model in which events are parked: what it reads may be wrong.

    So its own event is parked in turn, and is tried again by hand after those.
    """

    def __init__(self, consumer: str, projector: str, *, count: int, first: int) -> None:
        found = f"event {first} is" if count == 1 else f"{count} events are, {first} the first,"
        super().__init__(
            f"{consumer} needs the read model of {projector}, in which {found} parked: "
            "retry or discard there first, and then here"
        )


class PoisonEvent(LedgerRuntimeError):
    """An event was tried often enough, by a consumer that may not go on without it."""

    def __init__(self, consumer: str, failure: object) -> None:
        super().__init__(
            f"{failure}; {consumer} is bound to the order of all its events and takes none behind "
            "it: mend what raises, and `parked retry` starts it again; or `parked discard` it"
        )


class NotParked(LedgerRuntimeError, Rejection):
    """A consumer has no such event parked. A refusal; `code` is for programs."""

    code = "not_parked"

    def __init__(self, consumer: str, event_id: int) -> None:
        super().__init__(f"{consumer} has not parked event {event_id}; `parked list` shows those")


class ReadModelFull(LedgerRuntimeError, OSError):
    """There is no room on the disk for a read model; it stands where it stood."""


class ReadModelDamaged(LedgerRuntimeError, OSError):
    """A read model's file is no database any more. It can be made anew from the events."""

    def __init__(self, path: object, problem: Exception) -> None:
        super().__init__(
            f"{path} is damaged ({problem}): delete {path}* and start again: it is then made anew"
        )


class StreamGap(LedgerRuntimeError):
    """An aggregate was told of an event that is not the next of its stream. It hydrates afresh."""

    def __init__(self, stream: str, expected: int, got: int) -> None:
        super().__init__(f"{stream} expected its version {expected} next and was told of {got}")


class NoSuchStream(LedgerRuntimeError, LookupError):
    """There is no event of this aggregate, or was none at that time."""

    def __init__(self, stream: str, event_id: int | None) -> None:
        when = "" if event_id is None else f" as of event {event_id}"
        super().__init__(f"{stream} does not exist{when}")
        self.stream = stream


class TooManyConflicts(LedgerRuntimeError):
    """A command lost the race for its streams each time it was tried; nothing was written."""

    def __init__(self, command: str, attempts: int) -> None:
        super().__init__(
            f"{command} met a conflict {attempts} times and was given up; nothing was written"
        )


class DoesNotExist(LedgerRuntimeError, Rejection):
    """A command names an aggregate that has no events. A refusal; `code` is for programs."""

    code = "does_not_exist"

    def __init__(self, category: str, identity: str) -> None:
        super().__init__(f"{category} {identity} does not exist")


class CommandTimeout(LedgerRuntimeError, TimeoutError):
    """A command was not acknowledged, in time or at all: it may have been done, or may still be.

    Sent again with the same id it is done once, and answered with what was done.
    """

    def __init__(self, command: str, command_id: str, last: BaseException) -> None:
        super().__init__(
            f"{command} was not acknowledged in time ({last}): whether it is done is not known; "
            f"it is safe to send it again with command_id {command_id!r}"
        )
        self.command_id = command_id
