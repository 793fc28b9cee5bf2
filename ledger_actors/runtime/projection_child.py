"""The projection process: projects many events at once, beside the process of the actors.

It is told by lines on its standard input and answers on its standard output
(`projection_messages`); its owner is the actor in `projection_process`, which says when it is used.
It reads the events itself, and ends when its input does: so it outlives nobody.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from typing import IO

from ledger_actors import processors
from ledger_actors._version import __version__
from ledger_actors.runtime.backlog import STRIDE, backlog
from ledger_actors.runtime.batch_size import BatchSize
from ledger_actors.runtime.catalog import EVENTS
from ledger_actors.runtime.consumer import KEEP_POSITION_EVERY
from ledger_actors.runtime.delivery import Delivery, read_as
from ledger_actors.runtime.filters import EventFilter
from ledger_actors.runtime.parking import Batch
from ledger_actors.runtime.projection_messages import (
    Answer,
    Begin,
    Failed,
    Forget,
    Project,
    Projected,
    Question,
    Ready,
    decode_question,
    encode,
)
from ledger_actors.runtime.projector import Projector, projects_alone
from ledger_actors.runtime.read_models import Database, open_made, step, write_dealt
from ledger_actors.runtime.recent_log import RecentLog
from ledger_actors.runtime.recorded import Recorded
from ledger_actors.store.errors import StoreError
from ledger_actors.store.interface import EventStore
from ledger_actors.store.model import Dealt
from ledger_actors.store.sqlite import SqliteEventStore
from ledger_actors.store.tally import tallies

__all__ = ["Projections", "main"]

SWITCH_SECONDS = 0.0003
"""The thread that reads ahead needs Python's lock for microseconds: it is not to wait 5 ms."""


class Projections:
    """What it has open: the log, and the files of read models. For one thread."""

    def __init__(
        self,
        store: EventStore,
        *,
        executor: Executor | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """With an `executor`, what comes next is read ahead by it."""
        self._store = store
        self._monotonic = monotonic
        self._sizes: defaultdict[str, BatchSize] = defaultdict(BatchSize)
        self._recent = RecentLog(store, EVENTS, executor=executor)
        self._files: dict[str, tuple[str, Database]] = {}
        self._sparse: dict[str, bool] = {}

    def answer(self, question: Question) -> Answer:
        """Do what is asked, or nothing of it."""
        try:
            if isinstance(question, Project):
                return self._project(question)
            if isinstance(question, Forget):
                self._forget(question.path)
        except Exception as problem:  # noqa: BLE001 - the actor meets it again, and deals with it
            return Failed(f"{type(problem).__name__}: {problem}")
        return Ready()

    def close(self) -> None:
        """Close all files."""
        for path in list(self._files):
            self._forget(path)

    def _project(self, asked: Project) -> Projected:
        size = self._sizes[asked.projector]
        try:
            return self._project_next(asked, size)
        except Exception:
            size.failed()  # else it fails at one event again and again, as the actor comes nearer
            raise

    def _project_next(self, asked: Project, size: BatchSize) -> Projected:
        projector = _projector(asked)
        # Anew for each batch: another projector's import may have brought more names of old events.
        given = projector.filter_of(EVENTS)
        batch = self._next(
            asked, given, EventFilter(projector.types, projector.streams), size.events
        )
        if batch is None:
            return Projected(asked.after, asked.stored)
        up_to, stored = batch.up_to, asked.stored
        if not batch.ids and up_to - stored < KEEP_POSITION_EVERY:
            size.took(0.0, 0)
            return Projected(up_to, stored)
        db, begun = self._open(asked), self._monotonic()
        with step(db, projector.name, stored=stored, up_to=up_to, digest=self._store.hash_at):
            if batch.events:
                _all_of(projector)(db, batch.events)
            write_dealt(db, Dealt(tuple(tallies(batch.ids))))
        size.took(self._monotonic() - begun, len(batch.events))
        return Projected(up_to, up_to)

    def _next(
        self, asked: Project, given: EventFilter, wanted: EventFilter, most: int
    ) -> Batch | None:
        """Return the next batch, of the log as it is or, where little is wanted of it, by type."""
        behind = self._store.head() - asked.after
        if behind <= most or not self._sparse.get(asked.projector, given.plain_types is not None):
            found = self._recent.batch(asked.after, given, wanted, most=most)
        else:
            unread = backlog(self._store, EVENTS, given, after=asked.after, batch_size=most)
            found = next((_as_batch(delivery, wanted) for delivery in unread), None)
        if found is not None and given.plain_types is not None:
            ids = found.up_to - asked.after
            self._sparse[asked.projector] = len(found.ids) * STRIDE < ids
        return found

    def _open(self, asked: Project) -> Database:
        opening, db = self._files.get(asked.path, ("", None))
        if db is None or opening != asked.opening:
            self._forget(asked.path)
            db = open_made(Path(asked.path))
            self._files[asked.path] = (asked.opening, db)
        return db

    def _forget(self, path: str) -> None:
        _, db = self._files.pop(path, ("", None))
        if db is not None:
            db.close()


def _projector(asked: Project) -> type[Projector]:
    module, _, name = asked.projector.partition(":")
    found: type[Projector] = attrgetter(name)(importlib.import_module(module))
    if found.version != asked.version or not projects_alone(found):
        msg = f"{asked.projector} is another class than in the process of its actor"
        raise LookupError(msg)
    return found


def _all_of(projector: type[Projector]) -> Callable[[Database, Sequence[Recorded]], None]:
    """Return what projects a batch: static methods, which need no actor."""
    if projector.project_all is not Projector.project_all:
        return projector.project_all  # type: ignore[return-value]

    def one_by_one(db: Database, events: Sequence[Recorded]) -> None:
        for event in events:
            projector.project(db, event)  # type: ignore[call-arg]

    return one_by_one


def _as_batch(delivery: Delivery, wanted: EventFilter) -> Batch:
    events: list[Recorded] = []
    for row in delivery.events:
        events += read_as(row, delivery.decoded, EVENTS, wanted)
    return Batch(delivery.up_to, events, [row.id for row in delivery.events])


def _serve(questions: IO[bytes], answers: IO[bytes]) -> None:
    def answer(told: Answer) -> None:
        answers.write(encode(told))
        answers.flush()

    begin = decode_question(questions.readline())
    assert isinstance(begin, Begin)
    if begin.release != __version__:
        told = (
            f"this program is release {begin.release or '?'}, and {__version__} is installed by now"
        )
        answer(Failed(f"{told}: start it again"))
        return
    if begin.processors:
        with suppress(OSError):  # slower, and no reason not to do it
            os.sched_setaffinity(0, begin.processors)
    try:
        opened = SqliteEventStore(begin.store, read_only=True)
    except StoreError as problem:
        answer(Failed(str(problem)))
        return
    gc.freeze()  # what is there now stays
    with opened as store:
        projections = Projections(store, executor=_executor())
        answer(Ready())
        for line in questions:
            answer(projections.answer(decode_question(line)))
        # Nothing is closed: where the daemon has ended, this would be the last to have the files
        # open, and SQLite would move the log of the events, which is for the next daemon to do.
        os._exit(0)


def _executor() -> Executor | None:
    """Return a thread to read ahead with, where it has a processor to itself."""
    if processors.usable() < 2:
        return None
    sys.setswitchinterval(SWITCH_SECONDS)
    return ThreadPoolExecutor(1, thread_name_prefix="ahead")


def main() -> None:
    """Serve whoever has started this process, until its standard input ends."""
    for number in (signal.SIGINT, signal.SIGTERM):  # they are for the daemon, which ends this one
        signal.signal(number, signal.SIG_IGN)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a projector prints is no answer
    try:
        _serve(sys.stdin.buffer, answers)
    except BrokenPipeError:  # nobody is there any more
        os._exit(0)


if __name__ == "__main__":
    main()
