"""The run against a ledger that answers from a dict; the real one is in test_bank_1993.py."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ledger_actors import importing
from ledger_actors.daemon.errors import (
    ActorCrashed,
    LedgerError,
    LedgerUnavailable,
    Rejected,
    StorageFull,
)
from ledger_actors.daemon.protocol import CommandAnswer

Answer = CommandAnswer | LedgerError


class DictLedger:
    """Takes each command once; `refuse` may answer instead. Answers a window late, as pipes do."""

    def __init__(
        self, refuse: Callable[[dict[str, Any]], LedgerError | None] | None = None
    ) -> None:
        self.refuse = refuse or (lambda _: None)
        self.taken: dict[str, dict[str, Any]] = {}

    def send_many(self, commands: Iterable[dict[str, Any]], *, window: int) -> Iterator[Answer]:
        answers: list[Answer] = []
        for command in commands:
            answers.append(self._answer(command))
            if len(answers) == window:
                yield answers.pop(0)
        yield from answers

    def _answer(self, command: dict[str, Any]) -> Answer:
        if command["command_id"] in self.taken:
            return CommandAnswer((), duplicate=True)
        if (error := self.refuse(command)) is not None:
            return error
        self.taken[command["command_id"]] = command
        return CommandAnswer(())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Nine commands and, as line 4, something that is none."""
    lines = [json.dumps({"type": "Pay", "data": {"n": n}}) for n in range(1, 10)]
    lines.insert(3, '{"type": "Pay", "da')
    path = tmp_path / "commands.jsonl"
    path.write_text("\n".join(lines))
    return path


def _console() -> Console:
    return Console(file=io.StringIO(), width=100)


def _run(ledger: DictLedger, file: Path, **options: Any) -> importing.ImportSummary:
    return importing.run(ledger, file, window=3, console=_console(), **options)


def _counts(summary: importing.ImportSummary) -> tuple[int, int, int]:
    return summary.taken, summary.already_there, summary.rejected


def test_a_second_run_finds_everything_there(file: Path) -> None:
    ledger = DictLedger()

    assert _counts(_run(ledger, file)) == (9, 0, 1)
    assert _counts(_run(ledger, file)) == (0, 9, 1)
    assert len(ledger.taken) == 9


def test_rejected_lines_are_told_in_the_order_of_the_file_and_by_the_exit_status(
    file: Path,
) -> None:
    console = _console()
    ledger = DictLedger(lambda one: Rejected("no") if one["data"]["n"] in (2, 5) else None)

    summary = importing.run(ledger, file, window=3, console=console)

    assert _counts(summary) == (7, 0, 3)
    assert summary.exit_status == 1
    assert isinstance(console.file, io.StringIO)
    told = console.file.getvalue()
    assert told.splitlines()[:3] == [
        "commands.jsonl, line 2: no",
        "commands.jsonl, line 4: not JSON, or torn: Input data was truncated",
        "commands.jsonl, line 6: no",
    ]


def test_all_in_is_exit_status_zero(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"type": "Pay", "data": {}}\n')

    assert _run(DictLedger(), path).exit_status == 0


def test_a_lost_answer_is_asked_for_again_at_the_end_of_the_stage(file: Path) -> None:
    crashes = [ActorCrashed("gone"), ActorCrashed("gone")]
    ledger = DictLedger(lambda one: crashes.pop() if one["data"]["n"] == 1 and crashes else None)

    assert _counts(_run(ledger, file)) == (9, 0, 1)


def test_a_line_whose_answer_is_always_lost_is_given_up_with_its_number(file: Path) -> None:
    ledger = DictLedger(lambda one: ActorCrashed("gone") if one["data"]["n"] == 1 else None)

    summary = _run(ledger, file)

    assert _counts(summary) == (8, 0, 2)
    assert importing.Problem("commands.jsonl", 1, "no answer: gone") in summary.problems


@pytest.mark.parametrize("error", [StorageFull("disk is full"), LedgerUnavailable("nobody there")])
def test_a_ledger_that_takes_nothing_more_ends_the_import(file: Path, error: LedgerError) -> None:
    """What goes on failing for every line is told once, and the next run goes on."""
    ledger = DictLedger(lambda one: error if one["data"]["n"] >= 5 else None)

    summary = _run(ledger, file)

    assert (summary.taken, summary.exit_status, summary.broken_off) == (4, 3, str(error))
    ledger.refuse = lambda _: None
    assert _counts(_run(ledger, file)) == (5, 4, 1)


def test_a_connection_that_breaks_ends_the_import_with_its_sentence(file: Path) -> None:
    class Breaking(DictLedger):
        def send_many(self, commands: Iterable[dict[str, Any]], *, window: int) -> Iterator[Answer]:
            answers = super().send_many(commands, window=window)
            yield next(answers)
            raise LedgerUnavailable("the daemon is gone")

    summary = _run(Breaking(), file)

    assert (summary.taken, summary.exit_status) == (1, 3)
    assert summary.broken_off == "the daemon is gone"


def test_a_stopped_import_has_an_answer_for_all_it_sent_and_goes_on_next_time(file: Path) -> None:
    stop = threading.Event()
    ledger = DictLedger(lambda one: stop.set() if one["data"]["n"] == 5 else None)

    first = _run(ledger, file, stop=stop)

    assert (first.taken, first.interrupted, first.exit_status) == (5, True, 130)
    assert _counts(_run(ledger, file)) == (4, 5, 1)


@pytest.mark.parametrize(("stops", "ends_at_100"), [(True, False), (False, True)])
def test_the_bar_is_full_only_when_the_file_is_through(
    file: Path, stops: bool, ends_at_100: bool
) -> None:
    stop = threading.Event()
    paper = io.StringIO()
    ledger = DictLedger(lambda one: stop.set() if stops and one["data"]["n"] == 5 else None)

    importing.run(
        ledger, file, window=3, stop=stop, console=Console(file=paper, force_terminal=True)
    )

    assert ("100%" in paper.getvalue()) is ends_at_100


def test_ctrl_c_stops_it_in_order(file: Path) -> None:
    def interrupt(command: dict[str, Any]) -> None:
        if command["data"]["n"] == 5:
            os.kill(os.getpid(), signal.SIGINT)

    handler = signal.getsignal(signal.SIGINT)
    summary = _run(DictLedger(interrupt), file)

    assert (summary.taken, summary.exit_status) == (5, 130)
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_second_ctrl_c_does_not_wait(file: Path) -> None:
    def interrupt(command: dict[str, Any]) -> None:
        if command["data"]["n"] == 5:
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)

    assert _run(DictLedger(interrupt), file).exit_status == 130
