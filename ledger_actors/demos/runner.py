"""Plays a story: gives it a folder and a voice, and turns its checks into an exit status."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from ledger_actors.demos.narrator import Narrator
from ledger_actors.demos.story import Stage, Story
from ledger_actors.logs import configure_logging
from ledger_actors.settings import LogSettings

ALL_HOLDS = 0
SOMETHING_FAILED = 1
READING_SECONDS = 0.25


def play(story: Story, narrator: Narrator, *, folder: Path | None = None) -> int:
    """Tell `story` and return 0 if all that it checked holds, 1 if not.

    Runs in the caller's thread for some seconds. The story's folder is a new one in `folder`;
    without it a temporary one, which stays for whoever wants to look into it. What the ledger logs
    meanwhile goes to `demo.log` there. An exception of the story's is its failure, and is raised.
    """
    folder = Path(tempfile.mkdtemp(prefix=f"ledger-demo-{story.name}-", dir=folder))
    narrator.title(story.title)
    narrator.say(f"In a folder of its own: {folder}")
    with _logged_to(folder / "demo.log"):
        story.tell(Stage(narrator, folder))
    narrator.look(f"{folder / 'demo.log'} has the logs, with a traceback for each crash.")
    return ALL_HOLDS if narrator.holds else SOMETHING_FAILED


@contextmanager
def _logged_to(file: Path) -> Iterator[None]:
    with file.open("a", encoding="utf-8") as stream:
        restore = configure_logging(LogSettings(level="info", format="console"), stream=stream)
        try:
            yield
        finally:
            restore()


def voice(console: Console) -> Narrator:
    """A narrator on `console`; where people read along, it stops a moment after each line."""
    seconds = READING_SECONDS if console.is_terminal else 0.0
    return Narrator(console, pause=lambda: _rest(seconds))


def _rest(seconds: float) -> None:
    if seconds:
        threading.Event().wait(seconds)
