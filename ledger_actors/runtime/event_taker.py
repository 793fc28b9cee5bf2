"""How a consumer takes events one of which may be poison: tries again, parks, goes on.

The subclass says how a batch is taken in one transaction, and how what it has parked and counted is
written; this is what comes before and after. It runs in the consumer's thread throughout.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from msgspec.structs import replace

from ledger_actors.runtime.discards import discard, discarded
from ledger_actors.runtime.errors import NotParked, PoisonEvent, ProjectorGone, is_unreadable
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.parking import (
    PARKED,
    Batch,
    DiscardParked,
    Parking,
    ParkingOutcome,
    RetryParked,
    parked,
)
from ledger_actors.runtime.poison import FAILED, Failure, is_poison
from ledger_actors.runtime.recorded import Recorded
from ledger_actors.runtime.system import System
from ledger_actors.store.model import Append, Counting, Dealt, Parked, RecordedEvent, Standing
from supervision import Actor, Rejection, telemetry

__all__ = ["EventTaker"]


class EventTaker(Actor):
    """Takes batches of events, in order; parks what it cannot process."""

    name: ClassVar[str]
    """Names the consumer and its position, for ever."""

    order_bound: ClassVar[bool] = False
    """Whether the order of events matters across their keys: it then parks none, and stops."""

    at_hand: Recorded | RecordedEvent | None = None
    """The event that it deals with; whoever takes events one by one says so here."""

    system: System
    filter: EventFilter
    position: int

    def __init__(self) -> None:
        super().__init__()
        self.parking = Parking()

    # -- for subclasses ------------------------------------------------------------------------

    def parking_key(self, event: Recorded) -> str:
        """Return what an event is about; by default its stream.

        Events of one key are processed in order. Where one is parked, so are those behind it, and
        those of other keys go on: two events that do not commute must have one key. It is to
        depend on nothing but the event.
        """
        return event.stream

    @abstractmethod
    def take(self, batch: Batch) -> None:
        """Deal with a batch, write what of it is parked, and move the position, as one."""

    @abstractmethod
    def take_up(self, row: Parked, events: Sequence[Recorded]) -> None:
        """Deal with a parked event and forget that it is, as one; the position stays."""

    @abstractmethod
    def record(self, dealt: Dealt) -> None:
        """Write what is parked or counted, where the position stays."""

    @abstractmethod
    def standing(self) -> Standing:
        """Return what is written of it."""

    @abstractmethod
    def give_up(self, event_id: int, append: Append) -> None:
        """Write a discard, and forget that the event is parked."""

    @abstractmethod
    def move_to(self, event_id: int) -> None:
        """Take note that it has dealt with all up to an event."""

    @abstractmethod
    def pause(self, seconds: float) -> None:
        """Wait, unless it is asked to stop."""

    @abstractmethod
    def decoded(
        self, row: RecordedEvent, known: dict[int, tuple[Recorded, ...]]
    ) -> Sequence[Recorded]:
        """Return what a row is read as, as far as it is wanted."""

    # -- taking --------------------------------------------------------------------------------

    def deal_with(self, batch: Batch, *, may_crash: bool = True) -> None:
        """Take a batch, event by event where one of it is poison, and be behind it."""
        while batch.up_to > self.position:
            taken = self._next_part(batch)
            try:
                self.take(taken)
            except Exception as problem:
                self._note_parked(taken)
                event = self.at_hand
                if not (isinstance(event, Recorded) and is_poison(problem)):
                    raise
                self._after(event, problem, taken, may_crash=may_crash)
                self.at_hand = None
            else:
                self.move_to(taken.up_to)
                self._note_parked(taken)
            if batch.up_to > self.position:
                batch = batch.after(self.position)
        self._forget_failure()

    def _forget_failure(self) -> None:
        failure = self.system.failing.get(self.name)
        if failure is not None and failure.event_id <= self.position:
            del self.system.failing[self.name]

    def _next_part(self, batch: Batch) -> Batch:
        """Return what to take next: what failed is taken with nothing behind it."""
        failure = self.system.failing.get(self.name)
        if failure is not None and self.position < failure.event_id < batch.up_to:
            batch = batch.through(failure.event_id)
        if self.parking:
            return self.parking.sorted(batch, self.parking_key, self._now())
        return batch

    def _after(self, event: Recorded, problem: Exception, taken: Batch, *, may_crash: bool) -> None:
        """Count a failure. Return when it is to be tried again, or when the event is parked."""
        before = self.system.failing.get(self.name)
        attempts = before.attempts if before is not None and before.event_id == event.id else 0
        failure = Failure.of(event, problem, attempts=attempts + 1)
        self.system.failing[self.name] = failure
        telemetry.emit(FAILED, consumer=self.name, event_id=event.id, attempts=failure.attempts)
        if failure.attempts < self.system.options.attempts:
            self._before_retry(failure, problem, may_crash=may_crash)
        elif self.order_bound:
            raise PoisonEvent(self.name, failure) from problem
        else:
            self._park(event, failure, taken)

    def _before_retry(self, failure: Failure, problem: Exception, *, may_crash: bool) -> None:
        """Wait; then crash, for a successor to try again, or return to try again here."""
        seconds = self.retry_after(failure.attempts)
        crash = may_crash and not isinstance(problem, Rejection) and self.system.restarts.allowed()
        self.log.warning(
            "consumer.failed",
            attempts=failure.attempts,
            error=failure.error,
            retry_in=seconds,
            by="restart" if crash else "this actor",
        )
        self.pause(seconds)
        if crash:
            raise problem

    def retry_after(self, attempts: int) -> float:
        """Return how long to wait after so many attempts: twice as long each time."""
        options = self.system.options
        return float(min(options.retry_delay * 2 ** (attempts - 1), options.longest_retry_delay))

    def _park(self, event: Recorded, failure: Failure, taken: Batch) -> None:
        """Put an event aside, and what is before it of the batch and was put aside already."""
        row = parked(failure, self.parking_key(event), self._now())
        self.log.error(
            "consumer.parked",
            key=row.key,
            attempts=row.attempts,
            error=row.error,
            traceback=row.traceback,
        )
        before = taken.part((), self.position, event.id)
        ids = [one for one in before.ids if one != event.id]
        batch = Batch(event.id, (), ids, (*before.parked, row))
        self.take(batch)
        self.move_to(event.id)
        self._note_parked(batch)

    def _note_parked(self, batch: Batch) -> None:
        """Take note of what was written of a batch's parked events."""
        rows = [row for row in batch.parked if row.event_id <= self.position]
        if not rows:
            return
        self.parking.add(rows)
        self._count_parked()
        first = rows[0]
        if not first.attempts:
            self.log.warning("consumer.parked_behind", event_id=first.event_id, events=len(rows))
        telemetry.emit(
            PARKED,
            consumer=self.name,
            event_id=first.event_id,
            events=len(rows),
            error=first.error,
        )

    def _count_parked(self) -> None:
        self.system.parked[self.name] = len(self.parking)

    def _now(self) -> str:
        return self.system.clock.now().isoformat(timespec="milliseconds")

    # -- what is parked ------------------------------------------------------------------------

    def resume(self) -> None:
        """Know what is parked, what was discarded, and what is counted; behind `load_position`."""
        self._forget_failure()  # that of a rebuild which ended there
        standing = self.standing()
        left_out = discarded(self.system, self.name)
        known = {row.event_id for row in standing.parked}
        if gone := known & left_out:  # it ended between the discard and forgetting the event
            self.record(Dealt(unparked=tuple(gone)))
        rows = [row for row in standing.parked if row.event_id not in left_out]
        self.parking = Parking(rows, left_out)
        self._count_parked()
        if rows:
            self.log.warning("consumer.has_parked", events=len(rows), first=rows[0].event_id)
        self._count(standing)

    def _count(self, standing: Standing) -> None:
        """Begin to count anew where nothing is counted, or other events were wanted so far."""
        counting = self.counting_after(self.position)
        if standing.counting is None or standing.counting.wanted != counting.wanted:
            if self.position:
                self.log.info("consumer.counts_anew", after=self.position)
            self.record(Dealt(counting=counting))

    def counting_after(self, event_id: int) -> Counting:
        """Return what is written where it begins to count what it processes."""
        return Counting(event_id, self.filter.told())

    def retry(self, message: RetryParked) -> ParkingOutcome:
        """Process the parked events of a key, in order, until one fails."""
        return self._retry_key(self._parked(message.event_id).key)

    def discard(self, message: DiscardParked) -> ParkingOutcome:
        """Give a parked event up, and process the others of its key."""
        row, author = self._parked(message.event_id), message.author
        append = discard(self.system, self.name, row.event_id, reason=message.reason, author=author)
        self.give_up(row.event_id, append)
        self.parking.discarded.add(row.event_id)
        self.parking.remove(row.event_id)
        self._count_parked()
        self.log.warning(
            "consumer.discarded", event_id=row.event_id, reason=message.reason, author=author
        )
        return self._retry_key(row.key)

    def _retry_key(self, key: str) -> ParkingOutcome:
        rows, error = self.parking.of_key(key), None
        processed = 0
        for row in rows:
            if (error := self._error_of(row)) is not None:
                break
            processed += 1
        self._count_parked()
        left = len(rows) - processed
        self.log.info("consumer.retried", key=key, processed=processed, left=left, error=error)
        return ParkingOutcome(processed, left, error)

    def _error_of(self, row: Parked) -> str | None:
        """Process a parked event; return what is wrong, which is written, `None` if nothing is."""
        try:
            (stored,) = self.system.store.read_all(after=row.event_id - 1, up_to=row.event_id)
            self.at_hand = stored
            self.take_up(row, self.decoded(stored, {}))
        except Exception as problem:
            gone = isinstance(problem, ProjectorGone)
            if not (gone or is_poison(problem) or is_unreadable(problem)):
                raise
            event = self.at_hand
            assert event is not None, "it was read"
            failure = Failure.of(event, problem, attempts=row.attempts + 1)
            changed = replace(
                row, attempts=failure.attempts, error=failure.error, traceback=failure.traceback
            )
            self.record(Dealt(parked=(changed,)))
            self.parking.add((changed,))
            return failure.error
        finally:
            self.at_hand = None
        self.parking.remove(row.event_id)
        return None

    def _parked(self, event_id: int) -> Parked:
        row = self.parking.get(event_id)
        if row is None:
            raise NotParked(self.name, event_id)
        return row
