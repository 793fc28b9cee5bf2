"""Projectors: actors that keep a read model, rows and position in one transaction."""

from __future__ import annotations

import inspect
import itertools
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec
from sqlite_utils import Database

from ledger_actors.runtime.catalog import EVENTS
from ledger_actors.runtime.consumer import KEEP_POSITION_EVERY, Consumer
from ledger_actors.runtime.consumer_messages import Stopping
from ledger_actors.runtime.delivery import Delivery
from ledger_actors.runtime.errors import OtherHistory, WrittenByAnother
from ledger_actors.runtime.parking import Batch
from ledger_actors.runtime.poison import is_poison
from ledger_actors.runtime.projection_messages import Failed, Forget, Project, Projected
from ledger_actors.runtime.read_models import (
    ReadModel,
    history_of,
    path_of,
    position_of,
    standing_of,
    step,
    transaction,
    write_dealt,
)
from ledger_actors.runtime.recorded import Recorded
from ledger_actors.runtime.system import System
from ledger_actors.store.journal import AppendRequest
from ledger_actors.store.model import Append, Dealt, Parked, Standing
from ledger_actors.store.tally import tallies
from supervision import ActorDead

__all__ = ["Projector", "Rebuild", "projects_alone"]

T = TypeVar("T")
FAR = 50_000
"""Events behind from which on catching up is worth the start of a process: half a second."""

TRIES_APART = 3
"""Failures there, one after the other, after which everything is projected here."""

_openings = itertools.count(1)


class Rebuild(msgspec.Struct, frozen=True):
    """Make the read model anew, from the first event, beside the one that serves meanwhile."""


class Projector(Consumer):
    """A read model's actor. Subclass it with a name, a version, `create` and `project`.

    It begins at the first event. Each event is projected once in effect: rows and position are one
    transaction, of all events that are there, up to a batch. A model that many events come to has
    `project_all` instead of `project`, and so reads and writes each row once for many of them
    (`Rows` helps with that). As a static method either needs no actor: many events at once are then
    projected in a process beside this one, where there is one (`ProjectionProcess`).
    """

    version: ClassVar[int] = 1
    """The version of the tables' form. Raise it when it changes: the model is then made anew."""

    dependent_hydration: ClassVar[bool] = False
    """Whether others rely on it: then the supervisor waits until it has hydrated."""

    def __init__(self, system: System) -> None:
        super().__init__(system)
        _ensure_projects(type(self))
        self.model: ReadModel = system.read_models.model(self.name, self.version)
        self._db: Database | None = None
        self._stored = 0
        self._rebuilding = False
        self._many = system.options.own_process_from
        self._can_be_apart = (
            bool(self._many) and projects_alone(type(self)) and system.events is EVENTS
        )
        self._failed_apart = 0
        self._opening = f"{next(_openings)}"

    @abstractmethod
    def create(self, db: Database) -> None:
        """Make the tables; called once for a new file, in its first transaction."""

    def project(self, db: Database, event: Recorded) -> None:
        """Write what `event` changes, through `db`, and nothing else."""
        raise NotImplementedError

    def project_all(self, db: Database, events: Sequence[Recorded]) -> None:
        """Write what `events` change together, through `db`; by default one after the other.

        They come in order, in batches of any size, and the rows must not depend on how they are
        cut. Where this raises, all is undone and it is called with one event at a time: so those
        before the one at fault are kept, and the crash names it.
        """
        for event in events:
            self.at_hand = event
            self.project(db, event)

    @classmethod
    def read(cls, system: System, query: Callable[[Database], T]) -> T:
        """Return `query(database)` on the read model, in the caller's thread.

        Raises:
            LookupError: the projector has never run.
        """
        return system.read_models.model(cls.name, cls.version).query(query)

    def load_position(self) -> int:
        """Open the file, make the tables if it is new, and return its position.

        Raises:
            OtherHistory: it was made from other events than those in the store.
        """
        self._forget_apart(self.model.path)  # and a batch of a predecessor is done, or undone
        self._db = self.patiently(lambda: self._open(self.model.open_writer()))
        position, known = position_of(self._db), history_of(self._db)
        found = self.system.store.hash_at(position)
        if None not in (found, known) and found != known:
            raise OtherHistory(self.name, position, remedy=self.remedy())
        self._stored = position
        return position

    def take(self, batch: Batch) -> None:
        """Project a batch and move the position, in one transaction.

        Where it has no events the position is written later, with what comes: the model is the
        same. Where one of it raises, those before it are kept.
        """
        if not (batch.ids or batch.parked or batch.up_to - self._stored >= KEEP_POSITION_EVERY):
            return
        try:
            self.patiently(lambda: self._write(self._database, batch))
        except Exception:
            self.move_to(max(self.position, self._stored))
            raise

    def take_up(self, row: Parked, events: Sequence[Recorded]) -> None:
        """Project a parked event, in one transaction with forgetting that it is."""
        dealt = Dealt(tuple(tallies((row.event_id,))), unparked=(row.event_id,))
        self.patiently(lambda: self._commit(self._database, events, dealt, self._stored))

    def record(self, dealt: Dealt) -> None:
        """Write what is parked or counted."""
        self.patiently(lambda: self._commit(self._database, (), dealt, self._stored))

    def standing(self) -> Standing:
        """Return what is written in its file."""
        return standing_of(self._database)

    def give_up(self, event_id: int, append: Append) -> None:
        """Write the discard, which is the truth; should it end here, its successor reads it."""
        request = AppendRequest(append)
        self.patiently(lambda: self.system.journal.ask(request))
        self.record(Dealt(unparked=(event_id,)))

    def remedy(self) -> str:
        """Return how the model is made anew where it cannot start."""
        return f", or delete {self.model.path}* and start again: it is then made anew"

    def on_receive(self, message: Any) -> Any:
        """Rebuild when asked to; everything else as any consumer."""
        if isinstance(message, Rebuild):
            return self._rebuild_unless_stopped()
        return super().on_receive(message)

    def on_stop(self) -> None:
        """Close the file."""
        self._close()

    def on_failure(self, *_args: Any) -> None:
        """Close the file; what was not committed is undone."""
        self._close()

    @property
    def _database(self) -> Database:
        assert self._db is not None, "load_position opens it"
        return self._db

    def _open(self, db: Database) -> Database:
        if position_of(db) == 0 and not _has_tables(db):
            with transaction(db):
                self.create(db)
        return db

    def _write(self, db: Database, batch: Batch) -> None:
        try:
            self._commit_batch(db, batch)
        except Exception as problem:
            if not (batch.events and is_poison(problem)):
                raise
            if batch.events[0].id != batch.events[-1].id:
                self._one_by_one(db, batch, problem)
            else:
                self.at_hand = batch.events[0]
                raise

    def _commit_batch(self, db: Database, batch: Batch) -> None:
        dealt = Dealt(tuple(tallies(batch.ids)), tuple(batch.parked))
        self._commit(db, batch.events, dealt, batch.up_to)

    def _commit(self, db: Database, events: Sequence[Recorded], dealt: Dealt, up_to: int) -> None:
        with step(db, self.name, stored=self._stored, up_to=up_to, digest=self.hash_at):
            if events:
                self.project_all(db, events)
                self.at_hand = None
            write_dealt(db, dealt)
        self._stored = up_to

    def _one_by_one(self, db: Database, batch: Batch, problem: Exception) -> None:
        """Project events one by one, until one raises; all that one row is read as are one."""
        for event_id, parts in groupby(batch.events, key=attrgetter("id")):
            one = tuple(parts)
            self.at_hand = one[0]
            self._commit_batch(db, batch.part(one, self._stored, event_id))
        self._commit_batch(db, batch.part((), self._stored, batch.up_to))
        self.log.warning("projector.batch_failed", error=repr(problem), up_to=batch.up_to)

    def _rebuild_unless_stopped(self) -> int | None:
        try:
            return self._rebuild()
        except Stopping:
            self.defer_reply()  # whoever asked is told of the end
            return None

    def _rebuild(self) -> int:
        """Build a new file, from the first event on, and copy it over the one that serves.

        It begins with nothing parked. Meanwhile the new file is the one that is written to.
        """
        before = (self._db, self.position, self._stored, self.parking)
        rebuilt = self.model.begin_rebuild()
        subscriptions = self.system.subscriptions
        subscriptions.unsubscribe(self.actor_ref)  # what is to be read need not wait here as well
        try:
            self._rebuilding = True
            self._db = self._open(rebuilt)
            self.position = self._stored = 0
            self.resume()
            self._fill()
            subscriptions.subscribe(self.actor_ref, self.filter)
            self._fill()
            self.model.take_over(rebuilt)
        except BaseException:
            _, self.position, self._stored, self.parking = before
            raise
        finally:
            self._rebuilding = False
            self._db = before[0]
            self._count_parked()
            self._forget_apart(path_of(rebuilt.conn))
            self.model.end_rebuild(rebuilt)
        self._stored = self.position
        self.move_to(self.position)
        self._answer_waiting()
        self.log.info("projector.rebuilt", position=self.position)
        return self.position

    def _fill(self) -> None:
        for delivery in self._batches():
            events = [one for row in delivery.events for one in self.decoded(row, delivery.decoded)]
            ids = [row.id for row in delivery.events]
            self.deal_with(Batch(delivery.up_to, events, ids), may_crash=False)
            self.stop_if_asked()

    # -- in the projection process ------------------------------------------------------------

    def _batches(self) -> Iterator[Delivery]:
        """Yield what is to be projected here: nothing more, as soon as it can be done there."""
        reading = True
        while reading:
            self._catch_up_apart()
            reading = False
            for delivery in super()._batches():
                yield delivery
                if self._catch_up_apart():
                    reading = True  # what would come next is behind it
                    break

    def _catch_up_apart(self) -> bool:
        """Have what is far behind projected; return whether some of it was."""
        began_at = self.position
        behind = self.system.store.head() - began_at
        while behind >= self._many and self._project_apart(start=behind >= FAR):
            self.stop_if_asked()
            behind = self.system.store.head() - self.position
        return self.position > began_at

    def _take_told(self, deliveries: Sequence[Delivery]) -> None:
        if sum(len(one.events) for one in deliveries) >= self._many:
            while self.position < deliveries[-1].up_to and self._project_apart():
                self._answer_waiting()
        if self.position < deliveries[-1].up_to:
            self._take([one for one in deliveries if one.up_to > self.position])

    def _project_apart(self, *, start: bool = True) -> bool:
        """Have the next batch projected by the process beside this one; return whether it was.

        It does what needs no actor. Whatever else there is, and whatever is wrong, is for here.
        """
        if (
            not self._can_be_apart
            or self._failed_apart >= TRIES_APART
            or self.parking.concerns(self.position)
            or self.name in self.system.failing
        ):
            return False
        cls, db = type(self), self._database
        question = Project(
            f"{cls.__module__}:{cls.__qualname__}",
            self.version,
            str(path_of(db.conn).absolute()),
            self._opening,
            self.position,
            self._stored,
            start,
        )
        answer = self._ask_apart(question)
        if isinstance(answer, Failed):
            self._look_where_it_stands()
        if not isinstance(answer, Projected):
            return False
        if (found := position_of(db)) != answer.stored:
            raise WrittenByAnother(self.name, expected=answer.stored, found=found)
        self._failed_apart, self._stored = 0, answer.stored
        is_new = answer.up_to > self.position
        self.move_to(answer.up_to)
        return is_new

    def _forget_apart(self, path: Path) -> None:
        if self._can_be_apart:
            self._ask_apart(Forget(str(path.absolute())))

    def _ask_apart(self, question: Project | Forget) -> Any:
        """Return what the process answers; `None` where there is none."""
        try:
            answer = self.system.projection_process.ask(question)
        except ActorDead:
            return None
        if isinstance(answer, Failed):
            self._failed_apart += 1
            again = self._failed_apart < TRIES_APART
            self.log.warning("projector.not_apart", reason=answer.error, again=again)
        return answer

    def _look_where_it_stands(self) -> None:
        """The process may have ended between its commit and its answer."""
        found = position_of(self._database)
        if found > self._stored:
            self._stored = found
            self.move_to(max(self.position, found))

    # -- its position -------------------------------------------------------------------------

    def move_to(self, event_id: int) -> None:
        """Take note of how far it is; a rebuild is nobody else's business before it is done."""
        if self._rebuilding:
            self.position = event_id
        else:
            super().move_to(event_id)

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None


def _ensure_projects(cls: type[Projector]) -> None:
    if cls.project is Projector.project and cls.project_all is Projector.project_all:
        msg = f"{cls.__qualname__} needs `project`, or `project_all` for many events at once"
        raise TypeError(msg)


def _has_tables(db: Database) -> bool:
    return any(not name.startswith("_") for name in db.table_names())


def projects_alone(cls: type[Projector]) -> bool:
    """Return whether another process can project for it: it needs no actor for that.

    Its `project_all`, or `project`, is a static method, and other processes can import the class.
    """
    name = "project" if cls.project_all is Projector.project_all else "project_all"
    is_static = isinstance(inspect.getattr_static(cls, name), staticmethod)
    return is_static and cls.__module__ != "__main__" and "<locals>" not in cls.__qualname__
