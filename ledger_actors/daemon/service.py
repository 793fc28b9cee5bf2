"""What the door and the in-process `Ledger` both call: a running tree, put into the protocol.

It keeps `contract.Service`. Every method may be called from any thread but an actor's and the
door's event loop: those that return no future may block.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import islice
from typing import Any

import msgspec

from ledger_actors._version import __version__
from ledger_actors.daemon.actors import Actors
from ledger_actors.daemon.connection import EventQuery
from ledger_actors.daemon.consumers import consumer_notes, consumer_status, count_aggregates
from ledger_actors.daemon.contract import Answer
from ledger_actors.daemon.describe import describe
from ledger_actors.daemon.errors import BadRequest, LedgerError, StreamMissing, TooLarge
from ledger_actors.daemon.field_hints import with_hint
from ledger_actors.daemon.messages import as_record, is_command
from ledger_actors.daemon.parked import ParkedEvents
from ledger_actors.daemon.parked_protocol import (
    AuditAnswer,
    ParkedAction,
    ParkedAnswer,
    ParkedEvent,
)
from ledger_actors.daemon.protocol import (
    MAX_COMMAND_BYTES,
    ActorAction,
    ActorInfo,
    CommandAnswer,
    CommandInfo,
    EventRecord,
    Problem,
    StateAnswer,
    StatusAnswer,
    TreeAnswer,
    VerifyAnswer,
)
from ledger_actors.daemon.reading import read_model
from ledger_actors.daemon.translate import as_ledger_error
from ledger_actors.daemon.tree_view import tree_answer
from ledger_actors.read_models import READ_MODELS
from ledger_actors.runtime import (
    CommandBus,
    CommandEnvelope,
    Consumer,
    EventFilter,
    InvalidCommand,
    Outcome,
    Stand,
    System,
    decode_envelope,
    state_at,
)
from supervision import Ref, abandoned_threads

_BATCH = 512
_STATE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a ledger without asking anybody."""

    env: str
    folder: str
    door: str | None
    started_at: str
    consumers: tuple[type[Consumer], ...]
    business_date: Callable[[], date | None]


class LedgerService:
    """One running tree."""

    def __init__(
        self,
        system: System,
        bus: CommandBus,
        about: About,
        *,
        root: Callable[[], Ref],
        stop: Callable[[], None],
    ) -> None:
        self._system = system
        self._bus = bus
        self._about = about
        self._root = root
        self._stop = stop
        self._parked = ParkedEvents(system, about.consumers)

    # -- commands ----------------------------------------------------------------------------------

    def submit_many(self, lines: Sequence[bytes]) -> list[Answer]:
        """Decode commands and send them on their way together, in order."""
        decoded = [self._envelope(line) for line in lines]
        envelopes = [one for one in decoded if isinstance(one, CommandEnvelope)]
        sent = iter(self._bus.dispatch_many(envelopes))
        return [next(sent) if isinstance(one, CommandEnvelope) else one for one in decoded]

    def _envelope(self, line: bytes) -> CommandEnvelope | LedgerError:
        try:
            return self._decoded(line)
        except Exception as problem:  # noqa: BLE001 - it is this command's alone, and its answer
            return as_ledger_error(problem)

    def _decoded(self, raw: bytes) -> CommandEnvelope:
        if len(raw) > MAX_COMMAND_BYTES:
            raise TooLarge(f"a command may have {MAX_COMMAND_BYTES:,} bytes; this has {len(raw):,}")
        try:
            return decode_envelope(raw, self._system.commands)
        except InvalidCommand as wrong:
            refusal = as_ledger_error(wrong)
            raise type(refusal)(with_hint(refusal.message, self._described)) from wrong

    def answer(self, outcome: Outcome) -> CommandAnswer:
        """A command's outcome in the protocol's form."""
        return CommandAnswer(tuple(map(as_record, outcome.events)), outcome.duplicate)

    def commands(self) -> tuple[CommandInfo, ...]:
        """The commands there are."""
        return self._described

    @cached_property
    def _described(self) -> tuple[CommandInfo, ...]:
        return describe({kind.command_type: kind for kind in self._system.commands})

    # -- reading -----------------------------------------------------------------------------------

    def state(self, kind: str, id: str, *, as_of: int | None) -> StateAnswer:  # noqa: A002 - the domain's word
        """The state of an aggregate: from its actor, or as of an event from the store."""
        cls = self._actors.aggregate(kind)
        try:
            stream = cls.stream(id)
        except ValueError as problem:
            raise BadRequest(str(problem)) from problem
        if as_of is None:
            stand: Stand = self._bus.read(cls, id).get(timeout=_STATE_SECONDS)
        else:
            stand = state_at(self._system, cls, id, as_of)
        if stand.version == 0:
            raise StreamMissing(f"there is no {kind} {id!r}: nothing was ever written about it")
        state = msgspec.to_builtins(stand.state)
        return StateAnswer(stream, stand.version, state, as_of)

    def head(self) -> int:
        """The id of the last event that was committed."""
        return self._system.store.head()

    def on_commit(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` after each commit, in the journal's thread."""
        return self._system.subscriptions.on_commit(lambda _up_to: callback())

    def event_batches(self, query: EventQuery) -> Iterator[list[EventRecord]]:
        """The events up to `query.up_to`, some hundreds at a time."""
        streams = () if query.stream is None else (query.stream,)
        wanted = EventFilter(query.types, streams)
        rows = self._system.store.read_all(
            after=query.after,
            up_to=query.up_to,
            types=wanted.plain_types,
            stream_prefix=_prefix(query.stream),
            batch_size=_BATCH,
        )
        found = islice((as_record(row) for row in rows if wanted.wants(row)), query.limit)
        while batch := list(islice(found, _BATCH)):
            yield batch

    def models(self) -> tuple[str, ...]:
        """The names that `read` knows."""
        return tuple(READ_MODELS)

    def read(self, model: str, key: str | None = None) -> Any:
        """A read model's rows, or one; blocks until it has caught up."""
        return read_model(self._system, model, key)

    # -- the system --------------------------------------------------------------------------------

    def tree(self) -> TreeAnswer:
        """The supervision tree."""
        return tree_answer(self._root(), consumer_notes(self._system))

    def status(self) -> StatusAnswer:
        """Health at a glance."""
        head, about = self.head(), self._about
        cycled = about.business_date()
        return StatusAnswer(
            version=__version__,
            env=about.env,
            pid=os.getpid(),
            folder=about.folder,
            door=about.door,
            started_at=about.started_at,
            head=head,
            business_date=None if cycled is None else cycled.isoformat(),
            aggregates=count_aggregates(self._system),
            threads=threading.active_count(),
            abandoned=len(abandoned_threads()),
            consumers=tuple(consumer_status(self._system, kind, head) for kind in about.consumers),
        )

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyAnswer:
        """Read the hash chain from the first row to the last."""
        report = self._system.store.verify(progress)
        problems = tuple(Problem(one.event_id, one.what) for one in report.problems)
        return VerifyAnswer(report.events, report.ok, problems, report.head, report.head_hash)

    def parked(self, consumer: str | None = None) -> tuple[ParkedEvent, ...]:
        """What consumers, or one of them, have put aside."""
        return self._parked.list(consumer)

    def parked_event(self, consumer: str, event_id: int) -> ParkedEvent:
        """One of those, with its traceback."""
        return self._parked.one(consumer, event_id)

    def act_on_parked(self, consumer: str, event_id: int, action: ParkedAction) -> ParkedAnswer:
        """Retry it and those behind it, or discard it."""
        return self._parked.act(consumer, event_id, action)

    def audit(self, progress: Callable[[int, int], None] | None = None) -> AuditAnswer:
        """Compare what each consumer has processed with the log."""
        return self._parked.audit(progress)

    def actor(self, name: str, id: str | None) -> ActorInfo:  # noqa: A002 - the domain's word
        """What an actor is doing."""
        return self._actors.info(name, id)

    def act(self, name: str, id: str | None, action: ActorAction) -> Any:  # noqa: A002 - the domain's word
        """Tell, ask, kill or crash an actor."""
        if action.action in ("tell", "ask") and is_command(action.message):
            return self._command_to(name, id, action)
        return self._actors.act(name, id, action)

    def stop(self) -> None:
        """Begin an ordered stop of everything."""
        self._stop()

    @property
    def _actors(self) -> Actors:
        return Actors(self._system, self._bus, self._root())

    def _command_to(self, name: str, id: str | None, action: ActorAction) -> Any:  # noqa: A002 - the domain's word
        envelope = self._decoded(msgspec.json.encode(action.message))
        self._actors.check_addressee(name, id, envelope.command)
        future = self._bus.dispatch(envelope)
        if action.action == "tell":
            return None
        answer = self.answer(future.get(timeout=action.timeout or _STATE_SECONDS))
        return msgspec.json.decode(msgspec.json.encode(answer))


def _prefix(stream: str | None) -> str | None:
    """What every stream that fits the pattern begins with."""
    if stream is None:
        return None
    return re.split(r"[*?\[]", stream, maxsplit=1)[0] or None
