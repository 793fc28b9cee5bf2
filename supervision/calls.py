"""Who waits for whom, and for how long: cycles are an error at once, deadlines are handed on.

An actor that waits (for an answer, or for room in a full mailbox) is marked with what it waits for,
and that knows which actor must act. The mark is set before the chain is followed, so of actors that
begin to wait for each other at the same moment at least one sees the cycle. An answer that was
deferred may come from anywhere: who waits for one waits for no actor in particular.

An ask with a timeout carries its deadline, after gRPC's: the handler may read what is left, and
what it asks of others without a timeout of its own is bounded by it, through any number of actors.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

from supervision import execution
from supervision.errors import CallCycle, CallTimeout

if TYPE_CHECKING:
    from supervision.ref import Ref

__all__ = ["Awaited", "deadline_of", "follow", "remaining", "waiting_for"]


class Awaited(Protocol):
    """What an actor can wait for: a future, a place in a mailbox, or a lock."""

    @property
    def target(self) -> Ref | None:
        """The actor that must act, if it is known."""


def remaining() -> float | None:
    """Return the seconds that are left of the ask being handled; `None`: it has no timeout.

    To be called inside an actor's hooks, in its thread. Never below zero. After the reply was
    deferred it is still what is left of that ask.
    """
    deadline = _handled_deadline(execution.current_ref())
    return None if deadline is None else max(0.0, deadline - time.monotonic())


def deadline_of(target: Ref, timeout: float | None) -> float | None:
    """Return when an ask of `target` is over, if ever, as a reading of `time.monotonic`.

    Raises:
        CallCycle: the actor on this thread must not wait for `target`. Outside actors nobody can be
            waiting for the caller, and nothing is checked.
        CallTimeout: there is no timeout, and the time of the ask being handled is over.
    """
    asker = execution.current_ref()
    if asker is not None:
        follow(asker, target)
    if timeout is not None:
        return time.monotonic() + timeout
    deadline = _handled_deadline(asker)
    if deadline is not None and deadline <= time.monotonic():
        msg = f"{target.label} was not asked: the time of the ask being handled is over"
        raise CallTimeout(msg)
    return deadline


class waiting_for:  # noqa: N801 - used as a function
    """Mark the actor on this thread as waiting for `awaited` within the block.

    Raises:
        CallCycle: whoever must act waits for this actor.
    """

    __slots__ = ("_asker", "_awaited", "_before")

    def __init__(self, awaited: Awaited) -> None:
        self._awaited = awaited
        self._asker = execution.current_ref()
        self._before: Awaited | None = None

    def __enter__(self) -> None:
        asker = self._asker
        if asker is None:
            return
        self._before, asker.waiting_on = asker.waiting_on, self._awaited
        target = self._awaited.target
        if target is None:
            return
        try:
            follow(asker, target)
        except CallCycle:
            asker.waiting_on = self._before
            raise

    def __exit__(self, *_exc_info: object) -> None:
        if self._asker is not None:
            self._asker.waiting_on = self._before


def _handled_deadline(ref: Ref | None) -> float | None:
    actor = None if ref is None else ref.running
    return None if actor is None else actor.ask_deadline()


def follow(asker: Ref, target: Ref) -> None:
    """Raise `CallCycle` if `target` waits, directly or through others, for `asker`, or is it."""
    path = [asker, target]
    node = target
    while node is not asker:
        awaited = node.waiting_on
        following = None if awaited is None else awaited.target
        if following is None or following in path[1:]:
            return  # nobody, or a cycle that the asker is not part of: its own members report it
        path.append(following)
        node = following
    raise CallCycle([ref.label for ref in path])
