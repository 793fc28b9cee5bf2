"""What process managers and projectors have in common: catching up, and then following.

A consumer subscribes first and then reads: what is published meanwhile waits in its mailbox, and
what it has read already is skipped by its id. So nothing falls between. If there is much to read it
has read most of it before it subscribes, so that its mailbox stays short. It first waits a moment,
because it may be restarting over an event that was not visible yet. A stop is honoured at once,
also while it waits or catches up. Where there is no room on the disk it waits and tries again.
"""

from __future__ import annotations

import random
import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeVar

from ledger_actors.runtime.backlog import backlog
from ledger_actors.runtime.catalog import EventCatalog
from ledger_actors.runtime.consumer_messages import ReadPosition, Stopping, WaitFor
from ledger_actors.runtime.delivery import Delivery, as_delivery, read_as, unseen
from ledger_actors.runtime.errors import (
    LedgerRuntimeError,
    OtherHistory,
    PoisonEvent,
    PositionAhead,
    ProjectorStopped,
    ReadModelDamaged,
    ReadModelFull,
    is_unreadable,
)
from ledger_actors.runtime.event_taker import EventTaker
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.parking import Batch, DiscardParked, ParkingOutcome, RetryParked
from ledger_actors.runtime.recorded import Recorded, log_fields
from ledger_actors.runtime.system import System
from ledger_actors.store.errors import StoreFull
from ledger_actors.store.model import RecordedEvent
from supervision import Actor, CallTimeout, Future, Shutdown
from supervision.messages import ShutdownRequest, SystemMessage, is_stop

__all__ = ["KEEP_POSITION_EVERY", "Consumer"]

T = TypeVar("T")

FINAL = (PositionAhead, OtherHistory, ReadModelDamaged, ProjectorStopped, PoisonEvent)
"""What no restart would change; beside an event that cannot be read."""

KEEP_POSITION_EVERY = 1000
"""Ids without an event that it wants after which the position is written all the same."""

MOST_AT_ONCE = 1024
"""Deliveries that are taken as one, at most."""


class _DelayOver(SystemMessage):
    """The moment to wait before hydration is over."""

    def handle(self, actor: Actor) -> None:
        """Come too late to matter."""


class Consumer(EventTaker):
    """An actor that takes events in order of id, each exactly once in effect. On its own thread."""

    types: ClassVar[Sequence[str]] = ()
    """The event types that it wants, `*` being a wildcard; none means all."""

    streams: ClassVar[Sequence[str]] = ()
    """The streams that it wants, `*` being a wildcard; none means all."""

    def __init__(self, system: System) -> None:
        super().__init__()
        self.system = system
        self._wanted = EventFilter(self.types, self.streams)
        self.filter = self.filter_of(system.events)
        self.position = 0
        self._waiting: list[tuple[int, Future[Any]]] = []
        self._looked = False  # whether it is known that no request to stop has been put aside
        self._known_hash = (0, "")

    @classmethod
    def filter_of(cls, events: EventCatalog) -> EventFilter:
        """Return which events of the log it is given: those that it wants, under any name."""
        wanted = EventFilter(cls.types, cls.streams)
        older = events.aliases(wanted.wants_type) if cls.types else ()
        return EventFilter((*cls.types, *older), cls.streams)

    # -- for subclasses ------------------------------------------------------------------------

    @abstractmethod
    def load_position(self) -> int:
        """Return where it stands; called before it subscribes, and the same whenever it is."""

    def remedy(self) -> str:
        """Return what else can be done if the position is ahead of the store, to end a sentence."""
        return ""

    def caught_up(self) -> None:
        """Do what is due when hydration is done. Nothing here."""

    @property
    def log(self) -> Any:
        """A logger that is bound with the actor's name, and with the event that it deals with."""
        return super().log if self.at_hand is None else super().log.bind(**log_fields(self.at_hand))

    # -- the actor -----------------------------------------------------------------------------

    def on_start(self) -> None:
        """Wait, subscribe, catch up."""
        self.system.stopped.pop(self.name, None)
        self.system.reached.pop(self.name, None)
        if not self._delay():
            return
        try:
            self._hydrate()
        except Stopping:
            return
        except LedgerRuntimeError as problem:
            self._stop_for_good(problem)

    def on_receive(self, message: Any) -> Any:
        """Deal with a delivery, or answer a question; log and ignore anything else."""
        if isinstance(message, WaitFor):
            return self._wait_for(message.event_id)
        if isinstance(message, ReadPosition):
            return self.position
        if isinstance(message, RetryParked | DiscardParked):
            return self._with_parked(message)
        delivery = as_delivery(message)
        if delivery is None:
            self.log.warning("consumer.not_an_event", message=repr(message)[:200])
            return None
        if unseen(self.name, self.position, delivery) is None:
            self.log.debug("consumer.seen_already", up_to=delivery.up_to, position=self.position)
            return None
        try:
            self._take_told([delivery, *self._waiting_behind(delivery)])
        except Stopping:
            return None
        except LedgerRuntimeError as problem:
            self._stop_for_good(problem)
        return None

    def crash_context(self, message: Any) -> Mapping[str, object]:
        """Return which event it was at."""
        delivery = as_delivery(message)
        if self.at_hand is not None or delivery is None:
            return {} if self.at_hand is None else log_fields(self.at_hand)
        row = next((row for row in delivery.events if row.id > self.position), None)
        return {"event_id": delivery.after + 1} if row is None else log_fields(row)

    # -- hydration -----------------------------------------------------------------------------

    def _delay(self) -> bool:
        """Wait the hydration delay; return False if it was asked to stop meanwhile."""
        options = self.system.options
        seconds = options.hydration_delay + random.random() * options.hydration_delay_entropy
        if seconds <= 0:
            return True
        over = _DelayOver()
        timer = self.system.timers.send_after(seconds, self.actor_ref, over)
        item = self.receive(lambda message: message is over or is_stop(message), system=True)
        if item is over:
            return True
        timer.cancel()
        self._stop_because_of(item)
        return False

    def _hydrate(self) -> None:
        self.move_to(self.load_position())
        head = self.system.store.head()
        if self.position > head:
            raise PositionAhead(self.name, self.position, head, remedy=self.remedy())
        self.resume()
        began_at = self.position
        self._catch_up()
        self.system.subscriptions.subscribe(self.actor_ref, self.filter)
        self._catch_up()
        self.log.info("consumer.hydrated", events=self.position - began_at, position=self.position)
        self.caught_up()

    def _catch_up(self) -> None:
        for batch in self._batches():
            self._take([batch])
            self.stop_if_asked()

    def _batches(self) -> Iterator[Delivery]:
        system, size = self.system, self.system.options.read_batch
        return backlog(
            system.store, system.events, self.filter, after=self.position, batch_size=size
        )

    def stop_if_asked(self) -> None:
        """Leave off what is being done if a request to stop waits; it is done after a restart.

        Raises:
            Stopping: it was asked to stop; the base class takes it from there.
        """
        self.pause(0)

    def pause(self, seconds: float) -> None:
        """Wait real seconds, unless asked to stop.

        Raises:
            Stopping: it was asked to stop.
        """
        looked, self._looked = self._looked, True
        try:
            item = super().receive(is_stop, timeout=seconds, system=True, only_new=looked)
        except CallTimeout:
            return
        self._stop_because_of(item)
        raise Stopping

    def receive(self, match: Callable[[Any], bool], **options: Any) -> Any:
        """Wait for a message, as any actor; a request to stop that is passed over is not lost."""
        self._looked = False
        return super().receive(match, **options)

    def patiently(self, action: Callable[[], T]) -> T:
        """Return `action()`; where there is no room on the disk, wait and try again.

        It says so when the wait begins or its reason changes, and when it is over.

        Raises:
            Stopping: it was asked to stop meanwhile.
        """
        began, tries, told = time.monotonic(), 0, ""
        while True:
            try:
                result = action()
            except (StoreFull, ReadModelFull) as problem:
                if told != (told := str(problem)):
                    self.log.warning("consumer.waits_for_room", reason=told)
                tries += 1
                self.pause(self.system.options.full_disk_pause)
            else:
                if tries:
                    waited = round(time.monotonic() - began, 1)
                    self.log.info("consumer.has_room", waited=waited, tries=tries)
                return result

    def _stop_because_of(self, item: Any) -> None:
        if isinstance(item, ShutdownRequest):
            self.exit(item.reason)
        else:
            self.exit()
            self.actor_ref.signal(item)  # Pykka's; it is answered at the end

    # -- taking --------------------------------------------------------------------------------

    def _waiting_behind(self, first: Delivery) -> list[Delivery]:
        """Take from the mailbox what follows `first` without a gap, a batch at most."""
        up_to, room = first.up_to, self.system.options.read_batch - len(first.events)

        def follows(envelope: Any) -> bool:
            nonlocal up_to, room
            told = envelope.message
            if type(told) is not Delivery or envelope.reply_to is not None:
                return False
            if told.after != up_to or len(told.events) > room:
                return False
            up_to, room = told.up_to, room - len(told.events)
            return True

        return [envelope.message for envelope in self.take_waiting(MOST_AT_ONCE, follows)]

    def _take_told(self, deliveries: Sequence[Delivery]) -> None:
        self._take(deliveries)

    def _take(self, deliveries: Sequence[Delivery]) -> None:
        """Take deliveries as one; where a row cannot be read, what was before it, and raise."""
        events: list[Recorded] = []
        ids: list[int] = []
        position, decoded = self.position, self.decoded
        for delivery in deliveries:
            for row in delivery.events:
                if row.id <= position:
                    continue
                try:
                    events += decoded(row, delivery.decoded)
                except LedgerRuntimeError:
                    self._move(Batch(row.id - 1, events, ids))
                    self.at_hand = row
                    raise
                ids.append(row.id)
        last = deliveries[-1]
        self._known_hash = (last.up_to, last.hash)
        self._move(Batch(last.up_to, events, ids))

    def _move(self, batch: Batch) -> None:
        if batch.up_to > self.position:
            self.deal_with(batch)
            self._answer_waiting()

    def _with_parked(self, message: RetryParked | DiscardParked) -> ParkingOutcome | None:
        try:
            if isinstance(message, RetryParked):
                return self.retry(message)
            return self.discard(message)
        except Stopping:
            self.defer_reply()  # whoever asked is told of the end
            return None

    def move_to(self, event_id: int) -> None:
        """Take note that it has dealt with all up to an event, for whoever looks at it."""
        self.position = self.system.reached[self.name] = event_id

    def decoded(
        self, row: RecordedEvent, known: dict[int, tuple[Recorded, ...]]
    ) -> Sequence[Recorded]:
        """Return what a row is read as, as far as it is wanted; raises as `EventCatalog.decode`.

        `known` has what others have decoded of the same commit, and is added to.
        """
        return read_as(row, known, self.system.events, self._wanted)

    def hash_at(self, event_id: int) -> str | None:
        """Return an event's hash, as `EventStore.hash_at`; that of a delivery is at hand."""
        known_id, known = self._known_hash
        return known if known and known_id == event_id else self.system.store.hash_at(event_id)

    def _wait_for(self, event_id: int) -> int | None:
        if event_id <= self.position:
            return self.position
        self._waiting.append((event_id, self.defer_reply()))
        self.system.subscriptions.tell_consumers()
        return None

    def _answer_waiting(self) -> None:
        if not self._waiting:
            return
        due = [answer for event_id, answer in self._waiting if event_id <= self.position]
        self._waiting = [one for one in self._waiting if one[0] > self.position]
        for answer in due:
            answer.try_set(self.position)

    def _stop_for_good(self, problem: Exception) -> None:
        """End without a restart, if what is wrong does not go away by trying again; else crash."""
        if not (isinstance(problem, FINAL) or is_unreadable(problem)):
            raise problem
        self.log.error("consumer.stopped", reason=str(problem), position=self.position)
        self.system.stopped[self.name] = str(problem)
        self.exit(Shutdown(str(problem)))
