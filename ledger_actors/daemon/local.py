"""The in-process side of `Ledger`: the same calls on the service of a tree in this process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from threading import Condition
from typing import Any, TypeVar

import msgspec

from ledger_actors.daemon.connection import CommandRequest, EventQuery
from ledger_actors.daemon.contract import Answer, Service
from ledger_actors.daemon.errors import LedgerError, LedgerUnavailable
from ledger_actors.daemon.parked_protocol import (
    AuditAnswer,
    ParkedAction,
    ParkedAnswer,
    ParkedEvent,
)
from ledger_actors.daemon.protocol import (
    MAX_WINDOW,
    ActorAction,
    ActorInfo,
    CommandAnswer,
    CommandInfo,
    EventRecord,
    StateAnswer,
    StatusAnswer,
    TreeAnswer,
    VerifyAnswer,
)
from ledger_actors.daemon.translate import as_ledger_error

T = TypeVar("T")
MOST = 60.0
"""Seconds that an answer is waited for: longer than a command's own deadline, so that this ends
only what was under way when its tree was stopped."""

Outcome = CommandAnswer | LedgerError
_encode = msgspec.json.Encoder().encode


class LocalConnection:
    """A tree in this process, seen as a daemon would be. Thread-safe."""

    def __init__(self, service: Service, *, address: str, close: Callable[[], None]) -> None:
        self._service = service
        self._address = address
        self._close = close
        self._closed = False
        self._ended: str | None = None
        self._followers: set[Condition] = set()

    @property
    def address(self) -> str:
        """The folder, and that it is in this process."""
        return self._address

    def send(self, command: CommandRequest) -> CommandAnswer:
        """One command, one answer."""
        outcome = self._outcome(*self._submit([command]))
        if isinstance(outcome, LedgerError):
            raise outcome
        return outcome

    def send_many(self, commands: Iterable[CommandRequest], *, window: int) -> Iterator[Outcome]:
        """Many commands, at most a window of them unanswered; outcomes in order."""
        window = min(max(window, 2), MAX_WINDOW)
        waiting: deque[Answer] = deque()
        source = iter(commands)
        more = True
        while more or waiting:
            if more and len(waiting) <= window // 2:
                step = list(islice(source, window - len(waiting)))
                more = bool(step)
                waiting.extend(self._submit(step))
            if waiting:
                yield self._outcome(waiting.popleft())

    def commands(self) -> tuple[CommandInfo, ...]:
        """The commands there are."""
        return self._call(self._service.commands)

    def state(self, kind: str, id: str, *, as_of: int | None) -> StateAnswer:  # noqa: A002 - the domain's word
        """The state of an aggregate."""
        return self._call(lambda: self._service.state(kind, id, as_of=as_of))

    def events(self, query: EventQuery) -> Iterator[EventRecord]:
        """Events as they lie in the store; with `follow`, those to come too, until closed."""
        commits = Condition()
        self._followers.add(commits)
        end = self._service.on_commit(lambda: notify(commits)) if query.follow else None
        try:
            yield from self._follow(query, commits)
        finally:
            self._followers.discard(commits)
            if end is not None:
                end()

    def read(self, model: str, key: str | None = None) -> Any:
        """A read model's rows, or one of them."""
        return self._call(lambda: self._service.read(model, key))

    def tree(self) -> TreeAnswer:
        """The supervision tree."""
        return self._call(self._service.tree)

    def status(self) -> StatusAnswer:
        """Health at a glance."""
        return self._call(self._service.status)

    def verify(self, progress: Callable[[int, int], None] | None = None) -> VerifyAnswer:
        """Read the hash chain from the first row to the last."""
        return self._call(lambda: self._service.verify(progress))

    def parked(self, consumer: str | None = None) -> tuple[ParkedEvent, ...]:
        """What consumers, or one of them, have put aside."""
        return self._call(lambda: self._service.parked(consumer))

    def parked_event(self, consumer: str, event_id: int) -> ParkedEvent:
        """One of those, with its traceback."""
        return self._call(lambda: self._service.parked_event(consumer, event_id))

    def act_on_parked(self, consumer: str, event_id: int, action: ParkedAction) -> ParkedAnswer:
        """Retry it and those behind it, or discard it."""
        return self._call(lambda: self._service.act_on_parked(consumer, event_id, action))

    def audit(self, progress: Callable[[int, int], None] | None = None) -> AuditAnswer:
        """Compare what each consumer has processed with the log."""
        return self._call(lambda: self._service.audit(progress))

    def actor(self, name: str, id: str | None) -> ActorInfo:  # noqa: A002 - the domain's word
        """What an actor is doing."""
        return self._call(lambda: self._service.actor(name, id))

    def act(self, name: str, id: str | None, action: ActorAction) -> Any:  # noqa: A002 - the domain's word
        """Tell, ask, kill or crash an actor."""
        return self._call(lambda: self._service.act(name, id, action))

    def stop(self) -> None:
        """Stop the tree, in order; returns when it has ended."""
        self.close()

    def close(self) -> None:
        """The same: the tree was started with this connection, and ends with it."""
        if not self._closed:
            self._closed = True
            self._close()

    def tree_ended(self, reason: object) -> None:
        """Say so to whoever follows, and to whoever calls from now on; in the root's thread."""
        self._ended = str(reason)
        for commits in list(self._followers):
            notify(commits)

    def _submit(self, commands: list[CommandRequest]) -> list[Answer]:
        try:
            with self._in_words():
                return self._service.submit_many([_encode(command) for command in commands])
        except LedgerError as refusal:
            return [refusal] * len(commands)

    def _outcome(self, answer: Answer) -> Outcome:
        if isinstance(answer, LedgerError):
            return answer
        try:
            return self._service.answer(answer.get(timeout=MOST))
        except Exception as problem:  # noqa: BLE001 - each outcome is a value, this one's too
            return as_ledger_error(problem)

    def _follow(self, query: EventQuery, commits: Condition) -> Iterator[EventRecord]:
        left, after = query.limit, query.after
        while left is None or left > 0:
            head = self._call(self._service.head)
            up_to = head if query.up_to is None else min(head, query.up_to)
            part = msgspec.structs.replace(query, after=after, up_to=up_to, limit=left)
            for event in self._events(part):
                left = None if left is None else left - 1
                yield event
            after = max(after, up_to)
            if not query.goes_on(after, left):
                return
            self._wait_beyond(after, commits)

    def _wait_beyond(self, event_id: int, commits: Condition) -> None:
        with commits:
            commits.wait_for(lambda: self._ended is not None or self._service.head() > event_id)

    def _events(self, query: EventQuery) -> Iterator[EventRecord]:
        with self._in_words():
            for batch in self._service.event_batches(query):
                yield from batch

    def _call(self, call: Callable[[], T]) -> T:
        with self._in_words():
            return call()

    @contextmanager
    def _in_words(self) -> Iterator[None]:
        if self._closed:
            raise LedgerUnavailable(
                'this ledger was closed: open it again with Ledger.open("data"), or use connect()'
            )
        if self._ended is not None:
            raise LedgerUnavailable(f"the ledger's tree has ended ({self._ended}): open it again")
        try:
            yield
        except LedgerError:
            raise
        except Exception as problem:
            raise as_ledger_error(problem) from problem


def notify(commits: Condition) -> None:
    """Wake whoever waits for a commit."""
    with commits:
        commits.notify_all()
