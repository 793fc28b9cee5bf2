"""What a consumer has put aside: events that it could not process, and those behind them.

Events of one key are dealt with in order or not at all: once one is parked, so are the later ones
of its key, until it is processed after all (a retry) or discarded. Other keys go on.

What is on disk is the truth: a row is there from the transaction that moves the position over the
event, until the one that has its effect. This is what the consumer's actor knows of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ledger_actors.runtime.poison import Failure
from ledger_actors.runtime.recorded import Recorded
from ledger_actors.store.model import Parked
from supervision import telemetry

__all__ = [
    "PARKED",
    "Batch",
    "DiscardParked",
    "Parking",
    "ParkingOutcome",
    "RetryParked",
    "behind",
    "parked",
]

PARKED = telemetry.Event(
    "consumer.parked",
    "a consumer has put events aside",
    consumer="its name",
    event_id="the first of them",
    events="how many",
    error="what was wrong with the first; empty: they wait behind an earlier one",
)


class RetryParked(msgspec.Struct, frozen=True):
    """Process the parked events of the key of this one, in order, until one fails."""

    event_id: int


class DiscardParked(msgspec.Struct, frozen=True):
    """Give a parked event up, for ever, and go on with the others of its key."""

    event_id: int
    reason: str
    author: str


class ParkingOutcome(msgspec.Struct, frozen=True):
    """What came of a retry or a discard: how many were processed, how many of the key are left.

    `error` is that of the one at which it stopped, which is the first of what is left.
    """

    processed: int
    left: int
    error: str | None = None


class Batch(msgspec.Struct, frozen=True):
    """Events that a consumer takes together, and the position behind them.

    `ids` are those of the events that it deals with, also of those that are read as no event.
    """

    up_to: int
    events: Sequence[Recorded]
    ids: Sequence[int]
    parked: Sequence[Parked] = ()

    def after(self, position: int) -> Batch:
        """Return what is left of it behind a position; what is parked is to be found anew."""
        events = [event for event in self.events if event.id > position]
        return Batch(self.up_to, events, [one for one in self.ids if one > position])

    def through(self, event_id: int) -> Batch:
        """Return what of it is up to and with an event."""
        events = [event for event in self.events if event.id <= event_id]
        return Batch(event_id, events, [one for one in self.ids if one <= event_id])

    def part(self, events: Sequence[Recorded], after: int, up_to: int) -> Batch:
        """Return the part of it behind `after`, up to and with `up_to`, whose events these are."""
        ids = [one for one in self.ids if after < one <= up_to]
        parked = [one for one in self.parked if after < one.event_id <= up_to]
        return Batch(up_to, events, ids, parked)


class Parking:
    """The parked events of one consumer, and the ids of those that it has discarded."""

    def __init__(self, rows: Iterable[Parked] = (), discarded: Iterable[int] = ()) -> None:
        self.discarded = set(discarded)
        self._rows: dict[int, Parked] = {}
        self._keys: Counter[str] = Counter()
        self.add(rows)

    def __bool__(self) -> bool:
        return bool(self._rows or self.discarded)

    def __len__(self) -> int:
        return len(self._rows)

    def concerns(self, after: int) -> bool:
        """Return whether events behind `after` may have to be parked, or were discarded."""
        return bool(self._rows) or any(event_id > after for event_id in self.discarded)

    def get(self, event_id: int) -> Parked | None:
        """Return a parked event."""
        return self._rows.get(event_id)

    def of_key(self, key: str) -> list[Parked]:
        """Return the parked events of a key, in order."""
        return sorted(
            (row for row in self._rows.values() if row.key == key), key=lambda row: row.event_id
        )

    def add(self, rows: Iterable[Parked]) -> None:
        """Take note of parked events, or of what is new about them."""
        for row in rows:
            if row.event_id not in self._rows:
                self._keys[row.key] += 1
            self._rows[row.event_id] = row

    def remove(self, event_id: int) -> None:
        """Forget one, which was dealt with."""
        row = self._rows.pop(event_id)
        self._keys[row.key] -= 1
        if not self._keys[row.key]:
            del self._keys[row.key]

    def sorted(self, batch: Batch, key_of: Callable[[Recorded], str], now: str) -> Batch:
        """Return a batch without what was discarded, and with what is to be parked as such."""
        events: list[Recorded] = []
        waiting: dict[int, Parked] = {}
        for event in batch.events:
            if event.id in self.discarded or event.id in waiting:
                continue
            key = key_of(event) if self._keys else ""
            if self._keys and key in self._keys:
                waiting[event.id] = behind(event, key, now)
            else:
                events.append(event)
        ids = [one for one in batch.ids if one not in waiting and one not in self.discarded]
        return Batch(batch.up_to, events, ids, tuple(waiting.values()))


def parked(failure: Failure, key: str, now: str) -> Parked:
    """Return the row of an event that was tried often enough."""
    return Parked(
        failure.event_id,
        key,
        failure.type,
        failure.stream,
        failure.attempts,
        failure.error,
        failure.traceback,
        now,
    )


def behind(event: Recorded, key: str, now: str) -> Parked:
    """Return the row of an event that waits behind an earlier one of its key."""
    return Parked(event.id, key, event.type, event.stream, 0, "", "", now)
