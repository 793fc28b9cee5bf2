"""Messages that the runtime itself sends and handles; actors' own code does not see them.

But for `Started` and `Exited`: a parent gets those as ordinary messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from supervision.actor import Actor
    from supervision.reasons import ExitReason
    from supervision.ref import Ref

__all__ = ["WAKE", "Crash", "Exited", "ShutdownRequest", "Started", "SystemMessage", "Wake"]


class SystemMessage:
    """A message that is handled by the runtime, in the actor's thread, in its turn."""

    __slots__ = ()

    def handle(self, actor: Actor) -> Any:
        """Do it; what is returned is the answer."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class ShutdownRequest(SystemMessage):
    """End with this reason."""

    reason: ExitReason

    def handle(self, actor: Actor) -> None:
        """Mark the actor as ending."""
        actor.exit(self.reason)


@dataclass(frozen=True, slots=True)
class Crash(SystemMessage):
    """Raise this exception."""

    exception: BaseException

    def handle(self, actor: Actor) -> None:
        """Raise it."""
        del actor
        raise self.exception


class Wake(SystemMessage):
    """Nothing to do; whoever sleeps on the mailbox looks around."""

    __slots__ = ()

    def handle(self, actor: Actor) -> None:
        """Let the actor look."""
        actor.on_wake()


WAKE = Wake()


@dataclass(frozen=True, slots=True)
class Started(SystemMessage):
    """A child's `on_start` has succeeded. Told to its parent once."""

    ref: Ref

    def handle(self, actor: Actor) -> None:
        """Give it to the parent's `on_receive`."""
        actor.on_receive(self)


@dataclass(frozen=True, slots=True)
class Exited(SystemMessage):
    """A child's loop has ended, for this reason. Told to its parent once, its names being free."""

    ref: Ref
    reason: ExitReason

    def handle(self, actor: Actor) -> None:
        """Give it to the parent's `on_receive`."""
        actor.on_receive(self)
