"""What a supervisor tells itself, so that whatever else it was sent has its turn in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supervision.messages import SystemMessage

if TYPE_CHECKING:
    from supervision.actor import Actor

__all__ = ["CLOCK_TURNED", "ClockTurned", "RetryRestart", "StartAgain", "ToSelf"]


class ToSelf(SystemMessage):
    """A message of a supervisor to itself; one that is never handled is nobody's loss."""

    __slots__ = ()

    def handle(self, actor: Actor) -> None:
        """Give it to the supervisor's `on_receive`."""
        actor.on_receive(self)


class ClockTurned(ToSelf):
    """A clock that is turned by hand has jumped: look whether a deadline has passed."""

    __slots__ = ()


CLOCK_TURNED = ClockTurned()


@dataclass(frozen=True, slots=True, eq=False)
class RetryRestart(ToSelf):
    """The restart of this child has failed: count another one, and try again."""

    child: Any


@dataclass(frozen=True, slots=True, eq=False)
class StartAgain(ToSelf):
    """The wait before this child's restart is over; the restart has been counted."""

    child: Any
