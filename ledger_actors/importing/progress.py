"""The progress bars of an import; one for each stage, measured in bytes read and answered."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    TaskID,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_STEPS = 500
"""A bar moves at most so often: drawing costs more than sending does."""


class Bar:
    """One stage's bar; moved by the thread that takes the answers."""

    def __init__(self, progress: Progress, task: TaskID, size: int) -> None:
        self._progress = progress
        self._task = task
        self._size = size
        self._step = max(1, size // _STEPS)
        self._next = 0

    def reached(self, end: int) -> None:
        """The answers are in up to this byte; an earlier one (sent again) does not move it back."""
        if end >= self._next:
            self._next = end + self._step
            self._progress.update(self._task, completed=end)

    def full(self) -> None:
        """All of it is through, also the lines at its end that were no command."""
        self._progress.update(self._task, completed=self._size)


class ImportProgress:
    """Draws bars where the console is a terminal, and nothing where it is not."""

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> ImportProgress:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    @contextmanager
    def bar(self, name: str, size: int) -> Iterator[Bar]:
        """A bar, which `Bar.full` fills when the stage is through."""
        yield Bar(self._progress, self._progress.add_task(name, total=size), size)
