"""Command handlers: commands that read and write several streams, as one append or not at all.

A handler never waits. It asks the aggregates that a command rests on for their states, goes on with
other commands, and decides when the last answer has come. What it read may be ahead of the disk:
the versions that it read are part of the append, so that nothing rests on what did not happen. Commands that want the
same stream take turns: racing each other they would only conflict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Any, ClassVar, TypeAlias

from ledger_actors.runtime.aggregate import Aggregate, Execute, ReadAhead, Stand
from ledger_actors.runtime.catalog import Command
from ledger_actors.runtime.envelopes import CommandEnvelope
from ledger_actors.runtime.recorded import StreamEvents
from ledger_actors.runtime.system import System
from ledger_actors.runtime.turns import Turns
from ledger_actors.store.errors import CommandIdReused
from ledger_actors.store.journal import AppendRequest
from ledger_actors.store.model import Append, Appended, Guard, StreamWrite
from supervision import POOLED, Actor, Future, Ref, Rejection
from supervision.execution import shield
from supervision.messages import SystemMessage

__all__ = ["CommandHandler", "Key", "handler_key", "plan"]

Key: TypeAlias = tuple[type[Aggregate[Any]], str]
Deliver: TypeAlias = Callable[[Key, Any, Future[Any]], None]


def handler_key(command: type[Command]) -> tuple[str, str]:
    """Return the key under which the handler of a command is registered."""
    return ("handler", command.command_type)


@dataclass(slots=True)
class _Ticket:
    envelope: CommandEnvelope
    answer: Future[Any]
    keys: tuple[Key, ...]
    stands: dict[Key, Stand] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Read(SystemMessage):
    number: int
    key: Key
    future: Future[Stand]

    def handle(self, actor: Any) -> None:
        actor.on_read(self.number, self.key, self.future)


@dataclass(frozen=True, slots=True)
class _Settled(SystemMessage):
    number: int

    def handle(self, actor: Any) -> None:
        actor.on_settled(self.number)


class CommandHandler(Actor):
    """Subclass it with a command and two pure functions.

    `reads(command)` names the aggregates that it rests on, as (class, id). `decide(command,
    states)` returns the events stream by stream, or raises `Rejection`; `states` maps each
    (class, id) to its state, the initial one for an aggregate that has no events. It may write
    only what it has read.
    """

    dispatcher = POOLED

    command: ClassVar[type[Command]]

    @staticmethod
    def reads(command: Any) -> Sequence[Key]:
        """Return the aggregates that the command rests on."""
        raise NotImplementedError

    @staticmethod
    def decide(command: Any, states: Mapping[Key, Any]) -> Sequence[StreamEvents]:
        """Return the events of the command; raise `Rejection` to refuse it."""
        raise NotImplementedError

    def __init__(self, system: System, deliver: Deliver) -> None:
        super().__init__()
        self._system = system
        self._deliver = deliver
        self._numbers = count()
        self._tickets: dict[int, _Ticket] = {}
        self._turns = Turns()

    def on_receive(self, message: Any) -> Any:
        """Begin with a command; log and ignore anything else."""
        if not isinstance(message, Execute):
            self.log.warning("handler.unknown_message", message=repr(message)[:200])
            return None
        envelope = message.envelope
        if envelope.repeatable:
            before = self._system.store.find_command(envelope.command_id)
            if before is not None:
                if before.fingerprint not in (None, envelope.fingerprint()):
                    self.release_reply().try_set_exception(CommandIdReused(envelope.command_id))
                    return None
                return Appended(before.events, duplicate=True)
        self._enter(envelope)
        return None

    def on_read(self, number: int, key: Key, future: Future[Stand]) -> None:
        """Take the state of one aggregate; decide when it was the last."""
        ticket = self._tickets.get(number)
        if ticket is None or ticket.answer.done():
            return  # another aggregate of the same command had no answer
        problem = future.exception()
        if problem is not None:
            ticket.answer.try_set_exception(problem)
            return
        ticket.stands[key] = future.get()
        if len(ticket.stands) == len(ticket.keys):
            self._decide(ticket)

    def on_settled(self, number: int) -> None:
        """Take note that a command has its answer: others may have waited for that."""
        del self._tickets[number]
        for following in self._turns.leave(number):
            self._ask_states(following)

    def _enter(self, envelope: CommandEnvelope) -> None:
        keys = tuple(dict.fromkeys(self.reads(envelope.command)))
        number = next(self._numbers)
        answer = self.defer_reply()
        self._tickets[number] = _Ticket(envelope, answer, keys)
        answer.add_done_callback(partial(_tell_settled, self.actor_ref, number))
        if self._turns.enter(number, keys):
            self._ask_states(number)

    def _ask_states(self, number: int) -> None:
        ticket = self._tickets[number]
        if not ticket.keys:
            self._decide(ticket)
        for key in ticket.keys:
            future: Future[Stand] = Future()
            future.add_done_callback(partial(_tell_read, self.actor_ref, number, key))
            self._deliver(key, ReadAhead(), future)

    def _decide(self, ticket: _Ticket) -> None:
        envelope = ticket.envelope
        states = {key: stand.state for key, stand in ticket.stands.items()}
        try:
            writes, guards = plan(
                self.decide(envelope.command, states), ticket.stands, self._system
            )
        except Rejection as rejection:
            ticket.answer.try_set_exception(rejection)
            return
        except Exception as exception:
            ticket.answer.try_set_exception(exception)
            raise  # and it ends this actor, as anywhere else
        append = Append(
            writes=writes,
            guards=guards,
            command_id=envelope.command_id,
            fingerprint=envelope.fingerprint(),
            author=envelope.author,
            correlation_id=envelope.correlation_id or envelope.command_id,
            causation_id=envelope.causation_id or envelope.command_id,
        )
        with shield():
            self.disown([ticket.answer])  # from here on the journal answers
            self._system.journal.forward(AppendRequest(append), ticket.answer)


def _tell_read(ref: Ref, number: int, key: Key, done: Future[Stand]) -> None:
    ref.signal(_Read(number, key, done))


def _tell_settled(ref: Ref, number: int, _: Future[Any]) -> None:
    ref.signal(_Settled(number))


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
