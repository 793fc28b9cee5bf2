"""What the program takes for threads, and how a simulation ends before its time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

from greenlet import greenlet

__all__ = ["Deadlock", "Fiber", "SimulationError", "SimulationOver", "told_of"]

FRAMES = 12


class SimulationError(Exception):
    """The simulated program did what it must not."""


class Deadlock(SimulationError):
    """Nobody can go on, and nobody waits for a time."""


class SimulationOver(BaseException):
    """Raised in what still waits when the simulation has ended."""


class Fiber:
    """What the program takes for a thread."""

    __slots__ = ("blocked", "done", "ident", "joiners", "kept", "name", "pending", "runner", "slow")

    def __init__(self, ident: int, name: str, runner: greenlet, *, slow: bool) -> None:
        self.ident = ident
        self.name = name
        self.runner = runner
        self.slow = slow
        self.done = False
        self.blocked = 0  # the number of the wait that it is in; 0: it can go on
        self.pending: type[BaseException] | None = None
        self.joiners: deque[Fiber] = deque()
        self.kept: list[dict[str, Any]] = []  # its thread-locals, while others run


def told_of(fibers: Iterable[Fiber]) -> str:
    """Where each fiber is, for a person."""
    return "\n".join(line for fiber in fibers for line in _lines(fiber))


def _lines(fiber: Fiber) -> list[str]:
    lines: list[str] = []
    frame = fiber.runner.gr_frame
    while frame is not None and len(lines) < FRAMES:
        code = frame.f_code
        if "/tests/simulation/" not in code.co_filename:
            lines.append(f"    {code.co_filename}:{frame.f_lineno} {code.co_qualname}")
        frame = frame.f_back
    return [f"{fiber.name} {'waits' if fiber.blocked else 'can go on'}", *lines]
