"""The reference to an actor: its address, and what others may do to it.

How a message is put is in `sending`, what an end means in `ending`.
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from supervision import ending, links, telemetry
from supervision._pykka import Envelope
from supervision.calls import deadline_of
from supervision.errors import ActorDead, MailboxFull
from supervision.execution import shield
from supervision.future import Future
from supervision.identity import Identity
from supervision.mailbox import BoundedInbox
from supervision.messages import Crash, ShutdownRequest, Started
from supervision.monitors import Ended
from supervision.reasons import SHUTDOWN, ExitReason, Shutdown
from supervision.sending import put, put_ask, turn_away
from supervision.undelivered import Undelivered

if TYPE_CHECKING:
    from supervision.actor import Actor
    from supervision.calls import Awaited
    from supervision.dispatch import Dispatcher
    from supervision.executor import Executor
    from supervision.monitors import Monitor
    from supervision.tracing import Trace

__all__ = ["ActorInfo", "Ref"]

NEVER_RAN = Shutdown("it was never started")


@dataclass(frozen=True, slots=True)
class ActorInfo:
    """What can be said of an actor without asking it."""

    label: str
    actor_class: str
    alive: bool
    exit_reason: str | None
    mailbox: int
    handled: int


class Ref(Identity):
    """A reference to one actor, from its start to its end. A restarted child has another."""

    dispatcher: Dispatcher
    names_free: bool = False
    """Whether it has ended and given up its names; set on the instance then."""

    watchers_told: bool = False
    """Whether all who watched it when it ended have been told; set on the instance then."""

    # What most actors never have is a default of the class and costs them nothing.
    links: links.Links | None = None
    suspended = False
    traces: tuple[Trace, ...] = ()

    def __init__(self, actor: Actor) -> None:
        super().__init__()
        self.actor_class = type(actor)
        self.actor_inbox: queue.SimpleQueue[Any] | BoundedInbox = (
            queue.SimpleQueue() if actor.mailbox is None else BoundedInbox(actor.mailbox, self)
        )
        self.dispatcher = actor.dispatcher
        self.running: Actor | None = actor
        self.executor: Executor | None = None
        self.busy: threading.Lock | None = None
        self.queued = False
        self.parent: Ref | None = None
        self.exit_reason: ExitReason | None = None
        self.waiting_on: Awaited | None = None
        self.kill_requested = False
        self.attention = False
        self.handled = 0
        self.longest_mailbox = 0
        self.busy_microseconds = 0
        self.started_at: float | None = None
        self.has_started = False
        """Whether `on_start` has succeeded, or was acknowledged."""
        self.tells_start = True
        """Whether its supervisor is told then."""

    @property
    def actor_stopped(self) -> Ended:  # type: ignore[override]
        """Pykka's event: set when the loop has really ended."""
        return Ended(self)

    @property
    def target(self) -> Ref:
        """Itself: who waits for this actor waits for it to act."""
        return self

    def is_alive(self) -> bool:
        """Return whether the actor has not ended. It may end before the caller has read this."""
        return self.exit_reason is None

    def mailbox_length(self) -> int:
        """Return how many messages wait to be taken; those it holds back are not counted."""
        return self.actor_inbox.qsize()

    def has_work(self) -> bool:
        """Return whether a turn would find something to do."""
        if not self.actor_inbox.empty():
            return True
        return self.attention and self.running is not None and self.running.has_held_work()

    def is_idle(self) -> bool:
        """Return whether a pooled actor has handled all that was sent to it; from any thread.

        What is sent while the caller reads this is not counted.
        """
        # First the mailbox: what is not in there any more has been handled if it is not busy.
        return (
            self.actor_inbox.empty()
            and self.busy is not None
            and not self.busy.locked()
            and self.started_at is not None
            and self.exit_reason is None
            and not self.attention
            and not self.suspended
        )

    def info(self) -> ActorInfo:
        """Return what can be said without asking the actor; from any thread."""
        return ActorInfo(
            label=self.label,
            actor_class=self.actor_class.__name__,
            alive=self.is_alive(),
            exit_reason=None if self.exit_reason is None else str(self.exit_reason),
            mailbox=self.mailbox_length(),
            handled=self.handled,
        )

    # -- sending ---------------------------------------------------------------------------------

    def tell(self, message: Any) -> None:
        """Put `message` into the mailbox; wait only for room in one that is full and blocks.

        Raises:
            ActorDead: the actor has ended. One that ends later, with the message still in its
                mailbox, leaves a dead letter.
            MailboxFull: the mailbox is full, and refuses.
            CallCycle: it is full and blocks, and the actor waits, directly or through others, for
                the one that tells.
        """
        if self.exit_reason is not None:
            raise ActorDead(self.label, self.exit_reason)
        put(self, message, True, None)

    def ask(self, message: Any, *, block: bool = True, timeout: float | None = None) -> Any:
        """Put `message` into the mailbox and return its answer.

        Args:
            message: any object.
            block: wait for the answer; else return a `Future` of it.
            timeout: seconds to wait at most, for room in the mailbox and for the answer; what is
                left of them is the handler's (`remaining`). Without one, an actor that handles an
                ask waits no longer than its asker does.

        Raises:
            ActorDead: it has ended, or ended before it answered.
            CallTimeout: no answer in time.
            CallCycle: the actor that asks is, directly or through others, the one that is asked.
            MailboxFull: the mailbox is full and refuses, or dropped the message for another.
            Exception: whatever handling the message raised. But for a `Rejection`, it ended the
                actor, too.

        If not blocking, all of these are in the future.
        """
        future: Future[Any] = Future(self)
        if not block:
            if timeout is not None:
                future.deadline = time.monotonic() + timeout
            put_ask(self, message, future, timeout)
            return future
        deadline = deadline_of(self, timeout)
        if deadline is None:
            put_ask(self, message, future, None)
            return future.get()
        future.deadline = deadline
        if isinstance(self.actor_inbox, BoundedInbox):
            put_ask(self, message, future, max(0.0, deadline - time.monotonic()))
            return future.get(timeout=None if timeout is None else deadline - time.monotonic())
        put_ask(self, message, future, timeout)
        return future.get(timeout=timeout)

    def forward(self, message: Any, reply_to: Future[Any] | None) -> None:
        """Put `message` into the mailbox with somebody's future for the answer; do not wait.

        Never raises: if the actor has ended, or ends before it handles the message, the future
        gets `ActorDead`; if its mailbox is full, `MailboxFull`.
        """
        if reply_to is not None:
            reply_to.handed_to(self)
        self.signal(Envelope(message, reply_to))

    def signal(self, message: Any) -> None:
        """Put `message` as `tell` does, but do not wait, and leave a dead letter in its stead."""
        try:
            put(self, message, False, None)
        except MailboxFull as full:
            turn_away(self, message, full, Undelivered.FULL)

    def dropped(self, item: Any, limit: int) -> None:
        """A message was taken out to make room for another; called by a bounded mailbox."""
        turn_away(self, item, MailboxFull(self.label, limit), Undelivered.DROPPED)

    # -- ending ----------------------------------------------------------------------------------

    def shutdown(self, reason: ExitReason = SHUTDOWN) -> None:
        """Ask the actor to end with `reason` when it has handled what it has; do not wait.

        One that waits in `Actor.receive` ends at once, unless it traps exits.
        """
        self.signal(ShutdownRequest(reason))

    def exit(self, reason: ExitReason) -> None:
        """Give the actor an exit signal from the caller, as Erlang's `exit/2`; do not wait.

        One that traps exits gets it as an `ExitSignal`. Another one ends with `reason` before its
        next message, but ignores `NORMAL` unless it comes from itself. `KILLED` cannot be trapped:
        it is a kill.
        """
        links.send_exit(self, reason)

    def crash(self, exception: BaseException) -> None:
        """Make the actor raise `exception` when it comes to this message; for demos and tests."""
        self.signal(Crash(exception))

    def kill(self) -> None:
        """Raise an exception in the actor's thread, now; do not wait.

        It ends with the reason `KILLED`, without `on_stop`. A thread inside C code notices when it
        comes back to Python; one that does not come back can only be abandoned.
        """
        ending.kill(self)

    def abandon(self) -> None:
        """Declare the actor ended although its thread still runs; for supervisors.

        Its names are freed, its mailbox is answered, and whatever its thread does from here on
        is nobody's: the versions in the store refuse its writes. The thread is counted
        (`abandoned_threads`) until it ends by itself, wherever it is stuck: also in what others
        have asked it to call, and after the actor has ended.
        """
        ending.abandon(self)

    def discard(self) -> None:
        """End an actor that was made but never ran: its starter was told why, its parent is not."""
        self.parent = None
        self.end(NEVER_RAN)

    def claim_end(self) -> bool:
        """Take the right to end it; only one caller gets it."""
        return self._claim("_ended_by")

    def claim_kill(self) -> bool:
        """Take the right to kill it; only one caller gets it."""
        return self._claim("_killed_by")

    def end(self, reason: ExitReason) -> bool:
        """Do all that an end means, exactly once; return whether this call did it.

        Called by the actor's own loop. See `supervision.ending`.
        """
        return ending.end(self, reason)

    def started(self) -> None:
        """Tell the supervisor that `on_start` has succeeded; called by the actor's loop."""
        self.has_started = True
        if self.tells_start and self.parent is not None:
            self.parent.signal(Started(self))
        telemetry.emit(telemetry.ACTOR_STARTED, ref=self)

    # -- what others keep here, so that an end finds it --------------------------------------------

    def watch(self, watch: Monitor) -> None:
        """Add a monitor; it fires at once if the actor has ended and its names are free."""
        with shield():
            self.__dict__.setdefault("_watcher_list", []).append(watch)
            if self.exit_reason is not None and self.names_free:
                watch.fire(self.exit_reason)

    def unwatch(self, watch: Monitor) -> None:
        """Forget a monitor."""
        with suppress(ValueError):  # it is not there, or is being told at this moment
            self.__dict__.get("_watcher_list", []).remove(watch)

    def next_watch(self) -> Monitor | None:
        """Take out the first monitor, `None` if there is none left; called by the end."""
        watchers = self.__dict__.get("_watcher_list")
        try:
            watch: Monitor | None = watchers.pop(0) if watchers else None
        except IndexError:
            return None
        return watch

    def _claim(self, right: str) -> bool:
        # dict.setdefault is atomic: whoever puts a token of its own there has it, and nobody else.
        token = object()
        return self.__dict__.setdefault(right, token) is token

    def _actor_weakref(self) -> Actor | None:  # type: ignore[override]
        # Pykka's proxies call this to see what attributes there are.
        return self.running
