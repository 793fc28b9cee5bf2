"""The voice of a demo: what is happening, what to look at, and what was found in the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Check:
    """Something that was computed from what is there, beside what it should be."""

    what: str
    expected: object
    found: object

    @property
    def holds(self) -> bool:
        """Whether it is as it should be."""
        return self.expected == self.found


class Narrator:
    """Prints line by line, in any thread's turn, and keeps the checks. `pause` is for readers."""

    def __init__(self, console: Console, *, pause: Callable[[], None] = lambda: None) -> None:
        self._console = console
        self._pause = pause
        self._lock = threading.Lock()
        self.checks: list[Check] = []

    @property
    def holds(self) -> bool:
        """Whether something was checked, and all of it holds."""
        return bool(self.checks) and all(check.holds for check in self.checks)

    def title(self, text: str) -> None:
        """The story's name."""
        self._line("", "")
        self._line("━━ ", text, "bold")

    def say(self, text: str) -> None:
        """What is happening."""
        self._line("   ", text)
        self._pause()

    def look(self, text: str) -> None:
        """What to look at."""
        self._line(" ▸ look: ", text, "cyan")
        self._pause()

    def seen(self, text: str) -> None:
        """Something that a supervisor saw and decided; comes from its thread as it happens."""
        self._line(" ⚡ ", text, "yellow")

    def show(self, text: str) -> None:
        """A drawing or a listing, as it is."""
        for line in text.splitlines():
            self._line("     ", line, "dim")
        self._pause()

    def check(self, what: str, *, expected: object, found: object) -> None:
        """Compare what was computed with what it should be, and say so."""
        check = Check(what, expected, found)
        self.checks.append(check)
        if check.holds:
            self._line(" ✔ ", f"{what}: {found}", "green")
        else:
            self._line(" ✘ ", f"{what}: {found}, and should be {expected}", "bold red")

    def _line(self, mark: str, text: str, style: str = "") -> None:
        with self._lock:
            line = Text(mark + text, style=style)
            self._console.print(line, soft_wrap=True, highlight=False)
