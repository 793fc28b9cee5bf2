"""The actor: GenServer's life on Pykka's class.

An actor is constructed in its starter's thread, then runs `on_start` in its own before it receives
anything, then handles one message at a time, and ends exactly once with a reason. The six ways in
which this differs from Pykka's own actors are in docs/supervision/pykka.md.

Everything from `run_turn` down happens on the thread of an `Executor`. A kill interrupts the hooks
only, never the loop around them: no message is lost between the mailbox and its handling.

Before each message the loop tests one flag, the ref's `attention`. It is raised by whatever may
have to come before the message: a kill, an exit signal, the actor's own end, its suspension, a
trace, or messages that were held back. Only then does the loop look which it is. It lowers the flag
before it looks, and who raises it does so after what it stands for is in place.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import pykka
import structlog

from supervision import links, telemetry, tracing
from supervision._pykka import Envelope, StopRequest
from supervision.dispatch import OWN_THREAD, TURN_SECONDS, Dispatcher, Turn
from supervision.errors import ActorDead, CallTimeout, NotSupported, Rejection
from supervision.execution import ActorExit, ActorKilled, Executor, interruptible, shield
from supervision.future import Future
from supervision.mailbox import Mailbox, message_of
from supervision.messages import ATTEND, ExitSignal, SystemMessage
from supervision.reasons import KILLED, NORMAL, Crashed, ExitReason
from supervision.ref import Ref
from supervision.work import ON_START, ON_STOP, coarse_now

if TYPE_CHECKING:
    from supervision.registry import Name
    from supervision.specs import ChildSpec
    from supervision.work import Work

__all__ = ["Actor", "spawn"]

A = TypeVar("A", bound="Actor")
TURN_MESSAGES = 128
_NOTHING: Any = object()
_EXITING: Any = object()


class Actor(pykka.Actor):
    """An actor that can be supervised.

    Override the hooks `on_start`, `on_receive`, `on_stop` and `on_failure` as with Pykka; all four
    run in the actor's own thread, one at a time. An exception that leaves `on_receive` reaches the
    asker, if there is one, and ends the actor; a `Rejection` is an answer and ends nothing.
    """

    dispatcher: ClassVar[Dispatcher] = OWN_THREAD
    """Where instances run: `OWN_THREAD`, `POOLED`, or a `Pool`. A child spec may say otherwise."""

    mailbox: Mailbox | None = None
    """The limit of the mailbox; `None`: it has none. A child spec may say otherwise."""

    use_daemon_thread: ClassVar[bool] = False
    """Whether an own thread is a daemon thread, which does not keep the program running."""

    receive_timeout: float | None = None
    """Seconds without a message after which `on_timeout` runs; own-thread actors only."""

    trap_exits: bool = False
    """Whether exit signals come to `on_receive` as `ExitSignal` messages instead of ending it."""

    # What most actors never have is a default of the class and costs them nothing.
    _stash: deque[Any] | None = None
    _stop_replies: list[Future[Any]] | None = None
    _acknowledged = False

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        """Prepare the actor; runs in its starter's thread. An exception here fails the start."""
        self._ref = Ref(self)
        self._reply: Future[Any] | None = None
        self._ending: ExitReason | None = None
        self._executor: Executor | None = None
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
            self._ref.attention = True

    def acknowledge_start(self) -> None:
        """Count as started now: whoever waits for the start goes on. For use in `on_start`.

        `on_start` goes on with what nobody need wait for; messages wait until it is done, as ever.
        If it crashes after this, that is the crash of a running actor, and no start that failed. A
        second call does nothing. After OTP's `proc_lib:init_ack
        <https://www.erlang.org/doc/apps/stdlib/proc_lib.html#init_ack/2>`_.
        """
        if not self._acknowledged:
            with shield():  # a kill in between would tell of one start twice, or never
                self._acknowledged = True
                self._ref.started()

    def link(self, other: Ref | Name) -> None:
        """Link this actor with `other`; see `supervision.links.link`.

        Raises:
            NoProcess: nobody has the name that was given.
        """
        links.link(self._ref, other)

    def unlink(self, other: Ref | Name) -> None:
        """Cut the link with `other`: nothing more is heard of it; see `supervision.links.unlink`.

        Raises:
            NoProcess: nobody has the name that was given.
        """
        links.unlink(self._ref, other)

    def defer_reply(self) -> Future[Any]:
        """Answer the current ask later: return its future, and ignore what the hook returns.

        Whoever has the future answers it, from any thread. If this actor ends before, it is
        answered with `ActorDead`. For a tell the future is one that nobody reads.
        """
        with shield():  # a kill in between would leave the ask in nobody's hands
            future = self.release_reply()
            self.adopt([future])
            assert self._deferred is not None
            future.add_done_callback(self._deferred.discard)
        return future

    def release_reply(self) -> Future[Any]:
        """As `defer_reply`, but the duty to answer passes on: this actor's end does not answer it.

        For handing an ask to another actor with `Ref.forward`, which then answers in any case. Do
        both in one `shield`: if this actor is killed or crashes in between, nobody answers.
        """
        future, self._reply = self._reply, None
        if future is None:
            return Future()
        if future.deadline is not None:  # `remaining` goes on: a stand-in that nobody reads
            self._reply = Future()
            self._reply.deadline = future.deadline
        future.handed_to(None)
        return future

    def ask_deadline(self) -> float | None:
        """Return when the asker of the message being handled gives up, if ever."""
        return None if self._reply is None else self._reply.deadline

    def receive(
        self,
        match: Callable[[Any], bool],
        *,
        timeout: float | None = None,
        only_new: bool = False,
    ) -> Any:
        """Wait for a message that `match` accepts and return it: Erlang's selective receive.

        Other messages wait, in their order, until the current hook is done. Only for actors on
        their own thread. One that was asked is matched by its message and returned as an envelope,
        whose `reply_to` the caller answers; if this actor ends first it is answered with
        `ActorDead`.

        With `only_new` those that an earlier `receive` left waiting are not looked at again: for
        who asks often for the same, and would go over a long mailbox each time.

        An exit signal that ends the actor breaks the wait off. One that is trapped is offered to
        `match`, and waits if it is not accepted.

        Raises:
            CallTimeout: none came within `timeout` seconds.
            NotSupported: the actor runs on a shared pool.
        """
        if self._ref.busy is not None:
            msg = f"{self._ref.label} runs on a shared pool: only own-thread actors may receive"
            raise NotSupported(msg)
        item = _NOTHING
        may_be_killed = interruptible()
        with shield():
            item = self._select(match, timeout, interruptible=may_be_killed, only_new=only_new)
            if item.__class__ is Envelope and item.reply_to is not None:
                self._owe(item.message, item.reply_to)
        if item is _EXITING:
            raise ActorExit
        self._note_taken(item)
        if item is _NOTHING:
            msg = f"no matching message within {timeout} seconds"
            raise CallTimeout(msg)
        return item

    def _select(
        self,
        match: Callable[[Any], bool],
        timeout: float | None,
        *,
        interruptible: bool,
        only_new: bool,
    ) -> Any:
        stash = self._stash = self._stash if self._stash is not None else deque()
        for index, item in enumerate(() if only_new else stash):
            if match(message_of(item)):
                del stash[index]
                return item
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            if interruptible and self._ref.attention:
                item = self._heed_while_waiting(match)
                if item is not None:
                    return item
            remaining = None if deadline is None else deadline - time.monotonic()
            item = self._from_inbox(remaining)
            if item is ATTEND:
                continue
            if item is _NOTHING or match(message_of(item)):
                return item
            stash.append(item)
            self._ref.attention = True

    def _heed_while_waiting(self, match: Callable[[Any], bool]) -> Any:
        if self._ref.kill_requested:
            return _NOTHING
        if self._ending is not None or self._in_last_hooks():
            return None  # the first reason holds
        return self._heed_signals(match)

    def take_waiting(self, limit: int) -> list[Envelope[Any]]:
        """Take at most `limit` messages that wait right now, as envelopes; do not wait.

        Stops at a message of the runtime's own, such as a request to stop. The caller answers each
        `reply_to` and then lets go of it with `disown`; if this actor ends before, they are
        answered with `ActorDead`.
        """
        taken: list[Envelope[Any]] = []
        with shield():
            while len(taken) < limit:
                item = self._stash.popleft() if self._stash else self._from_inbox(0.0)
                if item is _NOTHING:
                    break
                if item is ATTEND:
                    continue  # the flag is up, and is seen before the next message
                if isinstance(message_of(item), (SystemMessage, StopRequest)):
                    self._put_back(item)
                    break
                taken.append(item if item.__class__ is Envelope else Envelope(item))
            self.adopt([one.reply_to for one in taken if one.reply_to is not None])
        for one in taken:
            self._note_taken(one)
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

    def inspect(self) -> Any:
        """Return what `supervision.get_state` shows; runs in the actor's thread, in its turn.

        By default the attributes that are not the runtime's own, in a dict. It is a shallow copy:
        override this where what is in it changes under the reader's hands, or is nobody's business.
        """
        return {name: value for name, value in vars(self).items() if name not in _OF_THE_RUNTIME}

    def crash_context(self, message: Any) -> Mapping[str, object]:
        """Return fields for the log event of a crash: what was being worked at. None here.

        Runs in the actor's thread when `on_receive` has crashed on `message`, or `on_start`, for
        which it is `None`. They are kept in the reason, `Crashed.context`: keep them few and small.
        """
        del message
        return {}

    def on_timeout(self) -> None:
        """Run when `receive_timeout` seconds have passed without a message. Does nothing here."""

    def on_wake(self) -> None:
        """Run when somebody woke the actor without a message. Does nothing here."""

    # -- the loop ----------------------------------------------------------------------------------

    def run_alone(self) -> None:
        """Run the whole life on this thread; called by the own-thread dispatcher."""
        executor = Executor()
        executor.bind()
        now = time.perf_counter
        while self._run(executor, self._next, now() + TURN_SECONDS) is Turn.OVER:
            pass
        executor.finish()

    def run_turn(self, executor: Executor, until: float) -> Turn:
        """Run one turn on a shared thread, until `time.perf_counter()` is `until` at the latest."""
        return self._run(executor, self._poll, until)

    def answer_pending(self, reason: ExitReason) -> None:
        """Answer all who wait for this actor; called once, when it ends."""
        dead = ActorDead(self._ref.label, reason)
        if self._reply is not None:
            # A reason that an exit signal brought is no crash on the message.
            crash = reason if isinstance(reason, Crashed) and reason is not self._ending else None
            self._reply.try_set_exception(dead if crash is None else crash.exception)
        for future in list(self._deferred or ()):
            future.try_set_exception(dead)
        for future in self._stop_replies or ():
            future.try_set(None)
        for item in list(self._stash or ()):
            self._ref.refuse(item, reason)

    def set_suspended(self, *, suspended: bool) -> None:
        """Hold back all but the runtime's messages from now on, or no longer; own thread."""
        if self._ref.suspended is suspended:
            return
        self._ref.suspended = suspended
        self._ref.attention = True
        if suspended:
            for item in [one for one in self._stash or () if _is_urgent(one)]:
                self._stash.remove(item)  # type: ignore[union-attr] # it is in there
                self._ref.signal(item)
        telemetry.emit(
            telemetry.ACTOR_SUSPENDED if suspended else telemetry.ACTOR_RESUMED, ref=self._ref
        )

    def messages_held(self) -> int:
        """Return how many messages are held back; from any thread."""
        return len(self._stash or ())

    def has_held_work(self) -> bool:
        """Return whether a turn would find something although the mailbox is empty."""
        waiting = self._ref.links is not None and self._ref.links.signals
        return not self._ref.suspended and bool(self._stash or waiting)

    def turn_executor(self) -> Executor | None:
        """Return the thread that it runs on, or ran on at last; `None` before its first turn."""
        return self._executor

    def _run(self, executor: Executor, take: Callable[[], Any], until: float) -> Turn:
        self._executor = executor
        ref, work = self._ref, executor.work
        before = work.handled_before = ref.handled
        work.since = work.busy_since = until - TURN_SECONDS
        work.ref = ref
        try:
            ending = self._live(work, take, until)
            if ending is not None:
                ending = self._last_hooks(work, ending)
        except ActorKilled:
            ending = KILLED
            self._after_kill()
        except BaseException as exception:  # noqa: BLE001 - not a hook's, but its end must be told
            ending = Crashed(exception)
        turn = Turn.OVER
        if ending is not None:
            turn = self._finish(executor, ending)
        begun = work.busy_since
        assert begun is not None
        # Whole microseconds, rounded: small integers, unlike floats, take no memory of their own.
        ref.busy_microseconds += int((work.since - begun) * 1e6 + 0.5)
        work.ref = work.item = None
        work.done += ref.handled - before
        return turn

    def _finish(self, executor: Executor, ending: ExitReason) -> Turn:
        executor.tidy()
        if self._ref.end(ending):
            return Turn.ENDED
        if self._ref.exit_reason is not None:
            self.answer_pending(self._ref.exit_reason)  # what was in nobody's hands at that moment
        return Turn.LOST

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

    def _live(self, work: Work, take: Callable[[], Any], until: float) -> ExitReason | None:
        ref = self._ref
        if ref.started_at is None:
            ending = self._begin(work)
            if ending is not None:
                return ending
        for _ in range(TURN_MESSAGES):
            item = self._attend(take) if ref.attention else take()
            if item is _NOTHING:
                return self._ending
            ref.handled += 1
            work.item = item
            crash = self._process(item)
            work.since = now = time.perf_counter()
            if crash is not None:
                return crash
            if now > until:
                break
        ref.longest_mailbox = max(ref.longest_mailbox, ref.actor_inbox.qsize())
        return self._ending

    def _begin(self, work: Work) -> ExitReason | None:
        if self._ref.attention:
            if self._ref.kill_requested:
                raise ActorKilled
            if not self.trap_exits and self._heed_signals() is _EXITING:
                return self._ending
        self._ref.started_at = coarse_now()
        work.item = ON_START
        try:
            self._call(self.on_start)
        except ActorKilled:
            raise
        except BaseException as exception:  # noqa: BLE001 - the end of this actor, and of no other
            if isinstance(exception, ActorExit) and self._ending is not None:
                return self._ending
            return self._crashed(exception, None)
        if not self._acknowledged:
            self._ref.started()
        work.since = time.perf_counter()
        return None

    def _attend(self, take: Callable[[], Any]) -> Any:
        """Look at what may come before the next message; return it, or the message."""
        ref = self._ref
        ref.attention = False  # first: what comes after this raises it again
        if ref.kill_requested:
            raise ActorKilled
        item = None if ref.suspended and self.trap_exits else self._heed_signals()
        if self._ending is not None:
            return _NOTHING
        if item is None:
            item = self._take_held(take)
        self._note_taken(item)
        if ref.suspended or ref.traces or self.has_held_work():
            ref.attention = True
        return item

    def _take_held(self, take: Callable[[], Any]) -> Any:
        if not self._ref.suspended:
            return self._stash.popleft() if self._stash else take()
        item = take()
        if item is _NOTHING or _is_urgent(item):
            return item
        if self._stash is None:
            self._stash = deque()
        self._stash.append(item)
        return ATTEND

    def _heed_signals(self, wanted: Callable[[ExitSignal], bool] | None = None) -> Any:
        """Take exit signals; return one that is trapped and wanted, `_EXITING` if one ends it."""
        ref = self._ref
        if ref.links is None or self._ending is not None:
            return None
        if self.trap_exits:
            return links.next_signal(ref) if wanted is None else links.take_signal(ref, wanted)
        while (signal := links.next_signal(ref)) is not None:
            if self._ends_by(signal):
                telemetry.emit(
                    telemetry.EXIT_SIGNAL, ref=ref, sender=signal.ref, reason=signal.reason
                )
                self.exit(signal.reason)
                return _EXITING
        return None

    def _ends_by(self, signal: ExitSignal) -> bool:
        """Return whether this exit signal, which is not trapped, ends the actor."""
        return links.ends(self._ref, signal)

    def _note_taken(self, item: Any) -> None:
        if self._ref.traces and item is not _NOTHING:
            tracing.note_in(self._ref, item)

    def _put_back(self, item: Any) -> None:
        if self._stash is None:
            self._stash = deque()
        self._stash.appendleft(item)
        self._ref.attention = True

    def _in_last_hooks(self) -> bool:
        return self._executor is not None and self._executor.work.item is ON_STOP

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
            if isinstance(exception, ActorExit) and self._ending is not None:
                return None  # and the end answers who asked
            return self._crashed(exception, message)
        else:
            if self._reply is not None:
                self._reply.try_set(result)
        self._reply = None
        return None

    def _crashed(self, exception: BaseException, message: Any) -> Crashed:
        try:
            context = self.crash_context(message)
        except Exception as problem:  # noqa: BLE001 - the crash itself must be told
            context = {"crash_context_failed": repr(problem)}
        return Crashed(exception, context)

    def _handle_receive(self, message: Any) -> Any:
        if isinstance(message, _OURS_AND_PYKKAS):
            return self._handle_runtimes(message)
        return self.on_receive(message)

    def _handle_runtimes(self, message: Any) -> Any:
        if isinstance(message, SystemMessage):
            return message.handle(self)
        if isinstance(message, StopRequest):
            with shield():
                self._stop_replies = [*(self._stop_replies or ()), self.release_reply()]
            return self.exit()
        return super()._handle_receive(message)

    def _owe(self, message: Any, reply: Any) -> None:
        """Have the end of this actor answer `reply`, which came with `message`."""
        if isinstance(message, StopRequest):
            self._stop_replies = [*(self._stop_replies or ()), reply]
        else:
            self.adopt([reply])

    def _reject(self, rejection: Rejection) -> None:
        if self._reply is None:
            self.log.info("actor.rejected", rejection=str(rejection))
        else:
            self._reply.try_set_exception(rejection)

    def _last_hooks(self, work: Work, ending: ExitReason) -> ExitReason:
        if self._ref.started_at is None:
            return ending  # an exit signal was there before `on_start`
        work.item = ON_STOP
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
        try:
            return inbox.get_nowait()
        except queue.Empty:  # whoever abandoned the actor has emptied it
            return _NOTHING

    def _next(self) -> Any:
        inbox = self._ref.actor_inbox
        return self._wait() if inbox.empty() else inbox.get()

    def _wait(self) -> Any:
        assert self._executor is not None
        work = self._executor.work
        work.pause(self._ref)
        item = self._from_inbox(None if self._ref.suspended else self.receive_timeout)
        work.resume()
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
_OF_THE_RUNTIME = frozenset({*vars(Actor()), "_stash", "_stop_replies", "_acknowledged"})
_OURS_AND_PYKKAS = (
    SystemMessage,
    StopRequest,
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
    link_to: Ref | Name | None = None,
    mailbox: Mailbox | None = None,
) -> Ref:
    """Construct an actor in this thread, register its name, and start its loop; do not wait.

    The parent is told `Started(ref)` once when `on_start` has succeeded or has called
    `acknowledge_start`, and `Exited(ref, reason)` once when the loop has really ended, whatever the
    cause. With `link_to` it is linked before it runs: Erlang's `spawn_link`. If that actor has
    ended, the new one ends before its `on_start`.

    Raises:
        Ignore: its `__init__` declined the start.
        AlreadyRegistered: somebody has the name.
        NoProcess: nobody has the name that `link_to` is.
        RuntimeError: there is no thread for it, or its pool is closed.
        Exception: whatever `__init__` raised.
    """
    partner = None if link_to is None else links.resolve(link_to)
    actor = _construct(actor_class, args, kwargs or {}, mailbox)
    ref: Ref = actor.actor_ref
    ref.parent = parent
    if dispatcher is not None:
        ref.dispatcher = dispatcher
    with shield():  # a kill of the starter must not leave a name behind that nobody answers to
        if name is not None:
            try:
                name.register(ref)
            except BaseException:
                ref.discard()
                raise
        if partner is not None:
            links.link(ref, partner)
        return _launch(actor)


def _construct(
    actor_class: type[A], args: Sequence[Any], kwargs: Mapping[str, Any], mailbox: Mailbox | None
) -> A:
    """Call the class; where its `__init__` raises, give up the names that it had taken by then."""
    actor: A = actor_class.__new__(actor_class, *args, **kwargs)
    if mailbox is not None:
        actor.mailbox = mailbox  # before its `__init__`, which makes the ref and may give it away
    try:
        actor.__init__(*args, **kwargs)  # type: ignore[misc] # as `type.__call__` does
    except BaseException:
        if hasattr(actor, "_ref"):
            actor.actor_ref.discard()
        raise
    return actor


def _launch(actor: Any, *, in_pykka_registry: bool = False) -> Ref:
    ref: Ref = actor.actor_ref
    with shield():
        if in_pykka_registry:
            ref.join_pykka_registry()
        try:
            actor._start_actor_loop()  # noqa: SLF001 - Pykka's seam, overridden above
        except RuntimeError as exception:  # the system has no thread left, or the pool is closed
            ref.parent = None
            links.drop(ref)
            ref.end(Crashed(exception))
            raise
    return ref


def _is_urgent(item: Any) -> bool:
    message = message_of(item)
    return isinstance(message, StopRequest) or (
        isinstance(message, SystemMessage) and message.urgent
    )
