"""A small domain that the runtime's tests use: counters, transfers between them, and a tally.

A sticker is put on a counter, which must be there, and can be rubbed off again.
"""

from __future__ import annotations

from typing import Any, ClassVar

from sqlite_utils import Database

from ledger_actors.runtime import (
    EVENTS,
    Aggregate,
    Command,
    CommandHandler,
    Event,
    Form,
    ProcessManager,
    Projector,
    Recorded,
    Rejection,
    StreamEvents,
    command,
    event,
)


@event("counter.incremented", version=1, formerly=("counter.bumped",))
class Incremented(Event, frozen=True):
    by: int


EVENTS.replace(
    "counter.bumped_often",
    into=["counter.incremented", "counter.noted"],
    by=lambda payload, _version: (
        *(Form("counter.incremented", {"by": step}) for step in payload["steps"]),
        Form("counter.noted", {"text": "often"}),
    ),
)


@event("counter.noted", version=1)
class Noted(Event, frozen=True):
    text: str


@command("IncrementCounter")
class Increment(Command, frozen=True):
    counter_id: str
    by: int


@command("LevelCounter")
class Level(Command, frozen=True):
    """Bring the counter to a height, which may be where it is."""

    counter_id: str
    at: int


@command("CrashCounter")
class CrashIt(Command, frozen=True):
    counter_id: str


@command("MoveCount")
class Move(Command, frozen=True):
    source: str
    target: str
    by: int


class Boom(Exception):
    """A crash that a test asked for."""


class Counter(Aggregate[int]):
    category = "counter"
    initial_state = 0
    commands: ClassVar = {
        Increment: "counter_id",
        CrashIt: "counter_id",
        Level: "counter_id",
    }

    @staticmethod
    def decide(state: int, command: Any) -> list[Event]:
        if isinstance(command, CrashIt):
            raise Boom
        if isinstance(command, Level):
            return [Incremented(command.at - state)] if command.at != state else []
        if state + command.by < 0:
            raise Rejection(f"a counter of {state} cannot go down by {-command.by}")
        return [Incremented(command.by)]

    @staticmethod
    def evolve(state: int, event: Any) -> int:
        return state + event.by if isinstance(event, Incremented) else state


@event("sticker.put", version=1)
class StickerPut(Event, frozen=True):
    counters: tuple[str, ...]


@event("sticker.rubbed_off", version=1)
class RubbedOff(Event, frozen=True):
    pass


@command("PutSticker")
class PutSticker(Command, frozen=True):
    sticker_id: str
    counters: tuple[str, ...]


@command("RubOff")
class RubOff(Command, frozen=True):
    sticker_id: str


class Sticker(Aggregate[tuple[str, ...]]):
    category = "sticker"
    initial_state = ()
    commands: ClassVar = {PutSticker: "sticker_id", RubOff: "sticker_id"}
    names: ClassVar = {PutSticker: lambda put: [(Counter, one) for one in put.counters]}

    @staticmethod
    def decide(state: tuple[str, ...], command: Any) -> list[Event]:
        if isinstance(command, PutSticker):
            return [StickerPut(command.counters)]
        if not state:
            raise Rejection("there is no sticker")
        return [RubbedOff()]

    @staticmethod
    def evolve(state: tuple[str, ...], event: Any) -> tuple[str, ...]:
        return event.counters if isinstance(event, StickerPut) else ()


class MoveHandler(CommandHandler):
    command = Move

    @staticmethod
    def reads(command: Any) -> Any:
        return [(Counter, command.source), (Counter, command.target)]

    @staticmethod
    def decide(command: Any, states: Any) -> Any:
        if states[Counter, command.source] < command.by:
            raise Rejection("not enough")
        return [
            StreamEvents(Counter.stream(command.source), (Incremented(-command.by),)),
            StreamEvents(Counter.stream(command.target), (Incremented(command.by),)),
        ]


class Tally(Projector):
    name = "tally"
    types = ("counter.incremented",)

    def create(self, db: Database) -> None:
        db.table("tally").create({"stream": str, "total": int, "events": int}, pk="stream")

    def project(self, db: Database, event: Recorded) -> None:
        db.execute(
            "INSERT INTO tally VALUES (?, ?, 1) ON CONFLICT (stream) DO UPDATE "
            "SET total = total + excluded.total, events = events + 1",
            [event.stream, event.event.by],
        )


def tally(db: Database) -> dict[str, tuple[int, int]]:
    """Return total and number of events by stream."""
    rows = db.execute("SELECT stream, total, events FROM tally").fetchall()
    return {stream: (total, events) for stream, total, events in rows}


class Congratulate(ProcessManager):
    """Notes each increment of ten or more on the counter's own stream."""

    name = "congratulate"
    types = ("counter.incremented",)

    def process(self, event: Recorded) -> list[StreamEvents]:
        if event.event.by < 10:
            return []
        return [StreamEvents(event.stream, (Noted(f"well done, event {event.id}"),))]
