"""Clients outside the daemon: each sends from a thread of its own and writes down what it knows.

First the intent, synced; then the command; then what was answered, synced. What broke off is sent
again under the same id by `repeat`, until it is answered.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from ledger_actors import Ledger, connect
from ledger_actors.daemon.errors import Conflict, InvalidCommand, LedgerError, Rejected
from ledger_actors.daemon.protocol import CommandAnswer, EventRecord
from tests.torture.evidence import Ack, BrokenOff, Event, Intent, RecordFile, Refused

SURE = (Rejected, InvalidCommand, Conflict)
"""The refusals after which it is certain that nothing was written."""

_SENT_AGAIN = 5
"""So many commands that were acknowledged are sent again after each restart."""


class Source(Protocol):
    """Where a client's commands come from."""

    def next(self) -> Intent:
        """The next one."""


class Client:
    """One client. `window` commands are under way at a time; 1: each waits for its answer."""

    def __init__(
        self, name: str, source: Source, folder: Path, *, window: int, seed: int, pause: float = 0
    ) -> None:
        self.name = name
        self._source = source
        self._file = RecordFile(folder / f"{name}.jsonl")
        self._window = window
        self._pause = pause
        self._chance = random.Random(f"{seed}:{name}:again")
        self._unanswered: deque[Intent] = deque()
        self._acknowledged: list[Intent] = []
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, data: Path) -> None:
        """Begin to send to the daemon of a folder, until it goes away or `stop`."""
        self._stop.clear()
        self._thread = threading.Thread(target=self._run, args=(data,), name=self.name)
        self._thread.start()

    def stop(self) -> None:
        """Send no more, and return when the last answer is there, or will not come."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def send_one_by_one(self, ledger: Ledger, intents: Iterator[Intent]) -> None:
        """Send commands in order, in the caller's thread; an error is one that must not be."""
        for intent in intents:
            self._file.write(intent)
            events = ledger.send(intent.type, command_id=intent.id, **intent.data)
            self._acknowledge(intent, events, duplicate=events.duplicate)

    def repeat(self, ledger: Ledger) -> None:
        """Send again what was not answered, and some of what was; raises what breaks that off."""
        count = min(_SENT_AGAIN, len(self._acknowledged))
        for intent in self._chance.sample(self._acknowledged, count):
            self._send(ledger, intent)
        while self._unanswered:
            self._send(ledger, self._unanswered[0])
            self._unanswered.popleft()

    def close(self) -> None:
        """Close the record."""
        self._file.close()

    def _run(self, data: Path) -> None:
        try:
            with connect(data) as ledger:
                if self._window > 1:
                    self._send_in_a_pipeline(ledger)
                while not self._stop.wait(self._pause):
                    intent = self._source.next()
                    self._unanswered.append(intent)
                    self._send(ledger, intent)
                    self._unanswered.pop()
        except LedgerError as gone:
            for intent in self._unanswered:
                self._file.write(BrokenOff(intent.id, repr(gone)))

    def _send(self, ledger: Ledger, intent: Intent) -> None:
        """Send one command; raises where it is not known what came of it."""
        self._file.write(intent)
        try:
            events = ledger.send(intent.type, command_id=intent.id, **intent.data)
        except SURE as refusal:
            self._file.write(Refused(intent.id, refusal.code))
        else:
            self._acknowledge(intent, events, duplicate=events.duplicate)

    def _send_in_a_pipeline(self, ledger: Ledger) -> None:
        under_way: deque[Intent] = deque()

        def commands() -> Iterator[dict[str, Any]]:
            while not self._stop.is_set():
                intent = self._source.next()
                self._file.write(intent)
                under_way.append(intent)
                yield {"type": intent.type, "command_id": intent.id, "data": intent.data}

        try:
            for outcome in ledger.send_many(commands(), window=self._window):
                self._answered(under_way.popleft(), outcome)
        finally:
            self._unanswered += under_way

    def _answered(self, intent: Intent, outcome: CommandAnswer | LedgerError) -> None:
        if isinstance(outcome, CommandAnswer):
            self._acknowledge(intent, outcome.events, duplicate=outcome.duplicate)
        elif isinstance(outcome, SURE):
            self._file.write(Refused(intent.id, outcome.code))
        else:
            self._unanswered.append(intent)

    def _acknowledge(
        self, intent: Intent, events: tuple[EventRecord, ...], *, duplicate: bool
    ) -> None:
        self._file.write(Ack(intent.id, duplicate, tuple(map(as_it_came, events))))
        self._acknowledged.append(intent)


def as_it_came(event: EventRecord) -> Event:
    return Event(
        event.id,
        event.stream,
        event.version,
        event.type,
        event.schema_version,
        bytes(event.payload).decode(),
        event.author,
        event.correlation_id,
        event.causation_id,
        event.command_id,
        event.command_index or 0,
        event.recorded_at,
    )
