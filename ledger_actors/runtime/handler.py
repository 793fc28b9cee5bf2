"""Command handlers: commands that read and write several streams, as one append or not at all.

A handler never waits. It looks at the aggregates that a command rests on, asks those that are busy
for their states, goes on with other commands, and decides when the last answer has come. What it
reads may be ahead of the disk:
the versions that it read, and the commands that they rest on, are part of the append, so nothing is
written on the strength of what did not happen. Before it says no it reads again, what is on disk.

Commands that rest on a common aggregate take their turns. Side by side they would all read the same
version, one would be written, and the others would come back together.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, ClassVar, Protocol, TypeAlias

from ledger_actors.runtime.aggregate import Aggregate
from ledger_actors.runtime.aggregate_messages import Execute, ReadAhead, ReadState, Stand
from ledger_actors.runtime.answers import answer_as_before
from ledger_actors.runtime.command_catalog import Command
from ledger_actors.runtime.envelopes import CommandEnvelope
from ledger_actors.runtime.recorded import StreamEvents
from ledger_actors.runtime.system import System
from ledger_actors.runtime.turns import Turns
from ledger_actors.store.interface import EventStore
from ledger_actors.store.journal import AppendRequest
from ledger_actors.store.model import Guard, StreamWrite
from supervision import POOLED, Actor, Future, Ref, Rejection
from supervision.execution import shield
from supervision.messages import SystemMessage

__all__ = ["CommandHandler", "Key", "plan"]

Key: TypeAlias = tuple[type[Aggregate[Any]], str]


class Aggregates(Protocol):
    """How a handler reads aggregates; it is the command bus that it has for it."""

    def glance(self, key: Key, *, new: bool = False) -> Stand | None:
        """Return what `ReadAhead` would be answered, if that is known without asking.

        One that is said to be `new` is taken to have no events, unless it is known to have.
        """

    def ask(self, key: Key, message: Any, answer: Future[Any]) -> None:
        """Ask an aggregate, behind the commands that were sent to it before."""


@dataclass(slots=True)
class _Ticket:
    envelope: CommandEnvelope
    unseen_since: int | None
    keys: tuple[Key, ...]
    new: frozenset[Key]
    answer: Future[Any]
    ahead: bool = True
    """Whether what is not on disk yet is read, too."""
    stands: dict[Key, Stand] = field(default_factory=dict)

    def states(self) -> Mapping[Key, Any]:
        return {key: one.state for key, one in self.stands.items()}

    def is_unseen(self, store: EventStore) -> bool:
        since = self.unseen_since
        return since is not None and store.is_unseen(self.envelope.command_id, since)

    def may_be_wrong(self) -> bool:
        """Return whether it was read what is not on disk, or not read what may be."""
        return self.ahead and bool(self.new or self.rests_on())

    def rests_on(self) -> tuple[str, ...]:
        return tuple({one.rests_on: None for one in self.stands.values() if one.rests_on})


@dataclass(frozen=True, slots=True)
class _Read(SystemMessage):
    number: int
    key: Key
    future: Future[Stand]

    def handle(self, actor: Any) -> None:
        actor.on_read(self.number, self.key, self.future)


@dataclass(frozen=True, slots=True)
class _Written(SystemMessage):
    number: int

    def handle(self, actor: Any) -> None:
        actor.on_written(self.number)


class CommandHandler(Actor):
    """Subclass it with a command and two pure functions.

    `reads(command)` names the aggregates that it rests on, as (class, id). `decide(command,
    states)` returns the events stream by stream, or raises `Rejection`; `states` maps each
    (class, id) to its state, the initial one for an aggregate that has no events. It may write
    only what it has read.
    """

    dispatcher = POOLED

    category: ClassVar[str] = "handler"

    command: ClassVar[type[Command]]

    @staticmethod
    def reads(command: Any) -> Sequence[Key]:
        """Return the aggregates that the command rests on."""
        raise NotImplementedError

    @staticmethod
    def creates(command: Any) -> Sequence[Key]:
        """Return those of `reads` that the command makes; none here.

        They are not looked for on disk: the append says that they have no events, and where that is
        wrong it is refused, and the command is decided again on what there is.
        """
        del command
        return ()

    @staticmethod
    def decide(command: Any, states: Mapping[Key, Any]) -> Sequence[StreamEvents]:
        """Return the events of the command; raise `Rejection` to refuse it."""
        raise NotImplementedError

    def __init__(self, system: System, aggregates: Aggregates) -> None:
        super().__init__()
        self._system = system
        self._aggregates = aggregates
        self._numbers = count()
        self._tickets: dict[int, _Ticket] = {}
        self._turns = Turns()
        self._free: deque[int] = deque()

    def on_receive(self, message: Any) -> Any:
        """Begin with a command, or queue it; log and ignore anything else."""
        if not isinstance(message, Execute):
            self.log.warning("handler.unknown_message", message=repr(message)[:200])
            return
        command = message.envelope.command
        keys = tuple(dict.fromkeys(self.reads(command)))
        number = next(self._numbers)
        self._tickets[number] = _Ticket(
            message.envelope,
            message.unseen_since,
            keys,
            frozenset(self.creates(command)),
            self.defer_reply(),
        )
        if self._turns.enter(number, keys):
            self._free.append(number)
            self._go_on()

    def crash_context(self, message: Any) -> Mapping[str, object]:
        """Return which command it was at."""
        if isinstance(message, Execute):
            return message.envelope.log_fields()
        ticket = self._tickets.get(message.number) if isinstance(message, _Read) else None
        return {} if ticket is None else ticket.envelope.log_fields()

    def on_read(self, number: int, key: Key, future: Future[Stand]) -> None:
        """Take the state of one aggregate; decide when it was the last."""
        ticket = self._tickets.get(number)
        if ticket is None:
            return  # another aggregate of the same command had no answer
        problem = future.exception()
        if problem is not None:
            ticket.answer.try_set_exception(problem)
            self._done_with(number)
        else:
            ticket.stands[key] = future.get()
            self._decide_if_complete(number, ticket)
        self._go_on()

    def on_written(self, number: int) -> None:
        """The journal has answered: the next in the queues may begin."""
        self._done_with(number)
        self._go_on()

    def _go_on(self) -> None:
        """Begin with those whose turn has come, one after the other."""
        while self._free:
            self._begin_with(self._free.popleft())

    def _begin_with(self, number: int) -> None:
        ticket = self._tickets[number]
        if self._done_before(ticket):
            self._done_with(number)
        else:
            self._read(number, ticket)

    def _done_with(self, number: int) -> None:
        del self._tickets[number]
        self._free.extend(self._turns.leave(number))

    def _read(self, number: int, ticket: _Ticket) -> None:
        """Look at the states that the command rests on, and ask for those that cannot be seen."""
        ticket.stands.clear()
        for key in ticket.keys:
            stand = self._aggregates.glance(key, new=ticket.ahead and key in ticket.new)
            if stand is not None and (ticket.ahead or stand.rests_on is None):
                ticket.stands[key] = stand
        for key in [key for key in ticket.keys if key not in ticket.stands]:
            future: Future[Stand] = Future(callback=partial(_tell, self.actor_ref, number, key))
            self._aggregates.ask(key, ReadAhead() if ticket.ahead else ReadState(), future)
        self._decide_if_complete(number, ticket)

    def _decide_if_complete(self, number: int, ticket: _Ticket) -> None:
        if len(ticket.stands) == len(ticket.keys):
            self._decide(number, ticket)

    def _decide(self, number: int, ticket: _Ticket) -> None:
        try:
            decided = self.decide(ticket.envelope.command, ticket.states())
            writes, guards = plan(decided, ticket.stands, self._system)
        except Rejection as rejection:
            self._refuse_command(number, ticket, rejection)
        except BaseException as exception:
            ticket.answer.try_set_exception(exception)
            raise  # and it ends this actor, as anywhere else
        else:
            self._append(number, ticket, writes, guards)

    def _refuse_command(self, number: int, ticket: _Ticket, rejection: Rejection) -> None:
        if ticket.may_be_wrong():
            ticket.ahead = False
            self._read(number, ticket)
            return
        # It may be a repeat of what was written while the states were read.
        if not self._done_before(ticket):
            ticket.answer.try_set_exception(rejection)
        self._done_with(number)

    def _append(
        self,
        number: int,
        ticket: _Ticket,
        writes: tuple[StreamWrite, ...],
        guards: tuple[Guard, ...],
    ) -> None:
        envelope = ticket.envelope
        append = envelope.append(
            envelope.fingerprint(), writes, guards, ticket.rests_on(), ticket.unseen_since
        )
        with shield():  # killed in here, it would leave the one who asked without an answer
            ticket.answer.call_first(partial(_go_on, self.actor_ref, number))
            self._system.journal.forward(AppendRequest(append), ticket.answer)
            self.disown([ticket.answer])  # from here on the journal answers

    def _done_before(self, ticket: _Ticket) -> bool:
        """Answer a command that is on disk already; return whether it is."""
        store, envelope = self._system.store, ticket.envelope
        if ticket.is_unseen(store):
            return False
        found = store.find_command(envelope.command_id)
        if found is not None:
            answer_as_before(found, envelope.fingerprint(), ticket.answer)
        return found is not None


def _tell(ref: Ref, number: int, key: Key, done: Future[Stand]) -> None:
    ref.signal(_Read(number, key, done))


def _go_on(ref: Ref, number: int, _written: Future[Any]) -> None:
    ref.signal(_Written(number))


def plan(
    decided: Sequence[StreamEvents], stands: Mapping[Key, Stand], system: System
) -> tuple[tuple[StreamWrite, ...], tuple[Guard, ...]]:
    """Return what to write, each stream at the version that was read, and what to guard; pure.

    Raises:
        ValueError: a stream is written that was not read.
    """
    versions = {cls.stream(identity): stand.version for (cls, identity), stand in stands.items()}
    encode = system.events.encode
    by_stream: dict[str, list[Any]] = {}
    for one in decided:
        if one.stream not in versions:
            msg = f"{one.stream} is written but was not read: name it in `reads`"
            raise ValueError(msg)
        by_stream.setdefault(one.stream, []).extend(one.events)
    writes = tuple(
        StreamWrite(stream, tuple(map(encode, made)), versions[stream])
        for stream, made in by_stream.items()
    )
    guards = tuple(
        Guard(stream, version) for stream, version in versions.items() if stream not in by_stream
    )
    return writes, guards
