"""Runs seeds one after the other, each in a folder of its own that goes when it is done."""

from __future__ import annotations

import logging
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import structlog
from structlog.dev import ConsoleRenderer, plain_traceback

from tests.simulation.mutants import MUTANTS
from tests.simulation.world import Report, Template, run_seed

__all__ = ["Seeds", "run_many"]

MEMORY = Path("/dev/shm")
"""Files that are in memory alone, where the system has that: a sync costs nothing there."""


class Seeds:
    """A place for runs, with the template that each begins on. Use it as a context manager."""

    def __init__(self) -> None:
        memory = MEMORY if MEMORY.is_dir() else None
        self._folder = Path(tempfile.mkdtemp(prefix="simulation-", dir=memory))
        self._template = Template(self._folder / "template")

    def run(self, seed: int) -> Report:
        """Run a seed and return what it came to."""
        folder = self._folder / f"seed-{seed}"
        folder.mkdir()
        try:
            return run_seed(seed, self._template, folder)
        finally:
            shutil.rmtree(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self._folder)


def run_many(seeds: range, mutant: str | None, show: bool) -> list[Report]:
    """Run seeds, with a mistake that is planted if one is named; `show` prints what is logged."""
    structlog.configure(
        # Without the values of variables: to look at those may take locks, and so be a point.
        processors=[ConsoleRenderer(exception_formatter=plain_traceback)],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.INFO if show else logging.CRITICAL
        ),
    )
    with ExitStack() as stack:
        if mutant is not None:
            stack.enter_context(MUTANTS[mutant]())
        place = stack.enter_context(Seeds())
        return [place.run(seed) for seed in seeds]
