"""What consumers have put aside: told, retried and discarded for whoever asks; and the audit.

Where a consumer runs, its actor does it. One that is bound to the order of all its events has
stopped at the one that it could not process: a retry starts it again, and so does a discard, which
it finds in the store.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from time import sleep

from msgspec.structs import replace

from ledger_actors.daemon.errors import ActorCrashed, BadRequest, Conflict, NotFound
from ledger_actors.daemon.parked_protocol import (
    AuditAnswer,
    AuditedConsumer,
    AuditedRange,
    ParkedAction,
    ParkedAnswer,
    ParkedEvent,
)
from ledger_actors.daemon.reading import wait_for_position
from ledger_actors.runtime import (
    Consumer,
    DiscardParked,
    Failure,
    NotParked,
    ParkingOutcome,
    Projector,
    RetryParked,
    System,
    audit,
    consumer_key,
    discard,
    standing_of_consumer,
)
from ledger_actors.store import AppendRequest, Parked
from supervision import SYSTEM_CLOCK, restart_child
from supervision.errors import ChildRunning

_SECONDS = 45.0  # less than a client waits
_END_SECONDS = 5.0
_LOOK_SECONDS = 0.02


class ParkedEvents:
    """The parked events of a running tree. Every method may block; not for an actor's thread."""

    def __init__(self, system: System, consumers: Sequence[type[Consumer]]) -> None:
        self._system = system
        self._consumers = {kind.name: kind for kind in consumers}

    def list(self, consumer: str | None = None) -> tuple[ParkedEvent, ...]:
        """What is parked, without tracebacks."""
        kinds = self._consumers.values() if consumer is None else [self._kind(consumer)]
        return tuple(_without_traceback(one) for kind in kinds for one in self._of(kind))

    def one(self, consumer: str, event_id: int) -> ParkedEvent:
        """One of them, whole."""
        for found in self._of(self._kind(consumer)):
            if found.event_id == event_id:
                return found
        raise NotFound(str(NotParked(consumer, event_id)))

    def act(self, consumer: str, event_id: int, action: ParkedAction) -> ParkedAnswer:
        """Retry or discard one, and go on with those behind it."""
        kind = self._kind(consumer)
        message = _message(event_id, action)
        if self.one(consumer, event_id).state == "stopped":
            return self._restart(kind, message)
        try:
            outcome: ParkingOutcome = self._system.names.name(consumer_key(consumer)).ask(
                message, timeout=_SECONDS
            )
        except NotParked as gone:
            raise NotFound(str(gone)) from gone
        return ParkedAnswer(outcome.processed, outcome.left, outcome.error)

    def audit(self, progress: Callable[[int, int], None] | None) -> AuditAnswer:
        """What each consumer has processed against the log."""
        found = audit(self._system, self._consumers.values(), progress)
        told = tuple(
            AuditedConsumer(
                one.consumer,
                one.position,
                one.counted_after,
                one.events,
                one.parked,
                one.discarded,
                tuple(AuditedRange(two.first, two.last, two.what) for two in one.findings),
            )
            for one in found
        )
        return AuditAnswer(not any(one.findings for one in found), told)

    def _restart(self, kind: type[Consumer], message: RetryParked | DiscardParked) -> ParkedAnswer:
        """Start one again that has stopped, and tell how it fared with the event."""
        system, name, event_id = self._system, kind.name, message.event_id
        if isinstance(message, DiscardParked):
            append = discard(system, name, event_id, reason=message.reason, author=message.author)
            system.journal.ask(AppendRequest(append), timeout=_SECONDS)
        self._start_again(kind)
        try:
            wait_for_position(system, name, event_id)
        except ActorCrashed as again:
            return ParkedAnswer(0, 1, str(again))
        return ParkedAnswer(int(isinstance(message, RetryParked)), 0)

    def _start_again(self, kind: type[Consumer]) -> None:
        """Start one that has stopped, or is about to have stopped."""
        system, name = self._system, kind.name
        branch = "projectors" if issubclass(kind, Projector) else "process_managers"
        why = system.stopped.pop(name, "")
        deadline = SYSTEM_CLOCK.monotonic() + _END_SECONDS
        while True:
            try:
                restart_child(system.names.name(branch), name, timeout=_SECONDS)
            except ChildRunning as early:
                if SYSTEM_CLOCK.monotonic() > deadline:
                    system.stopped[name] = why
                    raise Conflict(f"{name} is still coming to its end: try again") from early
                sleep(_LOOK_SECONDS)
            else:
                return

    def _of(self, kind: type[Consumer]) -> Iterator[ParkedEvent]:
        rows = standing_of_consumer(self._system, kind).parked
        yield from _told(kind.name, rows)
        failure = self._system.failing.get(kind.name)
        # One that was parked a moment ago may still be noted as the one to be tried again.
        if failure is not None and all(row.event_id != failure.event_id for row in rows):
            state = "stopped" if kind.name in self._system.stopped else "retrying"
            yield _failing(kind.name, failure, state)

    def _kind(self, consumer: str) -> type[Consumer]:
        try:
            return self._consumers[consumer]
        except KeyError:
            known = ", ".join(self._consumers)
            raise NotFound(f"there is no consumer {consumer!r}; there is {known}") from None


def _message(event_id: int, action: ParkedAction) -> RetryParked | DiscardParked:
    if action.action == "retry":
        return RetryParked(event_id)
    if not (action.reason and action.author):
        raise BadRequest("a discard needs a reason and an author: both are recorded")
    return DiscardParked(event_id, action.reason, action.author)


def _told(consumer: str, rows: Iterable[Parked]) -> Iterator[ParkedEvent]:
    for row in rows:
        yield ParkedEvent(
            consumer,
            row.event_id,
            "parked" if row.attempts else "behind",
            row.key,
            row.type,
            row.stream,
            row.attempts,
            row.error,
            row.parked_at,
            row.traceback or None,
        )


def _failing(consumer: str, failure: Failure, state: str) -> ParkedEvent:
    return ParkedEvent(
        consumer,
        failure.event_id,
        state,
        "",
        failure.type,
        failure.stream,
        failure.attempts,
        failure.error,
        None,
        failure.traceback,
    )


def _without_traceback(event: ParkedEvent) -> ParkedEvent:
    return replace(event, traceback=None)
