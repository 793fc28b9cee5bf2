"""Stories of crashes and restarts, each a few seconds, told line by line and checked at the end.

`ledger-actors demo` plays them all, `ledger-actors demo NAME` one.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ledger_actors.demos.crashing_aggregate import STORY as CRASHING_AGGREGATE
from ledger_actors.demos.escalation import STORY as ESCALATION
from ledger_actors.demos.five_days_down import STORY as FIVE_DAYS_DOWN
from ledger_actors.demos.killed_daemon import STORY as KILLED_DAEMON
from ledger_actors.demos.late_fees_once import STORY as LATE_FEES_ONCE
from ledger_actors.demos.missed_event import STORY as MISSED_EVENT
from ledger_actors.demos.narrator import Narrator
from ledger_actors.demos.runner import ALL_HOLDS, play, voice
from ledger_actors.demos.story import Story

__all__ = ["NAMES", "STORIES", "run"]

STORIES: dict[str, Story] = {
    story.name: story
    for story in (
        CRASHING_AGGREGATE,
        LATE_FEES_ONCE,
        MISSED_EVENT,
        ESCALATION,
        KILLED_DAEMON,
        FIVE_DAYS_DOWN,
    )
}
NAMES = tuple(STORIES)
UNKNOWN_STORY = 2


def run(
    name: str | None = None, *, console: Console | None = None, folder: Path | None = None
) -> int:
    """Play the story of that name, or all of them; return the exit status.

    0: all that was checked holds; 1: something does not; 2: there is no such story. `folder` is
    where a story has its own folder; without one it is a temporary one, which stays.
    """
    console = console or Console()
    if name is not None and name not in STORIES:
        Console(stderr=True).print(f"there is no demo {name!r}; there are: {', '.join(NAMES)}")
        return UNKNOWN_STORY
    played = NAMES if name is None else (name,)
    narrators = {one: voice(console) for one in played}
    statuses = [play(STORIES[one], narrators[one], folder=folder) for one in played]
    if name is None:
        _print_results(console, narrators)
    return max(statuses, default=ALL_HOLDS)


def _print_results(console: Console, narrators: dict[str, Narrator]) -> None:
    console.print()
    for name, narrator in narrators.items():
        told = "all that was checked holds" if narrator.holds else "something does not hold"
        console.print(f"{name:12} {told}", highlight=False)
