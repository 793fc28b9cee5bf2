"""Messages that the runtime itself sends and handles; actors' own code does not see them.

But for `Started` and `Exited`, which a parent gets as ordinary messages, and `ExitSignal`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import pykka.messages

from supervision._pykka import StopRequest
from supervision.reasons import NORMAL

if TYPE_CHECKING:
    from supervision.actor import Actor
    from supervision.reasons import ExitReason
    from supervision.ref import Ref

__all__ = [
    "ATTEND",
    "TIMEOUT",
    "WAKE",
    "Attend",
    "Control",
    "Crash",
    "ExitSignal",
    "Exited",
    "RuntimeMessage",
    "ShutdownRequest",
    "Started",
    "SystemMessage",
    "Timeout",
    "Wake",
    "for_on_receive",
    "is_for_users",
    "is_stop",
    "is_the_runtimes",
    "stop_reason",
]


class RuntimeMessage:
    """A message that the runtime sends; no mailbox counts, refuses or drops it."""

    __slots__ = ()


class SystemMessage(RuntimeMessage):
    """A message that is handled by the runtime, in the actor's thread, in its turn."""

    __slots__ = ()

    urgent: ClassVar[bool] = False
    """Whether a suspended actor handles it, too."""

    def handle(self, actor: Actor) -> Any:
        """Do it; what is returned is the answer."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class ShutdownRequest(SystemMessage):
    """End with this reason."""

    urgent: ClassVar[bool] = True
    reason: ExitReason

    def handle(self, actor: Actor) -> None:
        """Mark the actor as ending."""
        actor.exit(self.reason)


def is_stop(message: object) -> bool:
    """Return whether a message asks its actor to end: a supervisor's way or Pykka's `stop()`.

    For an actor that is long at one thing and looks into its mailbox meanwhile, by
    `receive(is_stop, timeout=0, system=True)`, and from the second time on with `only_new`.
    """
    return isinstance(message, ShutdownRequest | StopRequest)


def stop_reason(message: object) -> ExitReason:
    """Return the reason with which a message that asks its actor to end has it end."""
    return message.reason if isinstance(message, ShutdownRequest) else NORMAL


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


class Timeout(SystemMessage):
    """No message has come for a while; never in a mailbox."""

    __slots__ = ()

    def handle(self, actor: Actor) -> None:
        """Let the actor do what it does then."""
        actor.on_timeout()


TIMEOUT = Timeout()


class Control(SystemMessage):
    """What somebody asks who looks inside; not counted among the messages, and not traced."""

    __slots__ = ()

    urgent: ClassVar[bool] = True

    def handle(self, actor: Actor) -> Any:
        """Take it back from the count, and do it."""
        actor.actor_ref.handled -= 1
        return self.control(actor)

    def control(self, actor: Actor) -> Any:
        """Do it; what is returned is the answer."""
        raise NotImplementedError


class Attend(Control):
    """Nothing to do; whoever sleeps on the mailbox looks at what else there is: a signal, say."""

    __slots__ = ()

    def control(self, actor: Actor) -> None:
        """Do nothing: the loop looks before its next message."""


ATTEND = Attend()


@dataclass(frozen=True, slots=True)
class ExitSignal:
    """Given to the `on_receive` of an actor that traps exits, before what waits in its mailbox.

    Attributes:
        ref: who has ended, or who called `Ref.exit`; `None` if that was no actor.
        reason: why.
        linked: whether it came because `ref` was linked, and not by `Ref.exit`.
    """

    ref: Ref | None
    reason: ExitReason
    linked: bool = field(default=False, compare=False)


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


_THE_RUNTIMES = (
    SystemMessage,
    StopRequest,
    pykka.messages.ProxyCall,
    pykka.messages.ProxyGetAttr,
    pykka.messages.ProxySetAttr,
)
"""What does not come to `on_receive` as it is: ours, and what Pykka's refs and proxies send."""


MOST_CLASSES = 1024

for_on_receive: set[type] = set()
"""Classes of messages that were found not to be the runtime's: looked at for each message."""


def is_the_runtimes(message: object) -> bool:
    """Return whether a message is handled by the runtime, and not by `on_receive`."""
    if isinstance(message, _THE_RUNTIMES):
        return True
    if len(for_on_receive) >= MOST_CLASSES:  # a program that makes classes as it goes
        for_on_receive.clear()
    for_on_receive.add(message.__class__)
    return False


def is_for_users(message: object) -> bool:
    """Return whether an actor's own code may see a message, in `on_receive` or in `receive`."""
    return not is_the_runtimes(message) or isinstance(message, Started | Exited)
