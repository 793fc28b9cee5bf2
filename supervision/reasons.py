"""Why an actor ended: Erlang's exit reasons, as values.

Source of the idea: `Erlang reference manual, Processes
<https://www.erlang.org/doc/system/ref_man_processes.html>`_.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

__all__ = [
    "ABANDONED",
    "KILLED",
    "NORMAL",
    "NO_PROCESS",
    "SHUTDOWN",
    "Abandoned",
    "Crashed",
    "ExitReason",
    "Killed",
    "NoProcess",
    "Normal",
    "Shutdown",
]


@dataclass(frozen=True, slots=True)
class ExitReason:
    """Root of all reasons. `abnormal` tells a transient child's supervisor to restart it."""

    abnormal: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Normal(ExitReason):
    """The actor had finished its work."""

    abnormal: ClassVar[bool] = False

    def __str__(self) -> str:
        return "normal"


@dataclass(frozen=True, slots=True)
class Shutdown(ExitReason):
    """The actor was asked to stop, by its supervisor as a rule; `detail` may say why."""

    detail: object = None
    abnormal: ClassVar[bool] = False

    def __str__(self) -> str:
        return "shutdown" if self.detail is None else f"shutdown: {self.detail}"


@dataclass(frozen=True, slots=True)
class Killed(ExitReason):
    """An exception was raised in the actor's thread from outside."""

    def __str__(self) -> str:
        return "killed"


@dataclass(frozen=True, slots=True)
class Abandoned(ExitReason):
    """The actor did not end when killed: it was declared ended while its thread still runs."""

    def __str__(self) -> str:
        return "abandoned: its thread did not end when it was killed"


@dataclass(frozen=True, slots=True)
class NoProcess(ExitReason):
    """There was no such actor in the first place."""

    def __str__(self) -> str:
        return "no such actor"


@dataclass(frozen=True, slots=True)
class Crashed(ExitReason):
    """An exception that the actor did not handle ended it.

    `context` is what its log event says of the work that was at hand: see `Actor.crash_context`.
    """

    exception: BaseException
    context: Mapping[str, object] = field(default_factory=dict, compare=False, repr=False)

    def __str__(self) -> str:
        text = str(self.exception)
        name = type(self.exception).__name__
        return f"crashed: {name}: {text}" if text else f"crashed: {name}"

    def traceback_text(self) -> str:
        """Return the traceback as Python prints it, causes included."""
        return "".join(traceback.format_exception(self.exception))


NORMAL = Normal()
SHUTDOWN = Shutdown()
KILLED = Killed()
ABANDONED = Abandoned()
NO_PROCESS = NoProcess()
