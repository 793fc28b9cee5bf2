"""Aggregates: actors that decide commands from a state that their events make.

An aggregate does not wait for the disk. It decides, applies its events, sends them to the journal
with the version that they rest on, and goes on with the next command; the journal answers the
caller. If an append is refused, what was applied never happened: the aggregate ends, and the next
message starts one that hydrates afresh. What it had decided on the wrong state is refused, too:
each append names the command in flight before it (`rests_on`). The versions alone do not tell,
since an event by somebody else in the place of ours makes the same version.

An answer never rests on what is not on disk: a rejection waits, as a state that is read does, until
all that it was decided on is confirmed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from ledger_actors.runtime.aggregate_messages import Execute, ReadAhead, ReadState, Stand
from ledger_actors.runtime.catalog import Event
from ledger_actors.runtime.command_catalog import Command
from ledger_actors.runtime.delivery import Delivery
from ledger_actors.runtime.envelopes import CommandEnvelope
from ledger_actors.runtime.errors import StreamGap
from ledger_actors.runtime.stored_states import latest_snapshot, snapshot_payload
from ledger_actors.runtime.system import System
from ledger_actors.store.errors import CommandIdReused
from ledger_actors.store.journal import AppendRequest
from ledger_actors.store.model import Append, Appended, Guard, RecordedEvent, Snapshot, StreamWrite
from supervision import POOLED, SHUTDOWN, Actor, Future, Ref, Rejection, Shutdown, Timer
from supervision.execution import shield
from supervision.messages import SystemMessage

__all__ = ["Aggregate", "Named", "pass_on"]

S = TypeVar("S")
Named: TypeAlias = "tuple[type[Aggregate[Any]], str]"


@dataclass(frozen=True, slots=True)
class _Settled(SystemMessage):
    """The journal has answered an append. A message of the runtime's: no letter when it is late."""

    version: int
    command_id: str
    written: Future[Any]

    def handle(self, actor: Any) -> None:
        actor.on_settled(self.version, self.command_id, self.written)


@dataclass(frozen=True, slots=True)
class _Tell:
    """What is done with the journal's answer: the aggregate is told, and then whoever asked.

    In that order. Who asked may try again at once, and must not find an aggregate that still
    believes in what was refused.
    """

    ref: Ref
    version: int
    command_id: str
    answer: Future[Any]

    def __call__(self, written: Future[Any]) -> None:
        self.ref.signal(_Settled(self.version, self.command_id, written))
        pass_on(written, self.answer)


class _IdleCheck(SystemMessage):
    """Look whether nobody has wanted anything for a while."""

    __slots__ = ()

    def handle(self, actor: Any) -> None:
        actor.on_idle_check()


class Aggregate(Actor, Generic[S]):
    """One stream's actor. Subclass it with a category, a first state, and two pure functions.

    `decide(state, command)` returns the events that a command makes, or raises `Rejection`;
    `evolve(state, event)` returns the next state. Neither may touch anything else. `commands` maps
    each command class to the field that holds the aggregate's id. It is started by its first
    message, and ends when it has been idle for a while.
    """

    dispatcher = POOLED

    category: ClassVar[str]
    """The first part of the stream's name, `category-id`; without a hyphen."""

    initial_state: ClassVar[Any]
    commands: ClassVar[Mapping[type[Command], str]] = {}

    names: ClassVar[Mapping[type[Command], Callable[[Any], Iterable[Named]]]] = {}
    """What a command names in other streams, as (class, id): where there is no such aggregate, the
    command is refused with `DoesNotExist`. That it exists is all that can be asked without reading
    versions, since it stays true; what rests on another's state is for a `CommandHandler`."""

    state_type: ClassVar[Any] = None
    """What a snapshot is decoded to; by default the type of `initial_state`."""

    snapshot_version: ClassVar[int] = 1
    """Raise it when `evolve` or the state's form changes: older snapshots are then not used."""

    @staticmethod
    def decide(state: Any, command: Any) -> Sequence[Event]:
        """Return the events that a command makes; raise `Rejection` to refuse it."""
        raise NotImplementedError

    @staticmethod
    def evolve(state: Any, event: Any) -> Any:
        """Return the state after an event."""
        raise NotImplementedError

    def __init__(self, system: System, identity: str) -> None:
        super().__init__()
        self._system = system
        self.identity = identity
        self.stream_name = self.stream(identity)
        self._state: Any = self.initial_state
        self._version = 0
        self._last_id = 0
        self._in_flight: dict[str, tuple[str, Future[Any]]] = {}
        self._confirmed = 0
        self._held: deque[tuple[int, Future[Any], Stand | Rejection]] = deque()
        self._snapshot_at = 0
        self._used_at = 0.0
        self._idle_timer: Timer | None = None

    @classmethod
    def stream(cls, identity: str) -> str:
        """Return the name of the stream of one aggregate.

        Raises:
            ValueError: the id is empty, or the class's category is not one.
        """
        if not identity or not isinstance(identity, str):
            msg = f"the id of {cls.category} is a non-empty string, not {identity!r}"
            raise ValueError(msg)
        return f"{cls.category}-{identity}"

    def on_start(self) -> None:
        """Hydrate: the latest snapshot, then the events after it. Messages wait meanwhile."""
        store = self._system.store
        snapshot = latest_snapshot(self._system, type(self), self.stream_name)
        if snapshot is not None:
            self._state, self._version, self._last_id = snapshot
            self._snapshot_at = self._version
        batch = self._system.options.read_batch
        for row in store.read_stream(
            self.stream_name, after_version=self._version, batch_size=batch
        ):
            self._apply(row)
        self._confirmed = self._version
        self._used()
        self._arm_idle_timer()

    def on_receive(self, message: Any) -> Any:
        """Handle what an aggregate understands; anything else is logged and ignored."""
        if isinstance(message, Execute):
            self._used()
            return self._execute(message.envelope, message.missing)
        if isinstance(message, Delivery):
            return self._foreign(message.events)
        if isinstance(message, ReadState):
            self._used()
            return self._read_state()
        if isinstance(message, ReadAhead):
            self._used()
            return Stand(self._state, self._version, next(reversed(self._in_flight), None))
        self.log.warning("aggregate.unknown_message", message=repr(message)[:200])
        return None

    def on_stop(self) -> None:
        """Take back the idle timer."""
        self._cancel_idle_timer()

    def on_failure(self, *_args: Any) -> None:
        """Take back the idle timer."""
        self._cancel_idle_timer()

    # -- commands ------------------------------------------------------------------------------

    def _execute(self, envelope: CommandEnvelope, missing: Rejection | None) -> Any:
        fingerprint = envelope.fingerprint()
        if envelope.repeatable and self._seen_before(envelope.command_id, fingerprint):
            return None
        if missing is not None:
            raise missing
        try:
            made = tuple(self.decide(self._state, envelope.command))
        except Rejection as rejection:
            return self._once_confirmed(rejection)
        append = self._append(envelope, fingerprint, made)
        for event in made:
            self._state = self.evolve(self._state, event)
        self._version += len(made)
        self._send(append, envelope.command_id, fingerprint)
        return None

    def _append(
        self, envelope: CommandEnvelope, fingerprint: str, made: tuple[Event, ...]
    ) -> Append:
        """Return what is to be written, with the version and the command in flight it rests on."""
        writes: tuple[StreamWrite, ...] = ()
        guards: tuple[Guard, ...] = ()
        if made:
            events = tuple(map(self._system.events.encode, made))
            writes = (StreamWrite(self.stream_name, events, self._version),)
        else:  # that there is nothing to do is true of this version, too
            guards = (Guard(self.stream_name, self._version),)
        return Append(
            writes=writes,
            guards=guards,
            command_id=envelope.command_id,
            fingerprint=fingerprint,
            author=envelope.author,
            correlation_id=envelope.correlation_id or envelope.command_id,
            causation_id=envelope.causation_id or envelope.command_id,
            rests_on=tuple(islice(reversed(self._in_flight), 1)),
        )

    def _seen_before(self, command_id: str, fingerprint: str) -> bool:
        """Answer a command that is in flight or on disk already; return whether it is."""
        in_flight = self._in_flight.get(command_id)
        if in_flight is not None:
            first, original = in_flight
            if first == fingerprint:
                with shield():  # as in `_send`
                    original.add_done_callback(partial(_repeat_answer, self.release_reply()))
                return True
        else:
            found = self._system.store.find_command(command_id)
            if found is None:
                return False
            if found.fingerprint in (None, fingerprint):
                self.reply(Appended(found.events, duplicate=True))
                return True
        self.reply_exception(CommandIdReused(command_id))
        return True

    def _send(self, append: Append, command_id: str, fingerprint: str) -> None:
        ref, written = self.actor_ref, Future[Any]()
        with shield():  # killed in here, it would leave the one who asked without an answer
            answer = self.release_reply()
            self._in_flight[command_id] = (fingerprint, answer)
            written.add_done_callback(_Tell(ref, self._version, command_id, answer))
            self._system.journal.forward(AppendRequest(append, origin=ref), written)

    def on_settled(self, version: int, command_id: str, written: Future[Any]) -> None:
        """Take note of the journal's answer to the append that led to `version`."""
        self._in_flight.pop(command_id, None)
        problem = written.exception()
        if problem is not None:
            self._hydrate_afresh(str(problem))
        elif (appended := written.get()).duplicate:
            self._hydrate_afresh(f"command {command_id!r} was written before")
        else:
            self._confirm(version, appended.events)

    def _hydrate_afresh(self, why: str) -> None:
        """End: what was applied here never happened. The next message starts a successor."""
        self._cancel_idle_timer()
        self.exit(Shutdown(f"hydrates afresh: {why}"))

    def _confirm(self, version: int, events: Sequence[RecordedEvent]) -> None:
        self._confirmed = max(self._confirmed, version)
        if events:
            # Another's event, from the same commit, may have been told of before this answer.
            self._last_id = max(self._last_id, events[-1].id)
        self._release_held()
        if not self._in_flight:
            self._maybe_snapshot()

    # -- reading -------------------------------------------------------------------------------

    def _read_state(self) -> Stand | None:
        return self._once_confirmed(Stand(self._state, self._version))

    def _once_confirmed(self, answer: Stand | Rejection) -> Stand | None:
        """Answer once all that the state rests on is on disk; never, if that is refused.

        The one who asked is then told that this actor has ended, and asks its successor.
        """
        if self._version > self._confirmed:
            self._held.append((self._version, self.defer_reply(), answer))
            return None
        if isinstance(answer, Rejection):
            raise answer
        return answer

    def _release_held(self) -> None:
        while self._held and self._held[0][0] <= self._confirmed:
            _, waiting, answer = self._held.popleft()
            if isinstance(answer, Rejection):
                waiting.try_set_exception(answer)
            else:
                waiting.try_set(answer)

    # -- events that somebody else wrote to this stream ----------------------------------------

    def _foreign(self, rows: Sequence[RecordedEvent]) -> None:
        for row in rows:
            if row.version <= self._confirmed:
                continue  # hydration has seen it
            if row.version <= self._version:
                self._hydrate_afresh(f"event {row.id} is in the place of what is in flight")
                return
            if row.version != self._version + 1:
                raise StreamGap(self.stream_name, self._version + 1, row.version)
            self._apply(row)
            self._confirmed = self._version
        self._release_held()

    def _apply(self, row: RecordedEvent) -> None:
        for event in self._system.events.decode(row):
            self._state = self.evolve(self._state, event)
        self._version = row.version
        self._last_id = row.id

    # -- snapshots and idleness ----------------------------------------------------------------

    def _maybe_snapshot(self) -> None:
        every = self._system.options.snapshot_every
        if not every or self._version - self._snapshot_at < every:
            return
        self._snapshot_at = self._version
        try:
            payload = snapshot_payload(type(self), self._state)
        except ValueError as problem:
            self.log.warning("aggregate.no_snapshot", reason=str(problem))
            return
        snapshot = Snapshot(
            self.stream_name,
            self._version,
            self._last_id,
            self.category,
            self.snapshot_version,
            payload,
        )
        try:
            self._system.store.save_snapshot(snapshot)
        except OSError as problem:  # it costs time at the next start, and nothing else
            self.log.warning("aggregate.snapshot_failed", reason=str(problem))

    def _used(self) -> None:
        self._used_at = self._system.clock.monotonic()

    def on_idle_check(self) -> None:
        """End if nobody has wanted anything for a while and nothing is in flight."""
        idle_for = self._system.clock.monotonic() - self._used_at
        if idle_for < self._system.options.idle_timeout or self._in_flight:
            self._arm_idle_timer(idle_for)
        else:
            self.exit(SHUTDOWN)

    def _arm_idle_timer(self, idle_for: float = 0.0) -> None:
        timeout = self._system.options.idle_timeout
        if timeout:
            wait = max(timeout - idle_for, timeout / 10)
            self._idle_timer = self._system.timers.send_after(wait, self.actor_ref, _IdleCheck())

    def _cancel_idle_timer(self) -> None:
        if self._idle_timer is not None:
            self._idle_timer.cancel()


def _repeat_answer(answer: Future[Any], original: Future[Any]) -> None:
    problem = original.exception()
    if problem is None:
        answer.try_set(Appended(original.get().events, duplicate=True))
    else:
        answer.try_set_exception(problem)


def pass_on(done: Future[Any], answer: Future[Any]) -> None:
    """Set a future to what another one, which is done, holds."""
    problem = done.exception()
    if problem is None:
        answer.try_set(done.get())
    else:
        answer.try_set_exception(problem)
