"""Looking inside actors while they run: their state, their statistics, their messages.

Sources of the ideas: `sys <https://www.erlang.org/doc/apps/stdlib/sys>`_ and Erlang's observer. All
functions take a ref or a name, and work for actors on threads of their own and on a pool. What the
actor must do itself (`get_state`, `suspend`, `resume`) waits for its turn in the mailbox, so it
sees the effect of what was sent before. What can be read from outside (`statistics`, `trace`,
`top`) never waits for it: an actor that is stuck is the one to look at.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any

from supervision._pykka import Envelope
from supervision.introspection import TreeNode, tree, waiting
from supervision.links import resolve
from supervision.messages import Control
from supervision.supervisor_base import SupervisorBase
from supervision.tracing import Handler, Trace, log_trace
from supervision.work import Hook

if TYPE_CHECKING:
    from supervision.actor import Actor
    from supervision.administration import Address
    from supervision.children import LastCrash
    from supervision.ref import Ref

__all__ = [
    "Statistics",
    "TopBy",
    "get_state",
    "resume",
    "statistics",
    "suspend",
    "top",
    "trace",
]

PATIENCE = 5.0


class GetState(Control):
    """Show what `Actor.inspect` returns."""

    __slots__ = ()

    def control(self, actor: Actor) -> Any:
        """Answer; what `inspect` raises is the answer, too, and no crash."""
        try:
            return actor.inspect()
        except Exception as exception:  # noqa: BLE001 - the asker's, who is told
            actor.reply_exception(exception)


@dataclass(frozen=True, slots=True)
class SetSuspended(Control):
    """Hold back all messages but the runtime's, or no longer."""

    suspended: bool

    def control(self, actor: Actor) -> None:
        """Do it; asking for what is so already does nothing."""
        actor.set_suspended(suspended=self.suspended)


class TopBy(Enum):
    """What `top` sorts by."""

    BUSY = "busy"
    HANDLED = "handled"
    MAILBOX = "mailbox"


@dataclass(frozen=True, slots=True)
class Statistics:
    """What one actor has done until now, and what it is doing.

    Attributes:
        label: its first name, else its class.
        actor_class: its class, by name.
        alive: whether it has not ended.
        suspended: whether it is suspended.
        started_at: when its `on_start` began, to the hundredth of a second; `None` before that.
        handled: how many messages it has handled, or is handling.
        mailbox: how many messages wait, those it holds back included.
        longest_mailbox: the most that were left when a turn of it was cut (after 128 messages or
            5 ms), or that wait now; it says nothing of fewer.
        busy: the seconds that it was handling messages, or was in a hook. Waiting within one, for
            an answer say, counts.
        current: what it is handling, the class of the message or the name of the hook; `None` if it
            waits for a message.
        current_seconds: for how long; 0.0 if it waits for a message.
        thread: the name of the thread on which that happens; `None` if it waits for a message.
        restarts: how often its supervisor has restarted this child.
        last_crash: the last abnormal end of the child, by its supervisor's book.
    """

    label: str
    actor_class: str
    alive: bool
    suspended: bool
    started_at: datetime | None
    handled: int
    mailbox: int
    longest_mailbox: int
    busy: float
    current: str | None
    current_seconds: float
    thread: str | None
    restarts: int
    last_crash: LastCrash | None


def get_state(address: Address, *, timeout: float | None = PATIENCE) -> Any:
    """Return what the actor's `inspect` returns, by default its attributes in a dict.

    A suspended actor answers, too.

    Raises:
        CallTimeout: no answer within `timeout` seconds: it is busy, perhaps.
        CallCycle: an actor asks itself, or one that waits for it.
        ActorDead: it has ended.
        NoProcess: nobody has the name that was given.
        Exception: whatever `inspect` raised.
    """
    return address.ask(GetState(), timeout=timeout)


def suspend(address: Address, *, timeout: float | None = PATIENCE) -> None:
    """Let the actor handle nothing but the runtime's messages, and return when it is so.

    It still answers `get_state`, and a shutdown, an exit signal, a kill or `resume` takes effect.
    All other messages wait, in their order. Suspending a suspended actor does nothing.

    Raises:
        CallTimeout: no answer within `timeout` seconds; it will be suspended when it comes to it.
        CallCycle: an actor suspends itself, or one that waits for it.
        ActorDead: it has ended.
        NoProcess: nobody has the name that was given.
    """
    address.ask(SetSuspended(suspended=True), timeout=timeout)


def resume(address: Address, *, timeout: float | None = PATIENCE) -> None:
    """Let a suspended actor go on with what has waited meanwhile. Does nothing for another.

    Raises:
        CallTimeout: no answer within `timeout` seconds; it will go on when it comes to it.
        CallCycle: an actor resumes one that waits for it.
        ActorDead: it has ended.
        NoProcess: nobody has the name that was given.
    """
    address.ask(SetSuspended(suspended=False), timeout=timeout)


def trace(address: Address, handler: Handler = log_trace) -> Callable[[], None]:
    """Tell `handler` each message that the actor takes, sends or answers from now on, and its end.

    Returns a function that ends the trace; it ends by itself with the actor. Of a name, the actor
    that has it now is traced. The handler runs in the thread in which the thing happens, as a rule
    the actor's own: it must not wait. One that raises is not called again, which is logged.

    Raises:
        NoProcess: nobody has the name that was given.
    """
    return Trace(resolve(address), handler).end


def statistics(address: Address) -> Statistics:
    """Return what can be said of the actor from outside; waits for nobody.

    The figures are read one after the other while the actor goes on.

    Raises:
        NoProcess: nobody has the name that was given.
    """
    ref = resolve(address)
    actor = ref.running
    executor = None if actor is None else actor.turn_executor()
    current, seconds, thread, under_way = None, 0.0, None, 0.0
    if executor is not None and executor.work.ref is ref:
        work = executor.work
        under_way = work.microseconds(ref)
        item = work.item
        if item is not None:
            current = _kind(item)
            seconds = max(0.0, time.perf_counter() - work.since)
            thread = executor.thread.name if executor.thread else None
    restarts, last_crash = _history(ref)
    return Statistics(
        label=ref.label,
        actor_class=ref.actor_class.__name__,
        alive=ref.is_alive(),
        suspended=ref.suspended,
        started_at=None if ref.started_at is None else datetime.fromtimestamp(ref.started_at, UTC),
        handled=ref.handled,
        mailbox=waiting(ref),
        longest_mailbox=max(ref.longest_mailbox, waiting(ref)),
        busy=(ref.busy_microseconds + under_way) / 1e6,
        current=current,
        current_seconds=seconds,
        thread=thread,
        restarts=restarts,
        last_crash=last_crash,
    )


def top(
    supervisor: Address | TreeNode,
    *,
    by: TopBy = TopBy.BUSY,
    count: int = 10,
    max_children: int = 10_000,
) -> list[Statistics]:
    """Return the statistics of the actors below a supervisor, or in a tree, that have the most.

    Args:
        supervisor: a ref, a name, or what `tree` returned.
        by: busy the longest, handled the most messages, or has the most waiting.
        count: how many are returned, the first first.
        max_children: how many children of each supervisor are looked at.

    Raises:
        NoProcess: nobody has the name that was given.
    """
    node = supervisor
    if not isinstance(node, TreeNode):
        node = tree(node, max_children=max_children)
    found = [statistics(one.ref) for one in node.walk() if one.ref is not None]
    return heapq.nlargest(count, found, key=lambda one: getattr(one, by.value))


def _history(ref: Ref) -> tuple[int, LastCrash | None]:
    supervisor = None if ref.parent is None else ref.parent.running
    if not isinstance(supervisor, SupervisorBase):
        return 0, None
    return supervisor.history_of(ref)


def _kind(item: Any) -> str:
    if isinstance(item, Hook):
        return str(item)
    message = item.message if item.__class__ is Envelope else item
    return type(message).__name__
