"""Process managers: actors that react to events with new events, each exactly once.

The child events and the new position are one append: there is no moment at which one is there
without the other. Each child event has an id that is made from the manager's name, the id of the
event that led to it, and an index (`command_id` and `command_index`), so that a repeat is known.
Without a position it begins at the newest event: it never reacts to what was before it.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from itertools import groupby
from operator import attrgetter
from typing import Any, TypeVar

from msgspec.structs import replace
from sqlite_utils import Database

from ledger_actors.runtime.aggregate import Aggregate
from ledger_actors.runtime.consumer import KEEP_POSITION_EVERY, Consumer
from ledger_actors.runtime.consumer_messages import Stopping, WaitFor, consumer_key
from ledger_actors.runtime.errors import ProjectorGone, ProjectorStopped, ReadModelIncomplete
from ledger_actors.runtime.parking import Batch
from ledger_actors.runtime.projector import Projector
from ledger_actors.runtime.read_models import standing_of
from ledger_actors.runtime.recorded import Recorded, StreamEvents
from ledger_actors.runtime.stored_states import state_at
from ledger_actors.store.errors import CommandIdReused
from ledger_actors.store.journal import AppendRequest
from ledger_actors.store.model import (
    ANY,
    Append,
    Dealt,
    Parked,
    PositionUpdate,
    Standing,
    StreamWrite,
)
from ledger_actors.store.tally import tallies
from supervision import ActorDead, CallTimeout, Future

__all__ = ["ProcessManager"]

T = TypeVar("T")
GONE_SECONDS = 10.0
"""How long a projector may be away before it is taken not to be restarted."""

WAIT_SECONDS = 0.05
"""How often a wait for a projector looks whether it should stop, and whether there is a new one."""


class ProcessManager(Consumer):
    """Subclass it with a name, the types that it wants, and `process`."""

    def __init__(self, system: Any) -> None:
        super().__init__(system)
        self._stored: int | None = None

    @abstractmethod
    def process(self, event: Recorded) -> Sequence[StreamEvents]:
        """Return the events that `event` leads to, stream by stream; none if it leads to none.

        It may read (`state_at`, `read_model`) and wait; it may be called again for the same event
        after a crash, and must then return the same.
        """

    def state_at(self, cls: type[Aggregate[Any]], identity: str, event_id: int) -> Any:
        """Return the state of an aggregate as it was when event `event_id` was the last.

        Raises:
            NoSuchStream: there was no such aggregate then.
        """
        return state_at(self.system, cls, identity, event_id).state

    def read_model(
        self, projector: type[Projector], query: Callable[[Database], T], *, up_to: int
    ) -> T:
        """Wait until a read model has taken in event `up_to`, and return `query(database)`.

        It waits for as long as the projector is alive or is being restarted.

        Raises:
            ProjectorGone: there has been none for a while. Let it be a crash: whoever supervises
                both must hear that this one cannot go on.
            ProjectorStopped: it has stopped for good. Let it through: then so does this one.
            ReadModelIncomplete: events up to that one are parked there. Let it through: then so is
                the event that this one is at.
        """
        address = self.system.names.name(consumer_key(projector.name))
        gone_at: float | None = None
        while not self.wait_for_answer(address.ask(WaitFor(up_to), block=False), projector.name):
            if address.is_alive():
                gone_at = None
                continue
            if (why := self.system.stopped.get(projector.name)) is not None:
                raise ProjectorStopped(self.name, projector.name, why)
            gone_at = gone_at or time.monotonic()
            if time.monotonic() - gone_at > GONE_SECONDS:
                raise ProjectorGone(self.name, projector.name)
        return projector.read(self.system, partial(self._whole, projector.name, query, up_to))

    def _whole(self, projector: str, query: Callable[[Database], T], up_to: int, db: Database) -> T:
        """Return `query(db)` if nothing is missing in what it reads."""
        missing = [row.event_id for row in standing_of(db).parked if row.event_id <= up_to]
        if missing:
            raise ReadModelIncomplete(self.name, projector, count=len(missing), first=missing[0])
        return query(db)

    def wait_for_answer(self, answer: Future[Any], projector: str) -> bool:
        """Wait for a projector's answer; return whether it gave one before it ended.

        A request to stop is honoured meanwhile: the event is then left for the next start.
        """
        waited = 0.0
        while not answer.done():
            try:
                answer.get(timeout=WAIT_SECONDS)
            except CallTimeout:
                waited += WAIT_SECONDS
                if waited % 10 < WAIT_SECONDS:
                    self.log.info("process_manager.waiting", projector=projector, seconds=waited)
            except ActorDead:
                break
            self.stop_if_asked()
        if answer.exception() is None:
            return True
        self.pause(WAIT_SECONDS)
        return False

    def on_start(self) -> None:
        """Know where it stands, and then catch up; the start is over with the first."""
        try:
            self.load_position()
        except Stopping:
            return
        self.acknowledge_start()
        super().on_start()

    def load_position(self) -> int:
        """Return the stored position; without one, write down that it begins at the newest."""
        stored = self.system.store.position(self.name) if self._stored is None else self._stored
        if stored is None:
            stored = self.system.store.head()
            self._keep(stored, Dealt(counting=self.counting_after(stored)))
        self._stored = stored
        return stored

    def take(self, batch: Batch) -> None:
        """React to each event, effect and position in one append, also where there is no effect.

        So none is processed twice, even if what it led to was nothing.
        """
        for event_id, parts in groupby(batch.events, key=attrgetter("id")):
            event, *others = parts
            self.at_hand = event
            children = [child for part in (event, *others) for child in self.process(part)]
            part = batch.part((event,), self.position, event_id)
            self._commit(event, children, _dealt(part), event_id)
            self.move_to(event_id)
            self.at_hand = None
            self.stop_if_asked()
        rest = batch.part((), self.position, batch.up_to)
        stored = self._stored or 0
        if rest.ids or rest.parked or batch.up_to - stored >= KEEP_POSITION_EVERY:
            self._keep(batch.up_to, _dealt(rest))

    def take_up(self, row: Parked, events: Sequence[Recorded]) -> None:
        """React to a parked event, in one append with forgetting that it is."""
        dealt = Dealt(tuple(tallies((row.event_id,))), unparked=(row.event_id,))
        children = [child for part in events for child in self.process(part)]
        stored = self.load_position()
        if events:
            self._commit(events[0], children, dealt, stored)
        else:
            self._keep(stored, dealt)

    def record(self, dealt: Dealt) -> None:
        """Write what is parked or counted."""
        self._keep(self.load_position(), dealt)

    def standing(self) -> Standing:
        """Return what is written in the store."""
        return self.system.store.standing(self.name)

    def give_up(self, event_id: int, append: Append) -> None:
        """Write the discard and forget that the event is parked, as one."""
        stored = self.load_position()
        update = PositionUpdate(self.name, stored, stored, Dealt(unparked=(event_id,)))
        self._append(replace(append, position=update))

    def _keep(self, position: int, dealt: Dealt) -> None:
        self._append(Append(position=PositionUpdate(self.name, position, self._stored, dealt)))
        self._stored = position

    def _commit(
        self, event: Recorded, children: Sequence[StreamEvents], dealt: Dealt, position: int
    ) -> None:
        encode = self.system.events.encode
        writes = tuple(
            StreamWrite(child.stream, tuple(map(encode, child.events)), ANY) for child in children
        )
        command_id = f"{self.name}:{event.id}"
        append = Append(
            writes=writes,
            command_id=command_id if children else None,
            fingerprint=command_id,
            author=self.name,
            correlation_id=event.correlation_id,
            causation_id=str(event.id),
            position=PositionUpdate(self.name, position, self._stored, dealt),
        )
        try:
            self._append(append)
        except CommandIdReused as taken:  # by a command from outside: it must not stand for ours
            self.log.warning("process_manager.command_id_taken", reason=str(taken))
            self._append(replace(append, command_id=f"{command_id}:{self.name}"))
        self._stored = position

    def _append(self, append: Append) -> None:
        # What else goes wrong is a crash: the restart reads the position and does what is left.
        request = AppendRequest(append)
        self.patiently(lambda: self.system.journal.ask(request))


def _dealt(batch: Batch) -> Dealt:
    return Dealt(tuple(tallies(batch.ids)), tuple(batch.parked))
