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
from itertools import islice
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from ledger_actors.runtime.aggregate_messages import Execute, ReadAhead, ReadState, Stand
from ledger_actors.runtime.answers import TellFirst, answer_as_before, answer_with
from ledger_actors.runtime.catalog import Event
from ledger_actors.runtime.command_catalog import Command
from ledger_actors.runtime.delivery import Delivery
from ledger_actors.runtime.envelopes import CommandEnvelope
from ledger_actors.runtime.errors import StreamGap
from ledger_actors.runtime.passivation import Passivated
from ledger_actors.runtime.recorded import log_fields
from ledger_actors.runtime.stored_states import latest_snapshot, save_snapshot
from ledger_actors.runtime.system import System
from ledger_actors.store.errors import CommandIdReused
from ledger_actors.store.journal import AppendRequest
from ledger_actors.store.model import Append, Guard, RecordedEvent, StreamWrite
from supervision import POOLED, Future, Rejection, Shutdown
from supervision.execution import shield

__all__ = ["Aggregate", "Named"]

S = TypeVar("S")
Named: TypeAlias = "tuple[type[Aggregate[Any]], str]"


class Aggregate(Passivated, Generic[S]):
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

    # What an idle aggregate does not have is a default of the class, and costs no memory.
    _at_hand: RecordedEvent | None = None
    _version = 0
    _last_id = 0
    _confirmed = 0
    _snapshot_at = 0
    _held: deque[tuple[int, Future[Any], Stand | Rejection]] | None = None

    def __init__(self, system: System, identity: str) -> None:
        super().__init__(system)
        self.identity = identity
        self.stream_name = self.stream(identity)
        self._state: Any = self.initial_state
        self._in_flight: dict[str, tuple[str, Future[Any]]] = {}

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
        self.used()
        self.arm_idle_timer()

    def on_receive(self, message: Any) -> Any:
        """Handle what an aggregate understands; anything else is logged and ignored."""
        if isinstance(message, Execute):
            self.used()
            return self._execute(message.envelope, message.missing)
        if isinstance(message, Delivery):
            return self._foreign(message.events)
        if isinstance(message, ReadState):
            self.used()
            return self._read_state()
        if isinstance(message, ReadAhead):
            self.used()
            return Stand(self._state, self._version, next(reversed(self._in_flight), None))
        self.log.warning("aggregate.unknown_message", message=repr(message)[:200])
        return None

    def crash_context(self, message: Any) -> Mapping[str, object]:
        """Return which command or which event it was at."""
        if isinstance(message, Execute):
            return message.envelope.log_fields()
        return {} if self._at_hand is None else log_fields(self._at_hand)

    def is_busy(self) -> bool:
        """Return whether something is in flight."""
        return bool(self._in_flight)

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
        rests_on = tuple(islice(reversed(self._in_flight), 1))
        return envelope.append(fingerprint, writes=writes, guards=guards, rests_on=rests_on)

    def _seen_before(self, command_id: str, fingerprint: str) -> bool:
        """Answer a command that is in flight or on disk already; return whether it is."""
        in_flight = self._in_flight.get(command_id)
        if in_flight is not None:
            first, original = in_flight
            if first == fingerprint:
                with shield():  # as in `_send`
                    answer_with(original, self.release_reply())
            else:
                self.reply_exception(CommandIdReused(command_id))
            return True
        found = self._system.store.find_command(command_id)
        if found is not None:
            with shield():
                answer_as_before(found, fingerprint, self.release_reply())
        return found is not None

    def _send(self, append: Append, command_id: str, fingerprint: str) -> None:
        ref, written = self.actor_ref, Future[Any]()
        with shield():  # killed in here, it would leave the one who asked without an answer
            answer = self.release_reply()
            self._in_flight[command_id] = (fingerprint, answer)
            written.add_done_callback(TellFirst(ref, self._version, command_id, answer))
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
            if self._held is None:
                self._held = deque()
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
        if not self._held:
            self._held = None

    # -- events that somebody else wrote to this stream ----------------------------------------

    def _foreign(self, rows: Sequence[RecordedEvent]) -> None:
        for row in rows:
            if row.version <= self._confirmed:
                continue  # hydration has seen it
            self._at_hand = row
            if row.version <= self._version:
                self._hydrate_afresh(f"event {row.id} is in the place of what is in flight")
                return
            if row.version != self._version + 1:
                raise StreamGap(self.stream_name, self._version + 1, row.version)
            self._apply(row)
            self._confirmed = self._version
        self._release_held()

    def _apply(self, row: RecordedEvent) -> None:
        self._at_hand = row
        for event in self._system.events.decode(row):
            self._state = self.evolve(self._state, event)
        self._version = row.version
        self._last_id = row.id
        self._at_hand = None

    # -- snapshots ----------------------------------------------------------------------------

    def _maybe_snapshot(self) -> None:
        every = self._system.options.snapshot_every
        if not every or self._version - self._snapshot_at < every:
            return
        self._snapshot_at = self._version
        stand = Stand(self._state, self._version)
        save_snapshot(self._system, type(self), self.stream_name, stand, event_id=self._last_id)
