"""The way of a command to whoever decides it, and of the answer back.

A command about one stream goes to that stream's aggregate, which is started if it does not run;
one that spans streams goes to its handler. Commands for an aggregate that is just being started
wait in their order. What fails for a reason that lies in the moment (a conflict of versions, an
actor that ended, a journal that is restarting) is tried again, which is safe: every command has an
id, and one that was done is answered with what it did.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ledger_actors.runtime.aggregate import Aggregate, Execute, ReadAhead, ReadState, Stand
from ledger_actors.runtime.catalog import Command
from ledger_actors.runtime.envelopes import CommandEnvelope, Outcome
from ledger_actors.runtime.errors import CommandTimeout, TooManyConflicts, UnknownCommand
from ledger_actors.runtime.handler import CommandHandler, Key, handler_key
from ledger_actors.runtime.system import System, by_category
from ledger_actors.store.errors import StoreUnavailable, WrongExpectedVersion
from ledger_actors.store.model import Appended
from supervision import (
    ActorDead,
    AlreadyRegistered,
    AlreadyStarted,
    Future,
    Ref,
    StartFailed,
)
from supervision.administration import start_child_async
from supervision.execution import shield
from supervision.specs import child_spec
from supervision.terms import TEMPORARY

__all__ = ["CommandBus"]

FIRST_PAUSE = 0.005
LONGEST_PAUSE = 0.5
OF_THE_MOMENT = (ActorDead, StartFailed, StoreUnavailable)
"""What may be otherwise a moment later, when the tree has restarted what ended."""


class CommandBus:
    """Routes commands. Any thread may use it; it waits for nothing and has no state of its own
    but the aggregates that are being started.
    """

    def __init__(
        self,
        system: System,
        aggregates: Iterable[type[Aggregate[Any]]],
        handlers: Iterable[type[CommandHandler]] = (),
    ) -> None:
        self._system = system
        self.categories: Mapping[str, type[Aggregate[Any]]] = by_category(aggregates)
        self._owners: dict[type[Command], tuple[type[Aggregate[Any]], str]] = {
            command: (cls, field)
            for cls in self.categories.values()
            for command, field in cls.commands.items()
        }
        self.handlers = {one.command: one for one in handlers}
        self._lock = threading.Lock()
        self._starting: dict[Key, list[tuple[Any, Future[Any]]]] = {}

    # -- commands ------------------------------------------------------------------------------

    def dispatch(
        self, envelope: CommandEnvelope, *, timeout: float | None = None
    ) -> Future[Outcome]:
        """Send a command on its way and return a future of its outcome; do not wait.

        The future is set in an actor's thread, after the commit, and holds one of: an `Outcome`; a
        `Rejection`; `CommandIdReused`; `StoreFull`; `TooManyConflicts`; `CommandTimeout`; the
        exception that crashed whoever decided it.

        Raises:
            UnknownCommand: nobody decides this command.
        """
        if type(envelope.command) not in self._owners and (
            type(envelope.command) not in self.handlers
        ):
            raise UnknownCommand(envelope.type, None)
        seconds = self._system.options.command_timeout if timeout is None else timeout
        journey = _Journey(self, envelope, time.monotonic() + seconds)
        journey.go()
        return journey.outcome

    def send(self, envelope: CommandEnvelope, answer: Future[Any]) -> None:
        """Give a command to whoever decides it, once, with the future that gets the answer."""
        owner = self._owners.get(type(envelope.command))
        if owner is None:
            address = self._system.names.name(handler_key(type(envelope.command)))
            address.forward(Execute(envelope), answer)
        else:
            cls, field = owner
            self.deliver((cls, getattr(envelope.command, field)), Execute(envelope), answer)

    def later(self, seconds: float, action: Any) -> None:
        """Do something in real seconds."""
        self._system.real_timers.call_after(seconds, action)

    @property
    def conflict_retries(self) -> int:
        """How often a command that met a conflict is tried again."""
        return self._system.options.conflict_retries

    # -- aggregates ----------------------------------------------------------------------------

    def deliver(self, key: Key, message: Any, answer: Future[Any]) -> None:
        """Give a message to an aggregate, which is started if it does not run; do not wait.

        Messages from one thread arrive in their order, also around a start.
        """
        with shield():  # an actor that is killed here must not leave a start behind half made
            with self._lock:
                waiting = self._starting.get(key)
                if waiting is not None:
                    waiting.append((message, answer))
                    return
                ref = self._system.names.whereis(_name(key))
                if ref is None:
                    self._starting[key] = [(message, answer)]
            if ref is not None:
                ref.forward(message, answer)
            else:
                self._start(key)

    def read(
        self, cls: type[Aggregate[Any]], identity: str, *, ahead: bool = False
    ) -> Future[Stand]:
        """Return a future of the state of an aggregate; of what is on disk, unless `ahead`.

        An aggregate that ends before it has answered is asked again.
        """
        message = ReadAhead() if ahead else ReadState()
        outcome: Future[Stand] = Future()
        deadline = time.monotonic() + self._system.options.command_timeout
        pauses = _pauses()

        def ask() -> None:
            answer: Future[Stand] = Future()
            answer.add_done_callback(take)
            self.deliver((cls, identity), message, answer)

        def take(answer: Future[Stand]) -> None:
            problem = answer.exception()
            if problem is None:
                outcome.try_set(answer.get())
            elif isinstance(problem, OF_THE_MOMENT) and time.monotonic() < deadline:
                self.later(next(pauses), ask)
            else:
                outcome.try_set_exception(problem)

        ask()
        return outcome

    def _start(self, key: Key) -> None:
        cls, identity = key
        spec = child_spec(
            cls,
            self._system,
            identity,
            id=key,
            restart=TEMPORARY,
            name=self._system.names.name(_name(key)),
            await_start=False,
        )
        start_child_async(self._system.aggregates, spec).add_done_callback(
            lambda started: self._started(key, started)
        )

    def _started(self, key: Key, started: Future[Ref | None]) -> None:
        problem = started.exception()
        ref = started.get() if problem is None else _owner_of(problem)
        while True:
            with self._lock:
                waiting = self._starting[key]
                if not waiting:
                    del self._starting[key]
                    return
                self._starting[key] = []
            for message, answer in waiting:
                if ref is not None:
                    ref.forward(message, answer)
                else:
                    assert problem is not None
                    answer.try_set_exception(problem)


class _Journey:
    """One command's tries until it is answered for good."""

    __slots__ = ("_bus", "_conflicts", "_deadline", "_envelope", "_pauses", "outcome")

    def __init__(self, bus: CommandBus, envelope: CommandEnvelope, deadline: float) -> None:
        self._bus = bus
        self._envelope = envelope
        self._deadline = deadline
        self._conflicts = 0
        self._pauses = _pauses()
        self.outcome: Future[Outcome] = Future()

    def go(self) -> None:
        """Try once."""
        answer: Future[Appended] = Future()
        answer.add_done_callback(self._answered)
        self._bus.send(self._envelope, answer)

    def _answered(self, answer: Future[Appended]) -> None:
        problem = answer.exception()
        if problem is None:
            appended = answer.get()
            self.outcome.try_set(
                Outcome(self._envelope.command_id, appended.events, appended.duplicate)
            )
        elif isinstance(problem, WrongExpectedVersion):
            self._conflicted()
        elif isinstance(problem, OF_THE_MOMENT):
            self._again_later(problem)
        else:
            self.outcome.try_set_exception(problem)

    def _conflicted(self) -> None:
        self._conflicts += 1
        if self._conflicts > self._bus.conflict_retries:
            self.outcome.try_set_exception(TooManyConflicts(self._envelope.type, self._conflicts))
        else:
            self._again_later(None)

    def _again_later(self, problem: BaseException | None) -> None:
        pause = next(self._pauses)
        if problem is not None and time.monotonic() + pause > self._deadline:
            timeout = CommandTimeout(self._envelope.type, self._envelope.command_id, problem)
            self.outcome.try_set_exception(timeout)
            return
        if not self._envelope.repeatable:
            # It may have been written before whoever should have answered ended.
            self._envelope = _repeat(self._envelope)
        self._bus.later(pause, self.go)


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(2 * pause, LONGEST_PAUSE)


def _repeat(envelope: CommandEnvelope) -> CommandEnvelope:
    return CommandEnvelope(
        command=envelope.command,
        command_id=envelope.command_id,
        repeatable=True,
        author=envelope.author,
        correlation_id=envelope.correlation_id,
        causation_id=envelope.causation_id,
    )


def _name(key: Key) -> tuple[str, str]:
    cls, identity = key
    return (cls.category, identity)


def _owner_of(problem: BaseException) -> Ref | None:
    if isinstance(problem, (AlreadyRegistered, AlreadyStarted)):
        return problem.ref
    return None
