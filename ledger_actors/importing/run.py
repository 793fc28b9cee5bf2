"""An import under way: stages in order, each sent through the ledger in a pipeline.

A stage ends when each of its commands has its answer, so that what the next one rests on is there.
Within a stage up to `window` commands wait for their answers at once. A command whose answer was
lost (the actor crashed under it, nobody answered in time) goes again after the rest of its stage:
its id sees to it that it is written once.
"""

from __future__ import annotations

import signal
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from rich.console import Console

from ledger_actors.daemon.errors import LedgerError
from ledger_actors.daemon.protocol import CommandAnswer
from ledger_actors.importing.progress import Bar, ImportProgress
from ledger_actors.importing.records import BadLine, CommandLine, Record
from ledger_actors.importing.sources import Stage, plan_stages
from ledger_actors.importing.summary import ImportSummary, Problem, StageSummary, print_summary
from ledger_actors.importing.verdicts import Verdict, verdict

DEFAULT_WINDOW = 2048
MAX_ROUNDS = 8
"""How often a command without an answer goes again before its line is given up."""


class Sender(Protocol):
    """What an import needs of a ledger, in process or behind the door."""

    def send_many(
        self, commands: Iterable[dict[str, Any]], *, window: int
    ) -> Iterator[CommandAnswer | LedgerError]:
        """The answer to each command in order, while later ones are being taken."""


def run(
    ledger: Sender,
    file: Path,
    *,
    mapping: Path | None = None,
    batch: str = "",
    window: int = DEFAULT_WINDOW,
    console: Console | None = None,
    stop: threading.Event | None = None,
) -> ImportSummary:
    """Import `file`, show its progress and its summary on `console`, and return the summary.

    Runs in the caller's thread until all is in, `stop` is set or Ctrl-C is pressed (the first
    waits for what is in flight, the second does not). Raises UnusableFile or MappingError before
    anything is sent.
    """
    console = console or Console()
    stop = stop or threading.Event()
    stages = plan_stages(file, mapping, batch=batch)
    summary = ImportSummary()
    with ImportProgress(console) as progress, _stopped_by_interrupt(stop, console):
        for stage in stages:
            if stop.is_set():
                break
            summary.stages.append(StageSummary(stage.name))
            with progress.bar(stage.name, stage.size) as bar:
                _StageRun(ledger, stage, summary, bar, stop=stop, window=window).run()
                if not stop.is_set():
                    bar.full()
    summary.interrupted = stop.is_set() and summary.broken_off is None
    print_summary(summary, console)
    return summary


class _StageRun:
    """One stage. `_feed` may be run by the sender in a thread of its own; the rest is not."""

    def __init__(
        self,
        ledger: Sender,
        stage: Stage,
        summary: ImportSummary,
        bar: Bar,
        *,
        stop: threading.Event,
        window: int,
    ) -> None:
        self._ledger = ledger
        self._stage = stage
        self._summary = summary
        self._bar = bar
        self._stop = stop
        self._window = window
        self._waiting: deque[CommandLine] = deque()
        self._bad: deque[BadLine] = deque()
        self._again: list[tuple[CommandLine, LedgerError]] = []

    def run(self) -> None:
        with closing(self._stage.records()) as records:
            self._send(records)
        for _ in range(MAX_ROUNDS):
            again, self._again = self._again, []
            if not again or self._stop.is_set():
                break
            self._send(line for line, _ in again)
        for line, error in self._again:
            self._reject(line.source, line.number, f"no answer: {error}")

    def _send(self, records: Iterable[Record]) -> None:
        self._waiting.clear()
        try:
            for outcome in self._ledger.send_many(self._feed(records), window=self._window):
                self._take(self._waiting.popleft(), outcome)
        except LedgerError as error:
            self._break_off(error)
        while self._bad:
            bad = self._bad.popleft()
            self._reject(bad.source, bad.number, bad.problem)

    def _feed(self, records: Iterable[Record]) -> Iterator[dict[str, Any]]:
        for record in records:
            if self._stop.is_set():
                return
            if isinstance(record, BadLine):
                self._bad.append(record)
                continue
            self._waiting.append(record)
            yield record.command

    def _take(self, line: CommandLine, outcome: CommandAnswer | LedgerError) -> None:
        stage = self._summary.stages[-1]
        found = verdict(outcome)
        self._bar.reached(line.end)
        if found is Verdict.TAKEN:
            stage.taken += 1
        elif found is Verdict.ALREADY_THERE:
            stage.already_there += 1
        elif isinstance(outcome, LedgerError):
            self._refused(line, outcome, found)

    def _refused(self, line: CommandLine, error: LedgerError, found: Verdict) -> None:
        if found is Verdict.AGAIN:
            self._again.append((line, error))
        elif found is Verdict.GONE:
            self._break_off(error)
        else:
            self._reject(line.source, line.number, str(error))

    def _reject(self, source: str, line: int, sentence: str) -> None:
        self._summary.reject(Problem(source, line, sentence))

    def _break_off(self, error: LedgerError) -> None:
        self._summary.broken_off = self._summary.broken_off or str(error)
        self._stop.set()


@contextmanager
def _stopped_by_interrupt(stop: threading.Event, console: Console) -> Iterator[None]:
    """The first Ctrl-C sets `stop`, the second interrupts. Only the main thread can see to that."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()
        console.print("Stopping: waiting for what was sent. Ctrl-C again to end at once.")

    before = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield
    except KeyboardInterrupt:
        stop.set()
    finally:
        signal.signal(signal.SIGINT, before)
