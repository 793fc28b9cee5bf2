"""The actor: GenServer's life on Pykka's class.

An actor is constructed in its starter's thread, then runs `on_start` in its own before it receives
anything, then handles one message at a time, and ends exactly once with a reason. The six ways in
which this differs from Pykka's own actors are in docs/supervision.md.

Everything from `run_turn` down happens on the thread of an `Executor`. A kill interrupts the hooks
only, never the loop around them: no message is lost between the mailbox and its handling.
"""

from __future__ import annotations

import queue
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pykka
import structlog

from supervision._pykka import Envelope, StopRequest
from supervision.dispatch import OWN_THREAD, Dispatcher, Turn
from supervision.errors import ActorDead, CallTimeout, NotSupported, Rejection
from supervision.execution import ActorKilled, Executor, current_ref, shield
from supervision.future import Future
from supervision.messages import SystemMessage
from supervision.reasons import KILLED, NORMAL, Crashed, ExitReason, Killed
from supervision.ref import Ref

if TYPE_CHECKING:
    from supervision.registry import Name
    from supervision.specs import ChildSpec

__all__ = ["Actor", "spawn"]

A = TypeVar("A", bound="Actor")
TURN_MESSAGES = 128
_NOTHING: Any = object()


class Actor(pykka.Actor):
    """An actor that can be supervised.

    Override the hooks `on_start`, `on_receive`, `on_stop` and `on_failure` as with Pykka; all four
    run in the actor's own thread, one at a time. An exception that leaves `on_receive` reaches the
    asker, if there is one, and ends the actor; a `Rejection` is an answer and ends nothing.
    """

    dispatcher: ClassVar[Dispatcher] = OWN_THREAD
    """Where instances run: `OWN_THREAD`, `POOLED`, or a `Pool`. A child spec may say otherwise."""

    use_daemon_thread: ClassVar[bool] = False
    """Whether an own thread is a daemon thread, which does not keep the program running."""

    receive_timeout: float | None = None
    """Seconds without a message after which `on_timeout` runs; own-thread actors only."""

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Prepare the actor; runs in its starter's thread. An exception here fails the start."""
        self._ref = Ref(self)
        self._reply: Future[Any] | None = None
        self._ending: ExitReason | None = None
        self._begun = False
        self._executor: Executor | None = None
        self._stash: list[Any] | None = None
        self._stop_replies: list[Future[Any]] | None = None
        self._deferred: set[Future[Any]] | None = None

    @classmethod
    def start(cls, *args: Any, **kwargs: Any) -> Any:
        """Start an actor without a supervisor, as Pykka does, and show it in Pykka's registry."""
        return _launch(cls(*args, **kwargs), in_pykka_registry=True)

    @classmethod
    def child_spec(cls, *args: Any, **options: Any) -> ChildSpec:
        """Return the spec of a child of this class; see `supervision.specs.child_spec`."""
        from supervision.specs import child_spec

        return child_spec(cls, *args, **options)

    @property
    def actor_ref(self) -> Ref:
        """The reference to this actor."""
        return self._ref

    @property
    def actor_urn(self) -> str:  # type: ignore[override]
        """Pykka's name of this actor."""
        return self._ref.actor_urn

    @property
    def actor_inbox(self) -> Any:  # type: ignore[override]
        """The mailbox itself."""
        return self._ref.actor_inbox

    @property
    def actor_stopped(self) -> Any:  # type: ignore[override]
        """Pykka's event: set when the loop has really ended."""
        return self._ref.actor_stopped

    @property
    def log(self) -> Any:
        """A structlog logger that is bound with the actor's name."""
        return structlog.get_logger().bind(actor=self._ref.label)

    # -- for use inside the hooks ------------------------------------------------------------------

    def exit(self, reason: ExitReason = NORMAL) -> None:
        """End with `reason` when the current message has been handled. The first reason holds."""
        if self._ending is None:
            self._ending = reason

    def defer_reply(self) -> Future[Any]:
        """Answer the current ask later: return its future, and ignore what the hook returns.

        Whoever has the future answers it, from any thread. If this actor ends before, it is
        answered with `ActorDead`. For a tell the future is one that nobody reads.
        """
        future = self.release_reply()
        if self._deferred is None:
            self._deferred = set()
        self._deferred.add(future)
        future.add_done_callback(self._deferred.discard)
        return future

    def release_reply(self) -> Future[Any]:
        """As `defer_reply`, but the duty to answer passes on: this actor's end does not answer it.

        For handing an ask to another actor with `Ref.forward`, which then answers in any case.
        """
        future, self._reply = self._reply, None
        return Future() if future is None else future

    def receive(self, match: Callable[[Any], bool], *, timeout: float | None = None) -> Any:
        """Wait for a message that `match` accepts and return it: Erlang's selective receive.

        Other messages wait, in their order, until the current hook is done. Only for actors on
        their own thread. One that was asked is matched by its message and returned as an envelope,
        whose `reply_to` the caller answers; if this actor ends first it is answered with
        `ActorDead`.

        Raises:
            CallTimeout: none came within `timeout` seconds.
            NotSupported: the actor runs on a shared pool.
        """
        if self._ref.busy is not None:
            msg = f"{self._ref.label} runs on a shared pool: only own-thread actors may receive"
            raise NotSupported(msg)
        item = _NOTHING
        interruptible = current_ref() is self._ref
        with shield():
            item = self._select(match, timeout, interruptible=interruptible)
            if item.__class__ is Envelope and not isinstance(item.message, StopRequest):
                self.adopt([] if item.reply_to is None else [item.reply_to])
        if item is _NOTHING:
            msg = f"no matching message within {timeout} seconds"
            raise CallTimeout(msg)
        return item

    def _select(
        self, match: Callable[[Any], bool], timeout: float | None, *, interruptible: bool
    ) -> Any:
        stash = self._stash = self._stash if self._stash is not None else []
        for index, item in enumerate(stash):
            if match(_message_of(item)):
                return stash.pop(index)
        deadline = None if timeout is None else time.monotonic() + timeout
        while not (interruptible and self._ref.kill_requested):
            remaining = None if deadline is None else deadline - time.monotonic()
            item = self._from_inbox(remaining)
            if item is _NOTHING or match(_message_of(item)):
                return item
            stash.append(item)
        return _NOTHING

    def take_waiting(self, limit: int) -> list[Envelope[Any]]:
        """Take at most `limit` messages that wait right now, as envelopes; do not wait.

        Stops at a message of the runtime's own, such as a request to stop. The caller answers each
        `reply_to` and then lets go of it with `disown`; if this actor ends before, they are
        answered with `ActorDead`.
        """
        taken: list[Envelope[Any]] = []
        with shield():
            while len(taken) < limit:
                item = self._stash.pop(0) if self._stash else self._from_inbox(0.0)
                if item is _NOTHING:
                    break
                if isinstance(_message_of(item), (SystemMessage, StopRequest)):
                    self._stash = [item, *(self._stash or ())]
                    break
                taken.append(item if item.__class__ is Envelope else Envelope(item))
            self.adopt([one.reply_to for one in taken if one.reply_to is not None])
        return taken

    def adopt(self, replies: Sequence[Any]) -> None:
        """Have `replies` answered with `ActorDead` if this actor ends before they are answered."""
        if self._deferred is None:
            self._deferred = set()
        self._deferred.update(replies)

    def disown(self, replies: Sequence[Any]) -> None:
        """Take back `adopt`: they have been answered."""
        if self._deferred is not None:
            self._deferred.difference_update(replies)

    def on_timeout(self) -> None:
        """Run when `receive_timeout` seconds have passed without a message. Does nothing here."""

    def on_wake(self) -> None:
        """Run when somebody woke the actor without a message. Does nothing here."""

    # -- the loop ----------------------------------------------------------------------------------

    def run_alone(self) -> None:
        """Run the whole life on this thread; called by the own-thread dispatcher."""
        executor = Executor()
        executor.bind()
        while self._run(executor, self._next, sys.float_info.max) is Turn.OVER:
            pass
        executor.finish()

    def run_turn(self, executor: Executor, until: float) -> Turn:
        """Run one turn on a shared thread, until `time.perf_counter()` is `until` at the latest."""
        return self._run(executor, self._poll, until)

    def answer_pending(self, reason: ExitReason) -> None:
        """Answer all who wait for this actor; called once, when it ends."""
        dead = ActorDead(self._ref.label, reason)
        if self._reply is not None:
            self._reply.try_set_exception(reason.exception if isinstance(reason, Crashed) else dead)
        for future in list(self._deferred or ()):
            future.try_set_exception(dead)
        for future in self._stop_replies or ():
            future.try_set(None)
        for item in self._stash or ():
            self._ref.signal(item)

    def _run(self, executor: Executor, take: Callable[[], Any], until: float) -> Turn:
        self._executor = executor
        try:
            ending = self._live(take, until)
            if ending is not None:
                ending = self._last_hooks(ending)
        except ActorKilled:
            ending = KILLED
        if ending is None:
            return Turn.OVER
        if isinstance(ending, Killed):
            self._after_kill()
        return Turn.ENDED if self._ref.end(ending) else Turn.LOST

    def _call(self, hook: Callable[..., Any], *args: Any) -> Any:
        """Call a hook so that a kill can interrupt it, and nothing behind it."""
        executor, ref = self._executor, self._ref
        assert executor is not None
        try:
            executor.enter(ref)
            if ref.kill_requested:
                raise ActorKilled
            result = hook(*args)
            executor.leave(ref)
        except BaseException:
            try:
                executor.leave(ref)
            except ActorKilled:  # on the way in; there is only ever one
                executor.leave(ref)
                raise
            raise
        return result

    def _after_kill(self) -> None:
        """Run before a kill is reported, undisturbed by another; for supervisors."""

    def _live(self, take: Callable[[], Any], until: float) -> ExitReason | None:
        ref = self._ref
        if not self._begun:
            ending = KILLED if ref.kill_requested else self._begin()
            if ending is not None:
                return ending
        for _ in range(TURN_MESSAGES):
            if ref.kill_requested:
                return KILLED
            if self._ending is not None:
                return self._ending
            item = take()
            if item is _NOTHING:
                return self._ending
            ref.handled += 1
            crash = self._process(item)
            if crash is not None:
                return crash
            if time.perf_counter() > until:
                break
        return self._ending

    def _begin(self) -> Crashed | None:
        self._begun = True
        try:
            self._call(self.on_start)
        except ActorKilled:
            raise
        except BaseException as exception:  # noqa: BLE001 - the end of this actor, and of no other
            return Crashed(exception)
        self._ref.started()
        return None

    def _process(self, item: Any) -> Crashed | None:
        message: Any = item
        if item.__class__ is Envelope:
            message = item.message
            self._reply = item.reply_to  # type: ignore[assignment] # one that `ask` made
        try:
            result = self._call(self._handle_receive, message)
        except Rejection as rejection:
            self._reject(rejection)
        except ActorKilled:
            raise
        except BaseException as exception:  # noqa: BLE001 - the end of this actor, and of no other
            return Crashed(exception)
        else:
            if self._reply is not None:
                self._reply.try_set(result)
        self._reply = None
        return None

    def _handle_receive(self, message: Any) -> Any:
        if isinstance(message, SystemMessage):
            return message.handle(self)
        if isinstance(message, StopRequest):
            self._stop_replies = [*(self._stop_replies or ()), self.release_reply()]
            return self.exit()
        if isinstance(message, _PROXY_MESSAGES):
            return super()._handle_receive(message)
        return self.on_receive(message)

    def _reject(self, rejection: Rejection) -> None:
        if self._reply is None:
            self.log.info("actor.rejected", rejection=str(rejection))
        else:
            self._reply.try_set_exception(rejection)

    def _last_hooks(self, ending: ExitReason) -> ExitReason:
        if isinstance(ending, Killed):
            return ending
        try:
            if isinstance(ending, Crashed):
                exception = ending.exception
                self._call(self.on_failure, type(exception), exception, exception.__traceback__)
            else:
                self._call(self.on_stop)
        except ActorKilled:
            raise
        except BaseException as exception:
            if isinstance(ending, Crashed):
                self.log.exception("actor.on_failure_failed")
                return ending
            return Crashed(exception)
        return ending

    # -- Pykka's own seams -------------------------------------------------------------------------

    @staticmethod
    def _create_actor_inbox() -> Any:
        return queue.SimpleQueue()

    @staticmethod
    def _create_future() -> Future[Any]:
        return Future()

    def _start_actor_loop(self) -> None:
        self._ref.dispatcher.begin(self)

    # -- taking messages ---------------------------------------------------------------------------

    def _poll(self) -> Any:
        inbox = self._ref.actor_inbox
        if inbox.empty():
            return _NOTHING
        return inbox.get_nowait()

    def _next(self) -> Any:
        if self._stash:
            return self._stash.pop(0)
        item = self._from_inbox(self.receive_timeout)
        if item is _NOTHING:
            self._ref.handled -= 1
            return TIMEOUT
        return item

    def _from_inbox(self, timeout: float | None) -> Any:
        try:
            if timeout is None:
                return self._ref.actor_inbox.get()
            if timeout <= 0:
                return self._ref.actor_inbox.get_nowait()
            return self._ref.actor_inbox.get(timeout=timeout)
        except queue.Empty:
            return _NOTHING


class _Timeout(SystemMessage):
    __slots__ = ()

    def handle(self, actor: Actor) -> None:
        actor.on_timeout()


TIMEOUT = _Timeout()
_PROXY_MESSAGES = (
    pykka.messages.ProxyCall,
    pykka.messages.ProxyGetAttr,
    pykka.messages.ProxySetAttr,
)


def spawn(
    actor_class: type[A],
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    *,
    parent: Ref | None = None,
    name: Name | None = None,
    dispatcher: Dispatcher | None = None,
) -> Ref:
    """Construct an actor in this thread, register its name, and start its loop; do not wait.

    The parent is told `Started(ref)` once when `on_start` has succeeded, and `Exited(ref, reason)`
    once when the loop has really ended, whatever the cause.

    Raises:
        Ignore: its `__init__` declined the start.
        AlreadyRegistered: somebody has the name.
        Exception: whatever `__init__` raised.
    """
    actor = _construct(actor_class, args, kwargs or {})
    ref: Ref = actor.actor_ref
    ref.parent = parent
    if dispatcher is not None:
        ref.dispatcher = dispatcher
    if name is not None:
        try:
            name.register(ref)
        except BaseException:
            ref.discard()
            raise
    return _launch(actor)


def _construct(actor_class: type[A], args: Sequence[Any], kwargs: Mapping[str, Any]) -> A:
    """Call the class; where its `__init__` raises, give up the names that it had taken by then."""
    actor: A = actor_class.__new__(actor_class, *args, **kwargs)
    try:
        actor.__init__(*args, **kwargs)  # type: ignore[misc] # as `type.__call__` does
    except BaseException:
        if hasattr(actor, "_ref"):
            actor.actor_ref.discard()
        raise
    return actor


def _launch(actor: Any, *, in_pykka_registry: bool = False) -> Ref:
    ref: Ref = actor.actor_ref
    if in_pykka_registry:
        ref.join_pykka_registry()
    try:
        actor._start_actor_loop()  # noqa: SLF001 - Pykka's seam, overridden above
    except RuntimeError as exception:  # the system has no thread left
        ref.parent = None
        ref.end(Crashed(exception))
        raise
    return ref


def _message_of(item: Any) -> Any:
    return item.message if item.__class__ is Envelope else item
