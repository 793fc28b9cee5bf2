"""What came of an import: counts for each stage, and every line that did not go in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table

MAX_PROBLEMS = 10_000
"""So many lines are kept with their sentence; beyond that they are counted."""

ALL_IN = 0
SOME_REJECTED = 1
UNUSABLE = 2
BROKEN_OFF = 3
INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that did not go in, and why."""

    source: str
    line: int
    sentence: str


@dataclass(slots=True)
class StageSummary:
    """One file's (or the preamble's) counts. `rejected` includes lines that were no command."""

    name: str
    taken: int = 0
    already_there: int = 0
    rejected: int = 0


@dataclass(slots=True)
class ImportSummary:
    """The whole import. Written by the thread that runs it, read when it has ended."""

    stages: list[StageSummary] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    interrupted: bool = False
    broken_off: str | None = None
    """Why the ledger stopped taking anything; None where it did not."""

    @property
    def taken(self) -> int:
        """Commands that were written now."""
        return sum(stage.taken for stage in self.stages)

    @property
    def already_there(self) -> int:
        """Commands that were written by an earlier run."""
        return sum(stage.already_there for stage in self.stages)

    @property
    def rejected(self) -> int:
        """Lines that did not go in."""
        return sum(stage.rejected for stage in self.stages)

    @property
    def exit_status(self) -> int:
        """0 all in, 1 some rejected, 3 the ledger went away, 130 interrupted."""
        if self.interrupted:
            return INTERRUPTED
        if self.broken_off is not None:
            return BROKEN_OFF
        return SOME_REJECTED if self.rejected else ALL_IN

    def reject(self, problem: Problem) -> None:
        """Count a line of the stage under way; its sentence is kept while there is room."""
        self.stages[-1].rejected += 1
        if len(self.problems) < MAX_PROBLEMS:
            self.problems.append(problem)


def print_summary(summary: ImportSummary, console: Console) -> None:
    """The rejected lines in the order of the file, the counts, and how it ended."""
    for line in _problem_lines(summary):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(_table(summary))
    if summary.broken_off is not None:
        console.print(f"[red]Broken off:[/] {escape(summary.broken_off)}", highlight=False)
    if summary.interrupted:
        console.print("Interrupted.")
    if summary.interrupted or summary.broken_off is not None:
        console.print("Run it again to go on: what is in already is found, and not doubled.")


def _problem_lines(summary: ImportSummary) -> Iterator[str]:
    order = {stage.name: at for at, stage in enumerate(summary.stages)}
    for problem in sorted(summary.problems, key=lambda one: (order.get(one.source, 0), one.line)):
        yield f"{problem.source}, line {problem.line}: {problem.sentence}"
    if (more := summary.rejected - len(summary.problems)) > 0:
        yield f"… and {more:,} more"


def _table(summary: ImportSummary) -> Table:
    table = Table("", "taken", "already there", "rejected", box=None, pad_edge=False)
    for column in table.columns[1:]:
        column.justify = "right"
    for stage in summary.stages:
        table.add_row(escape(stage.name), *_counts(stage))
    if len(summary.stages) > 1:
        table.add_row("together", *_counts(summary), style="bold")
    return table


def _counts(counts: StageSummary | ImportSummary) -> tuple[str, str, str]:
    return f"{counts.taken:,}", f"{counts.already_there:,}", f"{counts.rejected:,}"
