"""The journal: the one actor that writes to the event store.

It takes all that waits in its mailbox, up to a limit, and writes it in one transaction: alone
under low load, hundreds at a time under high load, without a timer. After the commit it first
publishes the new events in order of id, and then answers: whoever has an answer finds its
effects published. If it ends in the middle, every request that it has taken is answered with
`ActorDead`; whether such a request is on disk is found by repeating it under its command id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from ledger_actors.store.errors import StoreError, StoreFull
from ledger_actors.store.interface import EventStore
from ledger_actors.store.model import Append, Appended, RecordedEvent
from supervision import telemetry
from supervision.actor import Actor
from supervision.clock import SYSTEM_CLOCK, Clock
from supervision.errors import Rejection
from supervision.execution import shield
from supervision.future import Future
from supervision.ref import Ref

__all__ = ["COMMITTED", "AppendRequest", "Committed", "Journal", "Publish"]

COMMITTED = telemetry.Event(
    "journal.committed",
    "a batch was written, or refused",
    requests="how many requests it had",
    events="how many events were written",
    refused="how many requests were refused",
    seconds="how long it took",
)


class AppendRequest(msgspec.Struct, frozen=True, gc=False):
    """Ask the journal to write; the answer is `Appended`, or the `StoreError` is raised.

    `origin` is the aggregate whose stream this is, if it has applied the events already: it need
    not be told.
    """

    append: Append
    origin: Ref | None = None


class Committed(msgspec.Struct, frozen=True, gc=False):
    """New events of one request, as they are published."""

    events: tuple[RecordedEvent, ...]
    origin: Ref | None


Publish = Callable[[Sequence[Committed]], None]
"""Tells the subscribers. Runs in the journal's thread: it must be quick and must not raise."""


class Journal(Actor):
    """Takes `AppendRequest`s, asked or told. Runs on a thread of its own.

    A refused append or a full disk is an answer; an error of the disk is a crash.
    """

    def __init__(
        self,
        store: EventStore,
        publish: Publish,
        *,
        max_batch: int = 512,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__()
        self._store = store
        self._publish = publish
        self._max_batch = max_batch
        self._clock = clock

    def on_start(self) -> None:
        """Write nothing, which fails where the store takes nothing any more.

        So a journal that has no store any more does not come up again, and the daemon ends.
        """
        self._store.ensure_writable()
        self._store.append([])

    def on_receive(self, message: Any) -> None:
        """Write this request and those that wait behind it."""
        told = self._reply is None
        requests = [_request(message)]
        replies: list[Future[Any] | None] = [None if told else self.defer_reply()]
        for envelope in self.take_waiting(self._max_batch - 1):
            reply = cast("Future[Any] | None", envelope.reply_to)
            try:
                requests.append(_request(envelope.message))
                replies.append(reply)
            except Rejection as rejection:
                self._answer(rejection, reply)
        self._write(requests, replies)
        self.disown(replies)

    def _write(
        self, requests: Sequence[AppendRequest], replies: Sequence[Future[Any] | None]
    ) -> None:
        began = self._clock.monotonic()
        answers = self._store.append([one.append for one in requests])
        published = [
            Committed(answer.events, one.origin)
            for one, answer in zip(requests, answers, strict=True)
            if isinstance(answer, Appended) and answer.events and not answer.duplicate
        ]
        if published:
            self._publish(published)
        with shield():  # one for all
            for answer, reply in zip(answers, replies, strict=True):
                self._answer(answer, reply)
        self._tell_of(answers, published, seconds=self._clock.monotonic() - began)

    def _tell_of(
        self,
        answers: Sequence[Appended | StoreError],
        published: Sequence[Committed],
        *,
        seconds: float,
    ) -> None:
        refused = [answer for answer in answers if isinstance(answer, StoreError)]
        if refused and isinstance(refused[0], StoreFull):
            self.log.error("journal.disk_full", refused=len(refused), reason=str(refused[0]))
        telemetry.emit(
            COMMITTED,
            requests=len(answers),
            events=sum(len(one.events) for one in published),
            refused=len(refused),
            seconds=seconds,
        )

    def _answer(self, answer: Appended | StoreError | Rejection, reply: Future[Any] | None) -> None:
        if isinstance(answer, Appended):
            if reply is not None:
                reply.try_set(answer)
        elif reply is not None:
            reply.try_set_exception(answer)
        else:  # it was told: nobody else learns of it
            self.log.warning("journal.refused", reason=str(answer))


def _request(message: object) -> AppendRequest:
    if isinstance(message, AppendRequest):
        return message
    msg = f"the journal takes AppendRequest, not {type(message).__name__}"
    raise Rejection(msg)
