"""A demo: a story with a name, told on a stage of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ledger_actors.demos.clock import StoryClock
from ledger_actors.demos.narrator import Narrator
from ledger_actors.ledger_api import Ledger

HYDRATION_DELAY = {"hydration_delay": 200, "hydration_delay_entropy": 50}
"""Milliseconds: long enough to be seen in a story, and short enough for one."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What a story is given: somebody to tell it, and an empty folder."""

    narrator: Narrator
    folder: Path

    @property
    def data(self) -> Path:
        """The ledger's data folder in the story's."""
        return self.folder / "data"

    def open(self, clock: StoryClock, **settings: Any) -> Ledger:
        """Start a ledger in this process, on `clock`; close it, or use it with `with`."""
        settings = {"projector": HYDRATION_DELAY, **settings}
        return Ledger.open(self.data, clock=clock, env="test", **settings)


@dataclass(frozen=True, slots=True)
class Story:
    """`tell` plays it in the caller's thread and ends with checks; to raise is to fail."""

    name: str
    title: str
    tell: Callable[[Stage], None]
