"""What `supervision` raises: one root, and each error also the builtin one would catch."""

from __future__ import annotations

import queue
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

import pykka

from supervision.reasons import NO_PROCESS, ExitReason

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = [
    "ActorDead",
    "AlreadyPresent",
    "AlreadyRegistered",
    "AlreadyStarted",
    "CallCycle",
    "CallTimeout",
    "ChildNotFound",
    "ChildRestarting",
    "ChildRunning",
    "Ignore",
    "InvalidChildSpec",
    "InvalidSupervisorFlags",
    "MailboxFull",
    "MaxChildren",
    "NoProcess",
    "NotRegistered",
    "NotSupported",
    "PoolClosed",
    "Rejection",
    "StartFailed",
    "SupervisionError",
]


class SupervisionError(Exception):
    """Root of the errors of this package."""


class Rejection(Exception):
    """A refusal that the asker is meant to read; raising it is a reply and no crash.

    Subclass it for business refusals. It is not a `SupervisionError`: it says nothing of actors.
    """


class Ignore(Exception):
    """Raised by an actor's `__init__` to decline its start, as `ignore` from GenServer's init."""


class ActorDead(SupervisionError, pykka.ActorDeadError):
    """The actor has ended, or ended before it answered. Nothing more will be answered by it."""

    def __init__(self, address: object, reason: ExitReason) -> None:
        super().__init__(f"{address} is not running ({reason})")
        self.address = address
        self.reason = reason


class NoProcess(ActorDead, LookupError):
    """Nobody has this name at the moment."""

    def __init__(self, address: object) -> None:
        super().__init__(address, NO_PROCESS)


class CallTimeout(SupervisionError, pykka.Timeout, TimeoutError):
    """No answer within the time given; the actor may still be working on it."""


class CallCycle(SupervisionError, RuntimeError):
    """An actor would wait, directly or through others, for itself.

    For an answer, a lock, or room in a full mailbox; `path` are the actors, the first one again at
    the end.
    """

    def __init__(self, path: Sequence[object]) -> None:
        super().__init__("a cycle of waits would last for ever: " + " -> ".join(map(str, path)))
        self.path = tuple(path)


class MailboxFull(SupervisionError, queue.Full):
    """The mailbox has as many messages as it may have; this one was not taken, or taken out."""

    def __init__(self, address: object, limit: int) -> None:
        super().__init__(f"the mailbox of {address} already has its {limit} messages (limit)")
        self.address = address
        self.limit = limit


class PoolClosed(SupervisionError, RuntimeError):
    """The pool runs no actors any more."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is closed: it runs no actors any more")
        self.name = name


class AlreadyRegistered(SupervisionError, ValueError):
    """A unique name is taken; `ref` is the actor that has it."""

    def __init__(self, key: Hashable, ref: Ref) -> None:
        super().__init__(f"the name {key!r} is taken by {ref}")
        self.key = key
        self.ref = ref


class NotRegistered(SupervisionError, LookupError):
    """Only the actor that has a key may do this, in its own thread."""

    def __init__(self, key: Hashable, ref: Ref | None) -> None:
        who = "this thread, which runs no actor," if ref is None else ref.label
        super().__init__(f"{key!r} is for its owner to change, and {who} does not own it")
        self.key = key
        self.ref = ref


class NotSupported(SupervisionError, TypeError):
    """The operation does not exist for this kind of registry, actor or supervisor."""


class StartFailed(SupervisionError, RuntimeError):
    """A child could not be started; what was started before it has been stopped again."""

    def __init__(self, child_id: Hashable, reason: ExitReason) -> None:
        super().__init__(f"child {child_id!r} could not be started ({reason})")
        self.child_id = child_id
        self.reason = reason


class AlreadyStarted(SupervisionError, ValueError):
    """A child of this id is running; `ref` is it."""

    def __init__(self, child_id: Hashable, ref: Ref) -> None:
        super().__init__(f"child {child_id!r} is already running as {ref}")
        self.child_id = child_id
        self.ref = ref


class AlreadyPresent(SupervisionError, ValueError):
    """A child of this id is known but not running: restart it, or delete it first."""

    def __init__(self, child_id: Hashable) -> None:
        super().__init__(
            f"child {child_id!r} is already present: restart_child starts it, "
            "delete_child makes room for another"
        )
        self.child_id = child_id


class ChildNotFound(SupervisionError, LookupError):
    """The supervisor has no such child."""

    def __init__(self, child: Any) -> None:
        super().__init__(f"no such child: {child!r}")
        self.child = child


class ChildRunning(SupervisionError, ValueError):
    """The operation needs a child that is not running; terminate it first."""

    def __init__(self, child_id: Hashable) -> None:
        super().__init__(f"child {child_id!r} is running: terminate_child stops it")
        self.child_id = child_id


class ChildRestarting(SupervisionError, ValueError):
    """The child is between a failed restart and the next attempt."""

    def __init__(self, child_id: Hashable) -> None:
        super().__init__(f"child {child_id!r} is being restarted: terminate_child ends that")
        self.child_id = child_id


class MaxChildren(SupervisionError, RuntimeError):
    """The dynamic supervisor has as many children as it may have."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the supervisor already has its {limit} children (max_children)")
        self.limit = limit


class InvalidChildSpec(SupervisionError, ValueError):
    """A child spec has a field that cannot be; the sentence names it and what would be right."""


class InvalidSupervisorFlags(SupervisionError, ValueError):
    """A supervisor's flags have a field that cannot be; the sentence names it."""
