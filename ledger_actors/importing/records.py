"""What a reader gives for each line of a file: a command to send, or what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A line that became a command, in the wire form that the ledger takes."""

    source: str
    number: int
    end: int
    """How many bytes of the file have been read when this line has: for the progress bar."""
    command: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot become a command, and why, in a sentence."""

    source: str
    number: int
    end: int
    problem: str


Record: TypeAlias = CommandLine | BadLine
