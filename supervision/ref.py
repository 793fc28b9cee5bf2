"""The reference to an actor: its mailbox, its end, and what others may do to it.

No message is lost without a trace. A sender first puts and then looks whether the actor has ended;
the end is first marked and then the mailbox is emptied. Whichever came first, one of the two sees
the other, and each message is taken out exactly once: by the actor, by its end, or by its sender.
"""

from __future__ import annotations

import queue
import threading
import time
import uuid
from collections.abc import Callable, Hashable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import pykka

from supervision import links, telemetry
from supervision._pykka import Envelope, StopRequest
from supervision.calls import deadline_of
from supervision.errors import ActorDead, CallCycle, CallTimeout, MailboxFull
from supervision.execution import shield
from supervision.executor import ActorKilled
from supervision.future import Future
from supervision.mailbox import BoundedInbox, message_of
from supervision.messages import WAKE, Crash, Exited, ShutdownRequest, Started, SystemMessage
from supervision.reasons import ABANDONED, SHUTDOWN, Crashed, ExitReason, Shutdown
from supervision.registrations import Registration, label_of
from supervision.tracing import note_out, senders
from supervision.undelivered import Undelivered, dead_letters

if TYPE_CHECKING:
    from supervision.actor import Actor
    from supervision.calls import Awaited
    from supervision.dispatch import Dispatcher
    from supervision.executor import Executor
    from supervision.monitors import Monitor
    from supervision.registry import Registry
    from supervision.tracing import Trace

__all__ = ["ActorInfo", "Ref"]

_urns = threading.Lock()
_naming = threading.RLock()
_UNNAMED: Any = object()
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


class Ended:
    """What Pykka's `actor_stopped` event is asked for, without an event for each actor."""

    __slots__ = ("_ref",)

    def __init__(self, ref: Ref) -> None:
        self._ref = ref

    def is_set(self) -> bool:
        """Return whether the actor's loop has ended."""
        return self._ref.exit_reason is not None

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the end, at most `timeout` seconds; return whether it came."""
        from supervision.monitors import monitor  # monitors know refs

        down: queue.SimpleQueue[object] = queue.SimpleQueue()
        watch = monitor(self._ref, down.put)
        try:
            down.get(timeout=timeout)
        except queue.Empty:
            watch.cancel()
        return self.is_set()


class Ref(pykka.ActorRef[Any]):
    """A reference to one actor, from its start to its end. A restarted child has another."""

    dispatcher: Dispatcher
    names_free: bool = False
    """Whether it has ended and given up its names; set on the instance then."""

    # What most actors never have is a default of the class and costs them nothing.
    links: links.Links | None = None
    suspended = False
    traces: tuple[Trace, ...] = ()
    _in_pykka_registry = False
    _urn: str | None = None

    def __init__(self, actor: Actor) -> None:
        # Not Pykka's __init__: a UUID and an event for each of a million actors cost too much.
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
        # One name, as most have, needs no dict around it.
        self._names: Registration | dict[Registration, None] | None = None
        self._first_name: Hashable = _UNNAMED
        self.longest_mailbox = 0
        self.busy_microseconds = 0
        self.started_at: float | None = None
        # list.pop is atomic: whoever pops ends the actor, or kills it, and nobody else does.
        self._life = [True]
        self._kill = [True]

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """Pykka's name of the actor, made when it is first asked for."""
        with _urns:
            if self._urn is None:
                self._urn = uuid.uuid4().urn
        return self._urn

    @property
    def actor_stopped(self) -> Ended:  # type: ignore[override]
        """Pykka's event: set when the loop has really ended."""
        return Ended(self)

    @property
    def target(self) -> Ref:
        """Itself: who waits for this actor waits for it to act."""
        return self

    @property
    def label(self) -> str:
        """The first name that it was registered under, else its class; for people."""
        if self._first_name is _UNNAMED:
            return f"{self.actor_class.__name__}@{id(self):x}"
        return label_of(self._first_name)

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
        self._put(message, True, None)

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
            self._put_ask(message, future, timeout)
            return future
        deadline = deadline_of(self, timeout)
        if deadline is None:
            self._put_ask(message, future, None)
            return future.get()
        future.deadline = deadline
        if isinstance(self.actor_inbox, BoundedInbox):
            self._put_ask(message, future, max(0.0, deadline - time.monotonic()))
            return future.get(timeout=None if timeout is None else deadline - time.monotonic())
        self._put_ask(message, future, timeout)
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
            self._put(message, False, None)
        except MailboxFull as full:
            self._turn_away(message, full, Undelivered.FULL)

    def _put(self, item: Any, wait: bool, timeout: float | None) -> None:
        if senders:
            note_out(self, item)
        try:
            # A queue without a limit ignores both, and never waits.
            self.actor_inbox.put(item, wait, timeout)
            if self.exit_reason is not None:
                self._empty_mailbox(self.exit_reason)
            elif self.busy is not None:
                self.dispatcher.wake(self)
        except ActorKilled:
            # The sender is killed between two steps; the message, if it is in, must be seen.
            self._look_again()
            raise

    def _put_ask(self, message: Any, future: Future[Any], timeout: float | None) -> None:
        if self.exit_reason is not None:
            future.try_set_exception(ActorDead(self.label, self.exit_reason))
            return
        try:
            self._put(Envelope(message, future), True, timeout)
        except (ActorDead, CallCycle, CallTimeout, MailboxFull) as error:  # of a bounded mailbox
            future.try_set_exception(error)

    def dropped(self, item: Any, limit: int) -> None:
        """A message was taken out to make room for another; called by a bounded mailbox."""
        self._turn_away(item, MailboxFull(self.label, limit), Undelivered.DROPPED)

    def _turn_away(self, item: Any, full: MailboxFull, why: Undelivered) -> None:
        reply_to = _reply_to(item)
        if reply_to is not None:
            reply_to.try_set_exception(full)
        if reply_to is None or why is Undelivered.DROPPED:
            dead_letters.record(self, message_of(item), why)

    # -- ending ----------------------------------------------------------------------------------

    def shutdown(self, reason: ExitReason = SHUTDOWN) -> None:
        """Ask the actor to end with `reason` when it has handled what it has; do not wait."""
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
        with shield():  # a kill of the killer must not leave this one half done
            try:
                self._kill.pop()
            except IndexError:
                return
            self.kill_requested = True
            self.attention = True
            executor = self.executor
            if executor is not None:
                executor.interrupt(self)
            self.signal(WAKE)

    def abandon(self) -> None:
        """Declare the actor ended although its thread still runs; for supervisors.

        Its names are freed, its mailbox is answered, and whatever its thread does from here on
        is nobody's: the versions in the store refuse its writes. The thread is counted
        (`abandoned_threads`) until it ends by itself.
        """
        with shield():
            self.kill()
            executor = self._executor()
            if not self.end(ABANDONED) or executor is None:
                return
            self.dispatcher.replace(executor)
            thread = executor.thread.name if executor.thread else "?"
            telemetry.emit(telemetry.THREAD_ABANDONED, ref=self, thread=thread)

    def discard(self) -> None:
        """End an actor that was made but never ran: its starter was told why, its parent is not."""
        self.parent = None
        self.end(NEVER_RAN)

    def end(self, reason: ExitReason) -> bool:
        """Do all that an end means, exactly once; return whether this call did it.

        Called by the actor's own loop, or by `abandon`. The order is a promise: names are free
        before the supervisor hears of it, and the supervisor and the monitors have been told before
        anybody who waits for an answer. Whatever somebody else's code raises in it (a listener, a
        callback) is logged, and the end goes on.
        """
        with shield():
            try:
                self._life.pop()
            except IndexError:
                return False
            actor, self.running = self.running, None
            self.waiting_on = None
            self.exit_reason = reason
            self._leave_registries()
            self.names_free = True
            self._go_on(self._report_end, reason)
            self._tell_watchers(reason)
            if actor is not None:
                self._go_on(actor.answer_pending, reason)
            self._empty_mailbox(reason)
            return True

    def _report_end(self, reason: ExitReason) -> None:
        if self.parent is not None:
            self.parent.signal(Exited(self, reason))
        elif isinstance(reason, Crashed):
            telemetry.log_crash(self, reason)
        if self.links is not None:
            links.sever(self, reason)
        telemetry.emit(telemetry.ACTOR_ENDED, ref=self, reason=reason)

    def _go_on(self, step: Callable[..., object], *args: Any) -> None:
        try:
            step(*args)
        except BaseException:  # noqa: BLE001 - an end must be whole, whoever fails in it
            telemetry.log_failed_end(self, step)

    def _executor(self) -> Executor | None:
        # A thread is on it within its hooks, and a pool's worker for the whole of a turn.
        actor = self.running
        if self.executor is None and actor is not None and self.busy is not None:
            return actor.turn_executor() if self.busy.locked() else None
        return self.executor

    def started(self) -> None:
        """Tell the supervisor that `on_start` has succeeded; called by the actor's loop."""
        if self.parent is not None:
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

    def named(self, registration: Registration) -> None:
        """Remember a name, to give it up at the end; called by registries."""
        with _naming:
            held = self._names
            if held is None:
                self._names = registration
            elif isinstance(held, dict):
                held[registration] = None
            else:
                self._names = {held: None, registration: None}
            if self._first_name is _UNNAMED:
                self._first_name = registration.key

    def unnamed(self, registration: Registration) -> None:
        """Forget a name that was given up; called by registries."""
        with _naming:
            held = self._names
            if isinstance(held, dict):
                held.pop(registration, None)
            if held is registration or not held:
                self._names = None

    def registrations(self) -> tuple[Registration, ...]:
        """Return what registries keep of it; none once it has ended."""
        held = self._names
        if held is None:
            return ()
        return tuple(held) if isinstance(held, dict) else (held,)

    def names(self) -> list[tuple[Registry, Hashable]]:
        """Return the registries and keys under which it can be found."""
        return [(one.registry, one.key) for one in self.registrations()]

    def join_pykka_registry(self) -> None:
        """Show the actor in Pykka's own registry, as `Actor.start` does."""
        self._in_pykka_registry = True
        pykka.ActorRegistry.register(self)

    def _look_again(self) -> None:
        if self.exit_reason is not None:
            self._empty_mailbox(self.exit_reason)
        elif self.busy is not None:
            self.queued = False
            self.dispatcher.wake(self)

    def _leave_registries(self) -> None:
        with _naming:
            registrations, self._names = self.registrations(), None
        for registration in registrations:
            self._go_on(registration.registry.forget, registration)
        if self._in_pykka_registry:
            self._go_on(pykka.ActorRegistry.unregister, self)

    def _tell_watchers(self, reason: ExitReason) -> None:
        watchers = self.__dict__.get("_watcher_list", [])
        while True:
            try:
                watch = watchers.pop(0)
            except IndexError:
                return
            self._go_on(watch.fire, reason)

    def _empty_mailbox(self, reason: ExitReason) -> None:
        with shield():  # what is taken out must be answered
            inbox = self.actor_inbox
            if isinstance(inbox, BoundedInbox):
                inbox.close()
            while True:
                try:
                    item = inbox.get_nowait()
                except queue.Empty:
                    break
                self.refuse(item, reason)
            if reason is ABANDONED and self.busy is None:
                inbox.put(WAKE)  # its thread may sleep on the mailbox, and must find out

    def refuse(self, item: Any, reason: ExitReason) -> None:
        """Answer a message that will not be handled because the actor has ended."""
        message = message_of(item)
        reply_to = _reply_to(item)
        if reply_to is not None:
            if isinstance(message, StopRequest):
                reply_to.try_set(None)
            else:
                reply_to.try_set_exception(ActorDead(self.label, reason))
        elif not isinstance(message, (SystemMessage, StopRequest)):
            dead_letters.record(self, message, Undelivered.ENDED)

    def _actor_weakref(self) -> Actor | None:  # type: ignore[override]
        # Pykka's proxies call this to see what attributes there are.
        return self.running


def _reply_to(item: Any) -> Future[Any] | None:
    return cast("Future[Any] | None", item.reply_to) if item.__class__ is Envelope else None
