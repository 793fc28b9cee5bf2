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
from ledger_actors.runtime.answers import LearnFirst, answer_as_before, answer_with
from ledger_actors.runtime.catalog import Event
from ledger_actors.runtime.command_catalog import Command
from ledger_actors.runtime.delivery import Delivery
from ledger_actors.runtime.envelopes import CommandEnvelope
from ledger_actors.runtime.errors import StreamGap
from ledger_actors.runtime.passivation import Passivated
from ledger_actors.runtime.recorded import log_fields
from ledger_actors.runtime.stored_states import latest_snapshot, save_snapshot
from ledger_actors.runtime.system import RuntimeOptions, System
from ledger_actors.store.errors import CommandIdReused
from ledger_actors.store.journal import AppendRequest
from ledger_actors.store.model import (
    Append,
    Guard,
    RecordedEvent,
    StreamHistory,
    StreamWrite,
)
from supervision import POOLED, Future, Rejection, Shutdown
from supervision.execution import shield

__all__ = ["Aggregate", "Named", "few_events"]

S = TypeVar("S")

A_FEW = 64

UNWRITTEN_IDLE_SECONDS = 1.0
"""How long an actor without any event is kept, after it was asked or refused something."""

Named: TypeAlias = "tuple[type[Aggregate[Any]], str]"


def few_events(options: RuntimeOptions) -> int:
    """Return how many events are read at a start before it is looked whether there is a snapshot.

    A stream that has fewer has none.
    """
    return min(A_FEW, options.snapshot_every or A_FEW)


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

    def __init__(self, system: System, identity: str, history: StreamHistory | None = None) -> None:
        """Runs in the thread of its supervisor. One that is overridden takes all three.

        `history` is the whole stream, read for many at once before they were started.
        """
        super().__init__(system)
        self.identity = identity
        self.stream_name = self.stream(identity)
        self._history = history
        # What is in flight is in it. It is replaced as a whole: others read it at any time.
        self._stand = Stand(self.initial_state, 0)
        self._in_flight: dict[str, tuple[str, Future[Any]]] = {}
        # All attributes are made here: CPython keeps those of a class in one table as long as none
        # is added later, and gives an object that differs a dict of its own, of 464 bytes.
        self._at_hand: RecordedEvent | None = None
        self._read = 0
        """The version up to which this actor has read the stream."""
        self._written = 0
        """The version up to which the journal has answered it; set in the journal's thread."""
        self._snapshot_at = 0
        self._snapshot: Stand | None = None
        """A state that is to be kept when it is on disk; `_snapshot_id` is its event, then."""
        self._snapshot_id = 0
        self._held: deque[tuple[int, Future[Any], Stand | Rejection]] | None = None

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
        """Hydrate; messages wait meanwhile."""
        history, self._history = self._history, None
        stream, store = self.stream_name, self._system.store
        if history is not None and store.is_unwritten_since(stream, history.as_of):
            self._apply_all(history.events)
        else:
            self._hydrate()
        self.used()
        self.arm_idle_timer()

    def _hydrate(self) -> None:
        """Apply the latest snapshot, then the events after it.

        Most aggregates have few events, and those are read without looking for a snapshot. If there
        were many there is one again, so that the next start is short.
        """
        options = self._system.options
        few = few_events(options)
        rows: Sequence[RecordedEvent] = ()
        may_be_more = self._system.store.version_written(self.stream_name) >= few
        if not may_be_more:
            rows = tuple(islice(self._rows(few), few))
            may_be_more = len(rows) == few
        if may_be_more:
            snapshot = latest_snapshot(self._system, type(self), self.stream_name)
            if snapshot is not None:
                self._stand, rows = snapshot, ()
                self._snapshot_at = self._read = snapshot.version
        last_id = self._apply_all(rows)
        if may_be_more:
            last_id = self._apply_all(self._rows(options.read_batch)) or last_id
        if last_id and self._is_snapshot_due(self._stand.version):
            self._snapshot_at = self._stand.version
            self._keep(self._stand, last_id)

    def on_receive(self, message: Any) -> Any:
        """Handle what an aggregate understands; anything else is logged and ignored."""
        if isinstance(message, Execute):
            self.used()
            return self._execute(message)
        if isinstance(message, Delivery):
            return self._foreign(message.events)
        if isinstance(message, ReadState):
            self.used()
            stand = self._stand
            return self._once_confirmed(Stand(stand.state, stand.version))
        if isinstance(message, ReadAhead):
            self.used()
            return self.ahead()
        self.log.warning("aggregate.unknown_message", message=repr(message)[:200])
        return None

    def crash_context(self, message: Any) -> Mapping[str, object]:
        """Return which command or which event it was at."""
        if isinstance(message, Execute):
            return message.envelope.log_fields()
        return {} if self._at_hand is None else log_fields(self._at_hand)

    def idle_timeout(self) -> float:
        """Return it; short for one that does not exist: there is no end of ids to ask about."""
        most = self._system.options.idle_timeout
        return most if self._stand.version else min(most, UNWRITTEN_IDLE_SECONDS)

    def is_busy(self) -> bool:
        """Return whether something is in flight."""
        return bool(self._in_flight)

    # -- commands ------------------------------------------------------------------------------

    def _execute(self, message: Execute) -> Any:
        envelope, stand = message.envelope, self._stand
        fingerprint = envelope.fingerprint()
        unseen_since = self._new_since(envelope.command_id, fingerprint, message.unseen_since)
        if unseen_since is None:
            return None
        if message.missing is not None:
            raise message.missing
        try:
            made = tuple(self.decide(stand.state, envelope.command))
        except Rejection as rejection:
            return self._once_confirmed(rejection)
        append = self._append(envelope, fingerprint, made, unseen_since)
        state = stand.state
        for event in made:
            state = self.evolve(state, event)
        after = Stand(state, stand.version + len(made), envelope.command_id)
        if made and self._is_snapshot_due(after.version):
            self._snapshot_at = after.version
            self._snapshot = after
        self._send(append, fingerprint, after)
        return None

    def _append(
        self,
        envelope: CommandEnvelope,
        fingerprint: str,
        made: tuple[Event, ...],
        unseen_since: int,
    ) -> Append:
        """Return what is to be written, with the version and the command in flight it rests on."""
        stand = self._stand
        writes: tuple[StreamWrite, ...] = ()
        guards: tuple[Guard, ...] = ()
        if made:
            events = tuple(map(self._system.events.encode, made))
            writes = (StreamWrite(self.stream_name, events, stand.version),)
        else:  # that there is nothing to do is true of this version, too
            guards = (Guard(self.stream_name, stand.version),)
        basis = stand.rests_on
        rests_on = (basis,) if basis is not None and basis in self._in_flight else ()
        return envelope.append(fingerprint, writes, guards, rests_on, unseen_since)

    def _new_since(self, command_id: str, fingerprint: str, unseen_since: int | None) -> int | None:
        """Return a moment at which a command was not taken, given one at which that was so.

        `None`: it is in flight or on disk already, and is answered here.
        """
        in_flight = self._in_flight.get(command_id)
        if in_flight is not None:
            first, original = in_flight
            if first == fingerprint:
                with shield():  # as in `_send`
                    answer_with(original, self.release_reply())
            else:
                self.reply_exception(CommandIdReused(command_id))
            return None
        store = self._system.store
        if unseen_since is not None and store.is_unseen(command_id, unseen_since):
            return unseen_since
        known = store.look_up_commands((command_id,))
        found = known.found.get(command_id)
        if found is None:
            return known.moment
        with shield():
            answer_as_before(found, fingerprint, self.release_reply())
        return None

    def _send(self, append: Append, fingerprint: str, after: Stand) -> None:
        command_id = after.rests_on
        assert command_id is not None
        with shield():  # killed in here, it would leave the one who asked without an answer
            answer = self.release_reply()
            self._in_flight[command_id] = (fingerprint, answer)  # before it is seen in the state
            self._stand = after
            answer.call_first(LearnFirst(self, after.version, command_id))
            self._system.journal.forward(AppendRequest(append, self.actor_ref), answer)

    def confirm(self, command_id: str, version: int, events: Sequence[RecordedEvent]) -> bool:
        """Take note that the append that led to `version` is on disk; in the journal's thread.

        Return whether something has waited for it: then `on_confirmed` is due.
        """
        self._written = max(self._written, version)
        self._in_flight.pop(command_id, None)
        snapshot = self._snapshot
        if snapshot is not None and snapshot.version == version and events:
            self._snapshot_id = events[-1].id
        return bool(self._held or self._snapshot_id)

    def on_confirmed(self) -> None:
        """Do what has waited until more was on disk."""
        self._release_held()
        snapshot, event_id = self._snapshot, self._snapshot_id
        if snapshot is not None and event_id:
            self._snapshot, self._snapshot_id = None, 0
            self._keep(snapshot, event_id)

    def hydrate_afresh(self, why: str) -> None:
        """End: what was applied here never happened. The next message starts a successor.

        It stays in flight until then, for whoever looks at the state.
        """
        self.exit(Shutdown(f"hydrates afresh: {why}"))

    def _confirmed(self) -> int:
        """Return the version up to which the state is known to be on disk."""
        return max(self._read, self._written)

    # -- reading -------------------------------------------------------------------------------

    def ahead(self) -> Stand:
        """Return the state, with what it rests on that is not on disk yet; from any thread."""
        stand = self._stand
        if stand.rests_on is None or stand.rests_on in self._in_flight:
            return stand
        return Stand(stand.state, stand.version)

    def _once_confirmed(self, answer: Stand | Rejection) -> Stand | None:
        """Answer once all that the state rests on is on disk; never, if that is refused.

        The one who asked is then told that this actor has ended, and asks its successor.
        """
        version = self._stand.version
        if version > self._confirmed():
            if self._held is None:
                self._held = deque()
            self._held.append((version, self.defer_reply(), answer))
            self._release_held()  # the journal may have answered before it could see this
            return None
        if isinstance(answer, Rejection):
            raise answer
        return answer

    def _release_held(self) -> None:
        while self._held and self._held[0][0] <= self._confirmed():
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
            if row.version <= self._confirmed():
                continue  # hydration has seen it
            self._at_hand = row
            if row.version <= self._stand.version:
                self.hydrate_afresh(f"event {row.id} is in the place of what is in flight")
                return
            if row.version != self._stand.version + 1:
                raise StreamGap(self.stream_name, self._stand.version + 1, row.version)
            self._apply(row)
            if self._is_snapshot_due(row.version):
                self._snapshot_at = row.version
                self._keep(self._stand, row.id)
        self._release_held()

    def _rows(self, batch_size: int) -> Iterable[RecordedEvent]:
        """Return what the stream has behind the state."""
        version = self._stand.version
        return self._system.store.read_stream(
            self.stream_name, after_version=version, batch_size=batch_size
        )

    def _apply_all(self, rows: Iterable[RecordedEvent]) -> int:
        """Apply events of the stream; return the id of the last one, 0 where there is none."""
        last_id = 0
        for row in rows:
            self._apply(row)
            last_id = row.id
        return last_id

    def _apply(self, row: RecordedEvent) -> None:
        self._at_hand = row
        state = self._stand.state
        for event in self._system.events.decode(row):
            state = self.evolve(state, event)
        self._stand = Stand(state, row.version)
        self._read = row.version
        self._at_hand = None

    # -- snapshots ----------------------------------------------------------------------------

    def _is_snapshot_due(self, version: int) -> bool:
        every = self._system.options.snapshot_every
        return 0 < every <= version - self._snapshot_at and self._snapshot is None

    def _keep(self, stand: Stand, event_id: int) -> None:
        save_snapshot(self._system, type(self), self.stream_name, stand, event_id=event_id)
